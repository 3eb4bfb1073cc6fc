"""How likely a hit is looked at by its place, learned from the log itself. Step one of learning from feedback.

The assumption is the position-based model: a click is a look and a liking, P(click) = θ(place) · γ(question, table). Where the
same table was shown for the same question in several places (other scopes, other generations), the clicks tell θ apart from γ:
given how many clicks a pair got in all, where they fell depends on θ alone. That is intervention harvesting (Agarwal et al.,
WSDM 2019) with each pair's γ conditioned away, so that a ranking that puts good tables first does not look like bias.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEPTH = 50
"""Places that are told apart; deeper ones count as the last."""
LEAST = 0.05
"""θ is clipped here: one click at place 50 never counts for more than twenty looks."""
PRIOR_CLICKS = 200.0
"""How many clicks the prior curve is worth. A log in which nothing ever moved says nothing of θ and keeps the prior."""
PRIOR_SLOPE = 0.7
"""The prior is 1 / place ** 0.7, between the eye-tracking curves of Joachims et al. (2005), roughly 1/k, and of later work."""
ROUNDS = 50
_LEVEL = 1e-12


@dataclass(frozen=True)
class Seen:
    """A table that one person saw in one place for one question, at least once.

    Attributes:
        question: equal for equal questions.
        place: from 1.
        clicked: whether that person opened it there.

    """

    question: str
    asset: str
    place: int
    clicked: bool


@dataclass(frozen=True)
class Looks:
    """θ by place, float64 (DEPTH,): θ[0] is 1, none is below `LEAST`, and none is above the one before."""

    theta: NDArray[np.float64]

    def at(self, place: int) -> float:
        """How likely the hit in a place is looked at, against the first."""
        return float(self.theta[min(place, DEPTH) - 1])


def prior() -> Looks:
    """The curve before anything is known."""
    return Looks(np.maximum(np.arange(1, DEPTH + 1) ** -PRIOR_SLOPE, LEAST))


def looks(observations: Iterable[Seen]) -> Looks:
    """The most likely curve given what was seen and clicked, and the prior."""
    shown, clicked = _counted(observations)
    start = prior().theta
    # the prior is a pair that was shown once in each place and clicked as it says
    views = np.vstack([np.ones(DEPTH), *shown]) if shown else np.ones((1, DEPTH))
    clicks = (
        np.vstack([PRIOR_CLICKS * start / start.sum(), *clicked]) if clicked else PRIOR_CLICKS * start[None] / start.sum()
    )
    totals = clicks.sum(axis=1)
    theta = start.copy()
    for _ in range(ROUNDS):
        # minorisation-maximisation of the conditional Poisson likelihood, as for Bradley-Terry (Hunter, 2004)
        expected = (totals / np.maximum(views @ theta, _LEVEL)) @ views
        theta = clicks.sum(axis=0) / np.maximum(expected, _LEVEL)
        theta /= theta[0]
    return Looks(np.clip(_never_rising(theta, clicks.sum(axis=0)), LEAST, 1.0))


def _counted(observations: Iterable[Seen]) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Views and clicks by place of each pair that was shown in several places and clicked at all; others say nothing."""
    counts: dict[tuple[str, str], Mapping[str, NDArray[np.float64]]] = {}
    for one in observations:
        pair = counts.setdefault((one.question, one.asset), {"shown": np.zeros(DEPTH), "clicked": np.zeros(DEPTH)})
        place = min(one.place, DEPTH) - 1
        pair["shown"][place] += 1
        pair["clicked"][place] += one.clicked
    telling = [pair for pair in counts.values() if (pair["shown"] > 0).sum() > 1 and pair["clicked"].any()]
    return [pair["shown"] for pair in telling], [pair["clicked"] for pair in telling]


def _never_rising(theta: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest curve that never rises: neighbours that do are pooled by their clicks (pool adjacent violators)."""
    blocks: list[list[float]] = []
    for value, weight in zip(theta.tolist(), (weights + _LEVEL).tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (a, u, n), (b, v, m) = blocks[-2], blocks[-1]
            blocks[-2:] = [[(a * u + b * v) / (u + v), u + v, n + m]]
    curve: NDArray[np.float64] = np.concatenate([np.full(int(n), value) for value, _, n in blocks])
    return np.asarray(curve / curve[0], dtype=np.float64)
