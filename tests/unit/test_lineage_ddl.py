"""DDL of every dialect as the changes that it makes; what is not understood, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.common.model.schema_changes import ChangeKind, MadeBy, SchemaChange
from services.lineage.sql.ddl import read_ddl
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.frames import dump_answer, dump_batch, load_answer, load_batch

DROP, RENAME, RETYPE, REPLACE, ADD = ChangeKind


def change(kind: ChangeKind, table: str, column: str | None = None, to: str | None = None, *columns: str) -> SchemaChange:
    return SchemaChange(kind, table, column, to, columns or None)


def made(table: str, **types: str | None) -> SchemaChange:
    return SchemaChange(REPLACE, table, columns=tuple(types), types=tuple(types.values()))


CASES = [
    ("", "ALTER TABLE a.b DROP COLUMN c, DROP COLUMN d", [change(DROP, "a.b", "c"), change(DROP, "a.b", "d")]),
    ("postgres", "ALTER TABLE IF EXISTS b DROP COLUMN IF EXISTS c CASCADE", [change(DROP, "b", "c")]),
    ("postgres", "ALTER TABLE t RENAME COLUMN a TO b", [change(RENAME, "t", "a", "b")]),
    ("postgres", "ALTER TABLE t RENAME a TO b", [change(RENAME, "t", "a", "b")]),
    ("postgres", "ALTER TABLE t RENAME TO u", [change(RENAME, "t", None, "u")]),
    ("postgres", "ALTER TABLE t ALTER c TYPE bigint USING c::bigint", [change(RETYPE, "t", "c", "BIGINT")]),
    ("snowflake", "ALTER TABLE t MODIFY COLUMN c NUMBER(3)", [change(RETYPE, "t", "c", "DECIMAL(3)")]),
    ("snowflake", "ALTER TABLE t SWAP WITH u", [change(REPLACE, "t"), change(REPLACE, "u")]),
    ("mysql", "ALTER TABLE t CHANGE a b INT", [change(RENAME, "t", "a", "b")]),
    ("mysql", "ALTER TABLE t MODIFY c BIGINT NOT NULL", [change(RETYPE, "t", "c", "BIGINT")]),
    ("mysql", "RENAME TABLE a TO b, c.d TO e", [change(RENAME, "a", None, "b"), change(RENAME, "c.d", None, "e")]),
    ("tsql", "EXEC sp_rename 'dbo.t.a', 'b', 'COLUMN'", [change(RENAME, "dbo.t", "a", "b")]),
    ("", "DROP TABLE IF EXISTS a.b, c CASCADE", [change(DROP, "a.b"), change(DROP, "c")]),
    ("postgres", "DROP MATERIALIZED VIEW mv", [change(DROP, "mv")]),
    ("", "CREATE OR REPLACE VIEW v AS SELECT a, b AS c FROM t", [change(REPLACE, "v", None, None, "a", "c")]),
    ("", "CREATE OR REPLACE VIEW v (x, y) AS SELECT a, b FROM t", [change(REPLACE, "v", None, None, "x", "y")]),
    ("", "CREATE OR REPLACE VIEW v AS SELECT * FROM t", [change(REPLACE, "v")]),
    ("", "CREATE OR REPLACE VIEW v AS SELECT sum(a) FROM t", [change(REPLACE, "v")]),
    ("", "DROP TABLE t; CREATE TABLE t (a INT, b TEXT)", [made("t", a="INT", b="TEXT")]),
    ("", "CREATE TABLE t (a INT); DROP TABLE t", [made("t", a="INT"), change(DROP, "t")]),
    ("", "CREATE OR REPLACE VIEW v AS SELECT CAST(a AS INT) AS a, b FROM t", [made("v", a="INT", b=None)]),
    ("spark", "ALTER TABLE t DROP COLUMNS (a, b)", [change(DROP, "t", "a"), change(DROP, "t", "b")]),
    ("hive", "ALTER TABLE t REPLACE COLUMNS (a INT)", [made("t", a="INT")]),
    ("tsql", "ALTER VIEW v AS SELECT 1 AS a", [change(REPLACE, "v", None, None, "a")]),
    ("tsql", "SET NOCOUNT ON\nALTER TABLE t DROP COLUMN a", [change(DROP, "t", "a")]),
    ("tsql", "BEGIN TRAN\nALTER TABLE t DROP COLUMN a\nCOMMIT", [change(DROP, "t", "a")]),
    ("tsql", "USE retail\nDROP TABLE t", [change(DROP, "t")]),
    ("tsql", "BEGIN TRY\n DROP TABLE t;\nEND TRY\nBEGIN CATCH\nTHROW\nEND CATCH", [change(DROP, "t")]),
    ("tsql", "IF OBJECT_ID('t') IS NOT NULL DROP TABLE t", [change(DROP, "t")]),
    ("tsql", "IF 1 = 1\nBEGIN\nDROP TABLE t\nEND", [change(DROP, "t")]),
    ("tsql", "EXEC('DROP TABLE t')", [change(DROP, "t")]),
    ("tsql", "EXEC sp_executesql N'DROP TABLE t'", [change(DROP, "t")]),
    ("bigquery", "BEGIN\n  DROP TABLE t;\nEND;", [change(DROP, "t")]),
    ("snowflake", "BEGIN\n  ALTER TABLE t DROP COLUMN a;\nEND;", [change(DROP, "t", "a")]),
    ("snowflake", "EXECUTE IMMEDIATE $$ BEGIN DROP TABLE t; END $$", [change(DROP, "t")]),
    ("postgres", "DO $$ begin drop table t; end $$", [change(DROP, "t")]),
    ("tsql", "SET NOCOUNT ON\nBEGIN TRAN\nINSERT INTO t SELECT 1 AS a\nUPDATE t SET a = 2\nCOMMIT\nPRINT 'drop it'", []),
    (
        "postgres",
        "ALTER TABLE t ALTER b SET NOT NULL, DROP CONSTRAINT c, ADD CONSTRAINT d CHECK (a > 0); VACUUM t; LOCK TABLE t",
        [],
    ),
    ("postgres", "ALTER TABLE t ADD COLUMN a int, DROP COLUMN b", [change(ADD, "t", "a", "INT"), change(DROP, "t", "b")]),
    ("postgres", "ALTER TABLE t ADD COLUMN IF NOT EXISTS a text DEFAULT 'x'", [change(ADD, "t", "a", "TEXT")]),
    ("mysql", "ALTER TABLE t ADD a INT AFTER b, ADD INDEX i (a)", [change(ADD, "t", "a", "INT")]),
    ("oracle", "ALTER TABLE t ADD (a INT, b INT)", [change(ADD, "t", "a", "INT"), change(ADD, "t", "b", "INT")]),
    (
        "spark",
        "ALTER TABLE t ADD COLUMNS (a INT, b STRING)",
        [change(ADD, "t", "a", "INT"), change(ADD, "t", "b", "STRING")],
    ),
    ("tsql", "ALTER TABLE t ADD a INT, b BIT", [change(ADD, "t", "a", "INTEGER"), change(ADD, "t", "b", "BIT")]),
    ("postgres", "SELECT replace(a, 'drop', 'x') FROM t; COMMENT ON TABLE t IS 'drop it'; SET a TO b; END", []),
    ("", "CREATE TABLE IF NOT EXISTS t (a INT)", []),
    ("bigquery", "DROP TABLE `p`.`odd name`.t", [change(DROP, 'p."odd name".t')]),
    ("", "INSERT INTO t SELECT 1; GRANT SELECT ON t TO x", []),
]


@pytest.mark.parametrize(("dialect", "sql", "expected"), CASES, ids=[sql for _, sql, _ in CASES])
def test_a_statement_is_its_changes(dialect, sql, expected):
    """Nothing more, nothing less, and the same after the way to the worker process and back."""
    found = read_ddl(Ddl(sql, dialect))
    assert [replace(one, made_by=None) for one in found.changes] == expected
    assert found.problems == ()
    assert load_answer(dump_answer(found)) == found
    assert load_batch(dump_batch([Ddl(sql, dialect)])) == [Ddl(sql, dialect)]


@pytest.mark.parametrize(
    ("sql", "made_by"),
    [
        (
            "CREATE OR REPLACE VIEW v (x) AS SELECT a /* b */ FROM t",
            "CREATE OR REPLACE VIEW v (x) AS SELECT a /* b */ FROM t",
        ),
        ("ALTER VIEW v AS SELECT 1 AS a", "SELECT 1 AS a"),
        ("DROP TABLE t; CREATE TABLE t AS SELECT 1 AS a", "CREATE TABLE t AS SELECT 1 AS a"),
        ("CREATE OR REPLACE TABLE t (a INT)", None),
    ],
)
def test_a_table_that_is_made_anew_comes_with_its_query(sql, made_by):
    """As it is written where that is the whole statement; none where no query fills it."""
    (found,) = read_ddl(Ddl(sql, "tsql" if sql.startswith("ALTER") else "")).changes
    assert found.made_by == (made_by and MadeBy(made_by, "tsql" if sql.startswith("ALTER") else ""))


@pytest.mark.parametrize(
    "sql", ["ALTER TABEL t DROP c", "ALTER TABLE t SET SCHEMA x", "DROP SCHEMA s CASCADE", ")(", "FROB t"]
)
def test_what_is_not_understood_is_said_without_its_text(sql):
    """A problem by the number of the statement; the others are still read."""
    found = read_ddl(Ddl(f"DROP TABLE a; {sql}; DROP TABLE b", "postgres"))
    assert {one.table for one in found.changes} <= {"a", "b"}
    assert len(found.problems) == 1
    assert sql not in found.problems[0]


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("oracle", "ALTER TABLE t DROP (a, b)"),
        ("oracle", "BEGIN EXECUTE IMMEDIATE 'DROP TABLE t'; END;"),
        ("tsql", "EXEC (@sql)"),
        ("tsql", "EXEC clean_up 1"),
        ("tsql", "CREATE TABLE a (x int)\nDROP TABLE t"),
        ("tsql", "CREATE PROCEDURE p AS BEGIN DROP TABLE t; END"),
        ("postgres", "CALL clean_up(1)"),
        ("postgres", "DROP TYPE mood CASCADE"),
        ("postgres", "EXPLAIN ANALYZE DROP TABLE t"),
        ("snowflake", "UNDROP TABLE t"),
        ("snowflake", "CREATE OR REPLACE SCHEMA s"),
        ("clickhouse", "EXCHANGE TABLES a AND b"),
    ],
)
def test_what_may_take_something_away_is_never_nothing(dialect, sql):
    """A text, a procedure, a block or an action that is not looked into is a problem."""
    assert read_ddl(Ddl(sql, dialect)).problems


@pytest.mark.parametrize(
    ("dialect", "sql", "needs"),
    [
        ("postgres", "INSERT INTO t (a) SELECT b FROM s.u", "t t.a s.u s.u.b"),
        ("postgres", "WITH c AS (SELECT a FROM t) SELECT a, x FROM c JOIN u ON c.a = u.id", "t t.a u u.x u.id"),
        ("postgres", "SELECT a FROM t, u", "t u t|u.a"),
        ("postgres", "UPDATE t SET a = u.c FROM u WHERE t.id = u.id", "u t t.a u.c t.id u.id"),
        ("mysql", "UPDATE a JOIN b ON a.i = b.i SET a.x = b.y, z = 1", "a b a.i b.i a.x b.y a|b.z"),
        ("tsql", "UPDATE x SET a = 1 FROM orders AS x", "orders orders.a"),
        ("", "MERGE INTO t USING s ON t.i = s.i WHEN NOT MATCHED THEN INSERT (i) VALUES (s.w)", "s t t.i s.i s.w"),
        ("", "CREATE UNIQUE INDEX i ON t (a, lower(b)) INCLUDE (c)", "t t.a t.b t.c"),
        ("", "CREATE TABLE n (a INT REFERENCES o (id))", "o o.id"),
        ("postgres", "ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (a)", "t.a"),
        ("postgres", "SELECT a FROM t, generate_series(1, 2) AS g; SELECT relname FROM pg_class", "t"),
        ("snowflake", "SELECT * FROM t PIVOT (sum(a) FOR b IN ('x'))", "t"),
        ("bigquery", "SELECT s.f, x.y.z FROM d.t, UNNEST(list) AS s", "d.t"),
    ],
)
def test_what_a_statement_needs_is_told(dialect, sql, needs):
    """Tables, and columns of one table or of one of several; nothing where something else in sight may have the column."""
    found = read_ddl(Ddl(sql, dialect)).needs
    told = [".".join(part for part in ("|".join(one.tables), one.column) if part) for one in found]
    assert sorted(told) == sorted(needs.split())


def test_a_need_is_told_at_its_place_among_the_changes():
    """What an ALTER brings is there for its own keys; a table that is dropped and made again is one change."""
    script = (
        "DROP TABLE a; CREATE TABLE a (x INT); ALTER TABLE b ADD COLUMN y INT, ADD CONSTRAINT k UNIQUE (y); DELETE FROM a"
    )
    found = read_ddl(Ddl(script, "postgres"))
    assert load_answer(dump_answer(found)) == found
    assert [(one.statement, one.after, one.tables, one.column) for one in found.needs] == [
        (3, 2, ("b",), "y"),
        (4, 2, ("a",), None),
    ]
    (made,) = read_ddl(Ddl("CREATE VIEW v AS SELECT 1 FROM t", "")).needs
    assert made.makes == ("v",)


@pytest.mark.parametrize("many", [2_000])
def test_very_long_chains_have_their_needs(many):
    """UNIONs and conditions as long as a program writes them."""
    union = " UNION ALL ".join(f"SELECT a FROM t{number}" for number in range(many))
    assert len({one.tables for one in read_ddl(Ddl(f"INSERT INTO x {union}", "")).needs}) == many + 1
