"""A DuckDB file, through its own catalog functions; opened read-only and shut again before the first table is handed on.

Journey 1, step 1. While the file is open nobody can write to it, so everything is fetched first. No table is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from services.common.errors import SourceFailed
from services.common.model.assets import Column, Container, ContainerRead, ContainersListed, ForeignKey, Found, Index, Kind
from services.common.model.crawls import SourceInfo
from services.common.model.names import from_catalog, parse_name
from services.common.runtime.source_settings import SourceSettings, file_of, file_stem
from services.indexer.sources.source import Item, Selection, Source, interrupted_after, one_line

_CONNECTION = {"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False}
# our own name for the file inside the connection: its stem may be a reserved one
_ATTACH = "ATTACH '{}' AS source (READ_ONLY)"
# a view may name files and URLs: nothing but the database itself may be opened, and nothing may allow it again
_SETTINGS = ("USE source", "SET enable_external_access = false", "SET lock_configuration = true")
_SCHEMAS = """SELECT * FROM duckdb_schemas()
               WHERE database_name = current_database() AND (NOT internal OR schema_name = 'main')"""
_TABLES = """SELECT schema_oid, table_oid, table_name, comment, estimated_size FROM duckdb_tables()
              WHERE database_name = current_database() AND NOT internal AND NOT temporary ORDER BY table_name"""
_VIEWS = """SELECT schema_oid, view_oid, view_name, comment, sql FROM duckdb_views()
             WHERE database_name = current_database() AND NOT internal AND NOT temporary ORDER BY view_name"""
_COLUMNS = """SELECT table_oid, column_name, data_type, is_nullable, column_default, comment FROM duckdb_columns()
               WHERE database_name = current_database() AND NOT internal ORDER BY table_oid, column_index"""
_CONSTRAINTS = """SELECT table_oid, constraint_type, constraint_name, constraint_column_names, referenced_table,
                         referenced_column_names FROM duckdb_constraints()
                   WHERE database_name = current_database()
                     AND constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY')
                   ORDER BY table_oid, constraint_index"""
_INDEXES = """SELECT table_oid, index_name, is_unique, expressions, try_cast(expressions AS VARCHAR[])
                FROM duckdb_indexes() WHERE database_name = current_database() AND NOT is_primary
               ORDER BY table_oid, index_name"""


@dataclass(frozen=True, slots=True)
class _Read:
    """The file's catalog as fetched: schemas by oid with their full path, the rest by the oid of schema or table."""

    schemas: Mapping[int, tuple[str, ...]]
    tables: Mapping[int, Sequence[tuple[Any, ...]]]
    views: Mapping[int, Sequence[tuple[Any, ...]]]
    columns: Mapping[int, Sequence[tuple[Any, ...]]]
    constraints: Mapping[int, Sequence[tuple[Any, ...]]]
    indexes: Mapping[int, Sequence[tuple[Any, ...]]]


