"""Sources and crawls as rows: who owns a namespace, which crawl runs, what it did. Journey 1, around the batches."""

from __future__ import annotations

import dataclasses
import datetime as dt
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, exists, insert, or_, select, update

from services.catalog.store.tables import asset, crawl, source
from services.common.errors import Conflict, NotFound
from services.common.model.changes import Seq
from services.common.model.crawls import CrawlId, CrawlRecord, CrawlState, SourceInfo, TableCounts
from services.common.model.names import Namespace
from services.common.runtime.inserts import insert_into

MAX_FAILURES = 1000
"""Lines kept of one crawl: enough to see every kind of failure, too few to fill a database."""
SILENT_AFTER = dt.timedelta(minutes=15)
"""A crawl that nobody was heard of for so long has died: three times the longest single statement (`timeout_s`)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Registered:
    """A source as it is kept.

    Attributes:
        name: under which name.
        was: whose tables now are its own, because they got this name; None where nothing moves.
        database: of those only this database's; None for all of them.

    """

    name: str
    was: str | None = None
    database: str | None = None


def register(connection: Connection, info: SourceInfo) -> Registered:
    """Store a source, or what is new of it.

    A source is a namespace, or one database of it. One that was only ever given as a URL is called by its namespace and
    has whatever of it no configured source has. The first configured name for a namespace, or for a database of it,
    takes the tables over (they are for `renamed.rename` to move); whoever then comes with the bare URL gets the named
    source as it is. Artifacts that describe another source's tables (`into`) own nothing.

    Raises:
        Conflict: what it is belongs to a source of another configured name, or it had another namespace or database and
            still holds tables.

    """
    # a row that is there can be locked: two that register at once must not both find nothing
    added = (
        connection.execute(insert_into(connection.dialect.name, source).on_conflict_do_nothing(), _row(info)).rowcount == 1
    )
    kept = _decided(connection, _neighbours(connection, info, lock=True), info)
    if kept.name != info.name:
        if added:
            connection.execute(delete(source).where(source.c.name == info.name))
        return kept
    if kept.was is not None and kept.database is None:
        connection.execute(delete(source).where(source.c.name == kept.was))
        connection.execute(update(crawl).where(crawl.c.source == kept.was).values(source=info.name))
    is_bare = info.into is None and info.name == info.namespace
    _store(connection, dataclasses.replace(info, database=None) if is_bare else info)
    return kept


def standing(connection: Connection, info: SourceInfo) -> Registered:
    """What `register` would return; nothing is written.

    Raises:
        Conflict: as `register`.

    """
    return _decided(connection, _neighbours(connection, info, lock=False), info)


def _decided(connection: Connection, rows: Sequence[RowMapping], info: SourceInfo) -> Registered:
    """Whose a source is, of those that are there."""
    if info.into is not None:
        return Registered(info.name)
    others = [row for row in rows if row["name"] != info.name and row["into"] is None]
    same = next((row for row in others if row["database"] == _key(info)), None)
    unnamed = next((row for row in others if row["name"] == info.namespace), None)
    if info.name == info.namespace:
        whole = same if same is not None else next((row for row in others if not row["database"]), None)
        return Registered(info.name if whole is None else whole["name"])
    if same is not None and same is not unnamed:
        what = info.namespace if info.database is None else f"the database {info.database} of {info.namespace}"
        raise Conflict(f"{what} already belongs to the source {same['name']}: crawl it under that name")
    _check_move(connection, info, next((row for row in rows if row["name"] == info.name), None))
    return Registered(info.name, was=unnamed["name"] if unnamed is not None else None, database=info.database)


def _neighbours(connection: Connection, info: SourceInfo, *, lock: bool) -> list[RowMapping]:
    """The sources of the same name or namespace; with `lock` they are kept from changing until the commit."""
    near = or_(source.c.name == info.name, source.c.namespace == info.namespace)
    query = select(source).where(near).order_by(source.c.name)
    return list(connection.execute(query.with_for_update() if lock else query).mappings().all())


def _row(info: SourceInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "namespace": info.namespace,
        "database": _key(info),
        "platform": info.platform,
        "aliases": list(info.aliases),
        "into": info.into,
        "hold_share": info.hold_share,
    }


def _store(connection: Connection, info: SourceInfo) -> None:
    changed = update(source).where(source.c.name == info.name).values(**_row(info))
    if connection.execute(changed).rowcount == 0:
        connection.execute(insert(source), _row(info))


def _key(info: SourceInfo) -> str:
    """What of its namespace a source is: '' for all that no other source has. Artifacts have nothing of it."""
    return f"\n{info.name}" if info.into is not None else _folded(info.database)


def _check_move(connection: Connection, info: SourceInfo, before: RowMapping | None) -> None:
    if before is None:
        return
    moved = before["namespace"] != info.namespace
    narrowed = info.database is not None and before["database"] != _folded(info.database)
    if (moved or narrowed) and _holds_tables(connection, info.name, before["namespace"], info):
        held = before["namespace"] if moved else f"other databases than {info.database}"
        raise Conflict(
            f"the source {info.name} holds tables of {held}; they would be stored twice under {info.namespace}: "
            "set `namespace` to the old one, or give the source another name"
        )


def _folded(database: str | None) -> str:
    """A database's name as sources are told apart by it: the whole namespace is ''."""
    return (database or "").lower()


