"""A basket of ids and names answered: names resolved inside the scope, the indexer asked, its items hydrated and joined in SQL.

Journey 2, "used together", the catalog's steps. The store has the last word: what it no longer shows is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.catalog.assets import AssetReader
from services.catalog.join_sql import from_clause
from services.common.errors import ServiceUnavailable
from services.common.model.access import AccessScope
from services.common.model.assets import Asset
from services.common.model.names import AssetId, parse_asset_id
from services.common.model.related import AssetUsage, RelatedItem, RelatedQuery
from services.common.model.search import Join
from services.common.ports import Recommendations


@dataclass(frozen=True, slots=True)
class WholeItem:
    """An item with its asset; None for a table that no crawl has shown. `sql` has a FROM clause for each join."""

    item: RelatedItem
    asset: Asset | None
    sql: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WholeRelated:
    """Items, best first, and the names and ids of the basket that nobody knows, as they were given."""

    items: tuple[WholeItem, ...]
    unknown: tuple[str, ...]


def related_to(
    texts: Sequence[str], limit: int, scope: AccessScope, recommendations: Recommendations, reader: AssetReader
) -> WholeRelated:
    """What goes with a basket, given as ids and names.

    A name that fits several tables that the caller may see stands for all of them. What is hidden is as unknown as what
    does not exist.

    Raises:
        ServiceUnavailable: the indexer does not answer.

    """
    assets, names = _resolved(texts, scope, reader)
    answer = recommendations.related(RelatedQuery(assets, scope, names, limit))
    asked = reader.many(list(assets), scope)
    found = reader.many([item.asset for item in answer.items if item.listed], scope)
    whole = tuple(_whole(item, asked, found) for item in answer.items if not item.listed or item.asset in found)
    known = set(asked)
    hidden = [str(asset) for asset in assets if asset not in known and str(asset) not in answer.unknown]
    return WholeRelated(whole, tuple(dict.fromkeys((*answer.unknown, *(h for h in hidden if h in texts)))))


def usage_of(asset: AssetId, scope: AccessScope, recommendations: Recommendations) -> AssetUsage | None:
    """Usage of an asset that the caller may see; None also while the indexer does not answer: the asset is worth more."""
    try:
        return recommendations.usage(asset, scope)
    except ServiceUnavailable:
        return None


def _resolved(texts: Sequence[str], scope: AccessScope, reader: AssetReader) -> tuple[tuple[AssetId, ...], tuple[str, ...]]:
    assets: dict[AssetId, None] = {}
    names: dict[str, None] = {}
    for text in texts:
        given = parse_asset_id(text)
        found = [given] if given is not None else [asset.id for asset in reader.by_name(text, scope)]
        if found:
            assets |= dict.fromkeys(found)
        else:
            names[text] = None
    return tuple(assets), tuple(names)


def _whole(item: RelatedItem, asked: Mapping[AssetId, Asset], found: Mapping[AssetId, Asset]) -> WholeItem:
    asset = found.get(item.asset)
    if asset is None:
        return WholeItem(item, None, ("",) * len(item.join_on))
    named = {**asked, asset.id: asset}
    joins = tuple(join for join in item.join_on if join.one in named)
    item = replace(item, name=asset.name, listed=asset.listed, join_on=joins)
    return WholeItem(item, asset, tuple(_sql(join, named) for join in joins))


def _sql(join: Join, assets: Mapping[AssetId, Asset]) -> str:
    return from_clause((join.one, join.other), (join,), assets)
