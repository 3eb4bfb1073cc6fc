"""The BigQuery source on recorded answers, through the real client over TCP, page by page.

The rows are in `tests/golden/bigquery`; their columns are those of the vendor's pages, which each file names.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from services.common.errors import SourceFailed
from services.common.model.assets import (
    SQL_UNREADABLE,
    Column,
    ContainerRead,
    ContainersListed,
    ForeignKey,
    Found,
    Kind,
)
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from services.indexer.sources.source import Item
from tests.support.answering import Reply
from tests.support.bigquery import RecordedBigQuery, recorded
from tests.support.proxy import Break, Proxy
from tests.support.stocks import Stock, bigquery_answers

ALL_RIGHTS = ["bigquery.tables.get", "bigquery.tables.list", "bigquery.datasets.get", "bigquery.jobs.create"]
STRUCT = "STRUCT<name STRING, address STRUCT<city STRING>>"
TOO_MUCH = (403, "responseTooLarge", "Response too large to return.")


def answers(**changed: Any) -> dict[str, Any]:
    """What the server says: a pattern of statements each, the first that fits counts."""
    views = {
        "SCHEMATA": "schemata",
        r"\.TABLES\b": "tables",
        r"\.COLUMNS\b": "columns",
        "COLUMN_FIELD_PATHS": "fields",
        "TABLE_OPTIONS": "options",
        r"\.VIEWS\b": "views",
        "TABLE_STORAGE": "storage",
        "KEY_COLUMN_USAGE": "keys",
        "CONSTRAINT_COLUMN_USAGE": "references",
    }
    return changed | {pattern: recorded(name) for pattern, name in views.items() if pattern not in changed}


@contextmanager
def served(held: list[str] | None = None, **changed: Any) -> Iterator[RecordedBigQuery]:
    with RecordedBigQuery(answers(**changed), held) as server:
        yield server


def read(server: RecordedBigQuery, path: str = "", *regions: str, **settings: Any) -> list[Item]:
    url = server.url(path, *regions)
    with open_source("wh", SourceSettings(url=url, namespace="bigquery", **settings)) as source:
        return list(source.read())


def tables(items: list[Item]) -> dict[str, Found]:
    return {".".join(item.name.parts[1:]): item for item in items if isinstance(item, Found)}


def ends(items: list[Item]) -> dict[str, ContainerRead]:
    return {item.container.parts[-1]: item for item in items if isinstance(item, ContainerRead)}


@pytest.fixture(scope="module")
def shop() -> list[Item]:
    with served(ALL_RIGHTS) as server:
        items = read(server)
        assert server.pages > 10  # what is looked at below came in pages
    return items


def test_nested_fields_are_columns_by_path(shop: list[Item]) -> None:
    """Behind the column that they are in, with their own words; in the table's order."""
    orders = tables(shop)["raw.orders"]
    assert orders.name.namespace == "bigquery"
    assert orders.name.parts == ("acme-prod", "raw", "orders")
    assert orders.columns == (
        Column("order_id", "INT64", nullable=False),
        Column("ordered_at", "TIMESTAMP", nullable=True, default="CURRENT_TIMESTAMP()"),
        Column("customer", STRUCT, nullable=True, description="who ordered"),
        Column("customer.address", "STRUCT<city STRING>"),
        Column("customer.address.city", "STRING", description="where the parcel goes"),
        Column("customer.name", "STRING"),
        Column("tags", "ARRAY<STRING>", nullable=True),
    )


def test_options_are_read_as_the_literals_that_they_are(shop: list[Item]) -> None:
    orders = tables(shop)["raw.orders"]
    assert orders.description == 'One row an "order",\ncancelled ones \\ included — d\'accord'
    assert orders.tags == ("pii", "team:sales")
    assert orders.properties == {
        "partitioned_by": "ordered_at",
        "clustered_by": ["customer", "order_id"],
        "require_partition_filter": True,
    }


