"""`headwater similar`: which tables are like one in structure and text, in the terminal. Journey 2 without a server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from services.catalog.api.related_shapes import SimilarShape
from services.catalog.related import similar_to
from services.catalog.store.listing import Heading
from services.cli.exits import DONE
from services.cli.lineage import named_asset
from services.cli.related import MAX_K
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.common.model.related import SimilarItem
from services.workspace import Workspace


def run(arguments: argparse.Namespace) -> int:
    """Answer for one table."""
    if not 1 <= arguments.k <= MAX_K:
        raise BadRequest(f"-k is 1 to {MAX_K}")
    space = Workspace(settings_of(arguments))
    try:
        asset = named_asset(space, arguments.table)
        space.indexer.open()
        found = similar_to(asset, arguments.k, FULL_SCOPE, space.indexer.usage, space.reader)
    finally:
        space.close()
    if arguments.json:
        print_json(SimilarShape.of(found).model_dump(mode="json", by_alias=True))
    else:
        _print(found)
    return DONE


def _print(found: Sequence[tuple[SimilarItem, Heading]]) -> None:
    if not found:
        say("nothing is like it")
    for place, (item, heading) in enumerate(found, 1):
        # what is marked is told by its columns and its name; how likely it is by other signs would only read as a doubt
        mark = item.duplicate.value if item.duplicate is not None else None
        print(f"{place:>2}. {heading.name.qualified}  ({mark or f'{item.probability:.0%} likely a copy, or made from it'})")
        for reason in item.why:
            print(f"    {reason.text}")
