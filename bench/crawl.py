"""A real PostgreSQL of thousands of tables, crawled to the commit and to the last vector, beside the bare bulk queries and DataHub.

Run: `make bench-crawl` (needs PostgreSQL's binaries, or HEADWATER_TEST_POSTGRES_URL). Prints medians of several rounds; `--peer PYTHON`
runs DataHub's PostgreSQL source into a file in between (`tools/crawl_peers.sh`), `--no-index` leaves the vectors out. The control is a second
crawl of the same database: it must write no change and encode no text. What a second crawl cannot do without is timed too: the
source is read, secrets are masked, each table's fingerprint is made, and compared with all that are held. Beside seconds on the clock stand
those of the processor, of this process and of PostgreSQL's for it, which other work on the machine stretches less.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import select

from bench.report import machine, median, print_table
from services.catalog.store.rows import prepare
from services.catalog.store.tables import asset
from services.common.model.assets import Container, Found
from services.common.runtime import logs
from services.common.runtime.garbage import set_survivors_aside
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.indexer.crawl import run_crawl
from services.indexer.sources.open import open_source
from services.indexer.sources.secrets import masked
from tests.support.servers import PostgresServer

PEER_ROUNDS = 2
"""The peer takes half a minute a round."""
SUBJECTS = ("order", "customer", "invoice", "shipment", "product", "stock", "campaign", "ticket", "employee", "payment")
ASPECTS = ("event", "history", "daily", "snapshot", "line", "rate", "status", "region", "channel", "balance")
COLUMNS = (
    "id",
    "created_at",
    "amount",
    "currency",
    "status",
    "customer_id",
    "region_code",
    "quantity",
    "note",
    "updated_by",
)


def main() -> None:
    """Print one table."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", type=Path, help="the Python of an environment of tools/crawl_peers.sh")
    parser.add_argument("--no-index", action="store_true", help="stop at the commit")
    arguments = parser.parse_args()
    set_survivors_aside()  # as `headwater` does
    server = PostgresServer.start()
    try:
        url = server.create_database("bench")
        fill(url, arguments.tables)
        rows, ratios = measured(url, arguments.rounds, server, peer=arguments.peer)
        if not arguments.no_index:
            seconds, texts, once_more = indexed(SourceSettings(url=url))
            if once_more:
                raise SystemExit("the control failed: an unchanged database was encoded again")
            note = f"{texts} distinct texts; control: 0 encoded again"
            rows.append(["index to the last vector, once", seconds, "", "", arguments.tables / seconds, note])
    finally:
        server.stop()
    print_table(["step", "median s", "processor s", "PostgreSQL's", "tables/s", "note"], rows)
    print("\n" + "\n".join(ratios))
    print(machine(["psycopg", "sqlalchemy", "duckdb"]))


def fill(url: str, tables: int) -> None:
    """Tables of ten columns with comments in ten schemas, a key each, and a view for every tenth table."""
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(10):
            connection.execute(f"CREATE SCHEMA s{number}")
        for number in range(tables):
            name = f"s{number % 10}.{SUBJECTS[number % 10]}_{ASPECTS[number // 10 % 10]}_{number}"
            columns = ", ".join(f"{c} text" if c != "id" else "id bigint PRIMARY KEY" for c in COLUMNS)
            statements = [f"CREATE TABLE {name} ({columns})"]
            statements.append(
                f"COMMENT ON TABLE {name} IS '{SUBJECTS[number % 10]} {ASPECTS[number // 10 % 10]} of area {number}'"
            )
            statements += [
                f"COMMENT ON COLUMN {name}.{c} IS '{c} of {SUBJECTS[number % 10]} in area {number % 50}'"
                for c in COLUMNS[1:5]
            ]
            if number % 10 == 0:
                statements.append(f"CREATE VIEW s0.v_{number} AS SELECT id, amount FROM {name}")
            connection.execute(";".join(statements))


@dataclass(frozen=True, slots=True)
class Took:
    """What a step took, in seconds: on the clock, of this process's processor time, and of PostgreSQL's for it."""

    clock_s: float
    own_s: float
    server_s: float

    @property
    def all_s(self) -> float:
        """Processor time of both."""
        return self.own_s + self.server_s


BARE, READ, CRAWL = "the bare bulk queries, fetched whole", "read and build values", "crawl to the commit, SQLite"
AGAIN, COMPARED = "crawl again, nothing changed", "read, mask, fingerprint and compare, by hand"