def test_sizes_come_from_storage(shop: list[Item]) -> None:
    orders = tables(shop)["raw.orders"]
    assert (orders.rows, orders.bytes, orders.partitions) == (5_000_000_000, 123_456_789_012, 90)
    assert orders.last_altered == dt.datetime(2026, 11, 20, 9, 30, 0, 500_000, tzinfo=dt.UTC)
    assert (tables(shop)["raw.lines"].rows, tables(shop)["raw.lines"].last_altered) == (None, None)


def test_days_become_one_table_with_the_newest_schema(shop: list[Item]) -> None:
    """Rows and bytes summed; a day alone, and digits that are no day, stay as they are."""
    events = tables(shop)["raw.events_*"]
    assert events.partitions == 3
    assert (events.rows, events.bytes) == (35, 350)
    assert [column.name for column in events.columns] == ["new"]
    assert events.description == "newest words"
    assert events.properties["newest_shard"] == "events_20240103"
    assert events.last_altered == dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    names = set(tables(shop))
    assert {"raw.alone_20240101", "raw.build_20249999", "raw.build_20248888"} <= names
    assert not {name for name in names if name.startswith("raw.events_2")}


def test_keys_name_the_columns_that_they_mean(shop: list[Item]) -> None:
    lines = tables(shop)["raw.lines"]
    assert lines.primary_key == ("order_id", "line")
    assert lines.foreign_keys == (ForeignKey(("order_id",), ("acme-prod", "raw", "orders"), ("order_id",)),)


def test_each_kind_is_named_as_what_it_is(shop: list[Item]) -> None:
    found = tables(shop)
    assert found["raw.files"].kind is Kind.EXTERNAL_TABLE
    assert found["raw.files"].properties["format"] == "PARQUET"
    assert found["raw.orders_copy"].properties["clone_of"] == "acme-prod.raw.orders"
    assert found["raw.orders_then"].properties["snapshot_of"] == "acme-prod.raw.orders"
    assert found["mart.by_day"].kind is Kind.VIEW
    assert found["mart.by_day"].sql == "SELECT DATE(ordered_at) AS day FROM raw.orders"
    assert found["mart.fast"].kind is Kind.MATERIALIZED_VIEW
    assert "AS SELECT 1" in (found["mart.fast"].sql or "")
    assert found["mart.hidden"].sql is None
    assert found["mart.hidden"].properties[SQL_UNREADABLE] == "needs bigquery.tables.get on acme-prod.mart.hidden"


def test_a_right_on_the_whole_project_covers_every_table(shop: list[Item]) -> None:
    """Then a table that is not shown is gone; each dataset is closed, the empty one too, and then the project."""
    assert list(ends(shop)) == ["empty", "mart", "raw"]
    rights = ("project acme-prod: bigquery.tables.get", "project acme-prod: bigquery.tables.list")
    assert all(end.complete and end.grants == rights for end in ends(shop).values())
    last = shop[-1]
    assert isinstance(last, ContainersListed)
    assert last.within.parts == ("acme-prod",)
    assert last.grants == ("project acme-prod: bigquery.datasets.get", "region eu")


@pytest.mark.parametrize("held", [None, ["bigquery.tables.get", "bigquery.jobs.create"]])
def test_rights_that_are_not_known_make_each_table_a_line(held: list[str] | None) -> None:
    """So that one that is not shown takes its line along and stays `unseen`; the days of a table are one line."""
    with served(held) as server:
        items = read(server)
    lines = ends(items)["raw"].grants or ()
    assert "table orders" in lines
    assert "table events_*" in lines
    assert not [line for line in lines if line.startswith(("project", "table events_2"))]
    assert isinstance(items[-1], ContainersListed)
    assert items[-1].grants == ("dataset empty", "dataset mart", "dataset raw", "region eu")


