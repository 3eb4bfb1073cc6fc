"""Truth by execution: which output columns change when one source column does, beside what lineage says.

Statements run on DuckDB over random rows; one source column at a time gets other values, several times. What was seen to
change must be among the edges.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from bench.lineage_generated import NESTED, TABLES, Generator
from services.lineage.sql.extract import read_script
from services.lineage.sql.script import Script

ROWS, RANGE, TRIALS = 8, 4, 3
SLOW_S = 0.02
"""Statements that take longer are left out: they would be run a hundred times."""
Column = tuple[str, str]
SCHEMA = {**TABLES, **{table: list(columns) for table, columns in NESTED.items()}}


@dataclass
class Tally:
    """What was seen and what was said."""

    statements: int = 0
    refused: int = 0
    slow: int = 0
    seen: int = 0
    covered: int = 0
    direct: int = 0
    direct_seen: int = 0
    missed: list[str] | None = None

    @property
    def coverage(self) -> float:
        return self.covered / max(1, self.seen)

    @property
    def precision(self) -> float:
        return self.direct_seen / max(1, self.direct)


def value(kind: str, rng: random.Random) -> object:
    """A random value of a column's type; None now and then."""
    if kind.startswith("STRUCT"):
        return {"tier": rng.randrange(RANGE), "age": rng.randrange(RANGE)}
    if kind.endswith("[]"):
        return [rng.randrange(RANGE) for _ in range(rng.randrange(1, 4))]
    return None if rng.random() < 0.08 else rng.randrange(RANGE)


def literal(one: object) -> str:
    """A value as DuckDB writes it."""
    return "NULL" if one is None else str(one)


class World:
    """Small tables in memory, whose columns can be given other values and got back."""

    def __init__(self, seed: int) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET threads = 1")
        self.rng = random.Random(seed)
        self.kinds = {**{t: dict.fromkeys(columns, "INTEGER") for t, columns in TABLES.items()}, **NESTED}
        for table, kinds in self.kinds.items():
            rows = [{name: value(kind, self.rng) for name, kind in kinds.items()} for _ in range(ROWS)]
            self.make(f"{table}_0", table, rows)
            self.show(table, f"{table}_0")
            for column, kind in kinds.items():
                for trial in range(TRIALS):
                    other = [{**row, column: value(kind, self.rng)} for row in rows]
                    self.make(f"{table}_{column}_{trial}", table, other)

    def make(self, name: str, table: str, rows: Sequence[dict[str, object]]) -> None:
        """A table of its own for each state; a view says which one counts."""
        columns = ", ".join(f"{column} {kind}" for column, kind in self.kinds[table].items())
        values = ", ".join("(" + ", ".join(map(literal, row.values())) + ")" for row in rows)
        self.connection.execute(f"CREATE TABLE {name} ({columns})")
        self.connection.execute(f"INSERT INTO {name} VALUES {values}")

    def show(self, table: str, state: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM {state}")

    def answer(self, sql: str) -> dict[str, list[str]]:
        """Each column's values, sorted."""
        result = self.connection.execute(sql)
        names = [one[0].lower() for one in result.description or ()]
        rows = result.fetchall()
        return {name: sorted(repr(row[at]) for row in rows) for at, name in enumerate(names)}

    def dependences(self, sql: str, tables: Sequence[str]) -> set[tuple[Column, str]]:
        """Pairs of a source column and an output column that was seen to follow it."""
        before = self.answer(sql)
        found = set()
        for table in tables:
            for column in self.kinds[table]:
                for trial in range(TRIALS):
                    self.show(table, f"{table}_{column}_{trial}")
                    after = changed(self.answer, sql)
                    if after is not None:
                        found.update(((table, column), name) for name, values in before.items() if after[name] != values)
            self.show(table, f"{table}_0")
        return found


def changed(answer: Callable[[str], dict[str, list[str]]], sql: str) -> dict[str, list[str]] | None:
    """The answer over other rows; None where the statement fails with them: then nothing was seen."""
    try:
        return answer(sql)
    except duckdb.Error:
        return None


def compare(
    tally: Tally,
    seen: set[tuple[Column, str]],
    everything: set[tuple[Column, str]],
    direct: set[tuple[Column, str]],
    what: str,
) -> None:
    """Count one statement: what was seen, and what of it is among the edges."""
    tally.statements += 1
    tally.seen += len(seen)
    lost = seen - everything
    tally.covered += len(seen) - len(lost)
    columns = {pair for pair in direct if pair[0][1] != "*"}
    tally.direct += len(columns)
    tally.direct_seen += len(columns & seen)
    if lost:
        tally.missed = [*(tally.missed or []), f"{sorted(lost)[:4]} in {what}"]


def said(sql: str) -> tuple[set[tuple[Column, str]], set[tuple[Column, str]]]:
    """Direct edges and all edges."""
    lineage = read_script(Script(sql, "duckdb", SCHEMA)).whole
    everything, direct = set(), set()
    for edge in lineage.column_edges:
        pair = ((str(edge.source).lower(), edge.column), edge.into.lower())
        everything.add(pair)
        if edge.kind.direct:
            direct.add(pair)
    return direct, everything


def judge(statements: Sequence[str], seed: int, tally: Tally, *, said_of: Sequence[str] | None = None) -> Tally:
    """Run statements and compare; those that DuckDB refuses are counted apart. `said_of`: whose edges are compared (control)."""
    world = World(seed)
    tally.missed = tally.missed if tally.missed is not None else []
    for sql, other in zip(statements, said_of or statements, strict=True):
        begun = time.thread_time()
        try:
            world.answer(sql)
        except duckdb.Error:
            tally.refused += 1
            continue
        if time.thread_time() - begun > SLOW_S:
            tally.slow += 1
            continue
        direct, everything = said(other)
        seen = world.dependences(sql, [table for table in SCHEMA if table in sql])
        compare(tally, seen, everything, direct, sql)
    return tally


def generated(n: int, seed: int) -> list[str]:
    """`n` random statements."""
    generator = Generator(seed)
    return [generator.query(generator.rng.choice([1, 2, 3])).sql for _ in range(n)]


def main() -> None:
    tally = Tally()
    for part in range(6):
        judge(generated(120, 100 + part), part, tally)
    print(
        f"{tally.statements} statements ran, {tally.refused} refused, {tally.slow} too slow; seen {tally.seen}, covered {tally.coverage:.4%}"
    )
    print(f"direct edges {tally.direct}, seen {tally.precision:.1%}")
    for line in (tally.missed or [])[:12]:
        print("missed", line[:600])


if __name__ == "__main__":
    main()
