"""What a crawl writes of tables: comparison, upserts, observations, tombstones. Journey 1, inside the batch's commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeAlias

from sqlalchemy import Connection, RowMapping, bindparam, case, delete, insert, or_, select, update

from services.catalog.store.rows import Prepared
from services.catalog.store.tables import asset, observation, renamed, version
from services.common.model.crawls import CrawlId
from services.common.model.names import AssetId
from services.common.runtime.inserts import insert_into

_COMPARED = (
    "id",
    "source",
    "told_by",
    "fingerprint",
    "schema_fingerprint",
    "version",
    "gone_at",
    "last_crawl",
    "unseen_since",
    "held_by",
    "object_id",
    "listed",
)
_STATS = ("rows", "bytes", "last_altered")
_FIGURES = (*_STATS, "object_id")
_figures_held, _figures_shown = itemgetter(*_FIGURES), itemgetter(*_STATS)
_NO_MARKS = {"unseen_since": None, "unseen_why": None, "held_by": None}
_KEPT = frozenset({"id", "first_seen", "revision"})

Stored: TypeAlias = RowMapping | Mapping[str, Any]
"""A row of a table as it is stored, or as it would be."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Which crawl of which source shows the tables, and when.

    Attributes:
        source: whose crawl it is.
        owner: whose the tables are: the source itself, or the one that its artifacts describe (`SourceInfo.into`).

    """

    crawl: CrawlId
    source: str
    at: dt.datetime
    into: str | None = None
    platform: str = ""

    @property
    def owner(self) -> str:
        """Whose the tables are."""
        return self.into or self.source


@dataclass(slots=True)
class Plan:
    """What a batch means for what is stored.

    Attributes:
        versions: tables whose schema is new, with the number of their version.
        seen: all that this crawl shows for the first time, changed or not.
        foreign: tables that another source holds, by that source's name; nothing of them is written.
        repeated: tables that this crawl has already shown otherwise; the first showing stays.
        returned: those of `added` that had been gone.
        cleared: those of `unchanged` that had been marked as not shown.
        described: tables that artifacts describe and another source shows: only their layer may change.

    """

    added: list[Prepared] = field(default_factory=list)
    changed: list[Prepared] = field(default_factory=list)
    unchanged: list[Prepared] = field(default_factory=list)
    versions: dict[AssetId, int] = field(default_factory=dict)
    foreign: dict[AssetId, str] = field(default_factory=dict)
    repeated: list[Prepared] = field(default_factory=list)
    returned: set[AssetId] = field(default_factory=set)
    cleared: list[Prepared] = field(default_factory=list)
    described: list[Prepared] = field(default_factory=list)

    @property
    def written(self) -> list[Prepared]:
        """What readers will see differently."""
        return self.added + self.changed

    @property
    def seen(self) -> list[Prepared]:
        """What gets an observation."""
        return self.written + self.unchanged


def stored(connection: Connection, ids: Sequence[AssetId], *, lock: bool = True) -> dict[AssetId, RowMapping]:
    """What is needed to compare, of those of `ids` that exist; the rows are locked, in order, until the commit."""
    columns = [asset.c[name] for name in (*_COMPARED, *_STATS)]
    query = select(*columns).where(asset.c.id.in_(ids)).order_by(asset.c.id)
    query = query.with_for_update() if lock else query
    return {AssetId(row["id"]): row for row in connection.execute(query).mappings()}


def known_columns(connection: Connection, ids: Sequence[AssetId]) -> dict[AssetId, list[Mapping[str, Any]]]:
    """The columns that are stored of some tables, gone ones left out, as they were crawled."""
    query = select(asset.c.id, asset.c.columns).where(asset.c.id.in_(ids), asset.c.gone_at.is_(None))
    return {AssetId(row.id): row.columns for row in connection.execute(query)}


def compare(found: Mapping[AssetId, Prepared], held: Mapping[AssetId, Stored], sighting: Sighting) -> Plan:
    """Sort what was found by what it means. What this crawl has already stored means nothing any more."""
    plan = Plan()
    for asset_id, prepared in found.items():
        row = held.get(asset_id)
        if row is None or not row["listed"]:  # what only events knew of begins its history now
            plan.added.append(prepared)
            plan.versions[asset_id] = 1
        elif row["source"] != sighting.owner and row["gone_at"] is None:
            plan.foreign[asset_id] = row["source"]
        elif sighting.into is not None and row["source"] == sighting.owner and row["told_by"] != sighting.source:
            plan.described.append(prepared)
        else:
            _compare_own(plan, prepared, row, sighting)
    return plan


def _compare_own(plan: Plan, prepared: Prepared, row: Stored, sighting: Sighting) -> None:
    """Compare a table with what the same source's crawls, or nobody any more, show of it."""
    gone = row["gone_at"] is not None
    ours = row["source"] == sighting.owner and row["told_by"] == sighting.source
    same = row["fingerprint"] == prepared.fingerprint and ours
    if row["last_crawl"] == sighting.crawl and not gone:
        if not same:
            plan.repeated.append(prepared)
    elif same and not gone:
        plan.unchanged.append(prepared)
        if row["unseen_since"] is not None or row["held_by"] is not None:
            plan.cleared.append(prepared)
    else:
        (plan.added if gone else plan.changed).append(prepared)
        if gone:
            plan.returned.add(prepared.id)
        if gone or row["schema_fingerprint"] != prepared.schema_fingerprint:
            plan.versions[prepared.id] = row["version"] + 1


