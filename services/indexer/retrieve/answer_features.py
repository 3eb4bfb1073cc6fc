"""What speaks for a table being in the answer set, given those that are: numbers for a logistic model. Pure.

Journey 2, step "answer set". Read after `answer_pool`; the weights are in `answer_weights`, made by one command.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.indexer.retrieve.answer_pool import Pool
from services.indexer.retrieve.join_guess import KINDS, words_of

FEATURES = (
    "behind",
    "lead",
    "rank",
    "bridge",
    "cover",
    "name_cover",
    "name_said",
    "less_near",
    "near",
    "keys_to_hits",
    "guesses_to_hits",
    "like_hits",
    "name_words",
    "question_words",
    "name_like_better",
    "second",
    "third",
    "later",
    "new_cover",
    "new_name_cover",
    "key",
    "guess",
    "like",
    "same_name",
    "home",
    "name_overlap",
    "uncovered",
    "uncovered_by_names",
    "key_and_said",
    "key_and_behind",
    "guess_and_behind",
    "joins_two",
    "keys_known",
)
"""The features in the order of the matrix's columns.

Of the table alone: `behind` the best score, in standard deviations of the hits' scores, and how far the best is in the
`lead`; logarithm of its `rank`; shares of the question's weight in words that it or its name has; share of its name's words
that were said; cosine to the question (`near`, and `less_near` than the best); how much it is joined with, or like, the
hits, each weighed by the softmax of its score; a better hit's name like its own.
Given the chosen: how many there are; what it covers that they do not; the best key, guess, likeness, equal name, common
schema and overlap of names with one of them; what is still uncovered; whether it joins two of them; whether any key is known.
"""
_STATIC = FEATURES.index("second")
_GUESS_WORTH = dict(zip(KINDS, (0.7, 0.5, 0.35, 0.25, 0.3), strict=True))
_SURE_GUESS = 0.3


@dataclass(frozen=True, eq=False)
class Evidence:
    """A pool as arrays over its n tables, what does not depend on the chosen made once."""

    pool: Pool

    @cached_property
    def behind(self) -> NDArray[np.float64]:
        """Scores below the best, in standard deviations of the hits', float64 (n,); none above 0."""
        scores = self.pool.scores
        if not len(scores):
            return np.zeros(0)
        spread = float(scores[: self.pool.n_hits].std()) if self.pool.n_hits else 0.0
        return np.asarray((scores - scores[0]) / max(spread, 1e-6))

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """What each word weighs of the question, float64 (terms,), adding up to 1."""
        return np.asarray(self.pool.weights / max(float(self.pool.weights.sum()), 1e-9))

    @cached_property
    def guess(self) -> NDArray[np.float64]:
        """What the best guess for each pair is worth, float64 (n, n)."""
        out = np.zeros((len(self.pool), len(self.pool)))
        for (one, other), found in self.pool.guesses.items():
            worth = _GUESS_WORTH[found.kind] * (1.0 if found.leads else 0.5) / (1 + math.log10(found.spread))
            out[one, other] = out[other, one] = worth
        return out

    @cached_property
    def said(self) -> NDArray[np.float64]:
        """Which share of its name's words the question has, float64 (n,)."""
        terms = set(self.pool.terms)
        shares = [len([w for w in name if w in terms]) / max(len(name), 1) for name in self._names]
        return np.asarray(shares, dtype=np.float64)

    @cached_property
    def overlap(self) -> NDArray[np.float64]:
        """Jaccard's coefficient of the words of names, float64 (n, n), 0 on the diagonal."""
        place = {word: at for at, word in enumerate(dict.fromkeys(word for name in self._names for word in name))}
        has = np.zeros((len(self.pool), len(place)))
        for row, name in enumerate(self._names):
            has[row, [place[word] for word in name]] = 1.0
        both, size = has @ has.T, has.sum(axis=1)
        out = both / np.maximum(size[:, None] + size[None, :] - both, 1.0)
        np.fill_diagonal(out, 0.0)
        return np.asarray(out)

    @cached_property
    def same_name(self) -> NDArray[np.float64]:
        """Whether names have the same words in order, float64 (n, n), 0 on the diagonal."""
        return _equal(self._names)

    @cached_property
    def home(self) -> NDArray[np.float64]:
        """Whether two are in one schema, the less the more of the pool is, float64 (n, n), 0 on the diagonal."""
        same = _equal([(record.source, *record.parts[:-1]) for record in self.pool.records])
        share = (same.sum(axis=1) + 1) / max(len(same), 1)
        return np.asarray(same * (1 - share)[None, :])

    @cached_property
    def _names(self) -> list[tuple[str, ...]]:
        return [words_of(record.parts[-1]) for record in self.pool.records]

    @cached_property
    def like(self) -> NDArray[np.float64]:
        """Cosines of texts, 0 on the diagonal."""
        out = self.pool.likeness.copy()
        np.fill_diagonal(out, 0.0)
        return out

    @cached_property
    def alone(self) -> NDArray[np.float64]:
        """The features of each table alone, float64 (n, features before `second`)."""
        pool, n = self.pool, len(self.pool)
        heat = np.exp(self.behind)
        heat /= max(float(heat.sum()), 1e-9)
        lead = min(float(-self.behind[1]), 3.0) if n > 1 else 3.0
        earlier = np.tril(self.overlap, -1).max(axis=1, initial=0.0)
        columns = (
            self.behind,
            np.full(n, lead),
            np.log1p(np.arange(n)),
            np.arange(n) >= pool.n_hits,
            pool.covers @ self.weights,
            pool.names @ self.weights,
            self.said,
            pool.cosines - pool.cosines.max(initial=-1.0),
            pool.cosines,
            pool.declared @ heat,
            self.guess @ heat,
            self.like @ heat,
            np.minimum([len(name) for name in self._names], 5),
            np.full(n, math.log1p(len(pool.terms))),
            earlier,
        )
        return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])

    def features(self, chosen: list[int]) -> NDArray[np.float64]:
        """The features of all tables, given the positions of those that are chosen; float64 (n, len(FEATURES))."""
        pool, n, size = self.pool, len(self.pool), len(chosen)
        covered = pool.covers[chosen].any(axis=0)
        in_names = pool.names[chosen].any(axis=0)
        key, guess = _best(pool.declared, chosen), _best(self.guess, chosen)
        joined = (pool.declared | (self.guess > _SURE_GUESS))[:, chosen].sum(axis=1)
        columns = (
            np.full(n, size == 1),
            np.full(n, size == 2),
            np.full(n, size > 2),
            (pool.covers & ~covered) @ self.weights,
            (pool.names & ~in_names) @ self.weights,
            key,
            guess,
            _best(self.like, chosen),
            _best(self.same_name, chosen),
            _best(self.home, chosen),
            _best(self.overlap, chosen),
            np.full(n, self.weights[~covered].sum()),
            np.full(n, self.weights[~in_names].sum()),
            key * self.said,
            key * self.behind,
            guess * self.behind,
            joined > 1,
            np.full(n, size > 0 and bool(pool.declared.any())),
        )
        given = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
        return np.hstack([self.alone, given])


def _best(links: NDArray[np.float64] | NDArray[np.bool_], chosen: list[int]) -> NDArray[np.float64]:
    return np.asarray(links[:, chosen].max(axis=1, initial=0), dtype=np.float64)


def _equal(names: list[tuple[str, ...]]) -> NDArray[np.float64]:
    code = {name: at for at, name in enumerate(dict.fromkeys(names))}
    codes = np.asarray([code[name] for name in names], dtype=np.int64)
    out: NDArray[np.float64] = (codes[:, None] == codes[None, :]).astype(np.float64)
    np.fill_diagonal(out, 0.0)
    return out
