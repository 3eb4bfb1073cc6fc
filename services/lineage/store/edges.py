"""The edges with their intervals: opened when a definition says so, closed when it no longer does, never rewritten.

Journey 3, step "store".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, Text, cast, insert, select, update

from services.common.model.names import AssetId, ScopePath
from services.lineage.store.lookup import rows_with, write_with
from services.lineage.store.tables import edge

VIEW = "view"
"""The target is a view, and its definition reads the source."""
QUERY = "query"
"""The target is a table that was made from a query, and the query reads the source."""
FROM_DEFINITIONS = (VIEW, QUERY)


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


class EdgeRow(NamedTuple):
    """An edge as it is stored: `evidence` and `guards` are still JSON, because most edges share theirs with others."""

    source: AssetId
    target: AssetId
    kind: str
    evidence: str
    confidence: float
    guards: str = "[]"


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to be done so that exactly the wanted edges are in force."""

    opened: tuple[Edge, ...]
    closed: tuple[int, ...]


def difference(connection: Connection, wanted: Mapping[AssetId, Collection[Edge]]) -> Difference:
    """Compare the edges in force that rest on the definitions of `wanted`'s keys with those that should be."""
    kept: set[Edge] = set()
    closed: list[int] = []
    query = select(edge).where(edge.c.valid_to.is_(None), edge.c.kind.in_(FROM_DEFINITIONS))
    for row in rows_with(connection, query, edge.c.target_id, wanted.keys()):
        held = Edge(
            source=AssetId(row.source_id),
            target=AssetId(row.target_id),
            kind=row.kind,
            evidence=tuple(row.evidence),
            confidence=row.confidence,
            guards=tuple(map(ScopePath, row.guards)),
        )
        if held in wanted[held.target]:
            kept.add(held)
        else:
            closed.append(row.id)
    opened = [one for edges in wanted.values() for one in edges if one not in kept]
    return Difference(tuple(opened), tuple(closed))


def apply(connection: Connection, change: Difference, at: dt.datetime) -> bool:
    """Close and open edges at one moment; returns whether there was anything to do."""
    write_with(connection, update(edge).values(valid_to=at), edge.c.id, change.closed)
    if change.opened:
        connection.execute(insert(edge), [_row(one, at) for one in change.opened])
    return bool(change.opened or change.closed)


def follow(connection: Connection, renamed: Mapping[AssetId, AssetId]) -> bool:
    """Give the edges of datasets that got another id to that id, ended ones too; returns whether there were any.

    Edges in force that rest on definitions have been closed and opened again before: the definitions say the new name.
    """
    found = False
    for old, new in renamed.items():
        for column in (edge.c.source_id, edge.c.target_id):
            theirs = (column == old) & (edge.c.valid_to.is_not(None) | edge.c.kind.not_in(FROM_DEFINITIONS))
            found |= connection.execute(update(edge).where(theirs).values({column: new})).rowcount > 0
    return found


def in_force(connection: Connection) -> Iterator[EdgeRow]:
    """Every edge that holds now, in the order they were opened."""
    texts = cast(edge.c.evidence, Text), edge.c.confidence, cast(edge.c.guards, Text)
    query = select(edge.c.source_id, edge.c.target_id, edge.c.kind, *texts).where(edge.c.valid_to.is_(None))
    for source, target, kind, evidence, confidence, guards in connection.execute(query.order_by(edge.c.id)):
        yield EdgeRow(AssetId(source), AssetId(target), kind, evidence, confidence, guards)


def _row(one: Edge, at: dt.datetime) -> dict[str, object]:
    return {
        "source_id": one.source,
        "target_id": one.target,
        "kind": one.kind,
        "evidence": list(one.evidence),
        "confidence": one.confidence,
        "guards": list(one.guards),
        "valid_from": at,
        "valid_to": None,
    }
