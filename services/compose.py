"""Where the three services become processes, wired by role: in one, or apart with the ports' HTTP adapters.

`workspace` has everything in one process, for commands and role `all`; no other module than these two imports all services.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool

from services import __version__
from services.catalog.access import Access, check_exposure, is_loopback
from services.catalog.app import create_app
from services.catalog.app_parts import CatalogParts
from services.catalog.client import HttpFeed, HttpSink
from services.catalog.event_datasets import EventDatasets
from services.catalog.gate import Gate
from services.common.errors import HeadwaterError, WrongSettings
from services.common.model.changes import Seq
from services.common.ports import LineageEvents, LineageService, Recommendations, Search
from services.common.runtime.http import create_service_app, probes
from services.common.runtime.service_client import ServiceClient
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import source_info
from services.indexer import app as indexer_app
from services.indexer.client import HttpSearch
from services.indexer.service import Indexer
from services.indexer.store.line import LINE as INDEXER_LINE
from services.indexer.usage import app as usage_app
from services.indexer.usage.client import HttpRecommendations
from services.lineage import app as lineage_app
from services.lineage.client import HttpLineage
from services.lineage.events import app as events_app
from services.lineage.events.client import HttpEvents
from services.lineage.statements import app as statements_app
from services.lineage.statements.client import HttpStatements
from services.lineage.store.line import LINE as LINEAGE_LINE
from services.workspace import LINES, Workspace, make_indexer, make_lineage, open_database, upgrade_all

__all__ = [
    "INTERNAL_BODY_BYTES",
    "LINES",
    "Workspace",
    "create_all",
    "create_catalog",
    "create_indexer",
    "create_lineage",
    "make_indexer",
    "make_lineage",
    "open_database",
    "upgrade_all",
]

INTERNAL_BODY_BYTES = 256_000_000
"""As the catalog's: a batch of 500 wide tables."""
OPEN_S = 20.0
"""So long a worker beside others waits for its index before it answers: opening one of 100,000 tables takes about as long."""


def create_all(settings: Settings, server: str | None = None) -> FastAPI:
    """Role `all`: one process, or one of several workers of a `server`, with in-process ports.

    Raises:
        Conflict: another server serves this home.

    """
    check_exposure(settings.host, settings.tokens)
    space = Workspace(settings, role="serve", server=server)
    try:
        _claim_home(space.indexer, server)
    except HeadwaterError:
        space.close()
        raise
    started: list[Seq] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        started.append(await run_in_threadpool(space.feed.head))
        space.indexer.start(space.lineage.statements)
        space.lineage.start(space.indexer.lease.leads)
        if server is not None:
            await run_in_threadpool(_opened, space.indexer)
        try:
            yield
        finally:
            await run_in_threadpool(space.close)

    indexer, lineage = space.indexer, space.lineage
    ports = indexer.retriever, indexer.usage, lineage.walker, lineage.events
    return _catalog_app(settings, space, *ports, started, lifespan)


def create_catalog(settings: Settings, _server: str | None = None) -> FastAPI:
    """Role `catalog`: the public face, with the indexer and the lineage service reached over HTTP."""
    check_exposure(settings.host, settings.tokens)
    key = _key(settings)
    space = Workspace(settings, role="serve")
    started: list[Seq] = []
    index_client = ServiceClient("indexer", settings.indexer_url, key)
    lineage_client = ServiceClient("lineage", settings.lineage_url, key)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        started.append(await run_in_threadpool(space.feed.head))
        try:
            yield
        finally:
            index_client.close()
            lineage_client.close()
            await run_in_threadpool(space.close)

    asked = HttpSearch(index_client), HttpRecommendations(index_client)
    ports = *asked, HttpLineage(lineage_client), HttpEvents(lineage_client)
    return _catalog_app(settings, space, *ports, started, lifespan)


