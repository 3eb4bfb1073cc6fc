"""The shortest ways between two nodes of any graph, as many as are asked for, never all of them. Pure.

Journey 3, step "answer". Distances to the end are known before the first way is followed, so that nothing is tried in vain: a
ladder with 2^40 ways costs as much as one with as many as are shown.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

_TRIES = 20_000
"""Steps that are tried at most. Only cycles make steps that lead nowhere; everything else takes length × ways of them."""


class StepsLeft(Protocol):
    """How many steps each node is from the end."""

    def __getitem__(self, node: int, /) -> int:
        """Of one node."""
        ...


class _Branch(NamedTuple):
    """A way as far as it has come, and the next steps from there, the ones nearest to the end first."""

    nodes: tuple[int, ...]
    steps: Sequence[int]


class Search:
    """Ways in order of length, then of the nodes' numbers: the first that could be shortest is always followed next.

    Args:
        beside: the nodes one step from a node that lead to the end, the nearest to it first, then by number.
        left: how many steps each of these is from the end.
        depth: steps of a way at most.

    """

    def __init__(self, beside: Callable[[int], Sequence[int]], left: StepsLeft, depth: int) -> None:
        self._beside = beside
        self._left = left
        self._depth = depth
        self._ahead: list[tuple[int, int, tuple[int, ...], int, _Branch]] = []

    def ways(self, start: int, end: int, limit: int) -> tuple[list[tuple[int, ...]], bool]:
        """At most `limit` ways, none through a node twice, and whether there are, or may be, more."""
        found: list[tuple[int, ...]] = []
        self._push(_Branch((start,), self._beside(start)), 0)
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
                self._push(_Branch(way, self._beside(way[-1])), 0)
        return found, True

    def _push(self, branch: _Branch, place: int) -> None:
        if place < len(branch.steps):
            node = branch.steps[place]
            length = len(branch.nodes) + int(self._left[node])
            if length <= self._depth:
                # of ways that may become as long, the one that has come farthest goes on: the heap stays small
                heapq.heappush(self._ahead, (length, -len(branch.nodes), (*branch.nodes, node), place, branch))
