"""Truth by execution on the demo's own views: one source column's values change places, and what else moves must be an edge.

Run by `make bench-lineage ARGS="DATA --only truth"`, beside the generated statements of `lineage_truth`. Every table and view that
a view reads stands as a table of at most `ROWS` rows, so that a view over views is judged by what it reads itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from bench.lineage_truth import Column, Tally, changed, compare
from services.demo.warehouse import build_warehouse
from services.lineage.sql.extract import read_script
from services.lineage.sql.facts import ScriptLineage
from services.lineage.sql.script import Script

ROWS = 400
"""Of one table. The demo's largest has tens of thousands, and its views are run once for each column that they read."""
TRIALS = 2
Name = tuple[str, str]
"""Schema and table."""


class Demo:
    """The demo's warehouse in memory, views as the tables that they show."""

    def __init__(self, folder: Path) -> None:
        build_warehouse(folder / "retail.duckdb")
        self.connection = duckdb.connect()
        self.connection.execute("SET threads = 1; SELECT setseed(0.5)")
        self.connection.execute(f"ATTACH '{folder / 'retail.duckdb'}' AS retail (READ_ONLY)")
        self.views: dict[Name, str] = {
            (schema, name): sql
            for schema, name, sql in self.connection.execute(
                "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE database_name = 'retail' AND NOT internal"
            ).fetchall()
        }
        self.columns: dict[Name, list[str]] = {}
        for schema, table, column in self.connection.execute(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
            "WHERE database_name = 'retail' AND NOT internal ORDER BY ALL"
        ).fetchall():
            self.columns.setdefault((schema, table), []).append(column)
        self.connection.execute("USE memory")
        for schema, table in self.columns:
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self.connection.execute(f"CREATE TABLE {schema}.{table} AS FROM retail.{schema}.{table} LIMIT {ROWS}")

    @property
    def schema(self) -> Mapping[str, list[str]]:
        """Columns by table, as a script wants them."""
        return {".".join(name): columns for name, columns in self.columns.items()}

    def query(self, view: Name) -> str:
        """What a view selects, without the database's name in front of its sources."""
        text = self.views[view].rstrip().rstrip(";")
        return text[text.upper().index(" AS ") + 4 :].replace("retail.", "")

    def answer(self, sql: str) -> dict[str, list[str]]:
        """Each column's values, sorted."""
        result = self.connection.execute(sql)
        names = [one[0].lower() for one in result.description or ()]
        rows = result.fetchall()
        return {name: sorted(repr(row[at]) for row in rows) for at, name in enumerate(names)}

    def dependences(self, sql: str, sources: set[Name]) -> set[tuple[Column, str]]:
        """Pairs of a source column and an output column that was seen to follow it."""
        before = self.answer(sql)
        found: set[tuple[Column, str]] = set()
        for source in sorted(sources & self.columns.keys()):
            table = ".".join(source)
            for column in self.columns[source]:
                for _ in range(TRIALS):
                    self.connection.execute("BEGIN")
                    self.connection.execute(
                        f'UPDATE {table} SET "{column}" = moved.v FROM (SELECT a.r, b.v FROM '
                        f"(SELECT rowid AS r, row_number() OVER (ORDER BY rowid) AS n FROM {table}) AS a JOIN "
                        f'(SELECT v, row_number() OVER () AS n FROM (SELECT "{column}" AS v FROM {table} ORDER BY random())) AS b USING (n)) '
                        f"AS moved WHERE {table}.rowid = moved.r"
                    )
                    after = changed(self.answer, sql)
                    self.connection.execute("ROLLBACK")
                    if after is not None:
                        found.update(((table, column.lower()), name) for name in before if after[name] != before[name])
        return found


def judge_demo(tally: Tally, *, rotate: int = 0) -> Tally:
    """Judge every view of the demo; `rotate`: with the edges of another view, the control."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder))
        names = sorted(demo.views)
        for at, view in enumerate(names):
            sql = demo.query(view)
            told = _read(demo, demo.query(names[(at + rotate) % len(names)]))
            sources = {tuple(source.lower().split(".")[-2:]) for source in _read(demo, sql).whole.sources}
            try:
                seen = demo.dependences(sql, sources)  # type: ignore[arg-type]
            except duckdb.Error:
                tally.refused += 1
                continue
            edges = [edge for edge in told.whole.column_edges if edge.source is not None]
            pairs = [((".".join(str(e.source).lower().split(".")[-2:]), e.column.lower()), e.into.lower()) for e in edges]
            everything = set(pairs)
            direct = {pair for pair, edge in zip(pairs, edges, strict=True) if edge.kind.direct}
            compare(tally, seen, everything, direct, ".".join(view))
        demo.connection.close()
    return tally


def _read(demo: Demo, sql: str) -> ScriptLineage:
    return read_script(Script(sql, "duckdb", demo.schema))
