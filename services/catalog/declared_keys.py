"""Declared foreign keys that point at a table, inside the caller's scope.

Beside journey 3, for a check before a change: no data flows along a key, and dropping what it points at still fails or takes it away.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.catalog.assets import AssetReader
from services.common.errors import NotFound
from services.common.model.access import AccessScope
from services.common.model.assets import Asset, ForeignKey
from services.common.model.lineage import Direction, LineageRequest
from services.common.ports import LineageQuery

MAX_TABLES = 10_000
"""Tables with keys on one table that are looked at, as many as one walk gives; the hubs of real schemas have a few hundred."""
_KIND = "key"


@dataclass(frozen=True, slots=True)
class Pointing:
    """A key of `table`. Its `ref_columns` are those that it points at, also where the source leaves them out and means the
    primary key; empty where that is not known.
    """

    table: Asset
    key: ForeignKey
    ref_columns: tuple[str, ...]

    def points_at(self, column: str) -> bool:
        """Whether it points at this column, in any case of letters."""
        return column.lower() in map(str.lower, self.ref_columns)


def pointing_at(reader: AssetReader, lineage: LineageQuery, scope: AccessScope, asset: Asset) -> tuple[Pointing, ...]:
    """The keys that point at a table, its own among them, in order of their tables' names; none that the scope hides.

    Raises:
        ServiceUnavailable: the lineage service does not answer; trying again helps.

    """
    wanted = LineageRequest(asset.id, scope, Direction.DOWNSTREAM, depth=1, limit=MAX_TABLES, kinds=(_KIND,))
    try:
        beside = lineage.walk(wanted)
        others = [node.id for node in beside.nodes if node.id != asset.id]
    except NotFound:  # lineage has not followed so far
        others = []
    tables = (asset, *(reader.many(others, scope).values() if others else ()))
    return tuple(
        Pointing(table, key, key.ref_columns or asset.primary_key)
        for table in sorted(tables, key=lambda one: (one.name.qualified, one.id))
        for key in table.foreign_keys
        if table.referred(key).id == asset.id
    )
