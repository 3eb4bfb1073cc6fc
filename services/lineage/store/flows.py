"""One hop along edges as they held at an instant, between datasets or between columns: one indexed query a table of edges.

Journey 3, step "answer", where the graph in memory does not do: another time than now, other kinds, columns.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, Text, cast, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from services.common.model.names import AssetId, ScopePath
from services.lineage.store import observed as sightings
from services.lineage.store.lookup import chunks
from services.lineage.store.tables import column_edge, edge, observed, observed_column

ColumnKey = tuple[AssetId, str]
"""A dataset and a column of it in lower case, or `*`."""
AT_ONCE = 300
"""Columns in one statement: in order of their names, so that the two lists' product stays small."""
DIRECT = frozenset({"identity", "transformation", "aggregation", "window", "conditional"})
"""The kinds of edges between columns that stand in the column's own expression."""


@dataclass(frozen=True, slots=True)
class When:
    """Which edges count.

    Attributes:
        at: as they held then; None = as they hold now.
        now: the time of asking.
        stale_after: how long an edge of runs and logs is not seen until it is stale.
        kinds: as in `LineageRequest`.

    """

    at: dt.datetime | None
    now: dt.datetime
    stale_after: dt.timedelta
    kinds: frozenset[str] = frozenset()

    @property
    def moment(self) -> dt.datetime:
        """The instant that is meant."""
        return self.at or self.now

    def holds(self, table: Table) -> ColumnElement[bool]:
        """The rows of a table of intervals that hold then."""
        if self.at is None:
            return table.c.valid_to.is_(None)
        return (table.c.valid_from <= self.at) & or_(table.c.valid_to.is_(None), table.c.valid_to > self.at)

    def is_stale(self, last_seen: dt.datetime) -> bool:
        """Whether what was last seen then is stale at that moment."""
        return last_seen <= self.moment - self.stale_after

    def wants(self, *words: str) -> bool:
        """Whether an edge that these words describe is asked for."""
        return bool(self.kinds.intersection(words)) if self.kinds else sightings.KEY not in words


@dataclass(frozen=True, slots=True)
class Flow:
    """An edge at that moment; `column` and `into` are empty between datasets, `basis` is `kind` there."""

    source: AssetId
    target: AssetId
    kind: str
    confidence: float
    basis: str
    column: str = ""
    into: str = ""
    guards: tuple[ScopePath, ...] = ()
    evidence: tuple[str, ...] = ()
    stale: bool = False


def between(connection: Connection, ids: Collection[AssetId], *, upstream: bool, when: When) -> Iterator[Flow]:
    """The edges into `ids` (`upstream`) or out of them; loops are left out."""
    end = "target_id" if upstream else "source_id"
    texts = cast(edge.c.evidence, Text).label("evidence"), cast(edge.c.guards, Text).label("guards")
    query = select(edge.c.source_id, edge.c.target_id, edge.c.kind, edge.c.confidence, *texts).where(when.holds(edge))
    for part in chunks(sorted(ids)):
        for row in connection.execute(query.where(edge.c[end].in_(part))):
            if when.wants(row.kind) and row.source_id != row.target_id:
                ends = AssetId(row.source_id), AssetId(row.target_id)
                guards = tuple(map(ScopePath, json.loads(row.guards)))
                yield Flow(
                    *ends, row.kind, row.confidence, row.kind, guards=guards, evidence=tuple(json.loads(row.evidence))
                )
        yield from _seen(connection, observed, observed.c[end].in_(part), when)


def between_columns(connection: Connection, keys: Collection[ColumnKey], *, upstream: bool, when: When) -> Iterator[Flow]:
    """The edges into or out of these columns as they are stored: `*` is another column, and asked for by itself."""
    end = "target" if upstream else "source"
    columns = [column_edge.c[name] for name in ("source_id", "source_column", "target_id", "target_column", "kind", "basis")]
    guards = cast(column_edge.c.guards, Text).label("guards")
    query = select(*columns, column_edge.c.confidence, guards).where(when.holds(column_edge))
    for part in chunks(sorted(keys, key=lambda key: (key[1], key[0])), AT_ONCE):
        wanted = frozenset(part)
        for row in connection.execute(query.where(_at(column_edge, end, part))):
            key = (row.target_id, row.target_column) if upstream else (row.source_id, row.source_column)
            if key in wanted and when.wants(*words_of(row.kind, row.basis)):
                ends = AssetId(row.source_id), AssetId(row.target_id)
                guarded = tuple(map(ScopePath, json.loads(row.guards))) if row.guards != "[]" else ()
                yield Flow(*ends, row.kind, row.confidence, row.basis, row.source_column, row.target_column, guarded)
        for flow in _seen(connection, observed_column, _at(observed_column, end, part), when):
            if ((flow.target, flow.into) if upstream else (flow.source, flow.column)) in wanted:
                yield flow


def _at(table: Table, end: str, keys: Sequence[ColumnKey]) -> ColumnElement[bool]:
    """The rows at some columns, and some more: SQLite goes through the index for two lists, and not for a list of pairs."""
    ids, names = sorted({asset for asset, _ in keys}), sorted({column for _, column in keys})
    return table.c[f"{end}_id"].in_(ids) & table.c[f"{end}_column"].in_(names)


def words_of(kind: str, basis: str) -> tuple[str, ...]:
    """What an edge between columns may be asked for by."""
    if kind == sightings.KEY:
        return (kind,)
    return kind, basis, "direct" if kind in DIRECT else "indirect"


def _seen(connection: Connection, table: Table, place: ColumnElement[bool], when: When) -> Iterator[Flow]:
    """What runs and logs showed by then, one a pair and kind."""
    has_columns = table is observed_column
    names = ("source_id", "target_id", "kind", *(("basis", "source_column", "target_column") if has_columns else ()))
    pair = [table.c[name] for name in names]
    query = select(
        *pair,
        func.count().label("origins"),
        func.sum(table.c.count).label("times"),
        func.min(table.c.first_seen).label("first"),
        func.max(table.c.last_seen).label("last"),
        func.max(table.c.confidence).label("confidence"),
    ).group_by(*pair)
    for row in connection.execute(query.where(place, table.c.first_seen <= when.moment)):
        basis = row.basis if has_columns else row.kind
        words = words_of(row.kind, basis) if has_columns else (row.kind,)
        if row.source_id != row.target_id and when.wants(*words):
            yield _flow(row, basis, when, has_columns=has_columns)


def _flow(row: Any, basis: str, when: When, *, has_columns: bool) -> Flow:
    return Flow(
        AssetId(row.source_id),
        AssetId(row.target_id),
        row.kind,
        row.confidence,
        basis,
        row.source_column if has_columns else "",
        row.target_column if has_columns else "",
        evidence=(sightings.evidence_line(basis, row.origins, int(row.times), row.first, row.last),),
        stale=when.is_stale(row.last),
    )
