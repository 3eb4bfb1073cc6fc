"""`headwater crawl`: read warehouses into the catalog, then see to it that what was found is searchable.

Journey 1, from the terminal. Beside a running server this is the normal case: the server's worker indexes, and we watch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from services.cli.main import DONE, FAILED, PARTLY
from services.cli.terminal import print_json, progress, say, settings_of
from services.common.errors import BadRequest, WrongSettings
from services.common.model.changes import Seq
from services.common.model.crawls import CrawlState
from services.common.runtime.settings import Settings, SourceSettings, mask, source_namespace
from services.compose import Workspace
from services.indexer.crawl import CrawlOutcome, run_crawl

WATCH_S = 0.2
"""How often another process's progress is looked at."""


@dataclass(frozen=True, slots=True)
class Report:
    """A crawl with what it took to make it searchable."""

    outcome: CrawlOutcome
    texts_encoded: int
    seconds: float


def run(arguments: argparse.Namespace) -> int:
    """Crawl the named sources, or all configured ones."""
    settings = settings_of(arguments)
    chosen = list(_chosen(settings, arguments.sources))
    space = Workspace(settings)
    try:
        reports = [_crawl(space, name, source, wait=not arguments.no_wait) for name, source in chosen]
        if not arguments.no_wait:
            space.lineage.follower.catch_up()
    finally:
        space.close()
    if arguments.json:
        print_json({"crawls": [_json(report) for report in reports]})
    states = {report.outcome.record.state for report in reports}
    if states == {CrawlState.COMPLETE}:
        return DONE
    return FAILED if states == {CrawlState.FAILED} else PARTLY


def crawl_and_index(space: Workspace, name: str, source: SourceSettings) -> Report:
    """Crawl one source and wait until all of it is searchable; tells people what it does."""
    return _crawl(space, name, source, wait=True)


def _chosen(settings: Settings, wanted: list[str]) -> Iterator[tuple[str, SourceSettings]]:
    if not wanted:
        if not settings.sources:
            raise WrongSettings("no source is configured: run `headwater init`, or name a URL to crawl")
        yield from settings.sources.items()
        return
    for text in wanted:
        if "://" in text:
            yield _unnamed(settings, text)
        elif text in settings.sources:
            yield text, settings.sources[text]
        else:
            known = ", ".join(sorted(settings.sources)) or "none"
            raise BadRequest(f"no source is called {text}; configured are: {known}")


def _unnamed(settings: Settings, url: str) -> tuple[str, SourceSettings]:
    """A URL on the command line: the configured source with its namespace, else one named by its namespace."""
    source = SourceSettings(url=url)
    try:
        namespace = source_namespace(source)
    except ValueError as error:
        raise BadRequest(f"{mask(url)} is not a URL that can be crawled: {error}") from None
    for name, configured in settings.sources.items():
        if source_namespace(configured) == namespace:
            return name, configured.model_copy(update={"url": url, "password": None})
    return str(namespace), source


def _crawl(space: Workspace, name: str, source: SourceSettings, *, wait: bool) -> Report:
    begun = time.monotonic()
    with progress(f"crawling {name}") as update:
        outcome = run_crawl(name, source, space.sink, by="cli", on_progress=lambda told: update(told.done, told.expected))
    record = outcome.record
    counts = record.counts
    say(
        f"{name}: {record.state.value}, {counts.found:,} tables and views "
        f"({counts.added:,} added, {counts.changed:,} changed, {counts.unchanged:,} unchanged, {counts.gone:,} gone)"
    )
    for failure in record.failures:
        say(f"  {failure}")
    encoded = _index(space, record.seq) if wait else 0
    return Report(outcome, encoded, time.monotonic() - begun)


def _index(space: Workspace, upto: Seq) -> int:
    """Wait until everything up to `upto` is searchable; returns how many texts this process encoded for it."""
    indexer = space.indexer
    with progress("indexing") as update:
        while True:
            if indexer.lease.acquire():
                before = indexer.encoded
                indexer.index_now(upto, lambda told: update(told.encoded, told.encoded + told.waiting))
                return indexer.encoded - before
            state = indexer.lease.state()
            if state.alive and min(state.lexical_seq, state.vector_seq) >= upto:
                return 0
            update(0, state.waiting or None)
            time.sleep(WATCH_S)


def _json(report: Report) -> dict[str, object]:
    record = report.outcome.record
    return {
        "source": record.source,
        "state": record.state.value,
        "tables": asdict(record.counts),
        "texts_encoded": report.texts_encoded,
        "statements": report.outcome.statements,
        "seconds": round(report.seconds, 3),
        "failures": list(record.failures),
    }
