"""Where the three services meet: the only module that imports them all, and wires them by role.

`Workspace` is everything in one process, for commands and role `all`; the other roles get the ports' HTTP adapters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool

from services import __version__
from services.catalog.access import Access, check_exposure, is_loopback
from services.catalog.app import CatalogParts, create_app
from services.catalog.assets import AssetReader
from services.catalog.client import HttpFeed, HttpSink
from services.catalog.crawl_history import CrawlHistory
from services.catalog.curation import Curator
from services.catalog.feed import CatalogFeed
from services.catalog.feedback import FeedbackLog, log_of
from services.catalog.gate import Gate
from services.catalog.preview import PreviewSink
from services.catalog.renaming import Renaming
from services.catalog.search_history import SearchHistory
from services.catalog.sink import CatalogSink
from services.catalog.store.line import LINE as CATALOG_LINE
from services.catalog.vocabulary import Vocabulary
from services.common.errors import Conflict, HeadwaterError, WrongSettings
from services.common.model.access import FULL_SCOPE
from services.common.model.changes import Seq
from services.common.model.names import Namespaces
from services.common.ports import AssetSink, ChangeFeed, LineageQuery, Search
from services.common.runtime.db import Database
from services.common.runtime.http import ServiceClient, create_service_app, probes
from services.common.runtime.migrations import MigrationLine, ensure_current, upgrade
from services.common.runtime.pseudonyms import home_key
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import source_info
from services.indexer import app as indexer_app
from services.indexer.client import HttpSearch
from services.indexer.service import Indexer, IndexerSettings
from services.indexer.store.line import LINE as INDEXER_LINE
from services.lineage import app as lineage_app
from services.lineage.client import HttpLineage
from services.lineage.service import Lineage
from services.lineage.statements import app as statements_app
from services.lineage.store.line import LINE as LINEAGE_LINE

LINES: tuple[MigrationLine, ...] = (CATALOG_LINE, INDEXER_LINE, LINEAGE_LINE)
"""The services' migrations, in the order in which `headwater db upgrade` runs them."""
INTERNAL_BODY_BYTES = 256_000_000
"""As the catalog's: a batch of 500 wide tables."""


class Workspace:
    """The services of one home in one process; each part is made when first used.

    Args:
        settings: whose home.
        role: `serve` or `crawl`, told to those who find the index lease taken.

    """

    def __init__(self, settings: Settings, *, role: str = "crawl") -> None:
        self.settings = settings
        self._role = role
        self._opened: list[Database] = []

    @cached_property
    def catalog_database(self) -> Database:
        """The catalog's database, created where it is absent."""
        return self._database(CATALOG_LINE)

    @cached_property
    def sink(self) -> CatalogSink:
        """Where crawls go."""
        return CatalogSink(self.catalog_database)

    def preview(self) -> PreviewSink:
        """A place for one crawl that writes nothing, not even an empty catalog where there is none yet."""
        return PreviewSink(None if self.is_new else self.catalog_database)

    @property
    def is_new(self) -> bool:
        """Whether there is no catalog yet; looking at one would make it."""
        settings = self.settings
        return settings.database_url is None and not (settings.home / f"{CATALOG_LINE.service}.db").exists()

    @cached_property
    def feed(self) -> CatalogFeed:
        """What changed."""
        return CatalogFeed(self.catalog_database)

    @cached_property
    def reader(self) -> AssetReader:
        """What may be read."""
        return AssetReader(self.catalog_database)

    @cached_property
    def curator(self) -> Curator:
        """What people say."""
        return Curator(self.catalog_database)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What people decided about words."""
        return Vocabulary(self.catalog_database, self.reader)

    @cached_property
    def crawl_history(self) -> CrawlHistory:
        """What crawls did."""
        return CrawlHistory(self.catalog_database, self.reader)

    @cached_property
    def renaming(self) -> Renaming:
        """Renames for a person to decide."""
        return Renaming(self.catalog_database)

    @cached_property
    def feedback(self) -> FeedbackLog:
        """What people do with answers."""
        return log_of(self.settings, self.catalog_database, self.reader)

    @cached_property
    def search_history(self) -> SearchHistory:
        """What that tells."""
        return SearchHistory(self.catalog_database)

    @cached_property
    def indexer(self) -> Indexer:
        """The index of this home, not opened yet."""
        return make_indexer(self.settings, self._database(INDEXER_LINE), self.feed, self.sink, role=self._role)

    @cached_property
    def lineage(self) -> Lineage:
        """The lineage of this home."""
        return make_lineage(self.settings, self._database(LINEAGE_LINE), self.feed, self.namespaces)

    def namespaces(self) -> Namespaces:
        """The namespaces of the settings' sources and of those that the catalog has seen, which win no alias over them."""
        configured = self.settings.namespaces()
        if self.is_new:
            return configured
        aliases = dict(configured.aliases)
        owners = dict(configured.sources)
        databases = {namespace: dict(known) for namespace, known in configured.databases.items()}
        for summary in self.reader.sources(FULL_SCOPE):
            source = summary.source
            if source.database is not None:
                databases.setdefault(source.namespace, {}).setdefault(source.database, source.name)
            elif source.into is None:
                owners.setdefault(source.namespace, source.name)
            for alias in source.aliases:
                aliases.setdefault(alias, source.namespace)
        return Namespaces(aliases=aliases, sources=owners, databases=databases)

    def close(self) -> None:
        """Close what was opened."""
        if "indexer" in self.__dict__:
            self.indexer.close()
        if "lineage" in self.__dict__:
            self.lineage.close()
        for database in self._opened:
            database.close()

    def _database(self, line: MigrationLine) -> Database:
        database = open_database(self.settings, line)
        self._opened.append(database)
        return database


