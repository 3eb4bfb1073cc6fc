"""Words that any dialect would take for part of a literal, and texts without what surely is one."""

from __future__ import annotations

import time

import pytest

from services.common.model.sql_tokens import without_literals
from services.lineage.statements.literals import literal_words


@pytest.mark.parametrize(
    ("text", "hidden", "shown"),
    [
        ("SELECT a FROM t WHERE b = 'it''s kept'", {"it", "s", "kept"}, {"a", "t", "b"}),
        (r"SELECT a FROM t WHERE b = 'it\'s mine'", {"mine"}, {"a", "t"}),
        ("SELECT a FROM t -- why not\nWHERE b = 1", {"why", "not"}, {"a", "b"}),
        ("SELECT a /* one */ FROM t # two\n// three\n", {"one", "two", "three"}, {"a", "t"}),
        ("SELECT $$body$$, $x$more$x$ FROM t", {"body", "more"}, {"t"}),
        ("SELECT q'[text]' FROM t", {"text"}, {"t"}),
        ("SELECT 0xcafe, 7abc FROM t", {"xcafe", "cafe", "abc"}, {"t"}),
        ("SELECT a FROM t WHERE b = 'never closed", {"never", "closed"}, {"a", "t", "b"}),
    ],
)
def test_words_of_literals_are_found_and_others_are_not(text, hidden, shown):
    """In every way of reading the text; a word outside of all of them is none."""
    narrow, wide = literal_words(text)
    assert hidden <= narrow <= wide
    assert not shown & wide


def test_double_quotes_hide_a_column_and_not_a_table():
    """Where a table stands they hold a name in every dialect."""
    narrow, wide = literal_words('SELECT "x" FROM "t"')
    assert (narrow & {"x", "t"}, wide & {"x", "t"}) == (set(), {"x", "t"})


@pytest.mark.parametrize(
    ("dialect", "one", "other"),
    [
        (
            "postgres",
            "SELECT a FROM t -- don't\nWHERE b = 'x' AND c IN (1, 2.5e3)",
            "SELECT a FROM t WHERE b = 'y''s' AND c IN (9, 7)",
        ),
        ("postgres", r"SELECT E'it\tis', $$a'b$$ FROM t", r"SELECT E'', $$c$$ FROM t"),
        ("mysql", 'SELECT `a` FROM t # don\'t\nWHERE b = "x\\"y"', 'SELECT `a` FROM t WHERE b = "z"'),
        ("bigquery", 'SELECT """a"b""" FROM `p.d.t`', 'SELECT """c""" FROM `p.d.t`'),
        ("snowflake", "SELECT 'a\\'b' FROM t // x\n", "SELECT 'c' FROM t"),
        ("oracle", "SELECT q'[it's]' FROM t", "SELECT q'[x]' FROM t"),
    ],
)
def test_texts_that_differ_in_literals_alone_become_the_same(dialect, one, other):
    """Comments, strings of every kind, numbers."""
    assert without_literals(one, dialect).split() == without_literals(other, dialect).split()


@pytest.mark.parametrize(
    ("dialect", "one", "other"),
    [
        ("postgres", 'SELECT a FROM "T 1"', 'SELECT a FROM "T 2"'),
        ("tsql", 'SELECT a FROM "T 1"', 'SELECT a FROM "T 2"'),
        ("tsql", "SELECT [a 1] FROM t", "SELECT [a 2] FROM t"),
        ("mysql", "SELECT a FROM `t 1`", "SELECT a FROM `t 2`"),
        ("postgres", "SELECT a1 FROM t", "SELECT a2 FROM t"),
        ("trino", r"SELECT 'a\' FROM t1 WHERE x = 'b'", r"SELECT 'a\' FROM t2 WHERE x = 'b'"),
        ("trino", "SELECT $$ FROM t1 $$ x", "SELECT $$ FROM t2 $$ x"),
    ],
)
def test_names_are_never_taken_for_literals(dialect, one, other):
    """Two tables are two statements: where it is not sure, the text is left as it is."""
    assert without_literals(one, dialect) != without_literals(other, dialect)


@pytest.mark.parametrize("unit", ["'", '"', "$$", "/*", "--", "\\'", "q'[", "0x", "a", "(", "`", "1.5e", "''"])
def test_time_grows_with_the_length_alone(unit):
    """Ten times as much text takes no hundred times as long."""

    def seconds(times: int) -> float:
        text = unit * times
        begun = time.perf_counter()
        without_literals(text, "mysql")
        literal_words(text[:20_000])
        return time.perf_counter() - begun

    seconds(100)
    short = min(seconds(5_000) for _ in range(3))
    assert seconds(50_000) < 60 * short + 0.5
