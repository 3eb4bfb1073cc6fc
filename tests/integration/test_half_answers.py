"""Half an answer of a real server puts nothing false into the catalog: cut, stalled, halted, killed, revoked, altered."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.common.model.crawls import CrawlRecord, CrawlState
from tests.support.catalogs import opened
from tests.support.halves import TABLES, Warehouse, World, crawled, mariadb, postgresql
from tests.support.mariadb import MariaDbServer
from tests.support.proxy import Before, Break
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.server
ENGINES = ("postgresql", "mariadb")


@pytest.fixture(params=ENGINES)
def warehouse(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    if request.param == "mariadb":
        yield mariadb(request.getfixturevalue("mariadb_server"))
        return
    made = postgresql(request.getfixturevalue("postgres_server"))
    yield made
    made.run(f"DROP OWNED BY {made.role}", f"DROP ROLE {made.role}")


@pytest.fixture
def world(warehouse: Warehouse, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with contextmanager(opened)("sqlite", request, tmp_path) as catalog:
        yield crawled(warehouse, catalog)


def _ended_badly(record: CrawlRecord) -> bool:
    return record.state in (CrawlState.PARTIAL, CrawlState.FAILED) and bool(record.failures)


@pytest.mark.parametrize("kind", [Break.CUT, Break.RESET])
@pytest.mark.parametrize("places", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_a_connection_cut_at_any_byte_harms_nothing(world: World, places: int, kind: Break) -> None:
    """Places over the whole answer, drawn by a seed, its first and its last byte: a report each, and the same catalog as before."""
    with world.proxy() as whole:
        assert world.crawl(port=whole.port).state is CrawlState.COMPLETE
    draw = random.Random(f"{world.warehouse.engine}{kind}")
    wrong = []
    for place in (*sorted(draw.sample(range(whole.answered - 1), places - 2)), 0, whole.answered - 1):
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
        made = crawled((mariadb if engine == "mariadb" else postgresql)(server), catalog)

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
