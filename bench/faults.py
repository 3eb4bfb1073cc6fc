"""Random faults while warehouses are crawled: no table that exists may be gone, no word of a person lost.

Run: `make bench ARGS="faults"` (--faults N --only NAME). PostgreSQL and MariaDB servers of our own, a Snowflake emulator in a
process of its own, and recorded Snowflake and BigQuery through their vendors' clients over TCP; `fault_kinds` says what breaks.
The control crawls naively, as if a failed listing were an empty one: it must take tables for gone.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from bench.fault_kinds import EMULATED, REAL, RECORDED, Kinds
from bench.report import machine, print_table
from services.catalog.absence import Verdict
from services.catalog.ending import Ending
from services.catalog.store import ending as rows_of_ending
from services.common.model.crawls import CrawlState
from services.common.runtime import logs
from tests.support.catalogs import opened
from tests.support.halves import Warehouse, World, crawled, mariadb, postgresql
from tests.support.mariadb import MariaDbServer
from tests.support.recorded_halves import emulated_snowflake, recorded_bigquery, recorded_snowflake
from tests.support.servers import PostgresServer
from tests.support.snowflake import FakeSnow

_CONTROL = 12
"""Crawls of each control."""


@contextmanager
def _started(kind: Any, build: Callable[[Any], Warehouse]) -> Iterator[Callable[[], Warehouse]]:
    server = kind.start()
    try:
        yield lambda: build(server)
    finally:
        server.stop()


@contextmanager
def _emulator() -> Iterator[Callable[[], Warehouse]]:
    with FakeSnow() as server:
        yield lambda: emulated_snowflake(server)


@contextmanager
def _in_process(build: Callable[[], Warehouse]) -> Iterator[Callable[[], Warehouse]]:
    made: list[Warehouse] = []

    def fresh() -> Warehouse:
        made.append(build())
        return made[-1]

    try:
        yield fresh
    finally:
        for warehouse in made:
            warehouse.server.stop()


_SERVERS: dict[str, tuple[Callable[[], AbstractContextManager[Callable[[], Warehouse]]], Kinds]] = {
    "PostgreSQL": (lambda: _started(PostgresServer, postgresql), REAL),
    "MariaDB": (lambda: _started(MariaDbServer, mariadb), REAL),
    "Snowflake, emulator": (_emulator, EMULATED),
    "Snowflake, recorded": (lambda: _in_process(recorded_snowflake), RECORDED),
    "BigQuery, recorded": (lambda: _in_process(recorded_bigquery), RECORDED),
}


def main() -> None:
    """Print one table."""
    logs.configure("error")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=_SERVERS, help="one server alone, which gets all the faults")
    arguments = parser.parse_args()
    servers = {arguments.only: _SERVERS[arguments.only]} if arguments.only else _SERVERS
    rows, wrong = [], 0
    for name, (start, kinds) in servers.items():
        with start() as build:
            for what, naive, count in (("", False, arguments.faults // len(servers)), (", control: naive", True, _CONTROL)):
                begun = time.monotonic()
                with _world(build()) as world:
                    told = _campaign(world, count, arguments.seed, kinds, naive=naive)
                rows.append([name + what, *told, f"{time.monotonic() - begun:.0f}"])
                wrong += told[4] + told[5] if not naive else int(told[4] == 0)
    print_table(
        ["server", "faults", "complete", "partial", "failed", "false deletions", "lost words", "faults by kind", "s"], rows
    )
    if wrong:
        raise SystemExit("a figure or its control is not as it must be")
    print(machine(["psycopg", "PyMySQL", "snowflake-connector-python", "google-cloud-bigquery"]))


@contextmanager
def _world(warehouse: Warehouse) -> Iterator[World]:
    with (
        tempfile.TemporaryDirectory(prefix="headwater-faults-") as folder,
        contextmanager(opened)("sqlite", None, Path(folder)) as catalog,  # type: ignore[arg-type]  # it asks for no fixture
    ):
        yield crawled(warehouse, catalog)


def _campaign(world: World, count: int, seed: int, faults: Kinds, *, naive: bool) -> list[Any]:
    """Faults one after another on one catalog; every fifth time a crawl that nothing disturbs."""
    chance = random.Random(seed)
    states: Counter[CrawlState] = Counter()
    kinds: Counter[str] = Counter()
    gone: set[str] = set()
    changed: set[str] = set()
    with world.proxy() as whole:
        world.crawl(port=whole.port, timeout_s=60)
        answer = whole.answered
    for number in range(count):
        kind = "cut" if naive else chance.choices([*faults], weights=[weight for _, weight in faults.values()])[0]
        fault = faults[kind][0]
        kinds[kind] += 1
        with mock.patch.object(Ending, "of", _naive) if naive else nullcontext():
            states[fault(world, chance, answer)] += 1
        lost = {asset for asset in world.before if world.held(asset) is None}
        harmed = world.harmed(frozenset(lost)) if not naive else []
        if (lost or harmed) and not naive:
            print(f"{world.warehouse.engine}, fault {number}, {kind}: {len(lost)} gone; {harmed[:2]}", file=sys.stderr)
        gone |= lost
        changed |= set(harmed)
        if number % 5 == 4 and not naive:
            world.settled()
    counted = [states[state] for state in (CrawlState.COMPLETE, CrawlState.PARTIAL, CrawlState.FAILED)]
    told = ", ".join(f"{kind} {times}" for kind, times in sorted(kinds.items()))
    return [count, *counted, len(gone), len(changed), told]


def _naive(connection: Any, sighting: Any, state: CrawlState) -> Ending:
    """What was not shown is gone: how a failed listing becomes an empty one."""
    return Ending(state, _verdict=Verdict(gone=[one.id for one in rows_of_ending.absent(connection, sighting)]))


if __name__ == "__main__":
    main()
