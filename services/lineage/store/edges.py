"""The edges with their intervals: opened when a definition says so, closed when it no longer does, never rewritten.

Journey 3, step "store".
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Text, cast, select, update

from services.common.model.names import AssetId, ScopePath
from services.lineage.store import intervals, observed
from services.lineage.store.blocks import Block, blocks, blocks_of
from services.lineage.store.tables import edge

VIEW = "view"
"""The target is a view, and its definition reads the source."""
QUERY = "query"
"""The target is a table that was made from a query, and the query reads the source."""
EXPOSURE = "exposure"
"""A tool says that the target, such as a dashboard, shows the source."""
FROM_DEFINITIONS = (VIEW, QUERY, EXPOSURE)


@dataclass(frozen=True, slots=True)
class Edge:
    """Data flows from `source` to `target`.

    Attributes:
        evidence: lines that say where that was read; they name nothing but the target.
        confidence: 0 to 1.
        guards: what one must be allowed to see besides both ends, because the same text might mean it.

    """

    source: AssetId
    target: AssetId
    kind: str
    evidence: tuple[str, ...]
    confidence: float
    guards: tuple[ScopePath, ...] = ()


SURE = 1 << 62
"""What a confidence of 1 is as a whole number: one that is at least .001 is told to its last bit."""


class EdgeRow(NamedTuple):
    """An edge as a build reads it: `evidence` and `guards` are JSON, because most edges share theirs, `confidence` parts of `SURE`."""

    source: AssetId
    target: AssetId
    kind: str
    evidence: str
    confidence: str
    guards: str

    @classmethod
    def of(
        cls, source: AssetId, target: AssetId, kind: str, evidence: str, confidence: float, guards: str = "[]"
    ) -> EdgeRow:
        """The row of an edge of that confidence, 0 to 1."""
        return cls(source, target, kind, evidence, str(int(confidence * SURE)), guards)


def replace(
    connection: Connection,
    wanted: Mapping[AssetId, Collection[Edge]],
    at: Mapping[AssetId, dt.datetime],
    arrived: dt.datetime,
    *,
    keys: bool = False,
) -> bool:
    """From `at` on exactly `wanted` rests on the definitions of its keys; returns whether that is another graph.

    With `keys` what foreign keys say of them and not what definitions do. See `intervals.replace` for states that arrive late.
    """
    rows = {target: {_key(_row(one)): _row(one) for one in edges} for target, edges in wanted.items()}
    return intervals.replace(connection, KEYS if keys else LEDGER, rows, at, arrived)


def say(connection: Connection, said: Edge, at: dt.datetime, *, holds: bool) -> bool:
    """From `at` on what a person says holds, or holds no more; returns whether that is news."""
    mine = (edge.c.target_id == said.target) & edge.c.valid_to.is_(None) & (edge.c.kind == observed.MANUAL)
    now = {_key(row): row for row in map(dict, connection.execute(select(edge).where(mine)).mappings())}
    others = {key: _values(row) for key, row in now.items() if row["source_id"] != said.source}
    if (len(others) < len(now)) == holds:
        return False
    wanted = others | ({_key(_row(said)): _row(said)} if holds else {})
    last = intervals.newest(connection, SAID.level, {said.target}).get(said.target, at)
    return intervals.replace(connection, SAID, {said.target: wanted}, {said.target: max(at, last)}, at)


def follow(connection: Connection, renamed: Mapping[AssetId, AssetId]) -> bool:
    """Give the edges of datasets that got another id to that id, ended ones too; returns whether there were any.

    Edges in force that rest on definitions have been closed and opened again before: the definitions say the new name.
    """
    found = False
    for old, new in renamed.items():
        for column in (edge.c.source_id, edge.c.target_id):
            theirs = (column == old) & (edge.c.valid_to.is_not(None) | edge.c.kind.not_in(FROM_DEFINITIONS))
            found |= connection.execute(update(edge).where(theirs).values({column: new})).rowcount > 0
        found |= observed.follow(connection, old, new)
    return found


def in_force(connection: Connection, now: dt.datetime | None = None) -> Iterator[Block]:
    """Every edge along which data flows now, as blocks of the fields of `EdgeRow`: those of definitions in the order they were
    opened, then what runs, logs and people show and is not stale, one row a pair and kind. Without `now` the machine's clock counts.
    """
    likelihood = cast(
        cast(edge.c.confidence * float(SURE), BigInteger), Text
    )  # as a text a float would lose its last digits
    columns = (
        edge.c.source_id,
        edge.c.target_id,
        edge.c.kind,
        cast(edge.c.evidence, Text),
        likelihood,
        cast(edge.c.guards, Text),
    )
    yield from blocks(connection, edge, columns, edge.c.valid_to.is_(None), edge.c.kind != observed.KEY)
    yield from blocks_of(
        EdgeRow.of(one.source, one.target, one.kind, json.dumps([one.evidence]), one.confidence)
        for one in observed.fresh(connection, now or dt.datetime.now(dt.UTC))
    )


def _key(row: Mapping[str, Any]) -> Hashable:
    return row["source_id"], row["kind"], tuple(row["evidence"]), row["confidence"], tuple(row["guards"])


LEDGER = intervals.Ledger(edge, "table", _key, edge.c.kind.in_(FROM_DEFINITIONS))
"""The edges that rest on definitions, by time."""
SAID = intervals.Ledger(edge, "manual", _key, edge.c.kind == observed.MANUAL)
"""What people say, by time."""
KEYS = intervals.Ledger(edge, "key", _key, edge.c.kind == observed.KEY)
"""Foreign keys, by time: from the table that is referred to."""


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("source_id", "target_id", "kind", "evidence", "confidence", "guards")}


def _row(one: Edge) -> dict[str, Any]:
    return {
        "source_id": one.source,
        "target_id": one.target,
        "kind": one.kind,
        "evidence": list(one.evidence),
        "confidence": one.confidence,
        "guards": list(one.guards),
    }
