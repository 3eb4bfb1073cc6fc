"""What speaks for a table being in the answer set where another one is: numbers for a logistic model. Pure.

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

ANCHORS = 12
"""So many of the first hits may be the table that surely belongs: the best gold table stood lower in 0.5 % (Spider) and 11 % (cloud schemas)."""
FARTHEST = 1.5
"""A hit further behind in score counts as so far behind: names are 10 ahead of everything (`rank.NAME_STEP`)."""
FEATURES = (
    "behind_anchor",
    "behind_best",
    "rank",
    "bridge",
    "cover",
    "name_cover",
    "name_said",
    "near",
    "name_words",
    "columns",
    "keys_to_hits",
    "guesses_to_hits",
    "like_hits",
    "key",
    "two_keys",
    "no_key",
    "guess_alone",
    "same_name",
    "home",
    "name_overlap",
    "duplicate",
    "says_more",
    "says_less",
    "new_cover",
    "new_name_cover",
    "key_says_more",
    "guess_says_more",
    "says_more_behind",
    "guess_behind",
    "like_behind",
    "anchor_says",
    "anchor_keys",
    "uncovered",
    "uncovered_by_names",
    "question_words",
    "keys_known",
)
"""The features in the order of the last axis. `anchor` is the table that is taken to belong.

