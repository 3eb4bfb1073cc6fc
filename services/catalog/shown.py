"""What a scope hides inside of what it shows: successors, keys to hidden tables, servers' words, counts of crawls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from services.catalog.absence import LOST, MOVING, REBUILDING, UNREAD
from services.catalog.store import listing
from services.catalog.store.curated import AuditEntry
from services.common.model.access import AccessScope
from services.common.model.assets import MADE_FROM, Asset, ForeignKey
from services.common.model.changes import START
from services.common.model.crawls import CrawlRecord, TableCounts
from services.common.model.names import AssetId, scope_path

_RELATIONS = frozenset({"depends_on", "exposures", "tests"})
_OF_A_TEST = ("test", "column", "severity", "state", "failures", "at")


def shown(connection: Connection, assets: Iterable[Asset], scope: AccessScope) -> list[Asset]:
    """Assets that may be seen, without what in them may not: a successor that is hidden or gone, keys to hidden tables."""
    held = list(assets)
    alive = listing.visible_ids(connection, [asset.successor for asset in held if asset.successor], scope)
    return [
        _narrowed(_without_words(_without_keys(_with_successor_in(asset, alive), scope), scope), scope) for asset in held
    ]


def without_relations(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without what an artifact says of other tables and of what shows them: lineage says it, inside the scope.

    A test is named after the tables that it compares; what kind it is, of which column, and how it ended, stays.
    """
    found = {name: value for name, value in properties.items() if name != MADE_FROM}
    for name, value in found.items():
        if isinstance(value, dict) and not _RELATIONS.isdisjoint(value):
            found[name] = {key: _bare(key, one) for key, one in value.items() if key not in _RELATIONS - {"tests"}}
    return found


def _bare(key: str, value: Any) -> Any:
    if key != "tests" or not isinstance(value, list):
        return value
    return [{name: one[name] for name in _OF_A_TEST if name in one} for one in value if isinstance(one, dict)]


def _narrowed(asset: Asset, scope: AccessScope) -> Asset:
    if scope.is_full:
        return asset
    return dataclasses.replace(asset, properties=without_relations(asset.properties))


def _without_words(asset: Asset, scope: AccessScope) -> Asset:
    """Why its container was not read may be the server's own words, which may name any table of it."""
    if scope.is_full or asset.unseen_why in (None, LOST, REBUILDING, MOVING):
        return asset
    return dataclasses.replace(asset, unseen_why=UNREAD)


def _with_successor_in(asset: Asset, alive: frozenset[str]) -> Asset:
    if asset.successor is None or asset.successor in alive:
        return asset
    curated = tuple(name for name in asset.curated if name != "successor")
    return dataclasses.replace(asset, successor=None, curated=curated)


def _without_keys(asset: Asset, scope: AccessScope) -> Asset:
    if scope.is_full or not asset.foreign_keys:
        return asset
    return dataclasses.replace(asset, foreign_keys=tuple(k for k in asset.foreign_keys if _permits(scope, asset, k)))


def _permits(scope: AccessScope, asset: Asset, key: ForeignKey) -> bool:
    return scope.permits(scope_path(asset.source, asset.referred(key).parts))


def without_hidden(connection: Connection, entries: Sequence[AuditEntry], scope: AccessScope) -> list[AuditEntry]:
    """Entries of a history but those that name a successor which is hidden or gone."""
    named = [_successors(entry) for entry in entries]
    alive = listing.visible_ids(connection, [asset for ids in named for asset in ids], scope)
    return [entry for entry, ids in zip(entries, named, strict=True) if alive.issuperset(ids)]


def _successors(entry: AuditEntry) -> list[AssetId]:
    if entry.field != "successor" or entry.column is not None:
        return []
    return [AssetId(value) for value in (entry.before, entry.after) if value is not None]


def redacted(record: CrawlRecord, scope: AccessScope) -> CrawlRecord:
    """A crawl without what it says of tables that may be hidden; unchanged in full scope."""
    if scope.is_full:
        return record
    return dataclasses.replace(record, done=0, expected=None, counts=TableCounts(), seq=START, failures=(), costs={})
