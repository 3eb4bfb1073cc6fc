"""One hop along edges as they held at an instant, between datasets or between columns: one indexed query a table of edges.

Journey 3, step "answer", where the graph in memory does not do: another time than now, other kinds, columns.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CompoundSelect,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from services.common.model.names import AssetId, ScopePath
from services.lineage.store import observed as sightings
from services.lineage.store.lookup import chunks
from services.lineage.store.tables import UtcDateTime, column_edge, edge, observed, observed_column

ColumnKey = tuple[AssetId, str]
"""A dataset and a column of it in lower case, or `*`."""
AT_ONCE = 5_000
"""Columns in one statement, which is given them as one value and so is the same for any number."""
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


class Flow(NamedTuple):
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
    at = _Place(connection.dialect.name, end)
    for part in chunks(sorted(ids)):
        given = {"ids": part}
        for row in connection.execute(_held(at, dated=when.at is not None), given | when.given).all():
            source, target, kind, confidence, guards, evidence = row
            if source != target and when.wants(kind):
                ends = AssetId(source), AssetId(target)
                yield Flow(*ends, kind, confidence, kind, guards=_guards(guards), evidence=tuple(json.loads(evidence)))
        yield from _seen(connection, at, given, when)


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
    others = {} if among is None else {"others": _listed(connection, sorted(among))}
    for part in chunks(sorted(keys), AT_ONCE):
        yield from _columns(connection, end, {**_given(connection, part), **others}, when)


def _columns(connection: Connection, end: str, given: Mapping[str, Any], when: When) -> Iterator[Flow]:
    at = _Place(connection.dialect.name, end, among="others" in given)
    query = _held_and_seen(at, dated=when.at is not None)
    for row in connection.execute(query, {**given, "moment": when.moment}).all():
        source, target, kind, confidence, basis, column, into, guards, *seen = row
        is_seen = seen[-1] is not None
        if when.wants(*words_of(kind, basis)) and not (is_seen and source == target):
            flow = Flow(AssetId(source), AssetId(target), kind, confidence, basis, column, into, _guards(guards))
            yield _dated(flow, when, *seen) if is_seen else flow


def _dated(flow: Flow, when: When, origins: int, times: int, first: dt.datetime, last: dt.datetime) -> Flow:
    """An edge that runs or logs show, with what they say of it."""
    line = sightings.evidence_line(flow.basis, origins, int(times), first, last)
    return flow._replace(evidence=(line,), stale=when.is_stale(last))


def _guards(text: str) -> tuple[ScopePath, ...]:
    return () if text == "[]" else tuple(map(ScopePath, json.loads(text)))


class _Place(NamedTuple):
    """Where edges are asked for: in which database, at which end, and whether the other end is one of some datasets."""

    dialect: str
    end: str
    among: bool = False


@cache
def _held(at: _Place, *, dated: bool) -> Select[Any]:
    """The edges between datasets at some places, made once: making it takes longer than asking it."""
    pair = edge.c.source_id, edge.c.target_id, edge.c.kind
    query = select(*pair, edge.c.confidence, cast(edge.c.guards, Text), cast(edge.c.evidence, Text))
    return query.where(_at(edge, at), _holds(edge, dated=dated))


@cache
def _sightings(at: _Place) -> Select[Any]:
    """What runs and logs showed until a moment, one row a pair and kind."""
    pair = observed.c.source_id, observed.c.target_id, observed.c.kind
    seen = func.max(observed.c.confidence), *_told(observed)
    return select(*pair, *seen).where(_at(observed, at), _begun(observed)).group_by(*pair)


@cache
def _held_and_seen(at: _Place, *, dated: bool) -> CompoundSelect[Any]:
    """The edges between columns at some places, then what runs and logs showed of them: in one statement, as each costs most of it."""
    ends, texts = ("source_id", "target_id", "kind"), ("basis", "source_column", "target_column")
    held, seen = ([table.c[name] for name in (*ends, *texts)] for table in (column_edge, observed_column))
    none = (cast(null(), type_) for type_ in (BigInteger(), BigInteger(), UtcDateTime(), UtcDateTime()))
    first = select(*held[:3], column_edge.c.confidence, *held[3:], cast(column_edge.c.guards, Text), *none)
    then = select(*seen[:3], func.max(observed_column.c.confidence), *seen[3:], literal("[]", Text), *_told(observed_column))
    return union_all(
        first.where(_at(column_edge, at), _holds(column_edge, dated=dated)),
        then.where(_at(observed_column, at), _begun(observed_column)).group_by(*seen),
    )


def _holds(table: Table, *, dated: bool) -> ColumnElement[bool]:
    if not dated:
        return table.c.valid_to.is_(None)
    moment = bindparam("moment", type_=UtcDateTime())
    return and_(table.c.valid_from <= moment, or_(table.c.valid_to.is_(None), table.c.valid_to > moment))


def _begun(table: Table) -> ColumnElement[bool]:
    return table.c.first_seen <= bindparam("moment", type_=UtcDateTime())


def _told(table: Table) -> tuple[ColumnElement[Any], ...]:
    """How many origins saw an edge, how often, first and last."""
    return func.count(), func.sum(table.c.count), func.min(table.c.first_seen), func.max(table.c.last_seen)


def _at(table: Table, at: _Place) -> ColumnElement[bool]:
    """The rows at some datasets or columns. Columns are joined as a table: through the index by both parts of each of them."""
    if table not in (column_edge, observed_column):
        return table.c[f"{at.end}_id"].in_(bindparam("ids", expanding=True))
    asset, column = _asked(at.dialect)
    place = (table.c[f"{at.end}_id"] == asset) & (table.c[f"{at.end}_column"] == column)
    if (
        at.among
    ):  # as an expression: else SQLite might go through the index of the other end, where hubs have thousands of rows
        other = func.coalesce(table.c["source_id" if at.end == "target" else "target_id"], "")
        place &= other.in_(_others(at.dialect))
    return place


def _asked(dialect: str) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Dataset and name of each column that is asked for, from what `_given` gives."""
    if dialect == "postgresql":
        names = (bindparam(name, type_=ARRAY(Text)) for name in ("ids", "names"))
        found = func.unnest(*names).table_valued("id", "name", name="asked").render_derived()
        return found.c.id, found.c.name
    pair = func.json_each(bindparam("keys", type_=Text)).table_valued("value", name="asked").c.value
    return func.json_extract(pair, "$[0]"), func.json_extract(pair, "$[1]")