def open_database(settings: Settings, line: MigrationLine) -> Database:
    """A service's database, created where it is absent.

    Raises:
        StoreOutdated: it is at another revision.
        ServiceUnavailable: it does not answer.

    """
    database = Database.for_service(line.service, home=settings.home, database_url=settings.database_url)
    ensure_current(database, line)
    return database


def upgrade_all(settings: Settings) -> dict[str, str]:
    """Bring all three databases to this version's revision; returns it by service."""
    done = {}
    for line in LINES:
        database = Database.for_service(line.service, home=settings.home, database_url=settings.database_url)
        try:
            done[line.service] = upgrade(database, line)
        finally:
            database.close()
    return done


def make_indexer(settings: Settings, database: Database, feed: ChangeFeed, sink: AssetSink, *, role: str) -> Indexer:
    """An indexer over the catalog's ports, in this process or apart."""
    wanted = IndexerSettings(settings.home, settings.model, settings.n_threads, settings.sources)
    return Indexer(wanted, database, feed, sink, role=role)


def make_lineage(settings: Settings, database: Database, feed: ChangeFeed, namespaces: Callable[[], Namespaces]) -> Lineage:
    """A lineage service over the catalog's feed, in this process or apart."""
    return Lineage(database, feed, namespaces, key=lambda: home_key(settings.home))


def create_all(settings: Settings) -> FastAPI:
    """Role `all`: one process, in-process ports.

    Raises:
        Conflict: another server serves this home.

    """
    check_exposure(settings.host, settings.tokens)
    space = Workspace(settings, role="serve")
    try:
        _claim_home(space.indexer)
    except HeadwaterError:
        space.close()
        raise
    started: list[Seq] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        started.append(await run_in_threadpool(space.feed.head))
        space.indexer.start()
        space.lineage.start()
        try:
            yield
        finally:
            await run_in_threadpool(space.close)

    return _catalog_app(settings, space, space.indexer.retriever, space.lineage.walker, started, lifespan)


def create_catalog(settings: Settings) -> FastAPI:
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

    return _catalog_app(settings, space, HttpSearch(index_client), HttpLineage(lineage_client), started, lifespan)


def create_indexer(settings: Settings) -> FastAPI:
    """Role `indexer`: the index and the crawls, with the catalog reached over HTTP.

    Raises:
        Conflict: another server serves this home.

    """
    key = _key(settings)
    client = ServiceClient("catalog", settings.catalog_url, key)
    database = open_database(settings, INDEXER_LINE)
    indexer = make_indexer(settings, database, HttpFeed(client), HttpSink(client), role="serve")
    try:
        _claim_home(indexer)
    except HeadwaterError:
        client.close()
        database.close()
        raise

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        indexer.start()
        try:
            yield
        finally:
            await run_in_threadpool(indexer.close)
            client.close()
            database.close()

    router = indexer_app.create_router(indexer.retriever)
    return _internal_app("Headwater indexer", settings, lifespan, lambda: indexer.ready, router)


def create_lineage(settings: Settings) -> FastAPI:
    """Role `lineage`: the graph, with the catalog reached over HTTP."""
    key = _key(settings)
    client = ServiceClient("catalog", settings.catalog_url, key)
    database = open_database(settings, LINEAGE_LINE)
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

    routers = lineage_app.create_router(lineage.walker), statements_app.create_router(lineage.statements)
    return _internal_app("Headwater lineage", settings, lifespan, lambda: True, *routers)


def _catalog_app(
    settings: Settings,
    space: Workspace,
    search: Search,
    lineage: LineageQuery,
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
            lineage=lineage,
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
        docs_url=None,
        redoc_url=None,
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


def _claim_home(indexer: Indexer) -> None:
    """Refuse a home that another server serves; a crawl that indexes for itself is waited for."""
    state = indexer.lease.state()
    if state.alive and state.role == "serve":
        raise Conflict("another `headwater serve` serves this home; stop it, or set HEADWATER_HOME to another folder")
