"""How many statements a crawl sends for 100 and for 10,000 tables: as many.

Run: `make bench ARGS="statements"` (--few N --many N --only NAME). PostgreSQL and MariaDB servers of our own, a Snowflake
emulator, and recorded Snowflake and BigQuery, whose answers are as large as those of a warehouse with so many tables, in ten
schemas. A `SHOW` stops at 10,000 rows, so beyond that Snowflake's keys are asked schema by schema: here are just below it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from bench.report import machine, print_table
from services.common.model.assets import Found
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from tests.support.bigquery import RecordedBigQuery
from tests.support.mariadb import MariaDbServer
from tests.support.servers import PostgresServer
from tests.support.snowflake import FakeSnow, RecordedSnowflake
from tests.support.stocks import DATABASE, RIGHTS, Stock, bigquery_answers, snowflake_answers


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--only", choices=_SERVERS)
    arguments = parser.parse_args()
    rows: list[list[object]] = []
    for name, server in _SERVERS.items():
        if arguments.only not in (None, name):
            continue
        with server() as fill:
            sent = [_sent(fill(count), count) for count in (arguments.few, arguments.many)]
        rows.append([name, arguments.few, sent[0], arguments.many, sent[1], "yes" if sent[0] == sent[1] else "no"])
    print_table(["source", "tables", "statements", "tables", "statements", "equal"], rows)
    if any(row[-1] != "yes" for row in rows):
        raise SystemExit("statements grow with tables")
    print(machine(["psycopg", "PyMySQL", "snowflake-connector-python", "google-cloud-bigquery"]))


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


@contextmanager
def _emulator() -> Iterator[Callable[[int], str]]:
    with FakeSnow() as server:

        def fill(count: int) -> str:
            database = f"MANY_{count}"
            server.run(
                f"CREATE DATABASE {database}",
                f"USE DATABASE {database}",
                "CREATE SCHEMA S",
                *(f"CREATE TABLE S.T{n} (ID INT, X TEXT)" for n in range(count)),
            )
            return server.url(f"/{database}")

        yield fill


@contextmanager
def _recorded(server: type[RecordedSnowflake | RecordedBigQuery]) -> Iterator[Callable[[int], str]]:
    opened: list[RecordedSnowflake | RecordedBigQuery] = []

    def fill(count: int) -> str:
        stock = Stock.of(count // _SCHEMAS - 1, [f"s{n}" for n in range(_SCHEMAS)])  # and a view in each
        if server is RecordedSnowflake:
            opened.append(RecordedSnowflake(snowflake_answers(stock)))
            return opened[-1].url(f"/{DATABASE}")
        opened.append(RecordedBigQuery(bigquery_answers(stock), list(RIGHTS), page_rows=5_000))
        return opened[-1].url()

    try:
        yield fill
    finally:
        for one in opened:
            one.stop()


_SCHEMAS = 10
_SERVERS: dict[str, Callable[[], AbstractContextManager[Callable[[int], str]]]] = {
    "PostgreSQL": _postgresql,
    "MariaDB": _mariadb,
    "Snowflake, emulator": _emulator,
    "Snowflake, recorded": lambda: _recorded(RecordedSnowflake),
    "BigQuery, recorded": lambda: _recorded(RecordedBigQuery),
}


if __name__ == "__main__":
    main()