def of_another_day(plan: Plan, held: Mapping[AssetId, RowMapping]) -> list[AssetId]:
    """Tables that are as they were, but were altered on another day (UTC) than is known: what is searched by it must hear.

    By the day alone, so that a table that is written all the time is in the feed once a day.
    """
    altered = ((p.id, p.stats["last_altered"], held[p.id]["last_altered"]) for p in plan.unchanged)
    return [asset_id for asset_id, shown, known in altered if shown != known and _day(shown) != _day(known)]


def _day(instant: dt.datetime | None) -> dt.date | None:
    return instant.astimezone(dt.UTC).date() if instant is not None else None


def write(connection: Connection, plan: Plan, held: Mapping[AssetId, RowMapping], sighting: Sighting) -> None:
    """Write a plan: changed rows, versions, what was merely seen again, one observation each."""
    if plan.written:
        _write_assets(connection, plan, held, sighting)
    if new := [prepared.id for prepared in plan.added if prepared.id not in plan.returned]:
        # the name had been left once, and is taken again: its id is its own
        connection.execute(delete(renamed).where(renamed.c.old_id.in_(new)))
    if plan.unchanged:
        _touch(connection, plan.unchanged, held, sighting)
    if plan.versions:
        rows = [_version(plan, prepared, sighting) for prepared in plan.written if prepared.id in plan.versions]
        connection.execute(insert_into(connection.dialect.name, version).on_conflict_do_nothing(), rows)
    if plan.seen:
        rows = [{"asset_id": p.id, "crawl": sighting.crawl, "at": sighting.at, **p.stats} for p in plan.seen]
        connection.execute(insert(observation), rows)


def _version(plan: Plan, prepared: Prepared, sighting: Sighting) -> dict[str, Any]:
    number = plan.versions[prepared.id]
    event = "created" if number == 1 else "returned" if prepared.id in plan.returned else "changed"
    return {
        "asset_id": prepared.id,
        "version": number,
        "at": sighting.at,
        "crawl": sighting.crawl,
        "event": event,
        "qualified": prepared.name.qualified,
        "previous": None,
        "description": prepared.facts["description"],
        "columns": prepared.texts["columns"],
        "primary_key": prepared.texts["primary_key"],
    }


def _write_assets(connection: Connection, plan: Plan, held: Mapping[AssetId, RowMapping], sighting: Sighting) -> None:
    counters = _NO_MARKS | {
        "told_by": sighting.source,
        "gone_at": None,
        "first_seen": sighting.at,
        "last_seen": sighting.at,
        "last_crawl": sighting.crawl,
        "listed": True,
        "revision": 1,
    }
    rows = []
    for prepared in plan.written:
        number = plan.versions.get(prepared.id) or held[prepared.id]["version"]
        rows.append({**prepared.row(sighting.owner), **counters, "version": number})
    statement = insert_into(connection.dialect.name, asset)
    kept = {name: column for name, column in statement.excluded.items() if name not in _KEPT}
    first = statement.excluded.first_seen
    statement = statement.on_conflict_do_update(
        index_elements=[asset.c.id],
        set_=kept
        | {"revision": asset.c.revision + 1, "first_seen": case((asset.c.listed, asset.c.first_seen), else_=first)},
        # two sources that find a new table at once: the one that commits first keeps it
        where=or_(asset.c.source == statement.excluded.source, asset.c.gone_at.is_not(None), ~asset.c.listed),
    )
    connection.execute(statement, rows)


def _touch(
    connection: Connection, unchanged: Sequence[Prepared], held: Mapping[AssetId, RowMapping], sighting: Sighting
) -> None:
    seen = _NO_MARKS | {"last_seen": sighting.at, "last_crawl": sighting.crawl}
    moved = [p for p in unchanged if _figures_held(held[p.id]) != _figures(p)]
    still = sorted({p.id for p in unchanged} - {p.id for p in moved})
    if still:
        connection.execute(update(asset).where(asset.c.id.in_(still)).values(**seen))
    if moved:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _FIGURES}
        named = [f"new_{name}" for name in _FIGURES]
        rows = [{"of": p.id, **dict(zip(named, _figures(p), strict=True))} for p in moved]
        connection.execute(update(asset).where(asset.c.id == bindparam("of")).values(**seen, **values), rows)


def _figures(prepared: Prepared) -> tuple[Any, ...]:
    """What may move without being a change, in the order of `_FIGURES`."""
    return (*_figures_shown(prepared.stats), prepared.facts["object_id"])


def revise(connection: Connection, ids: Sequence[AssetId]) -> None:
    """Count one more change of assets, for their `ETag`."""
    for at in range(0, len(ids), 5_000):
        some = asset.c.id.in_(ids[at : at + 5_000])
        connection.execute(update(asset).where(some).values(revision=asset.c.revision + 1))
