"""`headwater crawl`: read warehouses into the catalog, then see to it that what was found is searchable.

Journey 1, from the terminal. Beside a running server this is the normal case: the server's worker indexes, and we watch.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from services.cli.dry_run import preview
from services.cli.exits import DONE, FAILED, PARTLY
from services.cli.query_logs import list_named, open_logs, read_logs
from services.cli.terminal import print_json, progress, say, settings_of
from services.common.errors import BadRequest, Conflict, WrongSettings
from services.common.model.changes import Seq
from services.common.model.crawls import CrawlState, TableCounts
from services.common.model.names import UNLISTED
from services.common.runtime.source_settings import SourceSettings, mask, url_database, url_namespace
from services.indexer.crawl import run_crawl
from services.indexer.sources.open import open_source
from services.workspace import Workspace

_FILES = {
    ".db": "sqlite:///",
    ".sqlite": "sqlite:///",
    ".duckdb": "duckdb:///",
    ".jsonl": "metadata://",
    ".gz": "metadata://",
}
WATCH_S = 0.2
"""How often another process's progress is looked at."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a crawl of one source did, and what it took to make it searchable."""

    source: str
    state: CrawlState
    tables: TableCounts
    texts_encoded: int
    statements: int
    seconds: float
    failures: tuple[str, ...]


def run(arguments: argparse.Namespace) -> int:
    """Crawl the named sources, or all configured ones."""
    settings = settings_of(arguments, begins=True)
    space = Workspace(settings)
    try:
        files = arguments.query_log
        if files and arguments.dry_run:
            raise BadRequest("--dry-run reads no query log: leave one of the two out")
        chosen = [] if files and not arguments.sources else list(_chosen(space, arguments.sources))
        if arguments.dry_run:
            return _previewed(space, chosen, as_json=arguments.json)
        logs = open_logs(files, chosen or _configured(space))
        reports = [_crawl(space, name, source, wait=not arguments.no_wait) for name, source in chosen]
        if logs or not arguments.no_wait:
            space.lineage.follower.catch_up()  # the names in a log are those that crawls have shown
        read = read_logs(space, logs)
        if any(one["unlisted"] for one in read) and not arguments.no_wait:
            _index(space, list_named(space))
    finally:
        space.close()
    if arguments.json:
        logged = {"query_logs": read} if read else {}
        print_json({"crawls": [_json(report) for report in reports], **logged})
    elif any(report.tables.added for report in reports):
        say('next: `headwater search "…"` asks, `headwater serve` opens the pages and the API')
    states = {report.state for report in reports}
    if any(one["failures"] for one in read):
        states.add(CrawlState.PARTIAL)
    return _exit_code(states) if states else DONE


def _configured(space: Workspace) -> list[tuple[str, SourceSettings]]:
    """The one source that is configured, for a log that is read alone; its own statistics are not asked for then."""
    found = list(space.settings.sources.items())
    return [(name, one.model_copy(update={"query_log": False})) for name, one in found] if len(found) == 1 else []


def _previewed(space: Workspace, chosen: list[tuple[str, SourceSettings]], *, as_json: bool) -> int:
    previews = [preview(space, name, source, tell=not as_json) for name, source in chosen]
    if as_json:
        print_json({"crawls": previews})
    return _exit_code({CrawlState(one["state"]) for one in previews})


def _exit_code(states: set[CrawlState]) -> int:
    if states == {CrawlState.COMPLETE}:
        return DONE
    return FAILED if states == {CrawlState.FAILED} else PARTLY


def crawl_and_index(space: Workspace, name: str, source: SourceSettings, then: Callable[[], Seq] | None = None) -> Report:
    """Crawl one source and wait until all of it is searchable; tells people what it does.

    Args:
        space: the home.
        name: of the source.
        source: what is crawled.
        then: says more of its tables, and gives the sequence number that is to be searchable too.

    """
    return _crawl(space, name, source, wait=True, then=then)


