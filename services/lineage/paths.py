"""Ways from one dataset to another: the shortest first, as many as are asked for, never all of them.

Journey 3, step "answer". Distances to the end are known before the first way is followed, so that nothing is tried in vain: a
ladder with 2^40 ways costs as much as one with as many as are shown.
"""

from __future__ import annotations

import heapq
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np

from services.common.errors import BadRequest
from services.common.model.lineage import Paths, PathsRequest
from services.common.model.names import AssetId
from services.lineage.csr import Ints, Nodes, steps
from services.lineage.graph import Snapshot
from services.lineage.inside import Inside
from services.lineage.pages import Teller, edges_among
from services.lineage.walk import MAX_DEPTH, found

MAX_PATHS = 100
_TRIES = 20_000
"""Steps that are tried at most. Only cycles make steps that lead nowhere; everything else takes length × ways of them."""
_FAR = np.iinfo(np.int32).max


def paths(snapshot: Snapshot, request: PathsRequest) -> Paths:
    """At most `limit` ways of at most `depth` steps along which data flows, inside the scope, none through a dataset twice.

    Ways of one length come in order of ids. Where both ends are one the answer is empty.

    Raises:
        BadRequest: `depth` or `limit` is out of its bounds.
        NotFound: one of the ends is not in the graph, or the scope hides it.

    """
    if not 1 <= request.depth <= MAX_DEPTH or not 1 <= request.limit <= MAX_PATHS:
        raise BadRequest(f"paths have a depth of 1 to {MAX_DEPTH} and a limit of 1 to {MAX_PATHS}")
    inside = snapshot.inside(request.scope)
    start, end = found(snapshot, inside, request.source), found(snapshot, inside, request.target)
    if start == end:
        return Paths((), (), (), truncated=False)
    left = _steps_left(snapshot, inside, start, end, request.depth)
    ways, truncated = _Search(snapshot, inside, left, request.depth).ways(start, end, request.limit)
    passed = np.unique(np.array([node for way in ways for node in way], np.intp))
    teller = Teller(snapshot, inside, {})
    on_ways = {pair for way in ways for pair in pairwise(way)}
    return Paths(
        paths=tuple(tuple(map(snapshot.nodes.id, way)) for way in ways),
        nodes=tuple(teller.node(node, 0) for node in passed.tolist()),
        edges=tuple(edge for edge in edges_among(teller, passed) if _pair(snapshot, edge.source, edge.target) in on_ways),
        truncated=truncated,
    )


def _pair(snapshot: Snapshot, source: AssetId, target: AssetId) -> tuple[int | None, int | None]:
    return snapshot.nodes.number(source), snapshot.nodes.number(target)


def _steps_left(snapshot: Snapshot, inside: Inside, start: int, end: int, depth: int) -> Ints:
    """For each dataset how many steps it is from the end, where it may be on a way; `_FAR` for all others."""
    ahead = np.zeros(len(snapshot.nodes), np.bool_)
    ahead[start] = True
    for level in islice(steps(snapshot.out, start, inside.hidden(), inside.permit, inside.met), depth):
        ahead[level] = True
    left = np.full(len(snapshot.nodes), _FAR, np.int32)
    if not ahead[end]:
        return left
    left[end] = 0
    for number, level in enumerate(islice(steps(snapshot.into, end, ~ahead, None, inside.met), depth), 1):
        left[level] = number
    return left


class _Branch(NamedTuple):
    """A way as far as it has come, and the next steps from there, the ones nearest to the end first."""

    nodes: tuple[int, ...]
    steps: Nodes


class _Search:
    """Ways in order of length, then of ids: the first that could be shortest is always followed next."""

    def __init__(self, snapshot: Snapshot, inside: Inside, left: Ints, depth: int) -> None:
        self._snapshot = snapshot
        self._inside = inside
        self._left = left
        self._depth = depth
        self._known: dict[int, Nodes] = {}
        self._ahead: list[tuple[int, int, tuple[int, ...], int, _Branch]] = []

    def ways(self, start: int, end: int, limit: int) -> tuple[list[tuple[int, ...]], bool]:
        """At most `limit` ways, and whether there are, or may be, more."""
        found: list[tuple[int, ...]] = []
        self._push(_Branch((start,), self._next(start)), 0)
        for _ in range(_TRIES):
            if not self._ahead:
                return found, False
            _, _, way, place, branch = heapq.heappop(self._ahead)
            self._push(branch, place + 1)
            if way[-1] == end:
                if len(found) == limit:
                    return found, True
                found.append(way)
            elif way[-1] not in branch.nodes:
                self._push(_Branch(way, self._next(way[-1])), 0)
        return found, True

    def _push(self, branch: _Branch, place: int) -> None:
        if place < len(branch.steps):
            node = int(branch.steps[place])
            length = len(branch.nodes) + int(self._left[node])
            if length <= self._depth:
                # of ways that may become as long, the one that has come farthest goes on: the heap stays small
                heapq.heappush(self._ahead, (length, -len(branch.nodes), (*branch.nodes, node), place, branch))

    def _next(self, node: int) -> Nodes:
        if node not in self._known:
            beside = self._inside.beside(self._snapshot.out, node)
            left = self._left.take(beside)
            self._known[node] = beside[np.lexsort((beside, left))][: int((left < _FAR).sum())]
        return self._known[node]
