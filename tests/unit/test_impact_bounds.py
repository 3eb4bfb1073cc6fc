"""How much of a lineage an impact reads: what it may tell, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from services.catalog.assets import AssetReader
from services.catalog.impact import MAX_AFFECTED, impact_of
from services.common.model.access import FULL_SCOPE
from services.common.model.lineage import LineageEdge, LineageNode, LineageRequest, Subgraph
from services.common.ports import LineageQuery
from tests.support.lineages import name_of

START = name_of("shop.s.start")


@dataclass
class Below(LineageQuery):
    """A lineage in which `count` tables are made from one; it gives pages as they are asked for."""

    count: int
    asked: list[LineageRequest] = field(default_factory=list)

    def walk(self, request: LineageRequest) -> Subgraph:
        self.asked.append(request)
        begin = int(request.cursor or 0)
        stop = min(begin + request.limit, self.count + 1)
        names = [START if at == 0 else name_of(f"shop.s.t{at}") for at in range(begin, stop)]
        column = None if request.column is None else "id"
        nodes = tuple(LineageNode(name.id, name, None, int(name != START), listed=True, column=column) for name in names)
        edges = tuple(LineageEdge(START.id, name.id, "view", (), 1.0, column or "", column or "") for name in names[1:])
        more = stop <= self.count
        return Subgraph(nodes, edges, self.count + 1, truncated=more, cursor=str(stop) if more else None)


class Nobody(AssetReader):
    """A catalog that knows no owner."""

    def __init__(self) -> None:
        pass

    def many(self, ids, scope):
        return {}


@pytest.mark.parametrize("limit", [1, 5, 1_000, MAX_AFFECTED])
def test_of_a_table_no_more_is_read_than_is_told(limit):
    """The nearest ones are told, all are counted, and nothing is read that would be thrown away."""
    lineage = Below(12_345)
    found = impact_of(Nobody(), lineage, FULL_SCOPE, START.id, limit=limit)
    assert (len(found.affected), found.total, found.truncated) == (limit, 12_345, True)
    read = sum(min(one.limit, 12_346 - int(one.cursor or 0)) for one in lineage.asked)
    assert limit + 1 <= read <= max(limit + 1, limit + 5_000 * (limit > 5_000))


def test_all_of_a_table_is_whole():
    """Exactly as many as may be told."""
    found = impact_of(Nobody(), Below(5), FULL_SCOPE, START.id, limit=5)
    assert (len(found.affected), found.total, found.truncated) == (5, 5, False)


def test_a_loop_is_told_and_has_one_stage():
    """Two tables that are made from each other, and one that is made from both."""
    names = [START, *(name_of(f"shop.s.t{at}") for at in range(3))]

    class Looped(Below):
        def walk(self, request: LineageRequest) -> Subgraph:
            nodes = tuple(LineageNode(name.id, name, None, at, listed=True) for at, name in enumerate(names))
            pairs = ((0, 1), (1, 2), (2, 1), (1, 3), (2, 3))
            edges = tuple(LineageEdge(names[a].id, names[b].id, "view", (), 1.0) for a, b in pairs)
            return Subgraph(nodes, edges, len(nodes), truncated=False)

    found = impact_of(Nobody(), Looped(3), FULL_SCOPE, START.id)
    assert [(one.node.name, one.stage, one.carries) for one in found.affected] == [
        (names[1], 1, 2),
        (names[2], 1, 0),
        (names[3], 2, 0),
    ]
    assert found.loops == (tuple(sorted([names[1].id, names[2].id])),)
