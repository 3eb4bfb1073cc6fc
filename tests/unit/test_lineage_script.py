"""Lineage of whole texts: limits, errors without SQL in them, names of dialects, the answer's shape."""

from __future__ import annotations

import json

import pytest

from services.lineage.sql.dialects import dialect_of
from services.lineage.sql.extract import read_script
from services.lineage.sql.facts import Kind
from services.lineage.sql.names import is_dialect
from services.lineage.sql.script import Script
from services.lineage.sql.statement import MAX_NESTING


def edges(sql: str, dialect: str = "", **more) -> set[tuple]:
    return {(e.source, e.column, e.target, e.into) for e in read_script(Script(sql, dialect, **more)).whole.column_edges}


def test_the_answer_has_the_documented_shape():
    """Statements, then the whole; nulls where there is no table."""
    shape = read_script(Script("INSERT INTO t (a) SELECT x FROM s; SELECT y FROM p, q")).shape()
    assert list(shape) == ["statements", "sources", "targets", "table_edges", "column_edges"]
    assert list(shape["statements"][0]) == ["type", "sources", "targets", "table_edges", "column_edges", "error"]
    assert shape["table_edges"] == [["s", "t"]]
    assert {"from": ["s", "x"], "to": ["t", "a"], "kind": "identity"} in shape["column_edges"]
    assert {"from": [None, "y"], "to": [None, "y"], "kind": "identity"} in shape["column_edges"]
    json.dumps(shape)


def test_an_error_is_a_kind_and_a_place():
    """What was written never shows, neither in the reason nor in the statement's type."""
    lineage = read_script(Script("SELECT a\nFROM t\nWHERE x = = 'hunter2'; FROBNICATE secret WITH hunter2", "postgres"))
    assert [one.type for one in lineage.statements] == ["SELECT", "UNPARSED"]
    assert lineage.statements[0].error == "its syntax is not understood at line 3, column 11"
    assert str(lineage.statements[1].error).startswith("its syntax is not understood at line 3")
    assert "hunter2" not in json.dumps([(one.type, one.error) for one in lineage.statements])
    assert lineage.whole.sources == ("t",)


def test_nesting_has_a_limit_and_length_has_none():
    """Fifty thousand brackets are refused; thousands of ORs, UNIONs, columns and statements are read."""
    deep = read_script(Script("SELECT " + "(" * 50_000 + "1" + ")" * 50_000))
    assert [one.error for one in deep.statements] == ["it is nested too deeply"]
    assert (
        read_script(Script("SELECT " + "(" * (MAX_NESTING + 1) + "a" + ")" * (MAX_NESTING + 1) + " FROM t"))
        .statements[0]
        .error
    )
    ors = " OR ".join(f"c{number} = {number}" for number in range(2_000))
    assert len(read_script(Script(f"SELECT a FROM t WHERE {ors}")).whole.column_edges) == 2_001
    unions = " UNION ALL ".join(f"SELECT a FROM t{number}" for number in range(300))
    assert len(read_script(Script(unions)).whole.sources) == 300
    lines = ";".join(f"INSERT INTO t{number} SELECT a FROM s" for number in range(300))
    assert len(read_script(Script(lines)).statements) == 300


def test_many_edges_are_told_in_short():
    """What decides about rows stands once, for all columns, where it would be told too often."""
    columns = ", ".join(f"c{number}" for number in range(700))
    where = " OR ".join(f"d{number} = 1" for number in range(400))
    whole = read_script(Script(f"CREATE TABLE t AS SELECT {columns} FROM s WHERE {where}")).whole
    assert len(whole.column_edges) == 1_100
    assert {edge.into for edge in whole.column_edges if edge.kind is Kind.FILTER} == {"*"}


@pytest.mark.parametrize(
    "text", ["", ";;;", "-- nothing", "/* open", "'open", "\x00", "SELECT '\udc80' FROM t", "{{", "{% if %}"]
)
def test_odd_texts_are_answered(text):
    """Never an exception: a statement with a reason at the most."""
    assert read_script(Script(text, "postgres")).shape()["statements"]


