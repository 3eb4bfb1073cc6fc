"""Which dataset a name of an event is: symlinks, aliases of namespaces, and whose it is.

Journey 3, step "canonical ids". Names that events say to be one thing form a group; the strongest name of the group is the
dataset's, so the order in which the events arrive decides nothing. A table that a crawl shows is always itself: events tell
which other names it has, never that it is another table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.common.model.names import AssetId, DatasetName, Namespaces
from services.lineage.events import facts
from services.lineage.store import datasets, event_datasets
from services.lineage.store.datasets import Dataset
from services.lineage.store.event_datasets import Held
from services.lineage.store.event_rows import DatasetRow


@dataclass(frozen=True, slots=True)
class Aligned:
    """What names came to stand for.

    Attributes:
        assets: a name's id as it was sent → the id of the dataset that it is, for every name that was looked at.
        moved: names that stood for another dataset before.
        left: the datasets that they stood for.
        changed: whether a dataset is new to the graph.

    """

    assets: Mapping[AssetId, AssetId]
    moved: frozenset[AssetId]
    left: frozenset[AssetId]
    changed: bool


def align(
    connection: Connection,
    told: Sequence[DatasetRow],
    pairs: Collection[tuple[AssetId, AssetId]],
    namespaces: Namespaces,
) -> Aligned:
    """Store what events say of datasets, and which of them are one.

    Args:
        connection: inside a unit of work.
        told: one row a name.
        pairs: names that are one dataset, the smaller id first.
        namespaces: which namespace a raw one stands for, and whose it is.

    """
    held = event_datasets.get(connection, [row.id for row in told])
    now = {row.id: row.with_other(held[row.id].row) if row.id in held else row for row in told}
    linked = event_datasets.add_symlinks(connection, pairs)
    stronger = {id_ for id_, row in now.items() if id_ in held and row.rank < held[id_].row.rank}
    groups = event_datasets.groups(connection, linked | stronger)
    members = {id_ for group in groups for id_ in group}
    others = event_datasets.get(connection, members - now.keys())
    everything = now | {id_: one.row for id_, one in others.items()}
    held |= others
    names = _names(connection, everything, groups, namespaces)
    moved = {id_ for id_, name in names.items() if id_ in held and held[id_].asset.id != name.id}
    wanted = [Held(row, names.get(id_) or _alone(held.get(id_), row, namespaces), 0) for id_, row in everything.items()]
    fresh = _numbered(connection, wanted, held)
    event_datasets.put(connection, fresh)
    assets = {one.row.id: one.asset.id for one in wanted}
    left = frozenset(held[id_].asset.id for id_ in moved)
    changed = _add_nodes(connection, wanted, held, namespaces)
    return Aligned(assets, frozenset(moved), left, changed or bool(moved))


def realign(connection: Connection, namespaces: Namespaces) -> Aligned:
    """Bring every name in line with what namespaces stand for now: a source may have come after its events."""
    moved: dict[AssetId, AssetId] = {}
    left: set[AssetId] = set()
    changed = False
    for some in event_datasets.pages(connection):
        groups = event_datasets.groups(connection, event_datasets.linked(connection, [one.row.id for one in some]))
        members = {id_ for group in groups for id_ in group} | {one.row.id for one in some}
        held = event_datasets.get(connection, members)
        everything = {id_: one.row for id_, one in held.items()}
        names = _names(connection, everything, groups, namespaces)
        wanted = [
            Held(one.row, name, one.seq)
            for id_, one in held.items()
            if (name := names.get(id_) or resolved(one.row.name, namespaces)).id != one.asset.id
        ]
        event_datasets.put(connection, _numbered(connection, wanted, held))
        changed |= _add_nodes(connection, wanted, {}, namespaces)
        moved |= {one.row.id: one.asset.id for one in wanted}
        left |= {held[one.row.id].asset.id for one in wanted}
    return Aligned(moved, frozenset(moved), frozenset(left), changed or bool(moved))


def give_up(connection: Connection, left: Collection[AssetId]) -> None:
    """Take datasets out of the graph that no name stands for any more, once no edge of a job leads there."""
    if left:
        named = {one.asset.id for one in event_datasets.of_assets(connection, left)}
        datasets.forget_told(connection, set(left) - named)


def resolved(name: DatasetName, namespaces: Namespaces) -> DatasetName:
    """A name under the namespace that its own stands for; itself where that cannot be told."""
    return DatasetName(namespaces.resolve(name.namespace), name.parts)


def _alone(held: Held | None, row: DatasetRow, namespaces: Namespaces) -> DatasetName:
    """What a name of no group that changed stands for: what it stood for, else what its namespace says."""
    return held.asset if held is not None else resolved(row.name, namespaces)


def listed_links(connection: Connection, namespaces: Namespaces) -> frozenset[AssetId]:
    """The tables of crawls among the names that are other names of something: what decides, with the namespaces, which they are."""
    names = event_datasets.linked_names(connection)
    return frozenset(datasets.listed(connection, {resolved(name, namespaces).id for name in names}))


def _names(
    connection: Connection,
    everything: Mapping[AssetId, DatasetRow],
    groups: Collection[frozenset[AssetId]],
    namespaces: Namespaces,
) -> dict[AssetId, DatasetName]:
    """What the names of each group stand for: a crawl's table for itself, the others for the nearest of these.

    Where no crawl shows any, all are the strongest: a table's own before a dataset's before any other; the smallest id.
    """
    own = {id_: resolved(everything[id_].name, namespaces) for group in groups for id_ in group if id_ in everything}
    known = datasets.listed(connection, {name.id for name in own.values()})
    found: dict[AssetId, DatasetName] = {}
    for group in groups:
        there = sorted((everything[id_] for id_ in group if id_ in own), key=lambda row: (row.rank, row.id))
        crawled = [row.id for row in there if own[row.id].id in known]
        if len({own[id_].id for id_ in crawled}) > 1:
            found |= _nearest(event_datasets.neighbours(connection, group), crawled, own)
        else:
            best = crawled[0] if crawled else there[0].id
            found |= dict.fromkeys((row.id for row in there), own[best])
    return found


def _nearest(
    links: Mapping[AssetId, Collection[AssetId]], crawled: Sequence[AssetId], own: Mapping[AssetId, DatasetName]
) -> dict[AssetId, DatasetName]:
    """Each name's nearest table of a crawl, by symlinks in between; of several as near the first of `crawled`."""
    first = {id_: place for place, id_ in enumerate(crawled)}
    found = dict(first)
    ahead = first
    while ahead:
        reached: dict[AssetId, int] = {}
        for id_, place in ahead.items():
            for other in links[id_]:
                if other not in found:
                    reached[other] = min(place, reached.get(other, place))
        found |= reached
        ahead = reached
    return {id_: own[crawled[place]] for id_, place in found.items() if id_ in own}


