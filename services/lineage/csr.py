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
"""Numbers of nodes, ascending and without repeats where a step gives them."""
NEAR = 4
"""Neighbours of each node that stand in a row of their own: taking rows costs a third of computing places in `indices`.

Measured with `python -m bench lineage_graph`: at 600,000 edges a walk of everything takes 1.0 times scipy's with it and 1.3
without. Most nodes of a warehouse have fewer.
"""
_FEW, _SPARSE = 2_000, 16
"""Below so many neighbours, or that part of all nodes, sorting them is faster than passing over a mask of all nodes."""
_NO_NODES: Nodes = np.empty(0, np.intp)


@dataclass(frozen=True, slots=True)
class Adjacency:
    """The entries of every node in one direction; several kinds of edge between a pair are several entries.

    Attributes:
        indptr: int32, n + 1: the entries of node i are `indptr[i]` up to `indptr[i + 1]`.
        indices: int32, the node at the other end of each entry; ascending within a node.
        facts: int32, what each entry rests on, a number of the snapshot's facts.
        guards: int32, which set of guards each entry asks for, 0 for none; None where no entry asks for any.
        near: intp, n × `NEAR`: the first neighbours, filled up with the node itself; of the type that numpy indexes by.
        far: bool, n: whether a node has entries beyond those in `near`.
        guarded: bool, n: whether any entry of a node asks for a guard; None as for `guards`.
        widest: how many entries the node with most of them has.

    """

    indptr: Ints
    indices: Ints
    facts: Ints
    guards: Ints | None
    near: Nodes
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
        near = np.repeat(np.arange(n, dtype=np.intp)[:, None], NEAR, axis=1)
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
        """The places of all entries of `nodes` (but the first `skip` of each), node after node."""
        begin = self.indptr.take(nodes).astype(np.intp) + skip
        count = self.indptr.take(nodes + 1) - begin
        np.maximum(count, 0, out=count)
        ends = np.cumsum(count)
        if not len(ends) or not ends[-1]:
            return _NO_NODES
        places = np.repeat(begin - ends + count, count)
        places += np.arange(len(places))
        return places

    def neighbours(self, nodes: Nodes, guards_met: Bools | None = None) -> list[Ints | Nodes]:
        """The other ends of all entries of `nodes`, in pieces, in no order, with repeats; `nodes` themselves may be among them.

        Args:
            nodes: whose.
            guards_met: for each set of guards whether the caller may see all of it; None where that does not matter.

        """
        pieces: list[Ints | Nodes] = []
        if guards_met is not None and self.guarded is not None and self.guards is not None:
            asks = self.guarded.take(nodes)
            if asks.any():
                places = self.entries(nodes[asks])
                pieces.append(self.indices[places[guards_met.take(self.guards.take(places))]])
                nodes = nodes[~asks]
        pieces.append(self.near.take(nodes, axis=0).ravel())
        beyond = nodes[self.far.take(nodes)]
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
    """Breadth first from `start`: the nodes at distance 1, 2, … until nothing is new; each step ascending.

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
    while len(frontier):
        given = [instead[node] for node in frontier.tolist() if node in instead] if instead else []
        if given and instead:
            frontier = frontier[~np.isin(frontier, list(instead))]
        frontier = _fresh([*given, *graph.neighbours(frontier, guards_met)], seen)
        if permit is not None and len(frontier):
            frontier = permit(frontier)
        if len(frontier):
            yield frontier


def _fresh(pieces: Sequence[Ints | Nodes], seen: Bools) -> Nodes:
    """The distinct nodes in `pieces` that were not seen yet, ascending; they are seen afterwards."""
    if sum(map(len, pieces)) < max(_FEW, len(seen) // _SPARSE):
        nodes = np.concatenate(pieces, dtype=np.intp)
        nodes = nodes[~seen.take(nodes)]
        nodes.sort()
        if len(nodes):
            first = np.empty(len(nodes), np.bool_)
            first[0] = True
            np.not_equal(nodes[1:], nodes[:-1], out=first[1:])
            nodes = nodes[first]
        seen[nodes] = True
        return nodes
    new = np.zeros(len(seen), np.bool_)
    for piece in pieces:
        new[piece] = True
    np.greater(new, seen, out=new)
    np.logical_or(seen, new, out=seen)
    return np.flatnonzero(new)
