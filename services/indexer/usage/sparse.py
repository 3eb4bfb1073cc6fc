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
class Chosen:
    """Some of many columns, each once.

    Attributes:
        columns: which, int64 (columns,).
        place: of each of the many its place among `columns`, which is their number for one that is not among them, int32 (many,).

    """

    columns: Ints
    place: NDArray[np.int32]

    @classmethod
    def of(cls, columns: Ints, many: int) -> Chosen:
        """Columns of so many."""
        place = np.full(many, len(columns), dtype=np.int32)
        place[columns] = np.arange(len(columns), dtype=np.int32)
        return cls(columns, place)

    def __len__(self) -> int:
        return len(self.columns)

    def sums(self, index: Ints, values: Floats) -> Floats:
        """The sum of the values of each chosen column, float64 (columns,); what falls on others is left out."""
        sums = np.bincount(self.place[index], weights=values, minlength=len(self.columns) + 1)[:-1]
        return sums.astype(np.float64, copy=False)

    def greatest(self, index: Ints, values: Floats) -> Floats:
        """The greatest value of each chosen column, float64 (columns,); 0 without one above it."""
        out = np.zeros(len(self.columns) + 1)
        np.maximum.at(out, self.place[index], values)
        return out[:-1]


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

    def row(self, row: int | np.int64) -> tuple[Ints, Floats]:
        """The columns and entries of one row."""
        piece = slice(self.start[row], self.start[row + 1])
        return self.index[piece], self.value[piece]

    def places(self, rows: Ints) -> tuple[Ints, Ints]:
        """The places of all entries of some rows, and which of `rows` each belongs to."""
        if len(rows) == 1:
            at = np.arange(self.start[rows[0]], self.start[rows[0] + 1])
            return at, np.zeros(len(at), dtype=np.int64)
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

    def spread_over(self, rows: Ints, weights: Floats, chosen: Chosen) -> Floats:
        """The weighted sum of some rows at the chosen columns, float64 (columns,): as `spread`, without a row of all columns."""
        if len(rows) == 1:
            index, value = self.row(rows[0])
            return chosen.sums(index, value * weights[0])
        at, owner = self.places(rows)
        return chosen.sums(self.index[at], self.value[at] * weights[owner])

    def spread_thin(self, rows: Ints, weights: Floats) -> tuple[Ints, Floats]:
        """The weighted sum of some rows: the columns that have one other than 0, ascending, and the sums."""
        if len(rows) == 1:
            columns, value = self.row(rows[0])
            sums = value * weights[0]
        else:
            at, owner = self.places(rows)
            columns, back = np.unique(self.index[at], return_inverse=True)
            sums = np.bincount(back, weights=self.value[at] * weights[owner], minlength=len(columns))
        there = sums != 0
        return columns[there], sums[there].astype(np.float64, copy=False)

    def gather(self, rows: Ints, weights: Floats) -> Floats:
        """For each of some rows, its entries times dense column weights (width,), added up: float64 (len(rows),)."""
        at, owner = self.places(rows)
        sums = np.bincount(owner, weights=self.value[at] * weights[self.index[at]], minlength=len(rows))
        return sums.astype(np.float64, copy=False)

    @cached_property
    def transposed(self) -> Sparse:
        """The same with rows and columns exchanged, kept."""
        return self.turned()

    def turned(self) -> Sparse:
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


def greatest(values: Floats, n: int) -> Ints:
    """The places of the `n` greatest values, ascending; of equals at the end of them the first."""
    least = np.partition(values, -n)[-n]
    above, at = np.flatnonzero(values > least), np.flatnonzero(values == least)
    return np.sort(np.concatenate([above, at[: n - len(above)]]))


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
