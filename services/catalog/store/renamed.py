"""The tables of a source that got a name. Journey 1, inside the commit that begins its crawl.

Only what says whose a table is changes: ids come from the namespace, so words, versions and observations stay with it.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from services.catalog.store.rows import owned
from services.catalog.store.tables import asset, renamed
from services.common.model.names import AssetId, scope_path

_AT_ONCE = 2_000
"""Rows held in memory and written by one statement."""


def rename(connection: Connection, old: str, new: str, *, database: str | None = None) -> list[AssetId]:
    """Give the tables of the source `old`, gone ones too, to the source `new`; returns their ids, sorted.

    Only those of `database` where one is named. What access globs see changes with it, so every one of them must be told to the feed.
    """
    theirs = select(asset.c.id, asset.c.parts).where(asset.c.source == old).order_by(asset.c.id).limit(_AT_ONCE)
    if database is not None:
        theirs = theirs.where(asset.c.database_lower == database.lower())
    told = update(asset).where(asset.c.source == new, asset.c.told_by == old).values(told_by=new)
    counted = update(asset).where(asset.c.id == bindparam("of")).values(revision=asset.c.revision + 1)
    ids: list[AssetId] = []
    while rows := connection.execute(theirs.with_for_update()).all():
        connection.execute(counted, [{"of": asset_id, **owned(new, parts)} for asset_id, parts in rows])
        ids += [AssetId(asset_id) for asset_id, _ in rows]
    connection.execute(told)
    _left(connection, old, new, database)
    return ids


def _left(connection: Connection, old: str, new: str, database: str | None) -> None:
    """The names that its tables once had are hidden and shown by globs over the new name too."""
    theirs = select(renamed.c.old_id, renamed.c.qualified, renamed.c.scope_path)
    theirs = theirs.where(renamed.c.scope_path.startswith(scope_path(old, ("",)), autoescape=True))
    rows = [
        {"of": row.old_id, "path": scope_path(new, (row.qualified,))}
        for row in connection.execute(theirs)
        if row.scope_path == scope_path(old, (row.qualified,))
        and (database is None or f"{row.qualified}.".lower().startswith(f"{database.lower()}."))
    ]
    if rows:
        paths = update(renamed).where(renamed.c.old_id == bindparam("of")).values(scope_path=bindparam("path"))
        connection.execute(paths, rows)
