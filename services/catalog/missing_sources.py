"""What a new definition reads and nobody has: a slip in a name, or what the script itself has dropped before.

Beside journey 3: a check before the change. A table that the scope hides is as unknown as one that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.catalog.assets import AssetReader
from services.catalog.redefinitions import listed
from services.catalog.script_names import ScriptNames
from services.common.model.access import AccessScope
from services.common.model.assets import Asset
from services.common.model.names import AssetId
from services.common.model.near_columns import did_you_mean, near_columns
from services.common.model.schema_changes import ChangeKind, Origin, Redefinition, SchemaChange

_TOLD = 3
"""Slips that a sentence names."""
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to read for a definition of a script.

    Attributes:
        reader: knows the tables.
        scope: the caller's.
        near: gives names inside the scope that one which is not known may be a slip for.
        names: what the script itself calls its tables.
        dropped: what the script has dropped so far: a table, or a column of it in lower case.
        came: the columns that the script has brought so far.
        unsure: the tables that the script has made anew with columns that cannot be told.

    """

    reader: AssetReader
    scope: AccessScope
    near: Callable[[str], Sequence[str]]
    names: ScriptNames
    dropped: set[tuple[AssetId, str | None]]
    came: set[tuple[AssetId, str]]
    unsure: set[AssetId]

    def changed(self, change: SchemaChange, asset: Asset) -> None:
        """A known table has been changed: what that brings can be read from now on."""
        if change.kind is ChangeKind.REPLACE and change.columns is None:
            self.unsure.add(asset.id)
        brought = list(change.columns or ())
        if change.column is not None and change.kind is ChangeKind.ADD:
            brought.append(change.column)
        if change.column is not None and change.kind is ChangeKind.RENAME and change.to:
            brought.append(change.to)
        self.came.update((asset.id, name.lower()) for name in brought)

    def missing(self, found: Redefinition) -> str | None:
        """One sentence, without its end, on what a definition reads now and is not there; None where nothing is missing."""
        read = dict.fromkeys((one.table, one.column) for one in _read_now(found))
        known = self.reader.many([table.id for table, _ in read], self.scope)
        slips = []
        for table, column in read:
            asset = known.get(table.id)
            if asset is None:
                if not self.names.is_own(table.qualified) and self.names.known_as(table.qualified) is None:
                    slips.append(f"table {table.qualified} is not known here{did_you_mean(self.near(table.qualified))}")
            elif (slip := self._slip(asset, column)) is not None:
                slips.append(slip)
        told = list(dict.fromkeys(slips))
        more = [f"{len(told) - _TOLD} more"] if len(told) > _TOLD else []
        return "; ".join([*told[:_TOLD], *more]) or None

    def _slip(self, asset: Asset, column: str) -> str | None:
        return None if column == _ANY else self.without([asset], column)

    def without(self, assets: Sequence[Asset], column: str) -> str | None:
        """One sentence, without its end, where none of some tables has a column; None where one has, or may have, it.

        Of a table that only events tell of more columns may be there than they name.
        """
        name = column.lower()
        if any(not one.columns or not one.listed or one.id in self.unsure or (one.id, name) in self.came for one in assets):
            return None
        gone = next((one for one in assets if (one.id, name) in self.dropped), None)
        if any(name == own.name.lower() for one in assets if one is not gone for own in one.columns):
            return None
        if gone is not None:
            return f"{gone.name.qualified}.{column} is dropped by the script before"
        tables = listed([one.name.qualified for one in assets])
        near = did_you_mean(near_columns(column, (own.name for one in assets for own in one.columns)))
        return f"{'none of ' if len(assets) > 1 else ''}{tables} is {'' if len(assets) > 1 else 'not '}known to have a column {column}{near}"


def _read_now(found: Redefinition) -> Iterator[Origin]:
    for one in found.columns:
        yield from one.now
    yield from found.rows_now
