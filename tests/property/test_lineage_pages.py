"""Pages, hubs, sizes and marks of walks: whatever is cut, what is said of it is true."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Kind
from services.common.model.lineage import Direction, LineageRequest, Subgraph
from services.common.model.names import AssetId
from services.common.runtime.wire import dump
from services.lineage.graph import Snapshot, snapshot_of
from services.lineage.store.datasets import Dataset
from services.lineage.store.edges import EdgeRow
from services.lineage.walk import LineageWalker
from tests.support.lineages import id_of, name_of

NAMES = [f"shop.{schema}.t{number}" for schema in "abc" for number in range(6)]
SEEDS = st.integers(0, 2**32 - 1).map(random.Random)
GLOBS = ["wh.shop.a", "*.b.*", "*.t1", "*.t[23]", "wh.shop.c.t?"]


def table(dotted: str) -> Dataset:
    return replace(Dataset.named(name_of(dotted), "wh"), kind=Kind.TABLE, listed=True)


def edges_of(pairs: list[tuple[str, str]], kind: str = "view") -> list[EdgeRow]:
    return [EdgeRow.of(id_of(a), id_of(b), kind, f'["definition of {b}"]', 1.0) for a, b in pairs]


def walker_of(snapshot: Snapshot) -> LineageWalker:
    return LineageWalker(SimpleNamespace(current=lambda: snapshot, recent=lambda _: snapshot), None)


def drawn(chance: random.Random) -> Snapshot:
    """Tables of three schemas with any edges among them, and some that ask for a guard."""
    pairs = [(chance.choice(NAMES), chance.choice(NAMES)) for _ in range(chance.randint(0, 60))]
    rows = [row._replace(kind=chance.choice(["view", "run"])) for row in edges_of(pairs)]
    guarded = [row._replace(guards='["wh.shop.b.t0"]') if chance.random() < 0.2 else row for row in rows]
    return snapshot_of(map(table, NAMES), guarded)


def pages(walker: LineageWalker, request: LineageRequest) -> list[Subgraph]:
    found = [walker.walk(request)]
    while found[-1].cursor is not None:
        assert len(found) < 100
        found.append(walker.walk(replace(request, cursor=found[-1].cursor)))
    return found


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_pages_together_are_the_whole_answer(chance):
    """Every node once and in order, every edge once; only the last page has no cursor."""
    walker = walker_of(drawn(chance))
    scope = FULL_SCOPE if chance.random() < 0.5 else AccessScope(("*",), (chance.choice(GLOBS),))
    asked = LineageRequest(id_of(chance.choice(NAMES)), scope, chance.choice(list(Direction)), chance.randint(1, 6))
    try:
        whole = walker.walk(replace(asked, limit=10_000))
    except NotFound:
        return
    parts = pages(walker, replace(asked, limit=chance.randint(1, 5)))
    assert [node for part in parts for node in part.nodes] == list(whole.nodes)
    edges = [edge for part in parts for edge in part.edges]
    assert sorted(edges, key=repr) == sorted(whole.edges, key=repr)
    assert all(part.truncated for part in parts[:-1])
    assert parts[-1].truncated == whole.truncated
    assert {part.total for part in parts} == {whole.total}


def hub(n: int) -> tuple[LineageWalker, list[AssetId]]:
    """One table with `n` targets, each with one of its own."""
    names = [f"shop.a.n{number}" for number in range(n)]
    pairs = [("shop.a.hub", name) for name in names] + [(name, f"{name}_next") for name in names]
    tables = map(table, ["shop.a.hub", *names, *(f"{name}_next" for name in names)])
    return walker_of(snapshot_of(tables, edges_of(pairs))), sorted(map(id_of, names))


def test_a_hub_is_gone_to_in_part_and_says_so():
    """The first neighbours by id, what follows from them, how many there are; `total` counts all."""
    walker, targets = hub(30)
    asked = LineageRequest(id_of("shop.a.hub"), FULL_SCOPE, Direction.DOWNSTREAM, fan_out=4)
    answer = walker.walk(asked)
    assert [node.id for node in answer.nodes if node.depth == 1] == targets[:4]
    assert [node.depth for node in answer.nodes] == [0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert [(one.id, one.direction, one.count, one.shown) for one in answer.hubs] == [(asked.asset, "downstream", 30, 4)]
    assert (answer.total, answer.truncated, answer.cursor) == (61, True, None)
    assert walker.walk(replace(asked, fan_out=30)).hubs == ()


def test_what_a_scope_hides_makes_no_hub():
    """Only neighbours that are shown count."""
    walker, _targets = hub(30)
    scope = AccessScope(("wh.shop.a.hub", "wh.shop.a.n1*"))
    answer = walker.walk(LineageRequest(id_of("shop.a.hub"), scope, Direction.DOWNSTREAM, fan_out=8))
    assert [(one.count, one.shown) for one in answer.hubs] == [(11, 8)]
    assert walker.walk(LineageRequest(id_of("shop.a.hub"), scope, Direction.DOWNSTREAM, fan_out=11)).hubs == ()


def test_a_hundred_thousand_targets_are_a_page_and_a_count():
    """Bounded in nodes and in bytes."""
    names = [f"shop.a.n{number}" for number in range(100_000)]
    pairs = [("shop.a.hub", name) for name in names]
    walker = walker_of(snapshot_of(map(table, ["shop.a.hub", *names]), edges_of(pairs)))
    for scope in (FULL_SCOPE, AccessScope(("*",), ("wh.shop.a.n7",))):
        answer = walker.walk(LineageRequest(id_of("shop.a.hub"), scope, limit=10_000, max_bytes=100_000))
        hidden = not scope.is_full
        assert [(one.count, one.shown) for one in answer.hubs] == [(100_000 - hidden, 1_000)]
        assert answer.total == 100_001 - hidden
        assert len(dump(answer)) < 200_000
        assert answer.cursor is not None


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_page_is_about_as_large_as_it_may_be(chance):
    """Never much larger, unless one node with its edges is; and pages still make the whole."""
    names = [f"shop.a.{'x' * chance.randint(1, 900)}_{number}" for number in range(60)]
    pairs = [("shop.a.hub", name) for name in names] + [(chance.choice(names), chance.choice(names)) for _ in range(60)]
    walker = walker_of(snapshot_of(map(table, ["shop.a.hub", *names]), edges_of(pairs)))
    asked = LineageRequest(id_of("shop.a.hub"), FULL_SCOPE, Direction.DOWNSTREAM, max_bytes=10_000)
    parts = pages(walker, asked)
    whole = walker.walk(replace(asked, max_bytes=16_000_000))
    assert [node for part in parts for node in part.nodes] == list(whole.nodes)
    assert all(len(dump(part)) < 15_000 for part in parts)
    assert len(parts) > 1


def test_one_node_with_more_edges_than_a_page_holds_is_cut_and_says_so():
    """There is progress, and `truncated`."""
    names = [f"shop.a.n{number}" for number in range(300)]
    walker = walker_of(snapshot_of(map(table, ["shop.a.end", *names]), edges_of([(name, "shop.a.end") for name in names])))
    asked = LineageRequest(id_of("shop.a.end"), FULL_SCOPE, max_bytes=10_000, depth=1)
    parts = pages(walker, asked)
    assert sum(len(part.nodes) for part in parts) == 301


def test_a_cursor_is_of_its_question():
    """Another asset, scope, depth or a made-up text is refused."""
    walker, _ = hub(10)
    asked = LineageRequest(id_of("shop.a.hub"), FULL_SCOPE, limit=2)
    cursor = walker.walk(asked).cursor
    assert cursor is not None
    for other in (
        replace(asked, cursor=cursor, depth=2),
        replace(asked, cursor=cursor, scope=AccessScope(("*",), ("x",))),
        replace(asked, cursor=cursor, asset=id_of("shop.a.n1")),
        *(replace(asked, cursor=text) for text in ("", "x", "é", "W10", "WyIxIiwyLDNd", cursor[:-2])),
    ):
        with pytest.raises(BadRequest):
            walker.walk(other)


@pytest.mark.parametrize("bad", [{"fan_out": 0}, {"fan_out": 10_001}, {"max_bytes": 9_999}, {"max_bytes": 16_000_001}])
def test_sizes_out_of_bounds_are_refused(bad):
    """The same input will never work."""
    walker, _ = hub(3)
    with pytest.raises(BadRequest):
        walker.walk(LineageRequest(id_of("shop.a.hub"), FULL_SCOPE, **bad))


def test_marks_stand_in_the_place_of_what_is_hidden_and_say_nothing_of_it():
    """Only where it is asked for: the path goes through; ids, names and evidence stay away."""
    chain = ["shop.a.one", "shop.hr.secret", "shop.b.three"]
    walker = walker_of(snapshot_of(map(table, chain), edges_of(list(itertools.pairwise(chain)))))
    scope = AccessScope(("*",), ("wh.shop.hr",))
    asked = LineageRequest(id_of(chain[0]), scope, Direction.DOWNSTREAM)
    assert walker.walk(asked).total == 1
    marked = walker.walk(replace(asked, opaque=True))
    assert [(node.opaque, node.depth) for node in marked.nodes] == [(False, 0), (True, 1), (False, 2)]
    assert [(edge.kind, edge.evidence) for edge in marked.edges] == [("hidden", ()), ("hidden", ())]
    text = dump(marked).decode()
    assert "secret" not in text
    assert id_of(chain[1]) not in text
    with pytest.raises(NotFound):
        walker.walk(replace(asked, asset=id_of(chain[1]), opaque=True))


def test_a_ladder_of_two_to_the_forty_paths_is_walked_at_once():
    """Each dataset is gone to once, however many paths lead there."""
    rungs = [(f"shop.a.l{n}", f"shop.a.r{n}") for n in range(41)]
    pairs = [(a, b) for low, high in itertools.pairwise(rungs) for a in low for b in high]
    walker = walker_of(snapshot_of(map(table, [name for rung in rungs for name in rung]), edges_of(pairs)))
    answer = walker.walk(LineageRequest(id_of("shop.a.l0"), FULL_SCOPE, Direction.DOWNSTREAM, depth=100))
    assert (answer.total, answer.truncated, len(answer.edges)) == (81, False, 158)