def _holds_tables(connection: Connection, name: str, namespace: str, info: SourceInfo) -> bool:
    theirs = exists().where(asset.c.source == name, asset.c.namespace == namespace, asset.c.gone_at.is_(None))
    if namespace == info.namespace and info.database is not None:
        theirs = theirs.where(asset.c.database_lower != info.database.lower())
    return bool(connection.execute(select(theirs)).scalar_one())


def info(connection: Connection, name: str) -> SourceInfo | None:
    """One source by name."""
    row = connection.execute(select(source).where(source.c.name == name)).mappings().first()
    return None if row is None else _info(row)


def sources(connection: Connection) -> dict[str, SourceInfo]:
    """All sources by name, in order."""
    rows = connection.execute(select(source).order_by(source.c.name)).mappings()
    return {row["name"]: _info(row) for row in rows}


def _info(row: RowMapping) -> SourceInfo:
    return SourceInfo(
        row["name"],
        Namespace(row["namespace"]),
        row["platform"],
        tuple(Namespace(alias) for alias in row["aliases"]),
        database=None if row["into"] is not None else row["database"] or None,
        into=row["into"],
        hold_share=row["hold_share"],
    )


def add(connection: Connection, source_name: str, state: CrawlState, by: str, at: dt.datetime) -> CrawlRecord:
    """A new crawl, requested or running."""
    record = CrawlRecord(
        id=CrawlId(secrets.token_hex(8)),
        source=source_name,
        state=state,
        by=by,
        requested_at=at,
        started_at=at if state is CrawlState.RUNNING else None,
    )
    values = dataclasses.asdict(record) | {"state": state.value, "failures": [], "heard_at": at}
    connection.execute(insert(crawl), values)
    return record


def pending(connection: Connection, source_name: str) -> CrawlRecord | None:
    """The crawl of a source that is asked for and not yet begun."""
    waiting = select(crawl).where(crawl.c.source == source_name, crawl.c.state == CrawlState.REQUESTED.value)
    return _one(connection, waiting.order_by(crawl.c.requested_at).limit(1))


def locked(connection: Connection, crawl_id: CrawlId) -> CrawlRecord:
    """A crawl, kept from changing until the commit.

    Raises:
        NotFound: nobody began it.

    """
    record = _one(connection, select(crawl).where(crawl.c.id == crawl_id).with_for_update())
    if record is None:
        raise NotFound(f"there is no crawl {crawl_id}")
    return record


def running(connection: Connection, crawl_id: CrawlId) -> CrawlRecord:
    """A running crawl, kept from changing until the commit.

    Raises:
        NotFound: nobody began it.
        Conflict: it has ended, perhaps because a newer crawl of its source began.

    """
    record = locked(connection, crawl_id)
    if record.state is not CrawlState.RUNNING:
        raise Conflict(f"the crawl {crawl_id} of {record.source} is {record.state.value}, not running")
    return record


def supersede(connection: Connection, current: CrawlRecord, at: dt.datetime) -> None:
    """End every other running crawl of the source: two at once could take each other's tables for gone."""
    others = select(crawl).where(
        crawl.c.source == current.source, crawl.c.state == CrawlState.RUNNING.value, crawl.c.id != current.id
    )
    for row in connection.execute(others.order_by(crawl.c.id).with_for_update()).mappings():
        _fail(connection, row, "a newer crawl of the same source began", at)
    connection.execute(update(source).where(source.c.name == current.source).values(last_crawl=current.id))


