"""Texts that are written anew before they are parsed: what looks like a word of the language and is none stays."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import Token
from sqlglot.dialects.dialect import Dialect

from services.lineage.sql import changed_rows, repair, runs
from services.lineage.sql.extract import read_script
from services.lineage.sql.repair import REPAIRS, repaired
from services.lineage.sql.rewrites import REWRITES
from services.lineage.sql.script import Script
from services.lineage.sql.trees import Trees

NAMES = ("quick", "ignore", "delayed", "low_priority")
DIALECTS = (
    "",
    "mysql",
    "mariadb",
    "starrocks",
    "postgres",
    "tsql",
    "oracle",
    "snowflake",
    "bigquery",
    "databricks",
    "teradata",
)
QUOTES = {"mysql": "``", "mariadb": "``", "starrocks": "``", "bigquery": "``", "databricks": "``", "tsql": "[]"}
STATEMENTS = (
    "DELETE FROM {} WHERE id = 1",
    "DELETE FROM {} zw WHERE zw.id IN (SELECT id FROM zs)",
    "DELETE FROM db.{} WHERE id IN (SELECT id FROM zs)",
    "DELETE {} FROM zt JOIN {} ON zt.id = {}.id",
    "DELETE {} FROM db.{} WHERE {}.id = 1",
    "DELETE {} FROM zt {} WHERE id = 1",
    "DELETE FROM {} USING zs WHERE {}.id = zs.id",
    "INSERT INTO {} SELECT a FROM zt",
    "INSERT INTO {} (a) SELECT a FROM zt",
    "INSERT INTO zt SELECT a FROM {}",
    "REPLACE INTO {} SELECT a FROM zt",
    "UPDATE {} SET a = 1",
    "UPDATE {} SET a = zs.b FROM zs WHERE {}.id = zs.id",
    "SELECT a, {} FROM zt",
    "SELECT {} FROM zt",
    "SELECT {}, a FROM zt",
)
WITHOUT_FROM = ("DELETE {} WHERE id = 1", "DELETE db.{} WHERE id = 1", "DELETE {} FROM zs WHERE zs.id = 1")
"""Of other engines than MySQL."""
WORDS = re.findall(
    r"\S+",
    "CREATE STREAM ON TABLE VIEW CLONE APPLY CHANGES AUTO CDC INTO FROM ( ) , . t 'x' BULK INSERT EXPORT TO IMPORT LOAD DATA INFILE "
    "COPY OUTFILE MERGE DELETE WHERE WHEN UPDATE TOP LOG ERRORS ONLY OPENROWSET WITHIN INTERVAL OUTPUT AS SELECT OVERRIDING REPLACE USING",
)


def read_as(name: str, sql: str, dialect: str) -> str:
    """What is read, the name in it written as `walk`, in lower case."""
    read = repr(read_script(Script(sql.replace("{}", name), dialect)).statements)
    return read.lower().replace(name.strip('`"[]'), "walk")


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        *((sql, dialect) for sql in STATEMENTS for dialect in DIALECTS),
        *((sql, dialect) for sql in WITHOUT_FROM for dialect in ("tsql", "oracle")),
    ],
)
def test_a_name_that_is_a_modifier_of_mysql_is_read_like_any_other(sql: str, dialect: str) -> None:
    """Its tables and columns are those of the same text with another name in it, in every dialect, quoted too."""
    before, after = QUOTES.get(dialect, '""')
    expected = read_as("walk", sql, dialect)
    assert {name: read_as(name, sql, dialect) for name in NAMES} == dict.fromkeys(NAMES, expected)
    quoted = [f"{before}{name}{after}" for name in NAMES]
    expected = read_as(f"{before}walk{after}", sql, dialect)
    assert {name: read_as(name, sql, dialect) for name in quoted} == dict.fromkeys(quoted, expected)


@pytest.mark.parametrize(
    "sql", ["APPLY CHANGES INTO t FROM STREAM", "APPLY CHANGES INTO t FROM (", "CREATE ON TABLE STREAM", "LOAD DATA INFILE"]
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_text_that_ends_too_early_costs_the_others_nothing(sql: str, dialect: str) -> None:
    """It alone is not understood."""
    first, *_ = read_script(Script(f"SELECT a FROM t; {sql}", dialect)).statements
    assert (first.type, first.lineage.sources, first.error) == ("SELECT", ("t",), None)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
def test_no_words_in_a_row_are_too_few(words: list[str]) -> None:
    """Every step takes every text."""
    tokens = Trees("tsql").tokens(" ".join(words))
    for step in (*REPAIRS, *REWRITES):
        step(list(tokens))


def test_a_step_that_raises_is_as_if_it_had_not_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the others do is kept."""

    def too_far(tokens: list) -> list:
        return [tokens[len(tokens)]]

    tokens = Trees("").tokens("UPSERT INTO t SELECT a FROM s")
    expected = [token.text for token in repaired(tokens, of_mysql=True) or ()]
    monkeypatch.setattr(repair, "REWRITES", (too_far, *REWRITES))
    assert [token.text for token in repaired(tokens, of_mysql=True) or ()] == expected
    assert expected[0] == "INSERT"


