"""What is carried over to a basket: from statements that read nearly the same, and from tables like its own with their company.

Journey 2, "used together", step "rank", beside `features`: one number a feature for all candidates at once, all 0 or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.indexer.index.distinct import distinct
from services.indexer.usage.counts import Counts
from services.indexer.usage.reading import Reading, Weighted
from services.indexer.usage.sparse import Chosen, Floats, Ints, Sparse

ALIKE = 25
"""Tables most like the basket, whose own company is carried over."""
UNLIKE = 0.3
"""Likeness below is none."""
MOST_PAIRS = 40
"""Of what tables like the basket are used with, so many pairs are carried over, the strongest."""
MOST_STATEMENTS = 2_000
CLOSE = 3
"""The power of a statement's likeness: one that reads nearly the basket counts for many that share one table with it."""


def statements_alike(counts: Counts, basket: Ints, chosen: Chosen) -> tuple[Floats, Floats]:
    """Of the statements that read much of the basket, which share reads each candidate; and the likeness of the most alike one.

    Likeness is the Jaccard index of a statement's tables, the candidate left out, with the basket: nearest neighbours among
    statements, as session-based recommenders do it (Jannach & Ludewig, RecSys 2017).
    """
    none = np.zeros(len(chosen))
    near, shared = counts.statements_of.spread_thin(basket, np.ones(len(basket)))
    size = counts.tables_of[near]
    kept = counts.is_told[near] & (size > shared)
    if not kept.any():
        return none, none
    near = near[kept]
    likeness = shared[kept] / (len(basket) + size[kept] - shared[kept] - 1)
    likeness = likeness * np.minimum(counts.worth[near], 1.0)
    if len(near) > MOST_STATEMENTS:
        best = np.argsort(-likeness, kind="stable")[:MOST_STATEMENTS]
        near, likeness = near[best], likeness[best]
    weight = likeness**CLOSE
    at, owner = counts.reads.places(near)
    share = chosen.sums(counts.reads.index[at], counts.reads.value[at] * weight[owner]) / (weight.sum() + 0.5)
    return share, chosen.greatest(counts.reads.index[at], likeness[owner])


@dataclass(frozen=True, eq=False)
class Carried:
    """What tables like the basket carry over to each candidate, float64 (candidates,): see `carried_over`."""

    company: Floats
    like_company: Floats
    turned: Floats
    turned_best: Floats


def carried_over(reading: Reading, basket: Ints, chosen: Chosen, alike: Floats) -> Carried:
    """What the company of tables like the basket says of each candidate.

    `company`: they are used with it. `like_company`: they are used with tables named like it. `turned`: what their company
    would be called if it differed from the basket as it differs from them (`x_daily` with `x_first`: of `y_daily`, `y_first`)
    is called nearly so; `turned_best` by the one pair that fits best.
    """
    counts, candidates = reading.counts, chosen.columns
    none = np.zeros(len(candidates))
    read = np.flatnonzero(counts.read[candidates] > 0)
    best = read[np.argsort(-alike[read], kind="stable")[:ALIKE]]
    twins = np.concatenate([basket[counts.read[basket] > 0], candidates[best]])
    likeness = np.concatenate([np.ones(len(twins) - len(best)), alike[best]])
    likeness = np.maximum(likeness - UNLIKE, 0.0) ** 2
    if not likeness.any():
        return Carried(none, none, none, none)
    likeness /= likeness.sum() + 0.2
    at, owner = counts.together.places(twins)
    mates = counts.together.index[at]
    weight = likeness[owner] * counts.together.value[at] / (counts.read[twins[owner]] + 0.5)
    company = chosen.sums(mates, weight)
    weight = np.round(weight, 9)
    kept = np.flatnonzero(weight > 0)
    if len(kept) > MOST_PAIRS:  # what is used with everything has many: only the strongest are put in order
        kept = kept[weight[kept] >= np.partition(weight[kept], -MOST_PAIRS)[-MOST_PAIRS]]
    kept = kept[np.argsort(-weight[kept], kind="stable")][:MOST_PAIRS]
    if not len(kept):
        return Carried(company, none, none, none)
    pairs, weight = (twins[owner[kept]], mates[kept]), weight[kept]
    names = _Names.of(reading, basket, *pairs)
    close, turned = names.likeness(candidates, names.of_table(pairs[1]), names.turned(basket, *pairs))
    close, turned = np.maximum(close - UNLIKE, 0.0), np.maximum(turned - UNLIKE, 0.0)
    close, turned = close * close, turned * turned * turned
    return Carried(company, close @ weight, turned @ weight, (turned * np.sqrt(weight)).max(axis=1))


