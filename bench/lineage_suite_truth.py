"""Truth by execution for TPC-DS and the join order benchmark: their queries over rows that are made for each of them.

Run by `make bench-lineage ARGS="DATA --only truth"`, beside generated statements. No data and no schema of these suites is here: columns are
those that the queries name; a query's rows are drawn from the literals that it compares a column with, so that its filters let some pass. A
source column gets other values, and an output column that changes must be among the edges.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from bench.lineage_truth import Column, Tally, changed, compare
from services.lineage.sql.extract import read_script
from services.lineage.sql.script import Script

ROWS, TRIALS, WORLDS, DRAWS = 6, 3, 2, 20
"""Rows of a table; other values of a column; sets of rows with an answer, and how many are drawn to find so many."""
SLOW_S = 0.25
"""Rows over which a query takes longer are drawn anew: it would be run a hundred times."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_HELD: Mapping[str, type] = {"DATE": dt.date, "VARCHAR": str, "INTEGER": int}
PREFIXES = {
    "ss": "store_sales",
    "sr": "store_returns",
    "cs": "catalog_sales",
    "cr": "catalog_returns",
    "ws": "web_sales",
    "wr": "web_returns",
    "inv": "inventory",
    "s": "store",
    "cc": "call_center",
    "cp": "catalog_page",
    "web": "web_site",
    "wp": "web_page",
    "w": "warehouse",
    "c": "customer",
    "ca": "customer_address",
    "cd": "customer_demographics",
    "d": "date_dim",
    "hd": "household_demographics",
    "i": "item",
    "ib": "income_band",
    "p": "promotion",
    "r": "reason",
    "sm": "ship_mode",
    "t": "time_dim",
}
"""How TPC-DS begins the columns of its tables (TPC-DS specification, section 2)."""
Value = int | str | dt.date | None
Schema = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Suite:
    """Queries in one dialect over tables with these columns."""

    name: str
    dialect: str
    queries: Sequence[str]
    schema: Schema


def columns_by_prefix(queries: Sequence[str]) -> dict[str, list[str]]:
    """The columns of TPC-DS that its queries name: each begins with the letters of its table."""
    schema: dict[str, list[str]] = {table: [] for table in PREFIXES.values()}
    for column in sorted({word.lower() for sql in queries for word in re.findall(r"\b[a-zA-Z]+_\w+\b", sql)}):
        table = PREFIXES.get(column.partition("_")[0])
        if table is not None and column not in schema:
            schema[table].append(column)
    return schema


def columns_by_alias(queries: Sequence[str], dialect: str) -> dict[str, list[str]]:
    """The columns of tables that queries name by a table's alias, as those of the join order benchmark do."""
    found: dict[str, set[str]] = defaultdict(set)
    for sql in queries:
        tree = parse_one(sql, dialect=dialect)
        tables = {table.alias_or_name.lower(): table.name.lower() for table in tree.find_all(exp.Table)}
        for column in tree.find_all(exp.Column):
            if column.table.lower() in tables:
                found[tables[column.table.lower()]].add(column.name.lower())
    return {table: sorted(columns) for table, columns in found.items()}


class _Domains:
    """What the columns of a suite hold: their types, and for a query the values that it compares them with."""

    def __init__(self, suite: Suite) -> None:
        self._texts: set[str] = set()
        self._dates: set[str] = set()
        self._compared: list[dict[str, list[Value]]] = []
        for sql in suite.queries:
            self._compared.append(self._literals(parse_one(sql, dialect=suite.dialect)))

    def kind(self, column: str) -> str:
        """Its type as DuckDB writes it."""
        return "DATE" if column in self._dates else "VARCHAR" if column in self._texts else "INTEGER"

    def value(self, query: int, column: str, rng: random.Random) -> Value:
        """A value for one of a query's columns."""
        kind = self.kind(column)
        near = [one for one in self._compared[query].get(column, ()) if isinstance(one, _HELD[kind])]
        if near and rng.random() < 0.8:
            return rng.choice(near)
        if rng.random() < 0.05:
            return None
        if kind == "DATE":
            return dt.date(2000, 1, 1) + dt.timedelta(days=rng.randrange(5))
        return rng.choice("abcde") if kind == "VARCHAR" else 1 if rng.random() < 0.5 else rng.randrange(2, 6)

    def _literals(self, tree: exp.Expr) -> dict[str, list[Value]]:
        found: dict[str, list[Value]] = defaultdict(list)
        for test in tree.find_all(exp.Predicate):
            columns = [one.name.lower() for one in test.find_all(exp.Column) if one.find_ancestor(exp.Predicate) is test]
            literals = [one for one in test.find_all(exp.Literal) if one.find_ancestor(exp.Predicate) is test]
            for column in columns:
                for one in literals:
                    self._note(found[column], column, one, pattern=isinstance(test, exp.Like | exp.ILike))
        for call in tree.find_all(exp.Substring, exp.Upper, exp.Lower, exp.DPipe):
            self._texts.update(one.name.lower() for one in call.find_all(exp.Column))
        self._dates.update(one.name.lower() for one in tree.find_all(exp.Column) if one.name.lower().endswith("_date"))
        return found

    def _note(self, values: list[Value], column: str, literal: exp.Literal, *, pattern: bool) -> None:
        text = literal.this
        if not literal.is_string:
            number = int(float(text))
            values += [number, number, number + 1, number - 1]
        elif _DATE.fullmatch(text):
            begin = dt.date.fromisoformat(text)
            values += [begin + dt.timedelta(days=days) for days in (0, 3, 10)]
            self._dates.add(column)
        else:
            self._texts.add(column)
            values.append(text.replace("%", "").replace("_", "a") if pattern else text)


