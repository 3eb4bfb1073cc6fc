"""Sparse rows as arrays: who is connected with whom and how strongly, gathered and spread without a loop over rows.

Counts of what is used together, lineage between tables and tokens of names are all kept so. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sparse:
    """Rows of a sparse matrix.

    Attributes:
        start: where each row begins, int64 (rows + 1,).
        index: the columns of its entries, ascending within a row, int64 (entries,).
        value: the entries, float64 (entries,).
        width: how many columns there are.

    """

    start: Ints
    index: Ints
    value: Floats
    width: int

    @classmethod
    def of(cls, rows: Ints, columns: Ints, values: Floats, shape: tuple[int, int]) -> Sparse:
        """From entries in any order; those of one place are added up."""
        key = rows * shape[1] + columns
        places, back = np.unique(key, return_inverse=True)
        start = np.zeros(shape[0] + 1, dtype=np.int64)
        np.cumsum(np.bincount(places // max(shape[1], 1), minlength=shape[0]), out=start[1:])
        total = np.bincount(back, weights=values, minlength=len(places)).astype(np.float64)
        return cls(start, places % max(shape[1], 1), total, shape[1])

    @classmethod
    def of_lists(cls, lists: Sequence[Sequence[int]], width: int) -> Sparse:
        """A row a list, 1 for each number in it; a number that comes twice counts once."""
        rows = [sorted(set(one)) for one in lists]
        start = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=start[1:])
        index = np.fromiter((column for row in rows for column in row), dtype=np.int64, count=int(start[-1]))
        return cls(start, index, np.ones(len(index)), width)

    def __len__(self) -> int:
        return len(self.start) - 1

    def row(self, row: int) -> tuple[Ints, Floats]:
        """The columns and entries of one row."""
        piece = slice(self.start[row], self.start[row + 1])
        return self.index[piece], self.value[piece]

    def places(self, rows: Ints) -> tuple[Ints, Ints]:
        """The places of all entries of some rows, and which of `rows` each belongs to."""
        lengths = self.start[rows + 1] - self.start[rows]
        owner = np.repeat(np.arange(len(rows)), lengths)
        before = np.cumsum(lengths) - lengths
        return np.arange(len(owner)) - np.repeat(before - self.start[rows], lengths), owner

    def spread(self, rows: Ints, weights: Floats) -> Floats:
        """The weighted sum of some rows as one dense row, float64 (width,)."""
        at, owner = self.places(rows)
        # of nothing at all numpy counts whole numbers
        sums = np.bincount(self.index[at], weights=self.value[at] * weights[owner], minlength=self.width)
        return sums.astype(np.float64, copy=False)

    def gather(self, rows: Ints, weights: Floats) -> Floats:
        """For each of some rows, its entries times dense column weights (width,), added up: float64 (len(rows),)."""
        at, owner = self.places(rows)
        sums = np.bincount(owner, weights=self.value[at] * weights[self.index[at]], minlength=len(rows))
        return sums.astype(np.float64, copy=False)

    @cached_property
    def transposed(self) -> Sparse:
        """The same with rows and columns exchanged."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.start))
        order = np.lexsort((owner, self.index))
        start = np.zeros(self.width + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.index, minlength=self.width), out=start[1:])
        return Sparse(start, owner[order], self.value[order], len(self))

    def only_rows(self, keep: NDArray[np.bool_]) -> Sparse:
        """The same with other rows emptied."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.start))
        kept = keep[owner]
        start = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(np.bincount(owner[kept], minlength=len(self)), out=start[1:])
        return Sparse(start, self.index[kept], self.value[kept], self.width)


def pairs(rows: Sparse) -> tuple[Ints, Ints, Ints]:
    """Every ordered pair of two different columns that share a row: first, second, row; rows of one length at a time."""
    lengths = np.diff(rows.start)
    pieces: list[tuple[Ints, Ints, Ints]] = []
    for length in np.unique(lengths[lengths > 1]).tolist():
        here = np.flatnonzero(lengths == length)
        columns = rows.index[rows.start[here][:, None] + np.arange(length)[None]]
        one, other = np.nonzero(~np.eye(length, dtype=np.bool_))
        pieces.append((columns[:, one].ravel(), columns[:, other].ravel(), np.repeat(here, len(one))))
    if not pieces:
        none = np.zeros(0, dtype=np.int64)
        return none, none, none
    first, second, row = (np.concatenate([piece[at] for piece in pieces]) for at in range(3))
    return first, second, row
