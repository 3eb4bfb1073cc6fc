"""A real PostgreSQL of thousands of tables, crawled to the commit and to the last vector, beside the bare bulk queries.

Run: `make bench-crawl` (needs PostgreSQL's binaries, or HEADWATER_TEST_POSTGRES_URL). Prints medians of several rounds.
The control is a second crawl of the same database: it must write no change and encode no text.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import psycopg

from bench.report import machine, median, print_table
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.indexer.crawl import run_crawl
from services.indexer.sources.open import open_source
from tests.support.servers import PostgresServer

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
    arguments = parser.parse_args()
    server = PostgresServer.start()
    try:
        url = server.create_database("bench")
        fill(url, arguments.tables)
        rows = measured(url, arguments.rounds)
    finally:
        server.stop()
    print_table(["step", "median s", "tables/s", "note"], rows)
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


def measured(url: str, rounds: int) -> list[list[object]]:
    """Reading alone, reading to the commit, again with nothing changed, and to the last vector."""
    source = SourceSettings(url=url)
    read, first, again = [], [], []
    found = 0
    for _ in range(rounds):
        begun = time.perf_counter()
        with open_source("bench", source) as opened:
            found = sum(1 for item in opened.read() if hasattr(item, "columns"))
        read.append(time.perf_counter() - begun)
    for _ in range(rounds):
        home = Path(tempfile.mkdtemp(prefix="headwater-bench-"))
        space = Workspace(Settings(home=home))
        _ = space.sink
        begun = time.perf_counter()
        run_crawl("bench", source, space.sink, by="bench")
        first.append(time.perf_counter() - begun)
        head = space.feed.head()
        begun = time.perf_counter()
        run_crawl("bench", source, space.sink, by="bench")
        again.append(time.perf_counter() - begun)
        if space.feed.head() != head:
            raise SystemExit("the control failed: a crawl of an unchanged database wrote changes")
        space.close()
        shutil.rmtree(home)
    seconds, texts, once_more = indexed(source)
    if once_more:
        raise SystemExit("the control failed: an unchanged database was encoded again")
    return [
        ["read and build values", median(read), found / median(read), f"{found} tables and views, {rounds} rounds"],
        ["crawl to the commit, SQLite", median(first), found / median(first), f"{rounds} rounds"],
        ["crawl again, nothing changed", median(again), found / median(again), "control: 0 changes"],
        ["index to the last vector, once", seconds, found / seconds, f"{texts} distinct texts; control: 0 encoded again"],
    ]


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
