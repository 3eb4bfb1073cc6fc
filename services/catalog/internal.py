"""The catalog's internal routes: `AssetSink` and `ChangeFeed` for services that run apart. `client` is the other end.

Journey 1, both crossings. Whoever mounts them asks for the services' key.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.catalog.client import (
    PREFIX,
    AskRequest,
    CloseRequest,
    OpenRequest,
    ProgressRequest,
    StatesAnswer,
    StatesRequest,
)
from services.common.model.changes import Seq
from services.common.model.crawls import CrawlBatch, CrawlId
from services.common.ports import AssetSink, ChangeFeed
from services.common.runtime.wire import dump

_JSON = "application/json"


def create_router(sink: AssetSink, feed: ChangeFeed) -> APIRouter:
    """The routes of both ports: bodies and answers are `wire` JSON of the ports' own values."""
    router = APIRouter(prefix=PREFIX, tags=["internal"])

    @router.post("/crawls")
    def open_crawl(request: OpenRequest) -> Response:
        return Response(dump(sink.open(request.source, by=request.by, crawl=request.crawl)), media_type=_JSON)

    @router.post("/crawls/request")
    def ask(request: AskRequest) -> Response:
        return Response(dump(sink.request(request.source, by=request.by)), media_type=_JSON)

    @router.post("/crawls/claim")
    def claim() -> Response:
        record = sink.claim()
        return Response(b"null" if record is None else dump(record), media_type=_JSON)

    @router.post("/crawls/{crawl}/batches")
    def put(crawl: str, batch: CrawlBatch) -> Response:
        return Response(dump(sink.put(CrawlId(crawl), batch)), media_type=_JSON)

    @router.post("/crawls/{crawl}/progress")
    def progress(crawl: str, request: ProgressRequest) -> Response:
        sink.progress(CrawlId(crawl), done=request.done, expected=request.expected)
        return Response(b"{}", media_type=_JSON)

    @router.post("/crawls/{crawl}/close")
    def close(crawl: str, request: CloseRequest) -> Response:
        return Response(
            dump(sink.close(CrawlId(crawl), request.state, request.failures, costs=request.costs)), media_type=_JSON
        )

    @router.get("/changes")
    def changes(after: int, limit: int) -> Response:
        return Response(dump(feed.after(Seq(after), limit=limit)), media_type=_JSON)

    @router.get("/head")
    def head() -> Response:
        return Response(dump(int(feed.head())), media_type=_JSON)

    @router.post("/states")
    def states(request: StatesRequest) -> Response:
        return Response(dump(StatesAnswer(tuple(feed.states(request.ids)))), media_type=_JSON)

    return router
