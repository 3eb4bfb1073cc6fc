"""Throwaway database servers for tests: an own PostgreSQL in a temporary folder, or databases on one that is named.

Used by the fixture `postgres_server` in `tests/conftest.py`; nothing here knows pytest.
"""

from __future__ import annotations

import atexit
import os
import pwd
import re
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
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

URL_VARIABLE = "HEADWATER_TEST_POSTGRES_URL"
_START_S = 60.0
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "log_line_prefix": "%d|%a|",
    "lc_messages": "C",
}


def find_binaries() -> Path | None:
    """The folder that holds `initdb` and `postgres`, the newest where there are several; None where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(versions, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


class PostgresServer:
    """A PostgreSQL server to test against: `create_database` gives empty databases, `stop` removes everything.

    Attributes:
        url: of the administrator's database, password included.
        log: the server's log where the server is our own, else None.

    """

    def __init__(self, url: str, *, process: subprocess.Popen[bytes] | None = None, folder: Path | None = None) -> None:
        self.url = url
        self.log = folder / "server.log" if folder is not None else None
        self._process = process
        self._folder = folder
        self._databases: list[str] = []
        atexit.register(self.stop)

    @classmethod
    def missing(cls) -> str | None:
        """Why there can be no server here; None where there can be one."""
        if os.environ.get(URL_VARIABLE) or find_binaries() is not None:
            return None
        return f"no PostgreSQL: neither initdb and postgres on this machine nor a server named by {URL_VARIABLE}"

    @classmethod
    def start(cls, settings: Mapping[str, str] | None = None) -> Self:
        """The server that `HEADWATER_TEST_POSTGRES_URL` names, else an own one, ready to be connected to.

        With `settings` it is always an own one.

        Raises:
            RuntimeError: the server's programs are missing or it did not start; its log is in the text.

        """
        url = os.environ.get(URL_VARIABLE)
        if url and settings is None:
            return cls(url)
        binaries = find_binaries()
        if binaries is None:
            raise RuntimeError(cls.missing())
        folder = Path(tempfile.mkdtemp(prefix="hw-pg-", dir="/tmp"))  # a socket's path may have 107 bytes at most
        password = secrets.token_urlsafe(12)
        account = _account()
        _initialise(binaries, folder, password, account)
        port = _free_port()
        process = _launch(binaries, folder, port, account, settings or {})
        server = cls(f"postgresql://headwater:{password}@127.0.0.1:{port}/postgres", process=process, folder=folder)
        server._wait()
        return server

    def processor_s(self) -> float:
        """Seconds of the processor that this server's connections have taken which are closed by now; 0 where it is not our own."""
        if self._process is None:
            return 0.0
        time.sleep(0.1)  # a connection counts once its process has ended, soon after the client is gone
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")  # cutime, cstime: proc(5)

    def create_database(self, name: str = "test", *, encoding: str = "UTF8") -> str:
        """An empty database whose name begins with `name`; its URL, for the server's administrator."""
        database = f"{name}_{secrets.token_hex(4)}"
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'").format(
                    sql.Identifier(database), sql.Literal(encoding)
                )
            )
        self._databases.append(database)
        return self.url_of(database)

    def url_of(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """The URL of a database on this server, for the administrator or for another role."""
        parts = urlsplit(self.url)
        netloc = parts.netloc
        if user is not None:
            secret = f":{quote(password, safe='')}" if password is not None else ""
            netloc = f"{quote(user, safe='')}{secret}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit((parts.scheme, netloc, "/" + quote(database, safe=""), parts.query, ""))

    def connect(self, url: str | None = None) -> psycopg.Connection[Any]:
        """An administrator's connection in autocommit mode, to `url` or to the administrator's own database."""
        return psycopg.connect(url or self.url, autocommit=True, connect_timeout=10)

    def logged(self, database: str, application: str) -> list[str]:
        """What an application did in `database`, an entry of an own server's log each, without what stands before it."""
        assert self.log is not None, "only an own server's log can be read"
        text = self.log.read_text(encoding="utf-8", errors="replace")
        prefix = f"{database}|{application}|"
        entries = re.split(r"\n(?!\t)", text)  # the lines of one entry after its first begin with a tab
        return [entry.removeprefix(prefix) for entry in entries if entry.startswith(prefix)]

    def end(self, *, at_once: bool = False) -> None:
        """End an own server, in order or as a loss of its machine would; its folder stays."""
        assert self._process is not None, "a server that is not our own may not be ended"
        # the server's "immediate" and "fast" shutdown
        self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self._process.wait(20)

    def restart(self) -> None:
        """Start an own server again, at the same port and over the same folder."""
        binaries, port = find_binaries(), urlsplit(self.url).port
        assert binaries is not None
        assert self._folder is not None
        assert port is not None
        self._process = _launch(binaries, self._folder, port, _account(), {})
        self._wait()

    def restored(self) -> Self:
        """A copy of an own server that has ended, beside it: another port, and the same system identifier."""
        binaries, account = find_binaries(), _account()
        assert binaries is not None
        assert self._folder is not None
        folder = Path(tempfile.mkdtemp(prefix="hw-pg-", dir="/tmp"))
        subprocess.run(["cp", "-a", str(self._folder / "data"), str(folder)], check=True)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        port = _free_port()
        process = _launch(binaries, folder, port, account, {})
        copy = type(self)(self.url.replace(f":{urlsplit(self.url).port}", f":{port}"), process=process, folder=folder)
        copy._wait()
        return copy

    def stop(self) -> None:
        """End an own server and remove its folder; on a named server, drop what was created. Can be called again."""
        atexit.unregister(self.stop)
        if self._process is None:
            self._drop_databases()
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # the server's "fast" shutdown
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(20)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _drop_databases(self) -> None:
        if not self._databases:
            return
        with self.connect() as connection:
            while self._databases:
                database = sql.Identifier(self._databases.pop())
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))

    def _wait(self) -> None:
        assert self._process is not None
        assert self.log is not None
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = self.log.read_text(encoding="utf-8", errors="replace")
                    self.stop()
                    raise RuntimeError(f"PostgreSQL did not start: {text[-2000:]}") from error
                time.sleep(0.05)
            else:
                return


def _account() -> pwd.struct_passwd | None:
    # the server refuses to run as root
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(binaries: Path, folder: Path, password: str, account: pwd.struct_passwd | None) -> None:
    secret = folder / "password"
    secret.write_text(password + "\n", encoding="utf-8")
    if account is not None:
        for path in (folder, secret):
            os.chown(path, account.pw_uid, account.pw_gid)
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "headwater", "--auth=scram-sha-256"]
    command += [f"--pwfile={secret}", "--no-locale", "--encoding=UTF8", "--no-sync"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, **_as(account))
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')[-2000:]}")


def _launch(
    binaries: Path, folder: Path, port: int, account: pwd.struct_passwd | None, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    for key, value in (_SETTINGS | dict(settings)).items():
        command += ["-c", f"{key}={value}"]
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_as(account))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
