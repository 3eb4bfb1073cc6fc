"""The lineage service's part of a bundle: a SQLite file with its own tables, holding what one scope shows and no more.

Read by `LineageGraph` and `LineageWalker` unchanged. References as written stay out: they may name what is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Connection, Table, select

from services.common.model.access import AccessScope
from services.common.model.names import AssetId, ScopePath
from services.common.runtime.db import Database
from services.common.runtime.snapshot import Copied, Row, write_snapshot
from services.lineage.store import tables
from services.lineage.store.definitions import UNPARSED
from services.lineage.store.tables import definition, mention, node


def write_lineage(database: Database, file: Path, scope: AccessScope) -> None:
    """Write the graph inside a scope to a new file, with edges that are no longer in force, for walks at an earlier time.

    Statements of query logs, events, and who declared what stay out: no answer shows them.

    Args:
        database: the lineage service's own.
        file: where to; must not exist.
        scope: what may be in it.

    """
    copy = _Copy(scope)
    with database.read() as connection:
        write_snapshot(
            connection,
            file,
            tables.metadata,
            [
                Copied(tables.node, copy.nodes),
                *(Copied(table, copy.edges_of(table)) for table in (tables.edge, tables.column_edge)),
                *(Copied(table, copy.edges_of(table)) for table in (tables.observed, tables.observed_column)),
                Copied(tables.node_columns, copy.of_nodes(tables.node_columns, "id")),
                Copied(tables.state, copy.of_nodes(tables.state, "target_id")),
                Copied(tables.mention, copy.mentions),
                Copied(tables.definition, copy.definitions),
                Copied(tables.column_reading, copy.column_readings),
                Copied(tables.setting, lambda connection: _rows(connection, tables.setting)),
                Copied(tables.checkpoint, lambda connection: _rows(connection, tables.checkpoint)),
            ],
        )


def shown_nodes(database: Database, scope: AccessScope) -> dict[AssetId, bool]:
    """Of every dataset that a crawl, SQL or an event has named: whether a scope shows it."""
    with database.read() as connection:
        rows = connection.execute(select(node.c.id, node.c.scope_path))
        return {AssetId(one): scope.is_full or scope.permits(ScopePath(path)) for one, path in rows}


class _Copy:
    """The rows of one copy. Tables are read in order: edges and definitions belong to the nodes that came before."""

    def __init__(self, scope: AccessScope) -> None:
        self._scope = scope
        self._nodes: set[str] = set()
        self._withheld: set[str] = set()
        self._may_name_hidden: set[str] = set()

    def nodes(self, connection: Connection) -> Iterator[Row]:
        for row in _rows(connection, node):
            if self._permits(row["scope_path"]):
                self._nodes.add(row["id"])
                yield row

    def edges_of(self, table: Table) -> Callable[[Connection], Iterator[Row]]:
        """Edges of which the scope shows both ends and all that guards them; where they were seen is only counted."""

        def rows(connection: Connection) -> Iterator[Row]:
            for row in _rows(connection, table):
                ends = row["source_id"] in self._nodes and row["target_id"] in self._nodes
                if ends and all(map(self._permits, row.get("guards", ()))):
                    # an origin may be a job or a person that the scope does not show
                    yield {**row, "origin": str(row["id"])} if "origin" in row and not self._scope.is_full else row

        return rows

    def of_nodes(self, table: Table, key: str) -> Callable[[Connection], Iterator[Row]]:
        """What is said of the nodes in the copy."""
        return lambda connection: (row for row in _rows(connection, table) if row[key] in self._nodes)

    def mentions(self, connection: Connection) -> Iterator[Row]:
        """What definitions name, of those that name nothing hidden; the catalog withholds the others."""
        paths = {row["id"]: row["scope_path"] for row in _rows(connection, node)}
        rows = [row for row in _rows(connection, mention) if row["asset_id"] in self._nodes]
        for row in rows:
            # a node stands at its path of today, as where a definition is asked for
            if not self._permits(str(paths.get(row["dataset_id"], row["scope_path"]))):
                self._may_name_hidden.add(row["asset_id"])
                if row["told"]:
                    self._withheld.add(row["asset_id"])
        for row in rows:
            if row["asset_id"] not in self._withheld and row["told"]:
                yield {**row, "scope_path": paths.get(row["dataset_id"], row["scope_path"])}

    def definitions(self, connection: Connection) -> Iterator[Row]:
        for row in _rows(connection, definition):
            if row["asset_id"] in self._nodes:
                unknown = row["state"] == UNPARSED or row["asset_id"] in self._withheld
                yield {**row, "reads": [], "sha256": "" if unknown else row["sha256"]}

    def column_readings(self, connection: Connection) -> Iterator[Row]:
        """How far columns are known, of definitions that name nothing hidden, told or not: walks say nothing of the others."""
        rows = self.of_nodes(tables.column_reading, "asset_id")(connection)
        return (row for row in rows if row["asset_id"] not in self._may_name_hidden)

    def _permits(self, path: str) -> bool:
        return self._scope.is_full or self._scope.permits(ScopePath(path))


def _rows(connection: Connection, table: Table) -> Iterator[Row]:
    """All rows of a table in the order of its primary key."""
    yield from map(dict, connection.execute(select(table).order_by(*table.primary_key.columns)).mappings().all())
