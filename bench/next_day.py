"""The crawl of the next day: 1 % of the tables changed, and exactly the changed texts are encoded.

Run: `make bench ARGS="next_day"`. One control changes nothing and must encode nothing; another takes comments back, so that
its texts are known already, and must encode nothing either.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

from bench.crawl import fill
from bench.report import machine, print_table
from services.common.runtime import logs
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace
from services.indexer.crawl import run_crawl
from tests.support.servers import PostgresServer


def main() -> None:
    """Print one table."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1_000)
    arguments = parser.parse_args()
    server = PostgresServer.start()
    home = Path(tempfile.mkdtemp(prefix="headwater-bench-"))
    try:
        url = server.create_database("bench")
        fill(url, arguments.tables)
        rows = _days(url, home, max(1, arguments.tables // 100))
    finally:
        server.stop()
        shutil.rmtree(home)
    print_table(["day", "tables changed", "texts changed", "texts encoded", "s"], rows)
    if any(row[2] != row[3] for row in rows[1:]):
        raise SystemExit("texts were encoded that had not changed, or changed ones were not")
    print(machine(["onnxruntime"]))


def _days(url: str, home: Path, changed: int) -> list[list[object]]:
    first = _crawled(url, home)
    rows: list[list[object]] = [["first", "all", first[0], first[0], first[1]]]
    rows.append(["control: nothing changed", 0, 0, *_crawled(url, home)])
    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT format('%%I.%%I', n.nspname, c.relname), obj_description(c.oid), col_description(c.oid, a.attnum)"
            "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'status'"
            " WHERE n.nspname LIKE 's_' AND c.relkind = 'r' ORDER BY 1 LIMIT %s",
            (changed,),
        ).fetchall()
        for at, (name, *_) in enumerate(names):
            connection.execute(f"COMMENT ON TABLE {name} IS 'now about consignment {at}'")
            connection.execute(f"COMMENT ON COLUMN {name}.status IS 'lifecycle stage number {at} of the record'")
    # each comment is one of its kind: so many texts are new, and no other text names them
    rows.append(["1 % changed", changed, 2 * changed, *_crawled(url, home)])
    with psycopg.connect(url, autocommit=True) as connection:
        for name, table, column in names:
            connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.SQL(name), sql.Literal(table)))
            connection.execute(sql.SQL("COMMENT ON COLUMN {}.status IS {}").format(sql.SQL(name), sql.Literal(column)))
    rows.append(["control: changed back to known texts", changed, 0, *_crawled(url, home)])
    return rows


def _crawled(url: str, home: Path) -> tuple[int, float]:
    space = Workspace(Settings(home=home))
    try:
        begun = time.perf_counter()
        record = run_crawl("bench", SourceSettings(url=url), space.sink, by="bench").record
        if not space.indexer.lease.acquire():
            raise SystemExit("the index lease is taken")
        space.indexer.index_now(record.seq, lambda _told: None)
        return space.indexer.encoded, time.perf_counter() - begun
    finally:
        space.close()


if __name__ == "__main__":
    main()
