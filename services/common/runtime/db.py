"""The database of one service: an engine, read connections, and a unit of work that commits once.

Each service has its own: a SQLite file in the home, or a schema of one PostgreSQL. Stores never commit; journeys do,
by leaving `write()`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool, QueuePool

from services.common.errors import ServiceUnavailable, WrongSettings
from services.common.runtime.source_settings import mask

BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite writer waits for another: a crawl's batch takes well under a second, so this means a hung holder."""

KEPT_READERS = 4
"""Idle connections for reads that a process which stays open keeps to a SQLite file: opening one takes as long as a small read."""
SNAPSHOT_READERS = 40
"""Connections to a snapshot where nobody says how many read at once, some 60 KB each."""
_SNAPSHOT_CACHE_KIB = 256
"""Of a snapshot a connection keeps so much; the machine keeps the file for all of them. It is not mapped: what was read of a map counts
as the process's own for as long as it has it."""
_DISK = frozenset({"database or disk is full", "disk I/O error"})
"""SQLite's words for a disk that does not take or give what it should; also a full one that has no place for a lock's file."""
_NOT_WRITABLE = frozenset({"unable to open database file", "attempt to write a readonly database"})
_DAMAGED = frozenset({"database disk image is malformed", "file is not a database"})
"""SQLite's words for a file whose bytes are not what it wrote, and for some reads that the disk refused."""
_LOCKED = "database is locked"
_NEWS = "news"


