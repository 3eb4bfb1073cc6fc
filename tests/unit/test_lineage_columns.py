"""SQL beside the lineage that is in it: `tests/golden/lineage_columns` says how a case is written."""

from __future__ import annotations

import pytest

from services.lineage.sql.extract import read_script
from services.lineage.sql.facts import Kind
from services.lineage.sql.script import Script
from tests.support.lineage_cases import FOLDER, cases, found

ALL = [case for file in sorted(FOLDER.glob("*.sql")) for case in cases(file)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_a_text_has_this_lineage(case):
    """Sources, targets, direct edges, what decides about rows, and errors are those written beside the SQL."""
    given = found(read_script(case.script))
    assert {key: sorted(lines) for key, lines in given.items()} == {k: sorted(lines) for k, lines in case.expected.items()}


def test_the_cases_cover_every_kind_of_statement_and_edge():
    """A file that no longer matches the pattern would drop its cases silently."""
    assert {case.name.partition(":")[0] for case in ALL} >= {
        "select", "nested", "insert", "create", "change", "copy", "scripts", "oddities", "templates",
    }  # fmt: skip
    assert len(ALL) >= 120
    words = {line.rpartition(" ")[2] for case in ALL for line in case.expected.get("direct", [])}
    words |= {
        one.rpartition(" ")[2] for case in ALL for line in case.expected.get("decides", []) for one in line.split(", ")
    }
    assert words == {kind.word for kind in Kind}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO d (a, b) SELECT x, y FROM s; UPDATE d SET a = 0 WHERE a IS NULL", {("x", "a")}),
        ("UPDATE d SET a = 0 WHERE c = 1; INSERT INTO d (a, b) SELECT x, y FROM s", {("c", "a")}),
        ("INSERT INTO d (a, b) SELECT x, y FROM s WHERE z > 0; UPDATE d SET a = 0", {("z", "a"), ("z", "b")}),
        ("INSERT INTO d (a, b) SELECT x, y FROM s; DELETE FROM d WHERE a = 1", {("x", "a"), ("x", "b"), ("x", "*")}),
        (
            "CREATE TABLE m AS SELECT x AS a, y AS b FROM s; UPDATE m SET a = 0 WHERE b = 1; INSERT INTO d SELECT a, b FROM m",
            {("y", "a")},
        ),
    ],
)
def test_what_an_update_is_filtered_by_decides_about_the_columns_that_it_sets(sql, expected):
    """Put together with the statements around it as well; what rows are deleted by decides about all columns."""
    whole = read_script(Script(sql, "postgres", {})).whole
    assert {
        (edge.column, edge.into) for edge in whole.column_edges if edge.target == "d" and not edge.kind.direct
    } == expected


INTO_SEVERAL = (
    "WHEN k > 1 THEN INTO one (p) VALUES (a) WHEN z = 3 THEN INTO two (q) VALUES (a) INTO three (r) VALUES (a) "
    "ELSE INTO rest (f) VALUES (a) SELECT a, z, k FROM s"
)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("ALL", {"one": {"k"}, "two": {"z"}, "three": {"z"}, "rest": {"k", "z"}}),
        ("FIRST", {"one": {"k"}, "two": {"k", "z"}, "three": {"k", "z"}, "rest": {"k", "z"}}),
    ],
)
def test_each_target_of_an_insert_has_the_conditions_that_decide_about_it(how, expected):
    """With FIRST those before it too: a row goes where the first of them holds."""
    edges = read_script(Script(f"INSERT {how} {INTO_SEVERAL}", "oracle", {"s": ["a", "z", "k"]})).whole.column_edges
    found: dict[str | None, set[str]] = {}
    for edge in edges:
        if edge.kind.word == "filter":
            found.setdefault(edge.target, set()).add(edge.column)
    assert found == expected


def test_a_condition_on_a_conflict_decides_about_what_is_set_alone():
    """The row itself comes in any case."""
    sql = "INSERT INTO t (id, n) SELECT a, z FROM s ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE t.m < excluded.id"
    edges = read_script(Script(sql, "postgres", {"t": ["id", "n", "m"], "s": ["a", "z"]})).whole.column_edges
    assert {(edge.source, edge.column, edge.into) for edge in edges if not edge.kind.direct} == {
        ("t", "m", "n"),
        ("s", "a", "n"),
    }


@pytest.mark.parametrize(
    ("dialect", "expression", "read"),
    [
        ("postgres", "date_trunc('month', day)", {"day"}),
        ("postgres", "date_trunc('month'::text, day)", {"day"}),
        ("postgres", "extract(year FROM day)", {"day"}),
        ("postgres", "to_char(day, 'YYYY')", {"day"}),
        ("mysql", "year(month)", {"month"}),
        ("mysql", "date_format(day, '%Y-%m')", {"day"}),
        ("duckdb", "date_part('YEAR', day)", {"day"}),
        ("bigquery", "timestamp_trunc(day, day)", {"day"}),
        ("tsql", "datediff(day, month, other)", {"month", "other"}),
        ("snowflake", "dateadd(day, 1, other)", {"other"}),
        ("snowflake", "last_day(other, month)", {"other"}),
        ("", "date_part(day, other)", {"other"}),
    ],
)
def test_a_column_called_like_a_unit_of_time_is_read(dialect, expression, read):
    """Where the unit is said already, or nothing else can be the column."""
    sql = f"SELECT {expression} AS x FROM t"
    edges = read_script(Script(sql, dialect, {"t": ["day", "month", "other"]})).whole.column_edges
    assert {edge.column for edge in edges} == read


@pytest.mark.parametrize(
    "windows", ["w AS (w)", "w AS (v), v AS (w)", "v AS (PARTITION BY b), w AS (v ORDER BY b), v AS (w)"]
)
def test_windows_that_name_each_other_in_a_circle_come_to_an_end(windows):
    read = read_script(Script(f"SELECT sum(a) OVER w AS x FROM t WINDOW {windows}", "postgres", {"t": ["a", "b"]}))
    assert ("t", "a", "x") in {(edge.source, edge.column, edge.into) for edge in read.whole.column_edges}
