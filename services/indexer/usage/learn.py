"""Weights from a log: each query of a later or held-out part is asked without one of its tables, which should come first.

Journey 2, "used together", behind the scenes: numpy alone. The loss is that of a softmax over the candidates (listwise);
weights stay at 0 or above, and are pulled to the shipped ones the more the fewer queries there are to learn from.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import FULL_SCOPE
from services.common.model.names import AssetId
from services.indexer.usage.features import FEATURES, features
from services.indexer.usage.known import Known
from services.indexer.usage.reading import Reading, reading_of
from services.indexer.usage.recommend import rank
from services.indexer.usage.sparse import Floats, Ints
from services.indexer.usage.statements import Statement
from services.indexer.usage.weights import Model, probabilities

One = TypeVar("One")
PULL = 0.05
"""How strongly weights are pulled to where they start, times the square of their distance: of 0.002 to 0.3 the
one with which logs foretold each other best (`bench/usage.py`)."""
STEPS = 250
RATE = 0.1
MAX_QUESTIONS = 800
MAX_WRONG = 120
"""Wrong candidates of a question that are learned from: half the ones that rank first by the weights so far, half by lot."""
MAX_CALIBRATED = 150
"""Questions of each half from which probabilities are learned, from all parts of the log alike: what is asked drifts with time."""
SHOWN = 10
"""Items of an answer whose probabilities are learned and judged."""
TRUTH_PULL = 0.003
"""How strongly log-odds are pulled to where they start, as `PULL`: of 0.001 to 0.01 the one that held best on logs of all sizes."""
TRUTH_STEPS = 30
FOLDS = 4
LATER = (0.5, 0.75, 1.0)
"""Where a log with times is cut: each piece is asked of everything before it."""


@dataclass(frozen=True, eq=False)
class Question:
    """A basket asked of a reading: rows of its tables, ascending, and the row of what was taken away, shown there or not."""

    reading: Reading
    basket: Ints
    right: int


@dataclass(frozen=True, eq=False)
class Example:
    """A question's candidates: features (n, features) and which one was taken away."""

    rows: Floats
    right: int


def questions(statements: Sequence[Statement]) -> Iterator[tuple[tuple[AssetId, ...], AssetId]]:
    """Each statement that reads several tables, asked without each of them in turn: the others, and the one to find."""
    for one in statements:
        tables = tuple(dict.fromkeys(one.reads))
        if len(tables) > 1:
            for table in tables:
                yield tuple(other for other in tables if other != table), table


def splits(statements: Sequence[Statement], seed: int) -> Iterator[tuple[list[Statement], list[Statement]]]:
    """What is learned from and what is asked: later pieces of a log with times, random folds of one without."""
    dated = [one for one in statements if one.last]
    if len(dated) * 2 > len(statements):
        ordered = sorted(dated, key=lambda one: (one.last, one.fingerprint))
        cuts = [int(len(ordered) * share) for share in LATER]
        for begin, end in itertools.pairwise(cuts):
            yield ordered[:begin], ordered[begin:end]
        return
    lot = np.random.default_rng(seed).permutation(len(statements))
    for fold in range(FOLDS):
        asked = set(lot[fold::FOLDS].tolist())
        yield (
            [one for at, one in enumerate(statements) if at not in asked],
            [one for at, one in enumerate(statements) if at in asked],
        )


