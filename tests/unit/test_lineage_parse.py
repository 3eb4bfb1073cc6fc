"""Reading one definition: limits that hold without a process, places of errors, and nothing of the SQL in a reason."""

from __future__ import annotations

import pytest

from services.lineage.sql.parse import read_tables
from services.lineage.sql.statement import MAX_NESTING, Problem, Reading, Statement


def test_syntax_errors_name_their_place_and_nothing_else():
    """A reason is a kind, a line and a column: what was written never shows."""
    reading = read_tables(Statement("SELECT a\nFROM secret_table\nWHERE (x = 'hunter2' GROUP", "postgres"))
    assert (reading.problem, reading.line) == (Problem.SYNTAX, 3)
    assert reading.reason == f"its syntax is not understood at line 3, column {reading.column}"


@pytest.mark.parametrize("length", [10, 80, 400])
def test_an_open_quote_is_placed_where_reading_stopped(length):
    """The tokenizer stops at the end of the text, however long that is."""
    reading = read_tables(Statement("SELECT 1,\n'" + "x" * length, "postgres"))
    assert reading.problem is Problem.SYNTAX
    assert reading.line in (None, 2)
    assert "xxx" not in str(reading.reason)


def test_nesting_is_counted_before_anything_is_parsed():
    """Fifty thousand brackets are refused at once, and so is one level more than allowed; brackets in text do not count."""
    assert read_tables(Statement("SELECT " + "(" * 50_000 + "1" + ")" * 50_000)).problem is Problem.TOO_NESTED
    assert read_tables(Statement("SELECT " + "CASE WHEN a THEN " * 501 + "1" + " END" * 501)).problem is Problem.TOO_NESTED
    deep = MAX_NESTING + 1
    assert read_tables(Statement(f"SELECT '{'(' * deep}', \"{'[' * deep}\" FROM t /* {'(' * deep} */")).problem is None


def test_what_recurses_without_brackets_is_too_nested_as_well():
    """A chain of NOTs is as deep as brackets are, and no token count shows it."""
    assert read_tables(Statement("SELECT " + "NOT " * 5_000 + "a FROM t")).problem is Problem.TOO_NESTED


def test_long_chains_are_not_deep():
    """Thousands of ORs, UNIONs and joins are read: they are long, not nested."""
    ors = " OR ".join(f"a = {number}" for number in range(5_000))
    assert len(read_tables(Statement(f"SELECT 1 FROM t WHERE {ors}")).reads) == 1
    unions = " UNION ALL ".join(f"SELECT 1 FROM t{number}" for number in range(500))
    assert len(read_tables(Statement(unions)).reads) == 500


def test_only_problems_of_the_text_are_lasting():
    """What depended on the machine is tried again when the definition comes again."""
    passing = {problem for problem in Problem if not problem.lasting}
    assert passing == {Problem.TIMEOUT, Problem.TIMEOUT_AGAIN, Problem.MEMORY, Problem.CRASHED}


def test_a_reading_without_problem_has_no_reason():
    """None, not an empty text."""
    assert Reading().reason is None
