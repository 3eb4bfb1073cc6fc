"""Foreign keys as edges of their own kind: that values refer to others' says nothing of where data flows.

Journey 3, step "merge". They end when the crawl shows the table without them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection

from services.common.model.assets import Asset
from services.common.model.names import UNLISTED, AssetId, Namespaces
from services.lineage.store import column_edges, datasets, edges, intervals, observed
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.datasets import Dataset
from services.lineage.store.edges import Edge


def merge_keys(
    connection: Connection,
    assets: Collection[Asset],
    namespaces: Namespaces,
    times: Mapping[AssetId, dt.datetime],
    now: dt.datetime,
) -> bool:
    """Store the keys of crawled tables, in place of those before; returns whether the graph is another.

    Args:
        connection: inside a unit of work, with the assets' own nodes stored.
        assets: tables as the feed has them.
        namespaces: whose sources own the tables that only keys name.
        times: from when on the crawl's word holds, by asset.
        now: when it arrived.

    """
    last = intervals.newest(connection, edges.KEYS.level, {asset.id for asset in assets})
    # a table that never had keys needs no state to say so
    having = [asset for asset in assets if asset.foreign_keys or asset.id in last]
    if not having:
        return False
    at = {asset.id: max(times[asset.id], last.get(asset.id, times[asset.id])) for asset in having}
    named = [
        Dataset.named(asset.referred(key), _source(asset, namespaces)) for asset in having for key in asset.foreign_keys
    ]
    added = datasets.put_named(connection, named)
    changed = edges.replace(connection, {asset.id: set(_edges(asset)) for asset in having}, at, now, keys=True)
    wanted = {asset.id: set(_columns(asset)) for asset in having}
    return column_edges.replace_many(connection, wanted, at, now, keys=True) or changed or added


def _edges(asset: Asset) -> Iterable[Edge]:
    evidence = (f"foreign key of {asset.name.qualified}",)
    for key in asset.foreign_keys:
        referred = asset.referred(key)
        if referred.id != asset.id:
            yield Edge(referred.id, asset.id, observed.KEY, evidence, 1.0)


def _columns(asset: Asset) -> Iterable[ColumnEdge]:
    for key in asset.foreign_keys:
        referred = asset.referred(key)
        for mine, theirs in zip(key.columns, key.ref_columns, strict=False):  # a source may leave theirs out
            if referred.id != asset.id:
                yield ColumnEdge(referred.id, theirs.lower(), asset.id, mine.lower(), observed.KEY, observed.KEY)


def _source(asset: Asset, namespaces: Namespaces) -> str:
    configured = namespaces.source_of(asset.name.namespace, asset.database)
    return asset.source if configured == UNLISTED else configured
