"""Weights from judged questions: a linear model over the features, fitted with numpy alone.

Offline, for `headwater train-ranker` and the benchmarks. Each table that answers a question should score above every
candidate that does not: the loss is the log of what the wrong ones weigh against it (a softmax over them and itself).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.retrieve.features import FEATURES, LEARNED
from services.indexer.retrieve.rank import BY_HAND, Ranker

PULL = 0.4
"""How strongly weights are pulled to the hand-set ones, in standard deviations of a feature."""
STEPS = 300
RATE = 0.05
MAX_WRONG = 200
"""Of a question's candidates so many wrong ones are learned from, those that the hand-set model ranks first."""
_MEANING = LEARNED.index("meaning")
_COLUMNS = [FEATURES.index(name) for name in LEARNED]


@dataclass(frozen=True, eq=False)
class Judged:
    """A judged question with its candidates.

    Attributes:
        features: of each candidate, float64 (n, len(FEATURES)).
        gold: which candidates answer it, bool (n,).
        wanted: how many tables answer it, found as candidates or not.

    """

    features: NDArray[np.float64]
    gold: NDArray[np.bool_]
    wanted: int


def fit(
    questions: Sequence[Judged],
    *,
    without: str | None = None,
    pull: float = PULL,
    model: str = "",
    made: Mapping[str, object] | None = None,
) -> Ranker:
    """The weights that fit some judged questions.

    Args:
        questions: those whose candidates hold nothing that answers them teach nothing and are left out.
        without: a feature to leave out, to see what it is worth.
        pull: see `PULL`.
        model: the name of the encoder that the features were taken with.
        made: what the ranker will say of how it was made.

    Raises:
        ValueError: no question teaches anything.

    """
    rows, there, gold = _padded([one for one in questions if one.gold.any() and not one.gold.all()])
    spread = rows[there].std(axis=0)
    learned = spread > 1e-9
    if without is not None:
        learned[LEARNED.index(without)] = False
    scale = np.where(learned, 1.0 / np.maximum(spread, 1e-9), 0.0)
    hand = np.asarray([BY_HAND.get(name, 0.0) for name in LEARNED])
    start = np.where(learned, hand * _SHARPNESS / np.maximum(scale, 1e-9), 0.0)
    weights = _descend(rows * scale, there, gold, start, pull)
    plain = weights * scale
    unit = plain[_MEANING] if plain[_MEANING] > 1e-6 else float(np.abs(plain).max()) or 1.0
    return Ranker(dict(zip(LEARNED, (plain / unit).tolist(), strict=True)), model, made or {})


_SHARPNESS = 8.0
"""A difference of 1 in the hand-set score is about so many nats: where meaning weighs 1, learned models have 8 to 9."""


def _padded(questions: Sequence[Judged]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Features (questions, most candidates, learned), which of them are candidates at all, and which are right."""
    if not questions:
        raise ValueError("no question has both a right and a wrong candidate")
    hand = Ranker(BY_HAND).vector
    pieces = []
    for one in questions:
        wrong = np.flatnonzero(~one.gold)
        kept = wrong[np.argsort(-(one.features[wrong] @ hand), kind="stable")[:MAX_WRONG]]
        rows = np.concatenate([np.flatnonzero(one.gold), kept])
        pieces.append((one.features[rows][:, _COLUMNS], one.gold[rows]))
    width = max(len(gold) for _, gold in pieces)
    out = np.zeros((len(pieces), width, len(LEARNED)))
    there, right = np.zeros((2, len(pieces), width), dtype=np.bool_)
    for at, (features, gold) in enumerate(pieces):
        out[at, : len(gold)], there[at, : len(gold)], right[at, : len(gold)] = features, True, gold
    return out, there, right


def _descend(
    rows: NDArray[np.float64], there: NDArray[np.bool_], gold: NDArray[np.bool_], start: NDArray[np.float64], pull: float
) -> NDArray[np.float64]:
    """Adam (Kingma & Ba 2014, arXiv:1412.6980) on the loss. Weights stay at 0 or above: every feature is made to speak for a
    table, and one that speaks against it on one kind of schema turned out to be wrong on another kind.
    """
    weights, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, STEPS + 1):
        slope = _slope(rows, there, gold, weights) + 2 * pull * (weights - start)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        moved = RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weights = np.maximum(weights - moved, 0.0)
    return weights


def _slope(
    rows: NDArray[np.float64], there: NDArray[np.bool_], gold: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The loss's gradient, averaged over the questions, each question's right tables weighing alike."""
    scores = np.where(there, rows @ weights, -np.inf)
    wrong = np.where(gold, -np.inf, scores)
    top = wrong.max(axis=1, keepdims=True)
    share = np.exp(wrong - top)
    total = share.sum(axis=1, keepdims=True)
    against = top + np.log(total)
    # d log(1 + exp(against - score)) : the right one goes up, the wrong ones go down by their shares
    doubt = np.where(gold, 1.0 / (1.0 + np.exp(np.clip(scores - against, -50, 50))), 0.0)
    doubt = doubt / gold.sum(axis=1, keepdims=True)
    push = share / total * doubt.sum(axis=1, keepdims=True) - doubt
    gradient: NDArray[np.float64] = np.einsum("qn,qnf->f", push, rows) / len(rows)
    return gradient
