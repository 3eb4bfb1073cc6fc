"""`/crawls` and `/sources`: asking for a crawl of a configured source, and watching it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from starlette.responses import StreamingResponse

from services.catalog.api.caller import Admin, Editor, Reader, Strict, answer
from services.catalog.api.crawl_shapes import (
    CrawlChangesShape,
    CrawlShape,
    CrawlsShape,
    RenamesShape,
    SourceShape,
    SourcesShape,
    changes_shape,
    crawl_shape,
    rename_shape,
)
from services.catalog.assets import AssetReader, SourceSummary
from services.catalog.crawl_history import CrawlHistory
from services.catalog.renaming import Renaming
from services.catalog.sink import CatalogSink
from services.common.errors import Forbidden, NotFound
from services.common.model.access import Principal
from services.common.model.crawls import CrawlId, SourceInfo

WATCH_S = 0.25
"""How often a watched crawl is looked at."""
MAX_WATCH_S = 3_600
"""A stream ends after an hour; the client connects again and misses nothing."""


class CrawlRequest(Strict):
    """Which source to crawl: the name of a configured one, never a URL or a path."""

    source: str = Field(min_length=1, max_length=200, examples=["demo"])


class CrawlsParameters(Strict):
    """Which crawls to list."""

    source: str | None = Field(default=None, max_length=200, description="Only of this source", examples=["demo"])
    limit: int = Field(default=50, ge=1, le=200, description="Crawls at most", examples=[1])


class ChangesParameters(Strict):
    """Which part of what a crawl changed."""

    limit: int = Field(default=100, ge=1, le=500, description="Changes at most", examples=[10])
    cursor: str | None = Field(default=None, max_length=200, description="Where the page before ended")


_CrawlPath = Annotated[str, Path(description="As POST /crawls and the list give it", examples=["7f3a09c2d41b6e58"])]
_RenamePath = Annotated[str, Path(description="As the list of renames gives it", examples=["none"], max_length=200)]


def create_router(
    reader: AssetReader,
    sink: CatalogSink,
    history: CrawlHistory,
    renaming: Renaming,
    configured: Mapping[str, SourceInfo],
) -> APIRouter:
    """The routes; `configured` are the sources of this process's settings, which alone may be crawled."""
    router = APIRouter(tags=["crawls"])
    _add_decisions(router, reader, sink, history, renaming)

    @router.get("/sources", response_model=SourcesShape, operation_id="list_sources", summary="Sources that you can see")
    def sources_route(caller: Reader) -> Response:
        known = list(reader.sources(caller.scope))
        if caller.scope.is_full:
            # a URL that was mistyped, or is out of reach, is nobody's source; `GET /crawls` has the crawl that failed
            known = [summary for summary in known if summary.source.name in configured or not summary.never_reached]
            names = {summary.source.name for summary in known}
            known += [SourceSummary(info, {}, None) for name, info in configured.items() if name not in names]
        ordered = sorted(known, key=lambda summary: summary.source.name)
        return answer(SourcesShape(sources=[_source_shape(summary) for summary in ordered]))

    @router.post(
        "/crawls",
        status_code=202,
        response_model=CrawlShape,
        operation_id="start_crawl",
        summary="Crawl a configured source",
    )
    def start_route(caller: Admin, request: CrawlRequest) -> Response:
        if request.source not in configured:
            raise NotFound(f"no source {request.source!r} is configured; GET /api/v1/sources lists them")
        record = sink.request(request.source, by=caller.name)
        return answer(crawl_shape(record), status=202, headers={"Location": f"/api/v1/crawls/{record.id}"})

    @router.get("/crawls", response_model=CrawlsShape, operation_id="list_crawls", summary="Crawls, newest first")
    def list_route(caller: Reader, asked: Annotated[CrawlsParameters, Query()]) -> Response:
        records = reader.crawls(caller.scope, source=asked.source, limit=asked.limit)
        return answer(CrawlsShape(crawls=[crawl_shape(record) for record in records]))

    @router.get(
        "/crawls/{crawl_id}",
        response_model=CrawlShape,
        operation_id="get_crawl",
        summary="One crawl; as server-sent events with Accept: text/event-stream",
    )
    async def get_route(
        caller: Reader,
        crawl_id: _CrawlPath,
        request: Request,
    ) -> Response:
        record = await run_in_threadpool(reader.crawl, CrawlId(crawl_id), caller.scope, caller=caller.name)
        if "text/event-stream" not in request.headers.get("accept", ""):
            return answer(crawl_shape(record))
        return StreamingResponse(
            _watch(reader, CrawlId(crawl_id), caller, request),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


def _add_decisions(
    router: APIRouter, reader: AssetReader, sink: CatalogSink, history: CrawlHistory, renaming: Renaming
) -> None:
    """What crawls changed, and what of it waits for a person."""

    @router.get(
        "/crawls/{crawl_id}/changes",
        response_model=CrawlChangesShape,
        operation_id="list_crawl_changes",
        summary="What a crawl added, changed or no longer found",
    )
    def changes_route(caller: Reader, crawl_id: _CrawlPath, asked: Annotated[ChangesParameters, Query()]) -> Response:
        found = history.changes(CrawlId(crawl_id), caller.scope, caller=caller.name, cursor=asked.cursor, limit=asked.limit)
        return answer(changes_shape(found))

    @router.post(
        "/crawls/{crawl_id}/accept",
        response_model=CrawlShape,
        operation_id="accept_crawl",
        summary="Say yes to what a crawl holds: those tables are gone",
    )
    def accept_route(caller: Admin, crawl_id: _CrawlPath) -> Response:
        # what is held may be hidden from a narrowed administrator, who then cannot say yes to it
        reader.crawl(CrawlId(crawl_id), caller.scope, caller=caller.name)
        if not caller.scope.is_full:
            raise Forbidden("only somebody who may see everything can say that all of it is gone")
        return answer(crawl_shape(sink.accept(CrawlId(crawl_id), by=caller.name)))

    @router.get(
        "/renames",
        response_model=RenamesShape,
        operation_id="list_renames",
        summary="Tables that may have got another name, for a person to say",
    )
    def renames_route(caller: Reader) -> Response:
        return answer(RenamesShape(renames=[rename_shape(one) for one in renaming.proposals(caller.scope)]))

    @router.post(
        "/renames/{rename_id}/accept",
        status_code=204,
        operation_id="accept_rename",
        summary="Say that two names are one table",
    )
    def accept_rename_route(caller: Editor, rename_id: _RenamePath) -> Response:
        renaming.accept(rename_id, caller)
        return Response(status_code=204)

    @router.post(
        "/renames/{rename_id}/reject",
        status_code=204,
        operation_id="reject_rename",
        summary="Say that two names are two tables",
    )
    def reject_rename_route(caller: Editor, rename_id: _RenamePath) -> Response:
        renaming.reject(rename_id, caller)
        return Response(status_code=204)


async def _watch(reader: AssetReader, crawl: CrawlId, caller: Principal, request: Request) -> AsyncIterator[str]:
    """The crawl's state as events, one each time that it changed, until it ended."""
    told = ""
    for _ in range(int(MAX_WATCH_S / WATCH_S)):
        record = await run_in_threadpool(reader.crawl, crawl, caller.scope, caller=caller.name)
        body = crawl_shape(record).model_dump_json(by_alias=True)
        if body != told:
            yield f"event: {'ended' if record.state.ended else 'progress'}\ndata: {body}\n\n"
            told = body
        if record.state.ended or await request.is_disconnected():
            return
        await asyncio.sleep(WATCH_S)


def _source_shape(summary: SourceSummary) -> SourceShape:
    source = summary.source
    return SourceShape(
        name=source.name,
        namespace=source.namespace,
        platform=source.platform,
        aliases=list(source.aliases),
        database=source.database,
        into=source.into,
        counts={kind.value: count for kind, count in summary.counts.items()},
        last_crawl=crawl_shape(summary.last_crawl) if summary.last_crawl else None,
    )
