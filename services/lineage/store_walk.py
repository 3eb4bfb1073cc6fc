"""Walks on the edges in the store: at another time than now, along other kinds, and between columns.

Journey 3, step "answer". A hop is one indexed query a table of edges; nothing of it is held in memory between answers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from heapq import nsmallest

from sqlalchemy import Connection

from services.common.errors import BadRequest, NotFound
from services.common.model.lineage import Direction, LineageEdge, LineageNode, LineageRequest, Subgraph
from services.common.model.names import AssetId
from services.common.model.near_columns import did_you_mean, near_columns
from services.common.model.platforms import Case
from services.common.runtime.db import Database
from services.lineage.events.facets import is_storable
from services.lineage.fitting import fitted
from services.lineage.graph import Snapshot
from services.lineage.reach import reach
from services.lineage.store import checkpoint, column_readings, definitions, observed
from services.lineage.store.column_edges import EVERY
from services.lineage.store.datasets import Dataset
from services.lineage.store.flows import DIRECT, ColumnKey, Flow, When, between, between_columns
from services.lineage.store.lookup import KEYS
from services.lineage.visible import Visible, by_dataset, spelled


class StoreWalker:
    """Answers what the graph in memory does not hold.

    Args:
        database: the lineage service's own.
        current: the graph in memory; what datasets are is taken from it where it is of the store's state.
        clock: the time of asking, with an offset.

    """

    def __init__(
        self,
        database: Database,
        current: Callable[[], Snapshot],
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._database = database
        self._current = current
        self._clock = clock

    def walk(self, request: LineageRequest) -> Subgraph:
        """See `LineageQuery.walk`; the request's bounds have been checked.

        Raises:
            BadRequest: it has a cursor; such a walk has no pages.
            NotFound: there is no such asset, or no such column of it, or the scope hides it.

        """
        if request.cursor is not None:
            raise BadRequest("cursor: a walk with column, as_of, kinds or stale has one page; raise limit instead")
        with self._database.read() as connection:
            when = When(request.as_of, self._clock(), observed.stale_after(connection), frozenset(request.kinds))
            seen = self._visible(connection, request, when, stale=request.stale)
            if not seen.exists(request.asset):
                raise NotFound(f"there is no lineage of {request.asset}, or you may not see it")
            seen.left_out.clear()  # whether it is there was asked in both directions
            return _walk_tables(seen, request) if request.column is None else _walk_columns(seen, request, request.column)

    def has_stale(self) -> bool:
        """Whether any edge at all is stale now."""
        with self._database.read() as connection:
            return observed.has_stale(connection, self._clock() - observed.stale_after(connection))

    def stale_at(self, request: LineageRequest, shown: Collection[AssetId]) -> int:
        """How many stale edges lead on from datasets that an answer shows, in its direction, inside the scope."""
        with self._database.read() as connection:
            when = When(None, self._clock(), observed.stale_after(connection))
            seen = self._visible(connection, request, when, stale=False)
            for upstream in (True, False):
                if request.direction in (Direction.UPSTREAM if upstream else Direction.DOWNSTREAM, Direction.BOTH):
                    seen.flows(between(connection, shown, upstream=upstream, when=when))
            return len(seen.left_out)

    def _visible(self, connection: Connection, request: LineageRequest, when: When, *, stale: bool) -> Visible:
        snapshot = self._current()
        is_same = checkpoint.read(connection).version == snapshot.version
        return Visible(connection, request.scope, when, stale=stale, look_up=snapshot.datasets if is_same else None)


def _walk_tables(seen: Visible, request: LineageRequest) -> Subgraph:
    def flows(nodes: Collection[AssetId], upstream: bool) -> list[Flow]:  # noqa: FBT001 - a step's direction
        return seen.flows(between(seen.connection, nodes, upstream=upstream, when=seen.when))

    def hop(nodes: Collection[AssetId], upstream: bool) -> set[AssetId]:  # noqa: FBT001 - a step's direction
        return {flow.source if upstream else flow.target for flow in flows(nodes, upstream)}

    found = reach(request.asset, request.direction, request.depth, hop, limit=request.limit)
    depths, stale = found.depths, len(seen.left_out)
    kept = nsmallest(request.limit, depths, key=lambda asset: (abs(depths[asset]), depths[asset], asset))
    among = frozenset(kept)
    edges = {(f.source, f.target, f.kind): f for f in flows(kept, upstream=True) if f.source in among}
    problem = None if request.as_of else definitions.problem(seen.connection, request.asset)
    nodes, told, cut = fitted(
        [node_of(held(seen, asset), depths[asset]) for asset in kept],
        [LineageEdge(*key, flow.evidence, flow.confidence) for key, flow in sorted(edges.items())],
        request.max_bytes,
    )
    return Subgraph(
        nodes=nodes,
        edges=told,
        total=len(depths),
        truncated=found.beyond or cut,
        state="complete" if problem is None else "unparsed",
        problem=problem,
        stale=stale,
    )


def _walk_columns(seen: Visible, request: LineageRequest, column: str) -> Subgraph:
    start = (request.asset, column.lower())

    def hop(nodes: Collection[ColumnKey], upstream: bool) -> set[ColumnKey]:  # noqa: FBT001 - a step's direction
        pairs = edges_into(seen, nodes) if upstream else edges_out_of(seen, nodes)
        return {source if upstream else target for source, target, _ in pairs}

    check_column(seen, start)
    found = reach(start, request.direction, request.depth, hop, limit=request.limit)
    depths, stale = found.depths, len(seen.left_out)
    kept = nsmallest(request.limit, depths, key=lambda key: (abs(depths[key]), depths[key], key))
    among = frozenset(kept)
    assets = {asset for asset, _ in kept}
    into = edges_into(seen, kept, assets if len(assets) <= KEYS else None)
    edges = {(s, t, f.kind, f.basis): f for s, t, f in into if s in among}
    names = seen.columns(assets)
    spellings = {key: spelling_of(seen, key, names) for key in kept}
    state, problem = _understood(seen, request)
    nodes, told, cut = fitted(
        [node_of(held(seen, key[0]), depths[key], spellings[key]) for key in kept],
        [
            edge_of(flow, spellings[source], spellings[target], seen)
            for (source, target, _, _), flow in sorted(edges.items(), key=lambda one: one[0])
        ],
        request.max_bytes,
    )
    return Subgraph(
        nodes=nodes,
        edges=told,
        total=len(depths),
        truncated=found.beyond or cut,
        state=state,
        problem=problem,
        stale=stale,
    )


def edges_into(
    seen: Visible, nodes: Collection[ColumnKey], among: Collection[AssetId] | None = None
) -> Iterable[tuple[ColumnKey, ColumnKey, Flow]]:
    """The edges into columns, from any dataset or from those in `among`. What goes into every column goes into each."""
    columns = by_dataset(nodes)
    keys = {*nodes, *((asset, EVERY) for asset in columns)}
    for flow in seen.flows(between_columns(seen.connection, keys, upstream=True, when=seen.when, among=among)):
        for into in columns[flow.target]:
            if flow.into in (into, EVERY):
                is_star = _is_star(flow)
                yield (flow.source, into if is_star else flow.column), (flow.target, into), flow


def edges_out_of(seen: Visible, nodes: Collection[ColumnKey]) -> Iterable[tuple[ColumnKey, ColumnKey, Flow]]:
    """The edges out of columns. What goes into every column goes into each that is known, or into `*`."""
    columns = by_dataset(nodes)
    keys = {*nodes, *((asset, EVERY) for asset in columns)}
    flows = seen.flows(between_columns(seen.connection, keys, upstream=False, when=seen.when))
    known = seen.columns({flow.target for flow in flows if flow.into == EVERY})
    for flow in flows:
        for column in columns[flow.source]:
            if _is_star(flow):
                yield (flow.source, column), (flow.target, column), flow
            elif flow.column == column:
                every = [name.lower() for name in known.get(flow.target, ())] or [EVERY]
                for into in every if flow.into == EVERY else [flow.into]:
                    yield (flow.source, column), (flow.target, into), flow


def _is_star(flow: Flow) -> bool:
    """Whether all columns of a table pass, whatever they are called."""
    return flow.column == EVERY and flow.into == EVERY and flow.kind == "identity"


def check_column(seen: Visible, key: ColumnKey) -> None:
    """A column exists where a crawl shows it, or an edge names it; of an unknown table also where a `*` may stand for it."""
    asset, column = key
    names = seen.columns([asset])[asset]
    if spelled(names, column) is not None:
        return
    absent = f"there is no column {column[:64]} of {held(seen, asset).name.qualified}, or you may not see it"
    if not is_storable(column):  # a database would not even look for it
        raise NotFound(absent)
    absent += did_you_mean(near_columns(column, names))
    keys = [key] if names else [key, (asset, EVERY)]
    for upstream in (True, False):
        for flow in seen.flows(between_columns(seen.connection, keys, upstream=upstream, when=seen.when)):
            if _is_star(flow) or (flow.into if upstream else flow.column) == column:
                return
    raise NotFound(absent)


def _understood(seen: Visible, request: LineageRequest) -> tuple[str, str | None]:
    """How far the asset's own definition is. Of its columns nothing is said where it may name what the scope hides."""
    problem = definitions.problem(seen.connection, request.asset)
    if problem is not None:
        return "unparsed", problem
    reading = column_readings.get(seen.connection, [request.asset]).get(request.asset)
    paths = definitions.paths(seen.connection, [request.asset]).get(request.asset, ())
    if reading is None or not all(map(request.scope.permits, paths)):
        return "complete", None
    return ("complete" if reading.state == column_readings.PARSED else reading.state), reading.problem


