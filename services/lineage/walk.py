"""Walks of the graph inside a scope: breadth first, bounded, and as if what the scope hides did not exist.

Journey 3, step "answer". Hidden datasets are left out before anything is counted, and nothing is reached through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import nsmallest

from services.common.errors import BadRequest, NotFound
from services.common.model.access import AccessScope
from services.common.model.lineage import (
    Direction,
    LineageEdge,
    LineageNode,
    LineageRequest,
    LineageStatus,
    Subgraph,
)
from services.common.model.names import AssetId, ScopePath
from services.common.runtime.db import Database
from services.lineage.graph import Guards, LineageGraph, Snapshot
from services.lineage.store import definitions

Neighbours = Callable[[AssetId], Iterator[AssetId]]
"""The next datasets in one direction."""
MAX_DEPTH = 100
MAX_LIMIT = 10_000
"""Nodes of one answer: about 3 MB of JSON, more than anything draws or reads."""


class LineageWalker:
    """`LineageQuery` on the graph of this process."""

    def __init__(self, graph: LineageGraph, database: Database) -> None:
        self._graph = graph
        self._database = database

    def walk(self, request: LineageRequest) -> Subgraph:
        """The neighbourhood of an asset inside a scope: at most `depth` steps up and down, at most `limit` nodes.

        Up and down are walked apart: a sibling, made from the same source, is neither. A dataset that is both (there is
        a cycle) stands at its smaller distance, upstream where they are equal. `total` counts what is within `depth`.

        Raises:
            BadRequest: `depth` or `limit` is out of its bounds.
            NotFound: nothing of that id is in the graph, or the scope hides it.

        """
        if not 1 <= request.depth <= MAX_DEPTH or not 1 <= request.limit <= MAX_LIMIT:
            raise BadRequest(f"a walk has a depth of 1 to {MAX_DEPTH} and a limit of 1 to {MAX_LIMIT}")
        snapshot = self._graph.current()
        inside = _Inside(snapshot, request.scope)
        if not inside.shows(request.asset):
            raise NotFound(f"there is no lineage of {request.asset}, or you may not see it")
        depths, beyond = _reach_both(inside, request)
        kept = nsmallest(request.limit, depths, key=lambda asset: (abs(depths[asset]), depths[asset], asset))
        problem = snapshot.problems.get(request.asset)
        return Subgraph(
            nodes=tuple(_node(snapshot, asset, depths[asset]) for asset in kept),
            edges=tuple(filter(inside.shows_edge, snapshot.edges_among(frozenset(kept)))),
            total=len(depths),
            truncated=beyond or len(kept) < len(depths),
            state="complete" if problem is None else "unparsed",
            problem=problem,
        )

    def mentioned(self, asset: AssetId, sha256: str) -> tuple[ScopePath, ...] | None:
        """The scope paths of every dataset that the asset's definition reads, hidden ones included, in order.

        Args:
            asset: whose definition it is.
            sha256: of the definition's text, in hexadecimal.

        Returns:
            None where it is not known what that text reads: it could not be read, or it has not been followed yet. It
            may then name anything.

        """
        with self._database.read() as connection:
            return definitions.told(connection, asset, sha256)

    def status(self) -> LineageStatus:
        """How far the graph is."""
        snapshot = self._graph.current()
        datasets, edges = snapshot.size
        return LineageStatus(snapshot.seq, datasets, edges, snapshot.parsed, snapshot.unparsed)


class _Inside:
    """The graph as a scope shows it; each dataset is asked about once a walk.

    A dataset that only definitions or events name is shown where one of the edges that they give it is: without those
    nobody would know of it. One that is gone is shown where it has an edge: whether it was ever followed is chance.
    """

    def __init__(self, snapshot: Snapshot, scope: AccessScope) -> None:
        self._snapshot = snapshot
        self._scope = scope
        self._full = scope.is_full
        self._unguarded = self._full or not snapshot.guarded
        self._permitted: dict[AssetId, bool] = {}
        self._shown: dict[AssetId, bool] = {}

    def shows(self, asset: AssetId) -> bool:
        """Whether the dataset exists as far as the scope goes."""
        answer = self._shown.get(asset)
        if answer is None:
            dataset = self._snapshot.dataset(asset)
            answer = dataset is not None and self._permits(asset)
            if answer and dataset is not None and not dataset.known:
                ends = self._snapshot.targets(asset)
                answer = any(self._permits(end) and self._leads(asset, end) for end in ends)
                if not answer:
                    ends = self._snapshot.sources(asset)
                    answer = any(self._permits(end) and self._leads(end, asset) for end in ends)
            self._shown[asset] = answer
        return answer

    def shows_edge(self, edge: LineageEdge) -> bool:
        """Whether an edge between two datasets that are shown is shown too."""
        return self._unguarded or self._meets(self._snapshot.guards(edge.source, edge.target).get(edge.kind, ()))

    def sources(self, asset: AssetId) -> Iterator[AssetId]:
        """What `asset`, which is shown, is made from."""
        found = filter(self.shows, self._snapshot.sources(asset))
        return found if self._unguarded else (source for source in found if self._leads(source, asset))

    def targets(self, asset: AssetId) -> Iterator[AssetId]:
        """What is made from `asset`, which is shown."""
        found = filter(self.shows, self._snapshot.targets(asset))
        return found if self._unguarded else (target for target in found if self._leads(asset, target))

    def _leads(self, source: AssetId, target: AssetId) -> bool:
        """Whether some edge of the pair asks for nothing that the scope hides."""
        if self._unguarded:
            return True
        guards = self._snapshot.guards(source, target)
        return not guards or any(self._meets(guards.get(kind, ())) for kind in self._snapshot.kinds(source, target))

    def _meets(self, guards: Guards) -> bool:
        return all(map(self._scope.permits, guards))

    def _permits(self, asset: AssetId) -> bool:
        answer = self._permitted.get(asset)
        if answer is None:
            dataset = self._snapshot.dataset(asset)
            answer = dataset is not None and (self._full or self._scope.permits(dataset.scope_path))
            self._permitted[asset] = answer
        return answer


def _reach_both(inside: _Inside, request: LineageRequest) -> tuple[dict[AssetId, int], bool]:
    """Distances of all that is within depth, negative upstream, and whether greater depth would reach more."""
    depths: dict[AssetId, int] = {request.asset: 0}
    walks: list[tuple[Neighbours, dict[AssetId, int], list[AssetId]]] = []
    if request.direction is not Direction.DOWNSTREAM:
        up, frontier = _reach(request.asset, inside.sources, request.depth)
        walks.append((inside.sources, up, frontier))
        depths.update({asset: -depth for asset, depth in up.items()})
    if request.direction is not Direction.UPSTREAM:
        down, frontier = _reach(request.asset, inside.targets, request.depth)
        walks.append((inside.targets, down, frontier))
        for asset, depth in down.items():
            if asset not in depths or depth < -depths[asset]:
                depths[asset] = depth
    return depths, any(_reaches_more(*walk, depths) for walk in walks)


def _reach(start: AssetId, neighbours: Neighbours, depth: int) -> tuple[dict[AssetId, int], list[AssetId]]:
    """Distances of what is reached within `depth` steps, `start` included, and the last step's datasets."""
    reached = {start: 0}
    frontier = [start]
    for distance in range(1, depth + 1):
        after: list[AssetId] = []
        for asset in frontier:
            for other in neighbours(asset):
                if other not in reached:
                    reached[other] = distance
                    after.append(other)
        frontier = after
    return reached, frontier


def _reaches_more(
    neighbours: Neighbours,
    reached: dict[AssetId, int],
    frontier: list[AssetId],
    answer: dict[AssetId, int],
) -> bool:
    """Whether further steps lead out of the answer. In a cycle they may lead to what the other direction has reached."""
    passed: set[AssetId] = set()
    ahead = list(frontier)
    while ahead:
        for other in neighbours(ahead.pop()):
            if other in reached or other in passed:
                continue
            if other not in answer:
                return True
            passed.add(other)
            ahead.append(other)
    return False


def _node(snapshot: Snapshot, asset: AssetId, depth: int) -> LineageNode:
    dataset = snapshot.dataset(asset)
    assert dataset is not None
    return LineageNode(asset, dataset.name, dataset.kind, depth, dataset.listed, dataset.gone)