class Database:
    """One service's tables in one database.

    Args:
        url: `sqlite:////absolute/file` or `postgresql://…`; its password is never shown.
        schema: the PostgreSQL schema that holds the tables; ignored by SQLite, where the file is the schema.
        pool_size: connections kept open on PostgreSQL; the server's thread pool is sized with it.
        immutable: a SQLite file that nobody writes any more; see `of_snapshot`.

    Raises:
        WrongSettings: the URL cannot be split, or PostgreSQL's driver is not installed.

    """

    def __init__(self, url: str, *, schema: str, pool_size: int = 8, immutable: bool = False) -> None:
        self.schema = schema
        self.is_sqlite = url.startswith("sqlite")
        self.shown = mask(url)
        if immutable:
            with _translated(self.shown):
                self._engine = _snapshot_engine(Path(url.removeprefix("sqlite:///")), pool_size)
        else:
            self._engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url, schema, pool_size)
        self._staying = threading.Lock()
        self._stayed: Connection | None = None
        self._idle: list[Connection] = []
        self._listeners: list[Callable[[], object]] = []

    @classmethod
    def for_service(cls, service: str, *, home: Path, database_url: str | None, pool_size: int = 8) -> Database:
        """The database of `service`: `<home>/<service>.db`, or the schema of that name behind `database_url`."""
        if database_url is not None:
            return cls(database_url, schema=service, pool_size=pool_size)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(f"sqlite:///{home.absolute() / f'{service}.db'}", schema=service)

    @classmethod
    def of_snapshot(cls, file: Path, *, schema: str, readers: int = SNAPSHOT_READERS) -> Database:
        """A finished SQLite file that nobody writes any more, such as a bundle's, read as it lies there.

        No lock is taken and no file is made beside it, so that its folder may be read-only and shared. It is read to the
        end although another file takes its name.

        Args:
            file: where it lies.
            schema: as for `Database`.
            readers: how many connections are opened, and the most that read at once.

        Raises:
            OSError: there is no such file.
            ServiceUnavailable: it is no SQLite file.

        """
        return cls(f"sqlite:///{file.absolute()}", schema=schema, pool_size=readers, immutable=True)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose reads all see one state of the database; nothing is written.

        Raises:
            ServiceUnavailable: the database cannot be reached; trying again helps.

        """
        with _translated(self.shown), self._reading() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection
            connection.rollback()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection to read with, which is kept for the next read if this one ends well and the database stays open."""
        with self._staying:
            connection = self._idle.pop() if self._idle else None
        connection = connection if connection is not None else self._engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._staying:
            kept = self._stayed is not None and len(self._idle) < KEPT_READERS
            if kept:
                self._idle.append(connection)
        if not kept:
            connection.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A unit of work: everything is committed when the block ends, nothing when it raises.

        SQLite takes its write lock at once, so that what was read inside is still true when it is written.

        Raises:
            ServiceUnavailable: the database cannot be reached, or another writer held it too long.

        """
        with _translated(self.shown), self._engine.connect() as connection:
            connection.info["write"] = True
            connection.info[_NEWS] = False
            try:
                with connection.begin():
                    yield connection
                told = connection.info[_NEWS]
            finally:
                connection.info["write"] = False
        for listener in self._listeners if told else ():
            listener()

    def tell(self, listener: Callable[[], object]) -> None:
        """Call `listener` after each commit of this process that was announced (`announce`); it must neither wait nor raise."""
        self._listeners.append(listener)

    def stay_open(self) -> None:
        """Keep one idle connection to a SQLite file until `close`, so that no unit of work is the last one to close; and read
        with few connections that are kept too.

        Whoever closes a write-ahead log last writes all of it into the file and waits for the disk a second time: half of what
        a small commit takes. And whoever opens it first makes files beside the database: on a full disk not even a read
        could begin.

        Raises:
            ServiceUnavailable: the file cannot be opened; trying again helps.

        """
        with self._staying, _translated(self.shown):
            if self.is_sqlite and self._stayed is None:
                self._stayed = self._engine.connect()
                # the log is opened by the first read
                self._stayed.exec_driver_sql("SELECT count(*) FROM sqlite_master")
                self._stayed.rollback()

    def close(self) -> None:
        """Close every connection."""
        with self._staying:
            kept, self._idle = self._idle, []
            if self._stayed is not None:
                kept.append(self._stayed)
                self._stayed = None
            for connection in kept:
                connection.close()
        self._engine.dispose()


def announce(connection: Connection) -> None:
    """Inside a unit of work: whoever listens to its database is told once it is committed."""
    connection.info[_NEWS] = True


@contextmanager
def _translated(shown: str) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        # the driver's text can hold statement parameters; its first line of the original error does not
        reason = str(error.orig).splitlines()[0] if error.orig else "no reason given"
        if reason in _DISK:
            raise ServiceUnavailable(f"the disk of the database {shown} is full, or fails: {reason}") from error
        if reason in _NOT_WRITABLE:
            raise ServiceUnavailable(
                f"the database {shown} cannot be written to ({reason}): a home must not be read-only, a bundle may be"
            ) from error
        if reason == _LOCKED:
            raise ServiceUnavailable(
                f"another process has kept the database {shown} locked for {BUSY_TIMEOUT_MS / 1000:g} s: it is halted or hangs; "
                "let it go on or end it, and try again"
            ) from error
        raise ServiceUnavailable(f"the database {shown} does not answer: {reason}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise ServiceUnavailable(f"the connection to the database {shown} was lost") from error
        if str(error.orig) in _DAMAGED:
            raise ServiceUnavailable(
                f"the database {shown} is damaged, or its disk fails: {error.orig}; where trying again does not help, "
                "take it from a backup"
            ) from error
        raise
    except PoolTimeout as error:
        raise ServiceUnavailable(f"every connection to the database {shown} is in use") from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        # a kept connection is used by one thread after the other
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _write_ahead(cursor)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # the driver's own BEGIN is deferred: two readers that turn writers would fail instead of waiting
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("write") else "BEGIN")

    return engine


def _snapshot_engine(file: Path, readers: int) -> Engine:
    url = f"file:{quote(str(file))}?mode=ro&immutable=1"
    held = file.stat().st_ino

    def opened() -> sqlite3.Connection:
        # by the same name there may lie another file by now; its rows must never stand beside what is served
        if file.stat().st_ino != held:
            raise sqlite3.OperationalError("the file was replaced")
        # immutable: SQLite then looks for no log and takes no lock, both of which would write beside the file
        connection = sqlite3.connect(url, uri=True, isolation_level=None, check_same_thread=False)
        for pragma in ("query_only=ON", "temp_store=MEMORY", "mmap_size=0", f"cache_size=-{_SNAPSHOT_CACHE_KIB}"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    # the last one that was given back is taken first: it has in its cache what the others would read again
    pooled = {"poolclass": QueuePool, "pool_size": readers, "max_overflow": 0, "pool_use_lifo": True}
    engine = create_engine("sqlite://", creator=opened, hide_parameters=True, **pooled)
    # all are opened now: they go on reading this file when another one takes its name
    for connection in [engine.raw_connection() for _ in range(readers)]:
        connection.close()
    return engine


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn the write-ahead log on. A new file's first connections fight for it, and SQLite does not wait there by itself."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _postgresql_engine(url: str, schema: str, pool_size: int) -> Engine:
    driver_url = "postgresql+psycopg://" + url.partition("://")[2]
    try:
        engine = create_engine(
            driver_url,
            pool_size=pool_size,
            max_overflow=2,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"application_name": f"headwater-{schema}", "connect_timeout": 10},
        )
    except (ArgumentError, ValueError):  # its text repeats what stands where the port belongs
        raise WrongSettings("database_url cannot be split: postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from None
    except ModuleNotFoundError as error:
        raise WrongSettings("database_url needs a driver: pip install 'headwater[postgres]'") from error
    return engine.execution_options(schema_translate_map={None: schema})


def table_exists(connection: Connection, name: str, *, schema: str) -> bool:
    """Whether the service's database has a table; cheaper than reflection, for the check at every start."""
    if connection.dialect.name == "sqlite":
        found = connection.execute(text("SELECT 1 FROM sqlite_master WHERE type='table' AND name=:n"), {"n": name})
    else:
        query = text("SELECT 1 FROM information_schema.tables WHERE table_schema=:s AND table_name=:n")
        found = connection.execute(query, {"s": schema, "n": name})
    return found.first() is not None
