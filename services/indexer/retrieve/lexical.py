"""Words: the tables or columns that share some with a question, scored by BM25F, and the columns whose names say them.

Journey 2, step "candidates from the lexical index"; what one word adds is told by `seen_words`, with what else it is called by `counted`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.distinct import distinct
from services.indexer.retrieve.counted import Alternative, Otherwise, Shared, counted
from services.indexer.retrieve.seen_words import Piece, SeenWords
from services.indexer.retrieve.view import Seen, View

TABLE_WEIGHTS = (3.0, 1.0, 1.0, 2.0)
"""Weights of name, description, columns, tags; from the sweep in `bench/relevance.py`."""
TABLE_B = (0.3, 0.6, 0.75, 0.3)
"""Length normalisation by field: long column lists say less a word than short names do."""
COLUMN_WEIGHTS = (2.0, 1.0)
"""Weights of a column's name and description."""
COLUMN_B = (0.3, 0.6)


Alternatives = Mapping[str, Sequence[Alternative]]
"""By the question's term."""
NO_ALTERNATIVES: Alternatives = {}


@dataclass(frozen=True)
class Matches:
    """Which documents share a word with the question.

    Attributes:
        scores: BM25F of every document, float64 (documents,); 0 where no word is shared.
        terms: the question's terms that anything seen has, with their inverse document frequency.
        unknown: the terms that nothing seen has, whatever they are called.
        unseen: those, and the ones that only guesses find.
        documents: for each of `terms`, the seen documents that have it, int32, ascending.
        weight: the inverse document frequencies of all terms together, `unknown` ones counted as the rarest; above 0.
        rarest: the inverse document frequency of a term that nothing seen has.
        shared: for each of `terms`, the documents that have it or what it is also called, ascending, and what that counts.
        others: of the terms that nothing seen has itself, those that something has by what they are also called.

    """

    scores: NDArray[np.float64]
    terms: dict[str, float]
    unknown: tuple[str, ...]
    documents: dict[str, NDArray[np.int32]]
    weight: float
    rarest: float = 0.0
    shared: tuple[Shared, ...] = ()
    others: Mapping[str, Otherwise] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()

    def otherwise(self, term: str, documents: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far some documents say a term by what else it may be called, 0 to 1, float64 (n,); 0 where anything seen has it itself."""
        if term not in self.others:
            return np.zeros(len(documents))
        having, counts = self.others[term]
        at, has = _places(having, documents)
        return np.where(has, counts[at], 0.0)

    def covered(self, documents: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of the question's weight (by inverse document frequency) that some documents have, 0 to 1, float64 (n,)."""
        total = np.zeros(len(documents))
        for one in self.shared:
            at, has = _places(one.documents, documents)
            total += np.where(has, one.counts(at), 0.0)
        return total / self.weight

    def read(self, documents: NDArray[np.int64]) -> NDArray[np.float64]:
        """The same share, what a word is also called counted as the word itself, however unlikely that is; float64 (n,)."""
        total = np.zeros(len(documents))
        for idf, one in zip(self.terms.values(), self.shared, strict=True):
            total += np.where(among(one.documents, documents), idf, 0.0)
        return total / self.weight

    def of(self, document: int) -> tuple[str, ...]:
        """The question's terms that a document has, in the question's order."""
        wanted = np.int32(document)  # of the rows' own type: numpy would else copy all of them
        return tuple(term for term, rows in self.documents.items() if _has(rows, wanted))

    def said(self, document: int) -> frozenset[str]:
        """The question's terms that a document has, or has what they are also called."""
        wanted = np.int32(document)
        return frozenset(term for term, one in zip(self.terms, self.shared, strict=True) if _has(one.documents, wanted))

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a term of the question; that of an unknown one where nothing seen has it."""
        return self.terms.get(term, self.rarest)


def match_tables(view: View, terms: Sequence[str], alternatives: Alternatives = NO_ALTERNATIVES) -> Matches:
    """BM25F of a view's tables; a term and its alternatives count once, by the best of them."""
    return _match(_kept(view, "tables", _table_words), terms, alternatives)


def match_columns(view: View, terms: Sequence[str], alternatives: Alternatives = NO_ALTERNATIVES) -> Matches:
    """BM25F of a view's columns, each with its own name and description only."""
    return _match(_kept(view, "columns", _column_words), terms, alternatives)


def _kept(view: View, name: str, make: Callable[[View], SeenWords]) -> SeenWords:
    known = view.kept.get(f"words of {name}")
    if not isinstance(known, SeenWords):
        known = make(view)
        view.kept[f"words of {name}"] = known
    return known


def _table_words(view: View) -> SeenWords:
    pieces = [Piece(part.segment.words, part.tables, part.offset) for part in view.parts]
    return SeenWords(pieces, view.rows, view.n_tables, view.table_lengths, TABLE_WEIGHTS, TABLE_B)


def _column_words(view: View) -> SeenWords:
    pieces = [Piece(part.segment.column_words, part.columns, part.column_offset) for part in view.parts]
    return SeenWords(pieces, view.column_rows, view.n_columns, view.column_lengths, COLUMN_WEIGHTS, COLUMN_B)


def _match(words: SeenWords, terms: Sequence[str], alternatives: Alternatives) -> Matches:
    scores = np.zeros(words.rows)
    shared: list[Shared] = []
    known: dict[str, float] = {}
    unknown: list[str] = []
    unseen: list[str] = []
    documents: dict[str, NDArray[np.int32]] = {}
    otherwise: dict[str, Otherwise] = {}
    for term in dict.fromkeys(terms):
        found = counted(words, term, tuple(alternatives.get(term, ())))
        if found is None or found.guessed:
            unseen.append(term)
        if found is None:
            unknown.append(term)
            continue
        found.added.add(scores)
        known[term] = found.added.idf
        shared.append(found.shared)
        for label, rows in found.labels:
            before = documents.get(label) if label != term else None
            documents[label] = rows if before is None else distinct([before, rows])
        if found.otherwise is not None:
            otherwise[term] = found.otherwise
    # a word that nothing has counts as if one document had it: the question is not fully answered
    total = sum(known.values()) + words.rarest * len(unknown)
    return Matches(
        scores, known, tuple(unknown), documents, total or 1.0, words.rarest, tuple(shared), otherwise, tuple(unseen)
    )


class NamesSaying:
    """The columns that have a word of a question in their name, looked up a table at a time: some words are in a million.

    Args:
        view: the view.
        terms: the words.

    """

    def __init__(self, view: View, terms: Sequence[str]) -> None:
        self._found = {
            part.offset: [found for term in terms if (found := part.segment.column_words.find(term))] for part in view.parts
        }

    def of(self, part: Seen, table: int) -> NDArray[np.int64]:
        """Which columns of a seen table do that are not restricted: places among the table's columns, ascending.

        Args:
            part: of the same view.
            table: the table's row in it.

        """
        segment = part.segment
        first, end = segment.column_start[table : table + 2].tolist()
        says = np.zeros(end - first, dtype=np.bool_)
        ends = np.asarray((first, end), dtype=np.int32)  # of the columns' own type: numpy would else copy all of them
        for columns, tf in self._found[part.offset]:
            begin, after = columns.searchsorted(ends).tolist()
            if begin < after:
                says[columns[begin:after][tf[begin:after, 0] > 0] - first] = True
        return np.flatnonzero(says & ~segment.restricted[first:end])


def _has(ascending: NDArray[np.int32], wanted: np.int32) -> bool:
    at = ascending.searchsorted(wanted)
    return bool(at < len(ascending) and ascending[at] == wanted)


def among(ascending: NDArray[np.int32], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of some numbers are among others, which are ascending, bool (wanted,): the few are looked up in the many."""
    return _places(ascending, wanted)[1]


def _places(ascending: NDArray[np.int32], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where some numbers stand among others, which are ascending, and whether they do; somewhere where they do not."""
    if not len(ascending):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    few = wanted.astype(ascending.dtype)
    at = np.minimum(np.searchsorted(ascending, few), len(ascending) - 1)
    return at, ascending[at] == few
