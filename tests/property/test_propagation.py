"""How a change gets on, against plain searches that say the same in another way."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.propagation import Propagation, reached

NODES = range(7)
PAIRS = st.sets(
    st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda pair: pair[0] != pair[1]), max_size=16
)
Pairs = set[tuple[int, int]]


def plainly_reached(pairs: Pairs, start: int) -> set[int]:
    """By following every edge again and again."""
    found = {start}
    for _ in NODES:
        found |= {b for a, b in pairs if a in found}
    return found


def within(pairs: Pairs) -> tuple[set[int], Pairs]:
    """What 0 leads to, and the edges among that: what an answer that was not cut holds."""
    found = plainly_reached(pairs, 0)
    return found, {(a, b) for a, b in pairs if {a, b} <= found}


def longest(pairs: Pairs, loops: dict[int, frozenset[int]], node: int) -> int:
    """Steps of the longest way back from a node, a loop counting as one."""
    before = {loops[a] for a, b in pairs if b in loops[node] and a not in loops[node]}
    return 1 + max(longest(pairs, loops, min(loop)) for loop in before) if before else 0


@given(PAIRS)
def test_what_is_reached_is_what_edges_lead_to(pairs: Pairs) -> None:
    """The start itself too, also where no edge has it."""
    assert reached(0, pairs) == plainly_reached(pairs, 0)


@given(PAIRS)
def test_loops_are_what_leads_to_itself(pairs: Pairs) -> None:
    """Two are in one loop where each leads to the other."""
    nodes, among = within(pairs)
    ahead = {node: plainly_reached(among, node) for node in nodes}
    expected = {frozenset(b for b in nodes if b in ahead[a] and a in ahead[b]) for a in nodes}
    assert set(Propagation(0, nodes - {0}, among).loops()) == {loop for loop in expected if len(loop) > 1}


@given(PAIRS)
def test_each_stage_is_above_all_that_it_is_made_from(pairs: Pairs) -> None:
    """By exactly as many steps as the longest way has; loops are one."""
    nodes, among = within(pairs)
    spread = Propagation(0, nodes - {0}, among)
    stages = spread.stages()
    loops = {node: frozenset([node]) for node in nodes} | {node: loop for loop in spread.loops() for node in loop}
    assert stages == {node: longest(among, loops, node) for node in nodes}
    assert all(stages[a] < stages[b] or loops[a] == loops[b] for a, b in among)


@given(PAIRS)
def test_what_one_carries_is_not_reached_without_it(pairs: Pairs) -> None:
    """Taken away one after another."""
    nodes, among = within(pairs)
    carried = Propagation(0, nodes - {0}, among).carried()
    for node in nodes - {0}:
        left = plainly_reached({pair for pair in among if node not in pair}, 0)
        assert carried[node] == len(nodes - left - {node})
    assert carried[0] == len(nodes) - 1


def test_what_was_cut_in_between_follows_the_start() -> None:
    """An answer that was cut may hold tables whose sources it does not hold, loops of such among them."""
    spread = Propagation("start", ["near", "far", "one", "two"], [("start", "near"), ("one", "two"), ("two", "one")])
    assert spread.stages() == {"start": 0, "near": 1, "far": 1, "one": 1, "two": 1}


def test_what_was_cut_in_between_may_lead_back_to_the_start() -> None:
    """It follows the start, and is in no loop that the answer shows."""
    spread = Propagation("start", ["near", "far"], [("start", "near"), ("far", "start")])
    assert spread.stages() == {"start": 0, "near": 1, "far": 1}
    assert spread.loops() == []


@pytest.mark.parametrize("shape", ["hub", "chain", "ladder", "loop", "complete"])
def test_large_graphs_take_no_time(shape: str) -> None:
    """A hub of 10,000, a chain of as many, a ladder of 2^5,000 ways, one loop of all, and everything with everything."""
    pairs = {
        "hub": [(0, node) for node in range(1, 10_001)],
        "chain": list(itertools.pairwise(range(10_001))),
        "ladder": [(2 * at + a, 2 * at + 2 + b) for at in range(5_000) for a in (0, 1) for b in (0, 1) if at or not a],
        "loop": [*itertools.pairwise(range(10_001)), (10_000, 0)],
        "complete": list(itertools.permutations(range(200), 2)),
    }[shape]
    begun = time.process_time()
    spread = Propagation(0, {node for pair in pairs for node in pair} - {0}, pairs)
    stages, loops, carried = spread.stages(), spread.loops(), spread.carried()
    assert time.process_time() - begun < 60
    assert max(stages.values()) == {"hub": 1, "chain": 10_000, "ladder": 5_000, "loop": 0, "complete": 0}[shape]
    assert list(map(len, loops)) == {"loop": [10_001], "complete": [200]}.get(shape, [])
    assert carried[0] == {"ladder": 10_000}.get(shape, len(stages) - 1)