def test_defaults_complete_names_and_schemas_are_found_by_the_end_of_a_name():
    """Names are completed before they are looked up; temporary names are not."""
    script = Script("INSERT INTO t SELECT * FROM s", "postgres", {"db.sch.s": ["Id", "x"]}, "db", "sch")
    whole = read_script(script).whole
    assert (whole.sources, whole.targets) == (("db.sch.s",), ("db.sch.t",))
    assert [(edge.column, edge.into) for edge in whole.column_edges] == [("Id", "Id"), ("x", "x")]
    assert edges("SELECT * FROM s", schema={"a.s": ["x"], "b.s": ["y"]}) == {("s", "*", None, "*")}
    assert edges("SELECT * FROM b.s", schema={"a.s": ["x"], "b.s": ["y"]}) == {("b.s", "y", None, "y")}


@pytest.mark.parametrize(
    ("name", "parser"),
    [
        ("ANSI", ""),
        ("mssql", "tsql"),
        ("sqlserver", "tsql"),
        ("sparksql", "spark"),
        ("mariadb", "mysql"),
        ("Postgres", "postgres"),
    ],
)
def test_dialects_go_by_their_usual_names(name, parser):
    """Case does not count; both ways of asking agree."""
    assert dialect_of(name) == (parser, True)
    assert is_dialect(name)


def test_every_dialect_of_the_parser_is_one_and_others_are_generic():
    """The names are read from the parser's folder, so that the command does not load it."""
    from sqlglot.dialects import Dialects

    assert all(is_dialect(one.value) and dialect_of(one.value)[1] for one in Dialects)
    assert dialect_of("klingon") == ("", False)
    assert not is_dialect("klingon")


def test_a_column_of_a_table_that_the_schema_does_not_have_is_believed():
    """A schema may be an older one; between two tables nothing is guessed."""
    assert edges("SELECT z FROM s", schema={"s": ["x"]}) == {("s", "z", None, "z")}
    assert edges("SELECT z FROM s, u", schema={"s": ["x"], "u": ["y"]}) == {(None, "z", None, "z")}


@pytest.mark.parametrize(
    "changed",
    [
        "UPDATE c SET total = t.v FROM t WHERE t.id = c.id",
        "MERGE INTO c USING t ON c.id = t.id WHEN MATCHED THEN UPDATE SET total = t.v",
        "INSERT INTO c (total) SELECT t.v FROM t",
    ],
)
def test_what_a_script_did_not_change_of_a_table_is_still_read_from_it(changed):
    """A changed column is told by what it is made from, the others by their table, which stays one of those read and written."""
    read = read_script(Script(f"{changed}; CREATE TABLE top5 AS SELECT name, total FROM c", "postgres")).whole
    direct = {(e.source, e.column, e.target, e.into) for e in read.column_edges if e.kind is Kind.IDENTITY}
    assert direct == {("t", "v", "c", "total"), ("c", "name", "top5", "name"), ("t", "v", "top5", "total")}
    assert set(read.table_edges) == {("t", "c"), ("t", "top5"), ("c", "top5")}
    assert (set(read.sources), set(read.targets)) == ({"t", "c"}, {"c", "top5"})


def test_rows_that_went_leave_the_columns_of_the_others():
    """What a DELETE kept is read from its table, and which rows those are is decided by what it compared."""
    sql = "DELETE FROM c USING t WHERE t.id = c.id; INSERT INTO d SELECT a FROM c"
    found = {
        (e.source, e.column, e.into, e.kind)
        for e in read_script(Script(sql, "postgres")).whole.column_edges
        if e.target == "d"
    }
    assert found == {("c", "a", "a", Kind.IDENTITY), ("c", "id", "a", Kind.FILTER), ("t", "id", "a", Kind.FILTER)}


def test_a_table_that_was_made_or_filled_in_the_script_is_composed_away():
    """Nothing older is in it, or all of its columns were written."""
    for first in ("CREATE TABLE c AS SELECT v AS total FROM t", "INSERT INTO c SELECT v AS total FROM t"):
        read = read_script(Script(f"{first}; INSERT INTO d SELECT total FROM c", "postgres")).whole
        assert (read.sources, read.targets, read.table_edges) == (("t",), ("d",), (("t", "d"),))
