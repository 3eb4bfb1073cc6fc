"""The SQLite source against real files: what it reads, broken views, strange names, and its errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from services.common.errors import SourceFailed
from services.common.model.assets import Column, ForeignKey, Index, Kind
from services.indexer.sources.sqlite_file import index_terms
from tests.support.crawled import crawl

SHOP = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'nobody', mail TEXT UNIQUE, free,
                       loud TEXT GENERATED ALWAYS AS (upper(name)) VIRTUAL);
CREATE INDEX by_name ON customer (name DESC, lower(mail || ','), "free") WHERE id > 0;
CREATE TABLE orders (day TEXT, id INT, customer_id INT REFERENCES Customer, PRIMARY KEY (day, id)) WITHOUT ROWID;
CREATE TABLE line (day TEXT, order_id INT, FOREIGN KEY (day, order_id) REFERENCES orders (day, id));
CREATE VIEW recent AS SELECT day, count(*) AS n FROM orders GROUP BY day;
INSERT INTO customer (name) VALUES ('canary-row');
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., str]:
    """A SQLite file in which some SQL has run; its URL."""

    def build(script: str, name: str = "shop.db") -> str:
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.executescript(script)
        return f"sqlite:///{tmp_path / name}"

    return build


def test_tables_views_keys_and_indexes(make: Callable[..., str]) -> None:
    """Everything that a reader of the catalog sees; the database is the file's stem and there is no schema."""
    read = crawl(make(SHOP))
    customer = read.tables["customer"]
    assert customer.name.parts == ("shop", "customer")
    assert customer.columns == (
        Column("id", "INTEGER", nullable=False),
        Column("name", "TEXT", nullable=False, default="'nobody'"),
        Column("mail", "TEXT", nullable=True),
        Column("free", None, nullable=True),
        Column("loud", "TEXT", nullable=True),
    )
    assert customer.primary_key == ("id",)
    assert customer.indexes == (
        Index("by_name", ("name", "lower(mail || ',')", "free")),
        Index("sqlite_autoindex_customer_1", ("mail",), unique=True),
    )
    assert (customer.rows, customer.bytes, customer.sql) == (None, None, None)
    orders, line, recent = read.tables["orders"], read.tables["line"], read.tables["recent"]
    assert orders.primary_key == ("day", "id")
    assert orders.foreign_keys == (ForeignKey(("customer_id",), ("shop", "customer"), ("id",)),)
    assert line.foreign_keys == (ForeignKey(("day", "order_id"), ("shop", "orders"), ("day", "id")),)
    assert (recent.kind, [column.name for column in recent.columns]) == (Kind.VIEW, ["day", "n"])
    assert (recent.sql or "").startswith("CREATE VIEW recent AS SELECT")
    assert [(end.complete, end.container.parts) for end in read.containers.values()] == [(True, ("shop",))]
    assert read.expected == len(read.tables) == 4
    assert "canary-row" not in repr(read)


def test_a_broken_view_costs_only_its_own_columns(make: Callable[..., str]) -> None:
    """One of them fails SQLite's bulk pragmas for all views; each is then asked for by itself."""
    script = "CREATE TABLE t (i INT); CREATE TABLE gone (i INT); CREATE VIEW bad AS SELECT i FROM gone; DROP TABLE gone;"
    read = crawl(make(script + "CREATE VIEW good AS SELECT i FROM t;"))
    bad, good = read.tables["bad"], read.tables["good"]
    assert (bad.columns, bad.properties) == ((), {"columns_unreadable": "no such table: main.gone"})
    assert ([column.name for column in good.columns], good.properties) == (["i"], {})
    assert [column.name for column in read.tables["t"].columns] == ["i"]


def test_a_virtual_table_of_a_missing_module_costs_only_its_own_columns(make: Callable[..., str], tmp_path: Path) -> None:
    """As extensions leave behind where they are not loaded."""
    url = make("CREATE TABLE t (i INT)")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("PRAGMA writable_schema = on")
        row = "('table', 'far', 'far', 0, 'CREATE VIRTUAL TABLE far USING nowhere(x)')"
        connection.execute(f"INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES {row}")
        connection.commit()
    read = crawl(url)
    assert read.tables["far"].properties == {"columns_unreadable": "no such module: nowhere"}
    assert [column.name for column in read.tables["t"].columns] == ["i"]


