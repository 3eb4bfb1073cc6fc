"""Breadth first from one node in both directions, a whole hop at a time: for walks whose edges come from the store. Pure.

Journey 3, step "answer". The rules are those of `walk`: up and down are apart, the nearest stay, cycles end by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from services.common.model.lineage import Direction

Node = TypeVar("Node", bound=Hashable)
Hop = Callable[[Collection[Node], bool], set[Node]]
"""The nodes one step from any of some nodes, upstream or not."""

_FEW, _SOME = 10, 50
"""Nodes that are asked at once whether anything leads on from them: first few, which mostly tell, then more."""


@dataclass(frozen=True, slots=True)
class Reached(Generic[Node]):
    """Distances, negative upstream, of all within depth, and whether they are too many or greater depth would reach more."""

    depths: dict[Node, int]
    beyond: bool


def reach(start: Node, direction: Direction, depth: int, hop: Hop[Node], *, limit: int) -> Reached[Node]:
    """Walk from `start`.

    Args:
        start: at distance 0.
        direction: which way.
        depth: steps at most.
        hop: gives the next nodes.
        limit: nodes of an answer: where there are more it is cut, and whether even more lie beyond `depth` is not looked up.

    """
    depths: dict[Node, int] = {start: 0}
    walked: list[tuple[bool, dict[Node, int], set[Node]]] = []
    for upstream in (True, False):
        if direction in (Direction.UPSTREAM if upstream else Direction.DOWNSTREAM, Direction.BOTH):
            found, last = _one_way(start, depth, hop, upstream=upstream)
            walked.append((upstream, found, last))
            for node, steps in found.items():
                signed = -steps if upstream else steps
                if node not in depths or steps < abs(depths[node]):
                    depths[node] = signed
    beyond = len(depths) > limit or any(_more(hop, upstream, found, last, depths) for upstream, found, last in walked)
    return Reached(depths, beyond)


def _one_way(start: Node, depth: int, hop: Hop[Node], *, upstream: bool) -> tuple[dict[Node, int], set[Node]]:
    reached = {start: 0}
    frontier: set[Node] = {start}
    for distance in range(1, depth + 1):
        if not frontier:
            break
        frontier = {node for node in hop(frontier, upstream) if node not in reached}
        reached |= dict.fromkeys(frontier, distance)
    return reached, frontier


def _more(hop: Hop[Node], upstream: bool, reached: dict[Node, int], last: set[Node], answer: dict[Node, int]) -> bool:  # noqa: FBT001 - a step's direction
    """Whether further steps lead out of the answer. In a cycle they may lead to what the other direction has reached."""
    ahead, passed = last, set(reached)
    while ahead:
        ordered, found = list(ahead), set[Node]()
        for begin, end in pairwise([0, *range(_FEW, len(ordered), _SOME), len(ordered)]):
            found |= hop(ordered[begin:end], upstream) - passed
            if not found <= answer.keys():
                return True
        ahead = found
        passed |= ahead
    return False
