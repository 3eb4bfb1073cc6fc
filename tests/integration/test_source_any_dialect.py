"""Other dialects through SQLAlchemy's reflection, on engines whose own sources say what there is to be found."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import OperationalError

from services.common.errors import SourceFailed, WrongSettings
from services.common.model.assets import SQL_UNREADABLE, ContainerRead, ContainersListed, Found, Kind
from services.common.model.crawls import SourceInfo
from services.common.model.names import canonical_namespace
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources import any_dialect
from services.indexer.sources.any_dialect import AnyDialectSource
from services.indexer.sources.open import open_source
from tests.support.mariadb import MariaDbServer
from tests.support.servers import PostgresServer

SHOP = (
    "CREATE TABLE customer (id integer PRIMARY KEY, name varchar(80) NOT NULL, mood varchar(9) DEFAULT 'good')",
    "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), amount numeric(9,2))",
    "CREATE INDEX orders_amount ON orders (amount)",
    "CREATE VIEW recent AS SELECT id, amount FROM orders",
)


def generic(url: str, platform: str, namespace: str, **settings: Any) -> AnyDialectSource:
    given = SourceSettings(url=url, **settings)
    return AnyDialectSource(SourceInfo("wh", canonical_namespace(namespace), platform), given)


def tables(source: Any) -> dict[str, Found]:
    return {item.name.id: item for item in source.read() if isinstance(item, Found)}


def facts(found: Found) -> Any:
    """What any source must say alike; types, defaults and definitions are spelled by each dialect in its own way."""
    columns = [(column.name, column.nullable, column.description) for column in found.columns]
    keys = [(key.columns, key.ref_table, key.ref_columns) for key in found.foreign_keys]
    return found.name, found.kind, found.description, columns, found.primary_key, keys


def test_sqlite_is_found_as_its_own_source_finds_it(tmp_path: Path) -> None:
    """Ids, kinds, columns and keys; the engine shows everything to whoever may open the file."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        for statement in SHOP:
            connection.execute(statement)
    connection.close()
    with open_source("wh", SourceSettings(url=f"sqlite:///{path}")) as own:
        expected = tables(own)
        namespace = own.info.namespace
    with generic(f"sqlite:///{path}", "sqlite", namespace) as source:
        assert source.expected() == 3
        found = tables(source)
        items = list(source.read())
    assert set(found) == set(expected)
    for key, table in found.items():
        (name, kind, _, columns, primary, foreign), other = facts(table), facts(expected[key])
        assert (name, kind, primary) == (other[0], other[1], other[4])
        assert [column[0] for column in columns] == [column[0] for column in other[3]]
        assert foreign == other[5]
    (view,) = [table for table in found.values() if table.kind is Kind.VIEW]
    assert "FROM orders" in (view.sql or "")
    (end,) = [item for item in items if isinstance(item, ContainerRead)]
    assert (end.complete, end.grants, end.container.parts) == (True, None, ("shop",))
    assert len(source.sent) > 3
    assert not any("good" in statement for statement in source.sent)


@pytest.mark.server
def test_mariadb_is_found_as_its_own_source_finds_it(mariadb_server: MariaDbServer) -> None:
    """Databases are the containers; the engine's own are left out."""
    url = mariadb_server.create_database("shop")
    with mariadb_server.connect(url) as connection, connection.cursor() as cursor:
        for statement in SHOP:
            cursor.execute(statement)
    database = urlsplit(url).path[1:]
    with open_source("wh", SourceSettings(url=url, include=(database,))) as own:
        expected, namespace = tables(own), own.info.namespace
    plain = url.replace("mysql://", "mysql+pymysql://").replace("mariadb://", "mysql+pymysql://")
    with generic(plain, "mysql", namespace, include=(database,)) as source:
        found = tables(source)
        ends = {item.container.parts: item for item in source.read() if isinstance(item, ContainerRead)}
    assert {key: facts(table)[:2] for key, table in found.items()} == {
        key: facts(table)[:2] for key, table in expected.items()
    }
    keys = {table.name: facts(table)[4:] for table in found.values() if table.kind is Kind.TABLE}
    assert keys == {table.name: facts(table)[4:] for table in expected.values() if table.kind is Kind.TABLE}
    assert ends[database,].complete
    assert not {"mysql", "information_schema", "performance_schema", "sys"} & {parts[0] for parts in ends}


