"""Rows for a bundle's read-only copy: assets inside a scope, and what is said of them. Used by `catalog/bundle` alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, RowMapping, Select, select

from services.catalog.store import renames
from services.catalog.store.tables import (
    asset,
    crawl,
    curation,
    layer,
    metadata,
    renamed,
    source,
    vocabulary,
    vocabulary_name,
)
from services.catalog.store.visibility import visible
from services.common.model.access import AccessScope
from services.common.model.names import AssetId
from services.common.runtime.snapshot import Copied, Row, write_snapshot

Rows = Callable[[Connection], Iterable[Row]]
_AT_ONCE = 500


def write(connection: Connection, file: Path, rows: Mapping[str, Rows]) -> None:
    """Write a new SQLite file with all of the catalog's tables, filled in order with `rows` by table; others stay empty."""
    write_snapshot(connection, file, metadata, [Copied(metadata.tables[name], of) for name, of in rows.items()])


def assets(connection: Connection, scope: AccessScope) -> Iterator[Sequence[RowMapping]]:
    """The rows of living assets that a scope shows, in order of id, some at a time."""
    query = select(asset).where(asset.c.gone_at.is_(None), visible(scope)).order_by(asset.c.id).limit(_AT_ONCE)
    after = ""
    while rows := connection.execute(query.where(asset.c.id > after)).mappings().all():
        yield rows
        after = rows[-1]["id"]


def said(connection: Connection, ids: Iterable[AssetId]) -> Iterator[Row]:
    """What people say of some assets and of their columns."""
    yield from _of(connection, select(curation), ids)


def described(connection: Connection, ids: Iterable[AssetId]) -> Iterator[Row]:
    """What artifacts say of some assets."""
    yield from _of(connection, select(layer), ids)


def renames_shown(connection: Connection, scope: AccessScope) -> Iterator[Row]:
    """Renames of which a scope shows both ends, each leading to where it ends."""
    query = select(renamed).where(visible(scope, renamed.c.scope_path)).order_by(renamed.c.old_id)
    for row in connection.execute(query).mappings().all():
        now = renames.now(connection, AssetId(row["old_id"]), scope)
        if now is not None:
            yield {**row, "new_id": now}


def sources(connection: Connection, names: Collection[str] | None) -> Iterator[Row]:
    """Sources by name; None for all of them."""
    rows = connection.execute(select(source).order_by(source.c.name)).mappings().all()
    yield from (dict(row) for row in rows if names is None or row["name"] in names)


def last_crawls(connection: Connection, names: Collection[str] | None) -> Iterator[Row]:
    """The last crawl of each source; None for all of them."""
    query = select(crawl).join(source, source.c.last_crawl == crawl.c.id).order_by(crawl.c.id)
    rows = connection.execute(query).mappings().all()
    yield from (dict(row) for row in rows if names is None or row["source"] in names)


def terms(connection: Connection) -> Iterator[Row]:
    """All terms of the vocabulary."""
    yield from map(dict, connection.execute(select(vocabulary).order_by(vocabulary.c.key)).mappings().all())


def term_names(connection: Connection, keys: Collection[str]) -> Iterator[Row]:
    """The names by which some terms are found."""
    query = select(vocabulary_name).order_by(vocabulary_name.c.name, vocabulary_name.c.key)
    rows = connection.execute(query).mappings().all()
    yield from (dict(row) for row in rows if row["key"] in keys)


def _of(connection: Connection, query: Select[tuple[object, ...]], ids: Iterable[AssetId]) -> Iterator[Row]:
    """Rows of a table with an `asset_id`, in the order of its primary key."""
    key = query.selected_columns.asset_id
    wanted = sorted(set(ids))
    for at in range(0, len(wanted), _AT_ONCE):
        found = connection.execute(query.where(key.in_(wanted[at : at + _AT_ONCE])).order_by(key)).mappings()
        yield from map(dict, found.all())
