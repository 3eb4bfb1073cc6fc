"""What a statement of a query log does: tables read and written, columns used, columns compared, and where columns go.

Journey 3, step "log → facts", run in the worker process only. It is what `extract` finds, told without any text; a table
that a text names (a file, a folder) is left out, because that text is a literal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from services.lineage.sql.compose import MAX_EDGES, Composer
from services.lineage.sql.extract import facts_of
from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.known import Tables
from services.lineage.sql.logged import RESULT, Flow, LogStatement, Pair, Usage, Use
from services.lineage.sql.relation import ALL, OutColumn
from services.lineage.sql.script import Script
from services.lineage.sql.statement import Problem, TableRef
from services.lineage.sql.writes import Facts, Write

MAX_COLUMNS = 2_000
"""Uses and edges kept of one statement: far above what people write, and a bound for what generators do."""
_HOW = {Kind.FILTER: "filter", Kind.JOIN: "join", Kind.GROUP: "group", Kind.SORT: "sort"}
_KIND = re.compile(r"[A-Z]+(?:_[A-Z]+)*")
_UNKNOWN = "UNPARSED"
_PLACE = re.compile(r"(?P<problem>.*?)(?: at line (?P<line>\d+), column (?P<column>\d+))?")
_PROBLEMS = {problem.value: problem for problem in Problem}


def read_usage(question: LogStatement) -> Usage:
    """What the statement does, as far as it can be told."""
    found, tables = facts_of(Script(question.sql, question.dialect, question.schema))
    composer = Composer(tables)
    for facts in found:
        composer.take(facts)
    return _Told(found, composer, tables, is_kept=question.is_kept).usage()


class _Told:
    """Puts keys of tables into places of a list."""

    def __init__(self, found: Sequence[Facts], composer: Composer, tables: Tables, *, is_kept: bool) -> None:
        self._found = found
        self._composer = composer
        self._tables = tables
        self._is_kept = is_kept
        self._places: dict[TableKey, int | None] = {}
        self._refs: list[TableRef] = []
        self._result: int | None = None

    def usage(self) -> Usage:
        """All of it."""
        dropped = {table for facts in self._found for table in facts.dropped}
        filled = {write.table for facts in self._found for write in facts.writes}
        writes = [write for write in self._composer.writes() if write.table not in dropped - filled]
        reads = self._all(self._composer.reads())
        if self._is_kept and len(writes) == 1 and writes[0].table is None:
            self._result = len(self._refs)
            self._refs.append(RESULT)
        targets = tuple(dict.fromkeys(place for write in writes if (place := self._into(write)) is not None))
        links = [
            (source, target)
            for write in writes
            if (target := self._into(write)) is not None
            for source in self._all(write.sources)
        ]
        uses, flows, pairs = self._uses(writes), self._flows(writes), self._pairs()
        problem, line, column = _problem(self._found)
        return Usage(
            _kind(self._found),
            tuple(self._refs),
            reads,
            targets,
            tuple(pairs),
            tuple(uses),
            tuple(dict.fromkeys(links)),
            tuple(flows),
            problem,
            line,
            column,
        )

    def _place(self, key: TableKey | None) -> int | None:
        if key is None:
            return None
        if key not in self._places:
            ref = self._tables.written(key)
            self._places[key] = None if ref is None else len(self._refs)
            if ref is not None:
                self._refs.append(ref)
        return self._places[key]

    def _into(self, write: Write) -> int | None:
        return self._result if write.table is None else self._place(write.table)

    def _all(self, keys: Iterable[TableKey]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(place for key in keys if (place := self._place(key)) is not None))

    def _uses(self, writes: Sequence[Write]) -> list[Use]:
        found: dict[Use, None] = {}
        for write in writes:
            read = [pair for column in write.columns for pair in (*column.direct.items(), *column.indirect)]
            for (table, key), kind in (*read, *sorted(write.rows, key=str)):
                place = self._place(table)
                if place is not None and key != ALL and len(found) < MAX_COLUMNS:
                    found.setdefault((place, self._tables.column(key), _HOW.get(kind, "select")))
        for write in writes:
            place = self._into(write)
            for column in write.columns:
                if place is not None and column.name not in (ALL, "") and len(found) < MAX_COLUMNS:
                    found.setdefault((place, column.name, "write"))
        return list(found)

    def _flows(self, writes: Sequence[Write]) -> list[Flow]:
        """Column by column for what gets into one; what decides about rows once, for all of them."""
        found: dict[Flow, None] = {}
        for write in writes:
            target = self._into(write)
            if target is None:
                continue
            every = OutColumn(ALL, indirect=set(write.rows))
            for column in (*write.columns, every):
                for (table, key), kind in (*column.direct.items(), *sorted(column.indirect, key=str)):
                    source = self._place(table)
                    if source is not None and len(found) < min(MAX_COLUMNS, MAX_EDGES):
                        found.setdefault((source, self._tables.column(key), target, column.name, kind.word))
        return list(found)

    def _pairs(self) -> list[Pair]:
        found: dict[Pair, None] = {}
        for (left, one), (right, other), kind in self._composer.pairs():
            first, second = self._place(left), self._place(right)
            if first is not None and second is not None:
                found.setdefault((first, self._tables.column(one), second, self._tables.column(other), kind))
        return list(found)


def _kind(found: Sequence[Facts]) -> str:
    busy = [facts.type for facts in found if facts.reads or facts.writes] or [facts.type for facts in found]
    kind = busy[0] if busy else _UNKNOWN
    return kind if _KIND.fullmatch(kind) else _UNKNOWN


def _problem(found: Sequence[Facts]) -> tuple[Problem | None, int | None, int | None]:
    """The first one, taken apart again: what is kept is its kind and its place."""
    error = next((facts.error for facts in found if facts.error), None)
    match = _PLACE.fullmatch(error) if error is not None else None
    if match is None:
        return None, None, None
    problem = _PROBLEMS.get(match["problem"], Problem.SYNTAX)
    return (problem, int(match["line"]), int(match["column"])) if match["line"] else (problem, None, None)
