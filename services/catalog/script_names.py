"""Names that a script itself gives: those of tables that it makes, and the new ones of tables that it renames.

Beside journey 3, for a check before the change: what only the script knows is no table that anybody reads.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.common.model.assets import Asset
from services.common.model.schema_changes import ChangeKind, SchemaChange


class ScriptNames:
    """What one script calls its tables so far. Names are compared without case, in full or in short."""

    def __init__(self) -> None:
        self._own: set[tuple[str, ...]] = set()
        self._renamed: dict[str, Asset] = {}

    def expect(self, tables: Iterable[str]) -> None:
        """These are the script's own: `PlannedChanges.own`."""
        self._own |= set(map(_parts, tables))

    def made(self, change: SchemaChange) -> None:
        """The script makes the table of a change, or changes one that it has made."""
        self.expect([change.table, *_new_names(change)])

    def renamed(self, change: SchemaChange, asset: Asset) -> None:
        """A known table has been changed; by its new name it is the same one."""
        self._renamed |= dict.fromkeys(_new_names(change), asset)

    def is_own(self, table: str) -> bool:
        """Whether the script made a table, or says that it may not be there."""
        name = _parts(table)
        return any(own[-len(name) :] == name[-len(own) :] for own in self._own)

    def known_as(self, table: str) -> Asset | None:
        """The known table to which the script has given this name."""
        return self._renamed.get(table.lower())


def _new_names(change: SchemaChange) -> set[str]:
    """What a renamed table may be called afterwards, in lower case: as written, alone, and with what stood before its name."""
    if change.kind is not ChangeKind.RENAME or change.column is not None or not change.to:
        return set()
    above, last = change.table.rpartition(".")[0].lower(), change.to.rpartition(".")[2].lower()
    return {change.to.lower(), last, f"{above}.{last}" if above else last}


def _parts(name: str) -> tuple[str, ...]:
    return tuple(name.lower().split("."))