def test_what_a_virtual_table_keeps_for_itself_is_left_out(make: Callable[..., str]) -> None:
    """A full-text table is one table, not six, without its hidden columns."""
    if sqlite3.sqlite_version_info < (3, 37, 0):
        pytest.skip("this SQLite cannot tell the tables of a virtual table")
    read = crawl(make("CREATE VIRTUAL TABLE notes USING fts5(title, body)"))
    assert {name: [column.name for column in table.columns] for name, table in read.tables.items()} == {
        "notes": ["title", "body"]
    }


def test_the_number_of_statements_does_not_grow_with_tables(make: Callable[..., str]) -> None:
    """Three tables or three hundred."""
    table = "CREATE TABLE t{0} (i INT PRIMARY KEY, j INT REFERENCES t0); CREATE VIEW v{0} AS SELECT i FROM t{0};"
    small = crawl(make("".join(table.format(i) for i in range(3)), "small.db"))
    large = crawl(make("".join(table.format(i) for i in range(300)), "large.db"))
    assert (len(small.tables), len(large.tables)) == (6, 600)
    assert small.statements == large.statements == 7


AWKWARD = ['say "hi"', "it's", "a.b", "two\nlines", "back\\slash", "🦆", "\u202eleft\u202c", "[x]", "a, b", "100%_", " "]


def test_any_name_comes_back_as_it_is(make: Callable[..., str]) -> None:
    """Tables, columns, indexes and keys with every awkward sign; also in the name of the file."""
    script = ""
    for name in AWKWARD:
        quoted = '"' + name.replace('"', '""') + '"'
        child = '"child of ' + name.replace('"', '""') + '"'
        index = '"index of ' + name.replace('"', '""') + '"'
        script += (
            f"CREATE TABLE {quoted} ({quoted} INT PRIMARY KEY); CREATE TABLE {child} ({quoted} INT REFERENCES {quoted});"
        )
        script += f"CREATE INDEX {index} ON {child} ({quoted});"
    tables = {item.name.parts: item for item in crawl(make(script, "it's 100% 🦆 #.db")).tables.values()}
    assert len(tables) == 2 * len(AWKWARD)
    for name in AWKWARD:
        parent, child = tables["it's 100% 🦆 #", name], tables["it's 100% 🦆 #", f"child of {name}"]
        assert parent.primary_key == (name,)
        assert child.foreign_keys == (ForeignKey((name,), parent.name.parts, (name,)),)
        assert child.indexes == (Index(f"index of {name}", (name,)),)


def test_the_terms_of_an_index_are_split_outside_brackets_and_quotes() -> None:
    """SQLite tells no expression but in the statement that made the index."""
    assert index_terms("CREATE INDEX \"a(b\" ON t (x, f(a, ')') , [y,(], `z` DESC) WHERE (x > 1)") == [
        "x",
        "f(a, ')')",
        "[y,(]",
        "`z` DESC",
    ]


def test_a_missing_locked_or_foreign_file_fails_the_source(make: Callable[..., str], tmp_path: Path) -> None:
    """With its path and a reason; a missing file is not made."""
    with pytest.raises(SourceFailed, match="there is no file"):
        crawl(f"sqlite:///{tmp_path / 'missing.db'}")
    assert not (tmp_path / "missing.db").exists()
    (tmp_path / "notes.db").write_text("dear diary" * 1000)
    with pytest.raises(SourceFailed, match="not a database"):
        crawl(f"sqlite:///{tmp_path / 'notes.db'}")
    url = make("CREATE TABLE t (i INT)")
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceFailed, match=r"shop\.db cannot be read: database is locked"):
            crawl(url, timeout_s=0.5)


def test_the_file_is_left_as_it_is(make: Callable[..., str], tmp_path: Path) -> None:
    """Not a byte changes."""
    url = make(SHOP)
    before = (tmp_path / "shop.db").read_bytes()
    crawl(url)
    assert (tmp_path / "shop.db").read_bytes() == before
