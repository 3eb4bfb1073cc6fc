"""Catalogs to test: an empty, migrated store on SQLite or PostgreSQL with its journeys, and short ways to crawl into it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from services.catalog.assets import AssetReader
from services.catalog.curation import Curator
from services.catalog.feed import CatalogFeed
from services.catalog.sink import CatalogSink
from services.catalog.store import tables
from services.catalog.store.line import LINE
from services.common.model.access import FULL_SCOPE, AccessScope, Principal, Role
from services.common.model.assets import Asset, Column, Container, Found
from services.common.model.crawls import CrawlBatch, CrawlRecord, CrawlState, SourceInfo
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current

NAMESPACE = Namespace("postgres://db1:5432")
SHOP = Container(NAMESPACE, ("shop", "public"))
WAREHOUSE = SourceInfo("wh", NAMESPACE, "postgres", hold_share=1.0)
"""A source whose tables may all go at once, so that tests of two or three tables are not about the hold."""
DATABASES = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.server)]
_migrated: dict[str, Any] = {}


class Clock:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = dt.datetime(2031, 5, 1, 12, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        self.now += dt.timedelta(seconds=1)
        return self.now


@dataclass
class Catalog:
    """A catalog's journeys over one database and one clock."""

    database: Database
    clock: Clock

    def __post_init__(self) -> None:
        self.sink = CatalogSink(self.database, clock=self.clock)
        self.feed = CatalogFeed(self.database)
        self.curator = Curator(self.database, clock=self.clock)
        self.reader = AssetReader(self.database)

    def crawl(
        self, *found: Found, source: SourceInfo = WAREHOUSE, container: Container = SHOP, complete: bool = True
    ) -> CrawlRecord:
        """A whole crawl of one container in one batch."""
        crawl = self.sink.open(source, by="local").id
        failure = None if complete else "permission denied"
        self.sink.put(crawl, CrawlBatch(container, found, last=True, complete=complete, failure=failure))
        return self.sink.close(crawl, CrawlState.COMPLETE if complete else CrawlState.PARTIAL, ())

    def get(self, asset: AssetId, scope: AccessScope = FULL_SCOPE) -> Asset:
        return self.reader.get(asset, scope)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        """Everything in one of the store's tables."""
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


def opened(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Catalog]:
    """An empty catalog; migrated once a session, then copied (SQLite) or emptied (PostgreSQL)."""
    database = _sqlite(folder) if kind == "sqlite" else _postgresql(request)
    yield Catalog(database, Clock())
    database.close()


def _sqlite(folder: Path) -> Database:
    template = _migrated.get("sqlite")
    file = folder / "catalog.db"
    if template is None:
        database = Database(f"sqlite:///{file}", schema="catalog")
        ensure_current(database, LINE)
        _migrated["sqlite"] = file.read_bytes()
        return database
    file.write_bytes(template)
    return Database(f"sqlite:///{file}", schema="catalog")


def _postgresql(request: pytest.FixtureRequest) -> Database:
    server = request.getfixturevalue("postgres_server")
    url = _migrated.get(server.url)
    if url is None:
        url = _migrated[server.url] = server.create_database("catalog")
        database = Database(url, schema="catalog", pool_size=4)
        ensure_current(database, LINE)
        return database
    database = Database(url, schema="catalog", pool_size=4)
    with database.write() as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(table.delete())
        connection.execute(insert(tables.feed_head), {"id": 1, "seq": 0})
    return database


def table(name: str, *columns: str | Column, parts: tuple[str, ...] = ("shop", "public"), **more: Any) -> Found:
    """A found table with text columns of these names."""
    made = tuple(column if isinstance(column, Column) else Column(column, "text") for column in columns)
    return Found(DatasetName(NAMESPACE, (*parts, name)), columns=made, **more)


def id_of(name: str, *, parts: tuple[str, ...] = ("shop", "public")) -> AssetId:
    return DatasetName(NAMESPACE, (*parts, name)).id


def person(name: str = "ann", scope: AccessScope = FULL_SCOPE) -> Principal:
    return Principal(name, Role.EDITOR, scope)
