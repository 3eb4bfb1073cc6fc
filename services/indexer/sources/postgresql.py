"""PostgreSQL: one short read-only transaction in which two catalog queries read everything, spooled and then streamed.

Journey 1, step 1. The only module that imports psycopg to crawl. No row of a user's table is ever read. The answer is
spooled first, so that a slow consumer neither holds a snapshot open in the warehouse nor runs into the statement timeout.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from services.common.errors import SourceFailed
from services.common.model.assets import Container, ContainerRead, ContainersListed
from services.common.model.crawls import SourceInfo
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.postgresql_grants import quoted, script
from services.indexer.sources.postgresql_rows import RELATIONS, SCHEMAS, Server, decode, decode_json, found_from
from services.indexer.sources.postgresql_url import connection_parameters
from services.indexer.sources.source import Item, MissingGrant, Selection, Source, interrupted_after, one_line

_OLDEST = 120000  # since version 12 the catalog knows generated columns
_LONGEST_TIMEOUT_MS = 2**31 - 1
# whoever alters a table holds back its expressions: do not queue behind them for long, others would queue behind us
_LOCK_MS = 5000
# the server's own limit comes first; ours is for a server, or a way to it, that does not answer at all
_GRACE_S = 1.0
_IN_MEMORY_BYTES = 32 * 2**20
_CHUNK_ROWS = 200  # rows that the driver takes over at a time, where its libpq can
_RECORD = struct.Struct("<QI")
# bulk joins are planned as such even where the catalog's statistics are old; expressions come out the same for every role
_FOR_THIS_TRANSACTION = {
    "search_path": "",
    "quote_all_identifiers": "off",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "enable_nestloop": "off",
    "jit": "off",
}
_END = "ROLLBACK"
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SETTINGS = """
SELECT pg_catalog.current_database()::pg_catalog.text, pg_catalog.current_setting('block_size')::pg_catalog.int8,
       (SELECT d.oid::pg_catalog.int8 FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()),
       pg_catalog.count(pg_catalog.set_config(s.name, s.value, true))
  FROM pg_catalog.json_each_text(%s::pg_catalog.json) AS s(name, value)
"""
# oids are given out once within a system and database; where the role may not ask, nothing is taken for a rename
_IDENTITY = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"
# classes of SQLSTATE that concern the connection, the server or its resources, not one table (manual, appendix A)
_OF_THE_SERVER = ("08", "28", "53", "57")


class _Undecoded(Loader):
    """Text as bytes: `decode` decides what becomes of bytes that are no UTF-8."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


@dataclass(frozen=True, slots=True)
class _Schema:
    """A schema, whether the role may use it, and else the tables in it that the role knows of."""

    oid: int
    name: str
    usable: bool
    hidden: tuple[str, ...]


def _spool() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(_IN_MEMORY_BYTES)


@dataclass(slots=True)
class _Read:
    """What was read: schemas in order, and in `rows` their tables in the same order, each behind its schema's oid."""

    server: Server
    schemas: list[_Schema]
    failures: dict[int, str]
    rows: SpooledTemporaryFile[bytes] = field(default_factory=_spool)
    count: int = 0

    def cut(self, at: int, count: int) -> None:
        """Forget the rows from byte `at` on, of which there were `count` before."""
        self.rows.seek(at)
        self.rows.truncate()
        self.count = count

    def records(self) -> Iterator[tuple[int, bytes]]:
        """All rows with their schemas' oids, from the beginning."""
        self.rows.seek(0)
        while head := self.rows.read(_RECORD.size):
            oid, length = _RECORD.unpack(head)
            yield oid, self.rows.read(length)