def create_indexer(settings: Settings, server: str | None = None) -> FastAPI:
    """Role `indexer`: the index and the crawls, with the catalog reached over HTTP; or one of several workers of a `server`.

    Raises:
        Conflict: another server serves this home.

    """
    key = _key(settings)
    client = ServiceClient("catalog", settings.catalog_url, key)
    lineage_client = ServiceClient("lineage", settings.lineage_url, key)
    database = open_database(settings, INDEXER_LINE)
    database.stay_open()
    indexer = make_indexer(settings, database, HttpFeed(client), HttpSink(client), role="serve", server=server)
    try:
        _claim_home(indexer, server)
    except HeadwaterError:
        client.close()
        lineage_client.close()
        database.close()
        raise

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        indexer.start(HttpStatements(lineage_client))
        if server is not None:
            await run_in_threadpool(_opened, indexer)
        try:
            yield
        finally:
            await run_in_threadpool(indexer.close)
            client.close()
            lineage_client.close()
            database.close()

    routers = indexer_app.create_router(indexer.retriever), usage_app.create_router(indexer.usage)
    return _internal_app("Headwater indexer", settings, lifespan, lambda: indexer.ready, *routers)


def create_lineage(settings: Settings, _server: str | None = None) -> FastAPI:
    """Role `lineage`: the graph, with the catalog reached over HTTP."""
    key = _key(settings)
    client = ServiceClient("catalog", settings.catalog_url, key)
    database = open_database(settings, LINEAGE_LINE)
    database.stay_open()
    lineage = make_lineage(settings, database, HttpFeed(client), settings.namespaces)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        lineage.start()
        try:
            yield
        finally:
            await run_in_threadpool(lineage.close)
            client.close()
            database.close()

    return _internal_app(
        "Headwater lineage",
        settings,
        lifespan,
        lambda: True,
        lineage_app.create_router(lineage.walker),
        statements_app.create_router(lineage.statements),
        events_app.create_router(lineage.events),
    )


def _catalog_app(
    settings: Settings,
    space: Workspace,
    search: Search,
    related: Recommendations,
    lineage: LineageService,
    events: LineageEvents,
    started: list[Seq],
    lifespan: Callable[[], AbstractAsyncContextManager[None]],
) -> FastAPI:
    return create_app(
        CatalogParts(
            access=Access(settings.tokens),
            reader=space.reader,
            curator=space.curator,
            sink=space.sink,
            history=space.crawl_history,
            renaming=space.renaming,
            log=space.feedback,
            searches=space.search_history,
            feed=space.feed,
            vocabulary=space.vocabulary,
            search=search,
            related=related,
            lineage=lineage,
            events=events,
            told=EventDatasets(events, space.catalog_database, space.namespaces),
            min_people=settings.usage.min_people,
            opaque=settings.lineage.hidden == "opaque",
            started_at=lambda: started[0] if started else None,
            configured={name: source_info(name, source) for name, source in settings.sources.items()},
            lifespan=lifespan,
            # a name that was rebound to loopback must not reach us; elsewhere tokens protect, and proxies rename
            hosts=settings.allowed_hosts if is_loopback(settings.host) else None,
            cors_origins=settings.cors_origins,
            internal_key=settings.internal_key,
            max_body_bytes=settings.max_body_bytes,
        )
    )


def _internal_app(
    title: str,
    settings: Settings,
    lifespan: Callable[[], AbstractAsyncContextManager[None]],
    ready: Callable[[], bool],
    *routers: APIRouter,
) -> FastAPI:
    """A service apart: its internal routes behind the key, and probes."""

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        async with lifespan():
            yield

    app = create_service_app(
        title,
        __version__,
        max_body_bytes=INTERNAL_BODY_BYTES,
        lifespan=life,
        openapi_url=None,
    )
    for router in routers:
        app.include_router(router)

    app.include_router(probes(ready))
    app.add_middleware(Gate, access=Access({}), hosts=None, internal_key=settings.internal_key)
    return app


def _key(settings: Settings) -> str:
    if settings.internal_key is None:
        raise WrongSettings(
            "services apart share a key: set HEADWATER_INTERNAL_KEY to the same 16 or more characters in each"
        )
    return settings.internal_key


def _opened(indexer: Indexer) -> None:
    """Wait until a worker is ready: the others answer meanwhile. One that has much to read begins to answer without."""
    until = time.monotonic() + OPEN_S
    while not indexer.ready and time.monotonic() < until:
        time.sleep(0.02)


def _claim_home(indexer: Indexer, server: str | None) -> None:
    """Take the home's lease, or refuse a home that another server serves; of several workers one gets what their server has
    taken, and nobody is refused.
    """
    if server is None:
        indexer.lease.claim()
    else:
        indexer.lease.acquire()
