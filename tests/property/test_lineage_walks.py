"""Walks against a brute force, and against a catalog that was crawled without what the scope hides."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.errors import NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Kind
from services.common.model.lineage import Direction, LineageRequest, Subgraph
from services.common.model.names import AssetId
from services.lineage import inside
from services.lineage.graph import Snapshot, snapshot_of
from services.lineage.store.datasets import Dataset
from services.lineage.store.edges import EdgeRow
from services.lineage.walk import LineageWalker
from tests.support import lineages
from tests.support.campaigns import examples
from tests.support.lineages import Lineage, asset, id_of, name_of

SCHEMAS = ("a", "b", "c")
NAMES = [f"shop.{schema}.t{number}" for schema in SCHEMAS for number in range(4)]
GLOBS = ["wh.shop.a", "wh.shop.a.*", "*.b.*", "*.t1", "wh.shop.?.t2", "wh.shop.c.t0", "other.*", "*t3*", "*.public.t1"]
SEEDS = st.integers(0, 2**32 - 1).map(random.Random)
"""Everything is drawn from one generator: hypothesis by itself prefers warehouses in which nothing is connected."""


def scope_of(chance: random.Random) -> AccessScope:
    """A scope that shows everything, or most, or little."""
    if chance.random() < 0.3:
        return FULL_SCOPE
    allow = ["*"] if chance.random() < 0.7 else chance.sample(GLOBS, 3)
    return AccessScope(tuple(allow), tuple(chance.sample(GLOBS, chance.randint(0, 2))))


def snapshot_from(chance: random.Random) -> Snapshot:
    """Some datasets, some of them known only from SQL, and any edges: cycles, loops, two of a pair, ends that are unknown."""
    made = []
    for name in NAMES:
        named = Dataset.named(name_of(name), "wh")
        if chance.random() < 0.9:
            made.append(replace(named, kind=Kind.TABLE, listed=True) if chance.random() < 0.8 else named)
    ids = [id_of(name) for name in NAMES]
    rows = [
        EdgeRow.of(chance.choice(ids), chance.choice(ids), chance.choice(["view", "query"]), '["definition"]', 1.0)
        for _ in range(chance.randint(0, 25))
    ]
    return snapshot_of(made, rows)


def seen(snapshot: Snapshot, scope: AccessScope) -> set[AssetId]:
    """What a scope shows, said in another way: listed and permitted, or with an edge to or from something permitted."""
    datasets = {found.id: found for name in NAMES if (found := snapshot.dataset(id_of(name)))}
    permitted = {id_ for id_, found in datasets.items() if scope.permits(found.scope_path)}
    near = {id_: {*snapshot.targets(id_), *snapshot.sources(id_)} for id_ in permitted}
    return {id_ for id_ in permitted if datasets[id_].listed or permitted & near[id_]}


def distances(edges: set[tuple[AssetId, AssetId]], start: AssetId, rounds: int) -> dict[AssetId, int]:
    """Shortest distances by relaxing every edge again and again."""
    found = {start: 0}
    for _ in range(rounds):
        for source, target in edges:
            if source in found and found[source] + 1 < found.get(target, 10**9):
                found[target] = found[source] + 1
    return found


def expected(snapshot: Snapshot, request: LineageRequest) -> tuple[dict[AssetId, int], bool, set[tuple[AssetId, AssetId]]]:
    """Depths within the request's bounds, whether there is more without bounds, and all visible edges."""
    visible = seen(snapshot, request.scope)
    edges = {(a, b) for a in visible for b in snapshot.targets(a) if b in visible}
    depths, reachable = {request.asset: 0}, {request.asset}
    for wanted, sign, oriented in (
        (Direction.DOWNSTREAM, 1, edges),
        (Direction.UPSTREAM, -1, {(b, a) for a, b in edges}),
    ):
        if request.direction not in (wanted, Direction.BOTH):
            continue
        found = distances(oriented, request.asset, len(NAMES))
        reachable |= found.keys()
        for id_, depth in found.items():
            if depth <= request.depth:
                depths[id_] = min(depths.get(id_, 10**9), sign * depth, key=lambda one: (abs(one), one))
    return depths, reachable > depths.keys(), edges


