"""Snowflake: a fixed number of statements a database on its INFORMATION_SCHEMA, split by schema where it says "too much".

Journey 1, step 1. The only module that imports the Snowflake connector. No row of a user's table is ever read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import snowflake.connector
from snowflake.connector.errors import Error, OperationalError, ProgrammingError

from services.common.errors import SourceFailed
from services.common.model.assets import Container, ContainerRead, ContainersListed
from services.common.model.crawls import SourceInfo
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources import snowflake_rows as sql
from services.indexer.sources.snowflake_grants import grants_script, usage_grant, view_grant, warehouse_grant
from services.indexer.sources.snowflake_rows import SHOW_CAP, Database, Facts, Row, TableKey
from services.indexer.sources.snowflake_url import Login, location_of, login_of
from services.indexer.sources.source import Item, MissingGrant, Selection, Source, moved, one_line, told_moved

# numbers of the server's errors: they are in its messages, before the SQLSTATE
_TOO_MUCH = 90030  # "Information schema query returned too much data. Please repeat query with more selective predicates."
_NO_WAREHOUSE = 606  # "No active warehouse selected in the current session."
_NOT_ALLOWED = (2003, 2043, 3001)  # "does not exist or not authorized", "… cannot be performed", "Insufficient privileges"
_SYSTEM_DATABASE = "SNOWFLAKE"
# the connector trusts the server: half an answer ends in whatever its code stumbles over, a cut one in the error of the
# HTTP library inside it, an OSError; a session that is over whatever it tries it renews in itself, again and again (4.8.1)
_HALF_ANSWERS = (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)


class _Connection(snowflake.connector.SnowflakeConnection):
    """A connection whose timer, which cancels a statement that takes too long, fails quietly: nobody could catch it.

    The statement fails by itself then, in the thread that waits for it, and the server ends it after `timeout_s`.
    """

    def _cancel_query(self, sql: str, request_id: UUID) -> dict[str, bool | None]:
        try:
            return super()._cancel_query(sql, request_id)
        except (Error, *_HALF_ANSWERS):
            return {"success": False}


@dataclass(slots=True)
class _Session:
    """A connection that notes what it is sent."""

    connection: snowflake.connector.SnowflakeConnection
    sent: list[str]

    def rows(self, text: str, values: Sequence[str] = ()) -> list[Row]:
        """The whole answer; a result of many chunks is fetched into memory, never onto the disk."""
        self.sent.append(text)
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(text, tuple(values) or None)
                names = [column.name.upper() for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except _HALF_ANSWERS as error:
            raise OperationalError(f"half an answer: {type(error).__name__} {error}") from None

    def allowed_rows(self, text: str, values: Sequence[str] = ()) -> list[Row] | None:
        """The same; None where the role may not read that."""
        try:
            return self.rows(text, values)
        except ProgrammingError as error:
            if error.errno not in _NOT_ALLOWED:
                raise
            return None


@dataclass(slots=True)
class _Contents:
    """What a database holds: rows by schema, schemas of which something could not be read, tables that `moved` meanwhile."""

    database: Database
    schemas: list[str]
    tables: dict[str, list[Row]] = field(default_factory=dict)
    views: dict[TableKey, Row] = field(default_factory=dict)
    columns: list[Row] = field(default_factory=list)
    keys: dict[str, list[Row]] = field(default_factory=dict)
    usage: list[Row] | None = None
    usage_schemas: list[Row] | None = None
    unread: dict[str, str] = field(default_factory=dict)
    moved: set[TableKey] = field(default_factory=set)

    def of(self, schema: str) -> list[Row]:
        """Tables and views of a schema by name; views that TABLES lacks come from VIEWS."""
        named: dict[str, Row] = {row["TABLE_NAME"]: row for (home, _), row in self.views.items() if home == schema}
        named.update((row["TABLE_NAME"], row) for row in self.tables.get(schema, ()))
        return [named[name] for name in sorted(named)]


class SnowflakeSource(Source):
    """A Snowflake account, one database or one schema of it; a container is a schema, parts are database, schema, table.

    Eleven statements a database, twelve where it has dynamic tables, and two for all, three where all databases are read.
    Where an answer is too large it is asked for schema by schema.
    """

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = info
        self._settings = settings
        self._selection = Selection.of(settings)
        self._location = location_of(settings.url)
        self._sent: list[str] = []
        self._costs: dict[str, float] = {}

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def sent(self) -> Sequence[str]:
        return tuple(self._sent)

    @property
    def costs(self) -> Mapping[str, float]:
        """`bytes` scanned and `warehouse_seconds` of the session's own statements, once `read` has come to its end."""
        return dict(self._costs)

    def expected(self) -> int | None:
        return None

    def read(self) -> Iterator[Item]:
        """Database by database and schema by schema, in the order of their names."""
        with self._session() as session:
            databases = self._databases(session)
            for database in databases:
                yield from self._database(session, database)
            if self._location.database is None:
                usage = session.allowed_rows(sql.USAGE_DATABASES)
                names = [database.name for database in databases]
                yield ContainersListed(Container(self._info.namespace, ()), _lines("database", names, usage))
            if databases:
                self._note_costs(session, databases[0])

    def close(self) -> None:
        """Nothing to let go of: a connection lives only as long as `read` does."""

    def grants(self) -> str:
        return grants_script(self._location)

    def missing(self) -> Iterator[MissingGrant]:
        with self._session() as session:
            named = self._location.database
            databases = self._databases(session, tolerant=True)
            if named is not None and not databases:
                yield usage_grant(self._location)
            for database in databases:
                try:
                    rows = session.rows(sql.VIEWS.format(database=sql.quoted(database.name)))
                except ProgrammingError as error:
                    if error.errno != _NO_WAREHOUSE:
                        raise
                    yield warehouse_grant(self._location)
                    return
                unread = (row for row in rows if not row["VIEW_DEFINITION"])
                yield from (view_grant(database, row, self._location) for row in unread)
            usage = "SELECT TABLE_ID FROM SNOWFLAKE.ACCOUNT_USAGE.TABLES LIMIT 1"
            if session.allowed_rows(usage) is None:
                role = self._location.role or "the role"
                yield MissingGrant(
                    f"GRANT DATABASE ROLE SNOWFLAKE.OBJECT_VIEWER TO ROLE {role}",
                    "renamed tables are not recognised, and dropped ones stay `unseen`: nothing proves that they are gone",
                )

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        login = login_of(self._settings)
        try:
            with _connected(login) as connection:
                connection.telemetry_enabled = False
                yield _Session(connection, self._sent)
        except Error as error:
            # the connector's error holds on to the connection and its secrets: it must not travel along
            raise SourceFailed(
                f"{self._info.name}: Snowflake at {self._info.namespace} failed: {_words(error, login)}"
            ) from None

    def _databases(self, session: _Session, *, tolerant: bool = False) -> list[Database]:
        named = self._location.database
        if named is not None:
            rows = session.rows(f"SHOW DATABASES LIKE {sql.literal(named)}")
            found = [sql.database_from(row) for row in rows if row["NAME"] == named]
            if not found and not tolerant:
                raise SourceFailed(f"{self._info.name}: no database {named}, or the role may not use it")
            return found
        rows = page = session.rows("SHOW DATABASES")
        while len(page) >= SHOW_CAP:
            page = session.rows(f"SHOW DATABASES LIMIT {SHOW_CAP} FROM {sql.literal(page[-1]['NAME'])}")
            rows = [*rows, *page]
        databases = [sql.database_from(row) for row in rows if row["NAME"] != _SYSTEM_DATABASE]
        return sorted(databases, key=lambda database: database.name)

    def _database(self, session: _Session, database: Database) -> Iterator[Item]:
        try:
            contents = self._contents(session, database)
        except ProgrammingError as error:
            if self._location.database is not None:
                raise
            failure = f"database {database.name}: {one_line(error)}"
            yield ContainerRead(Container(self._info.namespace, (database.name,)), complete=False, failure=failure)
            return
        usage, keys = contents.usage, contents.keys
        texts = {(row["SCHEMA_NAME"], row["NAME"]): row.get("TEXT") for row in keys["DYNAMIC TABLES"]}
        facts = Facts(
            database,
            sql.columns_from(contents.columns),
            sql.keys_from(keys["PRIMARY KEYS"], keys["UNIQUE KEYS"], keys["IMPORTED KEYS"]),
            texts,
            sql.ids_from(usage or ()),
        )
        for schema in contents.schemas:
            yield from self._schema(contents, facts, schema)
        if self._location.schema is None:
            listed = _lines("schema", contents.schemas, contents.usage_schemas)
            yield ContainersListed(Container(self._info.namespace, (database.name,)), listed)

    def _schema(self, contents: _Contents, facts: Facts, schema: str) -> Iterator[Item]:
        """A schema of which something could not be read yields no table: columns that are missing would look dropped."""
        container = Container(self._info.namespace, (facts.database.name, schema))
        failure = contents.unread.get(schema)
        if failure is not None:
            yield ContainerRead(container, complete=False, failure=f"schema {schema}: {failure}")
            return
        rows = contents.of(schema)
        for row in rows:
            if (schema, row["TABLE_NAME"]) not in contents.moved and self._permits(facts, schema, row["TABLE_NAME"]):
                view = contents.views.get((schema, row["TABLE_NAME"]))
                yield sql.found_from(row, view, facts, self._info.namespace)
        changed = [name for home, name in contents.moved if home == schema and self._permits(facts, schema, name)]
        if (what := told_moved(changed)) is not None:
            yield ContainerRead(container, complete=False, failure=f"schema {schema}: {what}")
            return
        usage = [row for row in contents.usage or () if row["TABLE_SCHEMA"] == schema]
        grants = _lines("table", [row["TABLE_NAME"] for row in rows], usage)
        yield ContainerRead(container, complete=True, grants=grants)

    def _permits(self, facts: Facts, schema: str, name: str) -> bool:
        return self._selection.permits((facts.database.name, schema, name))

    def _contents(self, session: _Session, database: Database) -> _Contents:
        name = sql.quoted(database.name)
        session.rows(f"USE DATABASE {name}")  # SHOW without a scope means the database in use
        wanted = self._location.schema
        schemas = sorted(
            row["SCHEMA_NAME"]
            for row in session.rows(sql.SCHEMATA.format(database=name))
            if row["SCHEMA_NAME"] != sql.SYSTEM_SCHEMA and wanted in (None, row["SCHEMA_NAME"])
        )
        if wanted is not None and not schemas:
            raise SourceFailed(f"{self._info.name}: no schema {database.name}.{wanted}, or the role may not use it")
        contents = _Contents(database, schemas)
        for row in self._selected(session, sql.TABLES, contents):
            contents.tables.setdefault(row["TABLE_SCHEMA"], []).append(row)
        contents.columns = self._selected(session, sql.COLUMNS, contents)
        rows = self._selected(session, sql.VIEWS, contents)
        contents.views = {(row["TABLE_SCHEMA"], row["TABLE_NAME"]): row for row in rows}
        for what in ("PRIMARY KEYS", "UNIQUE KEYS", "IMPORTED KEYS"):
            contents.keys[what] = self._shown(session, what, contents)
        dynamic = any(row.get("IS_DYNAMIC") == "YES" for rows in contents.tables.values() for row in rows)
        contents.keys["DYNAMIC TABLES"] = self._shown(session, "DYNAMIC TABLES", contents) if dynamic else []
        contents.usage = session.allowed_rows(sql.USAGE_TABLES, (database.name,))
        contents.usage_schemas = session.allowed_rows(sql.USAGE_SCHEMATA, (database.name,))
        first = sql.times_from(row for rows in contents.tables.values() for row in rows)
        contents.moved = moved(first, sql.times_from(self._selected(session, sql.AGAIN, contents)))
        return contents

    def _selected(self, session: _Session, query: str, contents: _Contents) -> list[Row]:
        """A view of INFORMATION_SCHEMA: at once, or schema by schema where the server says that this is too much."""
        text = query.format(database=sql.quoted(contents.database.name))
        one = f"{text} AND TABLE_SCHEMA = ?"
        if self._location.schema is None:
            try:
                return session.rows(text)
            except ProgrammingError as error:
                if error.errno != _TOO_MUCH:
                    raise
        rows: list[Row] = []
        for schema in contents.schemas:
            try:
                rows += session.rows(one, (schema,))
            except ProgrammingError as error:
                contents.unread.setdefault(schema, one_line(error))
        return rows

    def _shown(self, session: _Session, what: str, contents: _Contents) -> list[Row]:
        """A SHOW of the whole database; an answer as long as the cap is cut, and asked for again schema by schema."""
        if self._location.schema is None:
            rows = session.rows(f"SHOW {what}")
            if len(rows) < SHOW_CAP:
                return rows
        gathered: list[Row] = []
        for schema in contents.schemas:
            rows = session.rows(f"SHOW {what} IN SCHEMA {sql.quoted(contents.database.name, schema)}")
            if len(rows) >= SHOW_CAP:
                contents.unread.setdefault(schema, f"SHOW {what} stops at {SHOW_CAP} rows, and there are more")
            gathered += rows
        return gathered

    def _note_costs(self, session: _Session, database: Database) -> None:
        """What the server says of this session's statements; where it will not say, nothing is known."""
        try:
            rows = session.rows(sql.HISTORY.format(database=sql.quoted(database.name)))
        except ProgrammingError:
            return
        if rows and rows[0]["EXECUTION_TIME"] is not None:
            self._costs["bytes"] = float(rows[0]["BYTES_SCANNED"] or 0)
            self._costs["warehouse_seconds"] = float(rows[0]["EXECUTION_TIME"]) / 1000


def _lines(kind: str, shown: Iterable[str], usage: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    column = {"table": "TABLE_NAME", "schema": "SCHEMA_NAME", "database": "DATABASE_NAME"}[kind]
    return sql.lines(kind, shown, [(row[column], row["ALIVE"] == "YES") for row in usage or ()])


def _connected(login: Login) -> snowflake.connector.SnowflakeConnection:
    try:
        return _Connection(**login.arguments)
    except _HALF_ANSWERS as error:
        raise OperationalError(f"half an answer to the login: {type(error).__name__} {error}") from None


def _words(error: Error, login: Login) -> str:
    text = one_line(error)
    for secret in login.secrets:
        text = one_line(text, secret)
    return text
