"""The Snowflake source with the real connector over TCP: against fakesnow's server, which runs the SQL for itself."""

from __future__ import annotations

import os
import re
import secrets
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from services.common.errors import SourceFailed, WrongSettings
from services.common.model.assets import Column, ContainerRead, ContainersListed, Found, Kind
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from services.indexer.sources.source import Item
from tests.support.snowflake import FakeSnow

pytestmark = pytest.mark.server
EPOCH = "'1970-01-01 00:00:00 +00:00'::TIMESTAMP_TZ"  # when everything was made, as fakesnow says
USAGE = (
    "CREATE DATABASE IF NOT EXISTS SNOWFLAKE",
    "CREATE SCHEMA IF NOT EXISTS SNOWFLAKE.ACCOUNT_USAGE",
    (
        "CREATE TABLE SNOWFLAKE.ACCOUNT_USAGE.TABLES (TABLE_ID NUMBER, TABLE_CATALOG TEXT, TABLE_SCHEMA TEXT,"
        " TABLE_NAME TEXT, CREATED TIMESTAMP_TZ, DELETED TIMESTAMP_TZ)"
    ),
    "CREATE TABLE SNOWFLAKE.ACCOUNT_USAGE.SCHEMATA (SCHEMA_NAME TEXT, CATALOG_NAME TEXT, DELETED TIMESTAMP_TZ)",
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[FakeSnow]:
    reason = FakeSnow.missing()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)
    with FakeSnow() as server:
        yield server


@pytest.fixture
def database(emulator: FakeSnow) -> str:
    """A database of its own, with two tables and a view in one schema and nothing in another."""
    name = f"SHOP_{secrets.token_hex(4).upper()}"
    emulator.run(
        f"CREATE DATABASE {name}",
        f"USE DATABASE {name}",
        "CREATE SCHEMA SALES",
        "CREATE SCHEMA NOTHING_IN_IT",
        "CREATE TABLE SALES.ORDERS (ORDER_ID INT NOT NULL PRIMARY KEY, NET NUMBER(10,2) DEFAULT 3, CODE VARCHAR(20),"
        " NOTE VARCHAR, DAY TIMESTAMP_NTZ, DOC VARIANT) COMMENT = 'One row an order'",
        'CREATE TABLE SALES."mixed Case" (X BOOLEAN)',
        "CREATE VIEW SALES.RECENT AS SELECT ORDER_ID FROM SALES.ORDERS",
    )
    return name


def read(url: str, **settings: Any) -> tuple[list[Item], tuple[str, ...]]:
    with open_source("wh", SourceSettings(url=url, **settings)) as source:
        return list(source.read()), tuple(source.sent)


def tables(items: list[Item]) -> dict[str, Found]:
    found = [item for item in items if isinstance(item, Found)]
    named = {".".join(item.name.parts[1:]): item for item in found}
    assert len(named) == len(found)
    return named


def ends(items: list[Item]) -> dict[str, ContainerRead]:
    return {".".join(item.container.parts[1:]): item for item in items if isinstance(item, ContainerRead)}


def test_a_table_has_columns_types_keys_and_comments(emulator: FakeSnow, database: str) -> None:
    """In the source's order and spelling, under the account's namespace in lower case."""
    items, _ = read(emulator.url(f"/{database.lower()}"))
    orders = tables(items)["SALES.ORDERS"]
    assert orders.name.namespace == "snowflake://acme-prod"
    assert orders.name.parts == (database, "SALES", "ORDERS")
    assert (orders.kind, orders.description, orders.primary_key) == (Kind.TABLE, "One row an order", ("ORDER_ID",))
    assert orders.columns == (
        Column("ORDER_ID", "NUMBER(38,0)", nullable=False),
        Column("NET", "NUMBER(10,2)", nullable=True, default="3"),
        Column("CODE", "TEXT(20)", nullable=True),
        Column("NOTE", "TEXT", nullable=True),
        Column("DAY", "TIMESTAMP_NTZ", nullable=True),
        Column("DOC", "VARIANT", nullable=True),
    )
    assert orders.foreign_keys == ()
    assert orders.properties == {"owner_role": "SYSADMIN"}
    assert tables(items)["SALES.mixed Case"].columns == (Column("X", "BOOLEAN", nullable=True),)


def test_a_view_has_its_sql_and_no_size(emulator: FakeSnow, database: str) -> None:
    recent = tables(read(emulator.url(f"/{database}"))[0])["SALES.RECENT"]
    assert recent.kind is Kind.VIEW
    assert "SALES.ORDERS" in (recent.sql or "")
    assert (recent.rows, recent.bytes) == (None, None)


def test_every_schema_is_closed_and_then_the_database(emulator: FakeSnow, database: str) -> None:
    """An empty schema too, and INFORMATION_SCHEMA never; what the role is shown is a line each."""
    items, _ = read(emulator.url(f"/{database}"))
    assert list(ends(items)) == ["NOTHING_IN_IT", "SALES"]
    assert all(end.complete and end.failure is None for end in ends(items).values())
    assert ends(items)["SALES"].grants == ("table ORDERS", "table RECENT", "table mixed Case")
    last = items[-1]
    assert isinstance(last, ContainersListed)
    assert last.within.parts == (database,)
    assert last.grants == ("schema NOTHING_IN_IT", "schema SALES")


def test_a_url_may_name_one_schema(emulator: FakeSnow, database: str) -> None:
    """Then nothing is said of the others, nor of which there are."""
    items, _ = read(emulator.url(f"/{database}/sales"))
    assert list(ends(items)) == ["SALES"]
    assert len(tables(items)) == 3
    assert not [item for item in items if isinstance(item, ContainersListed)]


