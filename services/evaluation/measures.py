"""Figures of retrieval: recall, complete recall, top-1, mean reciprocal rank and nDCG, macro over questions, with intervals.

Definitions as in Manning, Raghavan & Schütze, "Introduction to Information Retrieval" (2008), chapter 8; nDCG with gains of
0 and 1 as in Järvelin & Kekäläinen (2002); complete recall is the share of questions of which all gold tables are among the
first k. Intervals are percentile bootstraps over questions (Sakai, SIGIR 2006).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.evaluation.judgements import Judgement

MEASURES = ("recall", "complete", "top_1", "mrr", "ndcg")
"""Every measure of a question, each 0 to 1, better when higher."""
MAIN = "ndcg"
"""The measure that decides: it alone sees both how much is found and how high it stands."""
ROUNDS = 1_000
"""Resamples of a bootstrap; the ends of a 95 % interval then rest on 25 of them each."""
LEVEL = 0.95
_AT_ONCE = 200
_SEED = 20_261_126


@dataclass(frozen=True, slots=True)
class Answered:
    """A judgement with what was found, best first: name parts in lower case; and how sure the answer was."""

    judgement: Judgement
    found: tuple[tuple[str, ...], ...]
    answerable: float


@dataclass(frozen=True, slots=True)
class Scored:
    """One question's measures, as kept and compared.

    Attributes:
        id: of the question and its gold, a hash: what was asked is not kept.
        kind: its class.
        values: by measure; None for a question that nothing answers.
        answerable: what the answer said.

    """

    id: str
    kind: str
    values: Mapping[str, float] | None
    answerable: float


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one class of questions, each 0 to 1; `intervals` hold both ends of each measure's 95 % interval."""

    n: int
    recall: float
    complete: float
    top_1: float
    mrr: float
    ndcg: float
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures at cut-off k; `answerable_auroc` is None where every question has an answer, or none has."""

    k: int
    by_class: dict[str, Row]
    unanswerable: int
    answerable_auroc: float | None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "k": self.k,
            "classes": {name: asdict(row) for name, row in self.by_class.items()},
            "unanswerable": self.unanswerable,
            "answerable_auroc": self.answerable_auroc,
        }


def figures(answered: Sequence[Answered], k: int) -> Figures:
    """The figures of some answers, for all questions and by class."""
    return figures_of([scored(one, k) for one in answered], k)


def figures_of(questions: Sequence[Scored], k: int) -> Figures:
    """The figures of questions that have been scored at cut-off k."""
    judged = [one for one in questions if one.values is not None]
    empty = [one for one in questions if one.values is None]
    classes = sorted({one.kind for one in judged} - {"all"})
    by_class = {name: _row([one for one in judged if one.kind == name]) for name in classes}
    wins = auroc([one.answerable for one in judged], [one.answerable for one in empty])
    return Figures(k, {**by_class, "all": _row(judged)}, len(empty), wins)


def scored(one: Answered, k: int) -> Scored:
    """The measures of one answer at cut-off k."""
    judgement = one.judgement
    values = None
    if judgement.gold:
        first = _first(one, k)
        recall = _recall(one, k)
        values = {
            "recall": recall,
            "complete": float(recall == 1.0),
            "top_1": float(first == 1),
            "mrr": 1 / first if first else 0.0,
            "ndcg": _ndcg(one, k),
        }
    return Scored(question_id(judgement), judgement.kind, values, one.answerable)


def question_id(judgement: Judgement) -> str:
    """16 hexadecimal digits that are equal for the same question with the same gold in the same database."""
    text = repr((judgement.question, sorted(judgement.gold), judgement.database))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fits(gold: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Whether a found table is the judged one: the whole name, or database and table where the judgement leaves out the rest."""
    if ".".join(gold) == ".".join(name):
        return True
    return len(gold) == 2 and len(name) > 2 and (gold[0], gold[1]) == (name[0], name[-1])


def auroc(high: Sequence[float], low: Sequence[float]) -> float | None:
    """How often a score of `high` is above one of `low`, ties half; None where either is empty."""
    if not high or not low:
        return None
    ordered = np.sort(np.asarray(low, dtype=np.float64))
    below = np.searchsorted(ordered, high, side="left")
    upto = np.searchsorted(ordered, high, side="right")
    return round(float((below + upto).sum() / 2 / (len(high) * len(low))), 4)


def bootstrap(values: NDArray[np.float64], rounds: int = ROUNDS) -> NDArray[np.float64]:
    """Means of resampled questions: float64 (rounds, measures) of values (n, measures). The same every time."""
    n = len(values)
    dice = np.random.default_rng(_SEED)
    means = []
    for start in range(0, rounds, _AT_ONCE):
        drawn = dice.multinomial(n, np.full(n, 1 / n), size=min(_AT_ONCE, rounds - start))
        means.append(drawn @ values / n)
    return np.concatenate(means)


def interval(means: NDArray[np.float64]) -> tuple[float, float]:
    """Both ends of the middle 95 % of some resampled means."""
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return round(float(low), 4), round(float(high), 4)


def _row(questions: Sequence[Scored]) -> Row:
    n = len(questions)
    if not n:
        return Row(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    values = np.asarray([[one.values[name] for name in MEASURES] for one in questions if one.values is not None])
    means = bootstrap(values)
    intervals = {name: interval(means[:, at]) for at, name in enumerate(MEASURES)}
    told = {name: round(float(mean), 4) for name, mean in zip(MEASURES, values.mean(axis=0), strict=True)}
    return Row(n=n, **told, intervals=intervals)


def _recall(one: Answered, k: int) -> float:
    gold = one.judgement.gold
    return sum(any(fits(wanted, name) for name in one.found[:k]) for wanted in gold) / len(gold)


def _first(one: Answered, k: int) -> int:
    """The rank of the first right table among the first k, from 1; 0 where there is none."""
    for rank, name in enumerate(one.found[:k], 1):
        if any(fits(wanted, name) for wanted in one.judgement.gold):
            return rank
    return 0


def _ndcg(one: Answered, k: int) -> float:
    """Each gold table gains once, where it first stands."""
    left = list(one.judgement.gold)
    gained = 0.0
    for rank, name in enumerate(one.found[:k], 1):
        found = next((wanted for wanted in left if fits(wanted, name)), None)
        if found is not None:
            left.remove(found)
            gained += 1 / math.log2(rank + 1)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(one.judgement.gold)) + 1))
