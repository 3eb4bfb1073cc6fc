"""The nodes: every dataset that a crawl showed or a definition named.

Journey 3, step "store". Nothing is ever deleted here: a dataset that is gone keeps its edges and is marked.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, Text, and_, cast, delete, exists, func, insert, select, update

from services.common.model.assets import Asset, Kind
from services.common.model.names import AssetId, DatasetName, Namespace, ScopePath, scope_path
from services.common.model.platforms import Case
from services.lineage.store.blocks import Block, blocks
from services.lineage.store.lookup import keyed, rows_of, rows_with, write_with
from services.lineage.store.tables import edge, mention, node, observed

_COLUMNS = (
    node.c.id,
    node.c.namespace,
    node.c.parts,
    node.c.source,
    node.c.scope_path,
    node.c.kind,
    node.c.listed,
    node.c.gone,
    node.c.told,
)
_BY_ID = keyed(select(*_COLUMNS), node.c.id)
LISTED, GONE, TOLD = 1, 2, 4
"""The flags of a `NodeRow`."""


class NodeRow(NamedTuple):
    """A dataset as a build reads it: `parts` is still JSON, `kind` empty where no crawl shows one, `flags` a sum in digits."""

    id: str
    namespace: str
    parts: str
    source: str
    scope_path: str
    kind: str
    flags: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """One node.

    Attributes:
        source: the source that it belongs to, the first part of its scope path.
        kind: None for one that no crawl has shown.
        listed: whether a crawl has shown it.
        gone: whether a complete crawl no longer found it.
        told: whether an event named it: it is then known by itself, not only by edges that name it.

    """

    id: AssetId
    name: DatasetName
    source: str
    scope_path: ScopePath
    kind: Kind | None
    listed: bool
    gone: bool
    told: bool = field(default=False, compare=False)

    @classmethod
    def crawled(cls, asset: Asset) -> Dataset:
        """The node of an asset as the feed has it."""
        gone = asset.gone_at is not None
        return cls(asset.id, asset.name, asset.source, asset.scope_path, asset.kind, listed=True, gone=gone)

    @classmethod
    def named(cls, name: DatasetName, source: str) -> Dataset:
        """The node of a dataset that only a definition names.

        Where the engine compares names without case the spelling is lower case, so that it does not tell who wrote it.
        """
        if name.platform.case is Case.INSENSITIVE:
            name = DatasetName(name.namespace, tuple(part.lower() for part in name.parts))
        return cls(name.id, name, source, scope_path(source, name.parts), None, listed=False, gone=False)

    @classmethod
    def told_of(cls, name: DatasetName, source: str) -> Dataset:
        """The node of a dataset that an event names."""
        return replace(cls.named(name, source), told=True)

    @property
    def known(self) -> bool:
        """Whether it exists as far as crawls can tell: what a reference resolves to first."""
        return self.listed and not self.gone


def get(connection: Connection, ids: Collection[AssetId]) -> dict[AssetId, Dataset]:
    """The nodes among `ids`."""
    return {found.id: found for found in map(_dataset, rows_of(connection, _BY_ID, ids))}


def put_crawled(connection: Connection, datasets: Iterable[Dataset]) -> tuple[set[AssetId], bool]:
    """Store nodes as crawls show them.

    Returns:
        The ids that became known or stopped being known, and whether anything changed at all.

    """
    wanted = {dataset.id: dataset for dataset in datasets}
    before = get(connection, wanted.keys())
    new = [_row(dataset) | {"told": False} for id_, dataset in wanted.items() if id_ not in before]
    changed = [dataset for id_, dataset in wanted.items() if id_ in before and before[id_] != dataset]
    if new:
        connection.execute(insert(node), new)
    for dataset in changed:
        connection.execute(update(node).where(node.c.id == dataset.id).values(**_row(dataset)))
    flipped = {id_ for id_, dataset in wanted.items() if dataset.known != (id_ in before and before[id_].known)}
    return flipped, bool(new or changed)


def put_named(connection: Connection, datasets: Iterable[Dataset]) -> bool:
    """Store nodes that definitions name; of one that a crawl shows, the crawl's word counts. Returns whether any changed.

    One that no crawl shows, or shows no more, follows its source when that is renamed: its scope path is what hides it.
    """
    wanted = {dataset.id: dataset for dataset in datasets}
    there = get(connection, wanted.keys())
    new = [_row(dataset) | {"told": dataset.told} for id_, dataset in wanted.items() if id_ not in there]
    if new:
        connection.execute(insert(node), new)
    moved = [d for d in wanted.values() if d.id in there and not there[d.id].known and there[d.id].source != d.source]
    for dataset in moved:
        path = scope_path(dataset.source, there[dataset.id].name.parts)
        connection.execute(update(node).where(node.c.id == dataset.id).values(source=dataset.source, scope_path=path))
    return bool(new or moved)


def put_told(connection: Connection, datasets: Iterable[Dataset]) -> bool:
    """Store nodes that events name; of one that a crawl shows, the crawl's word counts. Returns whether any changed."""
    wanted = {dataset.id: dataset for dataset in datasets}
    changed = put_named(connection, wanted.values())
    query = select(node.c.id).where(~node.c.told)
    silent = [AssetId(row.id) for row in rows_with(connection, query, node.c.id, wanted.keys())]
    write_with(connection, update(node).values(told=True), node.c.id, silent)
    return changed or bool(silent)


