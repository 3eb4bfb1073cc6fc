"""How crawls read containers, as rows: what makes a table's absence mean something. Journey 1, beside the batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, select

from services.catalog.absence import ContainerState, Crawled
from services.catalog.store.rows import container_key
from services.catalog.store.tables import asset, crawl, crawl_container, observation
from services.catalog.store.text import clean
from services.common.model.crawls import CrawlBatch, CrawlId
from services.common.model.names import AssetId
from services.common.runtime.inserts import insert_into

_AT_ONCE = 500


def note(connection: Connection, crawl_id: CrawlId, batch: CrawlBatch) -> bool:
    """Keep in mind that a crawl came to a container, and with the last batch how it was read.

    A container that was once not read completely stays so. Returns whether that is new.
    """
    key = {"crawl": crawl_id, "container": container_key(batch.container), "lists": batch.lists}
    of_it = [crawl_container.c[name] == value for name, value in key.items()]
    held = connection.execute(select(crawl_container).where(*of_it)).mappings().first()
    if not batch.last:
        if held is None:
            row = key | {"complete": False, "failure": None, "grants": None, "rebuilding": []}
            connection.execute(insert_into(connection.dialect.name, crawl_container).on_conflict_do_nothing(), row)
        return False
    failed_before = held is not None and held["failure"] is not None
    state = state_of(batch)
    values: dict[str, Any] = {
        "complete": state.complete and not failed_before,
        "failure": held["failure"] if held is not None and failed_before else state.failure,
        "grants": None if state.grants is None else sorted(state.grants),
        "rebuilding": sorted(state.rebuilding),
    }
    statement = insert_into(connection.dialect.name, crawl_container)
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=values)
    connection.execute(statement, key | values)
    return not state.complete and not failed_before


def state_of(batch: CrawlBatch) -> ContainerState:
    """How a container's last batch says that it was read."""
    return ContainerState(
        complete=batch.complete,
        grants=None if batch.grants is None else frozenset(map(clean, batch.grants)),
        failure=None if batch.complete else clean(batch.failure or "it could not be read completely"),
        rebuilding=frozenset(name.id for name in batch.rebuilding),
    )


def crawled(connection: Connection, crawl_id: CrawlId, *, whole: bool) -> Crawled:
    """What a crawl read."""
    rows = connection.execute(select(crawl_container).where(crawl_container.c.crawl == crawl_id)).mappings().all()
    states = {(row["container"], row["lists"]): _state(row) for row in rows}
    return Crawled(
        containers={container: state for (container, lists), state in states.items() if not lists},
        listings={container: state for (container, lists), state in states.items() if lists},
        whole=whole,
    )


def before(connection: Connection, absent: Sequence[RowMapping]) -> dict[AssetId, ContainerState]:
    """How the container of tables (`id`, `container`, `last_crawl`) was read by the crawl that saw each last.

    Where that one did not come to the container's end, it is the last one that did and saw the table.
    """
    read = _states(connection, (row["last_crawl"] for row in absent))
    found = {AssetId(row["id"]): read.get((row["last_crawl"], row["container"])) for row in absent}
    cut = [id_ for id_, state in found.items() if state is None or not state.complete]
    return {id_: state for id_, state in found.items() if state is not None} | _last_whole(connection, cut)


def _last_whole(connection: Connection, ids: Sequence[AssetId]) -> dict[AssetId, ContainerState]:
    saw = observation.join(crawl_container, crawl_container.c.crawl == observation.c.crawl).join(
        asset, and_(asset.c.id == observation.c.asset_id, asset.c.container == crawl_container.c.container)
    )
    query = select(observation.c.asset_id, crawl_container).select_from(saw)
    query = query.where(crawl_container.c.complete, ~crawl_container.c.lists).order_by(observation.c.at)
    found: dict[AssetId, ContainerState] = {}
    for at in range(0, len(ids), _AT_ONCE):
        some = query.where(observation.c.asset_id.in_(ids[at : at + _AT_ONCE]))
        found |= {AssetId(row["asset_id"]): _state(row) for row in connection.execute(some).mappings()}
    return found


def _states(connection: Connection, crawls: Iterable[str]) -> dict[tuple[str, str], ContainerState]:
    wanted = sorted(set(crawls))
    found: dict[tuple[str, str], ContainerState] = {}
    for at in range(0, len(wanted), _AT_ONCE):
        query = select(crawl_container).where(
            crawl_container.c.crawl.in_(wanted[at : at + _AT_ONCE]), ~crawl_container.c.lists
        )
        for row in connection.execute(query).mappings():
            found[row["crawl"], row["container"]] = _state(row)
    return found


def forget(connection: Connection, source: str, current: CrawlId) -> None:
    """Drop what older crawls of a source read, but for those that saw a table last or read a container whole last."""
    needed = select(asset.c.last_crawl).where(asset.c.told_by == source).distinct()
    theirs = select(crawl.c.id).where(crawl.c.source == source, crawl.c.id != current)
    whole = select(crawl_container.c.container, crawl.c.id).join(crawl, crawl.c.id == crawl_container.c.crawl)
    whole = whole.where(crawl.c.source == source, crawl_container.c.complete, ~crawl_container.c.lists)
    last = {row.container: row.id for row in connection.execute(whole.order_by(crawl.c.requested_at, crawl.c.id))}
    old = select(crawl_container.c.crawl).where(crawl_container.c.crawl.in_(theirs), crawl_container.c.crawl.not_in(needed))
    dropped = sorted(set(connection.execute(old.distinct()).scalars()) - set(last.values()))
    for at in range(0, len(dropped), _AT_ONCE):
        connection.execute(delete(crawl_container).where(crawl_container.c.crawl.in_(dropped[at : at + _AT_ONCE])))


def of_crawl(connection: Connection, crawl_id: CrawlId) -> list[dict[str, Any]]:
    """The containers of a crawl in order, with whether each was read completely and why not."""
    columns = (crawl_container.c.container, crawl_container.c.complete, crawl_container.c.failure)
    query = select(*columns).where(crawl_container.c.crawl == crawl_id, ~crawl_container.c.lists)
    return [dict(row) for row in connection.execute(query.order_by(crawl_container.c.container)).mappings()]


def _state(row: Any) -> ContainerState:
    return ContainerState(
        complete=row["complete"],
        grants=None if row["grants"] is None else frozenset(row["grants"]),
        failure=row["failure"],
        rebuilding=frozenset(AssetId(item) for item in row["rebuilding"]),
    )
