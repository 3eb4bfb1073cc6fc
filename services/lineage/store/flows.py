"""One hop along edges as they held at an instant, between datasets or between columns: one indexed query a table of edges.

Journey 3, step "answer", where the graph in memory does not do: another time than now, other kinds, columns.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, Text, bindparam, cast, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from services.common.model.names import AssetId, ScopePath
from services.lineage.store import observed as sightings
from services.lineage.store.lookup import chunks
from services.lineage.store.tables import UtcDateTime, column_edge, edge, observed, observed_column

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

    @property
    def given(self) -> dict[str, dt.datetime]:
        """What a query of a table of intervals is given."""
        return {} if self.at is None else {"moment": self.at}

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
    end = "target" if upstream else "source"
    for part in chunks(sorted(ids)):
        given = {"ids": part}
        for row in connection.execute(_held(edge, end, dated=when.at is not None), given | when.given).all():
            source, target, kind, confidence, guards, evidence = row
            if source != target and when.wants(kind):
                ends = AssetId(source), AssetId(target)
                yield Flow(*ends, kind, confidence, kind, guards=_guards(guards), evidence=tuple(json.loads(evidence)))
        yield from _seen(connection, observed, end, given, when)


def between_columns(
    connection: Connection,
    keys: Collection[ColumnKey],
    *,
    upstream: bool,
    when: When,
    among: Collection[AssetId] | None = None,
) -> Iterator[Flow]:
    """The edges into or out of these columns as they are stored: `*` is another column, and asked for by itself.

    Args:
        connection: that reads one state of the store.
        keys: the columns.
        upstream: whether it is into them.
        when: which edges count.
        among: only those of which the other end is one of these datasets, at most `KEYS`; None for all.

    """
    end = "target" if upstream else "source"
    others = {} if among is None else {"others": sorted(among)}
    for part in chunks(sorted(keys, key=lambda key: (key[1], key[0])), AT_ONCE):
        wanted = frozenset(part)
        ids, names = sorted({asset for asset, _ in part}), sorted({column for _, column in part})
        yield from _columns(connection, end, wanted, {"ids": ids, "names": names, **others}, when)


def _columns(
    connection: Connection, end: str, wanted: Collection[ColumnKey], given: Mapping[str, Any], when: When
) -> Iterator[Flow]:
    upstream = end == "target"
    query = _held(column_edge, end, dated=when.at is not None, among="others" in given)
    for row in connection.execute(query, {**given, **when.given}).all():
        source, target, kind, confidence, guards, basis, column, into = row
        if ((target, into) if upstream else (source, column)) in wanted and when.wants(*words_of(kind, basis)):
            yield Flow(AssetId(source), AssetId(target), kind, confidence, basis, column, into, _guards(guards))
    for flow in _seen(connection, observed_column, end, given, when):
        if ((flow.target, flow.into) if upstream else (flow.source, flow.column)) in wanted:
            yield flow


def _guards(text: str) -> tuple[ScopePath, ...]:
    return () if text == "[]" else tuple(map(ScopePath, json.loads(text)))


@cache
def _held(table: Table, end: str, *, dated: bool, among: bool = False) -> Select[Any]:
    """The rows of a table of intervals at some places, made once: making it takes longer than asking it."""
    names = ("basis", "source_column", "target_column") if table is column_edge else ()
    evidence = () if table is column_edge else (cast(table.c.evidence, Text),)
    first = table.c.source_id, table.c.target_id, table.c.kind, table.c.confidence, cast(table.c.guards, Text)
    query = select(*first, *evidence, *(table.c[name] for name in names)).where(_at(table, end, among=among))
    if not dated:
        return query.where(table.c.valid_to.is_(None))
    at = bindparam("moment", type_=UtcDateTime())
    return query.where(table.c.valid_from <= at, or_(table.c.valid_to.is_(None), table.c.valid_to > at))


@cache
def _sightings(table: Table, end: str, *, among: bool = False) -> Select[Any]:
    """What runs and logs showed until a moment, one row a pair and kind."""
    names = ("basis", "source_column", "target_column") if table is observed_column else ()
    pair = [table.c[name] for name in ("source_id", "target_id", "kind", *names)]
    seen = (
        func.max(table.c.confidence),
        func.count(),
        func.sum(table.c.count),
        func.min(table.c.first_seen),
        func.max(table.c.last_seen),
    )
    until = table.c.first_seen <= bindparam("moment", type_=UtcDateTime())
    return select(*seen, *pair).where(_at(table, end, among=among), until).group_by(*pair)


def _at(table: Table, end: str, *, among: bool) -> ColumnElement[bool]:
    """The rows at some columns, and some more: SQLite goes through the index for two lists, and not for a list of pairs."""
    other = "source" if end == "target" else "target"
    place: ColumnElement[bool] = table.c[f"{end}_id"].in_(bindparam("ids", expanding=True))
    if table in (column_edge, observed_column):
        place &= table.c[f"{end}_column"].in_(bindparam("names", expanding=True))
    if among:  # as an expression: else SQLite might go through the index of the other end, where hubs have thousands of rows
        place &= func.coalesce(table.c[f"{other}_id"], "").in_(bindparam("others", expanding=True))
    return place


def words_of(kind: str, basis: str) -> tuple[str, ...]:
    """What an edge between columns may be asked for by."""
    if kind == sightings.KEY:
        return (kind,)
    return kind, basis, "direct" if kind in DIRECT else "indirect"


def _seen(connection: Connection, table: Table, end: str, given: Mapping[str, Any], when: When) -> Iterator[Flow]:
    """What runs and logs showed by then, one a pair and kind."""
    query = _sightings(table, end, among="others" in given)
    for row in connection.execute(query, {**given, "moment": when.moment}).all():
        confidence, origins, times, first, last, source, target, kind, *columns = row
        basis, column, into = columns or (kind, "", "")
        if source == target or not when.wants(*(words_of(kind, basis) if columns else (kind,))):
            continue
        yield Flow(
            AssetId(source),
            AssetId(target),
            kind,
            confidence,
            basis,
            column,
            into,
            evidence=(sightings.evidence_line(basis, origins, int(times), first, last),),
            stale=when.is_stale(last),
        )
