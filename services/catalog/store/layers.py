"""What artifacts such as dbt's say of tables that a warehouse shows: kept apart, laid between the crawl and the person.

Journey 1, inside the batch's commit, and the last step of every read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from services.catalog.store.crawled import Sighting
from services.catalog.store.rows import Prepared
from services.catalog.store.tables import asset, layer
from services.catalog.store.text import folded
from services.common.model.names import AssetId
from services.common.runtime.inserts import insert_into

_AT_ONCE = 5_000
_KEPT = ("kind", "description", "columns", "tags", "owners", "sql", "properties", "primary_key")


def put(connection: Connection, described: Sequence[Prepared], sighting: Sighting) -> set[AssetId]:
    """Store what a crawl of artifacts says of tables; returns those of which it now says something else."""
    if not described:
        return set()
    new = fresh(connection, described, sighting)
    rows = [
        {
            "asset_id": prepared.id,
            "origin": sighting.source,
            "platform": sighting.platform,
            "crawl": sighting.crawl,
            "fingerprint": prepared.fingerprint,
            "facts": {name: prepared.facts[name] for name in _KEPT},
            "updated_at": sighting.at,
        }
        for prepared in described
    ]
    statement = insert_into(connection.dialect.name, layer)
    kept = {name: column for name, column in statement.excluded.items() if name not in ("asset_id", "origin")}
    connection.execute(statement.on_conflict_do_update(index_elements=["asset_id", "origin"], set_=kept), rows)
    return new


def fresh(connection: Connection, described: Sequence[Prepared], sighting: Sighting) -> set[AssetId]:
    """The tables of which a crawl of artifacts says something else than is stored."""
    ids = [prepared.id for prepared in described]
    query = select(layer.c.asset_id, layer.c.fingerprint).where(layer.c.origin == sighting.source, layer.c.asset_id.in_(ids))
    before = {row.asset_id: row.fingerprint for row in connection.execute(query)}
    return {prepared.id for prepared in described if before.get(prepared.id) != prepared.fingerprint}


def absent(connection: Connection, sighting: Sighting) -> list[AssetId]:
    """Tables that older artifacts of the source described and these do not."""
    query = select(layer.c.asset_id).where(layer.c.origin == sighting.source, layer.c.crawl != sighting.crawl)
    return [AssetId(found) for found in connection.execute(query.order_by(layer.c.asset_id)).scalars()]


def drop(connection: Connection, origin: str, ids: Sequence[AssetId]) -> None:
    """Forget what a source's artifacts said of tables."""
    for some in _chunks(ids):
        connection.execute(delete(layer).where(layer.c.origin == origin, layer.c.asset_id.in_(some)))


def follow(connection: Connection, old: AssetId, new: AssetId) -> None:
    """Let what is said of a table that got another name go with it, where nothing is said of the new name."""
    taken = select(layer.c.origin).where(layer.c.asset_id == new)
    connection.execute(update(layer).where(layer.c.asset_id == old, layer.c.origin.not_in(taken)).values(asset_id=new))
    connection.execute(delete(layer).where(layer.c.asset_id == old))


_OF_ASSETS = select(layer).where(layer.c.asset_id.in_(bindparam("ids", expanding=True))).order_by(layer.c.origin)
"""Made once: every answer reads it."""


def of_assets(connection: Connection, ids: Sequence[AssetId]) -> dict[AssetId, list[RowMapping]]:
    """What artifacts say of some assets, in the order of the sources' names."""
    found: dict[AssetId, list[RowMapping]] = defaultdict(list)
    for some in _chunks(ids):
        for row in connection.execute(_OF_ASSETS, {"ids": some}).mappings():
            found[AssetId(row["asset_id"])].append(row)
    return found


def rekey(connection: Connection, ids: Iterable[AssetId]) -> None:
    """Let filters find tables by the tags and owners that artifacts give them, beside the crawl's own."""
    wanted = sorted(set(ids))
    rows = []
    for some in _chunks(wanted):
        said = of_assets(connection, some)
        query = select(asset.c.id, asset.c.tags, asset.c.owners).where(asset.c.id.in_(some))
        rows += [
            {
                "of": row.id,
                "tags_key": folded(merged(row.tags, said[row.id], "tags")),
                "owners_key": folded(merged(row.owners, said[row.id], "owners")),
            }
            for row in connection.execute(query)
        ]
    if rows:
        values: dict[str, Any] = {"tags_key": bindparam("tags_key"), "owners_key": bindparam("owners_key")}
        connection.execute(update(asset).where(asset.c.id == bindparam("of")).values(**values), rows)


def described(connection: Connection, ids: Sequence[AssetId]) -> set[AssetId]:
    """Those of `ids` of which artifacts say something."""
    found: set[AssetId] = set()
    for some in _chunks(ids):
        found |= set(connection.execute(select(layer.c.asset_id).where(layer.c.asset_id.in_(some))).scalars())
    return found


def merged(crawled: Iterable[str], layers: Iterable[Mapping[str, Any] | RowMapping], field: str) -> list[str]:
    """Labels of the crawl and of all layers, each once."""
    return list(dict.fromkeys([*crawled, *(label for row in layers for label in row["facts"][field])]))


def _chunks(ids: Sequence[AssetId]) -> Iterable[Sequence[AssetId]]:
    return (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
