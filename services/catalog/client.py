"""The `AssetSink` and `ChangeFeed` ports over HTTP, for an indexer and a lineage service that run apart.

Journey 1, both crossings. `internal` serves the other end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.catalog.store.text import clean_json
from services.common.model.assets import Asset
from services.common.model.changes import ChangePage, Seq
from services.common.model.crawls import BatchOutcome, CrawlBatch, CrawlId, CrawlRecord, CrawlState, SourceInfo
from services.common.model.names import AssetId
from services.common.runtime.service_client import ServiceClient
from services.common.runtime.wire import dump, load, plain

PREFIX = "/internal/v1/catalog"


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """The body of `POST …/crawls`."""

    source: SourceInfo
    by: str
    crawl: CrawlId | None


@dataclass(frozen=True, slots=True)
class AskRequest:
    """The body of `POST …/crawls/request`."""

    source: str
    by: str


@dataclass(frozen=True, slots=True)
class ProgressRequest:
    """The body of `POST …/crawls/{id}/progress`."""

    done: int
    expected: int | None


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """The body of `POST …/crawls/{id}/close`."""

    state: CrawlState
    failures: tuple[str, ...]
    costs: dict[str, float] | None = None


class HttpSink:
    """Implements `AssetSink` over a client of the catalog; every verb may raise ServiceUnavailable."""

    def __init__(self, service: ServiceClient) -> None:
        self._service = service

    def open(self, source: SourceInfo, *, by: str, crawl: CrawlId | None = None) -> CrawlRecord:
        """See `AssetSink.open`."""
        return load(CrawlRecord, self._service.post(f"{PREFIX}/crawls", dump(OpenRequest(source, by, crawl))))

    def put(self, crawl: CrawlId, batch: CrawlBatch) -> BatchOutcome:
        """See `AssetSink.put`."""
        return load(BatchOutcome, self._service.post(f"{PREFIX}/crawls/{crawl}/batches", _body(batch)))

    def progress(self, crawl: CrawlId, *, done: int, expected: int | None) -> None:
        """See `AssetSink.progress`."""
        self._service.post(f"{PREFIX}/crawls/{crawl}/progress", dump(ProgressRequest(done, expected)))

    def close(
        self, crawl: CrawlId, state: CrawlState, failures: Sequence[str], *, costs: Mapping[str, float] | None = None
    ) -> CrawlRecord:
        """See `AssetSink.close`."""
        body = dump(CloseRequest(state, tuple(failures), dict(costs or {})))
        return load(CrawlRecord, self._service.post(f"{PREFIX}/crawls/{crawl}/close", body))

    def request(self, source: str, *, by: str) -> CrawlRecord:
        """See `AssetSink.request`."""
        return load(CrawlRecord, self._service.post(f"{PREFIX}/crawls/request", dump(AskRequest(source, by))))

    def claim(self) -> CrawlRecord | None:
        """See `AssetSink.claim`."""
        body = self._service.post(f"{PREFIX}/crawls/claim")
        return None if body == b"null" else load(CrawlRecord, body)


def _body(batch: CrawlBatch) -> bytes:
    """A batch as JSON; names that hold undecodable bytes are sent as the store would keep them."""
    try:
        return dump(batch)
    except ValueError:  # what cannot be UTF-8 cannot be written as it is
        return json.dumps(clean_json(plain(batch))).encode()


@dataclass(frozen=True, slots=True)
class StatesRequest:
    """The body of `POST …/states`."""

    ids: tuple[AssetId, ...]


@dataclass(frozen=True, slots=True)
class StatesAnswer:
    """The answer of `POST …/states`."""

    assets: tuple[Asset, ...]


class HttpFeed:
    """Implements `ChangeFeed` over a client of the catalog; every verb may raise ServiceUnavailable."""

    def __init__(self, service: ServiceClient) -> None:
        self._service = service

    def after(self, seq: Seq, *, limit: int = 500) -> ChangePage:
        """See `ChangeFeed.after`."""
        return load(ChangePage, self._service.get(f"{PREFIX}/changes", after=seq, limit=limit))

    def head(self) -> Seq:
        """See `ChangeFeed.head`."""
        return Seq(load(int, self._service.get(f"{PREFIX}/head")))

    def states(self, ids: Sequence[AssetId]) -> tuple[Asset, ...]:
        """See `ChangeFeed.states`."""
        return load(StatesAnswer, self._service.post(f"{PREFIX}/states", dump(StatesRequest(tuple(ids))))).assets
