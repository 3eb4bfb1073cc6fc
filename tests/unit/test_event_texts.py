"""Texts of events: literals of SQL are gone wherever they stand, words and names stay."""

from __future__ import annotations

import json

import pytest

from services.lineage.events.masking import masked_event, masked_message
from services.lineage.events.sql_text import without_sql

LITERALS = {
    "double quotes": 'SELECT * FROM t WHERE mail = "zkliteral@x.com"',
    "a backslash": r"SELECT * FROM t WHERE n = 'O\'Brian zkliteral' AND x = 1",
    "call": "CALL p('zkliteral')",
    "explain": "EXPLAIN SELECT * FROM t WHERE a = 'zkliteral'",
    "parentheses": "(SELECT * FROM t WHERE a = 'zkliteral')",
    "no FROM": "SELECT 'zkliteral'",
    "a block": "BEGIN; INSERT INTO t VALUES ('zkliteral')",
    "a comment": "SELECT a FROM t /* zkliteral */",
    "a comment to the end": "SELECT a FROM t -- zkliteral",
    "execute": "EXECUTE x('zkliteral')",
    "set": "SET a = zkliteral",
    "backticks": "SELECT a FROM(SELECT b FROM`t`)WHERE c='zkliteral'",
    "a quote in backticks": "SELECT `it's` FROM t WHERE c = 'zkliteral' AND `that's`",
    "a quote in brackets": "SELECT [it's] FROM t WHERE c = 'zkliteral' AND [that's]",
    "three quotes": 'SELECT a FROM t WHERE c = """zkliteral"""',
    "dollars": "SELECT $$zkliteral$$",
    "a piece": "name = 'zkliteral'",
    "no end": "WHERE a = 'zkliteral",
    "a number": "WHERE a > 4711e2",
}


@pytest.mark.parametrize("case", LITERALS)
def test_no_literal_of_sql_in_a_custom_facet_is_kept(case):
    """As a value, in a list, deeper, as a key, in a field that the spec does not have, and in words about a column."""
    text = LITERALS[case]
    columns = {"fields": {"a": {"inputFields": [{"transformations": [{"description": text}]}]}}}
    custom = {"q": text, "more": [[text]], "deep": {"x": {text: 1}}, "log": text}
    event = {
        "run": {"runId": "r", "facets": {"custom": custom}},
        "job": {"namespace": "n", "name": "j", "facets": {"custom": custom}, "own": text},
        "outputs": [
            {"namespace": "n", "name": "t", "outputFacets": {"custom": custom}, "facets": {"columnLineage": columns}}
        ],
        "own": text,
    }
    kept = json.dumps(masked_event(event))
    assert "zkliteral" not in kept
    assert "4711" not in kept


def test_what_is_no_sql_stays():
    """Prose, names, addresses and times; documented facets word for word."""
    for text in (
        "loaded from upstream",
        "0 3 * * *",
        "https://example.com/set/1.2",
        "2026-11-01T10:00:00Z",
        "it's late",
        "7",
    ):
        assert without_sql(text) == text
    facets = {
        "documentation": {"description": "the customer's orders in 3 regions"},
        "schema": {"fields": [{"name": "order from 2", "type": "enum('a','b')"}]},
        "ownership": {"owners": [{"name": "team:set 1"}]},
        "nominalTime": {"nominalStartTime": "2026-11-01T10:00:00Z"},
    }
    event = {"dataset": {"namespace": "n", "name": "values 2024", "facets": facets}}
    assert masked_event(event) == event


def test_a_message_with_an_escaped_quote_keeps_nothing_of_it():
    """It is not told where it ends."""
    assert masked_message(r"no such name 'O\'Zkliteral' or 'zkother' here") == "no such name '***' here"
