"""What the catalog is told of the datasets that events name: the newest words of all names of one dataset together.

Journey 3, the crossing to the catalog, which follows these as the others follow its own feed.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from services.common.model.events import DatasetFact, DatasetPage
from services.common.model.names import AssetId
from services.lineage.events import facets
from services.lineage.store import event_datasets, newest
from services.lineage.store.event_datasets import Held

_TOLD = ("schema", "documentation", "ownership", "tags", "datasetType")


def are_news(before: Held, after: Held) -> bool:
    """Whether the catalog should hear of it again: another dataset, or another word of a facet that it shows."""
    if before.asset != after.asset:
        return True
    was, now = before.row.facets, after.row.facets
    return any(was.get(name, [0, "", None])[2] != now.get(name, [0, "", None])[2] for name in _TOLD)


def page(connection: Connection, after: int, limit: int) -> DatasetPage:
    """Facts behind the number `after`, oldest first, at most `limit` numbers."""
    head = event_datasets.head(connection)
    changed = event_datasets.after(connection, after, limit)
    upto = changed[-1].seq if len(changed) == limit else max(head, after)
    numbers: dict[AssetId, int] = {}
    for one in changed:
        numbers[one.asset.id] = one.seq
    names: dict[AssetId, list[Held]] = {}
    for one in event_datasets.of_assets(connection, numbers):
        names.setdefault(one.asset.id, []).append(one)
    found = [_fact(numbers[id_], names[id_]) for id_ in numbers]
    given_up = _given_up(connection, changed)
    return DatasetPage(tuple(sorted([*found, *given_up], key=lambda fact: fact.seq)), upto, head)


def _fact(seq: int, rows: list[Held]) -> DatasetFact:
    kept: newest.Kept = {}
    for one in rows:
        kept = newest.merged(kept, one.row.facets)
    said = newest.values(kept)
    return DatasetFact(
        seq=seq,
        name=rows[0].asset,
        kind=facets.kind(said),
        description=facets.description(said),
        columns=facets.columns(said),
        owners=facets.owners(said),
        tags=facets.tags(said),
    )


def _given_up(connection: Connection, changed: Iterable[Held]) -> list[DatasetFact]:
    """Names that were thought to be datasets of their own and are another's."""
    left = {one.row.id: one for one in changed if one.row.id != one.asset.id}
    taken = {one.asset.id for one in event_datasets.of_assets(connection, left)}
    return [DatasetFact(one.seq, one.row.name, is_now=one.asset) for id_, one in left.items() if id_ not in taken]
