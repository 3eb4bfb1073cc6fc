"""`headwater crawls`: what crawls did, which tables changed, and a person's yes to what a crawl holds.

Beside journey 1, from the terminal.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from services.catalog.api.crawl_shapes import CrawlsShape, changes_shape, crawl_shape
from services.cli.exits import DONE, FAILED
from services.cli.terminal import say, settings_of
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.common.model.crawls import CrawlId, CrawlRecord, CrawlState
from services.workspace import Workspace

_PAGE = 500
_ACTIONS = ("list", "show", "accept")


def run(arguments: argparse.Namespace) -> int:
    """List crawls, show one, or say yes to what one holds."""
    settings = settings_of(arguments)
    space = Workspace(settings)
    try:
        action, of = _asked(arguments.words)
        if action == "list":
            return _list(space, of, arguments)
        if of is None:
            raise BadRequest(f"name the crawl to {action}; `headwater crawls` lists them")
        if action == "show":
            return _show(space, CrawlId(of), as_json=arguments.json)
        record = space.sink.accept(CrawlId(of), by="cli")
        say(f"{record.counts.gone:,} tables are gone; what people wrote about them stays, should they come back")
        return DONE
    finally:
        space.close()


def _asked(words: Sequence[str]) -> tuple[str, str | None]:
    """What to do, and to what; a source's name alone lists its crawls."""
    action, rest = (words[0], words[1:]) if words and words[0] in _ACTIONS else ("list", words)
    if len(rest) > 1:
        raise BadRequest(f"`headwater crawls {action}` takes one name, not {len(rest)}")
    return action, rest[0] if rest else None


def _list(space: Workspace, source: str | None, arguments: argparse.Namespace) -> int:
    records = space.reader.crawls(FULL_SCOPE, source=source, limit=arguments.limit)
    if arguments.json:
        print(CrawlsShape(crawls=[crawl_shape(record) for record in records]).model_dump_json(indent=2, by_alias=True))
        return DONE
    for record in records:
        print(_line(record))
    if not records:
        say("no crawls yet" + (f" of {source}" if source else ""))
    return DONE


def _show(space: Workspace, crawl: CrawlId, *, as_json: bool) -> int:
    page = space.crawl_history.changes(crawl, FULL_SCOPE, limit=_PAGE)
    if as_json:
        print(changes_shape(page).model_dump_json(indent=2, by_alias=True))
        return DONE
    print(_line(page.crawl))
    for failure in page.crawl.failures:
        print(f"  {failure}")
    for container in page.containers:
        if not container.complete:
            print(f"  {container.name}: incomplete")
    while True:
        for one in page.changes:
            print(f"  {one.what:<9} {one.qualified}  {one.id}{f'  ({one.detail})' if one.detail else ''}")
        if page.cursor is None:
            break
        page = space.crawl_history.changes(crawl, FULL_SCOPE, cursor=page.cursor, limit=_PAGE)
    return FAILED if page.crawl.state.value == "failed" else DONE


def _line(record: CrawlRecord) -> str:
    counts = record.counts
    told = {
        "added": counts.added,
        "changed": counts.changed,
        "gone": counts.gone,
        "unseen": counts.unseen,
        "held": counts.held,
    }
    began = (record.started_at or record.requested_at).strftime("%Y-%m-%d %H:%M")
    what = ", ".join(f"{count:,} {name}" for name, count in told.items() if count) or "nothing changed"
    if record.state is CrawlState.FAILED:
        what = record.failures[-1] if record.failures else "nothing could be read"
    return f"{record.id}  {began}  {record.source}  {record.state.value}  {counts.found:,} found: {what}  (by {record.by})"
