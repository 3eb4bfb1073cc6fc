"""Ways between columns against all simple paths of a plain search, inside scopes; and ladders that nobody could list."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.lineage import Paths, PathsRequest
from services.lineage import column_paths
from services.lineage.answers import LineageAnswers
from services.lineage.graph import LineageGraph
from services.lineage.store import column_edges, columns, datasets, edges
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.datasets import Dataset
from services.lineage.store.edges import Edge
from tests.support.lineages import InlineReader, asset, id_of, sqlite_database

AT = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)
TABLES = ("a.one", "a.two", "hr.three", "a.four")
COLUMNS = ("x", "y")
KEYS = tuple(itertools.product(TABLES, COLUMNS))
Pair = tuple[tuple[str, str], tuple[str, str]]


@contextmanager
def answers(tables: Sequence[str], pairs: Sequence[Pair]) -> Iterator[LineageAnswers]:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite_database(Path(folder))
        with database.write() as connection:
            datasets.put_crawled(connection, [Dataset.crawled(asset(f"shop.{name}")) for name in tables])
            columns.put(connection, {id_of(f"shop.{name}"): COLUMNS for name in tables})
            into: dict[str, list[ColumnEdge]] = {}
            for (source, column), (target, other) in pairs:
                made = ColumnEdge(id_of(f"shop.{source}"), column, id_of(f"shop.{target}"), other, "identity", "view")
                into.setdefault(target, []).append(made)
            for target, some in into.items():
                column_edges.replace(connection, id_of(f"shop.{target}"), some, AT)
                tables_of = {Edge(one.source, one.target, "view", (), 1.0) for one in some}
                edges.replace(connection, {id_of(f"shop.{target}"): tables_of}, {id_of(f"shop.{target}"): AT}, AT)
        yield LineageAnswers(LineageGraph(database), database, InlineReader(), lambda: AT)
        database.close()


def asked(start: tuple[str, str], end: tuple[str, str], scope: AccessScope, depth: int, limit: int) -> PathsRequest:
    (source, column), (target, into) = start, end
    ids = id_of(f"shop.{source}"), id_of(f"shop.{target}")
    return PathsRequest(*ids, scope, depth, limit, column, into)


def ways(found: Paths) -> list[tuple[tuple[str, str], ...]]:
    names = {node.id: ".".join(node.name.parts[1:]) for node in found.nodes}
    return [
        tuple((names[id_], column) for id_, column in zip(path, theirs, strict=True))
        for path, theirs in zip(found.paths, found.columns, strict=True)
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=14, unique=True), st.randoms())
def test_ways_are_all_simple_paths_in_order(pairs: list[Pair], chance: random.Random) -> None:
    """The shortest first; `truncated` exactly when there are more; none goes through what the scope hides."""
    pairs = [(one, other) for one, other in pairs if one[0] != other[0]]  # walks never stay within a table
    scope = chance.choice([FULL_SCOPE, AccessScope(("*",), ("*.hr",))])
    start, end = chance.choice(KEYS), chance.choice(KEYS)
    depth, limit = chance.randint(1, 6), chance.randint(1, 6)
    shown = [key for key in KEYS if scope.is_full or not key[0].startswith("hr.")]
    with answers(TABLES, pairs) as made:
        request = asked(start, end, scope, depth, limit)
        if not {start, end} <= set(shown):
            with pytest.raises(NotFound):
                made.paths(request)
            return
        found = made.paths(request)
    graph = nx.DiGraph([pair for pair in pairs if set(pair) <= set(shown)])
    graph.add_nodes_from(shown)
    every = [] if start == end else [tuple(path) for path in nx.all_simple_paths(graph, start, end, depth)]
    told = ways(found)
    assert [len(path) for path in told] == sorted(map(len, every))[:limit]
    assert set(told) <= set(every)
    assert len(set(told)) == len(told)
    assert found.truncated == (len(every) > limit)
    assert {(node.id, node.column) for node in found.nodes} == {
        key for path, theirs in zip(found.paths, found.columns, strict=True) for key in zip(path, theirs, strict=True)
    }
    along = {pair for path in told for pair in itertools.pairwise(path)}
    names = {node.id: ".".join(node.name.parts[1:]) for node in found.nodes}
    assert {((names[e.source], e.column), (names[e.target], e.into)) for e in found.edges} == along


def test_a_ladder_of_2_to_the_40_ways_costs_as_much_as_those_that_are_shown() -> None:
    """Forty tables of two columns, each made from both of the one before."""
    tables = [f"a.r{rung}" for rung in range(42)]
    pairs: list[Pair] = [
        ((one, left), (other, right))
        for one, other in itertools.pairwise(tables)
        for left, right in itertools.product(COLUMNS, COLUMNS)
    ]
    with answers(tables, pairs) as made:
        found = made.paths(asked((tables[0], "x"), (tables[-1], "y"), FULL_SCOPE, 100, 10))
        assert [len(path) for path in found.paths] == [42] * 10
        assert found.truncated
        assert len(set(ways(found))) == 10
        short = made.paths(asked((tables[0], "x"), (tables[-1], "y"), FULL_SCOPE, 40, 10))
        assert (short.paths, short.truncated) == ((), False)


def test_of_more_edges_than_are_looked_at_it_is_told_that_there_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond them is not found, and the answer says so."""
    monkeypatch.setattr(column_paths, "MAX_EDGES", 6)
    tables = [f"a.r{rung}" for rung in range(5)]
    pairs: list[Pair] = [
        ((one, left), (other, right))
        for one, other in itertools.pairwise(tables)
        for left, right in itertools.product(COLUMNS, COLUMNS)
    ]
    with answers(tables, pairs) as made:
        near = made.paths(asked((tables[0], "x"), (tables[1], "y"), FULL_SCOPE, 100, 10))
        far = made.paths(asked((tables[0], "x"), (tables[-1], "y"), FULL_SCOPE, 100, 10))
    assert (len(near.paths), near.truncated) == (1, True)
    assert (far.paths, far.truncated) == ((), True)


def test_both_ends_are_columns_or_none() -> None:
    """And a column that does not exist, or that is hidden, is not found."""
    with answers(TABLES, [(("a.one", "x"), ("a.two", "y"))]) as made:
        one, two = id_of("shop.a.one"), id_of("shop.a.two")
        with pytest.raises(BadRequest):
            made.paths(PathsRequest(one, two, FULL_SCOPE, from_column="x"))
        with pytest.raises(NotFound):
            made.paths(PathsRequest(one, two, FULL_SCOPE, from_column="x", to_column="nothing"))
        assert ways(made.paths(PathsRequest(one, two, FULL_SCOPE, from_column="X", to_column="Y"))) == [
            (("a.one", "x"), ("a.two", "y"))
        ]