def judge_suite(suite: Suite, tally: Tally, *, turned: int = 0, step: int = 1) -> Tally:
    """Run a suite's queries and compare; `turned`: the edges are those of the query so many places further (control)."""
    tally.missed = tally.missed if tally.missed is not None else []
    domains = _Domains(suite)
    named = [_named(sql, suite.dialect) for sql in suite.queries]
    for at in range(0, len(named), step):
        seen = _dependences(suite, domains, at, named[at])
        if seen is None:
            tally.refused += 1
            continue
        direct, everything = _said(suite, named[(at + turned) % len(named)])
        compare(tally, seen, everything, direct, named[at])
    return tally


def _named(sql: str, dialect: str) -> str:
    """The query with a name for every output, in DuckDB's SQL."""
    tree = parse_one(sql, dialect=dialect)
    assert isinstance(tree, exp.Query)
    for at, output in enumerate(tree.selects):
        if not output.output_name and not output.is_star:
            output.replace(exp.alias_(output.copy(), f"out_{at}"))
    return tree.sql(dialect="duckdb")


def _said(suite: Suite, sql: str) -> tuple[set[tuple[Column, str]], set[tuple[Column, str]]]:
    direct, everything = set(), set()
    for edge in read_script(
        Script(sql, "duckdb", {table: list(names) for table, names in suite.schema.items()})
    ).whole.column_edges:
        pair = ((str(edge.source).lower(), edge.column), edge.into.lower())
        everything.add(pair)
        if edge.kind.direct:
            direct.add(pair)
    return direct, everything


def _dependences(suite: Suite, domains: _Domains, at: int, sql: str) -> set[tuple[Column, str]] | None:
    """What was seen to follow what, over the first `WORLDS` sets of rows with an answer; None where DuckDB refuses the query.

    A query without an answer over any set of rows has been seen to depend on nothing.
    """
    tables = [table for table in suite.schema if re.search(rf"\b{table}\b", sql, re.IGNORECASE)]
    used = {table: [one for one in suite.schema[table] if re.search(rf"\b{one}\b", sql, re.IGNORECASE)] for table in tables}
    found: set[tuple[Column, str]] = set()
    worlds = 0
    for seed in range(DRAWS):
        rows = _Rows(suite, domains, at, used, seed)
        begun = time.thread_time()
        try:
            before = rows.answer(sql)
        except duckdb.Error:
            return None
        # an aggregate of no rows is a row without a value
        if not any(value != "None" for values in before.values() for value in values) or time.thread_time() - begun > SLOW_S:
            continue
        found |= set(rows.followers(sql, before))
        worlds += 1
        if worlds == WORLDS:
            break
    return found


class _Rows:
    """The tables of one query, with rows of one lot."""

    def __init__(self, suite: Suite, domains: _Domains, at: int, used: Mapping[str, Sequence[str]], seed: int) -> None:
        self._domains, self._at, self._used = domains, at, used
        self._rng = random.Random(f"{suite.name} {at} {seed}")
        self._connection = duckdb.connect()
        self._connection.execute("SET threads = 1")
        self._rows: dict[str, list[dict[str, Value]]] = {}
        for table, columns in used.items():
            kinds = ", ".join(f'"{column}" {domains.kind(column)}' for column in columns)
            self._connection.execute(f'CREATE TABLE "{table}" ({kinds or "nothing INTEGER"})')
            self._rows[table] = [{column: self._value(column) for column in columns} for _ in range(ROWS)]
            self._fill(table, self._rows[table])

    def answer(self, sql: str) -> dict[str, list[str]]:
        """Each output's values, sorted."""
        result = self._connection.execute(sql)
        names = [one[0].lower() for one in result.description or ()]
        rows = result.fetchall()
        return {name: sorted(repr(row[at]) for row in rows) for at, name in enumerate(names)}

    def followers(self, sql: str, before: Mapping[str, list[str]]) -> Iterator[tuple[Column, str]]:
        """Pairs of a source column and an output that changes with it."""
        for table, columns in self._used.items():
            for column in columns:
                for _ in range(TRIALS):
                    self._fill(table, [{**row, column: self._value(column)} for row in self._rows[table]])
                    after = changed(self.answer, sql)
                    if after is not None:
                        yield from (((table, column), name) for name, values in before.items() if after[name] != values)
            self._fill(table, self._rows[table])

    def _value(self, column: str) -> Value:
        return self._domains.value(self._at, column, self._rng)

    def _fill(self, table: str, rows: Sequence[Mapping[str, Value]]) -> None:
        marks = ", ".join(["(" + (", ".join("?" * len(rows[0])) or "NULL") + ")"] * len(rows))
        self._connection.execute(f'DELETE FROM "{table}"')
        self._connection.execute(f'INSERT INTO "{table}" VALUES {marks}', [value for row in rows for value in row.values()])


def readable(queries: Sequence[str], dialect: str) -> list[str]:
    """Those that the parser takes for one query."""
    found = []
    for sql in queries:
        try:
            tree = parse_one(sql, dialect=dialect)
        except SqlglotError:
            continue
        if isinstance(tree, exp.Query):
            found.append(sql)
    return found
