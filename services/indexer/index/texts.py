"""The distinct texts of a segment's tables or columns, by hash, and their vectors.

Journey 1, step "embed": equal texts share one vector, and a text may wait for its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.vectors import LISTED_FROM, Vectors


@dataclass(frozen=True, eq=False)
class Texts:
    """Distinct texts of one shelf (tables or columns) and their vectors.

    Attributes:
        hashes: `text_hash` of each, uint8 (texts, 16).
        row: row of its vector, int32 (texts,); -1 while it has none.
        vectors: the vectors.

    """

    hashes: NDArray[np.uint8]
    row: NDArray[np.int32]
    vectors: Vectors

    @cached_property
    def text_of_row(self) -> NDArray[np.int64]:
        """For each vector, its text: int64 (vectors,)."""
        have = np.flatnonzero(self.row >= 0)
        out = np.zeros(len(self.vectors), dtype=np.int64)
        out[self.row[have]] = have
        return out

    def listed(self) -> Texts:
        """The same texts, their vectors list by list where they are many."""
        if len(self.vectors) < LISTED_FROM or self.vectors.lists is not None:
            return self
        vectors, order = self.vectors.listed()
        row = np.full(len(self.row), -1, dtype=np.int32)
        row[self.text_of_row[order]] = np.arange(len(order), dtype=np.int32)
        return replace(self, row=row, vectors=vectors)

    def hash(self, text: int) -> bytes:
        """The hash of a text."""
        return bytes(self.hashes[text])

    def hashes_of(self, texts: NDArray[np.int64]) -> list[bytes]:
        """The hashes of some texts."""
        size, some = self.hashes.shape[1], self.hashes[texts].tobytes()
        return [some[at : at + size] for at in range(0, len(some), size)]

    def missing(self) -> list[bytes]:
        """The hashes of texts without a vector."""
        return [self.hash(int(text)) for text in np.flatnonzero(self.row < 0)]
