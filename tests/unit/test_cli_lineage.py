"""What `headwater lineage` prints of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli import lineage
from services.common.model.access import FULL_SCOPE
from services.common.model.lineage import Direction, Hub, LineageEdge, LineageNode, Paths, PathsRequest, Subgraph
from services.common.ports import LineageQuery
from tests.support.lineages import name_of

CENTER, LEAF = name_of("shop.s.center"), name_of("shop.s.leaf")


def test_a_hub_is_named_with_how_many_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the few that are shown, so that nobody takes them for all."""
    nodes = tuple(LineageNode(name.id, name, None, depth, listed=True) for depth, name in enumerate((CENTER, LEAF)))
    edge = LineageEdge(CENTER.id, LEAF.id, "view", (), 1.0)
    hubs = (Hub(CENTER.id, Direction.DOWNSTREAM, 100_000, 1),)
    lineage._print(Subgraph(nodes, (edge,), 100_001, truncated=True, hubs=hubs))
    printed = capsys.readouterr()
    assert "a hub: shop.s.center has 100,000 next to it down, of which the first 1 are shown" in printed.out + printed.err
    assert "cut: 2 of 100001 datasets" in printed.out + printed.err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "no lineage is known"),
        ({"state": "unparsed", "problem": "syntax, line 1"}, "its own definition could not be read: syntax, line 1"),
        ({"state": "partly", "problem": "columns"}, "its own definition is understood in part: columns"),
        ({"state": "pending"}, "its lineage is still being read"),
        ({"total": 7, "truncated": True}, "cut: 1 of 7 datasets within depth 3 are shown"),
        ({"truncated": True}, "cut at depth 3: 1 dataset is shown, there are more beyond"),
        ({"stale": 3}, "3 edges are left out, because nothing has shown them for long; --stale shows them"),
        ({"stale": 1}, "1 edge is left out, because nothing has shown it for long; --stale shows it"),
    ],
)
def test_answers_without_edges_say_why_there_are_none(
    capsys: pytest.CaptureFixture[str], more: dict[str, Any], told: str
) -> None:
    """Nothing flows, nothing was understood, nothing is read yet, and a bound cut it are told apart."""
    only = (LineageNode(CENTER.id, CENTER, None, 0, listed=True),)
    lineage._print(Subgraph(only, (), **{"total": 1, "truncated": False, **more}))
    printed = capsys.readouterr()
    assert told in printed.out + printed.err
    assert ("no lineage is known" in printed.out + printed.err) == (more == {})


@pytest.mark.parametrize(
    ("direction", "told"),
    [
        (Direction.UPSTREAM, "nothing is known that it is made from (--down: what is made from it)\n"),
        (Direction.DOWNSTREAM, "nothing is known that is made from it (--up: what it is made from)\n"),
    ],
)
def test_a_direction_without_edges_says_nothing_of_the_other(
    capsys: pytest.CaptureFixture[str], direction: Direction, told: str
) -> None:
    """What was not asked for was not looked for."""
    only = (LineageNode(CENTER.id, CENTER, None, 0, listed=True),)
    lineage._print(Subgraph(only, (), 1, truncated=False), 3, direction)
    printed = capsys.readouterr()
    assert (printed.out + printed.err).endswith(told)
    assert "no lineage is known" not in printed.out + printed.err


@pytest.mark.parametrize(("told", "said"), [(False, "known by name only"), (True, "known from events only")])
def test_what_no_crawl_has_shown_says_where_it_is_known_from(
    capsys: pytest.CaptureFixture[str], told: bool, said: str
) -> None:
    """Of what events name the catalog has a page, of what only SQL names it has none."""
    lineage._print(Subgraph((LineageNode(CENTER.id, CENTER, None, 0, listed=False, told=told),), (), 1, truncated=False))
    assert f"shop.s.center  (unknown, {said})" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("back", "told"), [(True, "no way is known; there is one the other way"), (False, "no way is known\n")]
)
def test_where_no_way_is_known_the_way_back_is_told(capsys: pytest.CaptureFixture[str], back: bool, told: str) -> None:
    """With the columns turned as well."""

    class OneWay(LineageQuery):
        def paths(self, request: PathsRequest) -> Paths:
            ends = (CENTER, "a"), (LEAF, "b")
            there = ((request.source, request.from_column), (request.target, request.to_column))
            if not back or there != tuple((name.id, column) for name, column in ends):
                return Paths((), (), (), truncated=False)
            nodes = tuple(LineageNode(name.id, name, None, 0, listed=True, column=column) for name, column in ends)
            return Paths(((CENTER.id, LEAF.id),), nodes, (), truncated=False, columns=(("a", "b"),))

    asked = PathsRequest(LEAF.id, CENTER.id, FULL_SCOPE, from_column="b", to_column="a")
    lineage._print_ways(OneWay(), asked, as_json=False)
    assert told in capsys.readouterr().err
