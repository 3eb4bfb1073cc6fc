"""`headwater crawl --dry-run`: what would be sent, read and changed; nothing is written, not even an empty home.

Journey 1, from the terminal, up to the door of the store.
"""

from __future__ import annotations

from dataclasses import asdict
from textwrap import shorten
from typing import Any

from services.catalog.preview import PreviewSink
from services.cli.terminal import progress, say
from services.common.errors import HeadwaterError
from services.common.model.crawls import CrawlState, TableCounts
from services.common.runtime.source_settings import SourceSettings
from services.indexer.crawl import run_crawl
from services.indexer.sources.open import open_source
from services.workspace import Workspace

_SHOWN = 50
"""Changes printed for people; `--json` has all of them."""


def preview(space: Workspace, name: str, source: SourceSettings, *, tell: bool) -> dict[str, Any]:
    """Crawl one source without writing, tell people on standard output if `tell`; returns what `--json` prints of it."""
    sink = space.preview()
    try:
        opened = open_source(name, source)
        with progress(f"reading {name}") as update, opened:
            outcome = run_crawl(
                name,
                source,
                sink,
                by="dry-run",
                on_progress=lambda told: update(told.done, told.expected),
                opened=opened,
            )
            sent = list(opened.sent)
    except HeadwaterError as error:
        say(f"{name}: would fail\n  {error.detail}")
        return _answer(name, CrawlState.FAILED, TableCounts(), [error.detail], [], sink)
    record = outcome.record
    if tell:
        _tell(name, sent, sink)
    say(f"{name}: would be {record.state.value}; nothing was written")
    for failure in record.failures:
        say(f"  {failure}")
    return _answer(name, record.state, record.counts, list(record.failures), sent, sink)


def _tell(name: str, sent: list[str], sink: PreviewSink) -> None:
    print(f"{name}: {_counted(len(sent), 'statement')}")
    for number, text in enumerate(sent, start=1):
        print(f"  {number}. {shorten(' '.join(text.split()), 160, placeholder=' …')}")
    print(f"{name}: {_counted(len(sink.read), 'container')}")
    for container, state in sink.read.items():
        print(f"  {container}: {'complete' if state.complete else f'incomplete: {state.failure}'}")
    print(f"{name}: {len(sink.found)} tables and views would change")
    for one in sink.found[:_SHOWN]:
        print(f"  {one.what:<9} {one.qualified}{f'  ({one.detail})' if one.detail else ''}")
    if len(sink.found) > _SHOWN:
        print(f"  … and {len(sink.found) - _SHOWN:,} more; --json lists all")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _answer(
    name: str, state: CrawlState, counts: TableCounts, failures: list[str], sent: list[str], sink: PreviewSink
) -> dict[str, Any]:
    return {
        "source": name,
        "state": state.value,
        "tables": asdict(counts),
        "texts_encoded": 0,
        "statements": len(sent),
        "seconds": 0.0,
        "failures": failures,
        "sent": sent,
        "containers": [
            {"name": container, "complete": read.complete, "failure": read.failure} for container, read in sink.read.items()
        ],
        "changes": [{"qualified_name": one.qualified, "what": one.what, "detail": one.detail} for one in sink.found],
    }
