"""How much of a question a table says: each of its words against the table's name and columns, by meaning.

Journey 2, step "features". One vector for a whole question blurs it; what its single words mean finds the table whose
columns say all of them, whatever they are called there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.words import stem
from services.indexer.retrieve.dense import columns_of
from services.indexer.retrieve.exact import cosines_of, stepped
from services.indexer.retrieve.lexical import Matches
from services.indexer.retrieve.spans import Spans
from services.indexer.retrieve.view import View

UNRELATED = 0.3
"""A cosine up to this says nothing: unrelated names of the open pools are as near as that to a word."""
CLEAR = 0.3
"""A word that a table says so far may be named to a person: a cosine of a half."""
PAIR_UNRELATED = 0.5
"""The same for pairs of words, which say more and so must be nearer."""


@dataclass(frozen=True)
class Coverage:
    """Which words of a question some tables say.

    Attributes:
        words: the question's.
        said: how well each table says each word with its name or one of its columns, 0 to 1, float64 (words, tables).
        pairs: how well its columns say the pair of words that they say best, 0 to 1, float64 (tables,).
        weight: what each word counts, float64 (words,), adding up to 1: rare words count more, and words that no table
            says (names of persons, values) count less.

    """

    words: tuple[str, ...]
    said: NDArray[np.float64]
    pairs: NDArray[np.float64]
    weight: NDArray[np.float64]

    def of(self, said: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of the question that each row of words says, 0 to 1: (words, n) in, (n,) out."""
        # added word by word, so that a table's share does not depend on its place
        total: NDArray[np.float64] = (self.weight[:, None] * said).sum(axis=0)
        return total

    def clear(self, at: int) -> tuple[str, ...]:
        """The words that the table at a place clearly says, in the question's order."""
        return tuple(word for word, said in zip(self.words, self.said[:, at].tolist(), strict=True) if said >= CLEAR)


def coverage(view: View, spans: Spans, matches: Matches, tables: NDArray[np.int64]) -> Coverage:
    """What some tables (ascending numbers of the view) say of a question."""
    asked = stepped(spans.vectors)
    n = len(spans.words)
    names = np.zeros((len(tables), n), dtype=np.float32)
    # of the words, and of the pair that is said best
    columns = np.zeros((len(tables), n + 1), dtype=np.float32)
    flat, owner = columns_of(view, tables)
    for part in view.parts:
        segment = part.segment
        here = np.flatnonzero((tables >= part.offset) & (tables < part.offset + len(segment)))
        row = segment.texts.row[segment.name_text[tables[here] - part.offset]]
        have = row >= 0
        names[here[have]] = cosines_of(segment.texts.vectors.rows, row[have].astype(np.int64), asked[:n])
        inside = (flat >= part.column_offset) & (flat < part.column_offset + segment.n_columns)
        text = segment.column_text[flat[inside] - part.column_offset]
        _raise(columns, asked, segment.column_texts.row[text], segment.column_texts.vectors.rows, owner[inside])
    said = _share(np.maximum(names, columns[:, :n]).T, UNRELATED)
    for at, word in enumerate(spans.words):
        # a name may say a word in letters that no vector knows: `mth`
        said[at] = np.maximum(said[at], matches.otherwise(stem(word), tables))
    return Coverage(spans.words, said, _share(columns[:, n], PAIR_UNRELATED), _weight(spans, matches, said))


def _raise(
    best: NDArray[np.float32],
    asked: NDArray[np.float32],
    row: NDArray[np.int32],
    vectors: NDArray[np.float16],
    owner: NDArray[np.int64],
) -> None:
    """Raise each table's best cosines to those of its columns, whose vectors' rows are given (-1 for none yet).

    What `best` has no room for, the pairs, share its last place.
    """
    have = row >= 0
    distinct, place = np.unique(row[have], return_inverse=True)
    if not len(distinct):
        return
    every = cosines_of(vectors, distinct.astype(np.int64), asked)
    n = best.shape[1] - 1
    near = np.column_stack([every[:, :n], every[:, n:].max(axis=1, initial=0.0)])[place]
    # `owner` is ascending: each table's columns are one run
    begins = np.flatnonzero(np.diff(owner[have], prepend=-1))
    tables = owner[have][begins]
    best[tables] = np.maximum(best[tables], np.maximum.reduceat(near, begins))


def _share(cosine: NDArray[np.float32], unrelated: float) -> NDArray[np.float64]:
    return np.clip((cosine.astype(np.float64, order="C") - unrelated) / (1.0 - unrelated), 0.0, 1.0)


def _weight(spans: Spans, matches: Matches, said: NDArray[np.float64]) -> NDArray[np.float64]:
    rare = np.asarray([matches.rarity(stem(word)) for word in spans.words])
    weight = rare * said.max(axis=1, initial=0.0)
    total = float(weight.sum())
    return weight / total if total else np.full(len(weight), 1.0 / max(len(weight), 1))