def test_statements_are_few_labelled_and_bounded() -> None:
    """Ten a region, whatever is in it; each with a label, a ceiling on what it may bill, and its region."""
    with served(ALL_RIGHTS) as server:
        settings = SourceSettings(url=server.url(), namespace="bigquery", query_tag="Nightly Crawl")
        with open_source("wh", settings) as source:
            list(source.read())
            assert source.statements == len(server.asked) == 10
            assert list(source.sent) == [body["query"] for body in server.asked]
            assert source.costs == {"bytes": 10000.0, "warehouse_seconds": 5.0}
        for body in server.asked:
            assert body["labels"] == {"headwater": "nightly_crawl"}
            assert int(body["maximumBytesBilled"]) == 10 * 2**30
            assert body["location"] == "eu"
            assert "INFORMATION_SCHEMA" in body["query"]


def test_a_dataset_alone_is_read_by_itself() -> None:
    """Nothing is said of the others, nor of which there are; sizes are asked of the region, for this one."""
    with served(ALL_RIGHTS) as server:
        items = read(server, "/raw")
        storage = next(body for body in server.asked if "TABLE_STORAGE" in body["query"])
        assert all("`region-" not in body["query"] for body in server.asked if body is not storage)
    assert list(ends(items)) == ["raw"]
    assert not [item for item in items if isinstance(item, ContainersListed)]
    assert storage["queryParameters"][0]["parameterValue"] == {"value": "raw"}


def test_an_answer_that_is_too_large_is_asked_for_dataset_by_dataset(shop: list[Item]) -> None:
    """And comes to the same; a dataset that is too large by itself costs itself alone."""

    def columns(body: dict[str, Any]) -> Any:
        if "@dataset" not in body["query"]:
            return TOO_MUCH
        wanted = body["queryParameters"][0]["parameterValue"]["value"]
        return [row for row in recorded("columns") if row["table_schema"] == wanted]

    with served(ALL_RIGHTS, **{r"\.COLUMNS\b": columns}) as server:
        assert read(server) == shop

    def too_large(body: dict[str, Any]) -> Any:
        parameters = body.get("queryParameters") or [{"parameterValue": {"value": "raw"}}]
        return TOO_MUCH if parameters[0]["parameterValue"]["value"] == "raw" else columns(body)

    with served(ALL_RIGHTS, **{r"\.COLUMNS\b": too_large}) as server:
        items = read(server)
    assert not ends(items)["raw"].complete
    assert "too large" in (ends(items)["raw"].failure or "")
    assert set(tables(items)) == {"mart.by_day", "mart.fast", "mart.hidden"}


def test_a_region_that_fails_costs_itself_alone() -> None:
    """Then the project's datasets are not all listed; where it is the only one, nothing was read."""

    def schemata(body: dict[str, Any]) -> Any:
        return (403, "accessDenied", "Access Denied") if "region-us" in body["query"] else recorded("schemata")

    with served(ALL_RIGHTS, SCHEMATA=schemata) as server:
        items = read(server, "", "us", "eu")
        assert not ends(items)["acme-prod"].complete
        assert "region us" in (ends(items)["acme-prod"].failure or "")
        assert ends(items)["raw"].complete
        assert not [item for item in items if isinstance(item, ContainersListed)]
        with pytest.raises(SourceFailed, match="Access Denied"):
            read(server, "", "us")


@pytest.mark.parametrize("at", ["SCHEMATA", r"\.COLUMNS\b", "CONSTRAINT_COLUMN_USAGE"])
def test_a_connection_that_is_cut_is_a_failure_and_yields_nothing(at: str) -> None:
    items: list[Item] = []
    with served(ALL_RIGHTS, **{at: None}) as server:
        settings = SourceSettings(url=server.url(), namespace="bigquery", timeout_s=2)
        with open_source("wh", settings) as source, pytest.raises(SourceFailed, match="acme-prod"):
            items.extend(source.read())
    assert items == []


@pytest.mark.parametrize("more", [{"pageToken": None}, {"rows": []}])
def test_half_an_answer_without_a_word_is_noticed(more: dict[str, Any]) -> None:
    """The client does not count rows: an answer that ends early, or a page with none, would make columns look dropped."""
    with served(ALL_RIGHTS) as server:

        def disturb(path: str, body: dict[str, Any]) -> Reply | None:
            if "COLUMNS" not in body.get("query", ""):
                return None
            return Reply.of(json.loads(server.respond(path, body).body) | more)

        server.disturb = disturb
        with pytest.raises(SourceFailed, match="half an answer"):
            read(server)