def test_without_a_database_all_are_read(emulator: FakeSnow, database: str) -> None:
    """But for the account's own database SNOWFLAKE; the list of databases is closed last."""
    items, _ = read(emulator.url())
    names = {item.name.parts[0] for item in items if isinstance(item, Found)}
    assert database in names
    assert "SNOWFLAKE" not in names
    assert isinstance(items[-1], ContainersListed)
    assert items[-1].within.parts == ()
    assert f"database {database}" in (items[-1].grants or ())


def test_globs_leave_out_tables_and_containers_stay_complete(emulator: FakeSnow, database: str) -> None:
    items, _ = read(emulator.url(f"/{database}"), include=("*.sales.o*",))
    assert set(tables(items)) == {"SALES.ORDERS"}
    assert all(end.complete for end in ends(items).values())


def test_as_many_statements_for_ten_tables_as_for_two_hundred(emulator: FakeSnow, database: str) -> None:
    """Thirteen, and each of them asks the catalog: no statement names a user's table."""
    url = emulator.url(f"/{database}")
    few = read(url)[1]
    emulator.run(f"USE DATABASE {database}", *(f"CREATE TABLE SALES.T{at} (A INT, B TEXT)" for at in range(200)))
    items, many = read(url)
    assert len(tables(items)) == 203
    assert few == many
    assert len(many) == 13
    catalog = re.compile(r"SHOW |USE DATABASE |SELECT .*\.(INFORMATION_SCHEMA|ACCOUNT_USAGE)\.", re.DOTALL)
    assert all(catalog.match(text) for text in many)
    assert not [text for text in many if "ORDERS" in text or "SALES" in text]


def test_a_dropped_table_keeps_its_line_only_where_that_is_proven(emulator: FakeSnow, database: str) -> None:
    """A DROP takes its grants along, so it looks like a REVOKE until Account Usage says which it was."""
    url = emulator.url(f"/{database}")
    before = ends(read(url)[0])["SALES"].grants or ()
    emulator.run(f"DROP TABLE {database}.SALES.ORDERS")
    hidden = ends(read(url)[0])["SALES"].grants or ()
    assert set(before) - set(hidden) == {"table ORDERS"}
    row = f"SELECT 7, '{database}', 'SALES', 'ORDERS', {EPOCH}, CURRENT_TIMESTAMP()"
    kept = f"SELECT 8, '{database}', 'SALES', 'mixed Case', {EPOCH}, NULL"
    emulator.run(*USAGE, *(f"INSERT INTO SNOWFLAKE.ACCOUNT_USAGE.TABLES {values}" for values in (row, kept)))
    try:
        items = read(url)[0]
        proven = ends(items)["SALES"].grants or ()
        assert set(before) <= set(proven)
        assert tables(items)["SALES.mixed Case"].object_id == "8"
        assert tables(items)["SALES.RECENT"].object_id is None
    finally:
        emulator.run(*(f"DROP TABLE SNOWFLAKE.ACCOUNT_USAGE.{name}" for name in ("TABLES", "SCHEMATA")))


def test_a_database_that_is_not_there_is_no_empty_one(emulator: FakeSnow) -> None:
    with pytest.raises(SourceFailed, match="no database ELSEWHERE"):
        read(emulator.url("/elsewhere"))


def test_a_schema_that_is_not_there_is_no_empty_one(emulator: FakeSnow, database: str) -> None:
    with pytest.raises(SourceFailed, match="NOWHERE"):
        read(emulator.url(f"/{database}/nowhere"))


def test_a_server_that_is_not_there_is_reported_without_the_password(emulator: FakeSnow) -> None:
    url = emulator.url("/shop", port="1").replace("secret@", "canary-pw@")
    with pytest.raises(SourceFailed) as caught:
        read(url, timeout_s=2)
    assert "canary-pw" not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_hangs_is_given_up(emulator: FakeSnow) -> None:
    """In the middle of a crawl, and at the login; what was yielded before stays closed, nothing else is said."""
    with FakeSnow() as server:
        server.run("CREATE DATABASE ONE", "CREATE DATABASE TWO")
        with open_source("wh", SourceSettings(url=server.url(), timeout_s=2)) as source:
            items = source.read()
            first = next(items)
            server.hang()
            with pytest.raises(SourceFailed, match="failed"):
                list(items)
        with pytest.raises(SourceFailed, match="failed"):
            read(server.url(), timeout_s=2)
    assert isinstance(first, ContainersListed)
    assert first.within.parts == ("ONE",)


def test_what_is_missing_is_named(emulator: FakeSnow, database: str) -> None:
    """The emulator has no Account Usage, and a database that is not there cannot be used."""
    with open_source("wh", SourceSettings(url=emulator.url(f"/{database}", role="READER"))) as source:
        (lacks,) = source.missing()
    assert lacks.grant == "GRANT DATABASE ROLE SNOWFLAKE.OBJECT_VIEWER TO ROLE READER"
    with open_source("wh", SourceSettings(url=emulator.url("/elsewhere", role="READER"))) as source:
        assert 'GRANT USAGE ON DATABASE "ELSEWHERE" TO ROLE READER' in [lacks.grant for lacks in source.missing()]


def test_a_source_without_any_secret_is_wrong_before_anything_is_sent(emulator: FakeSnow) -> None:
    with pytest.raises(WrongSettings, match="password"):
        read(emulator.url("/shop").replace(":secret@", "@"))
