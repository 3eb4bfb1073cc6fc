"""What is carried over to a basket: from statements that read nearly the same, and from tables like its own with their company.

Journey 2, "used together", step "rank", beside `features`: one number a feature for all candidates at once, all 0 or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.indexer.usage.counts import Counts
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Floats, Ints, Sparse

ALIKE = 25
"""Tables most like the basket, whose own company is carried over."""
UNLIKE = 0.3
"""Likeness below is none."""
MOST_PAIRS = 40
"""Of what tables like the basket are used with, so many pairs are carried over, the strongest."""
MOST_STATEMENTS = 2_000
CLOSE = 3
"""The power of a statement's likeness: one that reads nearly the basket counts for many that share one table with it."""


def statements_alike(counts: Counts, basket: Ints, candidates: Ints) -> tuple[Floats, Floats]:
    """Of the statements that read much of the basket, which share reads each candidate; and the likeness of the most alike one.

    Likeness is the Jaccard index of a statement's tables, the candidate left out, with the basket: nearest neighbours among
    statements, as session-based recommenders do it (Jannach & Ludewig, RecSys 2017).
    """
    none = np.zeros(len(candidates))
    told = counts.told_statements
    shared = counts.statements_of.spread(basket, np.ones(len(basket)))[told]
    size = np.diff(counts.reads.start)[told]
    near = np.flatnonzero((shared > 0) & (size > shared))
    if not len(near):
        return none, none
    likeness = shared[near] / (len(basket) + size[near] - shared[near] - 1)
    likeness = likeness * np.minimum(counts.worth[told[near]], 1.0)
    if len(near) > MOST_STATEMENTS:
        best = np.argsort(-likeness, kind="stable")[:MOST_STATEMENTS]
        near, likeness = near[best], likeness[best]
    weight = likeness**CLOSE
    share = counts.reads.spread(told[near], weight)[candidates] / (weight.sum() + 0.5)
    closest = np.zeros(counts.reads.width)
    at, owner = counts.reads.places(told[near])
    np.maximum.at(closest, counts.reads.index[at], likeness[owner])
    return share, closest[candidates]


@dataclass(frozen=True, eq=False)
class Carried:
    """What tables like the basket carry over to each candidate, float64 (candidates,): see `carried_over`."""

    company: Floats
    like_company: Floats
    turned: Floats
    turned_best: Floats


def carried_over(reading: Reading, basket: Ints, candidates: Ints, alike: Floats) -> Carried:
    """What the company of tables like the basket says of each candidate.

    `company`: they are used with it. `like_company`: they are used with tables named like it. `turned`: what their company
    would be called if it differed from the basket as it differs from them (`x_daily` with `x_first`: of `y_daily`, `y_first`)
    is called nearly so; `turned_best` by the one pair that fits best.
    """
    counts = reading.counts
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
    company = np.bincount(mates, weights=weight, minlength=len(counts.read))[candidates].astype(np.float64)
    weight = np.round(weight, 9)
    kept = np.flatnonzero(weight > 0)
    if len(kept) > MOST_PAIRS:  # what is used with everything has many: only the strongest are put in order
        kept = kept[weight[kept] >= np.partition(weight[kept], -MOST_PAIRS)[-MOST_PAIRS]]
    kept = kept[np.argsort(-weight[kept], kind="stable")][:MOST_PAIRS]
    if not len(kept):
        return Carried(company, none, none, none)
    pairs, weight = (twins[owner[kept]], mates[kept]), weight[kept]
    names = _Names.of(reading, candidates, basket, *pairs)
    close = np.maximum(names.candidates @ names.of_table(pairs[1]).T - UNLIKE, 0.0) ** 2
    turned = np.maximum(names.candidates @ names.turned(basket, *pairs).T - UNLIKE, 0.0) ** 3
    return Carried(company, close @ weight, turned @ weight, (turned * np.sqrt(weight)).max(axis=1))


@dataclass(frozen=True, eq=False)
class _Names:
    """Unit vectors of the words of some tables, of those words only that a few of them have."""

    candidates: Floats
    tables: Ints
    rows: Floats

    @classmethod
    def of(cls, reading: Reading, candidates: Ints, *few: Ints) -> _Names:
        tables = np.unique(np.concatenate(few))
        both = (reading.words, reading.home)
        places = [weighted.rows.places(tables) for weighted in both]
        words = np.unique(np.concatenate([w.rows.index[at] for w, (at, _) in zip(both, places, strict=True)]))

        def dense(rows: Ints) -> Floats:
            out = np.zeros((len(rows), len(words)))
            for weighted in both:
                _put(weighted.rows, weighted.length, rows, words, out)
            # most have words of both kinds: then the row's length is about 1
            return out * (0.5**0.5 if reading.known.home.index.size else 1.0)

        return cls(dense(candidates), tables, dense(tables))

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


def _put(sparse: Sparse, length: Floats, rows: Ints, words: Ints, out: Floats) -> None:
    at, owner = sparse.places(rows)
    column = np.minimum(np.searchsorted(words, sparse.index[at]), len(words) - 1)
    there = words[column] == sparse.index[at]
    out[owner[there], column[there]] += sparse.value[at][there] / np.maximum(length[rows[owner[there]]], 1e-9)
