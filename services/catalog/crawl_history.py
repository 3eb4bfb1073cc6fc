"""What each crawl did: the tables that it added, changed or missed, and the containers that it could not read.

Beside journey 1, reading: every verb takes the caller's scope.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.catalog.assets import AssetReader
from services.catalog.store import containers, crawl_changes
from services.common.model.access import AccessScope
from services.common.model.crawls import CrawlId, CrawlRecord
from services.common.model.names import AssetId, parse_asset_id
from services.common.runtime.cursors import refused
from services.common.runtime.db import Database

MAX_PAGE = 500
"""Changes in one page."""


@dataclass(frozen=True, slots=True)
class CrawlChange:
    """What a crawl did to one table; `detail` is why it is unseen, or what it was called before."""

    id: AssetId
    qualified: str
    what: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class ContainerReport:
    """How a crawl read one container."""

    name: str
    complete: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class CrawlChanges:
    """A page of what a crawl changed; `total` counts all of it by kind, `containers` are of the whole crawl."""

    crawl: CrawlRecord
    total: Mapping[str, int]
    changes: tuple[CrawlChange, ...]
    containers: tuple[ContainerReport, ...]
    cursor: str | None


class CrawlHistory:
    """Reads what crawls did, inside a scope."""

    def __init__(self, database: Database, reader: AssetReader) -> None:
        self._database = database
        self._reader = reader

    def changes(
        self, crawl: CrawlId, scope: AccessScope, *, caller: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> CrawlChanges:
        """What a crawl changed of what the caller may see, in order of ids.

        Raises:
            NotFound: there is no such crawl for this caller.
            BadRequest: the cursor is not one that a page gave.

        """
        record = self._reader.crawl(crawl, scope, caller=caller)
        after = parse_asset_id(cursor) if cursor is not None else None
        if cursor is not None and after is None:
            raise refused()
        with self._database.read() as connection:
            total = crawl_changes.count(connection, crawl, scope)
            rows = crawl_changes.page(connection, crawl, scope, after=after, limit=limit + 1)
            # which containers there are, and why one was not read, may speak of what is hidden
            read = containers.of_crawl(connection, crawl) if scope.is_full else []
            found = [
                CrawlChange(
                    AssetId(row["asset_id"]),
                    ".".join(row["parts"]),
                    row["what"],
                    crawl_changes.shown_detail(connection, row, scope),
                )
                for row in rows[:limit]
            ]
        return CrawlChanges(
            crawl=record,
            total=total,
            changes=tuple(found),
            containers=tuple(
                ContainerReport(".".join(json.loads(row["container"])[1:]), row["complete"], row["failure"]) for row in read
            ),
            cursor=found[-1].id if len(rows) > limit else None,
        )
