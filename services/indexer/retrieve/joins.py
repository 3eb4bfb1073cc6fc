"""Who can be joined with whom inside a view, by declared keys: an undirected graph over tables as arrays.

Journey 2, for answer sets and for features of the rank. Edges to tables that the view does not show are not there, so
that what is hidden moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.keys import Ids, SegmentKeys


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Declared keys between seen tables, numbered as the view numbers its tables.

    Attributes:
        source: the table that has the key, int64 (edges,).
        target: the table that it refers to, int64 (edges,); never the source.
        nth: which of the source record's `foreign_keys` it is, int64 (edges,).
        start: where the edges of each table begin in `edge`, int64 (rows + 1,).
        edge: edges by table, each under both of its ends, int64 (2 * edges,).

    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    nth: NDArray[np.int64]
    start: NDArray[np.int64]
    edge: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)

    def of(self, table: int) -> NDArray[np.int64]:
        """The edges of a table."""
        return self.edge[self.start[table] : self.start[table + 1]]

    def other_end(self, edges: NDArray[np.int64], table: int) -> NDArray[np.int64]:
        """The tables that some edges of a table lead to."""
        return np.where(self.source[edges] == table, self.target[edges], self.source[edges])

    @property
    def degrees(self) -> NDArray[np.int64]:
        """How many keys each table has or is referred to by, int64 (rows,)."""
        return np.diff(self.start)

    def among(self, tables: NDArray[np.int64]) -> Neighbours:
        """The edges that lie wholly among some distinct tables."""
        place = np.full(len(self.start) - 1, -1, dtype=np.int64)
        place[tables] = np.arange(len(tables))
        one, other = place[self.source], place[self.target]
        edges = np.flatnonzero((one >= 0) & (other >= 0))
        start, pairs = _by_end(one[edges], other[edges], len(tables))
        ends = np.concatenate([other[edges], one[edges]])
        return Neighbours(start, ends[pairs], edges[pairs % max(len(edges), 1)])


@dataclass(frozen=True, eq=False)
class Neighbours:
    """An adjacency restricted to some tables, by their positions among those.

    Attributes:
        start: where the neighbours of each begin, int64 (tables + 1,).
        position: the neighbours, int64 (2 * edges,); one comes as often as keys join the two.
        edge: the edge of the whole adjacency that joins them.

    """

    start: NDArray[np.int64]
    position: NDArray[np.int64]
    edge: NDArray[np.int64]

    def of(self, position: int) -> NDArray[np.int64]:
        """The positions of one's neighbours."""
        return self.position[self.start[position] : self.start[position + 1]]

    @property
    def owner(self) -> NDArray[np.int64]:
        """Whose neighbour each of `position` is, int64 (2 * edges,), ascending: with it, sums over neighbours are `bincount`s."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


def adjacency(parts: Sequence[tuple[SegmentKeys, NDArray[np.bool_], int]]) -> Adjacency:
    """The graph of some segments' keys.

    Args:
        parts: for each segment its keys, which of its tables are seen, and the number of its first table; a table is
            seen in one segment at most.

    """
    empty = np.zeros(0, dtype=np.int64)
    numbers = np.concatenate([empty, *(np.flatnonzero(seen) + offset for _, seen, offset in parts)])
    tables = Ids.joined([keys.tables.only(seen) for keys, seen, _ in parts])
    shown = [seen[keys.source] for keys, seen, _ in parts]
    source = np.concatenate([empty, *(k.source[s] + offset for (k, _, offset), s in zip(parts, shown, strict=True))])
    nth = np.concatenate([empty, *(keys.nth[here] for (keys, _, _), here in zip(parts, shown, strict=True))])
    wanted = Ids.joined([keys.target.only(here) for (keys, _, _), here in zip(parts, shown, strict=True)])
    place = tables.places_of(wanted)
    have = place >= 0
    source, nth, target = source[have], nth[have], numbers[place[have]]
    start, pairs = _by_end(source, target, sum(len(seen) for _, seen, _ in parts))
    return Adjacency(source, target, nth, start, pairs % max(len(source), 1))


def _by_end(one: NDArray[np.int64], other: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges by both of their ends: where each end's begin (n + 1,), and the edges' numbers, those by `other` plus their count."""
    ends = np.concatenate([one, other])
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=n), out=start[1:])
    return start, np.argsort(ends, kind="stable").astype(np.int64)
