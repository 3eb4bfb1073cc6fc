"""What the catalog tells the others: a monotone sequence of changes, each with the asset's whole state.

Journey 1, the crossing: the indexer and the lineage service follow this feed from their own checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from services.common.model.assets import Asset
from services.common.model.names import AssetId

Seq = NewType("Seq", int)
"""A change's number, from 1. A reader that has seen n never sees a smaller one appear later."""
START = Seq(0)
"""Before the first change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One asset changed. `asset` is its state when the feed was read (not when the change was made), so a reader never
    calls back and applying a change twice is harmless; None means the asset is gone or was never more than a name.
    `now` is the id that it has got where it was renamed: what is known of the old one belongs to that one.
    """

    seq: Seq
    id: AssetId
    asset: Asset | None
    now: AssetId | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changes in order of `seq`, one an asset.

    Attributes:
        upto: everything up to this number is covered by the page, also changes folded into later ones.
        head: the newest number in the store when the page was read.

    """

    changes: tuple[Change, ...]
    upto: Seq
    head: Seq
