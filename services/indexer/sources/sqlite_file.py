"""A SQLite file, through its schema table and the table-valued pragmas, opened read-only with the standard library.

Journey 1, step 1. No row of a user's table is read; SQLite keeps neither comments nor row counts.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from services.common.errors import SourceFailed
from services.common.model.assets import Column, Container, ContainerRead, ForeignKey, Found, Index, Kind
from services.common.model.crawls import SourceInfo
from services.common.model.names import from_catalog
from services.common.runtime.source_settings import SourceSettings, file_of, file_stem
from services.indexer.sources.source import Item, Selection, Source, interrupted_after, one_line

UNREADABLE = "columns_unreadable"
"""The property of a view or virtual table whose columns SQLite cannot tell, with its reason."""

_LONGEST_WAIT_S = 5.0  # a writer has the file for moments
_RELATIONS = r"""SELECT m.name, m.type, m.sql FROM sqlite_master AS m
                  WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'"""
# the tables that a virtual table keeps its data in are not the user's; SQLite can tell them since 3.37
_NO_SHADOWS = " AND m.name NOT IN (SELECT t.name FROM pragma_table_list AS t WHERE t.schema = 'main' AND t.type = 'shadow')"
_TELLS_SHADOWS = (3, 37, 0)
# a broken view or a missing module fails a whole statement: they are not asked for together with ordinary tables
_GROUPS = (
    "m.type = 'table' AND m.sql NOT LIKE 'create virtual%'",
    "m.type = 'table' AND m.sql LIKE 'create virtual%'",
    "m.type = 'view'",
)
_COLUMNS = """SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_master AS m
                JOIN pragma_table_xinfo(m.name) AS c WHERE c.hidden <> 1 AND """
_MEMBERS = "SELECT m.name, m.rowid FROM sqlite_master AS m WHERE "
_INDEXES = """SELECT m.name, i.name, i."unique", c.seqno, c.name, x.sql FROM sqlite_master AS m
                JOIN pragma_index_list(m.name) AS i JOIN pragma_index_xinfo(i.name) AS c
                LEFT JOIN sqlite_master AS x ON x.type = 'index' AND x.name = i.name
               WHERE m.type = 'table' AND i.origin <> 'pk' AND c.key = 1 ORDER BY m.name, i.name, c.seqno"""
_FOREIGN_KEYS = """SELECT m.name, f.id, f."table", f."from", f."to" FROM sqlite_master AS m
                     JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' ORDER BY m.name, f.id DESC, f.seq"""

_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """The file's schema as fetched: the relations by name, what belongs to them grouped by it."""

    relations: Sequence[_Row]
    columns: Mapping[str, Sequence[_Row]]
    indexes: Mapping[str, Sequence[_Row]]
    foreign_keys: Mapping[str, Sequence[_Row]]
    unreadable: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)


