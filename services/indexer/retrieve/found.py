"""What a question found before it is cut into pages: the order, what matched at all, and each hit on demand.

Journey 2, between ranking and the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.search import Hit
from services.indexer.retrieve.view import Seen, View


@dataclass(frozen=True, eq=False)
class Matched:
    """Everything inside the view that matches.

    Attributes:
        mask: the tables that match, or whose columns do, bool (tables,).
        total: how many assets match: tables, columns, or both.

    """

    mask: NDArray[np.bool_]
    total: int

    def tables(self, view: View) -> Iterator[tuple[Seen, NDArray[np.bool_]]]:
        """The matching tables segment by segment, for counting facets."""
        for part in view.parts:
            yield part, self.mask[part.offset : part.offset + len(part.segment)]


@dataclass(frozen=True, eq=False)
class Found:
    """An ordered answer.

    Attributes:
        order: positions of the hits, best first; `hit` makes one.
        scores: the score at each position.
        keys: the id at each position, which decides between equal scores.
        matched: what matches, ranked or not.
        hit: makes the hit at a position, reasons included.
        answerable: 0 to 1.

    """

    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    keys: list[str]
    matched: Matched
    hit: Callable[[int], Hit]
    answerable: float

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
            matched=Matched(one.matched.mask | other.matched.mask, one.matched.total + other.matched.total),
            hit=lambda at: one.hit(at) if at < n else other.hit(at - n),
            answerable=max(one.answerable, other.answerable),
        )
