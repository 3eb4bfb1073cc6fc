"""Warehouses on real servers, crawled once and written about by a person, to be crawled again while something breaks.

Used by tests of half answers and by the benchmark of random faults.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from services.catalog.patches import CuratedPatch
from services.common.errors import NotFound
from services.common.model.assets import Asset
from services.common.model.crawls import CrawlRecord, CrawlState
from services.common.model.names import AssetId, Namespace, from_catalog
from services.common.runtime.source_settings import SourceSettings, url_namespace
from services.indexer.crawl import run_crawl
from tests.support.catalogs import Catalog, person
from tests.support.mariadb import MariaDbServer
from tests.support.proxy import Proxy
from tests.support.servers import PostgresServer

TABLES = 40
PATIENCE_S = 25.0
"""A crawl that has not ended by then never would; the servers are asked to answer within 2 s."""


@dataclass
class Warehouse:
    """A server with two containers, `one` and `two`, of 40 tables and a view each, and a role that may read about them."""

    engine: str
    server: Any
    url: str
    database: str | None
    containers: dict[str, tuple[str, ...]]
    role: str
    marker: bytes

    @property
    def namespace(self) -> Namespace:
        return url_namespace(self.url)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def url_at(self, port: int | None) -> str:
        """The source's URL, or the same by way of another port of this machine."""
        return self.url if port is None else self.url.replace(f":{self.address[1]}", f":{port}")

    def run(self, *statements: str) -> None:
        """As the administrator."""
        if self.engine == "mariadb":
            self.server.run(*statements)
            return
        with self.server.connect(self.server.url_of(self.database)) as connection:
            for statement in statements:
                connection.execute(statement)

    def named(self, container: str, table: str) -> str:
        return f"{self.containers[container][-1]}.{table}"

    def id(self, container: str, table: str) -> AssetId:
        return from_catalog(self.namespace, (*self.containers[container], table)).id

    def pids(self) -> list[int]:
        """The processes of the server, which the tests have started."""
        first: int = self.server._process.pid
        return [first, *(pid for pid, parent in _parents() if parent == first)]

    def end_sessions(self) -> None:
        """End every connection of the role, as an administrator or a failover would."""
        if self.engine == "mariadb":
            rows = self.server.run(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{self.role}'")
            assert rows
            for (session,) in rows:
                self.server.run(f"KILL {session}")
            return
        with self.server.connect() as connection:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"
            assert connection.execute(query, (self.role,)).fetchall()


def _parents() -> Iterator[tuple[int, int]]:
    """Every process of this machine, with the one that started it."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue  # it has ended
        yield int(folder.name), int(stat.rpartition(") ")[2].split()[1])


def _statements(schema: str) -> list[str]:
    create = [f"CREATE TABLE {schema}.t{at} (id int PRIMARY KEY, c_{at} varchar(20) DEFAULT 'x')" for at in range(TABLES)]
    return [*create, f"CREATE VIEW {schema}.v AS SELECT id, c_1 FROM {schema}.t1"]


def postgresql(server: PostgresServer) -> Warehouse:
    url = server.create_database("half")
    database = urlsplit(url).path[1:]
    role = f"half_{database}"
    with server.connect(url) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        for schema in ("one", "two"):
            connection.execute(f"CREATE SCHEMA {schema}")
            connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
            for statement in _statements(schema):
                connection.execute(statement)
    containers = {name: (database, name) for name in ("one", "two")}
    reader = server.url_of(database, user=role, password=role)
    return Warehouse("postgresql", server, reader, database, containers, role, b"pg_catalog.pg_attrdef")


def mariadb(server: MariaDbServer) -> Warehouse:
    role = server.create_user("half")
    containers = {}
    for name in ("one", "two"):
        database = urlsplit(server.create_database(name)).path[1:]
        server.run(*_statements(database), f"GRANT SELECT, SHOW VIEW ON {database}.* TO {role}")
        containers[name] = (database,)
    return Warehouse("mariadb", server, server.url_of(user=role), None, containers, role, b"information_schema.COLUMNS")


@dataclass
class World:
    """A warehouse that was crawled once, with a person's words on some of its tables, and what the catalog then held."""

    warehouse: Warehouse
    catalog: Catalog
    before: dict[AssetId, Asset] = field(default_factory=dict)

    def crawl(self, *, port: int | None = None, timeout_s: float = 2.0) -> CrawlRecord:
        """One crawl, directly or through a proxy on `port`; fails where it does not come to an end."""
        settings = SourceSettings(url=self.warehouse.url_at(port), namespace=self.warehouse.namespace, timeout_s=timeout_s)
        records: list[CrawlRecord] = []
        work = threading.Thread(
            target=lambda: records.append(run_crawl("wh", settings, self.catalog.sink, by="ann").record), daemon=True
        )
        work.start()
        work.join(PATIENCE_S)
        assert not work.is_alive(), "the crawl never came to an end"
        (record,) = records
        assert all("\n" not in line and line for line in record.failures)
        return record

    def proxy(self, **how: Any) -> Proxy:
        return Proxy(*self.warehouse.address, **how)

    def harmed(self, but: frozenset[AssetId] = frozenset()) -> list[str]:
        """What is no longer as it was before, of all tables `but` some."""
        now = {asset: self.held(asset) for asset in self.before.keys() - but}
        return [f"{self.before[asset].name.qualified}: {facts(held)}" for asset, held in now.items()
                if held is None or facts(held) != facts(self.before[asset])]  # fmt: skip

    def held(self, asset: AssetId) -> Asset | None:
        try:
            return self.catalog.get(asset)
        except NotFound:
            return None

    def settled(self) -> CrawlRecord:
        """A crawl that nothing disturbs."""
        record = self.crawl(timeout_s=60)
        assert (record.state, record.failures) == (CrawlState.COMPLETE, ())
        return record


def facts(asset: Asset | None) -> tuple[Any, ...]:
    if asset is None:
        return ("not found any more",)
    return (asset.gone_at, asset.description, asset.tags, asset.columns, asset.primary_key, asset.sql, asset.version)


def crawled(warehouse: Warehouse, catalog: Catalog) -> World:
    made = World(warehouse, catalog)
    assert made.settled().counts.added == 2 * (TABLES + 1)
    names = [f"t{at}" for at in range(TABLES)] + ["v"]
    for container in warehouse.containers:
        for name in names:
            asset = catalog.get(warehouse.id(container, name))
            if name in ("t0", "t7", "v"):
                words = CuratedPatch({"description": f"{name} by hand", "tags": ["kept"]})
                asset = catalog.curator.patch(asset.id, words, person(), if_match=asset.revision)
            made.before[asset.id] = asset
    return made
