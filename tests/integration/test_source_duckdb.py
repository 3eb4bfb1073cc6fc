"""The DuckDB source against real files: what it reads, that it harms nothing, and its errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from services.common.errors import SourceFailed
from services.common.model.assets import Column, ForeignKey, Index, Kind
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from tests.support.crawled import crawl

SHOP = """
CREATE SCHEMA sales;
CREATE TABLE customer (id int PRIMARY KEY, name varchar DEFAULT 'nobody', mail varchar UNIQUE, loud varchar AS (upper(name)));
COMMENT ON TABLE customer IS 'who buys';
COMMENT ON COLUMN customer.name IS 'as on the invoice';
CREATE INDEX customer_names ON customer (name, (lower(mail)));
CREATE TABLE sales.orders (day date, id int, tags varchar[], PRIMARY KEY (day, id));
CREATE TABLE sales.line (day date NOT NULL, order_id int, FOREIGN KEY (day, order_id) REFERENCES sales.orders (day, id));
CREATE VIEW sales.recent AS SELECT day, count(*) AS n FROM sales.orders GROUP BY day;
COMMENT ON VIEW sales.recent IS 'newest first';
CREATE TABLE sales.dropped (i int);
CREATE VIEW sales.broken AS SELECT i FROM sales.dropped;
DROP TABLE sales.dropped;
INSERT INTO sales.orders SELECT date '2024-01-01', i, [] FROM range(500) t(i);
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., str]:
    """A DuckDB file in which some SQL has run; its URL."""

    def build(*statements: str, name: str = "shop.duckdb") -> str:
        path = tmp_path / name
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                connection.execute(statement)
        return f"duckdb:///{path}"

    return build


def test_tables_views_keys_and_comments(make: Callable[..., str]) -> None:
    """Everything that a reader of the catalog sees; the database is the file's stem."""
    read = crawl(make(SHOP))
    customer, line, orders = (read.tables[name] for name in ("main.customer", "sales.line", "sales.orders"))
    assert customer.name.parts == ("shop", "main", "customer")
    assert customer.description == "who buys"
    assert customer.columns[:3] == (
        Column("id", "INTEGER", nullable=False),
        Column("name", "VARCHAR", nullable=True, default="'nobody'", description="as on the invoice"),
        Column("mail", "VARCHAR", nullable=True),
    )
    assert "upper" in (customer.columns[3].default or "")
    assert customer.primary_key == ("id",)
    assert customer.indexes == (
        Index("customer_mail_key", ("mail",), unique=True),
        Index("customer_names", ("name", "(lower(mail))")),
    )
    assert orders.primary_key == ("day", "id")
    assert orders.rows == 500
    assert orders.columns[2].type == "VARCHAR[]"
    assert line.foreign_keys == (ForeignKey(("day", "order_id"), ("shop", "sales", "orders"), ("day", "id")),)
    assert set(read.containers) == {"main", "sales"}
    assert all(end.complete for end in read.containers.values())
    assert read.expected == len(read.tables) == 5


def test_views_keep_their_sql_and_columns(make: Callable[..., str]) -> None:
    """Also a view over a table that is gone."""
    read = crawl(make(SHOP))
    recent, broken = read.tables["sales.recent"], read.tables["sales.broken"]
    assert (recent.kind, recent.description, recent.rows) == (Kind.VIEW, "newest first", None)
    assert "sales.orders" in (recent.sql or "")
    assert [(column.name, column.nullable) for column in recent.columns] == [("day", None), ("n", None)]
    assert [column.name for column in broken.columns] == ["i"]


def test_schemas_inside_schemas_have_longer_names(make: Callable[..., str]) -> None:
    """Two schemas of one name in different places stay two."""
    try:
        url = make(
            "CREATE SCHEMA a; CREATE SCHEMA a.x; CREATE SCHEMA x; CREATE TABLE a.x.t (i int); CREATE TABLE x.t (j int)"
        )
    except duckdb.Error:
        pytest.skip(f"DuckDB {duckdb.__version__} has no schemas inside schemas")
    read = crawl(url)
    assert {name: table.columns[0].name for name, table in read.tables.items()} == {"a.x.t": "i", "x.t": "j"}
    assert set(read.containers) == {"main", "a", "a.x", "x"}


def test_globs_choose_tables(make: Callable[..., str]) -> None:
    """What is left out is not expected; its schema is complete all the same."""
    read = crawl(make(SHOP), include=("shop.SALES",), exclude=("*.broken",))
    assert set(read.tables) == {"sales.orders", "sales.line", "sales.recent"}
    assert read.expected == 3
    assert all(end.complete for end in read.containers.values())