def _chosen(space: Workspace, wanted: list[str]) -> Iterator[tuple[str, SourceSettings]]:
    settings = space.settings
    if not wanted:
        if not settings.sources:
            raise WrongSettings("no source is configured: run `headwater init`, or name a URL to crawl")
        # artifacts describe what the warehouses' own crawls show, so those come first
        yield from sorted(settings.sources.items(), key=lambda item: item[1].into is not None)
        return
    for text in wanted:
        if "://" in text:
            yield _unnamed(space, text)
        elif text in settings.sources:
            yield text, settings.sources[text]
        else:
            known = ", ".join(sorted(settings.sources)) or "none"
            url = _FILES.get(Path(text).suffix.lower())
            hint = f"; a file is named as {url}{text}" if url else ""
            raise BadRequest(f"no source is called {text}; configured are: {known}{hint}")


def _unnamed(space: Workspace, url: str) -> tuple[str, SourceSettings]:
    """A URL on the command line: the source that its namespace, or an alias of it, belongs to; else one named by it."""
    try:
        reached = url_namespace(url)
    except ValueError as error:
        raise BadRequest(f"{mask(url)} is not a URL that can be crawled: {error}") from None
    known = space.namespaces()
    namespace = known.resolve(reached)
    name = known.source_of(namespace, url_database(url))
    if name == UNLISTED:
        source = SourceSettings(url=url)
        open_source(str(namespace), source)  # connects to nothing, but knows which URLs can be read at all
        return str(namespace), source
    if name in space.settings.sources:
        say(f"{mask(url)} is the source {name}, and is crawled as that")
    configured = space.settings.sources.get(name, SourceSettings(url=url))
    # reached by another address than the one known, it is still the same warehouse
    return name, configured.model_copy(update={"url": url, "password": None, "namespace": str(namespace)})


def _crawl(
    space: Workspace, name: str, source: SourceSettings, *, wait: bool, then: Callable[[], Seq] | None = None
) -> Report:
    begun = time.monotonic()
    try:
        with progress(f"crawling {name}") as update:
            outcome = run_crawl(
                name, source, space.sink, by="cli", on_progress=lambda told: update(told.done, told.expected)
            )
    except (Conflict, WrongSettings) as error:
        # such as a namespace that another source holds: the other sources can still be crawled
        say(f"{name}: failed\n  {error.detail}")
        spent = time.monotonic() - begun
        return Report(name, CrawlState.FAILED, TableCounts(), 0, 0, spent, (error.detail,))
    record, counts = outcome.record, outcome.record.counts
    say(
        f"{name}: {record.state.value}, {counts.found:,} tables and views "
        f"({counts.added:,} added, {counts.changed:,} changed, {counts.unchanged:,} unchanged, {counts.gone:,} gone"
        f"{f', {counts.unseen:,} unseen' if counts.unseen else ''}{f', {counts.held:,} held' if counts.held else ''})"
    )
    if costs := _costs(record.costs):
        say(f"  {costs}")
    for failure in record.failures:
        say(f"  {failure}")
    upto = record.seq if then is None else then()
    encoded = _index(space, upto) if wait else 0
    spent = time.monotonic() - begun
    return Report(name, record.state, counts, encoded, outcome.statements, spent, record.failures)


def _costs(costs: Mapping[str, float]) -> str:
    """What the reading took, where the engine says more than a number of statements."""
    told = [f"{value:,.0f} {name.replace('_', ' ')}" for name, value in costs.items()]
    return ", ".join(told) if len(told) > 1 else ""


def _index(space: Workspace, upto: Seq) -> int:
    """Wait until everything up to `upto` is searchable; returns how many texts this process encoded for it."""
    indexer = space.indexer
    most = 0
    with progress("indexing") as update:
        while True:
            if indexer.lease.acquire():
                before = indexer.encoded
                with suppress(Conflict):  # a server took the lease over: it goes on where this process stopped
                    indexer.index_now(upto, lambda told: update(told.encoded, told.encoded + told.waiting))
                    return indexer.encoded - before
            state = indexer.lease.state()
            if state.alive and min(state.lexical_seq, state.vector_seq) >= upto:
                return 0
            most = max(most, state.waiting)
            update(most - state.waiting, most or None)
            time.sleep(WATCH_S)


def _json(report: Report) -> dict[str, object]:
    return {
        "source": report.source,
        "state": report.state.value,
        "tables": asdict(report.tables),
        "texts_encoded": report.texts_encoded,
        "statements": report.statements,
        "seconds": round(report.seconds, 3),
        "failures": list(report.failures),
    }
