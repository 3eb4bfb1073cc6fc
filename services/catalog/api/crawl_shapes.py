"""Sources and crawls as the API shows them: reports, containers, what changed, renames that a person may confirm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from services.catalog.api.schemas import Shape
from services.catalog.crawl_history import CrawlChanges
from services.catalog.store.proposals import Rename
from services.common.model.crawls import CrawlRecord, CrawlState


class CountsShape(Shape):
    """What a crawl did to tables and views."""

    found: int
    added: int
    changed: int
    unchanged: int
    gone: int
    unseen: int
    held: int


class CrawlShape(Shape):
    """One crawl, asked for, running or ended."""

    id: str
    source: str
    state: CrawlState
    by: str
    requested_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    done: int
    expected: int | None
    tables: CountsShape
    costs: dict[str, float]
    failures: list[str]


class CrawlsShape(Shape):
    """Crawls, newest first."""

    crawls: list[CrawlShape]


class ContainerShape(Shape):
    """What a crawl read as a whole, such as a schema, and why not where it could not."""

    name: str
    complete: bool
    failure: str | None


class CrawlChangeShape(Shape):
    """What a crawl did to one table: `added`, `returned`, `changed`, `gone`, `unseen`, `held` or `renamed`."""

    id: str
    qualified_name: str
    what: str
    detail: str | None


class CrawlChangesShape(Shape):
    """What a crawl changed, in order of ids; `containers` is told to callers who may see everything."""

    crawl: CrawlShape
    total: dict[str, int]
    changes: list[CrawlChangeShape]
    containers: list[ContainerShape]
    cursor: str | None


class RenameShape(Shape):
    """Two names that may be one table, for a person to say."""

    id: str
    old_id: str
    old_name: str
    new_id: str
    new_name: str
    reason: str
    at: dt.datetime
    state: str
    decided_by: str | None


class RenamesShape(Shape):
    """Renames that were proposed, newest first."""

    renames: list[RenameShape]


class SourceShape(Shape):
    """A source, with how many assets of each kind the caller sees in it. Its URL is never told."""

    name: str
    namespace: str
    platform: str
    aliases: list[str]
    database: str | None
    into: str | None
    counts: dict[str, int]
    last_crawl: CrawlShape | None


class SourcesShape(Shape):
    """Sources in order of name."""

    sources: list[SourceShape]


def crawl_shape(record: CrawlRecord) -> CrawlShape:
    """A crawl as the API shows it."""
    counts: Mapping[str, int] = {name: getattr(record.counts, name) for name in CountsShape.model_fields}
    return CrawlShape(
        id=record.id,
        source=record.source,
        state=record.state,
        by=record.by,
        requested_at=record.requested_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        done=record.done,
        expected=record.expected,
        tables=CountsShape(**counts),
        costs=dict(record.costs),
        failures=list(record.failures),
    )


def rename_shape(one: Rename) -> RenameShape:
    """A proposed rename as the API shows it."""
    return RenameShape(
        id=one.id,
        old_id=one.old_id,
        old_name=one.old_name,
        new_id=one.new_id,
        new_name=one.new_name,
        reason=one.reason,
        at=one.at,
        state=one.state,
        decided_by=one.decided_by,
    )


def changes_shape(found: CrawlChanges) -> CrawlChangesShape:
    """What a crawl changed as the API shows it."""
    return CrawlChangesShape(
        crawl=crawl_shape(found.crawl),
        total=dict(found.total),
        changes=[
            CrawlChangeShape(id=one.id, qualified_name=one.qualified, what=one.what, detail=one.detail)
            for one in found.changes
        ],
        containers=[ContainerShape(name=one.name, complete=one.complete, failure=one.failure) for one in found.containers],
        cursor=found.cursor,
    )
