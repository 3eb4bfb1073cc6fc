"""The change feed's tables: numbers taken under one lock, and what changed after a number.

The lock is the row of `feed_head`: whoever took a number keeps it until the commit, so numbers become visible in order
and a reader that has seen n never misses a smaller one. The last statement of every writing journey.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, and_, exists, insert, select, update

from services.catalog.store.tables import asset, change, feed_head
from services.common.model.changes import Seq
from services.common.model.names import AssetId
from services.common.runtime.db import announce


def append(connection: Connection, ids: Sequence[AssetId], at: dt.datetime) -> Seq:
    """Number one change for each of `ids`, in this order; returns the newest number in the store afterwards."""
    if not ids:
        return head(connection)
    taken = update(feed_head).values(seq=feed_head.c.seq + len(ids)).returning(feed_head.c.seq)
    last: int = connection.execute(taken).scalar_one()
    first = last - len(ids) + 1
    rows = [{"seq": first + offset, "asset_id": asset_id, "at": at} for offset, asset_id in enumerate(ids)]
    connection.execute(insert(change), rows)
    announce(connection)
    return Seq(last)


def head(connection: Connection) -> Seq:
    """The newest number, 0 in an empty store."""
    return Seq(connection.execute(select(feed_head.c.seq)).scalar_one())


def after(connection: Connection, seq: Seq, limit: int) -> Sequence[RowMapping]:
    """The last change of each asset that changed after `seq`, oldest first, at most `limit`, with the asset's columns.

    They are NULL where the asset is gone. Not filtered by any scope: the feed's readers are the services themselves.
    """
    later = change.alias("later")
    overtaken = exists().where(later.c.asset_id == change.c.asset_id, later.c.seq > change.c.seq)
    held = and_(asset.c.id == change.c.asset_id, asset.c.gone_at.is_(None))
    query = (
        select(change.c.seq, change.c.asset_id, asset)
        .select_from(change.outerjoin(asset, held))
        .where(change.c.seq > seq, ~overtaken)
        .order_by(change.c.seq)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()