def asked_of(known: Known, statements: Sequence[Statement], *, seed: int = 0, most: int = MAX_QUESTIONS) -> list[Question]:
    """Questions of a log, each asked of a part of the log that does not hold its statement."""
    out: list[Question] = []
    random = np.random.default_rng(seed)
    every = list(splits(statements, seed))
    for learned, asked in every:
        reading = reading_of(known, learned, FULL_SCOPE)
        found = list(questions(asked))
        if len(found) > most // len(every):
            found = [found[at] for at in random.choice(len(found), most // len(every), replace=False)]
        for basket, table in found:
            rows = np.unique([known.row[one] for one in basket if reading.shown[known.row[one]]])
            if len(rows):
                out.append(Question(reading, rows.astype(np.int64), known.row[table]))
    return out


def model_of(
    found: Sequence[Question], start: Model, *, pull: float = PULL, without: frozenset[str] = frozenset(), seed: int = 0
) -> Model:
    """Weights and probabilities learned from questions, pulled to `start`.

    How likely an item is, is learned from questions that its weights were not: each half is ranked by the weights of the other.
    """
    random = np.random.default_rng(seed)
    made = [_example(one, start.weights, random) for one in found]
    weights = fit([one for one in made if one is not None], start.weights, pull=pull, without=without)
    rows: list[Floats] = []
    right: list[NDArray[np.bool_]] = []
    for half in range(2):
        others = [one for one in made[1 - half :: 2] if one is not None]
        half_weights = Model(fit(others, start.weights, pull=pull, without=without), start.truth)
        for question in spaced(found[half::2], MAX_CALIBRATED):
            ranked = rank(question.reading, question.basket, half_weights)
            rows.append(ranked.evidence[:SHOWN])
            right.append(ranked.rows[:SHOWN] == question.right)
    return Model(weights, fit_truth(rows, right, start.truth))


def spaced(found: Sequence[One], most: int) -> list[One]:
    """At most so many of a list, from all its parts alike, in order."""
    step = max(len(found) / most, 1.0)
    return [found[int(at * step)] for at in range(min(len(found), most))]


def fit_truth(rows: Sequence[Floats], right: Sequence[NDArray[np.bool_]], start: Floats) -> Floats:
    """The log-odds of items that were right or wrong over their evidence, pulled to `start`: logistic regression by Newton's steps."""
    if not rows or not np.concatenate(right).any():
        return start
    evidence, truth = np.concatenate(rows), np.concatenate(right).astype(np.float64)
    odds = start.copy()
    for _ in range(TRUTH_STEPS):
        likely = probabilities(evidence, odds)
        slope = evidence.T @ (likely - truth) / len(truth) + TRUTH_PULL * (odds - start)
        bend = (evidence * (likely * (1 - likely))[:, None]).T @ evidence / len(truth) + TRUTH_PULL * np.eye(len(odds))
        # a step of bounded length cannot run away where nearly everything is right or wrong
        odds = odds - np.clip(np.linalg.solve(bend, slope), -1.0, 1.0)
    return odds


def _example(question: Question, weights: Floats, random: np.random.Generator) -> Example | None:
    reading, tables = question.reading, question.basket
    candidates = np.setdiff1d(reading.candidates(tables), tables, assume_unique=True)
    right = np.flatnonzero(candidates == question.right)
    if not len(right) or len(candidates) < 2:
        return None
    rows = features(reading, tables, candidates)
    wrong = np.delete(np.arange(len(candidates)), right)
    if len(wrong) > MAX_WRONG:
        best = wrong[np.argsort(-(rows[wrong] @ weights), kind="stable")[: MAX_WRONG // 2]]
        wrong = np.union1d(best, random.choice(wrong, MAX_WRONG // 2, replace=False))
    return Example(rows[np.concatenate([right, wrong])], 0)


def fit(found: Sequence[Example], start: Floats, *, pull: float = PULL, without: frozenset[str] = frozenset()) -> Floats:
    """Weights that put what was taken away first, float64 (features,), all 0 or more.

    Args:
        found: what is learned from; none leaves `start` as it is.
        start: where weights begin, and what they are pulled to.
        pull: see `PULL`.
        without: features that stay at 0, to see what they are worth.

    """
    if not found:
        return start
    rows, there = _padded(found)
    kept = np.asarray([name not in without for name in FEATURES])
    begin = np.where(kept, start, 0.0)
    weights, first, second = begin.copy(), np.zeros_like(begin), np.zeros_like(begin)
    for step in range(1, STEPS + 1):
        scores = rows @ weights + there
        share = np.exp(scores - scores.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        share[:, 0] -= 1.0
        slope = np.tensordot(share, rows, axes=([0, 1], [0, 1])) / len(found) + 2 * pull * (weights - begin)
        slope = np.where(kept, slope, 0.0)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        # Adam (Kingma & Ba 2014, arXiv:1412.6980)
        moved = RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weights = np.maximum(weights - moved, 0.0)
    return weights


def _padded(found: Sequence[Example]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    width = max(len(one.rows) for one in found)
    rows = np.zeros((len(found), width, len(FEATURES)), dtype=np.float32)
    there = np.full((len(found), width), -1e9, dtype=np.float32)
    for at, one in enumerate(found):
        rows[at, : len(one.rows)], there[at, : len(one.rows)] = one.rows, 0.0
    return rows, there