def _others(dialect: str) -> Select[Any]:
    """The datasets of which the other end is one."""
    if dialect == "postgresql":
        return select(func.unnest(bindparam("others", type_=ARRAY(Text))).column_valued("other"))
    return select(func.json_each(bindparam("others", type_=Text)).table_valued("value", name="other").c.value)


def _given(connection: Connection, keys: Sequence[ColumnKey]) -> dict[str, Any]:
    if connection.dialect.name == "postgresql":
        return {"ids": [asset for asset, _ in keys], "names": [column for _, column in keys]}
    return {"keys": json.dumps(keys, ensure_ascii=False)}


def _listed(connection: Connection, ids: Sequence[AssetId]) -> Any:
    return ids if connection.dialect.name == "postgresql" else json.dumps(ids)


def words_of(kind: str, basis: str) -> tuple[str, ...]:
    """What an edge between columns may be asked for by."""
    if kind == sightings.KEY:
        return (kind,)
    return kind, basis, "direct" if kind in DIRECT else "indirect"


def _seen(connection: Connection, at: _Place, given: Mapping[str, Any], when: When) -> Iterator[Flow]:
    """What runs and logs showed by then between datasets, one a pair and kind."""
    for row in connection.execute(_sightings(at), {**given, "moment": when.moment}).all():
        source, target, kind, confidence, *seen = row
        if source != target and when.wants(kind):
            yield _dated(Flow(AssetId(source), AssetId(target), kind, confidence, kind), when, *seen)
