"""What a change does to declared keys that point at what it changes.

Beside journey 3: a check before the change.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.catalog.checked import Checked, Verdict
from services.catalog.declared_keys import Pointing
from services.catalog.widening import Retyping, retyping
from services.common.model.assets import Asset
from services.common.model.schema_changes import ChangeKind, SchemaChange

_RETYPED = {Retyping.SAME: Verdict.SAFE, Retyping.WIDER: Verdict.RISKY}
"""What another type of a column does to keys that point at it; all others break them."""


def threat_to_keys(one: Checked) -> Verdict:
    """What a change does to keys that point at what it changes. A renamed table or column takes them along."""
    change, asset = one.change, one.asset
    if asset is None or change.kind in (ChangeKind.RENAME, ChangeKind.ADD):
        return Verdict.SAFE
    if change.kind is ChangeKind.REPLACE:
        # also with all of its columns: some databases refuse it like a drop, others drop the keys
        return Verdict.UNKNOWN if change.columns is None else Verdict.RISKY
    return Verdict.BREAKING if change.kind is ChangeKind.DROP else _retyped_key(change, asset)


def _retyped_key(change: SchemaChange, asset: Asset) -> Verdict:
    column = next((found for found in asset.columns if found.name.lower() == (change.column or "").lower()), None)
    if column is None:
        return Verdict.SAFE
    if column.type is None or change.to is None:
        return Verdict.UNKNOWN
    return _RETYPED.get(retyping(column.type, change.to), Verdict.BREAKING)


def pointed(keys: Sequence[Pointing], *, may: bool = False) -> str:
    """How many keys point at what changes, or `may` do so, in words."""
    said = "a declared key" if len(keys) == 1 else f"{len(keys)} declared keys"
    return f"{said} may point at it" if may else f"{said} {'points' if len(keys) == 1 else 'point'} at it"
