"""Tables in containers that a complete crawl never came to: dropped schemas, and what its globs now leave out.

Journey 1, inside the commit that ends the crawl. A table that its container no longer shows is gone long before.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, update

from services.catalog.store.crawled import Sighting
from services.catalog.store.rows import database_of
from services.catalog.store.tables import asset, crawl, source
from services.common.model.names import AssetId

BURIED_AT_ONCE = 2_000
"""Tombstones in one commit, so that no other writer waits long for it."""
CONTAINERS_AT_ONCE = 500
"""Containers named in one statement; databases bound the number of parameters."""
_LINES = "metadata"
"""The platform of a file of lines, which lists tables and no containers: one without a line is not known to be gone."""


def bury(connection: Connection, sighting: Sighting) -> tuple[list[AssetId], bool]:
    """Mark as gone the source's tables in containers that the crawl never mentioned.

    A container counts as dropped only where the crawl mentioned another one of its database: a URL opens one database
    of a server, and what was not opened has not been looked at.

    Returns:
        The ids of at most `BURIED_AT_ONCE` tables, sorted, and whether there may be more.

    """
    missed = _containers(connection, sighting)
    some = missed[:CONTAINERS_AT_ONCE]
    if not some:
        return [], False
    there = and_(_still_there(sighting), asset.c.container.in_(some))
    query = select(asset.c.id).where(there).order_by(asset.c.id).limit(BURIED_AT_ONCE).with_for_update()
    ids = [AssetId(asset_id) for asset_id in connection.execute(query).scalars()]
    gone = {"gone_at": sighting.at, "revision": asset.c.revision + 1}
    connection.execute(update(asset).where(asset.c.id.in_(ids)).values(**gone))
    return ids, len(ids) == BURIED_AT_ONCE or len(missed) > len(some)


def _containers(connection: Connection, sighting: Sighting) -> list[str]:
    """Containers of the source of which the crawl said nothing, in databases of which it did."""
    told = select(crawl.c.databases, crawl.c.unread, source.c.platform).join(source, source.c.name == crawl.c.source)
    row = connection.execute(told.where(crawl.c.id == sighting.crawl)).mappings().first()
    if row is None or row["platform"] == _LINES:
        return []
    seen = func.max(case((asset.c.last_crawl == sighting.crawl, 1), else_=0))
    unseen = select(asset.c.container).where(_still_there(sighting)).group_by(asset.c.container).having(seen == 0)
    databases, unread = set(row["databases"]), set(row["unread"])
    names = connection.execute(unseen).scalars()
    return sorted(name for name in names if name not in unread and database_of(name) in databases)


def _still_there(sighting: Sighting) -> ColumnElement[bool]:
    return and_(asset.c.source == sighting.source, asset.c.gone_at.is_(None))
