"""What of an answer from the store fits a size: the nearest nodes, with the edges among them.

Journey 3, step "answer". The same rule as of pages of the graph in memory.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from services.common.model.lineage import LineageEdge, LineageNode

_NODE_BYTES, _EDGE_BYTES = 260, 200
"""Of a node and of an edge as the API's JSON has them, besides their texts; columns have ids of their own."""


def fitted(
    nodes: Sequence[LineageNode], edges: Sequence[LineageEdge], max_bytes: int
) -> tuple[tuple[LineageNode, ...], tuple[LineageEdge, ...], bool]:
    """The first nodes and the edges among them within about `max_bytes`, one node at the least; whether anything was cut.

    Args:
        nodes: the nearest first.
        edges: among the nodes; those that stay keep their order.
        max_bytes: of the answer as JSON.

    """
    place = {(node.id, node.column): at for at, node in enumerate(nodes)}
    coming = defaultdict[int, list[int]](list)
    for number, edge in enumerate(edges):
        coming[max(place[edge.source, edge.column], place[edge.target, edge.into])].append(number)
    left, cut, kept, stop = max_bytes, False, set[int](), len(nodes)
    for at, node in enumerate(nodes):
        left -= _NODE_BYTES + _coded(node.name.qualified) + _coded(node.name.namespace) + 2 * _coded(node.column or "")
        theirs = []
        for number in coming[at]:
            edge = edges[number]
            cost = _EDGE_BYTES + len(edge.kind) + sum(map(_coded, edge.evidence))
            if left >= cost:
                theirs.append(number)
            left -= cost
        if left < 0 and at:
            stop = at
            break
        cut |= left < 0  # this one node has more edges than the answer may hold
        kept.update(theirs)
    return tuple(nodes[:stop]), tuple(edge for number, edge in enumerate(edges) if number in kept), cut or stop < len(nodes)


def _coded(text: str) -> int:
    """Bytes of a text in JSON."""
    return len(text) if text.isascii() and text.isprintable() else len(json.dumps(text, ensure_ascii=False).encode())
