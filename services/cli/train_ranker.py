"""`headwater train-ranker`: learn the ranking's weights from judged questions, and switch only to what is measurably better.

Every question is ranked by a model that was trained without its database; the same is done with shuffled labels, which
must gain nothing. The model that is written is trained on all of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.cli.exits import DONE, FAILED
from services.cli.terminal import print_json, progress, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.common.model.search import Filters, SearchQuery
from services.evaluation.judgements import Judgement, read_judgements
from services.evaluation.measures import Answered, Scored, fits, scored
from services.evaluation.training import Outcome, folds_of, verdicts_of
from services.indexer.retrieve.learn import Judged, fit
from services.indexer.retrieve.rank import HAND_SET, Ranker
from services.indexer.retrieve.ranker_file import RankerFile
from services.workspace import Workspace

FEWEST = 50
"""Below so many judged questions nothing is learned that would hold elsewhere."""
K = 10


@dataclass(frozen=True)
class Asked:
    """A judged question with its candidates' names and ids, in the order of the features' rows."""

    judgement: Judgement
    judged: Judged
    names: tuple[tuple[str, ...], ...]
    ids: NDArray[np.str_]

    def first(self, ranker: Ranker) -> list[int]:
        """The positions of the first ten under a ranker, as an answer would show them."""
        scores = np.round(self.judged.features @ ranker.vector, 6)
        return [int(at) for at in np.lexsort((self.ids, -scores))[:K]]

    def scored(self, ranker: Ranker) -> Scored:
        """The question's measures under a ranker."""
        return scored(Answered(self.judgement, tuple(self.names[at] for at in self.first(ranker)), 1.0), K)


def run(arguments: argparse.Namespace) -> int:
    """Train on a file of judgements; write the ranker where it is better, or where `--out` says."""
    settings = settings_of(arguments)
    judgements = [one for one in read_judgements(arguments.file) if one.gold]
    if len(judgements) < FEWEST:
        raise BadRequest(f"training needs {FEWEST} questions that have an answer; {arguments.file} has {len(judgements)}")
    space = Workspace(settings)
    try:
        space.indexer.open()
        asked = ask(space, judgements)
        model = space.indexer.status().model
    finally:
        space.close()
    in_use = RankerFile(settings.home)
    outcome = measured(asked, in_use.current().beside(model))
    made = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "judgements": arguments.file.name,
        "questions": len(asked),
        "ndcg": {"before": outcome.verdicts["ndcg"].before, "after": outcome.verdicts["ndcg"].after},
    }
    ranker = fit([one.judged for one in asked], model=(model or "").partition("@")[0], made=made)
    against = outcome.reasons_against
    if arguments.out is not None:
        Path(arguments.out).write_text(ranker.to_text(), encoding="utf-8")
    elif not against and not arguments.dry_run:
        in_use.switch(ranker)
    _tell(arguments, ranker, outcome, against)
    return DONE if not against or arguments.out is not None or arguments.dry_run else FAILED


def ask(space: Workspace, judgements: Sequence[Judgement]) -> list[Asked]:
    """Every question's candidates in a home; those of another database than the judgement's left out, as `eval` does."""
    out = []
    with progress("asking") as update:
        for number, judgement in enumerate(judgements, 1):
            filters = Filters(database=(judgement.database,)) if judgement.database else Filters()
            query = SearchQuery(judgement.question, FULL_SCOPE, filters=filters)
            records, found = space.indexer.retriever.candidates(query)
            names = tuple(tuple(part.lower() for part in record.parts) for record in records)
            gold = np.asarray([any(fits(wanted, name) for wanted in judgement.gold) for name in names], dtype=np.bool_)
            ids = np.asarray([record.id for record in records], dtype=str)
            out.append(Asked(judgement, Judged(found.features, gold, len(judgement.gold)), names, ids))
            update(number, len(judgements))
    return out


def measured(asked: Sequence[Asked], in_use: Ranker) -> Outcome:
    """What training does for questions that it did not see, and what it does with shuffled labels."""
    after, rankers = crossed(asked, lambda one: one.judged)
    shuffled, _ = crossed(asked, lambda one: relabelled(one.judged, one.judgement.question))
    before = [one.scored(in_use) for one in asked]
    changed = [one.first(in_use) != one.first(ranker) for one, ranker in zip(asked, rankers, strict=True)]
    hand = [one.scored(HAND_SET) for one in asked]
    return Outcome(verdicts_of(before, after), verdicts_of(hand, shuffled), float(np.mean(changed)))


def crossed(asked: Sequence[Asked], judged: Callable[[Asked], Judged]) -> tuple[list[Scored], list[Ranker]]:
    """Each question under a ranker that was fitted to the other folds, and that ranker."""
    folds = folds_of([one.judgement for one in asked])
    if len(set(folds)) < 2:
        raise BadRequest("all questions have the same answer: nothing would be left to measure on")
    by_fold = {
        fold: fit([judged(one) for one, other in zip(asked, folds, strict=True) if other != fold])
        for fold in sorted(set(folds))
    }
    rankers = [by_fold[fold] for fold in folds]
    return [one.scored(ranker) for one, ranker in zip(asked, rankers, strict=True)], rankers


def relabelled(judged: Judged, seed: str) -> Judged:
    """The same candidates with as many right ones, drawn at random: the control that must teach nothing."""
    dice = np.random.default_rng(np.frombuffer(seed.encode("utf-8", "surrogatepass"), dtype=np.uint8))
    return Judged(judged.features, dice.permutation(judged.gold), judged.wanted)


def _tell(arguments: argparse.Namespace, ranker: Ranker, outcome: Outcome, against: Sequence[str]) -> None:
    switched = not against and arguments.out is None and not arguments.dry_run
    if arguments.json:
        told = {
            "ranker": ranker.id,
            "switched": switched,
            "against": list(against),
            "changed": round(outcome.changed, 4),
            "weights": {name: round(weight, 4) for name, weight in ranker.weights.items()},
            "measures": {name: verdict.plain() for name, verdict in outcome.verdicts.items()},
            "control": {name: verdict.plain() for name, verdict in outcome.control.items()},
        }
        print_json(told)
        return
    print(f"{'on questions not trained on':<30}{'in use':>8}{'trained':>9}{'p':>8}   control: hand-set, shuffled labels")
    for name, verdict in outcome.verdicts.items():
        control = outcome.control[name]
        row = f"{name:<30}{verdict.before:>8.3f}{verdict.after:>9.3f}{verdict.p:>8.3f}"
        print(f"{row}   {control.before:.3f}, {control.after:.3f}")
    print(f"the first ten come in another order for {outcome.changed:.0%} of the questions")
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in ranker.weights.items() if weight)
    print(f"weights: {weights}")
    if arguments.out is not None:
        print(f"wrote {arguments.out}; the ranker in use stays")
    if switched:
        print(f"switched to {ranker.id}; a running server takes it up by itself")
    elif against:
        print("not switched to: " + "; ".join(against))
