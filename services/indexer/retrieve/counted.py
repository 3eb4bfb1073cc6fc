"""What a question's word counts with all that it may also be called: by the best of them, made once for a view and remembered.

Journey 2, step "candidates from the lexical index", between `seen_words` and `lexical`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.distinct import distinct
from services.indexer.retrieve.seen_words import SeenWords, Term

FEW = 16
"""Where one document in so many has a word or what it is also called, they are put in order; else all documents are gone through."""
WORD_BYTES, ALTERNATIVE_BYTES = 650, 550
"""What a word that is remembered with alternatives takes besides its arrays, and each of those: half of it is what it is known by."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a document may have instead of a word of the question.

    Attributes:
        words: tokens; a document must have all of them.
        weight: what they count, above 0 and at most 1 of what the word itself would.
        why: for the reasons: `cust means customer (learned from 14 columns)`.
        guess: whether it is by letters alone.

    """

    words: tuple[str, ...]
    weight: float
    why: str
    guess: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """What documents have of a question's weight by one word.

    Attributes:
        documents: which, int32, ascending.
        levels: what a word counts there, at most a few different numbers, float64.
        level: which of them each document has, whole numbers (documents,); None where all have the first.

    """

    documents: NDArray[np.int32]
    levels: NDArray[np.float64]
    level: NDArray[np.unsignedinteger] | None = None

    @classmethod
    def of(cls, documents: NDArray[np.int32], counts: NDArray[np.float64]) -> Shared:
        """From what each document has, float64 (documents,)."""
        levels, level = np.unique(counts, return_inverse=True)
        return cls(documents, levels, level.astype(np.min_scalar_type(len(levels))))

    def counts(self, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the documents at some places have, float64 (at,)."""
        return self.levels[self.level[at]] if self.level is not None else np.broadcast_to(self.levels[0], at.shape)

    @property
    def n_bytes(self) -> int:
        """What it takes in memory besides the documents."""
        return self.levels.nbytes + (self.level.nbytes if self.level is not None else 0)


Otherwise = tuple[NDArray[np.int32], NDArray[np.float64]]
"""Documents, ascending, and how far each of them says a word by what else it may be called, 0 to 1, float64 (documents,)."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a word counts.

    Attributes:
        added: what it adds to the documents that have it or what it is also called.
        shared: those documents, and what it counts for each.
        labels: which documents have it, under the word itself, and which count by something else, under why.
        otherwise: how far documents say it by something else, where nothing seen has the word itself; else None.
        guessed: whether only guesses find it.

    """

    added: Term
    shared: Shared
    labels: tuple[tuple[str, NDArray[np.int32]], ...]
    otherwise: Otherwise | None = None
    guessed: bool = False

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""
        arrays = (*(rows for _, rows in self.labels), *(self.otherwise or ()))
        several = sum(int(one.nbytes) for one in arrays)
        return self.added.n_bytes + self.shared.n_bytes + several


def counted(words: SeenWords, term: str, alternatives: tuple[Alternative, ...]) -> Counted | None:
    """What a word counts by the best of itself and its alternatives; None where nothing seen has any of them."""
    if not alternatives:
        own = words.find(term)
        return None if own is None else _alone(term, own)
    besides = WORD_BYTES + ALTERNATIVE_BYTES * len(alternatives)
    return words.remembered(
        (term, alternatives),
        lambda: _made(words, term, alternatives),
        lambda made: besides + (0 if made is None else made.n_bytes),
    )


def _made(words: SeenWords, term: str, alternatives: tuple[Alternative, ...]) -> Counted | None:
    own = words.find(term)
    meant = ((one, _all_of([words.find(word) for word in one.words])) for one in alternatives)
    others = [(one, each) for one, each in meant if each is not None]
    if not others:
        return None if own is None else _alone(term, own)
    idf = own.idf if own is not None else max(each.idf for _, each in others)
    best = _best(words.rows, term, own, others, idf)
    if own is not None:
        return best
    return replace(best, otherwise=_called(others), guessed=all(one.guess for one, _ in others))


def _alone(term: str, own: Term) -> Counted:
    return Counted(own, Shared(own.documents, np.asarray([own.idf])), ((term, own.documents),))


def _all_of(words: Sequence[Term | None]) -> Term | None:
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
    return Term(sum(word.idf for word in have) / len(have), documents, np.mean(scores, axis=0), common=False)


def _best(rows: int, term: str, own: Term | None, others: Sequence[tuple[Alternative, Term]], idf: float) -> Counted:
    """What a term or the best of its alternatives counts: the best alone, so that many synonyms outweigh nothing."""
    labels: dict[str, NDArray[np.int32]] = {}
    every = [each.documents for each in (own, *(each for _, each in others)) if each is not None]
    # where few documents have any, arrays of those alone: most alternatives are rare, and a warehouse has 100,000 documents
    few = distinct(every) if sum(map(len, every)) * FEW < rows else None
    n = rows if few is None else len(few)
    best, share = np.zeros(n), np.zeros(n)
    if own is not None:
        at = own.documents if few is None else np.searchsorted(few, own.documents)
        best[at], share[at] = own.scores, 1.0
        labels[term] = own.documents
    for one, each in others:
        # an alternative that is rarer than the word itself says no more than the word would
        scale = one.weight * min(1.0, idf / each.idf) if each.idf > 0 else one.weight
        at = each.documents if few is None else np.searchsorted(few, each.documents)
        added = scale * each.scores
        better = added > best[at]
        having, at = each.documents[better], at[better]
        best[at] = added[better]
        share[at] = np.maximum(share[at], one.weight)
        label = one.why or term
        labels[label] = distinct([labels.get(label, having[:0]), having])
    have = np.flatnonzero(share)
    documents = have.astype(np.int32) if few is None else few[have]
    adding = Term.of(idf, documents, best[have], rows)
    return Counted(adding, Shared.of(documents, idf * share[have]), tuple(labels.items()))


def _called(others: Sequence[tuple[Alternative, Term]]) -> Otherwise:
    """The documents that have any of a term's alternatives, and how far the best that each has says the term, 0 to 1."""
    having = distinct([each.documents for _, each in others])
    counts = np.zeros(len(having))
    for one, each in others:
        at = np.searchsorted(having, each.documents)
        # what is left of a word's score without its rarity: much in a name, little among many columns
        counts[at] = np.maximum(counts[at], one.weight * each.scores / each.idf)
    return having, counts