@pytest.fixture
def shop_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database("shop")
    with postgres_server.connect(url) as connection:
        for statement in SHOP:
            connection.execute(statement)
        connection.execute("CREATE SCHEMA sales")
        connection.execute("CREATE TABLE sales.line (order_id integer REFERENCES public.orders (id))")
        connection.execute("CREATE MATERIALIZED VIEW sales.counts AS SELECT count(*) AS n FROM sales.line")
        connection.execute("COMMENT ON TABLE orders IS 'one row an order'")
        connection.execute("COMMENT ON COLUMN orders.amount IS 'net'")
    return url


def _generic_postgres(url: str, **settings: Any) -> AnyDialectSource:
    parts = urlsplit(url)
    return generic(
        url.replace("postgresql://", "postgresql+psycopg://"),
        "postgres",
        f"postgres://{parts.hostname}:{parts.port}",
        **settings,
    )


@pytest.mark.server
def test_postgresql_is_found_as_its_own_source_finds_it(shop_url: str) -> None:
    """Comments, materialized views and keys across schemas included."""
    with open_source("wh", SourceSettings(url=shop_url)) as own:
        expected = {key: facts(table) for key, table in tables(own).items() if table.kind is Kind.TABLE}
        views = {table.name: table.kind for table in tables(own).values() if table.kind is not Kind.TABLE}
    with _generic_postgres(shop_url) as source:
        found = tables(source)
        items = list(source.read())
    assert {key: facts(table) for key, table in found.items() if table.kind is Kind.TABLE} == expected
    assert {table.name: table.kind for table in found.values() if table.kind is not Kind.TABLE} == views
    assert all(table.sql for table in found.values() if table.kind is not Kind.TABLE)
    (amount,) = [c for table in found.values() for c in table.columns if c.name == "amount" and table.kind is Kind.TABLE]
    assert (amount.type, amount.description) == ("NUMERIC(9, 2)", "net")
    database = urlsplit(shop_url).path[1:]
    ends = {item.container.parts: item for item in items if isinstance(item, ContainerRead)}
    assert set(ends) == {(database, "public"), (database, "sales")}
    assert all(end.complete and end.failure is None for end in ends.values())
    assert isinstance(items[-1], ContainersListed)
    assert items[-1].within.parts == (database,)


@pytest.mark.server
def test_statements_do_not_grow_with_the_tables(shop_url: str, postgres_server: PostgresServer) -> None:
    """Only views cost one each, and those only up to a bound."""
    with _generic_postgres(shop_url) as source:
        source.expected()
        few = len(source.sent)
    with postgres_server.connect(shop_url) as connection:
        for number in range(30):
            connection.execute(f"CREATE TABLE t{number} (a integer, b text)")
    with _generic_postgres(shop_url) as source:
        assert source.expected() == 35
        assert len(source.sent) == few


@pytest.mark.server
def test_a_table_that_is_no_longer_shown_changes_the_grants(shop_url: str, postgres_server: PostgresServer) -> None:
    """Nobody knows what a dialect hides: absence then never means gone, in its own container alone."""

    def grants() -> dict[tuple[str, ...], Any]:
        with _generic_postgres(shop_url) as source:
            return {item.container.parts[1:]: item.grants for item in source.read() if isinstance(item, ContainerRead)}

    before = grants()
    assert grants() == before
    with postgres_server.connect(shop_url) as connection:
        connection.execute("DROP VIEW recent")
    after = grants()
    assert after["public",] != before["public",]
    assert after["sales",] == before["sales",]
    assert None not in after.values()


