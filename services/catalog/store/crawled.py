"""What a crawl writes of tables: comparison, upserts, observations, tombstones. Journey 1, inside the batch's commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, insert, or_, select, update

from services.catalog.store.rows import Prepared
from services.catalog.store.tables import asset, observation, upsert, version
from services.common.model.crawls import CrawlId
from services.common.model.names import AssetId

_COMPARED = ("id", "source", "fingerprint", "schema_fingerprint", "version", "gone_at", "last_crawl")
_STATS = ("rows", "bytes", "last_altered")
_KEPT = frozenset({"id", "first_seen", "revision"})


@dataclass(frozen=True, slots=True)
class Sighting:
    """Which crawl of which source shows the tables, and when."""

    crawl: CrawlId
    source: str
    at: dt.datetime


@dataclass(slots=True)
class Plan:
    """What a batch means for what is stored.

    Attributes:
        versions: tables whose schema is new, with the number of their version.
        seen: all that this crawl shows for the first time, changed or not.
        foreign: tables that another source holds, by that source's name; nothing of them is written.
        repeated: tables that this crawl has already shown otherwise; the first showing stays.

    """

    added: list[Prepared] = field(default_factory=list)
    changed: list[Prepared] = field(default_factory=list)
    unchanged: list[Prepared] = field(default_factory=list)
    versions: dict[AssetId, int] = field(default_factory=dict)
    foreign: dict[AssetId, str] = field(default_factory=dict)
    repeated: list[Prepared] = field(default_factory=list)

    @property
    def written(self) -> list[Prepared]:
        """What readers will see differently."""
        return self.added + self.changed

    @property
    def seen(self) -> list[Prepared]:
        """What gets an observation."""
        return self.written + self.unchanged


def stored(connection: Connection, ids: Sequence[AssetId]) -> dict[AssetId, RowMapping]:
    """What is needed to compare, of those of `ids` that exist; the rows are locked, in order, until the commit."""
    columns = [asset.c[name] for name in (*_COMPARED, *_STATS)]
    query = select(*columns).where(asset.c.id.in_(ids)).order_by(asset.c.id).with_for_update()
    return {AssetId(row["id"]): row for row in connection.execute(query).mappings()}


def compare(found: Mapping[AssetId, Prepared], held: Mapping[AssetId, RowMapping], sighting: Sighting) -> Plan:
    """Sort what was found by what it means. What this crawl has already stored means nothing any more."""
    plan = Plan()
    for asset_id, prepared in found.items():
        row = held.get(asset_id)
        if row is None:
            plan.added.append(prepared)
            plan.versions[asset_id] = 1
            continue
        same = row["fingerprint"] == prepared.fingerprint and row["source"] == sighting.source
        if row["source"] != sighting.source and row["gone_at"] is None:
            plan.foreign[asset_id] = row["source"]
        elif row["last_crawl"] == sighting.crawl and row["gone_at"] is None:
            if not same:
                plan.repeated.append(prepared)
        elif same and row["gone_at"] is None:
            plan.unchanged.append(prepared)
        else:
            (plan.changed if row["gone_at"] is None else plan.added).append(prepared)
            if row["schema_fingerprint"] != prepared.schema_fingerprint:
                plan.versions[asset_id] = row["version"] + 1
    return plan


def write(connection: Connection, plan: Plan, held: Mapping[AssetId, RowMapping], sighting: Sighting) -> None:
    """Write a plan: changed rows, versions, what was merely seen again, one observation each."""
    if plan.written:
        _write_assets(connection, plan, held, sighting)
    if plan.unchanged:
        _touch(connection, plan.unchanged, held, sighting)
    if plan.versions:
        rows = [
            {
                "asset_id": prepared.id,
                "version": plan.versions[prepared.id],
                "at": sighting.at,
                "crawl": sighting.crawl,
                "columns": prepared.facts["columns"],
                "primary_key": prepared.facts["primary_key"],
            }
            for prepared in plan.written
            if prepared.id in plan.versions
        ]
        connection.execute(upsert(connection, version).on_conflict_do_nothing(), rows)
    if plan.seen:
        rows = [{"asset_id": p.id, "crawl": sighting.crawl, "at": sighting.at, **p.stats} for p in plan.seen]
        connection.execute(insert(observation), rows)


def _write_assets(connection: Connection, plan: Plan, held: Mapping[AssetId, RowMapping], sighting: Sighting) -> None:
    counters = {
        "gone_at": None,
        "first_seen": sighting.at,
        "last_seen": sighting.at,
        "last_crawl": sighting.crawl,
        "revision": 1,
    }
    rows = []
    for prepared in plan.written:
        number = plan.versions.get(prepared.id) or held[prepared.id]["version"]
        rows.append(prepared.row(sighting.source) | counters | {"version": number})
    statement = upsert(connection, asset)
    kept = {name: column for name, column in statement.excluded.items() if name not in _KEPT}
    statement = statement.on_conflict_do_update(
        index_elements=[asset.c.id],
        set_=kept | {"revision": asset.c.revision + 1},
        # two sources that find a new table at once: the one that commits first keeps it
        where=or_(asset.c.source == statement.excluded.source, asset.c.gone_at.is_not(None)),
    )
    connection.execute(statement, rows)


def _touch(
    connection: Connection, unchanged: Sequence[Prepared], held: Mapping[AssetId, RowMapping], sighting: Sighting
) -> None:
    seen = {"last_seen": sighting.at, "last_crawl": sighting.crawl}
    moved = [p for p in unchanged if any(held[p.id][name] != p.stats[name] for name in _STATS)]
    still = {p.id for p in unchanged} - {p.id for p in moved}
    if still:
        connection.execute(update(asset).where(asset.c.id.in_(sorted(still))).values(**seen))
    if moved:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _STATS}
        rows = [{"of": p.id} | {f"new_{name}": p.stats[name] for name in _STATS} for p in moved]
        connection.execute(update(asset).where(asset.c.id == bindparam("of")).values(**seen, **values), rows)


def bury(connection: Connection, container: str, sighting: Sighting) -> list[AssetId]:
    """Mark as gone what a complete container no longer shows; returns their ids, sorted."""
    gone = update(asset).where(_not_shown(container, sighting)).returning(asset.c.id)
    values = {"gone_at": sighting.at, "revision": asset.c.revision + 1}
    return sorted(connection.execute(gone.values(**values)).scalars())


def count_unseen(connection: Connection, container: str, sighting: Sighting) -> int:
    """How many tables an incomplete container did not show: they stay as they are."""
    query = select(func.count()).select_from(asset).where(_not_shown(container, sighting))
    return int(connection.execute(query).scalar_one())


def _not_shown(container: str, sighting: Sighting) -> ColumnElement[bool]:
    return and_(
        asset.c.source == sighting.source,
        asset.c.container == container,
        asset.c.gone_at.is_(None),
        asset.c.last_crawl != sighting.crawl,
    )


def revise(connection: Connection, asset_id: AssetId) -> None:
    """Count one more change of an asset, for its `ETag`."""
    connection.execute(update(asset).where(asset.c.id == asset_id).values(revision=asset.c.revision + 1))
