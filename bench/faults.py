"""Random faults of real servers while they are crawled: no table that exists may be gone, no word of a person lost.

Run: `make bench ARGS="faults"` (--faults N). PostgreSQL and MariaDB servers of our own: connections cut or reset at a random
byte, answers that stop, sessions ended by the administrator, rights revoked and given back, tables dropped and made anew
while they are read. The control crawls naively, as if a failed listing were an empty one: it must take tables for gone.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from bench.report import machine, print_table
from services.catalog.absence import Verdict
from services.catalog.ending import Ending
from services.catalog.store import ending as rows_of_ending
from services.common.model.crawls import CrawlState
from services.common.runtime import logs
from tests.support.catalogs import opened
from tests.support.halves import Warehouse, World, crawled, mariadb, postgresql
from tests.support.mariadb import MariaDbServer
from tests.support.proxy import Before, Break
from tests.support.servers import PostgresServer

_STALL_S = 0.3


def main() -> None:
    """Print one table."""
    logs.configure("error")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rows, wrong = [], 0
    for name, start, build in (
        ("PostgreSQL", PostgresServer.start, postgresql),
        ("MariaDB", MariaDbServer.start, mariadb),
    ):
        server = start()
        try:
            for what, naive, count in (("", False, arguments.faults // 2), (", control: naive", True, 12)):
                with _world(server, build) as world:
                    told = _campaign(world, count, arguments.seed, naive=naive)
                rows.append([name + what, *told])
                wrong += told[4] + told[5] if not naive else int(told[4] == 0)
        finally:
            server.stop()
    print_table(
        ["server", "faults", "complete", "partial", "failed", "false deletions", "lost words", "faults by kind"], rows
    )
    if wrong:
        raise SystemExit("a figure or its control is not as it must be")
    print(machine(["psycopg", "PyMySQL"]))


@contextmanager
def _world(server: Any, build: Callable[[Any], Warehouse]) -> Iterator[World]:
    with (
        tempfile.TemporaryDirectory(prefix="headwater-faults-") as folder,
        contextmanager(opened)("sqlite", None, Path(folder)) as catalog,
    ):  # type: ignore[arg-type]  # SQLite asks for no fixture
        yield crawled(build(server), catalog)


def _campaign(world: World, count: int, seed: int, *, naive: bool) -> list[Any]:
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
        kind = "cut" if naive else chance.choices([*FAULTS], weights=[weight for _, weight in FAULTS.values()])[0]
        fault = FAULTS[kind][0]
        kinds[kind] += 1
        with mock.patch.object(Ending, "of", _naive) if naive else nullcontext():
            states[fault(world, chance, answer)] += 1
        for asset in world.before:
            if world.held(asset) is None:
                gone.add(asset)
        changed |= set(world.harmed()) - gone if not naive else set()
        if number % 5 == 4 and not naive:
            world.settled()
    counted = [states[state] for state in (CrawlState.COMPLETE, CrawlState.PARTIAL, CrawlState.FAILED)]
    told = ", ".join(f"{kind} {times}" for kind, times in sorted(kinds.items()))
    return [count, *counted, len(gone), len(changed), told]


def _naive(connection: Any, sighting: Any, state: CrawlState) -> Ending:
    """What was not shown is gone: how a failed listing becomes an empty one."""
    return Ending(state, _verdict=Verdict(gone=[one.id for one in rows_of_ending.absent(connection, sighting)]))


def _broken(kind: Break) -> Callable[[World, random.Random, int], CrawlState]:
    def fault(world: World, chance: random.Random, answer: int) -> CrawlState:
        timeout_s = 2.0 if kind is not Break.STALL else _STALL_S
        with world.proxy(kind=kind, after=chance.randrange(1, answer)) as proxy:
            return world.crawl(port=proxy.port, timeout_s=timeout_s).state

    return fault


def _during(
    act: Callable[[World, random.Random], Callable[[], object]],
) -> Callable[[World, random.Random, int], CrawlState]:
    def fault(world: World, chance: random.Random, _answer: int) -> CrawlState:
        with world.proxy(before=Before(world.warehouse.marker, act(world, chance))) as proxy:
            return world.crawl(port=proxy.port).state

    return fault


def _ended(world: World, _chance: random.Random) -> Callable[[], object]:
    return world.warehouse.end_sessions


def _rebuilt(world: World, chance: random.Random) -> Callable[[], object]:
    """A table that nobody wrote about, dropped and made anew as it was, while the crawl reads."""
    name = world.warehouse.named(chance.choice(["one", "two"]), f"t{(at := chance.randrange(20, 40))}")
    make = f"CREATE TABLE {name} (id int PRIMARY KEY, c_{at} varchar(20) DEFAULT 'x')"
    return lambda: world.warehouse.run(f"DROP TABLE {name}", make)


def _revoked(world: World, chance: random.Random, _answer: int) -> CrawlState:
    warehouse, container = world.warehouse, chance.choice(["one", "two"])
    schema = warehouse.containers[container][-1]
    what = f"SELECT, SHOW VIEW ON {schema}.*" if warehouse.engine == "mariadb" else f"USAGE ON SCHEMA {schema}"
    warehouse.run(f"REVOKE {what} FROM {warehouse.role}")
    try:
        return world.crawl().state
    finally:
        warehouse.run(f"GRANT {what} TO {warehouse.role}")


FAULTS: dict[str, tuple[Callable[[World, random.Random, int], CrawlState], int]] = {
    "cut": (_broken(Break.CUT), 40),
    "reset": (_broken(Break.RESET), 25),
    "stall": (_broken(Break.STALL), 5),
    "session ended": (_during(_ended), 10),
    "rebuilt": (_during(_rebuilt), 10),
    "revoked": (_revoked, 10),
}
"""Kinds of faults with how often each comes."""


if __name__ == "__main__":
    main()
