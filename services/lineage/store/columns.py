"""The columns of datasets, as crawls show them: what `*` stands for, and where a name without a table belongs.

Journey 3, step "store". Apart from the nodes, which are all held in memory; columns are not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, insert, select, update

from services.common.model.names import AssetId
from services.lineage.store.lookup import keyed, rows_of
from services.lineage.store.tables import node_columns

_BY_ID = keyed(select(node_columns.c.id, node_columns.c.columns), node_columns.c.id)


def get(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, tuple[str, ...]]:
    """Names of columns in order, as the source spells them, of those of `ids` that have any."""
    return {AssetId(row.id): tuple(row.columns) for row in rows_of(connection, _BY_ID, ids)}


def put(connection: Connection, columns: Mapping[AssetId, tuple[str, ...]]) -> set[AssetId]:
    """Store the columns of datasets; returns the ids of those that had others, or none, before."""
    before = get(connection, columns.keys())
    changed = {id_ for id_, names in columns.items() if names != before.get(id_, ())}
    new = [{"id": id_, "columns": list(columns[id_])} for id_ in sorted(changed - before.keys())]
    if new:
        connection.execute(insert(node_columns), new)
    for id_ in changed & before.keys():
        query = update(node_columns).where(node_columns.c.id == id_)
        connection.execute(query.values(columns=list(columns[id_])))
    return changed