Of the table alone: how far its score is `behind_best`; logarithm of its `rank`; whether it is a `bridge`; shares of the question's
weight in words that it or its name has; the share of its name's words that were asked; cosine to the question (`near`); logarithm of
its `columns`; how much it is joined with, or like, the hits, each weighed by the softmax of its score.
With the anchor: `behind_anchor` in score; a declared `key`, a third table that both have keys with (`two_keys`), none where keys are
known, a guess where none are (`guess_alone`); names and schema in common; `duplicate`: like it in text and name; what it says by
meaning, and covers by words, that the anchor does not, and the other way round (`says_less`).
Products of two of these. What the anchor says, and leaves over. The logarithm of the question's words, and whether keys are known.
"""
_GUESS_WORTH = dict(zip(KINDS, (0.7, 0.5, 0.35, 0.25, 0.3), strict=True))
_ALIKE = 0.9
"""Cosine of two texts from which on tables with like names count as duplicates."""
_MOST_KEYS = 4


@dataclass(frozen=True, eq=False)
class Evidence:
    """A pool as arrays over its n tables, of which the first k may be the anchor."""

    pool: Pool

    @cached_property
    def gaps(self) -> NDArray[np.float64]:
        """Scores less the best, float64 (n,); none above 0, none below -`FARTHEST`."""
        return np.asarray(np.maximum(self.pool.scores - self.pool.scores.max(initial=-np.inf), -FARTHEST))

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
    def asked(self) -> NDArray[np.float64]:
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
    def like(self) -> NDArray[np.float64]:
        """Cosines of texts, 0 on the diagonal."""
        out = self.pool.likeness.copy()
        np.fill_diagonal(out, 0.0)
        return out

    @cached_property
    def features(self) -> NDArray[np.float64]:
        """The features of every table (second axis) with every anchor (first): float64 (k, n, len(FEATURES))."""
        n = len(self.pool)
        values = self._alone | self._of_question
        k = min(ANCHORS, self.pool.n_hits)
        values |= self._of_anchor(k) | self._joined(k, values) | self._told(k)
        values |= self._products(values)
        return np.stack([np.broadcast_to(values[name], (k, n)) for name in FEATURES], axis=2).astype(np.float64)

    @property
    def _alone(self) -> dict[str, NDArray[np.float64]]:
        """Of each table, (n,) each."""
        pool, n = self.pool, len(self.pool)
        spread = float(pool.scores[: pool.n_hits].std()) if pool.n_hits else 0.0
        heat = np.exp(self.gaps / max(spread, 1e-6))
        heat /= max(float(heat.sum()), 1e-9)
        return {
            "behind_best": self.gaps,
            "rank": np.log1p(np.arange(n)),
            "bridge": np.asarray(np.arange(n) >= pool.n_hits, dtype=np.float64),
            "cover": pool.covers @ self.weights,
            "name_cover": pool.names @ self.weights,
            "name_said": self.asked,
            "near": pool.cosines,
            "name_words": np.minimum([len(name) for name in self._names], 5.0),
            "columns": np.log1p([float(record.restricted.count(False)) for record in pool.records]),
            "keys_to_hits": pool.declared.astype(np.float64) @ heat,
            "guesses_to_hits": self.guess @ heat,
            "like_hits": self.like @ heat,
        }

    @property
    def _of_question(self) -> dict[str, NDArray[np.float64]]:
        """The same for all, (1, 1) each."""
        numbers = {
            "question_words": math.log1p(len(self.pool.terms)),
            "keys_known": float(self.pool.declared.any()),
        }
        return {name: np.full((1, 1), number) for name, number in numbers.items()}

    def _of_anchor(self, k: int) -> dict[str, NDArray[np.float64]]:
        """Of each anchor, (k, 1) each."""
        pool = self.pool
        return {
            "anchor_says": (pool.said_weights @ pool.said)[:k, None],
            "anchor_keys": np.minimum(pool.declared.sum(axis=1), _MOST_KEYS)[:k, None].astype(np.float64),
            "uncovered": (~pool.covers[:k] @ self.weights)[:, None],
            "uncovered_by_names": (~pool.names[:k] @ self.weights)[:, None],
        }

    def _joined(self, k: int, known: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """How each anchor and each table are joined, or alike: (k, n) each."""
        declared = self.pool.declared.astype(np.float64)
        key = declared[:k]
        return {
            "behind_anchor": self.gaps[None, :] - self.gaps[:k, None],
            "key": key,
            "two_keys": np.where(key @ declared > 0, 1 - key, 0.0),
            "no_key": known["keys_known"] * (1 - key),
            "guess_alone": (1 - known["keys_known"]) * self.guess[:k],
            "same_name": self.same_name[:k],
            "home": self.home[:k],
            "name_overlap": self.overlap[:k],
            "duplicate": np.where(self.like[:k] > _ALIKE, self.overlap[:k], 0.0),
            "like_behind": np.minimum(self.gaps[None, :] - self.gaps[:k, None], 0.0) * self.like[:k],
        }

    def _told(self, k: int) -> dict[str, NDArray[np.float64]]:
        """What each table says and covers of the question beside each anchor: (k, n) each."""
        pool = self.pool
        more = pool.said.T[None, :, :] - pool.said.T[:k, None, :]
        return {
            "says_more": np.maximum(more, 0.0) @ pool.said_weights,
            "says_less": np.maximum(-more, 0.0) @ pool.said_weights,
            "new_cover": (pool.covers[None] & ~pool.covers[:k, None]) @ self.weights,
            "new_name_cover": (pool.names[None] & ~pool.names[:k, None]) @ self.weights,
        }

    def _products(self, of: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        k = len(of["key"])
        return {
            "key_says_more": of["key"] * of["says_more"],
            "guess_says_more": self.guess[:k] * of["says_more"],
            "guess_behind": self.guess[:k] * of["behind_anchor"],
            "says_more_behind": of["says_more"] * of["behind_anchor"],
        }

    @cached_property
    def _names(self) -> list[tuple[str, ...]]:
        return [words_of(record.parts[-1]) for record in self.pool.records]


def _equal(names: list[tuple[str, ...]]) -> NDArray[np.float64]:
    code = {name: at for at, name in enumerate(dict.fromkeys(names))}
    codes = np.asarray([code[name] for name in names], dtype=np.int64)
    out: NDArray[np.float64] = (codes[:, None] == codes[None, :]).astype(np.float64)
    np.fill_diagonal(out, 0.0)
    return out
