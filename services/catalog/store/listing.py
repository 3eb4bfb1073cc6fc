"""Reading assets for a caller: every statement begins at `_seen_by`, which knows the scope. Journey 2, the last step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, bindparam, exists, func, or_, select, tuple_

from services.catalog.store import curated, layers
from services.catalog.store.hydrate import TABLE, asset_from
from services.catalog.store.tables import KEY_CHARS, asset, curation, version
from services.catalog.store.text import clean, folded
from services.catalog.store.visibility import visible
from services.common.model.access import AccessScope
from services.common.model.assets import Asset, Kind
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.model.platforms import Platform
from services.common.model.search import Filters


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended, in the order of names and ids."""

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Heading:
    """What an asset is called: all that many answers say of it.

    Attributes:
        id: its own.
        name: its name.
        listed: whether a crawl has shown it.

    """

    id: AssetId
    name: DatasetName
    listed: bool

    @property
    def platform(self) -> Platform:
        """The naming rules and SQL dialect of its engine."""
        return self.name.platform


def _seen_by(scope: AccessScope, *columns: ColumnElement[Any]) -> Select[Any]:
    """A SELECT of `columns`, all of the table where none is named, over what the caller may see and is not gone."""
    query = select(*columns) if columns else select(asset)
    return query.select_from(asset).where(asset.c.gone_at.is_(None), visible(scope))


@lru_cache(maxsize=256)
def _those_of(scope: AccessScope) -> Select[Any]:
    """What the caller may see of the assets that the parameter `ids` names; made once a scope, since every answer asks."""
    return _seen_by(scope).where(asset.c.id.in_(bindparam("ids", expanding=True)))


@lru_cache(maxsize=256)
def _headings_of(scope: AccessScope) -> Select[Any]:
    """The same with what `Heading` needs alone: hydrating columns and people's words takes ten times as long."""
    columns = asset.c.id, asset.c.namespace, asset.c.parts, asset.c.listed
    return _seen_by(scope, *columns).where(asset.c.id.in_(bindparam("ids", expanding=True)))


def headings(connection: Connection, ids: Sequence[AssetId], scope: AccessScope) -> dict[AssetId, Heading]:
    """What those assets of `ids` are called that the caller may see, in the order of `ids`."""
    wanted = list(dict.fromkeys(ids))
    found: dict[AssetId, Heading] = {}
    for at in range(0, len(wanted), curated.IDS_AT_ONCE):
        some = wanted[at : at + curated.IDS_AT_ONCE]
        for row in connection.execute(_headings_of(scope), {"ids": some}):
            name = DatasetName(Namespace(row.namespace), tuple(row.parts))
            found[AssetId(row.id)] = Heading(AssetId(row.id), name, row.listed)
    return {asset_id: found[asset_id] for asset_id in wanted if asset_id in found}


def many(connection: Connection, ids: Sequence[AssetId], scope: AccessScope) -> dict[AssetId, Asset]:
    """The assets of `ids` that the caller may see, in the order of `ids`."""
    wanted = list(dict.fromkeys(ids))
    found: dict[AssetId, Asset] = {}
    for at in range(0, len(wanted), curated.IDS_AT_ONCE):
        some = wanted[at : at + curated.IDS_AT_ONCE]
        rows = connection.execute(_those_of(scope), {"ids": some}).mappings().all()
        found |= zip((AssetId(row["id"]) for row in rows), hydrated(connection, rows), strict=True)
    return {asset_id: found[asset_id] for asset_id in wanted if asset_id in found}


def hydrated(connection: Connection, rows: Sequence[RowMapping]) -> list[Asset]:
    """Rows of `tables.asset` as assets, in the same order, with people's words laid over."""
    ids = [AssetId(row["id"]) for row in rows]
    words, said = curated.of_assets(connection, ids), layers.of_assets(connection, ids)
    return [asset_from(row, words.get(row["id"], ()), said.get(row["id"], ())) for row in rows]


def visible_ids(connection: Connection, ids: Iterable[AssetId], scope: AccessScope) -> frozenset[AssetId]:
    """Those of `ids` that exist and that the caller may see."""
    wanted = sorted(set(ids))
    if not wanted:
        return frozenset()
    return frozenset(connection.execute(_seen_by(scope, asset.c.id).where(asset.c.id.in_(wanted))).scalars())


def locked(connection: Connection, asset_id: AssetId, scope: AccessScope) -> Asset | None:
    """One asset, kept from changing until the commit; None where the caller may not see it."""
    rows = connection.execute(_seen_by(scope).where(asset.c.id == asset_id).with_for_update()).mappings().all()
    return next(iter(hydrated(connection, rows)), None)


def page(
    connection: Connection, scope: AccessScope, filters: Filters, *, after: Position | None, limit: int
) -> Sequence[RowMapping]:
    """Rows in order of name and id, behind `after`."""
    query = _matching(_seen_by(scope), filters).order_by(asset.c.qualified_lower, asset.c.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(asset.c.qualified_lower, asset.c.id) > (clean(after.name), clean(after.id)))
    return connection.execute(query).mappings().all()


def count(connection: Connection, scope: AccessScope, filters: Filters) -> int:
    """How many assets the caller may see pass the filters."""
    return int(connection.execute(_matching(_seen_by(scope, func.count()), filters)).scalar_one())