@settings(max_examples=examples(400), deadline=None)
@given(SEEDS)
def test_a_walk_is_what_brute_force_finds(chance):
    """Nodes, depths, order, edges, total; and truncated exactly when something was cut."""
    snapshot, scope, direction = snapshot_from(chance), scope_of(chance), chance.choice(list(Direction))
    asset_id, depth, limit = id_of(chance.choice(NAMES)), chance.randint(1, 5), chance.randint(1, 14)
    request = LineageRequest(asset_id, scope, direction, depth, limit)
    walker = LineageWalker(SimpleNamespace(current=lambda: snapshot), None)
    if request.asset not in seen(snapshot, scope):
        with pytest.raises(NotFound):
            walker.walk(request)
        return
    with patch.object(inside, "_FIRST", chance.randint(1, 4)), patch.object(inside, "_CHUNK", chance.randint(1, 3)):
        answer = walker.walk(request)
    depths, beyond, edges = expected(snapshot, request)
    ordered = sorted(depths, key=lambda id_: (abs(depths[id_]), depths[id_], id_))
    assert [(node.id, node.depth) for node in answer.nodes] == [(id_, depths[id_]) for id_ in ordered[:limit]]
    kept = {node.id for node in answer.nodes}
    assert {(edge.source, edge.target) for edge in answer.edges} == {(a, b) for a, b in edges if {a, b} <= kept}
    assert answer.total == len(depths)
    assert answer.truncated == (beyond or len(depths) > limit)
    whole = walker.walk(LineageRequest(request.asset, scope, direction, 100, 10_000))
    assert not whole.truncated
    assert answer.truncated == (answer.total < whole.total or len(answer.nodes) < answer.total)


@contextmanager
def empty_lineage() -> Iterator[Lineage]:
    with tempfile.TemporaryDirectory() as folder:
        made = Lineage(lineages.sqlite_database(Path(folder)))
        yield made
        made.database.close()


def outcome(lineage: Lineage, name: str, scope: AccessScope, depth: int) -> Subgraph | str:
    try:
        return lineage.walk(name, scope=scope, depth=depth, limit=6)
    except NotFound as error:
        return error.detail


REFERENCES = [*NAMES, "shop.d.only_in_sql", "shop.a.only_in_sql", "shop.public.t1", "shop.public.t2"]


def definition_of(chance: random.Random) -> str | None:
    """No definition, one that cannot be read, or one that reads up to three of the names."""
    kind = chance.random()
    if kind < 0.35:
        return None
    if kind < 0.4:
        return "SELECT * FRM nothing"
    names = chance.choices(REFERENCES, k=chance.randint(1, 3))
    # a name without schema may be of two schemas
    spelled = [name.removeprefix("shop.") if chance.random() < 0.6 else name.rpartition(".")[2] for name in names]
    return "SELECT 1 FROM " + ", ".join(spelled)


@settings(max_examples=examples(40), deadline=None)
@given(SEEDS)
def test_a_scope_answers_like_a_catalog_without_what_it_hides(chance):
    """Every walk of every name equals, error texts included, that of a service that only ever saw what the scope shows."""
    crawled = chance.sample([*NAMES, "shop.public.t1", "shop.public.t2", "shop.public.t3"], chance.randint(4, len(NAMES)))
    assets = {name: asset(name, definition_of(chance)) for name in crawled}
    scopes, depth = [scope_of(chance) for _ in range(3)], chance.randint(1, 4)
    with empty_lineage() as whole:
        whole.follow(*assets.values())
        for scope in scopes:
            with empty_lineage() as without:
                without.follow(*(found for found in assets.values() if scope.permits(found.scope_path)))
                for name in REFERENCES:
                    assert outcome(whole, name, scope, depth) == outcome(without, name, scope, depth)