@pytest.mark.server
def test_a_list_that_fails_leaves_its_schema_incomplete(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other; a definition that fails is said of its view; what the dialect does not have is no failure."""
    original = Inspector.get_multi_indexes

    def failing(self: Inspector, schema: str | None = None, **options: Any) -> Any:
        if schema == "sales":
            raise OperationalError("SELECT 'canary'", {"x": "canary"}, Exception("went away"))
        return original(self, schema=schema, **options)

    def refused(*_: Any, **__: Any) -> Any:
        raise OperationalError("SELECT 1", {}, Exception("permission denied"))

    def absent(*_: Any, **__: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(Inspector, "get_multi_indexes", failing)
    monkeypatch.setattr(Inspector, "get_view_definition", refused)
    monkeypatch.setattr(Inspector, "get_multi_table_comment", absent)
    with _generic_postgres(shop_url) as source:
        items = list(source.read())
    ends = {item.container.parts[1]: item for item in items if isinstance(item, ContainerRead)}
    assert (ends["sales"].complete, ends["sales"].failure) == (False, "schema sales: indexes: went away")
    assert ends["public"].complete
    (view,) = [item for item in items if isinstance(item, Found) and item.name.parts[-1] == "recent"]
    assert (view.sql, view.properties) == (None, {SQL_UNREADABLE: "permission denied"})


@pytest.mark.server
def test_columns_that_a_dialect_leaves_out_are_noticed(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer with fewer tables than the list has is a failure of the schema, not tables without columns."""
    monkeypatch.setattr(Inspector, "get_multi_columns", lambda *_, **__: {})
    with _generic_postgres(shop_url) as source:
        ends = [item for item in source.read() if isinstance(item, ContainerRead)]
    assert not any(end.complete for end in ends)
    assert "columns of 2 tables" in (ends[-1].failure or "")


@pytest.mark.server
def test_definitions_are_read_up_to_a_bound(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The views beyond it say why they have none."""
    monkeypatch.setattr(any_dialect, "MOST_DEFINITIONS", 1)
    with _generic_postgres(shop_url) as source:
        views = [table for table in tables(source).values() if table.kind is not Kind.TABLE]
    assert sorted(SQL_UNREADABLE in view.properties for view in views) == [False, True]


@pytest.mark.server
def test_globs_choose_tables_and_own_schemas_are_left_out(shop_url: str) -> None:
    """The engine's own schemas are no containers of anybody's."""
    with _generic_postgres(shop_url, include=("*.sales",)) as source:
        assert source.expected() == 2
        parts = {item.container.parts[1] for item in source.read() if isinstance(item, ContainerRead)}
    assert parts == {"public", "sales"}


@pytest.mark.parametrize("password", ["canary p@ss/w"])
def test_an_unreachable_server_is_named_without_the_password(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's message, on one line, and nothing hangs on to the driver's error."""
    monkeypatch.setenv("HW_TEST_SECRET", password)
    with (
        generic(
            "postgresql+psycopg://u@127.0.0.1:1/shop", "postgres", "postgres://x:1", password="env:HW_TEST_SECRET"
        ) as source,
        pytest.raises(SourceFailed) as caught,
    ):
        source.expected()
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("trino://u:canary@h/c", "pip install trino"),
        ("mssql+pymssql://u:canary@h/d", "pip install pymssql"),
        ("oracle+oracledb://u:canary@h/?service_name=x", "pip install oracledb"),
        ("clickhouse://u:canary@h/d", "pip install clickhouse-sqlalchemy"),
    ],
)
def test_a_missing_dialect_or_driver_says_what_to_install(url: str, says: str) -> None:
    """And repeats nothing of the URL."""
    with pytest.raises(WrongSettings) as caught:
        open_source("wh", SourceSettings(url=url))
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_url_that_would_load_code_is_refused() -> None:
    """SQLAlchemy's plugins are named in the URL."""
    with pytest.raises(WrongSettings, match="plugin"):
        generic("sqlite:///x.db?plugin=canary", "sqlite", "sqlite:///x.db")