def measured(url: str, rounds: int, server: PostgresServer, *, peer: Path | None) -> tuple[list[list[object]], list[str]]:
    """The bare queries, reading, reading to the commit, again with nothing changed, and the peer, in turn in every round.

    Rows of the table, and lines about ratios.
    """
    source = SourceSettings(url=url)
    statements = asked_of(source)
    took: dict[str, list[Took]] = {step: [] for step in (BARE, READ, CRAWL, AGAIN, COMPARED)}
    found = len(read(source))

    def timed(step: str, work: Callable[[], object]) -> None:
        took[step].append(_timed(server, work))

    for at in range(rounds):
        home = Path(tempfile.mkdtemp(prefix="headwater-bench-"))
        space = Workspace(Settings(home=home))
        sink = space.sink
        timed(BARE, lambda: bare(url, statements))
        timed(READ, lambda: read(source))
        timed(CRAWL, lambda s=sink: run_crawl("bench", source, s, by="bench"))
        head = space.feed.head()
        timed(AGAIN, lambda s=sink: run_crawl("bench", source, s, by="bench"))
        if space.feed.head() != head:
            raise SystemExit("the control failed: a crawl of an unchanged database wrote changes")
        timed(COMPARED, lambda s=space: compared(source, s))
        space.close()
        shutil.rmtree(home)
        for told in peers(peer, url) if peer is not None and at < PEER_ROUNDS else ():
            assert told["tables"] == found, told
            took.setdefault(told["name"], []).append(Took(told["s"], told["processor_s"], 0.0))
    notes = {AGAIN: "control: 0 changes", BARE: f"{len(statements)} statements"}
    rows: list[list[object]] = [
        [step, clock, own, served or "", found / clock, notes.get(step)]
        for step in took
        for clock, own, served in [[_median(took[step], name) for name in ("clock_s", "own_s", "server_s")]]
    ]
    return rows, _ratios(took)


def _ratios(took: dict[str, list[Took]]) -> list[str]:
    """How often one step's time is in another's: of both processors where PostgreSQL's part is the same work in both."""

    def ratio(one: str, other: str, name: str) -> str:
        return f"{_median(took[one], name) / _median(took[other], name):.2f}"

    lines = [
        f"{AGAIN} / {COMPARED}: {ratio(AGAIN, COMPARED, 'all_s')} (own processor alone {ratio(AGAIN, COMPARED, 'own_s')})",
        f"{READ} / {BARE}: {ratio(READ, BARE, 'clock_s')} on the clock, {ratio(READ, BARE, 'all_s')} of the processors",
    ]
    for peer in list(took)[5:]:
        own = f"{ratio(peer, CRAWL, 'clock_s')} on the clock, {ratio(peer, CRAWL, 'own_s')} of its own processor"
        lines.append(f"{peer} / {CRAWL}: {own}")
    return lines


def _median(took: list[Took], name: str) -> float:
    return median([getattr(one, name) for one in took])


def _timed(server: PostgresServer, work: Callable[[], object]) -> Took:
    served, begun, busy = server.processor_s(), time.perf_counter(), time.process_time()
    work()
    clock, own = time.perf_counter() - begun, time.process_time() - busy
    return Took(clock, own, server.processor_s() - served)


def read(source: SourceSettings) -> list[Found]:
    """All tables of the source, as values."""
    with open_source("bench", source) as opened:
        return [item for item in opened.read() if isinstance(item, Found)]


def compared(source: SourceSettings, space: Workspace) -> None:
    """What a second crawl cannot do without."""
    found = (prepare(masked(item), Container(item.name.namespace, item.name.parts[:-1])) for item in read(source))
    made = {one.id: one.fingerprint for one in found}
    with space.catalog_database.read() as connection:
        held = {row.id: row.fingerprint for row in connection.execute(select(asset.c.id, asset.c.fingerprint))}
    assert len(made) == sum(held.get(known) == mark for known, mark in made.items()), "tables differ from what is held"


def asked_of(source: SourceSettings) -> list[tuple[bytes, Any]]:
    """The bulk queries that a reading sends, with their values."""
    seen: list[tuple[bytes, Any]] = []
    plain = psycopg.Cursor.stream

    def stream(cursor: Any, query: Any, values: Any = None, **more: Any) -> Iterator[Any]:
        seen.append((query, values))
        return plain(cursor, query, values, **more)

    psycopg.Cursor.stream = stream  # type: ignore[method-assign,assignment]
    try:
        read(source)
    finally:
        psycopg.Cursor.stream = plain  # type: ignore[method-assign]
    return seen


def bare(url: str, statements: list[tuple[bytes, Any]]) -> None:
    """These queries alone, on a connection of their own."""
    with psycopg.connect(url) as connection:
        for query, values in statements:
            connection.execute(query, values).fetchall()


def peers(python: Path, url: str) -> list[dict[str, Any]]:
    """What DataHub took, a setting each."""
    command = [str(python), str(Path(__file__).parent / "peers" / "datahub_crawl_peer.py"), url]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]


def indexed(source: SourceSettings) -> tuple[float, int, int]:
    """Seconds from the commit to the last vector, texts encoded, and texts encoded by a second crawl."""
    home = Path(tempfile.mkdtemp(prefix="headwater-bench-"))
    space = Workspace(Settings(home=home))
    try:
        run_crawl("bench", source, space.sink, by="bench")
        space.indexer.open()
        if not space.indexer.lease.acquire():
            raise SystemExit("the lease of a new home is taken")
        begun = time.perf_counter()
        space.indexer.index_now(space.feed.head(), lambda _told: None)
        seconds, texts = time.perf_counter() - begun, space.indexer.encoded
        run_crawl("bench", source, space.sink, by="bench")
        space.indexer.index_now(space.feed.head(), lambda _told: None)
        return seconds, texts, space.indexer.encoded - texts
    finally:
        space.close()
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
