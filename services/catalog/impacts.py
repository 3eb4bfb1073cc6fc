"""Impacts of several changes of one asset as one: of some of its columns, and of its rows.

Beside journey 3: a check before the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from services.catalog.impact import Affected, How, Impact, placed
from services.common.model.names import AssetId


def together(whole: Impact, parts: Sequence[Impact]) -> Impact:
    """Who is affected by changes of columns, each dataset once.

    Args:
        whole: the impact of the asset as a whole, whose counts bound what was cut.
        parts: those of its columns.

    """
    told: dict[AssetId, Affected] = {}
    for one in (one for part in parts for one in part.affected):
        before = told.get(one.node.id)
        told[one.node.id] = one if before is None else _both(before, one)
    edges: dict[tuple[AssetId, AssetId], bool] = {}
    for source, target, direct in (edge for part in parts for edge in part.edges):
        edges[source, target] = edges.get((source, target), False) or direct
    truncated = any(part.truncated for part in parts)
    affected, loops = placed(whole.asked.id, _by_depth(told.values()), edges, truncated=truncated)
    return replace(
        whole,
        affected=tuple(affected),
        total=max((len(affected), *(part.total for part in parts))),
        truncated=truncated,
        edges=tuple((*pair, direct) for pair, direct in sorted(edges.items())),
        loops=loops,
        stale=max((part.stale for part in parts), default=0),
    )


def only_rows(whole: Impact, parts: Sequence[Impact]) -> Impact:
    """Who is affected where other rows are in the asset: everybody, and only by that where none of the columns gets to."""
    reached = {one.node.id: one for one in together(whole, parts).affected}
    told = []
    for one in whole.affected:
        column = reached.get(one.node.id)
        told.append(replace(one, how=How.FILTER if column is None else column.how, columns=column.columns if column else ()))
    return replace(whole, affected=tuple(told))


def only_through(whole: Impact, starts: Collection[AssetId]) -> Impact:
    """Who is affected through some of an asset's readers: those, and what is made from them. All where the impact was cut."""
    if whole.truncated:
        return whole
    reached, waiting = set(starts), list(starts)
    while waiting:
        at = waiting.pop()
        further = {target for source, target, _ in whole.edges if source == at} - reached - {whole.asked.id}
        reached |= further
        waiting += further
    edges = {
        (source, target): direct
        for source, target, direct in whole.edges
        if target in reached and source in {*reached, whole.asked.id}
    }
    left = [one for one in whole.affected if one.node.id in reached]
    affected, loops = placed(whole.asked.id, left, edges, truncated=False)
    drawn = tuple((*pair, direct) for pair, direct in edges.items())
    return replace(whole, affected=tuple(affected), total=len(affected), edges=drawn, loops=loops)


def _both(one: Affected, other: Affected) -> Affected:
    near, far = sorted((one, other), key=lambda found: found.node.depth)
    how = How.DIRECT if How.DIRECT in (one.how, other.how) else How.FILTER
    columns = tuple(sorted({*one.columns, *other.columns}))
    return replace(near, how=how, columns=columns, tests=max(near.tests, far.tests))


def _by_depth(found: Iterable[Affected]) -> list[Affected]:
    return sorted(found, key=lambda one: (one.node.depth, one.node.name.qualified, one.node.id))
