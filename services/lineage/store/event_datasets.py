"""Datasets as events name them, which names are one, and what each stands for.

Journey 3, step "store". A change that the catalog should hear of gets a number; the numbers are taken inside the unit of
work that holds the checkpoint's lock, so they become visible in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from services.common.model.names import AssetId, DatasetName, Namespace
from services.lineage.store.event_rows import DatasetRow
from services.lineage.store.event_tables import event_dataset, event_head, symlink
from services.lineage.store.lookup import chunks, keyed, rows_of, rows_with
from services.lineage.store.upserts import replacing

_PAGE = 500
Pair = tuple[AssetId, AssetId]
_BY_ID = keyed(select(event_dataset), event_dataset.c.id)
_ASSETS = keyed(select(event_dataset.c.id, event_dataset.c.asset_id), event_dataset.c.id)


@dataclass(frozen=True, slots=True)
class Held:
    """A stored name: what events say of it, the dataset that it is, and the number of its last change."""

    row: DatasetRow
    asset: DatasetName
    seq: int


def get(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, Held]:
    """The names among `ids`."""
    return {one.row.id: one for one in map(_held, rows_of(connection, _BY_ID, ids))}


def of_assets(connection: Connection, assets: Collection[AssetId]) -> Iterator[Held]:
    """The names that stand for one of `assets`, in order of their ids."""
    query = select(event_dataset).order_by(event_dataset.c.id)
    return map(_held, rows_with(connection, query, event_dataset.c.asset_id, assets))


def assets(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, AssetId]:
    """What names stand for, by the names' ids."""
    return {AssetId(row.id): AssetId(row.asset_id) for row in rows_of(connection, _ASSETS, ids)}


def put(connection: Connection, held: Collection[Held]) -> None:
    """Store names, each in place of what was there."""
    if not held:
        return
    connection.execute(replacing(connection, event_dataset, ("id",)), [_row(one) for one in held])


def pages(connection: Connection) -> Iterator[list[Held]]:
    """Every name, some at a time, in order of their ids; what is changed on the way does not come twice."""
    last = ""
    while True:
        query = select(event_dataset).where(event_dataset.c.id > last).order_by(event_dataset.c.id).limit(_PAGE)
        found = list(map(_held, connection.execute(query)))
        if not found:
            return
        yield found
        last = found[-1].row.id


def after(connection: Connection, seq: int, limit: int) -> list[Held]:
    """The names whose last change has a greater number, in order of it."""
    query = select(event_dataset).where(event_dataset.c.seq > seq).order_by(event_dataset.c.seq).limit(limit)
    return list(map(_held, connection.execute(query)))


def head(connection: Connection) -> int:
    """The newest number; 0 before the first."""
    return int(connection.execute(select(event_head.c.seq)).scalar_one())


def take_numbers(connection: Connection, count: int) -> range:
    """The next `count` numbers, in order."""
    if count == 0:
        return range(0)
    query = update(event_head).values(seq=event_head.c.seq + count).returning(event_head.c.seq)
    last = int(connection.execute(query).scalar_one())
    return range(last - count + 1, last + 1)


def add_symlinks(connection: Connection, pairs: Collection[Pair]) -> set[AssetId]:
    """Store pairs of names that are one dataset; returns the names of those that are new."""
    if not pairs:
        return set()
    known = {
        (row.one, row.other) for row in rows_with(connection, select(symlink), symlink.c.one, {one for one, _ in pairs})
    }
    fresh = sorted(set(pairs) - known)
    if fresh:
        connection.execute(insert(symlink), [{"one": one, "other": other} for one, other in fresh])
    return {id_ for pair in fresh for id_ in pair}


def linked_names(connection: Connection) -> list[DatasetName]:
    """Every name that is another name of something, as it was sent."""
    query = select(event_dataset.c.namespace, event_dataset.c.parts)
    some = (event_dataset.c.id.in_(select(symlink.c[end])) for end in ("one", "other"))
    return [DatasetName(Namespace(row.namespace), tuple(row.parts)) for row in connection.execute(query.where(or_(*some)))]


def linked(connection: Connection, ids: Collection[AssetId]) -> set[AssetId]:
    """Those of `ids` that are another name of something."""
    return {id_ for id_, others in neighbours(connection, ids).items() if others}


def groups(connection: Connection, ids: Collection[AssetId]) -> list[frozenset[AssetId]]:
    """The groups of names that are one dataset in which `ids` are."""
    known: dict[AssetId, set[AssetId]] = {}
    ahead = set(ids)
    while ahead:
        found = neighbours(connection, ahead)
        known |= found
        ahead = {other for others in found.values() for other in others} - known.keys()
    left, out = set(known), []
    while left:
        group: set[AssetId] = set()
        stack = [min(left)]
        while stack:
            one = stack.pop()
            if one not in group:
                group.add(one)
                stack.extend(known[one] - group)
        left -= group
        out.append(frozenset(group))
    return out


def neighbours(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, set[AssetId]]:
    """The names that events say to be the same as each of `ids`."""
    found: dict[AssetId, set[AssetId]] = {id_: set() for id_ in ids}
    for some in chunks(sorted(ids)):
        for row in connection.execute(select(symlink).where(or_(symlink.c.one.in_(some), symlink.c.other.in_(some)))):
            for one, other in ((row.one, row.other), (row.other, row.one)):
                if one in found:
                    found[AssetId(one)].add(AssetId(other))
    return found


def _held(row: Row[Any]) -> Held:
    told = DatasetRow(
        AssetId(row.id),
        DatasetName(Namespace(row.namespace), tuple(row.parts)),
        row.rank,
        row.first_at,
        row.last_at,
        row.facets,
    )
    return Held(told, DatasetName(Namespace(row.asset_namespace), tuple(row.asset_parts)), row.seq)


def _row(one: Held) -> dict[str, Any]:
    return {
        "id": one.row.id,
        "namespace": one.row.name.namespace,
        "parts": list(one.row.name.parts),
        "rank": one.row.rank,
        "asset_id": one.asset.id,
        "asset_namespace": one.asset.namespace,
        "asset_parts": list(one.asset.parts),
        "first_at": one.row.first_at,
        "last_at": one.row.last_at,
        "facets": one.row.facets,
        "seq": one.seq,
    }