@pytest.mark.parametrize("stem", ["system", "temp", "main", "it's", "a b.c", "🦆"])
def test_any_file_name_will_do(make: Callable[..., str], stem: str) -> None:
    """Names that DuckDB keeps for itself and signs that SQL quotes."""
    read = crawl(make("CREATE TABLE t (i int)", name=f"{stem}.duckdb"))
    assert read.tables["main.t"].name.parts == (stem, "main", "t")


AWKWARD = ['say "hi"', "it's", "a.b", "two\nlines", "back\\slash", "🦆", "\u202eleft\u202c", "[x]", "a, b", "x" * 300, " "]


def test_any_name_comes_back_as_it_is(make: Callable[..., str]) -> None:
    """Schemas, tables, columns, indexes, keys and comments with every awkward sign."""
    statements = []
    for name in AWKWARD:
        quoted = '"' + name.replace('"', '""') + '"'
        text = "'" + name.replace("'", "''") + "'"
        statements += [
            f"CREATE SCHEMA {quoted}",
            f"CREATE TABLE {quoted}.{quoted} ({quoted} int PRIMARY KEY)",
            f"CREATE TABLE {quoted}.child ({quoted} int REFERENCES {quoted}.{quoted})",
            f"CREATE INDEX {quoted} ON {quoted}.child ({quoted})",
            f"COMMENT ON COLUMN {quoted}.{quoted}.{quoted} IS {text}",
        ]
    tables = {item.name.parts[1:]: item for item in crawl(make(*statements)).tables.values()}
    assert len(tables) == 2 * len(AWKWARD)
    for name in AWKWARD:
        assert tables[name, name].columns == (Column(name, "INTEGER", nullable=False, description=name),)
        assert tables[name, "child"].foreign_keys == (ForeignKey((name,), ("shop", name, name), (name,)),)
        assert tables[name, "child"].indexes == (Index(name, (name,)),)


def test_the_number_of_statements_does_not_grow_with_tables(make: Callable[..., str]) -> None:
    """Three tables or three hundred."""
    small = crawl(make(*(f"CREATE TABLE t{i} (i int)" for i in range(3)), name="small.db"))
    large = crawl(make(*(f"CREATE TABLE t{i} (i int)" for i in range(300)), name="large.db"))
    assert (len(small.tables), len(large.tables)) == (3, 300)
    assert small.statements == large.statements == 10


def test_the_file_is_left_as_it_is_and_free_to_be_written(make: Callable[..., str], tmp_path: Path) -> None:
    """Not a byte changes, and a writer can have the file while tables are still being handed on."""
    url = make(SHOP)
    before = (tmp_path / "shop.duckdb").read_bytes()
    with open_source("wh", SourceSettings(url=url)) as source:
        stream = source.read()
        next(stream)
        assert (tmp_path / "shop.duckdb").read_bytes() == before
        code = f"import duckdb; duckdb.connect({str(tmp_path / 'shop.duckdb')!r}).execute('CREATE TABLE later (i int)')"
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
        assert len(list(stream)) == 7


def test_a_file_held_by_a_writer_says_so(make: Callable[..., str], tmp_path: Path) -> None:
    """A clear line instead of the driver's."""
    url = make("CREATE TABLE t (i int)")
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(tmp_path / 'shop.duckdb')!r}); print(1, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(SourceFailed, match="open for writing in another process"):
            crawl(url)
        writer.communicate()
    assert crawl(url).expected == 1


def test_files_that_are_no_database_say_so(tmp_path: Path) -> None:
    """A missing file is not made, a folder and another format are not read."""
    missing = tmp_path / "missing.duckdb"
    with pytest.raises(SourceFailed, match="there is no file"):
        crawl(f"duckdb:///{missing}")
    assert not missing.exists()
    with pytest.raises(SourceFailed, match="there is no file"):
        crawl(f"duckdb:///{tmp_path}")
    (tmp_path / "notes.duckdb").write_text("dear diary" * 2000)
    with pytest.raises(SourceFailed, match="cannot be read"):
        crawl(f"duckdb:///{tmp_path / 'notes.duckdb'}")


def test_a_relative_path_is_relative_to_here(
    make: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three slashes relative, four absolute; the namespace is the absolute path either way."""
    url = make("CREATE TABLE t (i int)")
    monkeypatch.chdir(tmp_path)
    near, far = crawl("duckdb:///shop.duckdb"), crawl(url)
    assert near.stream == far.stream
    assert near.tables["main.t"].name.namespace == f"duckdb://{os.path.realpath(tmp_path)}/shop.duckdb"