class SqliteSource(Source):
    """A SQLite file, one container; a name's parts are the file's stem and the table.

    A view or virtual table whose columns SQLite cannot tell (a table under it is gone, its module is missing) has none,
    and the property `columns_unreadable`.
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
        """The statements: seven, however many tables there are; one more for each view once one of them is broken."""
        return self._sent

    def expected(self) -> int:
        """How many tables and views the globs let through; reads the schema if that has not happened yet."""
        return sum(self._selection.permits((self._database, name)) for name, *_ in self._all().relations)

    def read(self) -> Iterator[Item]:
        """Tables and views by name, then the file as one container. Reading again gives the same again."""
        read = self._all()
        for name, kind, sql in read.relations:
            if self._selection.permits((self._database, name)):
                yield self._found(read, name, sql if kind == "view" else None)
        yield ContainerRead(Container(self._info.namespace, (self._database,)), complete=True)

    def close(self) -> None:
        """Forget what was read; the file is shut as soon as that has happened."""
        self._read = None

    def _all(self) -> _Read:
        if self._read is None:
            if not self._path.is_file():
                raise SourceFailed(f"{self._info.name}: there is no file {self._path}")
            url = f"file:{quote(str(self._path))}?mode=ro"
            wait_s = min(self._timeout_s, _LONGEST_WAIT_S)
            try:
                with closing(sqlite3.connect(url, uri=True, timeout=wait_s, isolation_level=None)) as connection:
                    connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
                    self._read = self._fetch(connection)
            except sqlite3.Error as error:
                raise SourceFailed(f"{self._info.name}: {self._path} cannot be read: {one_line(error)}") from error
        return self._read

    def _rows(self, connection: sqlite3.Connection, statement: str) -> list[_Row]:
        self._sent.append(statement)
        with interrupted_after(self._timeout_s, connection.interrupt):
            return connection.execute(statement).fetchall()

    def _fetch(self, connection: sqlite3.Connection) -> _Read:
        self._rows(connection, "BEGIN")  # one state of the schema for all statements
        shadows = _NO_SHADOWS if sqlite3.sqlite_version_info >= _TELLS_SHADOWS else ""
        relations = self._rows(connection, f"{_RELATIONS}{shadows} ORDER BY m.name")
        columns, unreadable = self._columns(connection)
        return _Read(
            relations=relations,
            columns=columns,
            indexes=_grouped(self._rows(connection, _INDEXES)),
            foreign_keys=_grouped(self._rows(connection, _FOREIGN_KEYS)),
            unreadable=unreadable,
            names={name.lower(): name for name, *_ in relations},
        )

    def _columns(self, connection: sqlite3.Connection) -> tuple[Mapping[str, Sequence[_Row]], Mapping[str, str]]:
        rows: list[_Row] = []
        unreadable: dict[str, str] = {}
        for group in _GROUPS:
            try:
                rows += self._rows(connection, f"{_COLUMNS}{group} ORDER BY m.name, c.cid")
            except sqlite3.OperationalError as error:
                if not _is_of_one_relation(error):
                    raise
                good, bad = self._one_by_one(connection, group)
                rows += good
                unreadable |= bad
        return _grouped(rows), unreadable

    def _one_by_one(self, connection: sqlite3.Connection, group: str) -> tuple[list[_Row], dict[str, str]]:
        rows: list[_Row] = []
        unreadable: dict[str, str] = {}
        for name, number in self._rows(connection, f"{_MEMBERS}{group}"):
            try:
                rows += self._rows(connection, f"{_COLUMNS}m.rowid = {int(number)} ORDER BY c.cid")
            except sqlite3.OperationalError as error:
                if not _is_of_one_relation(error):
                    raise
                unreadable[name] = one_line(error)
        return rows, unreadable

    def _found(self, read: _Read, name: str, sql: str | None) -> Found:
        columns = read.columns.get(name, ())
        is_view = sql is not None
        return Found(
            name=from_catalog(self._info.namespace, (self._database, name)),
            kind=Kind.VIEW if is_view else Kind.TABLE,
            columns=tuple(
                Column(column, type_ or None, nullable=None if is_view else not (not_null or key), default=default)
                for _, column, type_, not_null, default, key in columns
            ),
            primary_key=_primary_key(columns),
            foreign_keys=tuple(self._foreign_keys(read, name)),
            indexes=tuple(_indexes(read.indexes.get(name, ()))),
            sql=sql,
            properties={UNREADABLE: read.unreadable[name]} if name in read.unreadable else {},
        )

    def _foreign_keys(self, read: _Read, name: str) -> Iterator[ForeignKey]:
        keys: dict[int, list[_Row]] = {}
        for row in read.foreign_keys.get(name, ()):
            keys.setdefault(row[1], []).append(row)
        for rows in keys.values():
            table = read.names.get(rows[0][2].lower(), rows[0][2])
            named = tuple(row[4] for row in rows)
            # without names a reference is to the other table's primary key
            refs = _primary_key(read.columns.get(table, ())) if None in named else named
            yield ForeignKey(tuple(row[3] for row in rows), (self._database, table), refs)


def _grouped(rows: Sequence[_Row]) -> Mapping[str, Sequence[_Row]]:
    groups: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    return dict(groups)


def _primary_key(columns: Sequence[_Row]) -> tuple[str, ...]:
    return tuple(row[1] for row in sorted((row for row in columns if row[5]), key=lambda row: int(row[5])))


def _indexes(rows: Sequence[_Row]) -> Iterator[Index]:
    by_name: dict[str, list[_Row]] = {}
    for row in rows:
        by_name.setdefault(row[1], []).append(row)
    for name, items in by_name.items():
        terms = index_terms(items[0][5] or "") if any(item[4] is None for item in items) else []
        columns = (column or (terms[at] if at < len(terms) else "rowid") for _, _, _, at, column, _ in items)
        yield Index(name, tuple(columns), unique=bool(items[0][2]))


def index_terms(sql: str) -> list[str]:
    """The terms between the outer brackets of a `CREATE INDEX`, as written; SQLite has no other way to an expression."""
    terms: list[str] = []
    depth, quote_mark, term = 0, "", ""
    for char in sql:
        if quote_mark:
            quote_mark = "" if char == quote_mark else quote_mark
        elif char in "'\"`[":
            quote_mark = "]" if char == "[" else char
        elif char == "(":
            depth += 1
            if depth == 1:
                continue
        elif char == ")":
            depth -= 1
            if depth == 0:
                return [*terms, term.strip()]
        elif char == "," and depth == 1:
            terms.append(term.strip())
            term = ""
            continue
        if depth:
            term += char
    return terms


def _is_of_one_relation(error: sqlite3.OperationalError) -> bool:
    # 1 is SQLite's plain error: what a broken view and a missing module give; locks, interrupts and I/O have their own
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
