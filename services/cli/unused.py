"""`headwater unused`: tables that no log shows to be read lately, with their size and what depends on them.

Journey 3, reading, in the terminal. Honest about the log's window: where it does not cover the time, that is what is said.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence

from services.cli.exits import DONE
from services.cli.terminal import print_json, say, settings_of
from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset
from services.common.model.lineage import Direction, LineageRequest
from services.common.model.names import AssetId
from services.common.model.related import Unused
from services.workspace import Workspace

MAX_DAYS = 3_650
_HEADINGS = ("qualified_name", "state", "last_read", "log_since", "log_until", "rows", "bytes", "downstream", "id")


def run(arguments: argparse.Namespace) -> int:
    """List them."""
    if not 1 <= arguments.days <= MAX_DAYS:
        raise BadRequest(f"--days is 1 to {MAX_DAYS}")
    space = Workspace(settings_of(arguments))
    try:
        space.indexer.open()
        space.indexer.usage.catch_up(space.lineage.statements)
        space.lineage.follower.catch_up()
        found = space.indexer.usage.unused(FULL_SCOPE, days=arguments.days)
        rows = list(_rows(space, found))
    finally:
        space.close()
    if arguments.json:
        print_json({"days": arguments.days, "tables": [dict(zip(_HEADINGS, row, strict=True)) for row in rows]})
    elif arguments.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_HEADINGS)
        writer.writerows(rows)
    else:
        _print(rows, arguments.days)
    return DONE


def _rows(space: Workspace, listed: Sequence[Unused]) -> Iterator[tuple[object, ...]]:
    assets: dict[AssetId, Asset] = {}
    for at in range(0, len(listed), 500):
        assets |= space.reader.many([one.asset for one in listed[at : at + 500]], FULL_SCOPE)
    for one in listed:
        asset = assets.get(one.asset)
        if asset is not None:
            days = (str(day) if day is not None else None for day in (one.last_read, one.log_since, one.log_until))
            yield (asset.name.qualified, one.state, *days, asset.rows, asset.bytes, _downstream(space, one.asset), one.asset)


def _downstream(space: Workspace, asset: AssetId) -> int:
    try:
        graph = space.lineage.walker.walk(LineageRequest(asset, FULL_SCOPE, Direction.DOWNSTREAM, depth=100, limit=1))
    except NotFound:
        return 0
    return graph.total - 1


def _print(rows: list[tuple[object, ...]], days: int) -> None:
    for name, state, last_read, since, until, n_rows, _bytes, downstream, _id in rows:
        read = f"last read {last_read}" if last_read else "never read in the log"
        window = f"log {since} to {until}" if since else "no log of its source"
        size = f", {n_rows:,} rows" if isinstance(n_rows, int) else ""
        print(f"{state:>12}  {name}  ({read}; {window}{size}; {downstream} downstream)")
    silent = sum(row[1] != "not read" for row in rows)
    say(f"{len(rows) - silent} tables were not read within {days} days; of {silent} more no log tells")
