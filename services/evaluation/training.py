"""Training that is measured on what it has not seen: folds that keep related questions together, and what the figures say.

Pure. `headwater train-ranker` and the benchmarks use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.evaluation.judgements import Judgement
from services.evaluation.measures import Scored
from services.evaluation.paired import Verdict, compare, may_switch

FOLDS = 5
LEAST_CHANGED = 0.1
"""A ranker that turns the first ten of fewer questions than this is not worth a switch."""


def folds_of(judgements: Sequence[Judgement], folds: int = FOLDS) -> list[int]:
    """Which fold each question is in, 0 to folds - 1: questions about one database are never on both sides.

    Where a question names no database, the container of its first gold table stands for it; where all are in one container,
    the gold table itself.
    """
    found = [_fold(one.database or ".".join(min(one.gold, default=())[:-1]), folds) for one in judgements]
    if len(set(found)) > 1:
        return found
    return [_fold(repr(min(one.gold, default=())), folds) for one in judgements]


def _fold(key: str, folds: int) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:4], "big") % folds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trained ranker did on questions that it was not trained on.

    Attributes:
        verdicts: by measure, against the ranker in use.
        control: the same for a ranker that was trained on shuffled labels; it must not be better than the hand-set model.
        changed: the share of questions whose first ten came in another order.

    """

    verdicts: Mapping[str, Verdict]
    control: Mapping[str, Verdict]
    changed: float

    @property
    def reasons_against(self) -> list[str]:
        """Why it should not be switched to; empty where it should."""
        out = []
        if not may_switch(self.verdicts):
            out.append("it is not better beyond chance in nDCG, or it is worse in something")
        if self.changed < LEAST_CHANGED:
            out.append(f"it changes the first ten of only {self.changed:.0%} of the questions")
        if may_switch(self.control):
            out.append("a ranker that was trained on shuffled labels is better too, so the figures say nothing")
        return out


def verdicts_of(before: Sequence[Scored], after: Sequence[Scored]) -> dict[str, Verdict]:
    """Verdicts of one list of scored questions over another."""
    sides = [{one.id: one.values for one in side if one.values is not None} for side in (before, after)]
    return compare(*sides)
