"""Whether one ranking is better than another on the same questions: a paired randomisation test, and the rule for a switch.

The test is the one that Smucker, Allan & Carterette (CIKM 2007) recommend for retrieval: if both were equally good, each
question's difference could as well have had the other sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.evaluation.measures import MAIN, MEASURES, bootstrap, interval

ALPHA = 0.05
"""Two-sided: how often two equal rankings may be told apart by chance."""
FEWEST = 25
"""Below so many questions nothing is called better: five of five are significant and still an anecdote."""
FLIPS = 4_000
_AT_ONCE = 500
_SEED = 20_261_126


@dataclass(frozen=True, slots=True)
class Verdict:
    """One measure, before and after, over the questions that both answered.

    Attributes:
        n: questions.
        before, after: means.
        low, high: the 95 % interval of the mean difference, a paired bootstrap.
        p: of the randomisation test, two-sided; 1 where nothing differs.

    """

    n: int
    before: float
    after: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def better(self) -> bool:
        """Whether `after` is better beyond chance."""
        return self.n >= FEWEST and self.p < ALPHA and self.difference > 0

    @property
    def worse(self) -> bool:
        """Whether `after` is worse beyond chance; also with few questions, since a doubt is enough not to switch."""
        return self.p < ALPHA and self.difference < 0

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "difference": round(self.difference, 4), "better": self.better, "worse": self.worse}


def better(before: Sequence[float], after: Sequence[float]) -> Verdict:
    """Whether `after` is better than `before`, question by question in the same order.

    Raises:
        ValueError: they have not the same length, or none.

    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if len(old) != len(new) or not len(old):
        raise ValueError("a paired test needs the same questions on both sides, one at least")
    differences = new - old
    low, high = interval(bootstrap(differences[:, None])[:, 0])
    return Verdict(
        n=len(old),
        before=round(float(old.mean()), 4),
        after=round(float(new.mean()), 4),
        low=low,
        high=high,
        p=round(_randomised(differences[differences != 0]), 5),
    )


def compare(before: Mapping[str, Mapping[str, float]], after: Mapping[str, Mapping[str, float]]) -> dict[str, Verdict]:
    """A verdict for each measure over the questions that both have; empty where they have none in common.

    Args:
        before: question id → measure → value.
        after: the same of the other side.

    """
    common = sorted(before.keys() & after.keys())
    if not common:
        return {}
    return {name: better([before[one][name] for one in common], [after[one][name] for one in common]) for name in MEASURES}


def may_switch(verdicts: Mapping[str, Verdict]) -> bool:
    """THE rule for a new ranking: better in nDCG, and worse in nothing, each beyond chance, on questions it never saw."""
    main = verdicts.get(MAIN)
    return main is not None and main.better and not any(verdict.worse for verdict in verdicts.values())


def _randomised(differences: np.typing.NDArray[np.float64]) -> float:
    """How often random signs give a sum at least as far from 0; questions without a difference change nothing."""
    if not len(differences):
        return 1.0
    dice = np.random.default_rng(_SEED)
    seen = abs(differences.sum()) - 1e-9
    beyond = 0
    for _ in range(FLIPS // _AT_ONCE):
        signs = dice.integers(0, 2, size=(_AT_ONCE, len(differences)), dtype=np.int8) * 2 - 1
        beyond += int((abs(signs @ differences) >= seen).sum())
    return (beyond + 1) / (FLIPS + 1)
