"""The datasets that crawls have shown, found by the end of their names: what a log's short names are looked up in.

Journey 3, step "log → facts".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from services.common.model.changes import Seq
from services.common.model.names import AssetId, DatasetName, Namespace
from services.lineage.store.tables import node


@dataclass(slots=True)
class Known:
    """All of them at one number of the catalog's feed."""

    seq: Seq
    ids: set[AssetId] = field(default_factory=set)
    databases: dict[str, dict[str, None]] = field(default_factory=dict)
    _by_last: dict[tuple[str, str], list[DatasetName]] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: Connection, seq: Seq) -> Known:
        """Everything that is there now."""
        known = cls(seq)
        query = select(node.c.id, node.c.namespace, node.c.parts, node.c.source).where(node.c.listed, ~node.c.gone)
        for id_, namespace, parts, source in connection.execute(query):
            known.ids.add(AssetId(id_))
            known._by_last.setdefault((source, parts[-1].lower()), []).append(
                DatasetName(Namespace(namespace), tuple(parts))
            )
            if len(parts) > 1:
                known.databases.setdefault(source, {}).setdefault(parts[0])
        return known

    def ending(
        self, source: str, parts: Sequence[str], database: str | None, *, only_there: bool = False
    ) -> DatasetName | None:
        """The one dataset of a source whose name ends so, without case; None where there is none or more than one.

        Of several those in `database` come first; with `only_there` no others are looked at.
        """
        low = [part.lower() for part in parts]
        found = [
            name
            for name in self._by_last.get((source, low[-1]), ())
            if [part.lower() for part in name.parts[-len(low) :]] == low
        ]
        if database and (only_there or len(found) > 1):
            found = [name for name in found if name.parts[0].lower() == database.lower()]
        return found[0] if len(found) == 1 else None
