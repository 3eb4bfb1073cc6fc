"""Half an answer of a real server puts nothing false into the catalog: cut, stalled, halted, killed, revoked, altered."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.catalog.patches import CuratedPatch
from services.common.errors import NotFound
from services.common.model.assets import Asset
from services.common.model.crawls import CrawlRecord, CrawlState
from services.common.model.names import AssetId, Namespace, canonical_namespace, from_catalog
from services.common.runtime.source_settings import SourceSettings
from services.indexer.crawl import run_crawl
from tests.support.catalogs import Catalog, opened, person
from tests.support.mariadb import MariaDbServer
from tests.support.proxy import Before, Break, Proxy
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.server
TABLES = 40
PATIENCE_S = 25.0
"""A crawl that has not ended by then never would; the servers are asked to answer within 2 s."""
ENGINES = ("postgresql", "mariadb")


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
        return canonical_namespace(self.url)

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


def _postgresql(server: PostgresServer) -> Warehouse:
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


def _mariadb(server: MariaDbServer) -> Warehouse:
    role = server.create_user("half")
    containers = {}
    for name in ("one", "two"):
        database = urlsplit(server.create_database(name)).path[1:]
        server.run(*_statements(database), f"GRANT SELECT, SHOW VIEW ON {database}.* TO {role}")
        containers[name] = (database,)
    return Warehouse("mariadb", server, server.url_of(user=role), None, containers, role, b"information_schema.COLUMNS")


@pytest.fixture(params=ENGINES)
def warehouse(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    if request.param == "mariadb":
        yield _mariadb(request.getfixturevalue("mariadb_server"))
        return
    made = _postgresql(request.getfixturevalue("postgres_server"))
    yield made
    made.run(f"DROP OWNED BY {made.role}", f"DROP ROLE {made.role}")


@dataclass
class World:
    """A warehouse that was crawled once, with a person's words on some of its tables, and what the catalog then held."""

    warehouse: Warehouse
    catalog: Catalog
    before: dict[AssetId, Asset] = field(default_factory=dict)

    def crawl(self, *, port: int | None = None, timeout_s: float = 2.0) -> CrawlRecord:
        """One crawl, directly or through a proxy on `port`; fails where it does not come to an end."""
        parts = urlsplit(self.warehouse.url)
        url = self.warehouse.url if port is None else self.warehouse.url.replace(f":{parts.port}", f":{port}")
        settings = SourceSettings(url=url, namespace=self.warehouse.namespace, timeout_s=timeout_s)
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
        parts = urlsplit(self.warehouse.url)
        return Proxy(parts.hostname or "", parts.port or 0, **how)

    def harmed(self, but: frozenset[AssetId] = frozenset()) -> list[str]:
        """What is no longer as it was before, of all tables `but` some."""
        now = {asset: self.held(asset) for asset in self.before.keys() - but}
        return [f"{self.before[asset].name.qualified}: {_facts(held)}" for asset, held in now.items()
                if held is None or _facts(held) != _facts(self.before[asset])]  # fmt: skip

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


def _facts(asset: Asset | None) -> tuple[Any, ...]:
    if asset is None:
        return ("not found any more",)
    return (asset.gone_at, asset.description, asset.tags, asset.columns, asset.primary_key, asset.sql, asset.version)


@pytest.fixture
def world(warehouse: Warehouse, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with contextmanager(opened)("sqlite", request, tmp_path) as catalog:
        yield crawled(warehouse, catalog)


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


def _ended_badly(record: CrawlRecord) -> bool:
    return record.state in (CrawlState.PARTIAL, CrawlState.FAILED) and bool(record.failures)


@pytest.mark.parametrize("kind", [Break.CUT, Break.RESET])
def test_a_connection_cut_at_any_byte_harms_nothing(world: World, kind: Break) -> None:
    """Thirty places over the whole answer, drawn by a seed: a report each, and the same catalog as before."""
    with world.proxy() as whole:
        assert world.crawl(port=whole.port).state is CrawlState.COMPLETE
    draw = random.Random(f"{world.warehouse.engine}{kind}")
    places = [*sorted(draw.sample(range(whole.answered - 1), 28)), 0, whole.answered - 1]
    wrong = []
    for place in places:
        with world.proxy(kind=kind, after=place) as proxy:
            record = world.crawl(port=proxy.port)
        if not _ended_badly(record) or record.counts.gone or world.harmed():
            wrong.append(f"cut at byte {place} of {whole.answered}: {record}, {world.harmed()}")
    assert not wrong, "\n".join(wrong)
    counts = world.settled().counts
    assert (counts.added, counts.changed, counts.gone, counts.found) == (0, 0, 0, 2 * (TABLES + 1))


@pytest.mark.parametrize(
    ("kind", "share"),
    [(Break.STALL, 0.0), (Break.STALL, 0.02), (Break.STALL, 0.5), (Break.STALL, 0.95), (Break.TRICKLE, 0.5)],
)
def test_a_server_that_stops_in_the_middle_is_given_up(world: World, kind: Break, share: float) -> None:
    """After `timeout_s`, whether nothing comes any more or too little: a report, and the same catalog as before."""
    with world.proxy() as whole:
        world.crawl(port=whole.port)
    with world.proxy(kind=kind, after=int(whole.answered * share)) as proxy:
        record = world.crawl(port=proxy.port, timeout_s=1)
    assert _ended_badly(record)
    assert not world.harmed()
    assert world.settled().counts.changed == 0


def test_a_halted_server_is_given_up_and_read_again_later(world: World) -> None:
    """SIGSTOP to all its processes in the middle of the crawl; after SIGCONT the next crawl is complete."""
    if world.warehouse.server._process is None:
        pytest.skip("a server that is not our own may not be halted")
    stopped: list[int] = []

    def halt() -> None:
        for pid in world.warehouse.pids():
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)

    try:
        with world.proxy(before=Before(world.warehouse.marker, halt)) as proxy:
            record = world.crawl(port=proxy.port, timeout_s=1)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert stopped
    assert _ended_badly(record)
    assert not world.harmed()
    assert world.settled().counts.gone == 0