def _numbered(connection: Connection, wanted: Iterable[Held], held: Mapping[AssetId, Held]) -> list[Held]:
    """The rows that are new or changed; those of which the catalog should hear with a new number."""
    changed = [one for one in wanted if one.row.id not in held or _differs(one, held[one.row.id])]
    news = [one for one in changed if one.row.id not in held or facts.are_news(held[one.row.id], one)]
    numbers = iter(event_datasets.take_numbers(connection, len(news)))
    news_ids = {one.row.id for one in news}
    return [Held(one.row, one.asset, next(numbers) if one.row.id in news_ids else held[one.row.id].seq) for one in changed]


def _differs(one: Held, before: Held) -> bool:
    return (one.row, one.asset) != (before.row, before.asset)


def _add_nodes(connection: Connection, wanted: Iterable[Held], held: Mapping[AssetId, Held], namespaces: Namespaces) -> bool:
    """Nodes of the graph for datasets that are new or stand for others now."""
    fresh = [one.asset for one in wanted if one.row.id not in held or held[one.row.id].asset.id != one.asset.id]
    found = {
        name.id: Dataset.told_of(name, namespaces.source_of(name.namespace, name.parts[0] if len(name.parts) > 1 else None))
        for name in fresh
    }
    return datasets.put_told(connection, found.values())
