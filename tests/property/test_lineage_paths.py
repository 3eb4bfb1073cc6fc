"""Paths against all simple paths that a plain search finds, inside scopes; and graphs with more paths than anybody could list."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import replace

import networkx as nx
import pytest
from hypothesis import given, settings

from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.lineage import PathsRequest
from services.lineage.graph import snapshot_of
from services.lineage.paths import paths
from tests.property.test_lineage_pages import GLOBS, NAMES, SEEDS, drawn, edges_of, table
from tests.support.lineages import id_of


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_paths_are_all_simple_paths_in_order(chance: random.Random):
    """The shortest first, then by ids; `truncated` exactly when there are more; hidden datasets and edges are on none."""
    snapshot = drawn(chance)
    scope = FULL_SCOPE if chance.random() < 0.4 else AccessScope(("*",), (chance.choice(GLOBS),))
    source, target = id_of(chance.choice(NAMES)), id_of(chance.choice(NAMES))
    request = PathsRequest(source, target, scope, chance.randint(1, 6), chance.randint(1, 8))
    inside = snapshot.inside(scope)
    seen = {one for name in NAMES if inside.shows_one(snapshot.nodes.number(one := id_of(name)))}
    if not {source, target} <= seen:
        with pytest.raises(NotFound):
            paths(snapshot, request)
        return
    graph = nx.DiGraph()
    graph.add_nodes_from(seen)
    for one in seen:
        beside = inside.beside(snapshot.out, snapshot.nodes.number(one))
        graph.add_edges_from((one, snapshot.nodes.id(other)) for other in beside.tolist())
    every = [] if source == target else [tuple(path) for path in nx.all_simple_paths(graph, source, target, request.depth)]
    found = paths(snapshot, request)
    assert [len(path) for path in found.paths] == sorted(map(len, every))[: request.limit]
    assert set(found.paths) <= set(every)
    assert len(set(found.paths)) == len(found.paths)
    assert found.truncated == (len(every) > request.limit)
    assert {node.id for node in found.nodes} == {one for path in found.paths for one in path}
    along = {pair for path in found.paths for pair in itertools.pairwise(path)}
    assert {(edge.source, edge.target) for edge in found.edges} == along


def ladder(rungs: int, width: int = 2):
    names = [[f"shop.a.r{rung}_{at}" for at in range(width)] for rung in range(rungs)]
    ends = [["shop.a.begin"], *names, ["shop.a.end"]]
    pairs = [(a, b) for low, high in itertools.pairwise(ends) for a in low for b in high]
    return snapshot_of(map(table, itertools.chain.from_iterable(ends)), edges_of(pairs))


@pytest.mark.parametrize(("rungs", "width"), [(40, 2), (3, 300), (90, 3)])
def test_more_paths_than_atoms_are_not_listed(rungs, width):
    """A ladder of 2^40 paths is answered at once: as many as are asked for, and that there are more."""
    snapshot = ladder(rungs, width)
    request = PathsRequest(id_of("shop.a.begin"), id_of("shop.a.end"), FULL_SCOPE, 100, 20)
    begun = time.process_time()
    found = paths(snapshot, request)
    assert time.process_time() - begun < 30
    assert ({len(path) for path in found.paths}, len(found.paths), found.truncated) == ({rungs + 2}, 20, True)
    assert paths(snapshot, replace(request, depth=rungs)).paths == ()


def test_a_cycle_between_the_ends_ends():
    """No dataset twice, whatever the number of cycles."""
    names = [f"shop.a.n{number}" for number in range(40)]
    pairs = [(a, b) for a in names for b in names if a != b]
    snapshot = snapshot_of(map(table, names), edges_of(pairs))
    found = paths(snapshot, PathsRequest(id_of(names[0]), id_of(names[1]), FULL_SCOPE, 100, 100))
    assert found.truncated
    assert found.paths[0] == (id_of(names[0]), id_of(names[1]))
    assert all(len(set(path)) == len(path) for path in found.paths)


@pytest.mark.parametrize(("depth", "limit"), [(0, 1), (101, 1), (5, 0), (5, 101)])
def test_bounds_out_of_bounds_are_refused(depth, limit):
    """The same input will never work."""
    snapshot = ladder(2)
    with pytest.raises(BadRequest):
        paths(snapshot, PathsRequest(id_of("shop.a.begin"), id_of("shop.a.end"), FULL_SCOPE, depth, limit))