def test_a_session_that_the_administrator_ends_harms_nothing(world: World) -> None:
    """pg_terminate_backend or KILL between two statements of the crawl."""
    with world.proxy(before=Before(world.warehouse.marker, world.warehouse.end_sessions)) as proxy:
        record = world.crawl(port=proxy.port)
    assert _ended_badly(record)
    assert not world.harmed()
    assert world.settled().counts.changed == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_server_harms_nothing(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """In the middle of a crawl, and at the next one, when nobody listens any more."""
    kind: Any = MariaDbServer if engine == "mariadb" else PostgresServer
    reason = kind.missing()
    if reason is not None:
        pytest.skip(reason)
    with kind.start() as server, contextmanager(opened)("sqlite", request, tmp_path) as catalog:
        if server._process is None:
            pytest.skip("a server that is not our own may not be killed")
        made = crawled((_mariadb if engine == "mariadb" else _postgresql)(server), catalog)

        def kill() -> None:
            for pid in made.warehouse.pids():
                os.kill(pid, signal.SIGKILL)
            server._process.wait(10)

        with made.proxy(before=Before(made.warehouse.marker, kill)) as proxy:
            record = made.crawl(port=proxy.port)
        assert _ended_badly(record)
        assert not made.harmed()
        again = made.crawl()
        assert (again.state, len(again.failures)) == (CrawlState.FAILED, 1)
        assert not made.harmed()


def _revoke(warehouse: Warehouse) -> str:
    if warehouse.engine == "mariadb":
        return f"REVOKE SELECT, SHOW VIEW ON {warehouse.containers['two'][0]}.* FROM {warehouse.role}"
    return f"REVOKE USAGE ON SCHEMA two FROM {warehouse.role}"


@pytest.mark.parametrize("when", ["between two crawls", "during a crawl"])
def test_a_permission_lost_on_one_container_is_not_a_drop(world: World, when: str) -> None:
    """Its tables stay, with a person's words; the other container is read as ever, and the report tells of the lost one."""
    revoke = _revoke(world.warehouse)
    if when == "during a crawl":
        with world.proxy(before=Before(world.warehouse.marker, lambda: world.warehouse.run(revoke))) as proxy:
            world.crawl(port=proxy.port)
    else:
        world.warehouse.run(revoke)
    assert not world.harmed()
    record = world.crawl(timeout_s=60)
    assert (record.counts.gone, record.counts.unseen, record.counts.unchanged) == (0, TABLES + 1, TABLES + 1)
    assert not world.harmed()
    grant = revoke.replace("REVOKE", "GRANT", 1).replace(" FROM ", " TO ")
    world.warehouse.run(grant)
    counts = world.settled().counts
    assert (counts.gone, counts.unseen, counts.unchanged) == (0, 0, 2 * (TABLES + 1))
    assert not world.harmed()


def test_what_changes_during_a_crawl_harms_nothing_else(world: World) -> None:
    """A table dropped, one altered, one added, one rebuilt while it runs: the others stay, the next crawl sees it all."""
    of = world.warehouse
    lost, wider, rebuilt, new = (of.named("one", name) for name in ("t7", "t8", "t9", "fresh"))

    def change() -> None:
        of.run(
            f"DROP TABLE {lost}",
            f"ALTER TABLE {wider} ADD COLUMN more int",
            f"CREATE TABLE {new} (id int)",
            f"DROP TABLE {rebuilt}",
            f"CREATE TABLE {rebuilt} (id int PRIMARY KEY, c_9 varchar(20) DEFAULT 'x')",
        )

    with world.proxy(before=Before(of.marker, change)) as proxy:
        world.crawl(port=proxy.port)
    assert not world.harmed(frozenset({of.id("one", "t7"), of.id("one", "t8")}))
    world.settled()
    assert not world.harmed(frozenset({of.id("one", "t7"), of.id("one", "t8")}))
    held = world.held(of.id("one", "t7"))
    assert held is None or held.gone_at is not None
    altered = world.held(of.id("one", "t8"))
    assert altered is not None
    assert [column.name for column in altered.columns] == ["id", "c_8", "more"]
    assert world.held(of.id("one", "fresh")) is not None