def end_silent(connection: Connection, at: dt.datetime) -> None:
    """End the crawls that died without a word."""
    for row in connection.execute(_silent(at).order_by(crawl.c.id).with_for_update()).mappings():
        _fail(connection, row, "it stopped without a word", at)


def _silent(at: dt.datetime) -> Select[Any]:
    return select(crawl).where(crawl.c.state == CrawlState.RUNNING.value, crawl.c.heard_at < at - SILENT_AFTER)


def _fail(connection: Connection, row: RowMapping, why: str, at: dt.datetime) -> None:
    values = {"state": CrawlState.FAILED.value, "ended_at": at, "failures": _kept((*row["failures"], why))}
    connection.execute(update(crawl).where(crawl.c.id == row["id"]).values(**values))


def has_work(connection: Connection, at: dt.datetime) -> bool:
    """Whether `next_requested` or `end_silent` would do anything; cheap, for polling."""
    asked = select(crawl.c.id).where(crawl.c.state == CrawlState.REQUESTED.value).limit(1)
    if connection.execute(asked).first() is not None:
        return True
    return connection.execute(_silent(at).limit(1)).first() is not None


def next_requested(connection: Connection) -> CrawlRecord | None:
    """The oldest crawl asked for whose source nobody crawls now, locked; others who look at the same time pass it by."""
    busy = crawl.alias("busy")
    taken = exists().where(busy.c.source == crawl.c.source, busy.c.state == CrawlState.RUNNING.value)
    waiting = select(crawl).where(crawl.c.state == CrawlState.REQUESTED.value, ~taken)
    oldest = waiting.order_by(crawl.c.requested_at, crawl.c.id).limit(1)
    return _one(connection, oldest.with_for_update(skip_locked=True))


def save(connection: Connection, record: CrawlRecord, at: dt.datetime) -> CrawlRecord:
    """Write a crawl's state, counters and failures, and return it as written; `at` is taken as a sign of life.

    A failure that many containers share is one line.
    """
    kept = dataclasses.replace(record, failures=tuple(_kept(record.failures)))
    values = dataclasses.asdict(kept) | {"state": kept.state.value, "failures": list(kept.failures), "heard_at": at}
    connection.execute(update(crawl).where(crawl.c.id == kept.id).values(**values))
    return kept


def _kept(failures: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(failures))[:MAX_FAILURES]


def fetch(connection: Connection, crawl_id: CrawlId) -> CrawlRecord | None:
    """A crawl, None where nobody asked for it."""
    return _one(connection, select(crawl).where(crawl.c.id == crawl_id))


def recent(connection: Connection, names: Iterable[str] | None, limit: int) -> tuple[CrawlRecord, ...]:
    """The newest crawls first, of the sources called `names`, None for all."""
    query = select(crawl).order_by(crawl.c.requested_at.desc(), crawl.c.id).limit(limit)
    if names is not None:
        query = query.where(crawl.c.source.in_(list(names)))
    return tuple(record_from(row) for row in connection.execute(query).mappings())


def latest(connection: Connection, names: Sequence[str]) -> dict[str, CrawlRecord]:
    """The last crawl that began, by source."""
    query = select(crawl).join(source, source.c.last_crawl == crawl.c.id).where(source.c.name.in_(names))
    return {row["source"]: record_from(row) for row in connection.execute(query).mappings()}


def record_from(row: RowMapping) -> CrawlRecord:
    """A row as the record that is shown."""
    return CrawlRecord(
        id=CrawlId(row["id"]),
        source=row["source"],
        state=CrawlState(row["state"]),
        by=row["by"],
        requested_at=row["requested_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        done=row["done"],
        expected=row["expected"],
        counts=TableCounts(**row["counts"]),
        seq=Seq(row["seq"]),
        failures=tuple(row["failures"]),
        costs=row["costs"],
    )


def _one(connection: Connection, query: Select[Any]) -> CrawlRecord | None:
    row = connection.execute(query).mappings().first()
    return record_from(row) if row is not None else None
