"""What each crawl changed, table by table: the history of crawls. Journey 1, in the commits of batches and ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Join, RowMapping, func, select, update

from services.catalog.store.tables import asset, crawl_change, renamed
from services.catalog.store.visibility import visible
from services.common.model.access import AccessScope
from services.common.model.crawls import CrawlId
from services.common.model.names import AssetId
from services.common.runtime.inserts import insert_into

Told = tuple[str, str | None]
"""What happened (`added`, `returned`, `changed`, `gone`, `unseen`, `held`, `renamed`) and a word more where there is one."""


def record(connection: Connection, crawl: CrawlId, changes: Mapping[AssetId, Told]) -> None:
    """Write down what a crawl did to some tables; of several things that happened to one, the last stays."""
    if not changes:
        return
    rows = [{"crawl": crawl, "asset_id": id_, "what": what, "detail": detail} for id_, (what, detail) in changes.items()]
    statement = insert_into(connection.dialect.name, crawl_change)
    said = {"what": statement.excluded.what, "detail": statement.excluded.detail}
    connection.execute(statement.on_conflict_do_update(index_elements=["crawl", "asset_id"], set_=said), rows)


def ids(connection: Connection, crawl: CrawlId, what: Iterable[str]) -> set[AssetId]:
    """The tables to which a crawl did one of these things."""
    query = select(crawl_change.c.asset_id).where(crawl_change.c.crawl == crawl, crawl_change.c.what.in_(list(what)))
    return {AssetId(found) for found in connection.execute(query).scalars()}


def follow(connection: Connection, old: AssetId, new: AssetId) -> None:
    """Let what crawls did to a table that has got another name be found under the new one."""
    taken = select(crawl_change.c.crawl).where(crawl_change.c.asset_id == new)
    free = (crawl_change.c.asset_id == old) & crawl_change.c.crawl.not_in(taken)
    connection.execute(update(crawl_change).where(free).values(asset_id=new))


def page(
    connection: Connection, crawl: CrawlId, scope: AccessScope, *, after: AssetId | None, limit: int
) -> Sequence[RowMapping]:
    """What a crawl changed of what the caller may see, in order of ids: id, name, whether it is gone, what, detail."""
    columns = (crawl_change.c.asset_id, crawl_change.c.what, crawl_change.c.detail, asset.c.parts, asset.c.gone_at)
    query = select(*columns).select_from(_with_assets()).where(crawl_change.c.crawl == crawl, visible(scope))
    if after is not None:
        query = query.where(crawl_change.c.asset_id > after)
    return connection.execute(query.order_by(crawl_change.c.asset_id).limit(limit)).mappings().all()


def count(connection: Connection, crawl: CrawlId, scope: AccessScope) -> dict[str, int]:
    """How many tables that the caller may see a crawl added, changed, and so on."""
    query = select(crawl_change.c.what, func.count()).select_from(_with_assets())
    query = query.where(crawl_change.c.crawl == crawl, visible(scope)).group_by(crawl_change.c.what)
    return {row[0]: row[1] for row in connection.execute(query)}


def shown_detail(connection: Connection, row: RowMapping, scope: AccessScope) -> str | None:
    """A change's detail as a caller may read it: neither a name that is hidden, nor what was said of a container."""
    if scope.is_full or row["detail"] is None:
        return None if row["detail"] is None else str(row["detail"])
    if row["what"] != "renamed":
        return None
    old = select(renamed.c.old_id).where(
        renamed.c.new_id == row["asset_id"], renamed.c.qualified == row["detail"], visible(scope, renamed.c.scope_path)
    )
    return str(row["detail"]) if connection.execute(old).first() is not None else None


def _with_assets() -> Join:
    return crawl_change.join(asset, asset.c.id == crawl_change.c.asset_id)
