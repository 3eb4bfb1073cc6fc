"""Ways from one dataset to another: the shortest first, as many as are asked for, never all of them.

Journey 3, step "answer", on the graph in memory; `column_paths` has those between columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, pairwise

import numpy as np

from services.common.errors import BadRequest
from services.common.model.lineage import Paths, PathsRequest
from services.common.model.names import AssetId
from services.lineage.csr import Ints, steps
from services.lineage.graph import Snapshot
from services.lineage.inside import Inside
from services.lineage.pages import Teller, edges_among
from services.lineage.walk import MAX_DEPTH, found
from services.lineage.ways import Search

MAX_PATHS = 100
"""Of one answer."""
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
    ways, truncated = Search(_next(snapshot, inside, left), left, request.depth).ways(start, end, request.limit)
    passed = np.unique(np.array([node for way in ways for node in way], np.intp))
    teller = Teller(snapshot, inside, {})
    on_ways = {pair for way in ways for pair in pairwise(way)}
    return Paths(
        paths=tuple(tuple(map(snapshot.nodes.id, way)) for way in ways),
        nodes=tuple(teller.nodes(passed, np.zeros_like(passed))),
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


def _next(snapshot: Snapshot, inside: Inside, left: Ints) -> Callable[[int], Sequence[int]]:
    """The datasets beside one from which the end can be reached, the nearest to it first."""
    known: dict[int, Sequence[int]] = {}

    def beside(node: int) -> Sequence[int]:
        if node not in known:
            found = inside.beside(snapshot.out, node)
            steps_left = left.take(found)
            known[node] = found[np.lexsort((found, steps_left))][: int((steps_left < _FAR).sum())].tolist()
        return known[node]

    return beside