@pytest.mark.parametrize(
    "sql",
    [
        "EXEC dbo.log_it @msg = 'delete from t happened'",
        "EXEC log_it 'delete from t'",
        "EXEC @rc = dbo.log_it N'delete from t'",
        "EXECUTE log_it('delete from t')",
        "EXECUTE log_it ('insert into t select a from s')",
    ],
)
@pytest.mark.parametrize("dialect", ["", "tsql", "postgres", "oracle"])
def test_what_a_procedure_is_given_is_not_run(sql: str, dialect: str) -> None:
    """A text in its arguments changes no table."""
    assert read_script(Script(sql, dialect)).whole.targets == ()


@pytest.mark.parametrize(
    "sql",
    [
        "EXEC sp_executesql N'delete from t'",
        "EXEC master..sp_executesql @stmt = N'delete from t'",
        "EXEC @rc = sys.sp_executesql N'delete from t'",
        "EXEC ('delete from t')",
        "EXECUTE('delete from t')",
        "EXECUTE IMMEDIATE 'delete from t'",
        "EXECUTE 'delete from t'",
        "EXECUTE format('delete from t')",
    ],
)
@pytest.mark.parametrize("dialect", ["", "tsql", "postgres", "oracle"])
def test_a_text_that_is_run_is_read(sql: str, dialect: str) -> None:
    """However the dialect runs it."""
    assert read_script(Script(sql, dialect)).whole.targets == ("t",)


def test_thousands_of_tables_without_those_that_inherit_from_them_are_no_nesting() -> None:
    """Behind each other they are as deep as one is."""
    room = 4 * sys.getrecursionlimit()
    tables = [f"t{number}" for number in range(room)]
    (words,) = [step for step in REWRITES if step.__name__ == "_words"]
    tokens = Trees("postgres").tokens("SELECT a FROM " + ", ".join(f"ONLY ({table})" for table in tables))
    assert [token.text for token in words(tokens)][3::2] == tables


def test_a_long_output_list_is_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each word is looked at as often as in a short one: lists with queries in them took time by the square of their length."""
    looked = 0

    def counted(token: Token) -> str:
        nonlocal looked
        looked += 1
        return token.text.upper()

    monkeypatch.setattr(changed_rows, "word", counted)
    monkeypatch.setattr(runs, "word", counted)
    each = []
    for many in (100, 400):
        looked = 0
        listed = ", ".join("(SELECT max(x) FROM u)" for _ in range(many))
        tokens = Dialect.get_or_raise("tsql").tokenize(f"DELETE FROM t OUTPUT {listed} INTO kept")
        changed_rows.output(tokens)
        each.append(looked / len(tokens))

    assert each[1] <= each[0] * 1.1
