"""Words that any dialect would take for part of a literal, and texts without what surely is one."""

from __future__ import annotations

import tracemalloc

import pytest

from services.common.model.sql_tokens import without_literals
from services.lineage.statements.literals import literal_words
from tests.support.growth import SIXTEEN_TIMES, growth


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
    assert [word for word in hidden if word not in narrow or word not in wide] == []
    assert [word for word in shown if word in wide] == []


def test_double_quotes_hide_a_column_and_not_a_table():
    """Where a table stands they hold a name in every dialect."""
    narrow, wide = literal_words('SELECT "x" FROM "t"')
    assert [(word in narrow, word in wide) for word in ("x", "t")] == [(False, True), (False, True)]


def test_every_end_of_what_begins_with_a_digit_is_hidden_and_nothing_else_of_it():
    """An engine may end a number anywhere in it; the digit itself belongs to the number."""
    _, wide = literal_words("SELECT 0xCAFE, 7abc, 1a FROM t")
    assert [word in wide for word in ("xcafe", "afe", "e", "abc", "c", "a")] == [True] * 6
    assert [word in wide for word in ("0xcafe", "xcaf", "ab", "7abc", "t", "")] == [False] * 6


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("SELECT q'[one q'{two]' three}' FROM t", {"one", "two", "three"}),
        ("SELECT q'[one]' FROM t -- q'[two q'{three", {"one", "two", "three"}),
        ("SELECT q'xinnerx' FROM t", {"inner"}),
        ("SELECT q'[it's q'xinnerx' end]' FROM t", {"it", "s", "inner", "end"}),
    ],
)
def test_oracles_quotes_hide_from_each_beginning_to_its_end(text, hidden):
    """Whichever of them is one: a beginning may stand in another's text or in a comment, and may have no end."""
    narrow, _ = literal_words(text)
    assert [word for word in hidden if word not in narrow] == []
    assert "select" not in narrow


def test_a_long_literal_takes_memory_as_its_length():
    """Each of its ends as a text of its own would be gigabytes."""
    tracemalloc.start()
    try:
        _, wide = literal_words("SELECT 0x" + "ab" * 100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "xab" not in wide
    assert "bab" in wide
    assert peak < 100 * 200_000


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


@pytest.mark.parametrize(
    "unit", ["'", '"', "$$", "/*", "--", "\\'", "q'[", "0x", "a", "(", "`", "1.5e", "''", "q'[ab ", "q'a", "7a "]
)
def test_time_grows_with_the_length_alone(unit):
    """Whatever a text of up to a megabyte repeats."""

    def read(text: str) -> None:
        without_literals(text, "mysql")
        literal_words(text)

    assert growth(read, unit * 10_000, unit * 160_000) < SIXTEEN_TIMES


def test_many_beginnings_of_quotes_with_ends_of_their_own_take_linear_time():
    """Each is looked up, and not looked for."""
    signs = [chr(0x4E00 + number) for number in range(20_000)]

    def text(many: int) -> str:
        return "".join(f"q'{sign}" for sign in signs[:many]) + "".join(f"{sign}'" for sign in signs[:many])

    assert growth(literal_words, text(1_250), text(20_000)) < SIXTEEN_TIMES
