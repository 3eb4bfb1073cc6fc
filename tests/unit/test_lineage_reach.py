"""Walks a hop at a time: what lies beyond the depth is looked up only where it decides whether the answer is whole."""

from __future__ import annotations

from collections.abc import Collection

from services.common.model.lineage import Direction
from services.lineage.reach import reach

CHAIN = 5
"""0 → 1 → … → 5."""


class Asked:
    """Hops along a chain, counted."""

    def __init__(self) -> None:
        self.hops = 0

    def __call__(self, nodes: Collection[int], upstream: bool) -> set[int]:
        self.hops += 1
        return {near for node in nodes if 0 <= (near := node - 1 if upstream else node + 1) <= CHAIN}


def test_more_beyond_the_depth_makes_an_answer_that_is_not_whole() -> None:
    hop = Asked()
    found = reach(0, Direction.DOWNSTREAM, 2, hop, limit=10)
    assert found.depths == {0: 0, 1: 1, 2: 2}
    assert found.beyond
    assert hop.hops == 3


def test_an_answer_that_is_cut_anyway_is_not_asked_whether_more_lies_beyond() -> None:
    hop = Asked()
    found = reach(0, Direction.DOWNSTREAM, 2, hop, limit=2)
    assert found.depths == {0: 0, 1: 1, 2: 2}
    assert found.beyond
    assert hop.hops == 2


def test_an_answer_is_whole_where_nothing_lies_beyond() -> None:
    assert not reach(0, Direction.BOTH, CHAIN, Asked(), limit=CHAIN + 1).beyond
    assert not reach(3, Direction.UPSTREAM, 3, Asked(), limit=4).beyond
