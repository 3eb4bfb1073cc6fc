"""The tables that an answer set is chosen from: the best hits, and tables whose keys join two of them, with all that is known.

Journey 2, step "answer set", first half. Everything is taken inside the view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.retrieve.coverage import Coverage
from services.indexer.retrieve.join_guess import Guess, guesses, words_of
from services.indexer.retrieve.lexical import Matches, among
from services.indexer.retrieve.view import View
from services.indexer.text.document import Record

DEPTH = 25
"""Hits that may belong to a set; further ones are chosen too seldom to be worth their time."""
BRIDGES = 3
"""Tables beyond them that join two of the first hits, by keys that are declared."""
BRIDGED = 8
"""So many of the first hits are bridged."""

Read = tuple[NDArray[np.int64], Coverage] | None
"""Tables that were read word by word, numbers in the view, ascending, and what they say."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Tables that may belong to the answer, best hit first, then bridges.

    Attributes:
        tables: numbers in the view, int64 (n,).
        records: theirs.
        scores: float64 (n,), a bridge's is the last hit's.
        n_hits: how many of them are hits.
        terms: the question's words without stop words.
        weights: what each word weighs, by its inverse document frequency, float64 (terms,).
        covers: which words each table has anywhere, bool (n, terms).
        names: which words its name has, bool (n, terms).
        said: how well each table says each content word by meaning, 0 to 1, float64 (words, n); 0 where it was not read.
        said_weights: what each of these words counts, float64 (words,), adding up to 1; empty without vectors.
        declared: whether a declared key joins two, bool (n, n).
        guesses: what is guessed of two, declared or not, by positions, the smaller first.
        cosines: of the question's and each table's text, float64 (n,); 0 where vectors are missing.
        likeness: cosines of the tables' texts, float64 (n, n); 0 where vectors are missing.

    """

    tables: NDArray[np.int64]
    records: list[Record]
    scores: NDArray[np.float64]
    n_hits: int
    terms: tuple[str, ...]
    weights: NDArray[np.float64]
    covers: NDArray[np.bool_]
    names: NDArray[np.bool_]
    said: NDArray[np.float64]
    said_weights: NDArray[np.float64]
    declared: NDArray[np.bool_]
    guesses: dict[tuple[int, int], Guess]
    cosines: NDArray[np.float64]
    likeness: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.tables)


def pool_of(
    view: View,
    terms: tuple[str, ...],
    matches: Matches,
    vector: NDArray[np.float32] | None,
    tables: NDArray[np.int64],
    scores: NDArray[np.float64],
    read: Read = None,
) -> Pool:
    """The pool of an ordered answer.

    Args:
        view: what is seen.
        terms: the question's words without stop words.
        matches: which tables have them.
        vector: the question's, None where there is none.
        tables: the hits, best first, int64 (hits,).
        scores: theirs, float64 (hits,).
        read: the tables that were read word by word, and what they say of the question.

    """
    hits = tables[:DEPTH]
    bridges = _bridges(view, hits[:BRIDGED], hits)
    every = np.concatenate([hits, bridges]).astype(np.int64)
    records = view.records(every)
    last = float(scores[len(hits) - 1]) if len(hits) else 0.0
    heaviest = max(matches.terms.values(), default=1.0)
    covers = np.zeros((len(every), len(terms)), dtype=np.bool_)
    for at, term in enumerate(terms):
        documents = matches.documents.get(term)
        if documents is not None:
            covers[:, at] = among(documents, every)
    names = np.asarray([[term in words_of(record.parts[-1]) for term in terms] for record in records], dtype=np.bool_)
    near = view.joins.among(every)
    declared = np.zeros((len(every), len(every)), dtype=np.bool_)
    declared[near.owner, near.position] = True
    cosines, likeness = _cosines(view, every, vector)
    said, said_weights = _said(read, every)
    return Pool(
        tables=every,
        records=records,
        scores=np.concatenate([scores[: len(hits)], np.full(len(bridges), last)]),
        n_hits=len(hits),
        terms=terms,
        weights=np.asarray([matches.terms.get(term, heaviest) for term in terms]),
        covers=covers,
        names=names.reshape(len(every), len(terms)),
        said=said,
        said_weights=said_weights,
        declared=declared,
        guesses=guesses(records, view.column_spread(_names(records)), view.n_tables),
        cosines=cosines,
        likeness=likeness,
    )


def _bridges(view: View, first: NDArray[np.int64], hits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tables beyond the hits with keys from or to at least two of the first, those that join most of them first."""
    joins = view.joins
    met: dict[int, set[int]] = {}
    for table in first.tolist():
        for other in joins.other_end(joins.of(table), table).tolist():
            met.setdefault(other, set()).add(table)
    known = set(hits.tolist())
    two = [table for table, ends in met.items() if len(ends) > 1 and table not in known]
    two.sort(key=lambda table: (-len(met[table]), view.record(table).id))
    return np.asarray(two[:BRIDGES], dtype=np.int64)


def _said(read: Read, tables: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What some tables say of each word, float64 (words, n), and what each word counts, float64 (words,)."""
    if read is None or not len(read[0]):
        return np.zeros((0, len(tables))), np.zeros(0)
    known, words = read
    at = np.minimum(np.searchsorted(known, tables), len(known) - 1)
    return np.where(known[at] == tables, words.said[:, at], 0.0), words.weight


def _names(records: list[Record]) -> set[str]:
    return {name.lower() for record in records for name in record.columns}


def _cosines(
    view: View, tables: NDArray[np.int64], question: NDArray[np.float32] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines of the tables' texts to the question (n,) and to each other (n, n)."""
    vectors = [view.vector(table) for table in tables.tolist()]
    have = np.asarray([vector is not None for vector in vectors], dtype=np.bool_)
    near, like = np.zeros(len(tables)), np.zeros((len(tables), len(tables)))
    if have.any():
        rows = np.stack([vector for vector in vectors if vector is not None]).astype(np.float64)
        # rounded: a matrix product adds up a row differently by where it stands among the others
        like[np.ix_(have, have)] = np.round(rows @ rows.T, 6)
        if question is not None:
            near[have] = np.round(rows @ question.astype(np.float64), 6)
    return near, like
