"""What changed, in order, with each asset's whole state. Journey 1, the crossing outwards."""

from __future__ import annotations

from collections.abc import Sequence

from services.catalog.store import changes, listing, renames
from services.common.errors import BadRequest
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset
from services.common.model.changes import Change, ChangePage, Seq
from services.common.model.names import AssetId
from services.common.runtime.db import Database

MAX_PAGE = 5_000
"""Changes in one page: about 20 MB of assets."""
MAX_STATES = 500
"""Assets that are told at once: a page of the feed's own default."""


class CatalogFeed:
    """`ChangeFeed` on the catalog's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, seq: Seq, *, limit: int = 500) -> ChangePage:
        """Changes after `seq`, oldest first, at most `limit`; an asset that changed twice comes once, at its last.

        All of a page is one state of the store.

        Raises:
            BadRequest: `seq` is negative, or `limit` is not between 1 and `MAX_PAGE`.

        """
        if seq < 0 or not 1 <= limit <= MAX_PAGE:
            raise BadRequest(f"a page of the feed begins at 0 or later and holds 1 to {MAX_PAGE} changes")
        with self._database.read() as connection:
            head = changes.head(connection)
            rows = changes.after(connection, seq, limit)
            held = listing.hydrated(connection, [row for row in rows if row["id"] is not None])
            now = renames.led_on(connection, [AssetId(row["asset_id"]) for row in rows if row["id"] is None])
        assets = {asset.id: asset for asset in held}
        found = tuple(
            Change(
                Seq(row["seq"]),
                AssetId(row["asset_id"]),
                assets.get(AssetId(row["asset_id"])),
                now.get(AssetId(row["asset_id"])),
            )
            for row in rows
        )
        full = len(rows) == limit
        return ChangePage(changes=found, upto=found[-1].seq if full else max(head, seq), head=head)

    def head(self) -> Seq:
        """The newest sequence number; 0 for an empty store."""
        with self._database.read() as connection:
            return changes.head(connection)

    def states(self, ids: Sequence[AssetId]) -> tuple[Asset, ...]:
        """Those of `ids` that exist, as they are now.

        Raises:
            BadRequest: there are more than `MAX_STATES`.

        """
        if len(ids) > MAX_STATES:
            raise BadRequest(f"at most {MAX_STATES} assets are told at once")
        with self._database.read() as connection:
            return tuple(listing.many(connection, ids, FULL_SCOPE).values())
