"""`headwater impact`: who is affected when a table or a column of it changes. Beside journey 3, in the terminal."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from services.catalog.api.impact_shapes import impact_shape
from services.catalog.impact import How, Impact, Sort, impact_of
from services.catalog.impact_texts import as_csv, as_mermaid, left_out
from services.cli.exits import DONE
from services.cli.lineage import named_asset
from services.cli.terminal import print_json, say, settings_of
from services.common.model.access import FULL_SCOPE
from services.common.model.names import AssetId
from services.common.model.schema_changes import ChangeKind
from services.workspace import Workspace

_NAMED = 10
"""Datasets of a loop that are named."""


def run(arguments: argparse.Namespace) -> int:
    """Say who is affected by a change of one asset."""
    space = Workspace(settings_of(arguments))
    try:
        asset = named_asset(space, arguments.asset)
        space.lineage.follower.catch_up()
        found = impact_of(
            space.reader,
            space.lineage.walker,
            FULL_SCOPE,
            asset,
            change=ChangeKind(arguments.change),
            column=arguments.column,
            sort=Sort(arguments.sort),
            limit=arguments.limit,
        )
    finally:
        space.close()
    if arguments.json:
        print_json(impact_shape(found).model_dump(mode="json", by_alias=True))
    elif arguments.csv:
        print(as_csv(found), end="")
        _say_stale(found)
    elif arguments.mermaid:
        print(as_mermaid(found), end="")
    else:
        _print(found)
    return DONE


def _count(tests: int) -> str:
    return f"{tests} test{'s' if tests > 1 else ''}"


def _listed(found: Impact, loop: Sequence[AssetId]) -> str:
    names = {node.id: node.name.qualified for node in (found.asked, *(one.node for one in found.affected))}
    told = sorted(names[id_] for id_ in loop)
    return ", ".join(told[:_NAMED]) + (f" and {len(told) - _NAMED} more" if len(told) > _NAMED else "")


def _say_stale(found: Impact) -> None:
    if found.stale:
        say(f"{left_out(found.stale)}; `headwater lineage` with --stale shows {'it' if found.stale == 1 else 'them'}")


def _print(found: Impact) -> None:
    for one in found.affected:
        columns = f"  {', '.join(one.columns)}" if one.columns else ""
        how = "  only which rows" if one.how is How.FILTER else ""
        owners = f"  of {', '.join(one.owners)}" if one.owners else ""
        tests = f"  {_count(one.tests)}" if one.tests else ""
        carries = f"  carries {one.carries} more" if one.carries else ""
        print(f"{one.node.depth:>4} down  {one.node.name.qualified}{columns}{how}{owners}{tests}{carries}")
    for loop in found.loops:
        print(f"a loop, each is made from the others: {_listed(found, loop)}")
    if found.tests:
        print(f"{_count(found.tests)} of what changes")
    for owner, count in found.by_owner().items():
        print(f"{count:>4} owned by {'nobody' if owner is None else owner}")
    _say_stale(found)
    if not found.affected:
        say("nothing else is known to be affected" if found.stale else "nothing is known to be affected")
        return
    if found.truncated:
        say(f"cut: {len(found.affected)} of {found.total}, or more; --limit shows more")
