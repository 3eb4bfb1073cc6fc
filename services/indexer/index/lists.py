"""Rows of vectors in lists of neighbours: a question reads the lists that are near it, and leaves the others.

Journey 1, step "new generation", for segments with many vectors; read by `vectors`. Pure numpy, and the same lists from the same
rows on one machine; what is published is a file, so that every replica of a generation reads the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

ROWS_A_LIST, MOST_LISTS = 80, 2_048
"""About so many rows a list; more lists than that would make publishing slow: each row is compared with each centre once."""
_LEARNED_FROM = 20
"""Rows a centre that the centres are learned from; twice as many find no more."""
_ROUNDS = 8
_AT_ONCE = 8_192


@dataclass(frozen=True, eq=False)
class Lists:
    """Lists of rows that stand one after another.

    Attributes:
        centres: what stands for each list, float32 (lists, dimension), of unit length.
        start: where each list's rows begin, int64 (lists + 1,).

    """

    centres: NDArray[np.float32]
    start: NDArray[np.int64]

    def fits(self, n: int, dimension: int) -> bool:
        """Whether these can be lists of n rows: read from a file that may be damaged."""
        lists = len(self.start) - 1
        if self.start.ndim != 1 or lists < 1 or self.centres.shape != (lists, dimension):
            return False
        ascending = self.start[0] == 0 and self.start[-1] == n and bool((np.diff(self.start) >= 0).all())
        return ascending and self.centres.dtype == np.float32 and bool(np.isfinite(self.centres).all())

    def nearest(self, query: NDArray[np.float32], rows: int, counts: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The nearest lists, best first, until they have so many rows together; all that have any where all have fewer.

        Args:
            query: a unit vector.
            rows: how many.
            counts: the rows of each list that count; None means all of them. Lists without any are left out.

        """
        counts = self.sizes if counts is None else counts
        near = self.centres @ query
        near[counts == 0] = -np.inf
        # hardly ever more than a few lists are wanted: only those are put in order
        some = min(len(near), 8 + 2 * rows * len(near) // max(int(self.start[-1]), 1))
        order = np.argpartition(-near, some - 1)[:some] if some < len(near) else np.arange(len(near))
        order = order[np.argsort(-near[order])]
        upto = int(np.searchsorted(np.cumsum(counts[order]), rows)) + 1
        if upto > some and some < len(near):
            order = np.argsort(-near)
            upto = int(np.searchsorted(np.cumsum(counts[order]), rows)) + 1
        order = order[:upto]
        return order[counts[order] > 0]

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many rows each list has."""
        return np.diff(self.start)

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many rows of a mask each list has."""
        upto = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
        return np.diff(upto[self.start])


def in_lists(rows: NDArray[np.float16]) -> tuple[Lists, NDArray[np.int64]]:
    """Lists for unit vectors, float16 (n, dimension), and the order in which their rows stand list by list.

    Spherical k-means (Dhillon and Modha 2001, "Concept decompositions for large sparse text data using clustering").
    """
    n = len(rows)
    lists = max(1, min(n // ROWS_A_LIST, MOST_LISTS))
    sample = rows[:: max(n // (_LEARNED_FROM * lists), 1)].astype(np.float32)
    centres = sample[np.linspace(0, len(sample) - 1, lists).astype(np.int64)]
    for _ in range(_ROUNDS):
        centres = _means(sample, _nearest(sample, centres), centres)
    of_row = np.concatenate([_nearest(rows[at : at + _AT_ONCE].astype(np.float32), centres) for at in range(0, n, _AT_ONCE)])
    start = np.concatenate([[0], np.cumsum(np.bincount(of_row, minlength=lists))]).astype(np.int64)
    return Lists(centres, start), np.argsort(of_row, kind="stable")


def _nearest(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    pieces = [(rows[at : at + _AT_ONCE] @ centres.T).argmax(axis=1) for at in range(0, len(rows), _AT_ONCE)]
    return np.concatenate(pieces)


def _means(rows: NDArray[np.float32], of_row: NDArray[np.int64], before: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean direction of each centre's rows; a centre without any stays where it was."""
    order = np.argsort(of_row, kind="stable")
    have, begins = np.unique(of_row[order], return_index=True)
    out = before.copy()
    sums = np.add.reduceat(rows[order], begins, axis=0)
    out[have] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return out
