"""A crawl from beginning to end: a source's stream in batches to the catalog's sink, with progress and a report.

Journey 1, the first steps. What could not be read is said; nothing is stored that the source did not show.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from services.common.errors import HeadwaterError, SourceFailed, WrongSettings
from services.common.model.assets import Container, ContainerRead, ContainersListed, Found
from services.common.model.crawls import CrawlBatch, CrawlId, CrawlRecord, CrawlState, SourceInfo
from services.common.model.names import DatasetName
from services.common.ports import AssetSink
from services.common.runtime.source_settings import SourceSettings, source_namespace, url_database, url_namespace
from services.indexer.sources.open import open_source
from services.indexer.sources.secrets import masked
from services.indexer.sources.source import Source

BATCH_TABLES = 500
"""Tables in one commit; one commit for a whole crawl was measured to make other writers wait for all of it."""
_TEMPORARY = re.compile(r"(?P<name>.+)__dbt_(?:tmp|backup)\w*", re.IGNORECASE | re.DOTALL)
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
    """A crawl's report."""

    record: CrawlRecord

    @property
    def statements(self) -> int:
        """How many statements the source was sent."""
        return int(self.record.costs.get("statements", 0))


def run_crawl(
    name: str,
    settings: SourceSettings,
    sink: AssetSink,
    *,
    by: str,
    crawl: CrawlId | None = None,
    on_progress: Callable[[CrawlProgress], None] = lambda _progress: None,
    opened: Source | None = None,
) -> CrawlOutcome:
    """Crawl one source into the sink. A source that cannot be read is a report (`failed`, `partial`), not an exception.

    Args:
        name: the source's name.
        settings: where it is and what to read of it.
        sink: the catalog.
        by: who asked.
        crawl: the requested crawl that this is; None begins a new one.
        on_progress: called after every batch.
        opened: the source where the caller has it open already, to look at what it sent; opened here otherwise.

    Raises:
        Conflict: the source's namespace belongs to a source of another name, or another crawl of it took over.
        WrongSettings: the source cannot even be named (no namespace) and nobody had asked for the crawl; nothing was
            recorded.
        ServiceUnavailable: the catalog does not answer.

    """
    try:
        source = opened or open_source(name, settings)
    except WrongSettings as error:
        return CrawlOutcome(_unopened(name, settings, sink, by, crawl, error))
    failures: list[str] = []
    complete, stored = True, 0
    with source:
        record = sink.open(_described(settings, source.info), by=by, crawl=crawl)
        try:
            for batch in _told(_batches(source, settings), record.id, source, sink, on_progress):
                sink.put(record.id, batch)
                stored += len(batch.found)
                complete = complete and (not batch.last or batch.complete)
        except (SourceFailed, WrongSettings) as error:
            failures.append(error.detail)
            complete = False
        costs = {"statements": source.statements, **source.costs}
    state = CrawlState.COMPLETE if complete else CrawlState.PARTIAL if stored else CrawlState.FAILED
    return CrawlOutcome(sink.close(record.id, state, failures, costs=costs))


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
    platform = namespace.partition("://")[0]
    database = url_database(settings.url) if settings.into is None else None
    info = SourceInfo(name, namespace, platform, database=database, into=settings.into, hold_share=settings.hold_share)
    record = sink.open(info, by=by, crawl=crawl)
    return sink.close(record.id, CrawlState.FAILED, [error.detail])


def _described(settings: SourceSettings, info: SourceInfo) -> SourceInfo:
    """The source as the catalog keeps it: the host of its URL is an alias where another namespace was set."""
    if info.platform in ("metadata", "dbt") or settings.namespace is None:
        return info
    reached = url_namespace(settings.url)
    aliases = dict.fromkeys((*info.aliases, reached))
    return replace(info, aliases=tuple(alias for alias in aliases if alias != info.namespace))


def _batches(source: Source, settings: SourceSettings) -> Iterator[CrawlBatch]:
    """The source's stream in batches of one container; a container's end is in its last batch.

    What a rebuild leaves lying about for a moment is left out, but what it stands for is kept in mind; secrets in SQL,
    defaults and the like are masked, so that they never reach the store.
    """
    kept = any("__dbt_" in glob for glob in settings.include)  # somebody asks for them by name
    waiting: list[Found] = []
    rebuilding: list[DatasetName] = []
    for item in source.read():
        if isinstance(item, ContainersListed):
            yield CrawlBatch(item.within, (), last=True, complete=True, grants=item.grants, lists=True)
        elif isinstance(item, ContainerRead):
            yield CrawlBatch(
                item.container,
                tuple(waiting),
                last=True,
                complete=item.complete,
                failure=item.failure,
                grants=item.grants,
                rebuilding=tuple(rebuilding),
            )
            waiting, rebuilding = [], []
        elif not kept and (stands_for := replaced_by(item.name)) is not None:
            rebuilding.append(stands_for)
        else:
            if len(waiting) == BATCH_TABLES:
                yield CrawlBatch(_container_of(waiting[0]), tuple(waiting))
                waiting = []
            waiting.append(masked(item))


def replaced_by(name: DatasetName) -> DatasetName | None:
    """The table that a temporary of dbt's is about to become or has been, such as `t` for `t__dbt_tmp`; None for others.

    The suffixes are those of dbt's adapters (`make_temp_relation`, `make_backup_relation`), which may append a time.
    """
    match = _TEMPORARY.fullmatch(name.parts[-1])
    return DatasetName(name.namespace, (*name.parts[:-1], match["name"])) if match else None


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
