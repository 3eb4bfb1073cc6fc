"""Recorded warehouses, and the Snowflake emulator, in the shape of those of `halves`; requests can be disturbed by number.

Used by the benchmark of random faults.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.support.answering import AnsweringServer, Reply
from tests.support.bigquery import RecordedBigQuery
from tests.support.halves import TABLES, Warehouse
from tests.support.snowflake import FakeSnow, RecordedSnowflake
from tests.support.stocks import DATABASE, PROJECT, RIGHTS, Stock, bigquery_answers, snowflake_answers

Act = Callable[[str, dict[str, Any]], Reply | None]
"""What happens when a request comes, of which it is shown path and body; an answer takes the place of the server's."""


@dataclass
class RecordedWarehouse(Warehouse):
    """A warehouse whose server is in this process, and whose stock may change between any two requests."""

    stock: Stock = field(default_factory=Stock)

    def hide(self, schema: str, *, whole: bool) -> None:
        """The rights on a schema's tables are lost; BigQuery's on the project cannot be held any more then."""
        self.stock.hide(schema, whole=whole)
        if self.engine == "bigquery":
            self.server.held = ["bigquery.jobs.create"]

    def restore(self) -> None:
        """All rights are back."""
        self.stock.show()
        if self.engine == "bigquery":
            self.server.held = list(RIGHTS)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        return "127.0.0.1", self.server.port

    def url_at(self, port: int | None) -> str:
        """The source's URL, or the same by way of another port of this machine."""
        return self.url if port is None else self.url.replace(str(self.server.port), str(port))

    @contextmanager
    def disturbed(self, acts: Mapping[int, Act], *, lasting: bool = False) -> Iterator[None]:
        """Requests by number, from 0 on: what happens then. `lasting`: and at each request after the last of them."""
        asked = -1

        def disturb(path: str, body: dict[str, Any]) -> Reply | None:
            nonlocal asked
            asked += 1
            number = min(asked, max(acts)) if lasting else asked
            return acts[number](path, body) if number in acts else None

        self.server.disturb = disturb
        try:
            yield
        finally:
            self.server.disturb = AnsweringServer.undisturbed

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The paths of all requests meanwhile."""
        paths: list[str] = []

        def note(path: str, _body: dict[str, Any]) -> None:
            paths.append(path)

        self.server.disturb = note
        try:
            yield paths
        finally:
            self.server.disturb = AnsweringServer.undisturbed

    def shortened(self, path: str, body: dict[str, Any], share: float) -> Reply | None:
        """The server's own answer without the last of its rows, and without saying that more could be fetched."""
        reply = self.server.respond(path, body)
        answer = json.loads(reply.body)
        data = answer.get("data") if self.engine == "snowflake" else answer
        name = "rowset" if self.engine == "snowflake" else "rows"
        if not isinstance(data, dict) or not data.get(name):
            return Reply(reply.body, reply.status)
        data[name] = data[name][: int(len(data[name]) * share)]
        data.pop("pageToken", None)
        return Reply.of(answer, reply.status)


def recorded_snowflake() -> RecordedWarehouse:
    """Two schemas of the database `SHOP`."""
    stock = Stock.of(TABLES)
    server = RecordedSnowflake(snowflake_answers(stock))
    containers = {schema: (DATABASE, schema) for schema in stock.schemas}
    return RecordedWarehouse(
        "snowflake", server, server.url(f"/{DATABASE}"), DATABASE, containers, "reader", b"", stock=stock
    )


def recorded_bigquery() -> RecordedWarehouse:
    """Two datasets of a project on the whole of which the account has its rights."""
    stock = Stock.of(TABLES)
    server = RecordedBigQuery(bigquery_answers(stock), list(RIGHTS), page_rows=50)
    containers = {dataset: (PROJECT, dataset) for dataset in stock.schemas}
    return RecordedWarehouse("bigquery", server, server.url(), PROJECT, containers, "reader", b"", stock=stock)


@dataclass
class EmulatedWarehouse(RecordedWarehouse):
    """A database of the emulator, which is a process of its own: only what lies between can be disturbed."""


def emulated_snowflake(server: FakeSnow) -> EmulatedWarehouse:
    """Two schemas of a database of its own."""
    name = f"HALF_{secrets.token_hex(4).upper()}"
    server.run(f"CREATE DATABASE {name}", f"USE DATABASE {name}")
    for schema in ("one", "two"):
        server.run(f"USE DATABASE {name}", f'CREATE SCHEMA "{schema}"', *_statements(f'"{schema}"'))
    containers = {schema: (name, schema) for schema in ("one", "two")}
    url = server.url(f"/{name}")
    assert urlsplit(url).port is None
    return EmulatedWarehouse("snowflake", server, url, name, containers, "reader", b"")


def _statements(schema: str) -> list[str]:
    make = [
        f"""CREATE TABLE {schema}."t{at}" ("id" INT PRIMARY KEY, "c_{at}" VARCHAR(20) DEFAULT 'x')""" for at in range(TABLES)
    ]
    return [*make, f'CREATE VIEW {schema}."v" AS SELECT "id", "c_1" FROM {schema}."t1"']