class PostgresSource(Source):
    """A PostgreSQL database; a container is a schema, a name's parts are database, schema and table.

    Partitions are folded into their table, rows and bytes summed. A schema that the role may not use is reported, not
    read. A table that is locked or damaged leaves its own schema incomplete and no other; a view whose definition alone
    cannot be read has none and the property `sql_unreadable`.
    """

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = info
        self._settings = settings
        self._selection = Selection.of(settings)
        self._sent: list[str] = []
        self._read: _Read | None = None
        self._identity = ""

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def sent(self) -> Sequence[str]:
        """The statements, those around the transaction included: six, however many tables there are."""
        return self._sent

    def expected(self) -> int:
        """How many tables and views the globs let through; reads the catalog if that has not happened yet."""
        return self._all().count

    def read(self) -> Iterator[Item]:
        """Schema by schema, in the order in which they were made. Reading again gives the same again."""
        read = self._all()
        records = read.records()
        oid, row = next(records, (None, b""))
        for schema in read.schemas:
            while oid == schema.oid:
                yield found_from(row, schema.name, read.server)
                oid, row = next(records, (None, b""))
            container = Container(self._info.namespace, (read.server.database, schema.name))
            failure = read.failures.get(schema.oid)
            yield ContainerRead(container, complete=failure is None, failure=failure)
        yield ContainersListed(Container(self._info.namespace, (read.server.database,)))

    def close(self) -> None:
        """Forget what was read; the connection is closed as soon as that has happened."""
        if self._read is not None:
            self._read.rows.close()
            self._read = None

    def grants(self) -> str:
        return script(self._settings.url)

    def missing(self) -> Iterator[MissingGrant]:
        """Schemas that the role may not use, where tables in them are asked for."""
        with self._connected() as connection:
            role = decode(next(self._rows(connection, "SELECT current_user::pg_catalog.text"))[0])
            with self._transaction(connection) as server:
                rows = [decode_json(raw) for (raw,) in self._rows(connection, SCHEMAS)]
        for _, name, usable, hidden in rows:
            wanted = [table for table in hidden or () if self._selection.permits((server.database, name, table))]
            if not usable and wanted:
                yield MissingGrant(
                    f"GRANT USAGE ON SCHEMA {quoted(name)} TO {quoted(role)};",
                    f"{len(wanted)} tables and views of schema {name} are not in the catalog, or no longer looked at",
                )

    def _all(self) -> _Read:
        if self._read is None:
            with self._connected() as connection:
                self._read = self._read_everything(connection)
        return self._read

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection of its own, shut afterwards; what the driver says of a failure is the source's."""
        parameters = connection_parameters(self._settings.connection_url())
        try:
            with psycopg.connect(**parameters, autocommit=True, prepare_threshold=None) as connection:
                connection.adapters.register_loader("text", _Undecoded)
                yield connection
        except psycopg.Error as error:
            text = one_line(error, parameters.get("password"))
            # the driver's error holds on to the connection and its password: it must not travel along
            raise SourceFailed(f"{self._info.name}: PostgreSQL at {self._info.namespace} failed: {text}") from None

    def _read_everything(self, connection: psycopg.Connection[Any]) -> _Read:
        version = connection.info.server_version
        if version < _OLDEST:
            raise SourceFailed(f"{self._info.name}: PostgreSQL 12 or newer is needed; this is {version // 10000}")
        read = None
        self._identity = self._system(connection)
        try:
            with self._transaction(connection) as server:
                read = self._listed(connection, server)
                self._append(connection, read, read.schemas)
        except psycopg.Error as error:
            if read is None or not _concerns_a_table(error):
                if read is not None:
                    read.rows.close()
                raise
            try:
                self._append_one_by_one(connection, read)
            except BaseException:
                read.rows.close()
                raise
        return read

    def _system(self, connection: psycopg.Connection[Any]) -> str:
        try:
            return next(decode(row[0]) for row in self._rows(connection, _IDENTITY))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction):
            return ""

    @contextmanager
    def _transaction(self, connection: psycopg.Connection[Any]) -> Iterator[Server]:
        timeout_ms = min(int(self._settings.timeout_s * 1000), _LONGEST_TIMEOUT_MS)
        settings = _FOR_THIS_TRANSACTION | {
            "statement_timeout": str(max(1, timeout_ms)),
            "lock_timeout": str(max(1, min(timeout_ms // 4, _LOCK_MS))),
        }
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            settings["client_encoding"] = "SQL_ASCII"  # as UTF-8 the server would refuse to send bytes that are none
        self._sent.append(_BEGIN)
        with self._bounded(connection):
            connection.execute(_BEGIN)
        try:
            row = next(self._rows(connection, _SETTINGS, (json.dumps(settings),)))
            says_unknown = connection.info.server_version >= 140000
            identity = f"{self._identity}/{row[2]}" if self._identity else ""
            yield Server(self._info.namespace, decode(row[0]), row[1], says_unknown=says_unknown, identity=identity)
        finally:
            if not connection.closed and not connection.broken:
                self._sent.append(_END)
                with self._bounded(connection):
                    connection.execute(_END)

    def _rows(
        self, connection: psycopg.Connection[Any], query: str, values: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        self._sent.append(query)
        size = _CHUNK_ROWS if psycopg.capabilities.has_stream_chunked() else 1
        with self._bounded(connection), connection.cursor() as cursor:
            yield from cursor.stream(query.encode(), values, size=size)

    @contextmanager
    def _bounded(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        """End the waiting for a server that cannot keep its own timeout: halted, or behind a network that swallows it."""
        limit_s, expired = self._settings.timeout_s + _GRACE_S, False
        with socket.socket(fileno=os.dup(connection.fileno())) as line:

            def interrupt() -> None:
                nonlocal expired
                expired = True
                with suppress(OSError):  # the other side was faster
                    line.shutdown(socket.SHUT_RDWR)

            try:
                with interrupted_after(limit_s, interrupt):
                    yield
            except psycopg.Error:
                if not expired:
                    raise
                raise psycopg.OperationalError(f"no complete answer within {limit_s:g} s") from None

    def _listed(self, connection: psycopg.Connection[Any], server: Server) -> _Read:
        schemas, failures = [], {}
        for (raw,) in self._rows(connection, SCHEMAS):
            oid, name, usable, hidden = decode_json(raw)
            schema = _Schema(oid, name, bool(usable) or self._settings.catalog_beyond_grants, tuple(hidden or ()))
            if not schema.usable:
                if not any(self._selection.permits((server.database, name, table)) for table in schema.hidden):
                    continue  # nothing in it is asked for
                failures[oid] = f"schema {name}: the role may not use it; GRANT USAGE, or exclude {server.database}.{name}"
            schemas.append(schema)
        return _Read(server, schemas, failures)

    def _append(
        self, connection: psycopg.Connection[Any], read: _Read, schemas: Iterable[_Schema], *, definitions: bool = True
    ) -> None:
        names = {schema.oid: schema.name for schema in schemas if schema.usable}
        values = {"schemas": list(names), "definitions": definitions}
        for oid, name, row, stale in self._rows(connection, RELATIONS, values):
            if not self._selection.permits((read.server.database, names[oid], decode(name))):
                continue
            if stale:  # its expressions are gone already: nothing may be said of it
                read.failures[oid] = f"schema {names[oid]}: {one_line(decode(name))} was dropped while it was read"
            else:
                read.rows.write(_RECORD.pack(oid, len(row)) + row)
                read.count += 1

    def _append_one_by_one(self, connection: psycopg.Connection[Any], read: _Read) -> None:
        """One statement a schema, so that what is locked or damaged costs its own schema alone."""
        read.cut(0, 0)
        for schema in read.schemas:
            if not schema.usable:
                continue
            for definitions in (True, False):
                at, count = read.rows.tell(), read.count
                read.failures.pop(schema.oid, None)
                try:
                    with self._transaction(connection):
                        self._append(connection, read, [schema], definitions=definitions)
                except psycopg.Error as error:
                    if not _concerns_a_table(error):
                        raise
                    read.cut(at, count)
                    read.failures[schema.oid] = f"schema {schema.name}: {one_line(error)}"
                    if isinstance(error, psycopg.errors.LockNotAvailable):
                        break  # without the definitions it would store that they are gone
                else:
                    break


def _concerns_a_table(error: psycopg.Error) -> bool:
    return error.sqlstate is not None and not error.sqlstate.startswith(_OF_THE_SERVER)
