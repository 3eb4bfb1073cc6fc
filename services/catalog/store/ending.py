"""The end of a crawl, as rows: what it did not show is loaded, and what `absence.judge` makes of that is written.

Journey 1, the commits that end a crawl.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, insert, or_, select, update

from services.catalog.absence import Absent, Appeared, Proposal, Verdict, judge
from services.catalog.store import containers, crawl_changes
from services.catalog.store.crawled import Sighting
from services.catalog.store.tables import asset, proposal, version
from services.common.model.names import AssetId

AT_ONCE = 2_000
"""Tombstones in one commit, so that no other writer waits long for it."""
_IDS = 5_000


def verdict(connection: Connection, sighting: Sighting, *, whole: bool, hold_share: float) -> Verdict:
    """What becomes of the tables that a crawl did not show; nothing is written."""
    missing = absent(connection, sighting)
    if not missing:
        return Verdict()
    read = containers.crawled(connection, sighting.crawl, whole=whole)
    new = appeared(connection, sighting, {one.object_id for one in missing if one.object_id})
    added = len(crawl_changes.ids(connection, sighting.crawl, ("added", "returned")))
    return judge(missing, new, read, total=total(connection, sighting.source) - added, hold_share=hold_share)


def absent(
    connection: Connection, sighting: Sighting, shown: Collection[AssetId] = (), *, database: str | None = None
) -> list[Absent]:
    """The tables that the source's crawls showed and this one did not, nor `shown` names, in order of their ids.

    Only those of `database` where one is named.
    """
    columns = [asset.c[name] for name in ("id", "container", "last_seen", "last_crawl", "object_id", "columns")]
    query = (
        select(*columns).where(_there(sighting.source, database), asset.c.last_crawl != sighting.crawl).order_by(asset.c.id)
    )
    rows = [row for row in connection.execute(query).mappings() if row["id"] not in shown]
    before = containers.before(connection, rows)
    return [
        Absent(
            id=AssetId(row["id"]),
            container=row["container"],
            schema=shape(row["columns"]),
            last_seen=row["last_seen"],
            object_id=row["object_id"],
            before=before.get(AssetId(row["id"])),
        )
        for row in rows
    ]


def appeared(connection: Connection, sighting: Sighting, objects: Iterable[str]) -> list[Appeared]:
    """What this crawl showed for the first time, or under an object id that an absent table had."""
    found: dict[AssetId, Appeared] = {}
    columns = [asset.c[name] for name in ("id", "first_seen", "object_id", "columns")]
    shown = select(*columns).where(
        asset.c.source == sighting.owner, asset.c.gone_at.is_(None), asset.c.last_crawl == sighting.crawl
    )
    new = sorted(crawl_changes.ids(connection, sighting.crawl, ("added",)))
    for query in (*_parts(shown, asset.c.id, new), *_parts(shown, asset.c.object_id, sorted(objects))):
        for row in connection.execute(query).mappings():
            one = Appeared(
                AssetId(row["id"]), row["first_seen"], row["object_id"], shape(row["columns"]), len(row["columns"])
            )
            found[one.id] = one
    return list(found.values())


def first_seen(connection: Connection, ids: Sequence[AssetId]) -> dict[AssetId, dt.datetime]:
    """Since when tables are known, gone ones too; those that are not are left out."""
    found: dict[AssetId, dt.datetime] = {}
    for part in _parts(select(asset.c.id, asset.c.first_seen).where(asset.c.listed), asset.c.id, ids):
        found |= {AssetId(row.id): row.first_seen for row in connection.execute(part)}
    return found


def _parts(query: Select[Any], column: Any, values: Sequence[str]) -> Iterable[Select[Any]]:
    return (query.where(column.in_(values[at : at + _IDS])) for at in range(0, len(values), _IDS))


def total(connection: Connection, source: str, *, database: str | None = None) -> int:
    """How many tables the crawls of a source have shown and are still there; only those of `database` where one is named."""
    return int(connection.execute(select(func.count()).select_from(asset).where(_there(source, database))).scalar_one())


def names(connection: Connection, ids: Sequence[AssetId]) -> dict[AssetId, str]:
    """The qualified names of some tables."""
    query = select(asset.c.id, asset.c.parts)
    found: dict[AssetId, str] = {}
    for part in _parts(query, asset.c.id, ids):
        found |= {AssetId(row.id): ".".join(row.parts) for row in connection.execute(part)}
    return found


def shape(columns: Sequence[Mapping[str, Any]]) -> str:
    """Equal for columns with equal names and types in the same order."""
    text = json.dumps([[column["name"], column.get("type")] for column in columns], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def bury(connection: Connection, ids: Sequence[AssetId], sighting: Sighting) -> list[AssetId]:
    """Mark tables as gone, unless something has shown them since; returns those that are, sorted."""
    # another source may have shown them since, and has them now
    ours = or_(asset.c.told_by == sighting.source, asset.c.held_by == sighting.crawl)
    there = and_(asset.c.id.in_(ids), asset.c.gone_at.is_(None), asset.c.last_crawl != sighting.crawl, ours)
    columns = [asset.c[name] for name in ("id", "version", "parts", "description", "columns", "primary_key")]
    rows = connection.execute(select(*columns).where(there).order_by(asset.c.id).with_for_update()).mappings().all()
    gone = [AssetId(row["id"]) for row in rows]
    if not gone:
        return []
    values = {"gone_at": sighting.at, "unseen_since": None, "unseen_why": None, "held_by": None}
    counted = {"revision": asset.c.revision + 1, "version": asset.c.version + 1}
    connection.execute(update(asset).where(asset.c.id.in_(gone)).values(**values, **counted))
    dropped = [
        {
            "asset_id": row["id"],
            "version": row["version"] + 1,
            "at": sighting.at,
            "crawl": sighting.crawl,
            "event": "dropped",
            "qualified": ".".join(row["parts"]),
            "previous": None,
            "description": row["description"],
            "columns": row["columns"],
            "primary_key": row["primary_key"],
        }
        for row in rows
    ]
    connection.execute(insert(version), dropped)
    crawl_changes.record(connection, sighting.crawl, dict.fromkeys(gone, ("gone", None)))
    return gone


def mark_unseen(connection: Connection, unseen: Mapping[AssetId, str], sighting: Sighting) -> list[AssetId]:
    """Mark tables as not shown and not known to be gone; returns those for which that is new, sorted."""
    wanted = sorted(unseen)
    marked: list[AssetId] = []
    for at in range(0, len(wanted), _IDS):
        some = wanted[at : at + _IDS]
        query = select(asset.c.id).where(asset.c.id.in_(some), asset.c.unseen_since.is_(None)).order_by(asset.c.id)
        fresh = [AssetId(found) for found in connection.execute(query.with_for_update()).scalars()]
        by_why: dict[str, list[AssetId]] = {}
        for id_ in fresh:
            by_why.setdefault(unseen[id_], []).append(id_)
        for why, ids in by_why.items():
            values = {"unseen_since": sighting.at, "unseen_why": why, "revision": asset.c.revision + 1}
            connection.execute(update(asset).where(asset.c.id.in_(ids)).values(**values))
        marked += fresh
    crawl_changes.record(connection, sighting.crawl, {id_: ("unseen", unseen[id_]) for id_ in wanted})
    return marked


def hold(connection: Connection, held: Sequence[AssetId], sighting: Sighting, *, whole: bool) -> list[AssetId]:
    """Hold tables; a whole crawl frees all that older ones held. Returns all whose mark changed, sorted."""
    theirs = and_(asset.c.told_by == sighting.source, asset.c.held_by.is_not(None), asset.c.held_by != sighting.crawl)
    freed = [AssetId(found) for found in connection.execute(select(asset.c.id).where(theirs)).scalars()] if whole else []
    if freed:
        connection.execute(update(asset).where(theirs).values(held_by=None, revision=asset.c.revision + 1))
    for at in range(0, len(held), _IDS):
        some = held[at : at + _IDS]
        values = {"held_by": sighting.crawl, "revision": asset.c.revision + 1}
        connection.execute(update(asset).where(asset.c.id.in_(some), asset.c.told_by == sighting.source).values(**values))
    crawl_changes.record(connection, sighting.crawl, dict.fromkeys(held, ("held", None)))
    return sorted({*freed, *held})


def free(connection: Connection, ids: Sequence[AssetId]) -> None:
    """Take the mark of a hold from tables that have been seen since."""
    for at in range(0, len(ids), _IDS):
        connection.execute(update(asset).where(asset.c.id.in_(ids[at : at + _IDS])).values(held_by=None))


def held_by(connection: Connection, crawl: str) -> list[AssetId]:
    """The tables that a crawl holds for a person's yes, sorted; locked, so that none is shown again before the commit."""
    query = select(asset.c.id).where(asset.c.held_by == crawl, asset.c.gone_at.is_(None)).order_by(asset.c.id)
    return [AssetId(found) for found in connection.execute(query.with_for_update()).scalars()]


def propose(connection: Connection, proposals: Iterable[Proposal], sighting: Sighting) -> None:
    """Store proposals that nobody has decided on before."""
    for one in proposals:
        known = select(proposal.c.id).where(proposal.c.old_id == one.old, proposal.c.new_id == one.new)
        if connection.execute(known).first() is None:
            row = {"id": f"{one.old}-{one.new}", "old_id": one.old, "new_id": one.new, "reason": one.reason}
            connection.execute(insert(proposal), row | {"crawl": sighting.crawl, "at": sighting.at, "state": "open"})


def _there(source: str, database: str | None = None) -> Any:
    told = and_(asset.c.told_by == source, asset.c.gone_at.is_(None))
    return told if database is None else and_(told, asset.c.database_lower == database.lower())
