"""`headwater related`: what is used together with some tables, in the terminal. Journey 2 without a server."""

from __future__ import annotations

import argparse

from services.catalog.access import LOCAL
from services.catalog.api.related_shapes import RelatedShape
from services.catalog.related import (
    MAX_RECENT,
    WholeRelated,
    related_to,
    related_to_person,
    related_to_search,
    with_near_names,
)
from services.cli.exits import DONE, FAILED, PARTLY
from services.cli.near import unknown_name
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.common.model.related import MAX_BASKET, RecentQuery
from services.workspace import Workspace

MAX_K = 200


def run(arguments: argparse.Namespace) -> int:
    """Answer for one basket, one person or one question."""
    if bool(arguments.tables) + (arguments.person is not None) + (arguments.search is not None) != 1:
        raise BadRequest("name tables, or give one of --person and --search")
    if not 1 <= arguments.k <= MAX_K:
        raise BadRequest(f"-k is 1 to {MAX_K}")
    if len(arguments.tables) > MAX_BASKET:
        raise BadRequest(f"a basket holds {MAX_BASKET} tables at most")
    space = Workspace(settings_of(arguments))
    try:
        space.indexer.open()
        space.indexer.usage.catch_up(space.lineage.statements)
        whole = _answered(space, arguments)
    finally:
        space.close()
    misspelt = bool(whole.near) and not set(arguments.tables) - set(whole.unknown)
    if arguments.json:
        print_json(RelatedShape.of(whole).model_dump(mode="json", by_alias=True))
    elif misspelt:  # what goes with the words of a slip is no answer to who meant another table
        for name in whole.unknown:
            say(unknown_name(name, whole.near.get(name, ())))
    else:
        _print(whole)
    if not whole.unknown:
        return DONE
    return PARTLY if set(arguments.tables) - set(whole.unknown) else FAILED


def _answered(space: Workspace, arguments: argparse.Namespace) -> WholeRelated:
    usage, reader = space.indexer.usage, space.reader
    if arguments.person is not None:
        query = RecentQuery(arguments.person, FULL_SCOPE, as_kept=True, limit=MAX_RECENT)
        return related_to_person(query, arguments.k, usage, reader)
    if arguments.search is not None:
        search, least = space.indexer.retriever, space.settings.usage.min_people
        return related_to_search(
            arguments.search, arguments.k, LOCAL, usage, reader, search=search, log=space.feedback, least=least
        )
    found = related_to(arguments.tables, arguments.k, FULL_SCOPE, usage, reader)
    return with_near_names(found, FULL_SCOPE, space.indexer.retriever)


def _share(probability: float) -> str:
    return f"{probability:.0%}" if probability >= 0.01 else "less than 1%"


def _print(whole: WholeRelated) -> None:
    for name in whole.unknown:
        say(f"{unknown_name(name, whole.near.get(name, ()))} (its words alone were used)")
    for start in whole.basket:
        say(f"from {start.name.qualified}: {start.why}")
    if not whole.items:
        say("nothing goes with it: no query log names it or them, and nothing like it is in the catalog")
    for place, one in enumerate(whole.items, 1):
        item = one.item
        unlisted = "" if item.listed else ", known only from logs"
        print(
            f"{place:>2}. {item.name.qualified}  ({item.basis.value}{unlisted}; the next table in {_share(item.probability)} of cases)"
        )
        for reason in item.why:
            print(f"    {reason.text}")
        for sql in one.sql[:1]:
            for line in sql.splitlines():
                print(f"    {line}")
