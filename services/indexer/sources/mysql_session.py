"""One connection to a MySQL or MariaDB server: statements counted, streamed, and each bounded in time.

Journey 1, step 1; used by `mysql` alone. The only module that imports PyMySQL to crawl.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import SSCursor

from services.common.errors import SourceFailed
from services.indexer.sources.source import interrupted_after, one_line

_OLDEST = {"MySQL": (8, 0), "MariaDB": (10, 5)}
# the server's own limit comes first, so that it ends the work too; ours is for a server that does not answer at all
_GRACE_S = 1.0
# whoever alters a table holds it back: do not queue behind them for long, others would queue behind us
_LOCK_S = 5
_LONGEST_MS = 2**32 - 1
_SAME_FOR_EVERY_ROLE = "sql_mode = '', time_zone = '+00:00', lc_messages = 'en_US', max_error_count = 65535"
_BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
# what the driver raises for an answer that is cut or is none of MySQL's; RuntimeError: a package for the login is missing
_FAILURES = (pymysql.MySQLError, OSError, struct.error, LookupError, ValueError, RuntimeError)
# a view that refers to what is not there, or whose definer is not: the view itself says so (server error reference)
_OF_A_VIEW = ("1356", "1449")


class _Connection(Connection):  # type: ignore[misc]  # PyMySQL has no types
    """A connection whose reading can be ended from another thread."""

    def interrupt(self) -> None:
        """End whatever it waits for. TLS is passed over: its own way of ending may not be used from here."""
        if self._sock is not None:
            try:
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
            except OSError:
                return  # the other side was faster


class _Stream(SSCursor):  # type: ignore[misc]  # as above
    """Rows as they arrive; what is left unread when a connection is lost is not waited for."""

    def abandon(self) -> None:
        if self._result is not None:
            self._result.unbuffered_active = False


class _NoClearText:
    """Stands for the server's wish to be sent the password as it is, which anybody on the way could utter."""

    def __init__(self, _connection: object) -> None:
        pass

    def authenticate(self, _packet: object) -> None:
        raise pymysql.OperationalError(2059, "the server asks for the password in clear text; that needs ssl_ca in the URL")


class Session:
    """An open connection, set up so that the same catalog gives the same answers whoever asks.

    Attributes:
        sent: the text of every statement, without values, what the driver sends by itself included.
        warnings: what the server says instead of failing, such as that a table was locked: rows may be missing then.
        flavor: `MySQL` or `MariaDB`.

    """

    def __init__(self, parameters: Mapping[str, Any], timeout_s: float, sent: list[str]) -> None:
        self.sent = sent
        self.warnings: list[str] = []
        self._timeout_s = timeout_s
        self._expired: float | None = None
        more: dict[str, Any] = (
            {} if parameters.get("ssl_ca") else {"auth_plugin_map": {"mysql_clear_password": _NoClearText}}
        )
        wait_s = timeout_s + _GRACE_S
        self._connection = _Connection(
            **{key: value for key, value in parameters.items() if key != "database"},
            charset="utf8mb4",
            conv={},  # everything as text
            autocommit=None,
            local_infile=False,
            read_timeout=wait_s,
            write_timeout=wait_s,
            program_name="headwater",
            defer_connect=True,
            **more,
        )
        with self._bounded(parameters["connect_timeout"]):
            self._connection.connect()
        self.sent.append("SET NAMES utf8mb4")
        self.flavor, self.version = _version(self._connection.get_server_info())

    def begin(self) -> None:
        """Make the session's settings the ones that answers do not depend on, and let it only read from now on.

        Raises:
            SourceFailed: the server is too old.

        """
        if self.version < _OLDEST[self.flavor]:
            oldest, found = (".".join(map(str, version)) for version in (_OLDEST[self.flavor], self.version))
            raise SourceFailed(f"{self.flavor} {oldest} or newer is needed; this is {found}")
        lock_s = max(1, min(int(self._timeout_s / 4), _LOCK_S))
        if self.flavor == "MariaDB":
            limit, value = "max_statement_time", f"{self._timeout_s:.6f}"
        else:
            limit, value = "max_execution_time", str(min(max(1, int(self._timeout_s * 1000)), _LONGEST_MS))
        self._run(f"SET SESSION {_SAME_FOR_EVERY_ROLE}, lock_wait_timeout = {lock_s}, {limit} = {value}")
        self._run(_BEGIN)

    def rows(self, statement: str, values: Sequence[str] = ()) -> Iterator[tuple[str | None, ...]]:
        """The rows of a statement, as text, while they arrive; afterwards `warnings` has grown by what it led to."""
        self.sent.append(statement)
        cursor = self._connection.cursor(_Stream)
        try:
            with self._bounded(self._timeout_s + _GRACE_S):
                cursor.execute(statement, tuple(values) or None)
                for row in cursor.fetchall_unbuffered():
                    yield tuple(_text(value) for value in row)
        except BaseException:
            cursor.abandon()
            raise
        if cursor.warning_count:
            # a statement more, because the server has something to say
            self.sent.append("SHOW WARNINGS")
            with self._bounded(self._timeout_s + _GRACE_S), self._connection.cursor() as warnings:
                warnings.execute("SHOW WARNINGS")
                told = {tuple(map(_text, row)) for row in warnings.fetchall()}
            self.warnings += sorted(f"{text} (error {code})" for _, code, text in told if code not in _OF_A_VIEW)

    def close(self) -> None:
        """Let go of the connection; the server rolls back by itself."""
        if self._connection.open:
            self._connection.close()

    def _run(self, statement: str) -> None:
        for _ in self.rows(statement):
            pass

    @contextmanager
    def _bounded(self, seconds: float) -> Iterator[None]:
        def interrupt() -> None:
            self._expired = seconds
            self._connection.interrupt()

        try:
            with interrupted_after(seconds, interrupt):
                yield
        except _FAILURES as error:
            if self._expired is None:
                raise
            raise TimeoutError(f"no complete answer within {self._expired:g} s") from error


@contextmanager
def told_as(prefix: str, password: bytes) -> Iterator[None]:
    """Whatever the driver raises becomes a `SourceFailed` of one line, without what the driver holds on to."""
    try:
        yield
    except _FAILURES as error:
        text = one_line(_message(error), password.decode())
    except SourceFailed as error:
        text = error.detail
    else:
        return
    raise SourceFailed(f"{prefix} failed: {text}") from None


def _message(error: BaseException) -> str:
    if isinstance(error, pymysql.MySQLError) and len(error.args) > 1:
        return f"{error.args[1]} (error {error.args[0]})"
    return str(error) or type(error).__name__


def _version(told: str) -> tuple[str, tuple[int, int]]:
    # MariaDB pretends to be 5.5.5 before its own version, for the replication of old MySQLs
    numbers = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", told)
    if numbers is None:
        raise SourceFailed(f"what answers there is no MySQL: it says {one_line(told)!r}")
    return ("MariaDB" if "mariadb" in told.lower() else "MySQL"), (int(numbers[1]), int(numbers[2]))


def _text(value: str | bytes | None) -> str | None:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