class DuckDbSource(Source):
    """A DuckDB file; a container is a schema, a name's parts are the file's stem, the schema and the table.

    Schemas inside schemas give names of more parts. Row counts are DuckDB's own estimates.
    """

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = info
        self._path = file_of(settings.url)
        self._database = file_stem(str(self._path))
        self._timeout_s = settings.timeout_s
        self._selection = Selection.of(settings)
        self._sent: list[str] = []
        self._read: _Read | None = None

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def sent(self) -> Sequence[str]:
        """The statements: ten, however many tables there are."""
        return self._sent

    def expected(self) -> int:
        """How many tables and views the globs let through; reads the catalog if that has not happened yet."""
        read = self._all()
        return sum(
            self._selection.permits((self._database, *path, row[2]))
            for oid, path in read.schemas.items()
            for row in (*read.tables[oid], *read.views[oid])
        )

    def read(self) -> Iterator[Item]:
        """Schema by schema: tables, then views, by name. Reading again gives the same again."""
        read = self._all()
        for oid, path in read.schemas.items():
            prefix = (self._database, *path)
            for row in read.tables[oid]:
                if self._selection.permits((*prefix, row[2])):
                    yield self._table(read, prefix, row)
            for row in read.views[oid]:
                if self._selection.permits((*prefix, row[2])):
                    yield self._view(read, prefix, row)
            yield ContainerRead(Container(self._info.namespace, prefix), complete=True)
        yield ContainersListed(Container(self._info.namespace, (self._database,)))

    def close(self) -> None:
        """Forget what was read; the file is shut as soon as that has happened."""
        self._read = None

    def _all(self) -> _Read:
        if self._read is None:
            if not self._path.is_file():
                raise SourceFailed(f"{self._info.name}: there is no file {self._path}")
            try:
                with duckdb.connect(":memory:", config={**_CONNECTION}) as connection:
                    self._read = self._fetch(connection)
            except duckdb.Error as error:
                raise SourceFailed(f"{self._info.name}: {_explain(error, self._path)}") from error
        return self._read

    def _fetch(self, connection: duckdb.DuckDBPyConnection) -> _Read:
        def rows(statement: str) -> list[tuple[Any, ...]]:
            self._sent.append(statement)
            with interrupted_after(self._timeout_s, connection.interrupt):
                return connection.execute(statement).fetchall()

        quoted = str(self._path).replace("'", "''")
        for statement in (_ATTACH.format(quoted), *_SETTINGS):
            rows(statement)
        schemas = rows(_SCHEMAS)
        names = [column[0] for column in connection.description or ()]
        return _Read(
            schemas=_paths([dict(zip(names, row, strict=True)) for row in schemas]),
            tables=_grouped(rows(_TABLES)),
            views=_grouped(rows(_VIEWS)),
            columns=_grouped(rows(_COLUMNS)),
            constraints=_grouped(rows(_CONSTRAINTS)),
            indexes=_grouped(rows(_INDEXES)),
        )

    def _table(self, read: _Read, prefix: tuple[str, ...], row: Sequence[Any]) -> Found:
        _, oid, name, comment, rows = row
        constraints = read.constraints[oid]
        unique = (Index(name, tuple(columns), unique=True) for _, kind, name, columns, *_ in constraints if kind == "UNIQUE")
        return Found(
            name=from_catalog(self._info.namespace, (*prefix, name)),
            description=comment,
            columns=tuple(
                Column(column, type_, nullable=nullable, default=default, description=text)
                for _, column, type_, nullable, default, text in read.columns[oid]
            ),
            primary_key=next((tuple(columns) for _, kind, _, columns, *_ in constraints if kind == "PRIMARY KEY"), ()),
            # DuckDB has no foreign keys across schemas
            foreign_keys=tuple(
                ForeignKey(tuple(columns), (*prefix, table), tuple(refs))
                for _, kind, _, columns, table, refs in constraints
                if kind == "FOREIGN KEY"
            ),
            indexes=(*unique, *(_index(item) for item in read.indexes[oid])),
            rows=rows,
        )

    def _view(self, read: _Read, prefix: tuple[str, ...], row: Sequence[Any]) -> Found:
        _, oid, name, comment, sql = row
        columns = (Column(column, type_, description=text) for _, column, type_, _, _, text in read.columns[oid])
        return Found(
            name=from_catalog(self._info.namespace, (*prefix, name)),
            kind=Kind.VIEW,
            description=comment,
            columns=tuple(columns),
            sql=sql,
        )


def _grouped(rows: Sequence[tuple[Any, ...]]) -> Mapping[int, Sequence[tuple[Any, ...]]]:
    groups: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    return groups


def _paths(schemas: Sequence[Mapping[str, Any]]) -> dict[int, tuple[str, ...]]:
    by_oid = {row["oid"]: row for row in schemas}

    def path(row: Mapping[str, Any]) -> tuple[str, ...]:
        above = by_oid.get(row.get("parent_schema_oid"))  # DuckDB 1 has no schemas inside schemas, nor this column
        return (*(path(above) if above is not None else ()), row["schema_name"])

    return dict(sorted(((oid, path(row)) for oid, row in by_oid.items()), key=lambda item: item[1]))


def _index(item: Sequence[Any]) -> Index:
    _, name, unique, text, expressions = item
    return Index(name, tuple(_unquoted(part) for part in expressions or (text,)), unique=unique)


def _unquoted(expression: str) -> str:
    """A quoted column's name without its quotes; other expressions as they are."""
    if not expression.startswith('"'):
        return expression
    try:
        parts = parse_name(expression)
    except ValueError:
        return expression
    return parts[0].text if len(parts) == 1 and parts[0].quoted else expression


def _explain(error: duckdb.Error, path: Path) -> str:
    text = one_line(error)
    if "Could not set lock" in text:
        return f"{path} is open for writing in another process; crawl when that has closed it, or crawl a copy"
    if isinstance(error, duckdb.InterruptException):
        return f"{path} did not answer in time; `timeout_s` says how long to wait"
    return f"{path} cannot be read: {text}"
