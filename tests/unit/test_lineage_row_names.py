"""Names that stand for rows in code, and statements inside WITH: which tables are read for which, and how often a text is cut."""

from __future__ import annotations

import pytest
from sqlglot import tokenize

from services.lineage.sql import extract
from services.lineage.sql.extract import read_script
from services.lineage.sql.relation import OutColumn, Relation
from services.lineage.sql.row_names import RowNames, trigger_table
from services.lineage.sql.script import Script
from services.lineage.sql.writes import ANSWER, Facts, Write


@pytest.mark.parametrize("dialect", ["oracle", "postgres", "snowflake", ""])
def test_a_table_may_be_called_like_the_row_of_a_loop(dialect):
    """Inside the loop, as FROM names tables and not rows, and behind it."""
    loop = (
        "BEGIN FOR t IN (SELECT a FROM s) LOOP INSERT INTO u (x) VALUES (t.a); INSERT INTO v SELECT c FROM t; END LOOP; END;"
    )
    whole = read_script(Script(f"{loop} INSERT INTO w SELECT b FROM t;", dialect)).whole
    assert set(whole.table_edges) == {("s", "u"), ("t", "v"), ("t", "w")}
    assert {(edge.source, edge.column, edge.target) for edge in whole.column_edges} == {
        ("s", "a", "u"), ("t", "c", "v"), ("t", "b", "w"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "WITH del AS (DELETE FROM t RETURNING a), ins AS (INSERT INTO u SELECT a FROM del) SELECT 1",
            {("t", "u")},
        ),
        ("WITH c AS (SELECT a FROM t), ins AS (INSERT INTO u SELECT count(*) FROM c) SELECT 1", {("t", "u")}),
        (
            "WITH ins AS (INSERT INTO t (a) SELECT a FROM s RETURNING id) UPDATE u SET tid = ins.id FROM ins",
            {("s", "t"), ("s", "u"), ("t", "u")},
        ),
        (
            "WITH ins AS (INSERT INTO t (a) SELECT a FROM s RETURNING a) INSERT INTO u SELECT a FROM ins",
            {("s", "t"), ("s", "u")},
        ),
        (
            "BEGIN FOR r IN (SELECT a FROM s) LOOP WITH ins AS (INSERT INTO u SELECT r.a) SELECT 1; END LOOP; END",
            {("s", "u")},
        ),
    ],
)
def test_statements_inside_with_read_what_is_behind_the_names_there(sql, expected):
    """As tables and not as columns alone; a table whose key is taken is read, one whose rows come from elsewhere is not."""
    assert set(read_script(Script(sql, "postgres")).whole.table_edges) == expected


@pytest.mark.parametrize("dialect", ["tsql", "mysql", "bigquery", "clickhouse"])
@pytest.mark.parametrize("into", ["log (x)", "audit (x)", "#v (x)", "@v (x)", "[log] (x)", "dbo.log (x)", "@v", "#v"])
def test_no_table_without_a_name_is_written(dialect, into):
    """Whatever the parser makes of the name behind OUTPUT … INTO."""
    whole = read_script(Script(f"INSERT INTO u (a) OUTPUT inserted.a INTO {into} SELECT a FROM t", dialect)).whole
    assert whole.targets[:1] == ("u",)
    assert all(whole.targets)
    assert all(source and target for source, target in whole.table_edges)


def test_names_are_known_inside_their_loops_only():
    """So that a statement looks through the names around it, not through all of the text."""
    names = RowNames()
    names.walk(tokenize("BEGIN FOR r IN ("))
    names.take(Facts("SELECT", [Write(None, [OutColumn("a", {(("s",), "a"): 0})], how=ANSWER)]), set())
    assert names.relations == {}
    names.walk(tokenize(") LOOP"))
    assert [*names.relations] == ["r"]
    names.walk(tokenize("; END LOOP;"))
    assert names.relations == {}


@pytest.mark.parametrize(
    ("head", "rows", "tables"),
    [
        ("REFERENCING NEW AS n OLD AS o", {"n", "o"}, set()),
        ("REFERENCING OLD TABLE AS o, NEW TABLE n", {"n", "o"}, {"n", "o"}),
        ("REFERENCING NEW_TABLE AS n OLD ROW AS o", {"n", "o"}, {"n"}),
        ("", set(), set()),
    ],
)
def test_a_trigger_may_name_its_rows(head, rows, tables):
    """One by one, or as a table, which FROM may name."""
    tokens = tokenize(f"CREATE TRIGGER g AFTER UPDATE ON t {head} FOR EACH ROW BEGIN SELECT 1")
    names = RowNames().of_trigger(tokens, Relation())
    own = {"new", "old", "inserted", "deleted"}
    assert (set(names.relations) - own, set(names.tables) - own) == (rows, tables)


def test_the_table_of_a_trigger_in_brackets():
    """Also where the dialect takes a bracket for the beginning of a list."""
    assert trigger_table(tokenize("CREATE TRIGGER g ON [dbo].[t] AFTER INSERT AS BEGIN SELECT 1")) == ("dbo", "t")
    assert trigger_table(tokenize("CREATE TRIGGER g ON web.dbo.t AFTER INSERT AS BEGIN SELECT 1")) == ("web", "dbo", "t")


def test_the_texts_of_a_select_list_are_cut_once(monkeypatch):
    """Not once for each column without a name."""
    count = []
    members = extract.members
    monkeypatch.setattr(extract, "members", lambda tokens, sql: count.append(1) or members(tokens, sql))
    whole = read_script(Script("SELECT upper(a), lower(b), upper(c) FROM t", "oracle")).whole
    assert [edge.into for edge in whole.column_edges] == ["upper(a)", "lower(b)", "upper(c)"]
    assert len(count) == 1


@pytest.mark.parametrize("name", ["@kept", "#kept", "kept"])
@pytest.mark.parametrize("columns", ["", " (x)"])
def test_output_goes_into_the_same_name_with_and_without_columns(name, columns):
    """A variable and a temporary table keep their mark."""
    sql = f"INSERT INTO u (a) OUTPUT inserted.a INTO {name}{columns} SELECT a FROM t"
    assert read_script(Script(sql, "tsql")).whole.targets == ("u", name)
