"""`headwater lineage`: what an asset or a column is made from, what is made from it, and how far lineage is understood.

Journey 3, reading, in the terminal.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from services.catalog.api.impact_shapes import paths_shape
from services.catalog.api.lineage_shapes import CoveragesShape, coverage_shape, lineage_shape
from services.catalog.impact_texts import left_out
from services.cli.exits import DONE
from services.cli.jobs import told_of_job
from services.cli.near import Near, unknown_name
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import Ambiguous, BadRequest, NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.instants import instant
from services.common.model.lineage import (
    Direction,
    LineageCoverage,
    LineageEdge,
    LineageNode,
    LineageRequest,
    PathsRequest,
    Subgraph,
)
from services.common.model.names import AssetId, parse_asset_id
from services.common.ports import LineageQuery
from services.workspace import Workspace

MAX_NODES = 1_000
DEPTH, WAYS_DEPTH, MAX_WAYS = 3, 20, 10
FAN_OUT = 100
"""Neighbours of one dataset that are printed; `--json` has as many as the API gives."""


def run(arguments: argparse.Namespace) -> int:
    """Walk from one asset, or say how far definitions are understood."""
    if (arguments.asset is None) != arguments.coverage:
        raise BadRequest("name one ASSET, or ask for --coverage")
    if arguments.depth is not None and not 1 <= arguments.depth <= 100:
        raise BadRequest("--depth is 1 to 100")
    _check_ways(arguments)
    as_of = None if arguments.as_of is None else _instant(arguments.as_of)
    settings = settings_of(arguments)
    direction = Direction.UPSTREAM if arguments.up else Direction.DOWNSTREAM if arguments.down else Direction.BOTH
    space = Workspace(settings)
    try:
        if arguments.coverage:
            space.lineage.follower.catch_up()
            return _coverage(space.lineage.walker.coverage(FULL_SCOPE), as_json=arguments.json)
        asset = named_asset(space, arguments.asset)
        to = None if arguments.to is None else named_asset(space, arguments.to)
        space.lineage.follower.catch_up()
        if to is not None:
            columns = arguments.column, arguments.to_column
            ways = PathsRequest(asset, to, FULL_SCOPE, arguments.depth or WAYS_DEPTH, MAX_WAYS, *columns)
            return _print_ways(space.lineage.walker, ways, as_json=arguments.json)
        asked = LineageRequest(
            *(asset, FULL_SCOPE, direction, arguments.depth or DEPTH, MAX_NODES),
            column=arguments.column,
            as_of=as_of,
            stale=arguments.stale,
        )
        if not arguments.json:
            asked = replace(asked, fan_out=FAN_OUT)
        graph = space.lineage.walker.walk(asked)
    finally:
        space.close()
    if arguments.json:
        print_json(lineage_shape(graph).model_dump(mode="json", by_alias=True))
    else:
        _print(graph, asked.depth, asked.direction)
    return DONE


def _check_ways(arguments: argparse.Namespace) -> None:
    if arguments.to is None and arguments.to_column is not None:
        raise BadRequest("--to-column goes with --to")
    if arguments.to is None:
        return
    if arguments.up or arguments.down or arguments.as_of or arguments.stale or arguments.coverage:
        raise BadRequest("--to looks for ways as they are now; it goes with --column, --to-column, --depth and --json alone")
    if (arguments.column is None) != (arguments.to_column is None):
        raise BadRequest("ways lead from a column to a column: give --column and --to-column, or none of them")


def _print_ways(lineage: LineageQuery, asked: PathsRequest, *, as_json: bool) -> int:
    found = lineage.paths(asked)
    if as_json:
        print_json(paths_shape(found).model_dump(mode="json", by_alias=True))
        return DONE
    names = {(node.id, node.column): _shown(node) for node in found.nodes}
    columns = found.columns or [(None,) * len(path) for path in found.paths]
    for path, theirs in zip(found.paths, columns, strict=True):
        print(" → ".join(names[key] for key in zip(path, theirs, strict=True)))
    if not found.paths:
        back = PathsRequest(asked.target, asked.source, asked.scope, asked.depth, 1, asked.to_column, asked.from_column)
        turned = "; there is one the other way: ask with the two names swapped" if lineage.paths(back).paths else ""
        say(f"no way is known{turned}")
    if found.truncated:
        say(f"there are more than these {len(found.paths)}, or some were not looked for")
    return DONE


def _instant(text: str) -> dt.datetime:
    try:
        return instant(text, offset=False)
    except ValueError as error:
        raise BadRequest(f"--as-of {text}: {error}") from None


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
        job = told_of_job(space.lineage.events, text)
        raise NotFound(job or unknown_name(text, Near(space)(text)))
    if len(found) > 1:
        candidates = tuple(f"{asset.name.namespace}/{asset.name.qualified}  ({asset.id})" for asset in found)
        raise Ambiguous(f"{text} may be any of these; use a longer name or the id:", candidates)
    return found[0].id


_NONE_KNOWN = {
    Direction.BOTH: "no lineage is known: nothing that was crawled is made from it, and it is made from nothing",
    Direction.UPSTREAM: "nothing is known that it is made from (--down: what is made from it)",
    Direction.DOWNSTREAM: "nothing is known that is made from it (--up: what it is made from)",
}


def _print(graph: Subgraph, depth: int = DEPTH, direction: Direction = Direction.BOTH) -> None:
    names = {(node.id, node.column): _shown(node) for node in graph.nodes}
    for node in sorted(graph.nodes, key=lambda node: (node.depth, _shown(node))):
        place = "asked" if node.depth == 0 else f"{abs(node.depth)} {'up' if node.depth < 0 else 'down'}"
        unlisted = (
            ", gone" if node.gone else "" if node.listed else f", known {'from events' if node.told else 'by name'} only"
        )
        what = "column" if node.column is not None else node.kind.value if node.kind else "unknown"
        print(f"{place:>7}  {_shown(node)}  ({what}{unlisted})")
    for line in edge_lines(graph):
        print(f"         {line}")
    if graph.state == "partly":
        say(f"its own definition is understood in part: {graph.problem}")
    elif graph.state == "pending":
        say("its lineage is still being read; ask again")
    elif graph.state != "complete":
        say(f"its own definition could not be read: {graph.problem}")
    elif not graph.edges and not graph.truncated and not graph.stale:
        say(_NONE_KNOWN[direction])
    if graph.stale:
        say(f"{left_out(graph.stale)}; --stale shows {'it' if graph.stale == 1 else 'them'}")
    for hub in graph.hubs:
        way = "up" if hub.direction is Direction.UPSTREAM else "down"
        say(f"a hub: {names[hub.id, None]} has {hub.count:,} next to it {way}, of which the first {hub.shown:,} are shown")
    if graph.truncated:
        say(_cut(graph, depth))


def edge_lines(graph: Subgraph) -> Iterator[str]:
    """The edges of an answer for a person, those next to what is asked about first.

    Between columns: each one along which values flow, then what decides which rows there are, a line for each column that
    does and the table that it decides about.
    """
    nodes = {(node.id, node.column): node for node in graph.nodes}
    near = sorted(graph.edges, key=lambda edge: min(abs(nodes[end].depth) for end in edge.ends))
    rows: dict[tuple[str, str], list[LineageEdge]] = {}
    for edge in near:
        source, target = (nodes[end] for end in edge.ends)
        if edge.direct is False:
            rows.setdefault((_shown(source), target.name.qualified), []).append(edge)
        else:
            yield f"{_shown(source)} → {_shown(target)}  [{edge.kind}{_sure(edge.confidence)}]"
    for (name, table), edges in rows.items():
        into = list(dict.fromkeys(edge.into or "*" for edge in edges))
        columns = into[0] if len(into) == 1 else f"{{{', '.join(into)}}}"
        kinds = ", ".join(dict.fromkeys(edge.kind for edge in edges))
        yield f"{name} → {table}.{columns}  [{kinds}{_sure(min(edge.confidence for edge in edges))}]"


def _sure(confidence: float) -> str:
    return f", {confidence:.0%} sure" if confidence < 0.9 else ""


def _cut(graph: Subgraph, depth: int) -> str:
    """How an answer was cut: by how many it may have, or by the depth; at a hub either may be."""
    what = "column" if graph.nodes[0].column is not None else "dataset"
    count = len(graph.nodes)
    if count < graph.total:
        return f"cut: {count} of {graph.total} {what}s within depth {depth} are shown, and there may be more beyond"
    shown = f"1 {what} is" if count == 1 else f"{count} {what}s are"
    return f"cut at depth {depth}: {shown} shown, there {'may be' if graph.hubs else 'are'} more beyond"


def _shown(node: LineageNode) -> str:
    return node.name.qualified if node.column is None else f"{node.name.qualified}.{node.column}"


def _coverage(found: LineageCoverage, *, as_json: bool) -> int:
    shape = coverage_shape(found)
    if as_json:
        print_json(shape.model_dump(mode="json", by_alias=True))
        return DONE
    for one in shape.sources:
        share = "-" if one.columns_share is None else f"{one.columns_share:.1%}"
        print(f"{one.source}: {one.parsed} of {one.definitions} definitions read, {one.partly} in part, {one.unparsed} not")
        for reason, count in one.reasons.items():
            print(f"    {count:>5}  {reason}")
        print(
            f"    of {one.columns} columns {share} are known to their sources; {one.unresolved_names} names of no known dataset"
        )
        if one.waiting:
            print(f"    {one.waiting} definitions are still to be read for their columns")
    _statements(shape)
    if not shape.sources:
        say("no source has definitions that lineage could read")
    return DONE


def _statements(shape: CoveragesShape) -> None:
    """How far what people and jobs run is understood."""
    for log in shape.logs:
        print(
            f"{log.source}, query logs: {log.parsed} of {log.statements} statements read, {log.partly} in part, "
            f"{log.unparsed} not; {log.unresolved_names} names of no known dataset"
        )
        for reason, count in log.reasons.items():
            print(f"    {count:>5}  {reason}")
        if log.last_at is not None:
            print(f"    no log since {log.last_at:%Y-%m-%d %H:%M} UTC")
    for job in shape.jobs:
        print(
            f"{job.namespace}, SQL of jobs: {job.parsed} of {job.statements} statements read, {job.partly} in part, "
            f"{job.unparsed} not; {job.unresolved_names} names of no known dataset"
        )
        for reason, count in job.reasons.items():
            print(f"    {count:>5}  {reason}")
