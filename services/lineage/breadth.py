"""What a walk reaches: breadth first, up and down apart, each dataset at its distance; hubs gone to in part.

Journey 3, step "answer", before the answer is cut into pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from services.common.model.lineage import Direction, LineageRequest
from services.lineage.csr import Adjacency, Bools, Nodes, steps
from services.lineage.inside import Inside

_NO_NODES: Nodes = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Reached:
    """What a walk reaches, in order: by distance, at the same distance upstream first, then by id.

    Attributes:
        nodes: the datasets that can be told; in order as far as was asked for.
        depths: the distance of each, negative upstream.
        total: how many the walk reaches without regard to hubs.
        beyond: whether more depth would reach more.
        hubs: node, direction, how many neighbours there are and how many were gone to.

    """

    nodes: Nodes
    depths: Nodes
    total: int
    beyond: bool
    hubs: tuple[tuple[int, Direction, int, int], ...]


@dataclass(slots=True)
class _Way:
    """One direction of a walk: what each step reached, in no order, and what is still ahead."""

    direction: Direction
    graph: Adjacency
    levels: list[Nodes]
    ahead: Iterator[Nodes]

    @classmethod
    def gone(cls, direction: Direction, graph: Adjacency, inside: Inside, start: int, depth: int) -> _Way:
        ahead = steps(graph, start, inside.hidden(), inside.permit, inside.met)
        return cls(direction, graph, list(islice(ahead, depth)), ahead)


def reach(
    out: Adjacency, into: Adjacency, inside: Inside, start: int, request: LineageRequest, told: int | None = None
) -> Reached:
    """Walk from `start` as `request` says, inside what `inside` shows.

    Args:
        out: the graph downstream.
        into: the graph upstream.
        inside: what the walk may go to.
        start: the node where it begins.
        request: its directions and bounds.
        told: how many of the first datasets will be told, None for all: those that follow are put in no order.

    """
    ways = []
    for direction, graph in ((Direction.UPSTREAM, into), (Direction.DOWNSTREAM, out)):
        if request.direction in (direction, Direction.BOTH):
            ways.append(_Way.gone(direction, graph, inside, start, request.depth))
    size = len(out.far)
    beyond = _leads_out(ways, start, size)
    hubs = [hub for way in ways for hub in _hubs(way, inside, start, request)]
    nodes, depths = _in_order(start, ways, size, size if hubs or told is None else told)
    total = len(nodes)
    if hubs:
        kept = _mask(size, start, (level for way in ways for level in _pruned(way, inside, start, request, hubs)))
        some = kept[nodes]
        nodes, depths = nodes[some], depths[some]
        hubs = [hub for hub in hubs if kept[hub.node]]
    gone_to = tuple((hub.node, hub.direction, hub.count, len(hub.first)) for hub in hubs)
    return Reached(nodes, depths, total, beyond, gone_to)


@dataclass(frozen=True, slots=True)
class _Hub:
    node: int
    direction: Direction
    count: int
    first: Nodes


def _hubs(way: _Way, inside: Inside, start: int, request: LineageRequest) -> Iterator[_Hub]:
    """Datasets that the walk goes on from and that have more neighbours than it may go to."""
    if way.graph.widest <= request.fan_out:
        return
    indptr = way.graph.indptr
    for level in [np.array([start], np.intp), *way.levels[: request.depth - 1]]:
        for node in np.sort(level[indptr.take(level + 1) - indptr.take(level) > request.fan_out]).tolist():
            beside = inside.beside(way.graph, node)
            if len(beside) > request.fan_out:
                yield _Hub(node, way.direction, len(beside), beside[: request.fan_out])


def _pruned(way: _Way, inside: Inside, start: int, request: LineageRequest, hubs: Iterable[_Hub]) -> Iterable[Nodes]:
    instead = {hub.node: hub.first for hub in hubs if hub.direction is way.direction}
    if not instead:
        return way.levels
    return islice(steps(way.graph, start, inside.hidden(), inside.permit, inside.met, instead), request.depth)


def _leads_out(ways: list[_Way], start: int, size: int) -> bool:
    """Whether further steps lead out of the answer. In a cycle they may lead to what the other direction has reached."""
    reached: Bools | None = None
    for level in (level for way in ways for level in way.ahead):
        if reached is None:  # most walks end by themselves
            reached = _mask(size, start, (level for way in ways for level in way.levels))
        if not reached[level].all():
            return True
    return False


def _in_order(start: int, ways: list[_Way], size: int, told: int) -> tuple[Nodes, Nodes]:
    """Every dataset once, at its smaller distance, upstream where the two are equal; the first `told` ascending at each distance."""
    sides = [way.levels for way in ways]
    if len(sides) == 2:
        sides = list(_parted(sides[0], sides[1], size))
    pieces, depths, count = [np.array([start], np.intp)], [np.zeros(1, np.intp)], 1
    for distance in range(1, max(map(len, sides), default=0) + 1):
        for way, levels in zip(ways, sides, strict=True):
            if distance <= len(levels):
                level = levels[distance - 1]
                pieces.append(np.sort(level) if count < told else level)
                count += len(level)
                sign = -1 if way.direction is Direction.UPSTREAM else 1
                depths.append(np.full(len(level), sign * distance, np.intp))
    return np.concatenate(pieces), np.concatenate(depths)


def _parted(up: list[Nodes], down: list[Nodes], size: int) -> tuple[list[Nodes], list[Nodes]]:
    """Without what is on both sides (there is a cycle) on the farther one."""
    if not up or not down:
        return up, down
    above = _mask(size, None, up)
    if not any(above[level].any() for level in down):
        return up, down
    distance = np.zeros(size, np.int32)
    for number, level in enumerate(up, 1):
        distance[level] = number
    below = [level[~above[level] | (distance[level] > number)] for number, level in enumerate(down, 1)]
    taken = _mask(size, None, below)
    return [level[~taken[level]] for level in up], below


def _mask(size: int, start: int | None, levels: Iterable[Nodes]) -> Bools:
    mask = np.zeros(size, np.bool_)
    for level in levels:
        mask[level] = True
    if start is not None:
        mask[start] = True
    return mask
