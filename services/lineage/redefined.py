"""What of a table means something else when it is made by another definition: two texts read alike, and compared.

Beside journey 3: a check before the change. Tables that the scope hides are taken as not known, so that nothing is told of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from services.common.model.access import AccessScope
from services.common.model.names import AssetId, DatasetName
from services.common.model.schema_changes import (
    ColumnMeaning,
    MadeBy,
    Origin,
    PlannedChanges,
    Redefinition,
    RedefinitionRequest,
)
from services.common.runtime.db import Database
from services.lineage.column_follow import SqlReader, read_definitions
from services.lineage.columns import Link, View, edges_of, script_of
from services.lineage.resolve import candidates, resolve_each
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.facts import Kind, ScriptLineage
from services.lineage.sql.statement import Statement, TableRef
from services.lineage.sql.wording import Worded, Wording, hashed
from services.lineage.store import columns, datasets
from services.lineage.store.column_edges import EVERY, ColumnEdge
from services.lineage.store.column_readings import PARSED

_Read = tuple[AssetId, str, str]
"""A column and how it is read."""
_DIRECT = frozenset(kind.word for kind in Kind if kind.direct)
_SORT, _FILTER, _JOIN = Kind.SORT.word, Kind.FILTER.word, Kind.JOIN.word
_OF_ROWS = frozenset(kind.word for kind in (Kind.AGGREGATION, Kind.WINDOW, Kind.GROUP))
"""Of `*` they say that rows are counted, which the expressions say too, and of a source in a subquery nothing does."""
_ALIKE = "the same columns are put together in another way"


class TextReader(SqlReader, Protocol):
    """Reads scripts of DDL and the wording of definitions too; `SqlParser` does so in a process of its own."""

    def read_ddl(self, script: Ddl) -> PlannedChanges:
        """What a script of DDL would change."""
        ...

    def read_wordings(self, wordings: Sequence[Wording]) -> list[Worded | None]:
        """The expressions of each definition, in their order; None for one that cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class _Definition:
    """One of the two texts as it was read."""

    into: Mapping[str, frozenset[_Read]]
    rows: Mapping[tuple[AssetId, str, str], str]
    tables: Mapping[AssetId, DatasetName]
    problem: str | None
    wording: Worded | None


def redefinition(database: Database, reader: TextReader, asked: RedefinitionRequest) -> Redefinition:
    """What means something else. Nothing where both texts are one.

    Raises:
        ServiceUnavailable: the reader or the database does not answer; trying again may help.

    """
    both = asked.before, asked.after
    if asked.before.sql.strip() == asked.after.sql.strip():
        return Redefinition()
    readings = read_definitions(reader, [Statement(one.sql, one.dialect) for one in both])
    for word, one in zip(("its definition now", "its new definition"), readings, strict=True):
        if one.problem is not None:
            return Redefinition(problem=f"{word} cannot be read: {one.reason}")
    with database.read() as connection:
        views = [_view(connection, one.reads, asked) for one in readings]
    scripts = [script_of(view, one.sql, one.dialect) for view, one in zip(views, both, strict=True)]
    read = reader.read_scripts(scripts)
    around = views[0].around
    wordings = reader.read_wordings([Wording(one.sql, one.dialect, one.schema, *around) for one in scripts])
    found = [
        _defined(view, made, lineage, wording)
        for view, made, lineage, wording in zip(views, both, read, wordings, strict=True)
    ]
    return _Comparison(found[0], found[1], asked.columns).told()


def _view(connection: Connection, reads: Sequence[TableRef], asked: RedefinitionRequest) -> View:
    """A text with what its names stand for, as far as the scope shows it."""
    name = asked.name
    maybe = {one.id for ref in reads for one in candidates(ref, name)}
    known = _seen(connection, maybe | {name.id}, asked.scope)
    links = {ref: Link(link) for ref, link in resolve_each(reads, name, lambda one: one.id in known).items()}
    shown = dict(columns.get(connection, known))
    for id_, column in asked.brought:
        if shown.get(id_):  # of a table without known columns one more says nothing about the others
            shown[id_] = (*shown[id_], column)
    return View(name, "", links, shown)


def _seen(connection: Connection, ids: Iterable[AssetId], scope: AccessScope) -> set[AssetId]:
    found = datasets.get(connection, set(ids))
    return {id_ for id_, one in found.items() if one.listed and not one.gone and scope.permits(one.scope_path)}


def _defined(view: View, made: MadeBy, read: ScriptLineage, wording: Worded | None) -> _Definition:
    edges, reading = edges_of(view, script_of(view, made.sql, made.dialect), read)
    into: dict[str, set[_Read]] = defaultdict(set)
    rows: dict[tuple[AssetId, str, str], str] = {}
    for edge in edges:
        if edge.column == EVERY and edge.kind in _OF_ROWS:
            continue
        if edge.kind in _DIRECT:
            into[edge.into].add((edge.source, edge.column, edge.kind))
        elif edge.kind != _SORT or (wording is not None and wording.is_limited):
            rows.setdefault(_row_key(edge), edge.kind)
    tables = {link.found.name.id: link.found.name for link in view.links.values()}
    problem = None if reading.state == PARSED else reading.problem
    return _Definition({name: frozenset(found) for name, found in into.items()}, rows, tables, problem, wording)


