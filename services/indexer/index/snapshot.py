"""What a search runs over: some segments, which of their tables still live, and how far the feed is covered. Immutable.

Journey 2. Serving threads hold one snapshot for a whole answer; new ones are swapped in, never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.model.changes import START, Seq
from services.common.model.names import AssetId
from services.indexer.index.segment import Segment


@dataclass(frozen=True, eq=False)
class Live:
    """A segment and which of its tables are current, bool (tables,): the others were changed later or are gone."""

    segment: Segment
    mask: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """How many tables are current."""
        return int(self.mask.sum())


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Some live segments.

    Attributes:
        parts: base first, newest last; a table is live in one of them at most.
        generation: the published generation underneath, 0 where none is.
        seq: every change up to here is in it, at least by its words.
        dimension: length of the vectors, 0 while no model is known.
        model: the id of the encoder that made the vectors; None where nobody asks, or there are none.

    """

    parts: tuple[Live, ...]
    generation: int
    seq: Seq
    dimension: int
    model: str | None = None

    @property
    def label(self) -> str:
        """What an answer says it was read from: generation and sequence number."""
        return f"{self.generation}.{self.seq}"

    @cached_property
    def where(self) -> dict[AssetId, tuple[int, int]]:
        """For each live table: its part and its row there."""
        out: dict[AssetId, tuple[int, int]] = {}
        for part, live in enumerate(self.parts):
            rows = np.flatnonzero(live.mask)
            out |= {asset: (part, row) for asset, row in zip(live.segment.ids.spelled(rows), rows.tolist(), strict=True)}
        return out

    @property
    def n_tables(self) -> int:
        """How many tables live."""
        return sum(live.n for live in self.parts)

    @cached_property
    def n_foreign(self) -> int:
        """How many live tables are written in another language than the model's."""
        return sum(int(live.segment.foreign[live.mask].sum()) for live in self.parts)

    @cached_property
    def coverage(self) -> tuple[int, int]:
        """How many texts have a vector, and how many there are, in the live segments."""
        done = sum(int((t.row >= 0).sum()) for live in self.parts for t in (live.segment.texts, live.segment.column_texts))
        every = sum(len(t.row) for live in self.parts for t in (live.segment.texts, live.segment.column_texts))
        return done, every


EMPTY = Snapshot(parts=(), generation=0, seq=START, dimension=0)
"""Nothing indexed yet."""