@dataclass(frozen=True, eq=False)
class _Names:
    """Unit vectors of the words of a few tables, over those words only that one of them has.

    Attributes:
        reading: what says what a word is worth.
        tables: the few, ascending.
        words: theirs, ascending.
        rows: their vectors, float64 (tables, words).

    """

    reading: Reading
    tables: Ints
    words: Ints
    rows: Floats

    @classmethod
    def of(cls, reading: Reading, *few: Ints) -> _Names:
        tables = distinct(few)
        pieces = [_entries(reading, weighted, tables) for weighted in (reading.words, reading.home)]
        index, value, owner = (np.concatenate([piece[at] for piece in pieces]) for at in range(3))
        words, place = np.unique(index, return_inverse=True)
        rows = np.zeros((len(tables), len(words)))
        np.add.at(rows, (owner, place), value)
        return cls(reading, tables, words, rows)

    def of_table(self, tables: Ints) -> Floats:
        return self.rows[np.searchsorted(self.tables, tables)]

    def turned(self, basket: Ints, twins: Ints, mates: Ints) -> Floats:
        """The words of each mate, with what its twin has exchanged for what the table of the basket most like the twin has."""
        mine, theirs = self.of_table(basket), self.of_table(twins)
        most = np.argmax(np.round(theirs @ mine.T, 6), axis=1)
        out = np.maximum(self.of_table(mates) - theirs + mine[most], 0.0)
        length = np.sqrt((out**2).sum(axis=1, keepdims=True))
        turned: Floats = out / np.maximum(length, 1e-9)
        return turned

    def likeness(self, tables: Ints, *others: Floats) -> list[Floats]:
        """The cosines of any tables with vectors over `words`, float64 (len(tables), vectors) for each of `others`.

        Word by word and not a matrix product: neither has many of the words, and what is added up does not depend on other tables.
        """
        vectors = np.concatenate(others)
        word, vector = np.nonzero(vectors.T)
        start = np.searchsorted(word, np.arange(len(self.words) + 1))
        by_word = Sparse(start, vector, vectors[vector, word], len(vectors))
        # tables of one schema have the words of it in common
        _, first, back = np.unique(self.reading.known.schema[tables], return_index=True, return_inverse=True)
        both = self._products(self.reading.words, tables, by_word)
        both += self._products(self.reading.home, tables[first], by_word)[back]
        return np.split(both, np.cumsum([len(one) for one in others])[:-1], axis=1)

    def _products(self, weighted: Weighted, tables: Ints, by_word: Sparse) -> Floats:
        index, value, owner = _entries(self.reading, weighted, tables)
        place = np.minimum(np.searchsorted(self.words, index), len(self.words) - 1)
        there = np.flatnonzero(self.words[place] == index)
        at, entry = by_word.places(place[there])
        found = np.bincount(
            owner[there][entry] * by_word.width + by_word.index[at],
            weights=by_word.value[at] * value[there][entry],
            minlength=len(tables) * by_word.width,
        )
        return found.astype(np.float64, copy=False).reshape(len(tables), by_word.width)


def _entries(reading: Reading, weighted: Weighted, tables: Ints) -> tuple[Ints, Floats, Ints]:
    """The words of the names of some tables, or of their places, with what each is worth in a unit vector: words, values, whose."""
    at, owner = weighted.rows.places(tables)
    # most have words of both kinds: then the row's length is about 1
    scale = (0.5**0.5 if reading.known.home.index.size else 1.0) / np.maximum(weighted.length[tables], 1e-9)
    return weighted.rows.index[at], weighted.rows.value[at] * scale[owner], owner