def _row_key(edge: ColumnEdge) -> tuple[AssetId, str, str]:
    """An inner join's condition may stand in WHERE as well."""
    return edge.source, edge.column, _FILTER if edge.kind == _JOIN else edge.kind


class _Comparison:
    """Two definitions side by side."""

    def __init__(self, before: _Definition, after: _Definition, kept: Sequence[str] | None) -> None:
        self._before = before
        self._after = after
        self._kept = None if kept is None else {name.lower() for name in kept}
        self._tables = {**before.tables, **after.tables}

    def told(self) -> Redefinition:
        """All that is another, and why there may be more."""
        before, after = self._before, self._after
        outputs = None if after.wording is None else after.wording.outputs
        if self._is_unsure_of_edges_alone():
            return Redefinition(problem=before.problem or after.problem, outputs=outputs)
        found = {name: self._meaning(name) for name in sorted(before.into.keys() | after.into.keys()) if self._is_kept(name)}
        changed = {name: one for name, one in found.items() if one is not None}
        worded, doubt = self._expressions(set(changed))
        for name in worded:
            changed.setdefault(name, ColumnMeaning(name))
        was, now = self._rows(before, after), self._rows(after, before)
        others = before.tables.keys() != after.tables.keys()
        conditions, row_doubt = self._conditions()
        problems = (*(() if self._is_sure() else (before.problem, after.problem)), doubt, row_doubt)
        return Redefinition(
            tuple(one for _, one in sorted(changed.items())),
            rows=bool(was or now or conditions or (others and not changed)),
            rows_was=was,
            rows_now=now,
            problem=next((one for one in problems if one is not None), None),
            outputs=outputs,
        )

    def _is_unsure_of_edges_alone(self) -> bool:
        """Whether the texts say the same of the same tables, and it is only known in part where their columns belong."""
        one, other = self._before, self._after
        alike = one.wording is not None and one.wording == other.wording and one.tables.keys() == other.tables.keys()
        partly = (one.problem or other.problem) is not None
        return alike and partly and (one.into, one.rows) != (other.into, other.rows)

    def _is_sure(self) -> bool:
        """Whether nothing is left open: also where columns are known only in part, if both texts say the same of them."""
        one, other = self._before, self._after
        if (one.problem or other.problem) is None:
            return True
        return one.wording is not None and one.wording == other.wording and one.tables.keys() == other.tables.keys()

    def _is_kept(self, name: str) -> bool:
        return self._kept is None or name == EVERY or name in self._kept

    def _meaning(self, name: str) -> ColumnMeaning | None:
        before = self._before.into.get(name, frozenset())
        after = self._after.into.get(name, frozenset())
        if before == after or self._is_joined_alike(before, after):
            return None
        return ColumnMeaning(name, self._origins(before - after), self._origins(after - before))

    def _is_joined_alike(self, before: frozenset[_Read], after: frozenset[_Read]) -> bool:
        """Whether all that differs is that a column of USING is named with a table, or with none."""
        one, other = self._before.wording, self._after.wording
        using = set() if one is None or other is None else set(one.using) & set(other.using)
        both = {read[1:] for read in before & after}
        return all(read[1:] in both and hashed(read[1]) in using for read in before ^ after)

    def _rows(self, one: _Definition, other: _Definition) -> tuple[Origin, ...]:
        return self._origins((*key[:2], kind) for key, kind in one.rows.items() if key not in other.rows)

    def _origins(self, read: Iterable[_Read]) -> tuple[Origin, ...]:
        found = [Origin(self._tables[table], column, kind) for table, column, kind in read if table in self._tables]
        return tuple(sorted(found, key=lambda one: (one.table.qualified, one.column, one.kind)))

    def _expressions(self, changed: set[str]) -> tuple[set[str], str | None]:
        """The columns that are made by another expression of the same columns, and a doubt; `changed` are of other columns."""
        one, other = self._before.wording, self._after.wording
        if one is None or other is None:
            return set(), "its expressions could not be compared"
        names = {
            name for name in one.columns.keys() | other.columns.keys() if one.columns.get(name) != other.columns.get(name)
        }
        kept = {name for name in names if self._is_kept(name)}
        if not kept and one.inner == other.inner:
            return set(), None
        if one.words == other.words and max(one.queries, other.queries) > 1:
            return (
                set(),
                None if kept and kept <= changed else _ALIKE,
            )  # what stands in which query has changed, or only names between queries have
        # which column a subquery's expression gets into is not looked for: some of them
        return kept | ({EVERY} if one.inner != other.inner else set()), None

    def _conditions(self) -> tuple[bool, str | None]:
        """Whether the same columns decide about rows by other conditions, and a doubt."""
        one, other = self._before.wording, self._after.wording
        if one is None or other is None:
            return False, None
        if one.rows == other.rows:
            alike = (one.columns, one.inner) == (other.columns, other.inner)
            moved = alike and one.groups != other.groups and self._before.tables.keys() == self._after.tables.keys()
            return False, _ALIKE if moved else None  # what stands in which query has changed
        if one.row_words == other.row_words and max(one.queries, other.queries) > 1:
            return False, _ALIKE
        return True, None
