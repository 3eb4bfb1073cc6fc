"""Throwaway MariaDB servers for tests: an own one in a temporary folder, or databases on one that is named.

Used by the fixture `mariadb_server` in `tests/conftest.py`; nothing here knows pytest.
"""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import pymysql

URL_VARIABLE = "HEADWATER_TEST_MARIADB_URL"
_START_S = 60.0
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "ON",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "OFF",
    "innodb-fast-shutdown": "2",
    "innodb-buffer-pool-size": "64M",
    "key-buffer-size": "1M",
    "performance-schema": "OFF",
    "sync-binlog": "0",
    "skip-log-bin": "ON",
    "character-set-server": "utf8mb4",
    "max-connections": "60",
}
Rows = tuple[tuple[Any, ...], ...]


def find_binaries() -> tuple[Path, Path] | None:
    """`mariadb-install-db` and `mariadbd`; None where one is missing."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    install = shutil.which("mariadb-install-db", path=path) or shutil.which("mysql_install_db", path=path)
    server = shutil.which("mariadbd", path=path)
    return (Path(install), Path(server)) if install and server else None


class MariaDbServer:
    """A MariaDB server to test against: `create_database` gives empty databases, `stop` removes everything.

    Attributes:
        url: of the administrator, password included, without a database.
        folder: where an own server keeps its files, else None.

    """

    def __init__(self, url: str, *, process: subprocess.Popen[bytes] | None = None, folder: Path | None = None) -> None:
        self.url = url
        self.folder = folder
        self._process = process
        self._databases: list[str] = []
        self._users: list[str] = []
        atexit.register(self.stop)

    @classmethod
    def missing(cls) -> str | None:
        """Why there can be no server here; None where there can be one."""
        if os.environ.get(URL_VARIABLE) or find_binaries() is not None:
            return None
        return f"no MariaDB: neither mariadb-install-db and mariadbd on this machine nor a server named by {URL_VARIABLE}"

    @classmethod
    def start(cls, settings: Mapping[str, str] | None = None) -> Self:
        """The server that `HEADWATER_TEST_MARIADB_URL` names, else an own one, ready to be connected to.

        Args:
            settings: further settings of the server; with any, it is an own server.

        Raises:
            RuntimeError: the server's programs are missing or it did not start; its log is in the text.

        """
        url = os.environ.get(URL_VARIABLE)
        if url and not settings:
            return cls(url.rstrip("/"))
        binaries = find_binaries()
        if binaries is None:
            raise RuntimeError(f"{cls.missing()}")
        folder = Path(tempfile.mkdtemp(prefix="hw-my-", dir="/tmp"))  # a socket's path may have 107 bytes at most
        password = secrets.token_urlsafe(12)
        account = _account()
        _initialise(binaries[0], folder, password, account, settings or {})
        port = _free_port()
        process = _launch(binaries[1], folder, port, account, settings or {})
        server = cls(f"mysql://headwater:{password}@127.0.0.1:{port}", process=process, folder=folder)
        server._wait()
        return server

    @property
    def pid(self) -> int:
        """The process of an own server, for signals."""
        assert self._process is not None, "only an own server may be sent signals"
        return self._process.pid

    @property
    def own(self) -> bool:
        """Whether the tests started it, and may stop, halt and log it."""
        return self._process is not None

    def create_database(self, name: str = "test") -> str:
        """An empty database whose name begins with `name`; its URL, for the server's administrator."""
        database = f"{name}_{secrets.token_hex(4)}"
        self.run(f"CREATE DATABASE {quoted(database)}")
        self._databases.append(database)
        return self.url_of(database)

    def adopt(self, database: str) -> None:
        """Drop a database in the end that a test has made by itself."""
        self._databases.append(database)

    def create_user(self, name: str = "reader") -> str:
        """A user who may connect and nothing else, and whose password is the name, which begins with `name`."""
        user = f"{name}_{secrets.token_hex(4)}"
        self.run(f"CREATE USER {user}@'%' IDENTIFIED BY '{user}'")
        self._users.append(user)
        return user

    def url_of(self, database: str | None = None, *, user: str | None = None, password: str | None = None) -> str:
        """The URL of the server or of a database on it, for the administrator or for another user."""
        parts = urlsplit(self.url)
        netloc = parts.netloc
        if user is not None:
            secret = quote(user if password is None else password, safe="")
            netloc = f"{quote(user, safe='')}:{secret}@{parts.netloc.rpartition('@')[2]}"
        return f"mysql://{netloc}" + (f"/{quote(database, safe='')}" if database is not None else "")

    def connect(self, url: str | None = None) -> Any:
        """A connection in autocommit mode, to `url` or as the administrator without a database."""
        parts = urlsplit(url or self.url)
        return pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(parts.path[1:]) or None,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=10,
            ssl_disabled=True,
        )

    def run(self, *statements: str, url: str | None = None) -> Rows:
        """Run statements one by one in one connection; the rows of the last."""
        rows: Rows = ()
        connection = self.connect(url)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                    rows = tuple(cursor.fetchall())
        finally:
            connection.close()
        return rows

    def stop(self) -> None:
        """End an own server and remove its folder; on a named server, drop what was created. Can be called again."""
        atexit.unregister(self.stop)
        if self._process is None:
            self._drop()
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _drop(self) -> None:
        while self._databases:
            self.run(f"DROP DATABASE IF EXISTS {quoted(self._databases.pop())}")
        while self._users:
            self.run(f"DROP USER IF EXISTS {self._users.pop()}@'%'")

    def _wait(self) -> None:
        assert self._process is not None
        assert self.folder is not None
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self.connect().close()
            except pymysql.Error as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")
                    self.stop()
                    raise RuntimeError(f"MariaDB did not start: {text[-2000:]}") from error
                time.sleep(0.1)
            else:
                return


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return "`" + name.replace("`", "``") + "`"


def _account() -> pwd.struct_passwd | None:
    # the server refuses to run as root
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("mysql") or names["nobody"]


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(
    program: Path, folder: Path, password: str, account: pwd.struct_passwd | None, settings: Mapping[str, str]
) -> None:
    first = folder / "first.sql"
    first.write_text(
        f"CREATE USER IF NOT EXISTS headwater@'%' IDENTIFIED BY '{password}';\n"
        "GRANT ALL PRIVILEGES ON *.* TO headwater@'%' WITH GRANT OPTION;\n",
        encoding="utf-8",
    )
    if account is not None:
        for path in (folder, first):
            os.chown(path, account.pw_uid, account.pw_gid)
    command = [str(program), "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal"]
    command += ["--skip-test-db", "--skip-name-resolve", *_flags({"innodb-buffer-pool-size": "64M"} | dict(settings))]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, **_as(account))
    if done.returncode:
        raise RuntimeError(f"mariadb-install-db failed: {(done.stdout + done.stderr).decode(errors='replace')[-2000:]}")


def _launch(
    program: Path, folder: Path, port: int, account: pwd.struct_passwd | None, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(program), "--no-defaults", f"--datadir={folder / 'data'}", f"--port={port}"]
    command += [f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--init-file={folder / 'first.sql'}"]
    command += [f"--tmpdir={folder}", *_flags(_SETTINGS | dict(settings))]
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_as(account))


def _flags(settings: Mapping[str, str]) -> list[str]:
    return [f"--{key}={value}" for key, value in settings.items()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
