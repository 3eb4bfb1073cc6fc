"""`headwater eval`: how well judged questions are answered, by class, compared with the run before, with a control that must fail.

Quality is a figure, not an impression: the same file, shuffled, must fall to chance.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from services.catalog.search import find, question
from services.cli.eval_report import print_comparison, print_figures, print_runs
from services.cli.exits import DONE
from services.cli.terminal import print_json, progress, require_home, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Asset
from services.common.model.changes import START
from services.common.model.names import scope_path
from services.common.model.search import Filters
from services.common.runtime.settings import Settings
from services.evaluation import runs
from services.evaluation.classes import Classifier, Named
from services.evaluation.judgements import Judgement, read_judgements, shuffled
from services.evaluation.measures import Answered, auroc, figures_of, fits, scored
from services.evaluation.paired import may_switch
from services.evaluation.runs import Run
from services.indexer.text.tokens import content_words
from services.workspace import Workspace

MAX_K = 200
HIDDEN_QUESTIONS = 300
"""Of so many questions the gold is hidden at most: each needs a view of the index of its own."""


def run(arguments: argparse.Namespace) -> int:
    """Ask every question of a file and print the figures; or compare, or list, what is kept."""
    if not 1 <= arguments.k <= MAX_K:
        raise BadRequest(f"-k is 1 to {MAX_K}")
    settings = settings_of(arguments, begins=True)  # two other homes may be compared
    if arguments.runs:
        return _list(settings, as_json=arguments.json)
    if arguments.compare:
        return _compare(arguments, settings)
    if arguments.file is None:
        raise BadRequest("name a file of judgements; `headwater eval --runs` lists what was measured before")
    made, hidden = _evaluated(arguments, settings)
    before = None if made.control is not None else runs.previous(runs.kept(settings.home), made)
    if made.control is None:
        runs.keep(settings.home, made)
    result = figures_of(made.questions, made.k)
    verdicts = made.against(before) if before is not None else {}
    if arguments.json:
        compared = _compared(before, made) if before is not None else None
        told = {"run": None if made.control is not None else made.id, **result.plain(), "against_previous": compared}
        print_json(told | ({"hidden_gold_auroc": hidden} if arguments.hide_gold else {}))
        return DONE
    print_figures(result, control=made.control is not None)
    if arguments.hide_gold:
        print(f"with the gold tables hidden, `answerable` tells the difference with AUROC {hidden}")
    if before is not None:
        print_comparison(before, made, verdicts)
    return DONE


def _evaluated(arguments: argparse.Namespace, settings: Settings) -> tuple[Run, float | None]:
    """A new run over a home, and how well `answerable` tells that the gold is hidden where that was asked for."""
    require_home(settings)
    judgements = read_judgements(arguments.file)
    if arguments.shuffle is not None:
        judgements = shuffled(judgements, arguments.shuffle)
    space = Workspace(settings)
    try:
        space.indexer.open()
        space.indexer.usage.catch_up(space.lineage.statements)
        assets = list(_assets(space))
        if any(one.kind == "all" for one in judgements):
            named = (Named(_lower(asset), tuple(c.name.lower() for c in asset.columns)) for asset in assets)
            judgements = Classifier(named, content_words).classified(judgements)
        answers = []
        with progress("asking") as update:
            for number, judgement in enumerate(judgements, 1):
                answers.append(_ask(space, judgement, arguments.k))
                update(number, len(judgements))
        hidden = _hidden_auroc(space, [one for one, _ in answers], assets) if arguments.hide_gold else None
        model, ranker = space.indexer.status().model, space.indexer.ranker.current().id
    finally:
        space.close()
    made = Run(
        at=dt.datetime.now(dt.UTC),
        file=arguments.file.name,
        k=arguments.k,
        generation=answers[-1][1],
        ranker=ranker,
        model=model,
        control=arguments.shuffle,
        questions=tuple(scored(one, arguments.k) for one, _ in answers),
    )
    return made, hidden


def _assets(space: Workspace) -> Iterator[Asset]:
    seq = START
    while True:
        page = space.feed.after(seq, limit=500)
        yield from (change.asset for change in page.changes if change.asset is not None)
        if page.upto == seq:
            return
        seq = page.upto


def _lower(asset: Asset) -> tuple[str, ...]:
    return tuple(part.lower() for part in asset.name.parts)


def _ask(space: Workspace, judgement: Judgement, k: int, scope: AccessScope = FULL_SCOPE) -> tuple[Answered, str]:
    """An answer, as whoever types the question gets it, and the generation that it was read from."""
    filters = Filters(database=(judgement.database,)) if judgement.database else Filters()
    try:
        query = question(judgement.question, me="local", scope=scope)
    except BadRequest as error:
        raise BadRequest(f"{judgement.question[:80]!r}: {error.detail}") from error
    whole = find(replace(query, limit=k, filters=filters), space.indexer.retriever, space.reader, space.vocabulary)
    answered = Answered(judgement, tuple(_lower(hit.asset) for hit in whole.hits), whole.answer.answerable)
    return answered, whole.answer.generation


def _hidden_auroc(space: Workspace, answers: Sequence[Answered], assets: Sequence[Asset]) -> float | None:
    """AUROC of `answerable` between the questions as they are and the same ones with their gold tables hidden."""
    asked = [one for one in answers if one.judgement.gold][:HIDDEN_QUESTIONS]
    by_table: dict[str, list[Asset]] = {}
    for asset in assets:
        by_table.setdefault(_lower(asset)[-1], []).append(asset)
    without = []
    for one in asked:
        gold = [
            asset for wanted in one.judgement.gold for asset in by_table.get(wanted[-1], ()) if fits(wanted, _lower(asset))
        ]
        deny = tuple(sorted(scope_path(asset.source, asset.name.parts) for asset in gold))
        without.append(_ask(space, one.judgement, 1, AccessScope(("*",), deny))[0].answerable)
    return auroc([one.answerable for one in asked], without)


def _compare(arguments: argparse.Namespace, settings: Settings) -> int:
    """Two runs that are kept, or two homes that are asked now."""
    known = runs.kept(settings.home)
    sides = [_side(name, arguments, settings, known) for name in arguments.compare]
    before, after = sides
    if arguments.json:
        print_json(_compared(before, after))
        return DONE
    verdicts = after.against(before)
    if not verdicts:
        raise BadRequest("the two have no judged question in common")
    print_comparison(before, after, verdicts)
    return DONE


def _side(name: str, arguments: argparse.Namespace, settings: Settings, known: Sequence[Run]) -> Run:
    if not Path(name).is_dir():
        return runs.named(known, name)
    if arguments.file is None:
        raise BadRequest(f"{name} is a home: name the file of judgements that both are asked")
    return _evaluated(arguments, settings.model_copy(update={"home": Path(name).absolute()}))[0]


def _compared(before: Run, after: Run) -> dict[str, Any]:
    verdicts = after.against(before)
    return {
        "before": {"run": before.id, "generation": before.generation, "ranker": before.ranker, "model": before.model},
        "after": {"run": after.id, "generation": after.generation, "ranker": after.ranker, "model": after.model},
        "measures": {name: verdict.plain() for name, verdict in verdicts.items()},
        "better": may_switch(verdicts),
    }


def _list(settings: Settings, *, as_json: bool) -> int:
    known = runs.kept(settings.home)
    if as_json:
        rows = [
            {
                "run": one.id,
                "file": one.file,
                "k": one.k,
                "questions": len(one.questions),
                "generation": one.generation,
                "ranker": one.ranker,
                "model": one.model,
                "ndcg": figures_of(one.questions, one.k).by_class["all"].ndcg,
            }
            for one in known
        ]
        print_json({"runs": rows})
    else:
        print_runs(known)
    return DONE
