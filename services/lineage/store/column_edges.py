"""The edges between columns: those of definitions with their intervals, and those that runs and logs show.

Journey 3, step "store". A column that decides about rows holds for every column of the target: that is one row, into `*`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Insert, delete, select, update

from services.common.model.names import AssetId, ScopePath
from services.lineage.store import intervals
from services.lineage.store.observed import KEY, LEAST, MOST, SUMMED
from services.lineage.store.tables import column_edge, observed_column
from services.lineage.store.upserts import widening

EVERY = "*"
"""As `into`: every column of the target. As `column`: some column of a source whose columns are not known, or its rows."""
_ONCE = ("target_id", "target_column", "source_id", "source_column", "kind", "basis", "origin")


@dataclass(frozen=True, slots=True)
class ColumnEdge:
    """`source.column` gets into `target.into`. Columns are stored and compared in lower case.

    Attributes:
        kind: identity, transformation, aggregation, window, conditional (direct); filter, join, group, sort (indirect).
        basis: what it rests on, as `edges` and `observed` name it; `put_observed` gives its own.
        confidence: 0 to 1.
        guards: as of an edge between tables.

    """

    source: AssetId
    column: str
    target: AssetId
    into: str
    kind: str
    basis: str = ""
    confidence: float = 1.0
    guards: tuple[ScopePath, ...] = ()


def replace(
    connection: Connection,
    target: AssetId,
    edges: Iterable[ColumnEdge],
    at: dt.datetime,
    arrived: dt.datetime | None = None,
) -> bool:
    """From `at` on exactly `edges` rest on the definition of `target`; returns whether any row changed."""
    return replace_many(connection, {target: edges}, {target: at}, arrived or at)


def replace_many(
    connection: Connection,
    wanted: Mapping[AssetId, Iterable[ColumnEdge]],
    at: Mapping[AssetId, dt.datetime],
    arrived: dt.datetime,
    *,
    keys: bool = False,
) -> bool:
    """As `replace`, of many targets; with `keys` what foreign keys say of them and not what definitions do."""
    rows = {target: {_key(row): row for row in map(_row, edges)} for target, edges in wanted.items()}
    return intervals.replace(connection, KEYS if keys else LEDGER, rows, at, arrived)


def put_observed(
    connection: Connection,
    edges: Iterable[ColumnEdge],
    *,
    kind: str,
    origin: str,
    at: dt.datetime,
    arrived: dt.datetime,
    count: int = 1,
    first: dt.datetime | None = None,
) -> None:
    """Add what a run or a statement of a log showed, in whatever order it arrives. See `observed.put`.

    Args:
        connection: inside a unit of work, after which `checkpoint.raise_version` is due.
        edges: the columns.
        kind: `observed.RUN` or `observed.LOG`.
        origin: the job's id or the statement's fingerprint.
        at: the event's own time; of several events the last one's.
        arrived: when we were told.
        count: how often it was shown then; 0 where that was counted before and only the time is new.
        first: of several events the first one's time; None where there is one.

    """
    seen = {"origin": origin, "first_seen": first or at, "last_seen": at, "arrived_at": arrived, "count": count}
    rows = {(one.target, _key(row := _row(one, kind))): row | seen for one in edges}
    if not rows:
        return
    for row in rows.values():
        del row["guards"]
    connection.execute(_widening(connection), list(rows.values()))


def follow(connection: Connection, renamed: Mapping[AssetId, AssetId]) -> bool:
    """Give the edges of datasets that got another id to that id; returns whether there were any."""
    found = False
    for old, new in renamed.items():
        for end in ("source_id", "target_id"):
            found |= connection.execute(update(column_edge).where(column_edge.c[end] == old).values({end: new})).rowcount > 0
            found |= _follow_observed(connection, end, old, new)
    return found


def _follow_observed(connection: Connection, end: str, old: AssetId, new: AssetId) -> bool:
    rows = [dict(row) for row in connection.execute(select(observed_column).where(observed_column.c[end] == old)).mappings()]
    connection.execute(delete(observed_column).where(observed_column.c[end] == old))
    for row in rows:
        del row["id"]  # where the edge is seen at the new id too, they become one: nothing of either is lost
        connection.execute(_widening(connection), row | {end: new})
    return bool(rows)


def _widening(connection: Connection) -> Insert:
    return widening(connection, observed_column, _ONCE, least=LEAST, most=MOST, summed=SUMMED)


def _key(row: Mapping[str, Any]) -> Hashable:
    names = "source_id", "source_column", "target_column", "kind", "basis", "confidence"
    return (*(row[name] for name in names), tuple(row["guards"]))


LEDGER = intervals.Ledger(column_edge, "column", _key, column_edge.c.basis != KEY)
"""The edges between columns that rest on definitions, by time."""
KEYS = intervals.Ledger(column_edge, "column key", _key, column_edge.c.basis == KEY)
"""Columns that refer to others', by time."""


def _row(one: ColumnEdge, basis: str | None = None) -> dict[str, Any]:
    return {
        "source_id": one.source,
        "source_column": one.column.lower(),
        "target_id": one.target,
        "target_column": one.into.lower(),
        "kind": one.kind,
        "basis": basis or one.basis,
        "confidence": one.confidence,
        "guards": list(one.guards),
    }