def _matching(query: Select[Any], filters: Filters) -> Select[Any]:
    plain = (
        (asset.c.kind, [kind.value for kind in filters.kind]),
        (asset.c.platform, filters.platform),
        (asset.c.source_lower, filters.source),
        (asset.c.database_lower, filters.database),
        (asset.c.schema_lower, filters.schema),
    )
    for column, values in plain:
        if values:
            query = query.where(column.in_([clean(value).lower() for value in values]))
    if not (filters.tag or filters.owner or filters.status):
        return query
    query = query.outerjoin(curation, and_(curation.c.asset_id == asset.c.id, curation.c.column_id == TABLE))
    if filters.status:
        query = query.where(curation.c.status.in_([clean(value).lower() for value in filters.status]))
    for shown, crawled, values in (
        (curation.c.tags_key, asset.c.tags_key, filters.tag),
        (curation.c.owners_key, asset.c.owners_key, filters.owner),
    ):
        if values:
            held = func.coalesce(shown, crawled)
            query = query.where(or_(*(held.contains(folded([clean(value)]), autoescape=True) for value in values)))
    return query


def name_candidates(connection: Connection, tables: Iterable[str], whole: str, scope: AccessScope) -> Sequence[RowMapping]:
    """Id, namespace and parts of what may be meant: the last part is one of `tables`, or the whole name is `whole`."""
    last = [clean(table).lower()[:KEY_CHARS] for table in tables]
    named = or_(asset.c.table_lower.in_(last), asset.c.qualified_lower == clean(whole).lower()[:KEY_CHARS])
    query = _seen_by(scope, asset.c.id, asset.c.namespace, asset.c.parts).where(named)
    return connection.execute(query.order_by(asset.c.qualified_lower, asset.c.namespace, asset.c.id)).mappings().all()


def gone_candidates(connection: Connection, tables: Iterable[str], scope: AccessScope) -> Sequence[RowMapping]:
    """The same of tables that are gone: id, namespace and parts of those whose last part is one of `tables`."""
    last = [clean(table).lower()[:KEY_CHARS] for table in tables]
    query = select(asset.c.id, asset.c.namespace, asset.c.parts).where(
        asset.c.table_lower.in_(last), asset.c.gone_at.is_not(None), visible(scope)
    )
    return connection.execute(query.order_by(asset.c.qualified_lower, asset.c.namespace, asset.c.id)).mappings().all()


def counts_by_source(connection: Connection, scope: AccessScope) -> dict[str, dict[Kind, int]]:
    """How many assets of each kind the caller may see, by source; sources without any are left out."""
    query = _seen_by(scope, asset.c.source, asset.c.kind, func.count().label("n"))
    found: dict[str, dict[Kind, int]] = {}
    for row in connection.execute(query.group_by(asset.c.source, asset.c.kind)).mappings():
        found.setdefault(row["source"], {})[Kind(row["kind"])] = row["n"]
    return found


def ever_shown(connection: Connection, sources: Sequence[str]) -> set[str]:
    """Those of some sources of which an asset is kept, also one that is gone, and artifacts that describe one."""
    told = select(asset.c.source, asset.c.told_by).where(or_(asset.c.source.in_(sources), asset.c.told_by.in_(sources)))
    return {name for row in connection.execute(told.distinct()) for name in row} if sources else set()


def namespaces(connection: Connection, scope: AccessScope) -> Sequence[RowMapping]:
    """The namespaces of what the caller may see, in order, each with when something of it was first and last seen."""
    times = func.min(asset.c.first_seen).label("first"), func.max(asset.c.last_seen).label("last")
    query = _seen_by(scope, asset.c.namespace, *times).group_by(asset.c.namespace).order_by(asset.c.namespace)
    return connection.execute(query).mappings().all()


def of_namespace(
    connection: Connection, namespace: str, scope: AccessScope, *, offset: int, limit: int
) -> tuple[Sequence[RowMapping], int]:
    """Rows of one namespace in order of name and id, and how many there are in all."""
    theirs = asset.c.namespace == clean(namespace)
    query = _seen_by(scope).where(theirs).order_by(asset.c.qualified_lower, asset.c.id).offset(offset).limit(limit)
    total = connection.execute(_seen_by(scope, func.count()).where(theirs)).scalar_one()
    return connection.execute(query).mappings().all(), int(total)


def versions(connection: Connection, asset_id: AssetId, scope: AccessScope, limit: int) -> Sequence[RowMapping]:
    """The rows of `tables.version` of an asset that the caller may see, newest first."""
    seen = _seen_by(scope, asset.c.id).where(asset.c.id == version.c.asset_id)
    query = select(version).where(version.c.asset_id == asset_id, exists(seen.correlate(version)))
    return connection.execute(query.order_by(version.c.version.desc()).limit(limit)).mappings().all()


def any_row(connection: Connection, asset_id: AssetId, scope: AccessScope) -> RowMapping | None:
    """The row of an asset that the caller may see, gone or not; None where there is none."""
    return connection.execute(select(asset).where(asset.c.id == asset_id, visible(scope))).mappings().first()


def recorded(connection: Connection, asset_id: AssetId, *, limit: int, before: int | None) -> Sequence[RowMapping]:
    """The rows of `tables.version` of one asset, newest first, below the number `before` where that is given."""
    query = select(version).where(version.c.asset_id == asset_id)
    if before is not None:
        query = query.where(version.c.version < before)
    return connection.execute(query.order_by(version.c.version.desc()).limit(limit)).mappings().all()
