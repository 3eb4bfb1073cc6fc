"""`headwater lineage`: what an asset is made from, and what is made from it. Journey 3, reading, in the terminal."""

from __future__ import annotations

import argparse

from services.catalog.api.schemas import lineage_shape
from services.cli.exits import DONE
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import Ambiguous, BadRequest, NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.lineage import Direction, LineageRequest, Subgraph
from services.common.model.names import AssetId, parse_asset_id
from services.compose import Workspace

MAX_NODES = 1_000


def run(arguments: argparse.Namespace) -> int:
    """Walk from one asset."""
    if not 1 <= arguments.depth <= 100:
        raise BadRequest("--depth is 1 to 100")
    settings = settings_of(arguments)
    direction = Direction.UPSTREAM if arguments.up else Direction.DOWNSTREAM if arguments.down else Direction.BOTH
    space = Workspace(settings)
    try:
        asset = named_asset(space, arguments.asset)
        space.lineage.follower.catch_up()
        graph = space.lineage.walker.walk(LineageRequest(asset, FULL_SCOPE, direction, arguments.depth, MAX_NODES))
    finally:
        space.close()
    if arguments.json:
        print_json(lineage_shape(graph).model_dump(mode="json", by_alias=True))
    else:
        _print(graph)
    return DONE


def named_asset(space: Workspace, text: str, *, gone: bool = False) -> AssetId:
    """The one asset that an id or a name means; with `gone` also one that is gone, where no other is called so.

    Raises:
        Ambiguous: the name fits several; they are listed.
        NotFound: it fits none.

    """
    known = parse_asset_id(text)
    if known is not None:
        return known
    found = space.reader.by_name(text, FULL_SCOPE)
    past = space.reader.gone_by_name(text, FULL_SCOPE) if gone and not found else ()
    if len(past) == 1:
        return past[0]
    if past:
        raise Ambiguous(f"{text} may be any of these, which are gone; use the id:", tuple(past))
    if not found:
        raise NotFound(f"no asset is called {text}; `headwater search {text!r}` finds similar ones")
    if len(found) > 1:
        candidates = tuple(f"{asset.name.namespace}/{asset.name.qualified}  ({asset.id})" for asset in found)
        raise Ambiguous(f"{text} may be any of these; use a longer name or the id:", candidates)
    return found[0].id


def _print(graph: Subgraph) -> None:
    names = {node.id: node.name.qualified for node in graph.nodes}
    for node in sorted(graph.nodes, key=lambda node: (node.depth, node.name.qualified)):
        place = "asked" if node.depth == 0 else f"{abs(node.depth)} {'up' if node.depth < 0 else 'down'}"
        unlisted = ", gone" if node.gone else "" if node.listed else ", known only from SQL"
        print(f"{place:>7}  {node.name.qualified}  ({node.kind.value if node.kind else 'unknown'}{unlisted})")
    for edge in graph.edges:
        print(f"         {names[edge.source]} → {names[edge.target]}  [{edge.kind}]")
    if graph.state != "complete":
        say(f"its own definition could not be read: {graph.problem}")
    elif not graph.edges:
        say("no lineage is known: nothing that was crawled is made from it, and it is made from nothing")
    if graph.truncated:
        say(f"cut: {len(graph.nodes)} of {graph.total} datasets within this depth, or more beyond it")
