"""The catalog's application: the public API behind its gate, given ports and journeys by `compose`.

Every journey that a person sees begins and ends here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from fastapi import APIRouter, Depends, FastAPI, params
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from services import __version__
from services.catalog import api_pages, internal, pages
from services.catalog.access import Access
from services.catalog.api import (
    assets,
    crawls,
    events,
    feedback,
    health,
    history,
    impact,
    lineage,
    marquez,
    related,
    search,
    vocabulary,
)
from services.catalog.api.caller import by_id
from services.catalog.api.health import Measured, Metrics, Readiness
from services.catalog.api.schemas import ProblemShape
from services.catalog.assets import AssetReader
from services.catalog.crawl_history import CrawlHistory
from services.catalog.curation import Curator
from services.catalog.event_datasets import EventDatasets
from services.catalog.feedback import FeedbackLog
from services.catalog.gate import Gate
from services.catalog.marquez import Marquez
from services.catalog.renaming import Renaming
from services.catalog.search_history import SearchHistory
from services.catalog.sink import CatalogSink
from services.catalog.vocabulary import Vocabulary
from services.common.model.changes import Seq
from services.common.model.crawls import SourceInfo
from services.common.ports import ChangeFeed, LineageEvents, LineageService, Recommendations, Search
from services.common.runtime.http import create_service_app

API = "/api/v1"
MAX_INTERNAL_BODY_BYTES = 256_000_000
"""A batch of 500 tables of 2,000 columns with long comments, as services apart send it."""
EVENTS_BODY_TIMES = 4
"""A batch of events, and what a compressed one unpacks to, may be so many times as long as another body: 16 MB by default."""
_PROBLEMS = {
    status: {"model": ProblemShape, "content": {"application/problem+json": {}}, "description": description}
    for status, description in {
        308: "The asset has another name, and with it another id: see Location",
        401: "No token, or one that nobody issued",
        403: "The role may not do this",
        404: "It does not exist, or you may not see it",
        409: "Something else is in the way",
        412: "It was changed in the meantime",
        413: "The body is too large",
        421: "The Host header names another machine",
        422: "The request cannot be understood",
        428: "The write must say what it changes",
        429: "Too much in a short time; try again later",
        503: "A service or the database does not answer; try again",
    }.items()
}


@dataclass(frozen=True)
class CatalogParts:
    """What the application is made of.

    Attributes:
        events: takes lineage events in; None where nothing is written, as over a bundle.
        told: follows what events say of datasets.
        lifespan: starts and stops what runs beside it, such as the index worker in role `all`.
        configured: the sources of this process's settings by name.
        min_people: what fewer people did is not told of a question.
        opaque: whether marks stand for hidden assets in walks of lineage.
        hosts: Host headers accepted besides loopback's own; None accepts any.
        internal_key: opens the internal routes to services apart.
        about: what probes tell beside their state.

    """

    access: Access
    reader: AssetReader
    curator: Curator
    sink: CatalogSink
    history: CrawlHistory
    renaming: Renaming
    log: FeedbackLog
    searches: SearchHistory
    feed: ChangeFeed
    vocabulary: Vocabulary
    search: Search
    related: Recommendations
    lineage: LineageService
    started_at: Callable[[], Seq | None]
    events: LineageEvents | None = None
    told: EventDatasets | None = None
    configured: Mapping[str, SourceInfo] = field(default_factory=dict)
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None
    min_people: int = 1
    opaque: bool = False
    hosts: tuple[str, ...] | None = ()
    cors_origins: tuple[str, ...] = ()
    internal_key: str | None = None
    max_body_bytes: int = 4_000_000
    about: Callable[[], Mapping[str, object]] = dict


def create_app(parts: CatalogParts) -> FastAPI:
    """The application. Nothing is opened before its lifespan begins."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if parts.lifespan is None:
            yield
            return
        async with parts.lifespan():
            parts.log.start()
            if parts.told is not None:
                parts.told.start()
            try:
                yield
            finally:
                if parts.told is not None:
                    await run_in_threadpool(parts.told.close)
                await run_in_threadpool(parts.log.close)

    app = create_service_app(
        "Headwater",
        __version__,
        max_body_bytes=MAX_INTERNAL_BODY_BYTES if parts.internal_key else parts.max_body_bytes * EVENTS_BODY_TIMES,
        lifespan=lifespan,
        description="A metadata catalog in one small service: find, understand, trust and safely change data together.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    metrics = Metrics()
    readiness = Readiness(parts.search, parts.feed, parts.started_at, parts.about)
    public = APIRouter(prefix=API, responses=_PROBLEMS)  # type: ignore[arg-type]  # its keys are int | str
    limit = parts.max_body_bytes
    asked = search.create_router(parts.search, parts.reader, parts.vocabulary, parts.log, parts.events)
    public.include_router(asked, max_body_size=limit)
    public.include_router(vocabulary.create_router(parts.vocabulary, parts.search), max_body_size=limit)
    public.include_router(feedback.create_router(parts.log, parts.searches), max_body_size=limit)
    one_asset = [Depends(by_id(parts.reader, parts.search))]
    public.include_router(
        assets.create_router(parts.reader, parts.curator, parts.lineage, parts.related),
        max_body_size=limit,
        dependencies=one_asset,
    )
    public.include_router(history.create_router(parts.reader), max_body_size=limit, dependencies=one_asset)
    _include_lineage(public, parts, one_asset)
    if parts.events is not None and parts.told is not None:
        sent = events.create_router(parts.events, parts.told.poke, limit * EVENTS_BODY_TIMES)
        public.include_router(sent, max_body_size=limit * EVENTS_BODY_TIMES)
    together = related.create_router(parts.related, parts.reader, parts.search, parts.log, least=parts.min_people)
    public.include_router(together, max_body_size=limit, dependencies=one_asset)
    crawled = crawls.create_router(parts.reader, parts.sink, parts.history, parts.renaming, parts.configured)
    public.include_router(crawled, max_body_size=limit)
    app.include_router(public)
    if parts.events is not None and parts.told is not None:
        _speak_marquez(app, Marquez(parts.reader, parts.events, parts.lineage, parts.told.namespaces), parts.search)
    app.include_router(health.create_router(readiness, metrics))
    app.include_router(pages.create_router(), include_in_schema=False)
    app.include_router(api_pages.create_router(), include_in_schema=False)
    if parts.internal_key is not None:
        app.include_router(internal.create_router(parts.sink, parts.feed), include_in_schema=False)
    _guard(app, parts, metrics)
    return app


def _speak_marquez(app: FastAPI, asked: Marquez, searched: Search) -> None:
    """Marquez' read API at its own place, and behind our routes."""
    for prefix in (API, f"/marquez{API}"):
        app.include_router(marquez.create_router(asked), prefix=prefix, include_in_schema=False)
    app.include_router(marquez.create_search(asked, searched), prefix=f"/marquez{API}", include_in_schema=False)


def _guard(app: FastAPI, parts: CatalogParts, metrics: Metrics) -> None:
    """The layers in front of the routes."""
    # the last one added is the outermost: requests get their id first, then the gate, then CORS and measuring
    app.add_middleware(Measured, metrics=metrics)
    app.add_middleware(
        Gate,
        access=parts.access,
        hosts=parts.hosts,
        internal_key=parts.internal_key,
        open_paths=pages.OPEN_PATHS,
        origins=parts.cors_origins,
    )
    if parts.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(parts.cors_origins),
            allow_methods=["GET", "POST", "PATCH", "PUT"],
            allow_headers=["Authorization", "Content-Type", "If-Match"],
            expose_headers=["ETag", "X-Request-ID"],
        )


def _include_lineage(public: APIRouter, parts: CatalogParts, one_asset: list[params.Depends]) -> None:
    limit = parts.max_body_bytes
    walks = lineage.create_router(parts.lineage, parts.reader, opaque=parts.opaque)
    public.include_router(walks, max_body_size=limit, dependencies=one_asset)
    affected = impact.create_router(parts.lineage, parts.reader)
    public.include_router(affected, max_body_size=limit, dependencies=one_asset)
    public.include_router(impact.create_lineage_router(parts.lineage, parts.reader, parts.search), max_body_size=limit)
