"""What of the lineage is other at one instant than at another, inside a scope.

Journey 3, step "answer".
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

from sqlalchemy import Connection, or_, select

from services.common.model.lineage import DiffRequest, LineageDiff, LineageEdge, LineageNode
from services.common.model.names import AssetId
from services.lineage.store import observed as sightings
from services.lineage.store.flows import Flow, When, between
from services.lineage.store.lookup import chunks
from services.lineage.store.tables import edge, observed
from services.lineage.visible import Visible

_Key = tuple[AssetId, AssetId, str]


def diff(connection: Connection, request: DiffRequest, now: dt.datetime) -> LineageDiff:
    """The edges that opened and closed. Only targets with an edge that begins or ends between the instants are looked at."""
    stale_after = sightings.stale_after(connection)
    earlier, later = (When(at, now, stale_after) for at in (request.since, request.until))
    targets = _touched(connection, request, stale_after)
    before, after = _edges(connection, request, targets, earlier), _edges(connection, request, targets, later)
    opened = sorted(key for key in after if key not in before)
    closed = sorted(key for key in before if key not in after)
    total = len(opened) + len(closed)
    opened, closed = opened[: request.limit], closed[: max(request.limit - len(opened), 0)]
    ends = {end for source, target, _ in (*opened, *closed) for end in (source, target)}
    seen = Visible(connection, request.scope, later, stale=True)
    nodes = []
    for end in sorted(ends):
        found = seen.dataset(end)
        assert found is not None
        nodes.append(LineageNode(end, found.name, found.kind, 0, found.listed, found.gone))
    return LineageDiff(
        tuple(_edge(key, after[key]) for key in opened),
        tuple(_edge(key, before[key]) for key in closed),
        tuple(nodes),
        total,
        truncated=total > request.limit,
    )


def _edge(key: _Key, flow: Flow) -> LineageEdge:
    return LineageEdge(*key, flow.evidence, flow.confidence)


def _touched(connection: Connection, request: DiffRequest, stale_after: dt.timedelta) -> set[AssetId]:
    since, until = request.since, request.until
    moved = or_(
        (edge.c.valid_from > since) & (edge.c.valid_from <= until), (edge.c.valid_to > since) & (edge.c.valid_to <= until)
    )
    seen = or_(
        (observed.c.first_seen > since) & (observed.c.first_seen <= until),
        (observed.c.last_seen > since - stale_after) & (observed.c.last_seen <= until - stale_after),
    )
    found: set[AssetId] = set()
    for table, condition in ((edge, moved), (observed, seen)):
        query = select(table.c.target_id).where(condition).distinct()
        if request.asset is not None:
            query = query.where(or_(table.c.target_id == request.asset, table.c.source_id == request.asset))
        found |= {AssetId(target) for target in connection.execute(query).scalars()}
    return found


def _edges(connection: Connection, request: DiffRequest, targets: set[AssetId], when: When) -> dict[_Key, Flow]:
    seen = Visible(connection, request.scope, when, stale=False)
    parts = chunks(sorted(targets))
    flows = itertools.chain.from_iterable(
        seen.flows(between(connection, part, upstream=True, when=replace(when, kinds=frozenset()))) for part in parts
    )
    return {
        (flow.source, flow.target, flow.kind): flow
        for flow in flows
        if request.asset is None or request.asset in (flow.source, flow.target)
    }
