"""How many statements a crawl sends for 100 and for 10,000 tables: as many.

Run: `make bench ARGS="statements"` (--few N --many N). Servers of our own. Snowflake (emulator) and BigQuery (recorded) are
counted in their tests: tests/integration/test_source_snowflake.py, test_source_bigquery.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from bench.report import machine, print_table
from services.common.model.assets import Found
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from tests.support.mariadb import MariaDbServer
from tests.support.servers import PostgresServer


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=10_000)
    arguments = parser.parse_args()
    rows: list[list[object]] = []
    for name, server in (("PostgreSQL", _postgresql), ("MariaDB", _mariadb)):
        with server() as fill:
            sent = [_sent(fill(count), count) for count in (arguments.few, arguments.many)]
        rows.append([name, arguments.few, sent[0], arguments.many, sent[1], "yes" if sent[0] == sent[1] else "no"])
    print_table(["source", "tables", "statements", "tables", "statements", "equal"], rows)
    if any(row[-1] != "yes" for row in rows):
        raise SystemExit("statements grow with tables")
    print(machine(["psycopg", "PyMySQL"]))


def _sent(url: str, expected: int) -> int:
    with open_source("bench", SourceSettings(url=url)) as source:
        found = sum(isinstance(item, Found) for item in source.read())
        if found != expected:
            raise SystemExit(f"{found} tables were read of {expected}")
        return source.statements


@contextmanager
def _postgresql() -> Iterator[Callable[[int], str]]:
    server = PostgresServer.start()

    def fill(count: int) -> str:
        url = server.create_database("many")
        with psycopg.connect(url, autocommit=True) as connection:
            for begin in range(0, count, 500):
                made = (f"CREATE TABLE t{n} (id int PRIMARY KEY, x text);" for n in range(begin, min(begin + 500, count)))
                connection.execute("".join(made))
        return url

    try:
        yield fill
    finally:
        server.stop()


@contextmanager
def _mariadb() -> Iterator[Callable[[int], str]]:
    server = MariaDbServer.start()

    def fill(count: int) -> str:
        url = server.create_database("many")
        server.run(*(f"CREATE TABLE t{n} (id int PRIMARY KEY, x text)" for n in range(count)), url=url)
        return url

    try:
        yield fill
    finally:
        server.stop()


if __name__ == "__main__":
    main()
