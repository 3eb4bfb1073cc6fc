"""`headwater eval`: how well judged questions are answered, with a control that must fail.

Quality is a figure, not an impression: the same file, shuffled, must fall to chance.
"""

from __future__ import annotations

import argparse

from services.catalog.search import find
from services.cli.exits import DONE
from services.cli.judgements import Judgement, read_judgements, shuffled
from services.cli.measures import Answered, Figures, figures
from services.cli.terminal import print_json, progress, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.common.model.search import Filters, SearchQuery
from services.compose import Workspace


def run(arguments: argparse.Namespace) -> int:
    """Ask every question of a file and print the figures."""
    if not 1 <= arguments.k <= 200:
        raise BadRequest("-k is 1 to 200")
    judgements = read_judgements(arguments.file)
    if arguments.shuffle is not None:
        judgements = shuffled(judgements, arguments.shuffle)
    settings = settings_of(arguments)
    space = Workspace(settings)
    try:
        space.indexer.open()
        with progress("asking") as update:
            answered = []
            for number, judgement in enumerate(judgements, 1):
                answered.append(_ask(space, judgement, arguments.k))
                update(number, len(judgements))
    finally:
        space.close()
    result = figures(answered, arguments.k)
    if arguments.json:
        print_json(result.plain())
    else:
        _print(result, control=arguments.shuffle is not None)
    return DONE


def _ask(space: Workspace, judgement: Judgement, k: int) -> Answered:
    filters = Filters(database=(judgement.database,)) if judgement.database else Filters()
    whole = find(
        SearchQuery(judgement.question, FULL_SCOPE, limit=k, filters=filters), space.indexer.retriever, space.reader
    )
    names = tuple(tuple(part.lower() for part in hit.asset.name.parts) for hit in whole.hits)
    return Answered(judgement, names, whole.answer.answerable)


def _print(result: Figures, *, control: bool) -> None:
    if control:
        print("control: each question has another one's answer; the figures must fall to chance")
    print(f"{'class':<14}{'questions':>10}{'R@' + str(result.k):>8}{'CR@' + str(result.k):>8}{'top-1':>8}{'MRR':>8}")
    for name, row in result.by_class.items():
        print(f"{name:<14}{row.n:>10}{row.recall:>8.3f}{row.complete:>8.3f}{row.top_1:>8.3f}{row.mrr:>8.3f}")
    if result.unanswerable:
        print(
            f"{result.unanswerable} questions have no answer; "
            f"`answerable` tells them from the others with AUROC {result.answerable_auroc:.3f}"
        )
