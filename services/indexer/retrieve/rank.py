"""The order of the candidates: a linear model over explainable features, and the reasons that follow from it.

Journey 2, step "ranked". The weights are set by hand after the sweep in `bench/relevance.py`; contributions add up to the
score, so that a reason's number is what removing it would cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.search import Reason
from services.indexer.retrieve.features import FEATURES, Candidates

NAME_STEP = 10.0
"""What a name adds: more than everything else together can, so that names come first by construction."""
WEIGHTS: Mapping[str, float] = {
    "full_name": 2 * NAME_STEP,
    "partial_name": NAME_STEP,
    "column_name": NAME_STEP / 2,
    "fuzzy_name": 0.8 * NAME_STEP,
    "words": 1.5,
    "meaning": 1.0,
    "columns": 0.3,
    "database": 0.1,
    "copy": -0.2,
    "status": 0.05,
}
"""One weight a feature. From the sweep over the open pools; a copy loses to its equal, never to something unrelated."""
_TEXTS = {
    "full_name": "this is its full name",
    "partial_name": "its name ends with what you typed",
    "column_name": "it has the column that you named",
    "fuzzy_name": "its name is what you typed, spelled otherwise or in part",
    "words": "shares words with the question",
    "meaning": "what it is about is close to the question",
    "columns": "its columns are close to the question",
    "database": "other tables of its database fit too",
    "copy": "its name looks like a copy or a backup",
}
_SMALL = 0.005
"""Contributions below this are not told as reasons."""


@dataclass(frozen=True)
class Ranked:
    """Candidates in order.

    Attributes:
        order: positions in the candidates, best first, ties by asset id.
        scores: of each candidate, float64 (n,).
        contributions: float64 (n, features), rows adding up to the scores.

    """

    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    contributions: NDArray[np.float64]


def rank(candidates: Candidates, ids: list[str], weights: Mapping[str, float] = WEIGHTS) -> Ranked:
    """Order candidates by score, equal ones by id."""
    contributions = candidates.features * np.asarray([weights[name] for name in FEATURES])
    # rounded, so that the last bits of a sum cannot turn an order that ids should decide
    scores = np.round(contributions.sum(axis=1), 6)
    order = np.lexsort((np.asarray(ids, dtype=str), -scores))
    return Ranked(order.astype(np.int64), scores, contributions)


def reasons(contributions: NDArray[np.float64], words: tuple[str, ...], columns: tuple[str, ...]) -> tuple[Reason, ...]:
    """Why one candidate stands where it does, strongest first.

    Args:
        contributions: its row of `Ranked.contributions`.
        words: the question's words that it has.
        columns: its columns that matched.

    """
    told = [
        Reason(name, _text(name, value, words, columns), round(float(value), 4))
        for name, value in zip(FEATURES, contributions.tolist(), strict=True)
        if abs(value) >= _SMALL
    ]
    return tuple(sorted(told, key=lambda reason: -abs(reason.contribution)))


def _text(name: str, value: float, words: tuple[str, ...], columns: tuple[str, ...]) -> str:
    if name == "words" and words:
        return "has the words " + ", ".join(words)
    if name == "columns" and columns:
        return "its columns " + ", ".join(columns) + " are close to the question"
    if name == "status":
        return "people endorsed it" if value > 0 else "people warned of it"
    return _TEXTS[name]
