"""View SQL as real engines print it back, followed by the real reader: DuckDB, SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import duckdb
import psycopg
import pytest

from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset, Kind
from services.common.model.lineage import Direction, LineageRequest
from services.common.model.names import DatasetName, Namespace
from services.lineage.sql.worker import SqlParser
from tests.support import lineages
from tests.support.lineages import Lineage


@pytest.fixture
def lineage(tmp_path) -> Iterator[Lineage]:
    with SqlParser() as parser:
        made = Lineage(lineages.sqlite_database(tmp_path), reader=parser)
        yield made
        made.database.close()


def followed(lineage: Lineage, namespace: Namespace, rows: list[tuple[tuple[str, ...], str | None]]) -> None:
    """Follow tables and views given as parts and definition."""
    lineage.follow(
        *(
            Asset(name=DatasetName(namespace, parts), source="wh", kind=Kind.VIEW if sql else Kind.TABLE, sql=sql)
            for parts, sql in rows
        )
    )


def upstream(lineage: Lineage, namespace: Namespace, *parts: str) -> set[tuple[str, bool]]:
    """What a view is made from directly: qualified names, and whether a crawl showed them."""
    request = LineageRequest(DatasetName(namespace, parts).id, FULL_SCOPE, Direction.UPSTREAM, depth=1)
    return {(node.name.qualified, node.listed) for node in lineage.walker.walk(request).nodes if node.depth}


def test_duckdb_views(lineage, tmp_path):
    """`duckdb_views()` prints CREATE statements, with CTEs, FROM-first queries, files and macros in them."""
    (tmp_path / "extra.csv").write_text("a\n1\n")
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(
            "CREATE SCHEMA crm; CREATE TABLE orders (id int, customer_id int); CREATE TABLE crm.customers (id int)"
        )
        connection.execute(
            "CREATE VIEW big AS WITH orders AS (FROM orders WHERE id > 1) SELECT * FROM orders, crm.customers c"
        )
        connection.execute("CREATE VIEW crm.top AS FROM shop.orders SEMI JOIN shop.main.big USING (id)")
        connection.execute(f"CREATE VIEW files AS SELECT * FROM '{tmp_path}/extra.csv', range(3), orders")
        rows = connection.execute(
            "SELECT database_name, schema_name, table_name, NULL FROM duckdb_tables() UNION ALL "
            "SELECT database_name, schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    namespace = Namespace(f"duckdb://{tmp_path}/shop.duckdb")
    followed(lineage, namespace, [(row[:3], row[3]) for row in rows])
    orders, customers, big = ("shop.main.orders", True), ("shop.crm.customers", True), ("shop.main.big", True)
    assert upstream(lineage, namespace, "shop", "main", "big") == {orders, customers}
    assert upstream(lineage, namespace, "shop", "crm", "top") == {orders, big}  # printed as `FROM orders`: main has it
    assert upstream(lineage, namespace, "shop", "main", "files") == {orders}
    assert lineage.walker.status().unparsed == 0


def test_sqlite_views(lineage, tmp_path):
    """`sqlite_master` holds CREATE statements as they were written; names compare without case."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(
            "CREATE TABLE Orders (id); CREATE TABLE edges (source, target);"
            "CREATE VIEW v AS SELECT * FROM ORDERS o JOIN main.edges e ON e.source = o.id;"
            "CREATE VIEW IF NOT EXISTS [all] AS WITH reach(n) AS (SELECT 1 UNION SELECT target FROM edges, reach WHERE n = source)"
            " SELECT * FROM reach, json_each('[1]'), missing;"
        )
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    namespace = Namespace(f"sqlite://{tmp_path}/shop.db")
    followed(lineage, namespace, [(("shop", name), sql if kind == "view" else None) for kind, name, sql in rows])
    assert upstream(lineage, namespace, "shop", "v") == {("shop.Orders", True), ("shop.edges", True)}
    assert upstream(lineage, namespace, "shop", "all") == {("shop.edges", True), ("shop.missing", False)}


@pytest.mark.server
def test_postgresql_views(lineage, postgres_server):
    """`pg_get_viewdef` prints bare queries, fully qualified under an empty search path, whatever was written."""
    with psycopg.connect(postgres_server.create_database("views"), autocommit=True) as connection:
        connection.execute(
            'CREATE SCHEMA crm; CREATE TABLE orders (id int, at date, tags text[]); CREATE TABLE crm."Customers" (id int);'
            "CREATE VIEW v AS WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a, b WHERE n < 5), "
            "  b AS (SELECT count(*) FROM orders) SELECT a.n, t.tag FROM a, orders o, LATERAL unnest(o.tags) t(tag);"
            'CREATE MATERIALIZED VIEW crm.m AS SELECT * FROM crm."Customers" c WHERE EXISTS (SELECT FROM v WHERE v.n = c.id)'
            "  WITH NO DATA;"
            "CREATE VIEW w AS SELECT rank() OVER (PARTITION BY at ORDER BY id) FROM ONLY orders TABLESAMPLE system (5)"
            "  UNION ALL (VALUES (1), (2)) EXCEPT SELECT g FROM generate_series(1, 2) g"
        )
        connection.execute("SELECT set_config('search_path', '', false)")
        rows = connection.execute(
            "SELECT n.nspname, c.relname, CASE WHEN c.relkind <> 'r' THEN pg_get_viewdef(c.oid, true) END "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('public', 'crm') AND c.relkind IN ('r', 'v', 'm')"
        ).fetchall()
    namespace = Namespace("postgres://db1:5432")
    followed(lineage, namespace, [(("shop", schema, name), sql) for schema, name, sql in rows])
    orders = ("shop.public.orders", True)
    assert upstream(lineage, namespace, "shop", "public", "v") == {orders}
    assert upstream(lineage, namespace, "shop", "crm", "m") == {("shop.crm.Customers", True), ("shop.public.v", True)}
    assert upstream(lineage, namespace, "shop", "public", "w") == {orders}
