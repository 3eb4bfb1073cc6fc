"""Words: BM25F over the fields of tables or columns, with statistics taken inside the view.

Journey 2, step "candidates from the lexical index". Formula: Robertson & Zaragoza, "The Probabilistic Relevance
Framework: BM25 and Beyond" (2009), section 3.6: field counts are weighted and length-normalised, then saturated once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
from services.indexer.retrieve.view import View

K1 = 1.2
"""Saturation; the usual value (Robertson & Zaragoza 2009). `bench/relevance.py` found no gain in moving it."""
TABLE_WEIGHTS = (3.0, 1.0, 1.0, 2.0)
"""Weights of name, description, columns, tags; from the sweep in `bench/relevance.py`."""
TABLE_B = (0.3, 0.6, 0.75, 0.3)
"""Length normalisation by field: long column lists say less a word than short names do."""
COLUMN_WEIGHTS = (2.0, 1.0)
"""Weights of a column's name and description."""
COLUMN_B = (0.3, 0.6)


@dataclass(frozen=True)
class Matches:
    """Which documents share a word with the question.

    Attributes:
        scores: BM25F of every document, float64 (documents,); 0 where no word is shared.
        coverage: share of the question's weight (by inverse document frequency) that a document has, float64 (documents,).
        terms: the question's terms that anything seen has, with their inverse document frequency.
        unknown: the terms that nothing seen has.
        documents: for each of `terms`, the seen documents that have it, ascending.
        weight: the inverse document frequencies of all terms together, `unknown` ones counted as the rarest; above 0.

    """

    scores: NDArray[np.float64]
    coverage: NDArray[np.float64]
    terms: dict[str, float]
    unknown: tuple[str, ...]
    documents: dict[str, NDArray[np.int64]]
    weight: float

    def of(self, document: int) -> tuple[str, ...]:
        """The question's terms that a document has, in the question's order."""
        return tuple(term for term, rows in self.documents.items() if _contains(rows, document))


def match_tables(view: View, terms: Sequence[str]) -> Matches:
    """BM25F of a view's tables."""
    pieces = [(part.segment.words, part.tables, part.offset) for part in view.parts]
    return _match(pieces, view.rows, view.n_tables, view.table_lengths, terms, TABLE_WEIGHTS, TABLE_B)


def match_columns(view: View, terms: Sequence[str]) -> Matches:
    """BM25F of a view's columns, each with its own name and description only."""
    pieces = [(part.segment.column_words, part.columns, part.column_offset) for part in view.parts]
    return _match(pieces, view.column_rows, view.n_columns, view.column_lengths, terms, COLUMN_WEIGHTS, COLUMN_B)


def _match(
    pieces: Sequence[tuple[Postings, NDArray[np.bool_], int]],
    rows: int,
    n: int,
    mean_lengths: NDArray[np.float64],
    terms: Sequence[str],
    weights: Sequence[float],
    b: Sequence[float],
) -> Matches:
    scores = np.zeros(rows)
    shared = np.zeros(rows)
    known: dict[str, float] = {}
    unknown: list[str] = []
    documents: dict[str, NDArray[np.int64]] = {}
    weight, slope = np.asarray(weights), np.asarray(b)
    for term in dict.fromkeys(terms):
        found = [_seen_postings(postings, mask, offset, term) for postings, mask, offset in pieces]
        df = sum(len(docs) for docs, _, _ in found)
        if df == 0:
            unknown.append(term)
            continue
        idf = float(np.log1p((n - df + 0.5) / (df + 0.5)))
        known[term] = idf
        documents[term] = np.concatenate([docs for docs, _, _ in found])
        for docs, tf, lengths in found:
            norm = 1.0 - slope + slope * (lengths / mean_lengths)
            frequency = (weight * tf / norm).sum(axis=1)
            scores[docs] += idf * frequency / (K1 + frequency)
            shared[docs] += idf
    # a word that nothing has counts as if one document had it: the question is not fully answered
    rarest = float(np.log1p((n + 0.5) / 0.5)) if n else 0.0
    total = sum(known.values()) + rarest * len(unknown)
    return Matches(scores, shared / total if total else shared, known, tuple(unknown), documents, total or 1.0)


def columns_named(view: View, terms: Sequence[str]) -> NDArray[np.int64]:
    """The seen columns that are not restricted and have one of some words in their name, ascending."""
    out = [np.zeros(0, dtype=np.int64)]
    for part in view.parts:
        for term in terms:
            docs, tf, _ = _seen_postings(part.segment.column_words, part.open_columns, part.column_offset, term)
            out.append(docs[tf[:, 0] > 0])
    return np.unique(np.concatenate(out))


def _contains(ascending: NDArray[np.int64], value: int) -> bool:
    at = int(np.searchsorted(ascending, value))
    return at < len(ascending) and int(ascending[at]) == value


def _seen_postings(
    postings: Postings, mask: NDArray[np.bool_], offset: int, term: str
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int32]]:
    found = postings.find(term)
    if found is None:
        empty = np.zeros(0, dtype=np.int64)
        return empty, postings.tf[:0], postings.lengths[:0]
    docs, tf = found
    seen = mask[docs]
    here = docs[seen]
    return here.astype(np.int64) + offset, tf[seen], postings.lengths[here]
