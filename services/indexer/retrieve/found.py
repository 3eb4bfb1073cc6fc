"""What a question found before it is cut into pages: the order, what matched at all, and each hit on demand.

Journey 2, between ranking and the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.search import Hit
from services.indexer.index.segment import Segment
from services.indexer.retrieve.coverage import Coverage
from services.indexer.retrieve.view import View


@dataclass(frozen=True, eq=False)
class Matched:
    """Everything inside the view that matches.

    Attributes:
        tables: which tables match as themselves, bool (tables,).
        columns: how many columns of each table match as themselves, int64 (tables,).

    """

    tables: NDArray[np.bool_]
    columns: NDArray[np.int64]

    @classmethod
    def of_tables(cls, mask: NDArray[np.bool_]) -> Matched:
        """Tables alone."""
        return cls(mask, np.zeros(len(mask), dtype=np.int64))

    @classmethod
    def of_columns(cls, view: View, mask: NDArray[np.bool_]) -> Matched:
        """Columns alone, bool (columns,)."""
        pieces = [np.zeros(0, dtype=np.int64)]
        for part in view.parts:
            here = mask[part.column_offset : part.column_offset + part.segment.n_columns]
            pieces.append(np.bincount(part.segment.owner[here], minlength=len(part.segment)))
        return cls(np.zeros(view.rows, dtype=np.bool_), np.concatenate(pieces))

    @property
    def total(self) -> int:
        """How many assets match: tables, columns, or both."""
        return int(self.tables.sum()) + int(self.columns.sum())

    def parts(self, view: View) -> Iterator[tuple[Segment, NDArray[np.bool_], NDArray[np.int64]]]:
        """Segment by segment, for counting facets."""
        for part in view.parts:
            here = slice(part.offset, part.offset + len(part.segment))
            yield part.segment, self.tables[here], self.columns[here]


@dataclass(frozen=True, eq=False)
class Found:
    """An ordered answer.

    Attributes:
        order: positions of the hits, best first; `hit` makes one.
        scores: the score at each position.
        keys: the id at each position, which decides between equal scores; empty where nothing is ever merged.
        tables: the table at each position, numbered as in the view, int64; -1 for a column.
        matched: what matches, ranked or not.
        hit: makes the hit at a position, reasons included.
        answerable: 0 to 1.
        read: the tables that were read word by word, ascending, and what they say of the question; None without vectors.

    """

    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    keys: list[str]
    tables: NDArray[np.int64]
    matched: Matched
    hit: Callable[[int], Hit]
    answerable: float
    read: tuple[NDArray[np.int64], Coverage] | None = None

    @classmethod
    def merged(cls, one: Found, other: Found) -> Found:
        """Two answers in one order, by score and then by id."""
        n = len(one.scores)
        scores = np.concatenate([one.scores, other.scores])
        keys = [*one.keys, *other.keys]
        order = np.concatenate([one.order, other.order + n])
        order = order[np.lexsort((np.asarray([keys[at] for at in order.tolist()], dtype=str), -scores[order]))]
        return cls(
            order=order,
            scores=scores,
            keys=keys,
            tables=np.concatenate([one.tables, other.tables]),
            matched=Matched(one.matched.tables | other.matched.tables, one.matched.columns + other.matched.columns),
            hit=lambda at: one.hit(at) if at < n else other.hit(at - n),
            answerable=max(one.answerable, other.answerable),
            read=one.read or other.read,
        )
