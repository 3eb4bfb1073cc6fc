"""A basket of ids and names answered: names resolved inside the scope, the indexer asked, its items hydrated and joined in SQL.

Journey 2, "used together", the catalog's steps. The store has the last word: what it no longer shows is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.catalog.assets import AssetReader
from services.catalog.feedback import FeedbackLog
from services.catalog.join_sql import from_clause
from services.catalog.near_names import NearNames
from services.catalog.store.listing import Heading
from services.common.errors import BadRequest, ServiceUnavailable
from services.common.model.access import AccessScope, Principal, Role
from services.common.model.assets import Asset
from services.common.model.names import AssetId, DatasetName, parse_asset_id
from services.common.model.related import (
    AssetUsage,
    RecentQuery,
    RecentTable,
    RelatedItem,
    RelatedQuery,
    SimilarItem,
)
from services.common.model.search import Join, SearchQuery
from services.common.ports import Recommendations, Search

MAX_RECENT = 10
"""Tables that somebody used lately from which it goes on."""
MAX_OPENED = 5
"""Tables that others opened, or that an answer has first, from which it goes on."""
LEAST_PEOPLE = 2
"""What one person alone opened is told to nobody, whatever the setting."""


@dataclass(frozen=True, slots=True)
class WholeItem:
    """An item with what it is called; None for a table that no crawl has shown. `sql` has a FROM clause for each join."""

    item: RelatedItem
    heading: Heading | None
    sql: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """A table that an answer goes out from: of a person, of a search, or one that a short or ambiguous name was taken for.

    Attributes:
        why: in words.
        queries: executions by the person asked for; 0 for all others.
        people: how many others opened it after the same question; 0 for all others, and where the search itself found it.

    """

    asset: AssetId
    name: DatasetName
    listed: bool
    why: str
    queries: int = 0
    people: int = 0


@dataclass(frozen=True, slots=True)
class WholeRelated:
    """Items, best first, and the names and ids of the basket that nobody knows, as they were given.

    `basket` is what a person, a search, or a name that is not a table's full one was taken for; `near` has the names that an
    unknown one may be a slip for, where there are any.
    """

    items: tuple[WholeItem, ...]
    unknown: tuple[str, ...]
    basket: tuple[Start, ...] = ()
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def related_to(
    texts: Sequence[str], limit: int, scope: AccessScope, recommendations: Recommendations, reader: AssetReader
) -> WholeRelated:
    """What goes with a basket, given as ids and names.

    A name that fits several tables that the caller may see stands for all of them, and `basket` says so. What is hidden is as
    unknown as what does not exist.

    Raises:
        ServiceUnavailable: the indexer does not answer.

    """
    assets, names, starts = _resolved(texts, scope, reader)
    answer = recommendations.related(RelatedQuery(assets, scope, names, limit))
    known = reader.headings([*assets, *(item.asset for item in answer.items)], scope)
    whole = _hydrated(answer.items, known)
    hidden = [str(asset) for asset in assets if asset not in known and str(asset) not in answer.unknown]
    return WholeRelated(whole, tuple(dict.fromkeys((*answer.unknown, *(h for h in hidden if h in texts)))), starts)


def with_near_names(whole: WholeRelated, scope: AccessScope, search: Search) -> WholeRelated:
    """An answer with what its unknown names may be slips for; ids are none."""
    near = NearNames(scope, search)
    found = ((text, near(text)) for text in whole.unknown if parse_asset_id(text) is None)
    return replace(whole, near={text: names for text, names in found if names})


def related_to_person(query: RecentQuery, limit: int, recommendations: Recommendations, reader: AssetReader) -> WholeRelated:
    """What goes with the tables that somebody used lately; nothing where no log that was read names them.

    Raises:
        ServiceUnavailable: the indexer does not answer.

    """
    recent = recommendations.recent(query)
    found = reader.headings([one.asset for one in recent if one.listed], query.scope)
    starts = []
    for one in recent:
        if one.listed and one.asset not in found:
            continue
        name = found[one.asset].name if one.asset in found else one.name
        starts.append(Start(one.asset, name, one.listed, _recently(one), queries=one.queries))
    return _from(starts, limit, query.scope, recommendations, reader)


def related_to_search(
    text: str,
    limit: int,
    caller: Principal,
    recommendations: Recommendations,
    reader: AssetReader,
    *,
    search: Search,
    log: FeedbackLog,
    least: int,
) -> WholeRelated:
    """What goes with the tables that others opened after asking the same; where they did not, with what the search finds first.

    Args:
        text: the question.
        limit: items at most.
        caller: who asks, and in which scope.
        recommendations: ranks what goes with those tables.
        reader: shows of them what the caller may see.
        search: finds them where nobody opened any.
        log: of answers and of what was opened.
        least: what fewer people opened is not told; it is `LEAST_PEOPLE` at the least.

    Raises:
        BadRequest: the question has no words.
        ServiceUnavailable: the indexer or the database does not answer.

    """
    if not text.strip():
        raise BadRequest("ask something: the question needs a word", errors=({"pointer": "/search", "detail": "empty"},))
    opened = log.opened_by_others(text, caller, max(least, LEAST_PEOPLE))[:MAX_OPENED]
    if opened:
        found = reader.headings([asset for asset, _ in opened], caller.scope)
        starts = [
            Start(asset, found[asset].name, found[asset].listed, f"{people} people who asked this opened it", people=people)
            for asset, people in opened
            if asset in found
        ]
    else:
        hits = search.search(SearchQuery(text, caller.scope, limit=MAX_OPENED)).hits
        found = reader.headings([hit.asset for hit in hits], caller.scope)
        starts = [
            Start(hit.asset, found[hit.asset].name, found[hit.asset].listed, "the search finds it")
            for hit in hits
            if hit.asset in found
        ]
    return _from(starts, limit, caller.scope, recommendations, reader)


def similar_to(
    asset: AssetId, limit: int, scope: AccessScope, recommendations: Recommendations, reader: AssetReader
) -> tuple[tuple[SimilarItem, Heading], ...]:
    """Tables like one in structure and text, likeliest first, each with what it is called.

    Raises:
        ServiceUnavailable: the indexer does not answer.

    """
    items = recommendations.similar(asset, scope, limit=limit)
    found = reader.headings([item.asset for item in items], scope)
    return tuple((item, found[item.asset]) for item in items if item.asset in found)


def _from(
    starts: Sequence[Start], limit: int, scope: AccessScope, recommendations: Recommendations, reader: AssetReader
) -> WholeRelated:
    if not starts:
        return WholeRelated((), ())
    assets = tuple(start.asset for start in starts)
    answer = recommendations.related(RelatedQuery(assets, scope, (), limit))
    known = reader.headings([*assets, *(item.asset for item in answer.items)], scope)
    return WholeRelated(_hydrated(answer.items, known), (), tuple(starts))


def _hydrated(items: Sequence[RelatedItem], known: Mapping[AssetId, Heading]) -> tuple[WholeItem, ...]:
    """The items with what they are called; `known` has those of the basket too, for the columns to join on."""
    # what the indexer takes for known from logs alone may have been crawled since
    return tuple(_whole(item, known) for item in items if not item.listed or item.asset in known)


def _recently(one: RecentTable) -> str:
    last = f", last on {one.last.isoformat()}" if one.last else ""
    return f"used {one.queries} {'time' if one.queries == 1 else 'times'}{last}"


def usage_of(asset: AssetId, caller: Principal, recommendations: Recommendations) -> AssetUsage | None:
    """Usage of an asset that the caller may see; None also while the indexer does not answer: the asset is worth more.

    Who used it is for administrators alone.
    """
    try:
        usage = recommendations.usage(asset, caller.scope)
    except ServiceUnavailable:
        return None
    return usage if usage is None or caller.role is Role.ADMIN else replace(usage, users=())


def _resolved(
    texts: Sequence[str], scope: AccessScope, reader: AssetReader
) -> tuple[tuple[AssetId, ...], tuple[str, ...], tuple[Start, ...]]:
    assets: dict[AssetId, None] = {}
    names: dict[str, None] = {}
    starts: dict[AssetId, Start] = {}
    for text in dict.fromkeys(texts):
        given = parse_asset_id(text)
        if given is not None:
            assets[given] = None
            continue
        found = reader.by_name(text, scope)
        assets |= dict.fromkeys(asset.id for asset in found)
        starts |= {
            asset.id: Start(asset.id, asset.name, asset.listed, why)
            for asset in found
            if (why := _taken(text, asset, found))
        }
        if not found:
            names[text] = None
    return tuple(assets), tuple(names), tuple(starts.values())


def _taken(text: str, asset: Asset, found: Sequence[Asset]) -> str:
    """Why a table was taken for a name; empty where the name is its full one."""
    if len(found) > 1:
        return f"one of {len(found)} that {text} may stand for"
    return "" if text.strip().lower().endswith(asset.name.qualified.lower()) else f"{text} stands for it"


def _whole(item: RelatedItem, known: Mapping[AssetId, Heading]) -> WholeItem:
    heading = known.get(item.asset)
    if heading is None:
        return WholeItem(item, None, ("",) * len(item.join_on))
    joins = tuple(join for join in item.join_on if join.one in known)
    item = replace(item, name=heading.name, listed=heading.listed, join_on=joins)
    return WholeItem(item, heading, tuple(_sql(join, known) for join in joins))


def _sql(join: Join, assets: Mapping[AssetId, Heading]) -> str:
    return from_clause((join.one, join.other), (join,), assets)
