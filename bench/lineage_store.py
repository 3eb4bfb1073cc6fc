"""A lineage store of any size for the benchmarks: tables in layers, edges between them, and edges between their columns.

Rows go past the service into its tables, its indexes made afterwards: a store of 3,000,000 edges takes a minute.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.lineage.store.line import LINE

COLUMNS = 8
"""Of each table that has edges between columns; every fourth edge is into all of them, as a filter's are."""
PER_EDGE = 4
"""Edges between columns for each edge between tables that has any."""
PER_TABLE = 3
"""Edges out of each table."""
_NAMESPACE = "postgres://db1:5432"
_NOW = "2031-05-01 00:00:00.000000"
_KINDS = ("identity", "transformation", "aggregation")
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ColumnEdges:
    """Edges between columns as numbers: table, column → table, column; the target column -1 is all of them."""

    sources: Ints
    source_columns: Ints
    targets: Ints
    target_columns: Ints


def edges_of(n: int, m: int, kind: str) -> tuple[Ints, Ints]:
    """Distinct edges without loops, sorted: between any two nodes, or from each of 20 layers to the next three."""
    chance = np.random.default_rng(7)
    ends = _in_layers(n, m, chance) if kind == "layers" else (chance.integers(0, n, m), chance.integers(0, n, m))
    names = _order(n)
    keys = np.unique(names[ends[0]] * n + names[ends[1]])
    keys = keys[keys // n != keys % n]
    return (keys // n).astype(np.int32), (keys % n).astype(np.int32)


def _in_layers(n: int, m: int, chance: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges between nodes that are numbered layer by layer."""
    width = n // 20
    sources = chance.integers(0, n - width, m)
    layer = np.minimum(sources // width + 1 + chance.integers(0, 3, m), 19)
    return sources, layer * width + chance.integers(0, width, m)


def _order(n: int) -> NDArray[np.int64]:
    """Numbers of nodes are in order of ids, which are hashes: nothing near is near."""
    return np.random.default_rng(13).permutation(n)


def column_edges_of(n: int, count: int) -> ColumnEdges:
    """About `count` edges between columns, each once: `PER_EDGE` along each of the edges between some tables of each layer."""
    tables = min(n, -(-count // (PER_TABLE * PER_EDGE)))
    chance = np.random.default_rng(11)
    some = _order(n)[np.arange(tables) * (n // tables)]  # evenly through the layers, so that edges go from layer to layer
    sources, targets = (some[ends] for ends in _in_layers(tables, tables * PER_TABLE, chance))
    froms, intos = (chance.integers(0, COLUMNS, (len(sources), PER_EDGE)) for _ in range(2))
    intos[:, -1] = -1
    ends = np.repeat(sources, PER_EDGE), froms.ravel(), np.repeat(targets, PER_EDGE), intos.ravel()
    rows = np.unique(np.column_stack(ends), axis=0).astype(np.int32)
    return ColumnEdges(*(np.ascontiguousarray(rows[:, at]) for at in range(4)))


def all_edges_of(n: int, m: int, columns: int) -> tuple[Ints, Ints]:
    """The edges between tables of a store: `m` in layers, and those along which there are edges between columns."""
    sources, targets = edges_of(n, m, "layers")
    if not columns:
        return sources, targets
    between = column_edges_of(n, columns)
    keys = np.union1d(sources.astype(np.int64) * n + targets, between.sources.astype(np.int64) * n + between.targets)
    return (keys // n).astype(np.int32), (keys % n).astype(np.int32)


def name_of(number: int) -> DatasetName:
    """The name of a node."""
    return DatasetName(Namespace(_NAMESPACE), ("shop", f"s{number % 500}", f"table_{number}"))


def column_of(number: int) -> str:
    """The name of a column; -1 is every column."""
    return "*" if number < 0 else f"column_{number}"


def fill(file: Path, n: int, m: int, columns: int = 0) -> list[AssetId]:
    """Make a store of `n` tables in layers and `m` edges, with about `columns` edges between columns; the tables' ids."""
    database = Database(f"sqlite:///{file}", schema="lineage")
    ensure_current(database, LINE)
    database.close()
    sources, targets = all_edges_of(n, m, columns)
    ids = [name_of(number).id for number in range(n)]
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        _insert(connection, "node", _NODE, (_node(number, id_) for number, id_ in enumerate(ids)))
        pairs = zip(sources.tolist(), targets.tolist(), strict=True)
        _insert(connection, "edge", _EDGE, (_edge(ids, *pair) for pair in pairs))
        if columns:
            _fill_columns(connection, ids, column_edges_of(n, columns))
        connection.execute("UPDATE checkpoint SET version = 1")
        connection.execute("COMMIT")
    return ids


def _fill_columns(connection: sqlite3.Connection, ids: Sequence[AssetId], found: ColumnEdges) -> None:
    rows = zip(
        *(part.tolist() for part in (found.sources, found.source_columns, found.targets, found.target_columns)), strict=True
    )
    _insert(connection, "column_edge", _COLUMN_EDGE, (_column_edge(ids, at, row) for at, row in enumerate(rows)))
    names = "[" + ", ".join(f'"{column_of(number)}"' for number in range(COLUMNS)) + "]"
    known = np.unique(np.concatenate([found.sources, found.targets])).tolist()
    _insert(connection, "node_columns", ("id", "columns"), ((ids[number], names) for number in known))


_NODE = ("id", "namespace", "parts", "source", "scope_path", "kind", "listed", "gone", "told")
_EDGE = ("source_id", "target_id", "kind", "evidence", "confidence", "guards", "valid_from")
_COLUMN_EDGE = (
    *("source_id", "source_column", "target_id", "target_column", "kind", "basis", "confidence", "guards"),
    *("valid_from", "arrived_at"),
)


def _node(number: int, id_: str) -> tuple[Any, ...]:
    parts = name_of(number).parts
    return id_, _NAMESPACE, '["' + '", "'.join(parts) + '"]', "wh", "wh." + ".".join(parts), "table", 1, 0, 0


def _edge(ids: Sequence[str], source: int, target: int) -> tuple[Any, ...]:
    evidence = f'["definition of {name_of(target).qualified}"]'
    return ids[source], ids[target], "view", evidence, 1.0, "[]", _NOW


def _column_edge(ids: Sequence[str], at: int, row: tuple[int, int, int, int]) -> tuple[Any, ...]:
    source, column, target, into = row
    kind = "filter" if into < 0 else _KINDS[at % len(_KINDS)]
    return ids[source], column_of(column), ids[target], column_of(into), kind, "view", 1.0, "[]", _NOW, _NOW


def _insert(connection: sqlite3.Connection, table: str, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    indexes: list[tuple[str, str]] = connection.execute(query, (table,)).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    quoted, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    connection.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({places})", rows)
    for _, sql in indexes:
        connection.execute(sql)