def held(seen: Visible, asset: AssetId) -> Dataset:
    """A dataset that is known to be shown."""
    dataset = seen.dataset(asset)
    assert dataset is not None
    return dataset


def spelling_of(seen: Visible, key: ColumnKey, names: dict[AssetId, tuple[str, ...]]) -> str:
    """A column's name as the crawl spells it; else as the engine writes a name without quotes."""
    asset, column = key
    found = spelled(names.get(asset, ()), column)
    if found is None:
        found = column.upper() if held(seen, asset).name.platform.case is Case.UPPER else column
    return found


def node_of(dataset: Dataset, depth: int, column: str | None = None) -> LineageNode:
    """A dataset, or a column of one, as answers show it."""
    known = dataset.listed, dataset.gone
    return LineageNode(dataset.id, dataset.name, dataset.kind, depth, *known, column=column, told=dataset.told)


def edge_of(flow: Flow, column: str, into: str, seen: Visible) -> LineageEdge:
    """An edge between columns as answers show it; the columns as they are spelled."""
    what = "foreign key" if flow.basis == observed.KEY else "definition"
    evidence = flow.evidence or (f"{what} of {held(seen, flow.target).name.qualified}",)
    direct = flow.kind in DIRECT
    return LineageEdge(flow.source, flow.target, flow.kind, evidence, flow.confidence, column, into, flow.basis, direct)
