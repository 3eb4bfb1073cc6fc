"""Assets that only events name, as rows: no crawl's rules of absence touch them, and the first crawl that shows one takes it.

Journey 3, the crossing to the catalog, inside the commit that moves its checkpoint.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from services.catalog.store import layers
from services.catalog.store.rows import Prepared, owned
from services.catalog.store.tables import asset, event_checkpoint, layer
from services.common.model.events import OPENLINEAGE
from services.common.model.names import UNLISTED, AssetId, Namespace
from services.common.runtime.inserts import insert_into

NOBODY = ""
"""What stands in `told_by` and `last_crawl` of an asset that no crawl has shown."""
_FACTS = ("kind", "columns")
_LAYERED = ("kind", "description", "columns", "tags", "owners", "sql", "properties", "primary_key")


def checkpoint(connection: Connection, *, lock: bool = False) -> int:
    """How far what events say was followed; with `lock`, nobody else follows it until the commit."""
    query = select(event_checkpoint.c.seq)
    return int(connection.execute(query.with_for_update() if lock else query).scalar_one())


def advance(connection: Connection, seq: int) -> None:
    """Everything up to `seq` is stored now."""
    connection.execute(update(event_checkpoint).values(seq=seq))


def held(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, RowMapping]:
    """The rows of `ids`, listed ones too, locked until the commit."""
    query = select(asset).where(asset.c.id.in_(sorted(ids))).order_by(asset.c.id).with_for_update()
    return {AssetId(row["id"]): row for row in connection.execute(query).mappings()}


def add(connection: Connection, new: Sequence[tuple[Prepared, str]], at: dt.datetime) -> None:
    """Store assets that nobody knew, each with its source."""
    counters = {"told_by": NOBODY, "last_crawl": NOBODY, "listed": False, "version": 0, "revision": 1}
    times = {"first_seen": at, "last_seen": at, "gone_at": None, "unseen_since": None, "unseen_why": None, "held_by": None}
    rows = [prepared.row(source) | counters | times for prepared, source in new]
    if rows:
        connection.execute(insert_into(connection.dialect.name, asset).on_conflict_do_nothing(), rows)


def change(connection: Connection, prepared: Prepared, row: RowMapping, source: str, at: dt.datetime) -> bool:
    """Bring an unlisted asset in line with what events say now; returns whether it looks different."""
    wanted: dict[str, Any] = {name: prepared.facts[name] for name in _FACTS} | owned(source, row["parts"])
    if all(row[name] == value for name, value in wanted.items()):
        return False
    fingerprints = {"fingerprint": prepared.fingerprint, "schema_fingerprint": prepared.schema_fingerprint}
    values = wanted | fingerprints | {"last_seen": at, "revision": asset.c.revision + 1}
    connection.execute(update(asset).where(asset.c.id == prepared.id).values(**values))
    return True


def say(connection: Connection, said: Iterable[Prepared], silent: Collection[AssetId], at: dt.datetime) -> set[AssetId]:
    """Keep what events say of assets, listed or not, beside what crawls say; returns those of which that is news."""
    wanted = {prepared.id: prepared for prepared in said}
    ids = sorted({*wanted, *silent})
    query = select(layer.c.asset_id, layer.c.fingerprint).where(layer.c.origin == OPENLINEAGE, layer.c.asset_id.in_(ids))
    before = {AssetId(row.asset_id): row.fingerprint for row in connection.execute(query)}
    news = {id_: one for id_, one in wanted.items() if before.get(id_) != one.fingerprint}
    gone = [id_ for id_ in silent if id_ in before]
    changed = [*news, *gone]
    if changed:
        connection.execute(delete(layer).where(layer.c.origin == OPENLINEAGE, layer.c.asset_id.in_(changed)))
    if news:
        connection.execute(insert(layer), [_layer(one, at) for one in news.values()])
    layers.rekey(connection, changed)
    return set(changed)


def adopt(connection: Connection, source: str, namespace: Namespace, database: str | None) -> list[AssetId]:
    """Give what no source had of a namespace, or of one database of it, to a source that is registered now."""
    theirs = (~asset.c.listed) & (asset.c.source == UNLISTED) & (asset.c.namespace == namespace)
    if database is not None:
        theirs &= asset.c.database_lower == database.lower()
    rows = connection.execute(select(asset.c.id, asset.c.parts).where(theirs).order_by(asset.c.id)).all()
    for row in rows:
        values: Mapping[str, Any] = owned(source, row.parts) | {"revision": asset.c.revision + 1}
        connection.execute(update(asset).where(asset.c.id == row.id).values(**values))
    return [AssetId(row.id) for row in rows]


def _layer(prepared: Prepared, at: dt.datetime) -> dict[str, Any]:
    return {
        "asset_id": prepared.id,
        "origin": OPENLINEAGE,
        "platform": OPENLINEAGE,
        "crawl": NOBODY,
        "fingerprint": prepared.fingerprint,
        "facts": {name: prepared.facts[name] for name in _LAYERED},
        "updated_at": at,
    }
