"""One direction of the graph as arrays (compressed sparse rows), and breadth-first steps over whole frontiers at once.

Journey 3, step "graph": what walks of any size go over. Nodes are numbers 0 … n-1 in order of their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Nodes = NDArray[np.intp]
"""Numbers of nodes, of the type that numpy indexes by."""
NEAR = 4
"""Neighbours of each node that stand in a row of their own: taking rows costs a third of computing places in `indices`.

Measured with `python -m bench lineage_graph`: at 600,000 edges a walk of everything takes .9 times scipy's with it and 1.2
without; 3, 5 and 6 are slower. Most nodes of a warehouse have fewer.
"""
_SPARSE = 5
"""Neighbours up to that part of all nodes are told apart one by one; more than that by passing over a mask of all nodes."""
_SHIFT, _DENSE = 3, 8
_WORD = 1 << _SHIFT
"""Nodes of a mask that are looked at at once for any that is set; unless more than that part of all are."""
_NO_NODES: Nodes = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Adjacency:
    """The entries of every node in one direction; several kinds of edge between a pair are several entries.

    Attributes:
        indptr: int32, n + 1: the entries of node i are `indptr[i]` up to `indptr[i + 1]`.
        indices: int32, the node at the other end of each entry; ascending within a node.
        facts: int32, what each entry rests on, a number of the snapshot's facts.
        guards: int32, which set of guards each entry asks for, 0 for none; None where no entry asks for any.
        near: int32, n × `NEAR`: the first neighbours, filled up with the node itself; small, since walks wait for memory.
        far: bool, n: whether a node has entries beyond those in `near`.
        guarded: bool, n: whether any entry of a node asks for a guard; None as for `guards`.
        widest: how many entries the node with most of them has.

    """

    indptr: Ints
    indices: Ints
    facts: Ints
    guards: Ints | None
    near: Ints
    far: Bools
    guarded: Bools | None
    widest: int

    @classmethod
    def of(cls, n: int, ends: tuple[Ints, Ints], facts: Ints, guards: Ints | None) -> Adjacency:
        """Build it of edges that are sorted by their first end, then by the second.

        Args:
            n: how many nodes there are.
            ends: the node that an entry belongs to, and the one at its other end.
            facts: as the attribute.
            guards: as the attribute; without any guard it is dropped.

        """
        owner, other = ends
        indptr = np.zeros(n + 1, np.int32)
        np.cumsum(np.bincount(owner, minlength=n), out=indptr[1:])
        degree = np.diff(indptr)
        near = np.repeat(np.arange(n, dtype=np.int32)[:, None], NEAR, axis=1)
        for column in range(NEAR):
            having = np.flatnonzero(degree > column)
            near[having, column] = other[indptr[having] + column]
        guarded = None
        if guards is not None and guards.any():
            guarded = np.zeros(n, np.bool_)
            guarded[owner[guards > 0]] = True
        widest = int(degree.max(initial=0))
        return cls(indptr, other, facts, guards if guarded is not None else None, near, degree > NEAR, guarded, widest)

    def row(self, node: int) -> slice:
        """Where the entries of a node stand."""
        return slice(int(self.indptr[node]), int(self.indptr[node + 1]))

    def entries(self, nodes: Nodes, skip: int = 0) -> Nodes:
        """The places of all entries of `nodes` (but the first `skip` of each), node after node; each has more than `skip`."""
        if not len(nodes):
            return _NO_NODES
        begin = self.indptr.take(nodes) + skip
        stop = self.indptr.take(nodes + 1)
        ends = np.cumsum(stop - begin, dtype=np.intp)
        steps_on = np.ones(ends[-1], np.intp)  # from each place to the next: by one, but where the next node's begin
        steps_on[0] = begin[0]
        steps_on[ends[:-1]] = begin[1:] - stop[:-1] + 1
        return np.cumsum(steps_on, out=steps_on)

    def neighbours(self, nodes: Nodes, guards_met: Bools | None = None) -> list[Ints]:
        """The other ends of all entries of `nodes`, in pieces, in no order, with repeats; `nodes` themselves may be among them.

        Args:
            nodes: whose.
            guards_met: for each set of guards whether the caller may see all of it; None where that does not matter.

        """
        pieces: list[Ints] = []
        if guards_met is not None and self.guarded is not None and self.guards is not None:
            asks = self.guarded.take(nodes)
            if asks.any():
                places = self.entries(nodes[asks])
                pieces.append(self.indices[places[guards_met.take(self.guards.take(places))]])
                nodes = nodes[~asks]
        pieces.append(self.near.take(nodes, axis=0).ravel())
        beyond = nodes.compress(self.far.take(nodes))
        if len(beyond):
            pieces.append(self.indices.take(self.entries(beyond, NEAR)))
        return pieces


Permit = Callable[[Nodes], Nodes]
"""Those of some nodes that are shown to the caller."""


def steps(
    graph: Adjacency,
    start: int,
    seen: Bools,
    permit: Permit | None = None,
    guards_met: Bools | None = None,
    instead: Mapping[int, Nodes] | None = None,
) -> Iterator[Nodes]:
    """Breadth first from `start`: the nodes at distance 1, 2, … until nothing is new; a step has each once, in no order.

    Args:
        graph: what is walked.
        start: where from.
        seen: the nodes that are not gone to, changed in place: those of each step are added, and those not permitted.
        permit: which nodes are shown; None where `seen` holds all that is hidden, or nothing is.
        guards_met: as for `Adjacency.neighbours`.
        instead: nodes whose neighbours are these and no others.

    """
    frontier = np.array([start], np.intp)
    seen[start] = True
    fresh = _Fresh(seen)
    while len(frontier):
        given = [instead[node] for node in frontier.tolist() if node in instead] if instead else []
        if given and instead:
            frontier = frontier[~np.isin(frontier, list(instead))]
        frontier = fresh.of([*given, *graph.neighbours(frontier, guards_met)])
        if permit is not None and len(frontier):
            frontier = permit(frontier)
        if len(frontier):
            yield frontier


class _Fresh:
    """Tells new nodes from those that a walk has seen."""

    def __init__(self, seen: Bools) -> None:
        self._seen = seen
        self._claims = np.empty(len(seen), np.int32)
        """For each node that was told apart one by one, where it stood last among those of its step."""

    def of(self, pieces: Sequence[Ints | Nodes]) -> Nodes:
        """The distinct nodes in `pieces` that were not seen yet, in no order; they are seen afterwards."""
        if sum(map(len, pieces)) * _SPARSE < len(self._seen):
            return self._told_apart(np.concatenate(pieces, dtype=np.intp))
        return self._passed_over(pieces)

    def _told_apart(self, nodes: Nodes) -> Nodes:
        nodes = nodes.compress(np.logical_not(self._seen.take(nodes)))
        places = np.arange(len(nodes), dtype=np.int32)
        self._claims[nodes] = places
        nodes = nodes.compress(np.equal(self._claims.take(nodes), places))
        self._seen[nodes] = True
        return nodes

    def _passed_over(self, pieces: Sequence[Ints | Nodes]) -> Nodes:
        mask = np.zeros(-(-len(self._seen) // _WORD) * _WORD, np.bool_)
        new = mask[: len(self._seen)]
        for piece in pieces:
            new[piece.astype(np.intp, copy=False)] = True
        np.greater(new, self._seen, out=new)
        np.logical_or(self._seen, new, out=self._seen)
        return _set_in(mask)


def _set_in(mask: Bools) -> Nodes:
    """What is set, ascending. Of few, first the words that have any: numpy guesses wrong at each where they stand far apart."""
    if np.count_nonzero(mask) * _DENSE > len(mask):
        return np.flatnonzero(mask)
    words = np.flatnonzero(mask.view(np.uint64) != 0)
    at = np.flatnonzero(mask.reshape(-1, _WORD).take(words, axis=0))
    places = words.take(at >> _SHIFT)
    places <<= _SHIFT
    at &= _WORD - 1
    places += at
    return places
