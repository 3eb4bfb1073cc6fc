"""What a word adds to the score of each document that a view shows: BM25F, and what many questions need of it made once.

Journey 2, step "candidates from the lexical index". Formula: Robertson & Zaragoza, "The Probabilistic Relevance
Framework: BM25 and Beyond" (2009), section 3.6: field counts are weighted and length-normalised, then saturated once.
Statistics are those of the view, so that what is kept is kept with the view.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
from services.indexer.retrieve.kept import Kept

K1 = 1.2
"""Saturation; the usual value (Robertson & Zaragoza 2009). `bench/relevance.py` found no gain in moving it."""
COMMON = 4
"""A word that one document in so many has is common: adding a number to every document is then faster than to those that have it."""
KEPT_BYTES = 128_000_000
"""What words add is remembered up to so much for all views of a server, that of words asked for last. Questions share most of
their words, and what a common one adds among 100,000 tables takes 1 to 3 ms to find out, with all that it may also be called."""
_KEPT = Kept(KEPT_BYTES)
_numbers = count()
_T = TypeVar("_T")


def keep_as_one_of(workers: int) -> None:
    """Remember this process's share of what a server of so many workers remembers."""
    _KEPT.keep(KEPT_BYTES // workers)


@dataclass(frozen=True, slots=True)
class Term:
    """What a word adds to the documents that have it.

    Attributes:
        idf: its inverse document frequency.
        documents: those that have it, int32, ascending.
        added: what it adds, all of it above 0: to each of `documents`, float64; of a common word to every document of the
            view, float64 (rows,), 0 for those that do not have it.
        common: whether it is common.

    """

    idf: float
    documents: NDArray[np.int32]
    added: NDArray[np.float64]
    common: bool

    @classmethod
    def of(cls, idf: float, documents: NDArray[np.int32], added: NDArray[np.float64], rows: int) -> Term:
        """A word of documents out of so many rows; `added` is of those that have it."""
        if len(documents) * COMMON < rows:
            return cls(idf, documents, added, common=False)
        everywhere = np.zeros(rows)
        everywhere[documents] = added
        return cls(idf, documents, everywhere, common=True)

    @property
    def scores(self) -> NDArray[np.float64]:
        """What it adds to each of `documents`, float64."""
        return self.added[self.documents] if self.common else self.added

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        return self.documents.nbytes + self.added.nbytes

    def add(self, scores: NDArray[np.float64]) -> None:
        """Add it to the scores of all documents, float64 (rows,)."""
        if self.common:
            scores += self.added
        else:
            scores[self.documents] += self.added


@dataclass(frozen=True, eq=False)
class Piece:
    """The words of one segment, and which of its documents are seen, bool (documents,); `offset` is the first one's number."""

    postings: Postings
    seen: NDArray[np.bool_]
    offset: int

    @cached_property
    def whole(self) -> bool:
        """Whether all are seen."""
        return bool(self.seen.all())

    def find(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]] | None:
        """The seen documents that have a term, ascending and numbered as in the segment, and how often by field."""
        found = self.postings.find(term)
        if found is None or self.whole:
            return found
        documents, tf = found
        seen = self.seen[documents]
        return documents[seen], tf[seen]


@dataclass(frozen=True, eq=False)
class SeenWords:
    """The words of what a view shows.

    Attributes:
        pieces: its segments.
        rows: how many documents all segments have.
        n: how many are seen.
        mean_lengths: tokens a field of those, on average, float64 (fields,).
        weights, b: of each field, its weight and how much its length counts, 0 to 1.

    """

    pieces: Sequence[Piece]
    rows: int
    n: int
    mean_lengths: NDArray[np.float64]
    weights: tuple[float, ...]
    b: tuple[float, ...]
    _number: int = field(default_factory=lambda: next(_numbers), init=False, repr=False)

    @property
    def rarest(self) -> float:
        """The inverse document frequency of a word that nothing has, as if half a document had it; 0 where nothing is seen."""
        return float(np.log1p((self.n + 0.5) / 0.5)) if self.n else 0.0

    def find(self, term: str) -> Term | None:
        """What a term adds; None where nothing seen has it. Safe to call from several threads."""
        return self.remembered(term, lambda: self._made(term), lambda made: 0 if made is None else made.n_bytes)

    def remembered(self, key: Hashable, make: Callable[[], _T], size: Callable[[_T], int]) -> _T:
        """What is known of these words under a key; else what `make` makes, which takes `size` bytes, and remembered then."""
        return _KEPT.get((self._number, key), make, size)

    def _made(self, term: str) -> Term | None:
        found = [
            (piece, worth, *have)
            for piece, worth in zip(self.pieces, self._worth, strict=True)
            if (have := piece.find(term))
        ]
        df = sum(len(documents) for _, _, documents, _ in found)
        if df == 0:
            return None
        idf = float(np.log1p((self.n - df + 0.5) / (df + 0.5)))
        added = _joined([idf * _saturated(worth, documents, tf) for _, worth, documents, tf in found])
        # a copy: what is remembered must not hold the file of a segment that nothing else needs any more
        documents = _joined([documents + np.int32(piece.offset) for piece, _, documents, _ in found])
        return Term.of(idf, documents, added, self.rows)

    @cached_property
    def _worth(self) -> list[NDArray[np.float64]]:
        """What one occurrence in each document and field counts, float64 (documents, fields), of each piece."""
        weights, b = np.asarray(self.weights), np.asarray(self.b)
        return [weights / (1.0 - b + b * (piece.postings.lengths / self.mean_lengths)) for piece in self.pieces]


def _saturated(worth: NDArray[np.float64], documents: NDArray[np.int32], tf: NDArray[np.uint8]) -> NDArray[np.float64]:
    each = np.take(worth, documents, axis=0)
    each *= tf
    frequency = each[:, 0].copy()
    for at in range(1, each.shape[1]):  # numpy's own sum over so short an axis takes several times as long
        frequency += each[:, at]
    return frequency / (K1 + frequency)


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
