"""Figures of retrieval: recall, complete recall, top-1 and mean reciprocal rank, macro over questions.

Definitions as in Manning, Raghavan & Schütze, "Introduction to Information Retrieval" (2008), chapter 8; complete recall is
the share of questions of which all gold tables are among the first k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.cli.judgements import Judgement


@dataclass(frozen=True, slots=True)
class Answered:
    """A judgement with what was found, best first: name parts in lower case; and how sure the answer was."""

    judgement: Judgement
    found: tuple[tuple[str, ...], ...]
    answerable: float


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one class of questions, each 0 to 1."""

    n: int
    recall: float
    complete: float
    top_1: float
    mrr: float


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
    judged = [one for one in answered if one.judgement.gold]
    empty = [one for one in answered if not one.judgement.gold]
    classes = sorted({one.judgement.kind for one in judged} - {"all"})
    by_class = {name: _row([one for one in judged if one.judgement.kind == name], k) for name in classes}
    auroc = _auroc([one.answerable for one in judged], [one.answerable for one in empty])
    return Figures(k, {**by_class, "all": _row(judged, k)}, len(empty), auroc)


def fits(gold: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Whether a found table is the judged one: the whole name, or database and table where the judgement leaves out the rest."""
    if ".".join(gold) == ".".join(name):
        return True
    return len(gold) == 2 and len(name) > 2 and (gold[0], gold[1]) == (name[0], name[-1])


def _row(answered: Sequence[Answered], k: int) -> Row:
    n = len(answered)
    if not n:
        return Row(0, 0.0, 0.0, 0.0, 0.0)
    recalls = [_recall(one, k) for one in answered]
    ranks = [_first(one, k) for one in answered]
    return Row(
        n=n,
        recall=round(sum(recalls) / n, 4),
        complete=round(sum(recall == 1.0 for recall in recalls) / n, 4),
        top_1=round(sum(rank == 1 for rank in ranks) / n, 4),
        mrr=round(sum(1 / rank for rank in ranks if rank) / n, 4),
    )


def _recall(one: Answered, k: int) -> float:
    gold = one.judgement.gold
    return sum(any(fits(wanted, name) for name in one.found[:k]) for wanted in gold) / len(gold)


def _first(one: Answered, k: int) -> int:
    """The rank of the first right table among the first k, from 1; 0 where there is none."""
    for rank, name in enumerate(one.found[:k], 1):
        if any(fits(wanted, name) for wanted in one.judgement.gold):
            return rank
    return 0


def _auroc(high: Sequence[float], low: Sequence[float]) -> float | None:
    """How often a score of `high` is above one of `low`, ties half."""
    if not high or not low:
        return None
    wins = sum((a > b) + 0.5 * (a == b) for a in high for b in low)
    return round(wins / (len(high) * len(low)), 4)
