"""Words: BM25F over the fields of tables or columns, with statistics taken inside the view.

Journey 2, step "candidates from the lexical index". Formula: Robertson & Zaragoza, "The Probabilistic Relevance
Framework: BM25 and Beyond" (2009), section 3.6: field counts are weighted and length-normalised, then saturated once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a document may have instead of a word of the question.

    Attributes:
        words: tokens; a document must have all of them.
        weight: what they count, above 0 and at most 1 of what the word itself would.
        why: for the reasons: `cust means customer (learned from 14 columns)`.

    """

    words: tuple[str, ...]
    weight: float
    why: str


Alternatives = Mapping[str, Sequence[Alternative]]
"""By the question's term."""
NO_ALTERNATIVES: Alternatives = {}


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
        rarest: the inverse document frequency of a term that nothing seen has.

    """

    scores: NDArray[np.float64]
    coverage: NDArray[np.float64]
    terms: dict[str, float]
    unknown: tuple[str, ...]
    documents: dict[str, NDArray[np.int64]]
    weight: float
    rarest: float = 0.0

    def of(self, document: int) -> tuple[str, ...]:
        """The question's terms that a document has, in the question's order."""
        return tuple(term for term, rows in self.documents.items() if _contains(rows, document))

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a term of the question; that of an unknown one where nothing seen has it."""
        return self.terms.get(term, self.rarest)


def match_tables(view: View, terms: Sequence[str], alternatives: Alternatives = NO_ALTERNATIVES) -> Matches:
    """BM25F of a view's tables; a term and its alternatives count once, by the best of them."""
    pieces = [(part.segment.words, part.tables, part.offset) for part in view.parts]
    return _match(pieces, view.rows, view.n_tables, view.table_lengths, terms, TABLE_WEIGHTS, TABLE_B, alternatives)


def match_columns(view: View, terms: Sequence[str], alternatives: Alternatives = NO_ALTERNATIVES) -> Matches:
    """BM25F of a view's columns, each with its own name and description only."""
    pieces = [(part.segment.column_words, part.columns, part.column_offset) for part in view.parts]
    lengths = view.column_lengths
    return _match(pieces, view.column_rows, view.n_columns, lengths, terms, COLUMN_WEIGHTS, COLUMN_B, alternatives)


def _match(
    pieces: Sequence[tuple[Postings, NDArray[np.bool_], int]],
    rows: int,
    n: int,
    mean_lengths: NDArray[np.float64],
    terms: Sequence[str],
    weights: Sequence[float],
    b: Sequence[float],
    alternatives: Alternatives,
) -> Matches:
    scores = np.zeros(rows)
    shared = np.zeros(rows)
    known: dict[str, float] = {}
    unknown: list[str] = []
    documents: dict[str, NDArray[np.int64]] = {}
    weight, slope = np.asarray(weights), np.asarray(b)

    def found(term: str) -> _Term | None:
        postings = [_seen_postings(postings, mask, offset, term) for postings, mask, offset in pieces]
        df = sum(len(docs) for docs, _, _ in postings)
        if df == 0:
            return None
        idf = float(np.log1p((n - df + 0.5) / (df + 0.5)))
        parts = []
        for _, tf, lengths in postings:
            norm = 1.0 - slope + slope * (lengths / mean_lengths)
            frequency = (weight * tf / norm).sum(axis=1)
            parts.append(idf * frequency / (K1 + frequency))
        return _Term(np.concatenate([docs for docs, _, _ in postings]), np.concatenate(parts), idf)

    for term in dict.fromkeys(terms):
        own = found(term)
        others = [(one, each) for one in alternatives.get(term, ()) if (each := _all_of([found(w) for w in one.words]))]
        if own is None and not others:
            unknown.append(term)
        elif not others and own is not None:
            scores[own.documents] += own.scores
            shared[own.documents] += own.idf
            known[term], documents[term] = own.idf, own.documents
        else:
            known[term] = own.idf if own is not None else max(each.idf for _, each in others)
            _add_best(scores, shared, documents, term, own, others, known[term])
    # a word that nothing has counts as if one document had it: the question is not fully answered
    rarest = float(np.log1p((n + 0.5) / 0.5)) if n else 0.0
    total = sum(known.values()) + rarest * len(unknown)
    covered = shared / total if total else shared
    return Matches(scores, covered, known, tuple(unknown), documents, total or 1.0, rarest)


@dataclass(frozen=True, slots=True)
class _Term:
    """Documents that have a term, ascending, what it adds to each one's score, and its inverse document frequency."""

    documents: NDArray[np.int64]
    scores: NDArray[np.float64]
    idf: float


def _all_of(words: Sequence[_Term | None]) -> _Term | None:
    """Documents that have all of some words, with their mean; None where there is none."""
    have = [word for word in words if word is not None]
    if len(have) < len(words) or not have:
        return None
    documents = have[0].documents
    for word in have[1:]:
        documents = documents[np.isin(documents, word.documents, assume_unique=True)]
    if not len(documents):
        return None
    scores = [word.scores[np.searchsorted(word.documents, documents)] for word in have]
    return _Term(documents, np.mean(scores, axis=0), sum(word.idf for word in have) / len(have))


def _add_best(
    scores: NDArray[np.float64],
    shared: NDArray[np.float64],
    documents: dict[str, NDArray[np.int64]],
    term: str,
    own: _Term | None,
    others: Sequence[tuple[Alternative, _Term]],
    idf: float,
) -> None:
    """Add what a term or the best of its alternatives counts: the best alone, so that many synonyms outweigh nothing."""
    best, share = np.zeros(len(scores)), np.zeros(len(scores))
    if own is not None:
        best[own.documents], share[own.documents] = own.scores, 1.0
        documents[term] = own.documents
    for one, each in others:
        # an alternative that is rarer than the word itself says no more than the word would
        scale = one.weight * min(1.0, idf / each.idf) if each.idf > 0 else one.weight
        better = scale * each.scores > best[each.documents]
        rows = each.documents[better]
        best[rows] = scale * each.scores[better]
        share[rows] = np.maximum(share[rows], one.weight)
        label = one.why or term
        merged = np.concatenate([documents.get(label, rows[:0]), rows])
        documents[label] = np.unique(merged)
    scores += best
    shared += idf * share


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
