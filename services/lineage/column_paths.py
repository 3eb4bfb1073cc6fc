"""Ways from one column to another: the shortest first, as many as are asked for, never all of them.

Journey 3, step "answer", on the edges in the store: a hop of all columns of one distance is one query, and no column is asked for
twice. What is ahead of the start is a networkx graph, as bounded as the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from services.common.errors import BadRequest, NotFound
from services.common.model.lineage import Paths, PathsRequest
from services.common.model.names import AssetId
from services.lineage.paths import MAX_PATHS
from services.lineage.store.flows import ColumnKey
from services.lineage.store_walk import check_column, edge_of, edges_out_of, held, node_of, spelling_of
from services.lineage.visible import Visible
from services.lineage.walk import MAX_DEPTH
from services.lineage.ways import Search

MAX_COLUMNS = 20_000
"""Columns that are looked at: below a column that decides about rows there may be every column of a warehouse."""
MAX_EDGES = 200_000
"""Edges that are looked at, some 100 MB: where every column decides about the rows of the next table there are as many as pairs."""


@dataclass(slots=True)
class _Ahead:
    """What can be reached from the start: columns, and along each edge between two of them the `flows` that it stands for."""

    graph: nx.DiGraph
    cut: bool = False


def column_paths(seen: Visible, request: PathsRequest) -> Paths:
    """At most `limit` ways of at most `depth` steps along which values, or what decides about rows, get from column to column.

    None goes through a column twice. Ways of one length come in order of ids and names. Where both ends are one there is none.

    Raises:
        BadRequest: `depth` or `limit` is out of its bounds, or only one end is a column.
        NotFound: one of the ends is not in the graph, or the scope hides it.

    """
    if not 1 <= request.depth <= MAX_DEPTH or not 1 <= request.limit <= MAX_PATHS:
        raise BadRequest(f"paths have a depth of 1 to {MAX_DEPTH} and a limit of 1 to {MAX_PATHS}")
    if not request.from_column or not request.to_column:
        raise BadRequest("paths lead from a column to a column, or from an asset to an asset: give both columns or none")
    start, end = (request.source, request.from_column.lower()), (request.target, request.to_column.lower())
    for key in (start, end):
        if not seen.exists(key[0]):
            raise NotFound(f"there is no lineage of {key[0]}, or you may not see it")
        check_column(seen, key)
    if start == end:
        return Paths((), (), (), truncated=False)
    ahead = _ahead(seen, start, request.depth)
    # how many steps each column that may be on a way is from the end
    left = nx.single_target_shortest_path_length(ahead.graph, end, request.depth) if end in ahead.graph else {}
    order = sorted(left)
    number = {key: at for at, key in enumerate(order)}
    if start not in number:
        return Paths((), (), (), truncated=ahead.cut)

    def beside(node: int) -> Sequence[int]:
        near = (number[key] for key in ahead.graph.successors(order[node]) if key in number)
        return sorted(near, key=lambda one: (left[order[one]], one))

    search = Search(beside, [left[key] for key in order], request.depth)
    ways, truncated = search.ways(number[start], number[end], request.limit)
    return _told(seen, [tuple(order[node] for node in way) for way in ways], ahead, truncated=truncated or ahead.cut)


def _ahead(seen: Visible, start: ColumnKey, depth: int) -> _Ahead:
    found = _Ahead(nx.DiGraph())
    graph, edges, level = found.graph, 0, {start}
    graph.add_node(start)
    for _ in range(depth):
        after: set[ColumnKey] = set()
        for source, target, flow in edges_out_of(seen, level) if level else ():
            if edges == MAX_EDGES:
                found.cut = True
                return found
            edges += 1
            if target not in graph:
                if len(graph) >= MAX_COLUMNS:
                    found.cut = True
                    continue
                after.add(target)
            along = graph.get_edge_data(source, target)
            if along is None:
                graph.add_edge(source, target, flows=[flow])
            else:
                along["flows"].append(flow)
        level = after
    return found


def _told(seen: Visible, ways: Sequence[tuple[ColumnKey, ...]], ahead: _Ahead, *, truncated: bool) -> Paths:
    passed = sorted({key for way in ways for key in way})
    names = seen.columns({asset for asset, _ in passed})
    spelled = {key: spelling_of(seen, key, names) for key in passed}
    edges = []
    for source, target in sorted({pair for way in ways for pair in pairwise(way)}):
        once = {(flow.kind, flow.basis): flow for flow in ahead.graph.edges[source, target]["flows"]}
        edges += [edge_of(flow, spelled[source], spelled[target], seen) for _, flow in sorted(once.items())]
    assets: list[tuple[AssetId, ...]] = [tuple(asset for asset, _ in way) for way in ways]
    return Paths(
        paths=tuple(assets),
        nodes=tuple(node_of(held(seen, key[0]), 0, spelled[key]) for key in passed),
        edges=tuple(edges),
        truncated=truncated,
        columns=tuple(tuple(spelled[key] for key in way) for way in ways),
    )
