"""A crawl from beginning to end: a source's stream in batches to the catalog's sink, with progress and a report.

Journey 1, the first steps. What could not be read is said; nothing is stored that the source did not show.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from services.common.errors import HeadwaterError, SourceFailed, WrongSettings
from services.common.model.assets import Container, ContainerRead, Found
from services.common.model.crawls import CrawlBatch, CrawlId, CrawlRecord, CrawlState, SourceInfo
from services.common.ports import AssetSink
from services.common.runtime.settings import SourceSettings, source_namespace, url_namespace
from services.indexer.sources.open import open_source
from services.indexer.sources.source import Source

BATCH_TABLES = 500
"""Tables in one commit; one commit for a whole crawl was measured to make other writers wait for all of it."""
PROGRESS_S = 0.5
"""How often a crawl says how far it is."""


@dataclass(frozen=True, slots=True)
class CrawlProgress:
    """How far a crawl is: tables handled, and in all where the source can say."""

    source: str
    done: int
    expected: int | None


@dataclass(frozen=True, slots=True)
class CrawlOutcome:
    """A crawl's report, with how many statements the source was sent."""

    record: CrawlRecord
    statements: int


def run_crawl(
    name: str,
    settings: SourceSettings,
    sink: AssetSink,
    *,
    by: str,
    crawl: CrawlId | None = None,
    on_progress: Callable[[CrawlProgress], None] = lambda _progress: None,
) -> CrawlOutcome:
    """Crawl one source into the sink. A source that cannot be read is a report (`failed`, `partial`), not an exception.

    Args:
        name: the source's name.
        settings: where it is and what to read of it.
        sink: the catalog.
        by: who asked.
        crawl: the requested crawl that this is; None begins a new one.
        on_progress: called after every batch.

    Raises:
        Conflict: the source's namespace belongs to a source of another name, or another crawl of it took over.
        WrongSettings: the source cannot even be named (no namespace) and nobody had asked for the crawl; nothing was
            recorded.
        ServiceUnavailable: the catalog does not answer.

    """
    try:
        source = open_source(name, settings)
    except WrongSettings as error:
        return CrawlOutcome(_unopened(name, settings, sink, by, crawl, error), 0)
    failures: list[str] = []
    complete, stored = True, 0
    with source:
        record = sink.open(_described(settings, source.info), by=by, crawl=crawl)
        try:
            for batch in _told(_batches(source), record.id, source, sink, on_progress):
                sink.put(record.id, batch)
                stored += len(batch.found)
                complete = complete and (not batch.last or batch.complete)
        except (SourceFailed, WrongSettings) as error:
            failures.append(error.detail)
            complete = False
        statements = source.statements
    state = CrawlState.COMPLETE if complete else CrawlState.PARTIAL if stored else CrawlState.FAILED
    return CrawlOutcome(sink.close(record.id, state, failures), statements)


def _unopened(
    name: str, settings: SourceSettings, sink: AssetSink, by: str, crawl: CrawlId | None, error: HeadwaterError
) -> CrawlRecord:
    try:
        namespace = source_namespace(settings)
    except ValueError:
        namespace = None
    if namespace is None:
        if crawl is None:
            raise error
        return sink.close(crawl, CrawlState.FAILED, [error.detail])
    record = sink.open(SourceInfo(name, namespace, namespace.partition("://")[0]), by=by, crawl=crawl)
    return sink.close(record.id, CrawlState.FAILED, [error.detail])


def _described(settings: SourceSettings, info: SourceInfo) -> SourceInfo:
    """The source as the catalog keeps it: the host of its URL is an alias where another namespace was set."""
    if info.platform == "metadata" or settings.namespace is None:
        return info
    reached = url_namespace(settings.url)
    aliases = dict.fromkeys((*info.aliases, reached))
    return replace(info, aliases=tuple(alias for alias in aliases if alias != info.namespace))


def _batches(source: Source) -> Iterator[CrawlBatch]:
    """The source's stream in batches of one container; a container's end is in its last batch."""
    waiting: list[Found] = []
    for item in source.read():
        if isinstance(item, ContainerRead):
            yield CrawlBatch(item.container, tuple(waiting), last=True, complete=item.complete, failure=item.failure)
            waiting = []
            continue
        if len(waiting) == BATCH_TABLES:
            yield CrawlBatch(_container_of(waiting[0]), tuple(waiting))
            waiting = []
        waiting.append(item)


def _container_of(found: Found) -> Container:
    return Container(found.name.namespace, found.name.parts[:-1])


def _told(
    batches: Iterator[CrawlBatch],
    crawl: CrawlId,
    source: Source,
    sink: AssetSink,
    on_progress: Callable[[CrawlProgress], None],
) -> Iterator[CrawlBatch]:
    """The same batches, with progress told to the sink and the caller after each was stored."""
    expected = source.expected()
    done, told_at = 0, 0.0
    for batch in batches:
        yield batch
        done += len(batch.found)
        on_progress(CrawlProgress(source.info.name, done, expected))
        if time.monotonic() - told_at >= PROGRESS_S:
            sink.progress(crawl, done=done, expected=expected)
            told_at = time.monotonic()
    sink.progress(crawl, done=done, expected=expected)