def forget_told(connection: Connection, ids: Collection[AssetId]) -> None:
    """Take back that events name these; those that nothing else knows or names are no nodes any more."""
    write_with(connection, update(node).values(told=False), node.c.id, ids)
    named = [mention.c.dataset_id, *(table.c[end] for table in (edge, observed) for end in ("source_id", "target_id"))]
    unknown = [~node.c.listed, *(~exists().where(column == node.c.id) for column in named)]
    write_with(connection, delete(node).where(*unknown), node.c.id, ids)


def mark_gone(connection: Connection, ids: Collection[AssetId]) -> set[AssetId]:
    """Mark listed nodes as gone; returns those that were not yet."""
    query = select(node.c.id).where(and_(node.c.listed, ~node.c.gone))
    found = {AssetId(row.id) for row in rows_with(connection, query, node.c.id, ids)}
    write_with(connection, update(node).values(gone=True), node.c.id, found)
    return found


def known(connection: Connection, ids: Collection[AssetId]) -> set[AssetId]:
    """Those of `ids` that are `Dataset.known`."""
    query = select(node.c.id).where(and_(node.c.listed, ~node.c.gone))
    return {AssetId(row.id) for row in rows_with(connection, query, node.c.id, ids)}


def listed(connection: Connection, ids: Collection[AssetId]) -> set[AssetId]:
    """Those of `ids` that a crawl has shown, gone since or not."""
    return {AssetId(row.id) for row in rows_with(connection, select(node.c.id).where(node.c.listed), node.c.id, ids)}


def in_blocks(connection: Connection) -> Iterator[Block]:
    """Every node, as blocks of the fields of `NodeRow`: there may be millions."""
    flags = (LISTED, node.c.listed), (GONE, node.c.gone), (TOLD, node.c.told)
    told = cast(sum(flag * cast(column, Integer) for flag, column in flags), Text)
    names = node.c.id, node.c.namespace, cast(node.c.parts, Text), node.c.source, node.c.scope_path
    return blocks(connection, node, [*names, func.coalesce(node.c.kind, ""), told])


def everything(connection: Connection) -> Iterator[Dataset]:
    """Every node, in no particular order."""
    return map(_dataset, connection.execute(select(*_COLUMNS)))


def _dataset(row: Any) -> Dataset:
    id_, namespace, parts, source, path, kind, listed, gone, told = row
    name = DatasetName(Namespace(sys.intern(namespace)), tuple(parts))
    return Dataset(AssetId(id_), name, sys.intern(source), ScopePath(path), Kind(kind) if kind else None, listed, gone, told)


def _row(dataset: Dataset) -> dict[str, object]:
    return {
        "id": dataset.id,
        "namespace": dataset.name.namespace,
        "parts": list(dataset.name.parts),
        "source": dataset.source,
        "scope_path": dataset.scope_path,
        "kind": dataset.kind.value if dataset.kind else None,
        "listed": dataset.listed,
        "gone": dataset.gone,
    }