def test_a_server_that_stops_between_two_pages_is_given_up() -> None:
    """The client waits a minute for a page and asks for it ten minutes long."""
    with served(ALL_RIGHTS) as server, Proxy("127.0.0.1", server.port) as whole:
        through = server.url().replace(str(server.port), str(whole.port))
        _read_within(through, 30)
        for share in (0.3, 0.6):
            with Proxy("127.0.0.1", server.port, kind=Break.STALL, after=int(whole.answered * share)) as proxy:
                begun = time.monotonic()
                with pytest.raises(SourceFailed, match="acme-prod"):
                    _read_within(server.url().replace(str(server.port), str(proxy.port)), 0.5)
                assert time.monotonic() - begun < 10


def _read_within(url: str, timeout_s: float) -> None:
    with open_source("wh", SourceSettings(url=url, namespace="bigquery", timeout_s=timeout_s)) as source:
        list(source.read())


@pytest.mark.parametrize("at", [r"\.COLUMNS\b", "KEY_COLUMN_USAGE", "CONSTRAINT_COLUMN_USAGE"])
@pytest.mark.parametrize("what", ["dropped", "rebuilt", "hidden"])
def test_a_table_that_changes_while_it_is_read_is_left_as_it_was(at: str, what: str) -> None:
    """Between a list of tables and another one: it is not yielded, and its dataset is incomplete; others are read."""
    stock = Stock.of(3)

    def change(_path: str, body: dict[str, Any]) -> None:
        if re.search(at, body.get("query", "")):
            if what == "hidden":
                stock.hide("two", whole=False)
            else:
                (stock.drop if what == "dropped" else stock.rebuild)("two", "t1")

    with RecordedBigQuery(bigquery_answers(stock), ALL_RIGHTS) as server:
        server.disturb = change
        items = read(server)
    assert {name for name in tables(items) if name.startswith("two.")} == (
        set() if what == "hidden" else {"two.t0", "two.t2", "two.v"}
    )
    assert (ends(items)["two"].complete, ends(items)["one"].complete) == (False, True)
    assert "while it was read: t" in (ends(items)["two"].failure or "")


def test_rights_that_are_lost_while_it_is_read_prove_nothing() -> None:
    """Asked for before and after: what the role could do on the whole project counts only if it still can."""
    stock = Stock.of(3)

    def revoke(_path: str, body: dict[str, Any]) -> None:
        if "SCHEMATA" in body.get("query", ""):
            stock.hide("two", whole=False)
            server.held = ["bigquery.jobs.create"]

    with RecordedBigQuery(bigquery_answers(stock), ALL_RIGHTS) as server:
        server.disturb = revoke
        items = read(server)
    assert ends(items)["two"].grants == ()
    assert ends(items)["one"].grants == ("table t0", "table t1", "table t2", "table v")


def test_a_token_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "canary-token")
    with served(None, SCHEMATA=(403, "accessDenied", "Access Denied")) as server, pytest.raises(SourceFailed) as caught:
        read(server, oauth_token="env:TOKEN")
    assert "canary-token" not in "".join(traceback.format_exception(caught.value))


def test_globs_leave_out_tables_and_containers_stay_complete() -> None:
    with served(ALL_RIGHTS) as server:
        items = read(server, include=("*.raw.events_*",))
    assert set(tables(items)) == {"raw.events_*"}
    assert all(end.complete for end in ends(items).values())


def test_what_is_missing_is_named() -> None:
    with served(["bigquery.tables.get", "bigquery.tables.list", "bigquery.jobs.create"]) as server:
        (lacks,) = open_source("wh", SourceSettings(url=server.url(), namespace="bigquery")).missing()
        assert lacks.grant == "bigquery.datasets.get on project acme-prod"
    with served(None) as server:
        (unknown,) = open_source("wh", SourceSettings(url=server.url(), namespace="bigquery")).missing()
        assert "testIamPermissions" in unknown.grant
