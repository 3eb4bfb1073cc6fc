"""Rows that a database joins into columns are those that it has, whatever they hold. SQLite and PostgreSQL."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from services.common.errors import NotFound
from services.common.model.access import AccessScope
from services.common.model.lineage import Direction, LineageRequest
from services.common.model.names import AssetId, scope_path
from services.lineage import graph
from services.lineage.graph import LineageGraph
from services.lineage.store import blocks, checkpoint, datasets, edges, tables
from services.lineage.store.datasets import Dataset
from services.lineage.store.edges import Edge
from services.lineage.store_walk import StoreWalker
from tests.support import lineages
from tests.support.lineages import BEGIN, Lineage, id_of, name_of

NAMES = [f"shop.s{number % 3}.t{number}" for number in range(11)]
ODD = ["shop.s.with \x1e in it", "shop.s.ünd\n", 'shop.s.q"uote', "shop.s.\x1e"]


@pytest.fixture(params=lineages.DATABASES)
def lineage(request, tmp_path) -> Iterator[Lineage]:
    yield from lineages.opened(request.param, request, tmp_path)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "ROWS", 4)


def stored(lineage: Lineage, names: list[str]) -> list[Dataset]:
    found = [Dataset.named(name_of(name), "wh") for name in names]
    with lineage.database.write() as connection:
        datasets.put_named(connection, found)
    return found


def rows_of(found: Iterator[blocks.Block]) -> list[tuple[str, ...]]:
    return [row for block in found for row in zip(*(column.values() for column in block), strict=True)]


@pytest.mark.parametrize("names", [[], NAMES[:1], NAMES[:4], NAMES, [*NAMES, *ODD]])
def test_every_node_is_in_one_block(lineage, names):
    """None twice, none left out, also where a name holds what stands between values."""
    made = stored(lineage, names)
    with lineage.database.read() as connection:
        rows = rows_of(datasets.in_blocks(connection))
    assert sorted(row[0] for row in rows) == sorted(one.id for one in made)
    told = {row[0]: row for row in rows}
    for one in made:
        _, namespace, parts, source, path, kind, flags = told[one.id]
        assert (namespace, tuple(json.loads(parts)), source) == (one.name.namespace, one.name.parts, "wh")
        assert (path, kind, flags) == (scope_path("wh", one.name.parts), "", "0")


def test_every_edge_in_force_is_in_one_block_in_order(lineage):
    """Ended ones and keys are left out; a confidence is told to its last bit."""
    ids = [one.id for one in stored(lineage, NAMES)]
    sure = [1.0, 0.1 + 0.2, 1 / 3, 0.9 * 0.8, 0.0]

    def row(at: int, **more: object) -> dict[str, object]:
        one = Edge(ids[at % 10], ids[at % 10 + 1], edges.VIEW, (f"definition {at}",), sure[at % 5])
        return {**edges._row(one), "valid_from": BEGIN, "valid_to": None, "arrived_at": BEGIN, **more}

    rows = [row(at) for at in range(10)]
    left_out = [row(10, valid_to=BEGIN), row(11, kind="key")]
    with lineage.database.write() as connection:
        for one in [*rows[:4], *left_out, *rows[4:]]:
            connection.execute(insert(tables.edge), one)
    with lineage.database.read() as connection, blocks.ahead(edges.in_force(connection)) as read:
        found = rows_of(read)
    assert [json.loads(one[3]) for one in found] == [one["evidence"] for one in rows]
    assert [int(one[4]) / edges.SURE for one in found] == [one["confidence"] for one in rows]


def test_a_graph_shows_odd_names(lineage):
    """A name with what stands between values is found and shown as it is."""
    made = stored(lineage, [*NAMES, *ODD])
    snapshot = LineageGraph(lineage.database).refresh()
    assert len(snapshot.nodes) == len(made)
    for one in made:
        assert snapshot.dataset(AssetId(one.id)) == one
    every = [one.id for one in made]
    with lineage.database.read() as connection:
        assert snapshot.datasets([*every, id_of("shop.s.unknown")]) == datasets.get(connection, every)
    assert snapshot.datasets([]) == {}


def test_a_walk_of_the_store_hides_what_is_hidden_now(lineage):
    """Datasets are taken from the graph in memory only where it is of the store's state: a path may have moved since."""
    a, b = stored(lineage, NAMES[:2])
    with lineage.database.write() as connection:
        edges.replace(connection, {b.id: {Edge(a.id, b.id, edges.VIEW, ("definition",), 1.0)}}, {b.id: BEGIN}, BEGIN)
        checkpoint.raise_version(connection)
    graph = LineageGraph(lineage.database)
    graph.refresh()
    walker = StoreWalker(lineage.database, graph.current)
    request = LineageRequest(a.id, AccessScope(("*",), ("secret.*",)), Direction.DOWNSTREAM, 3)
    assert [node.id for node in walker.walk(request).nodes] == [a.id, b.id]
    with lineage.database.write() as connection:
        datasets.put_named(connection, [Dataset.named(b.name, "secret")])
        checkpoint.raise_version(connection)
    with pytest.raises(NotFound):  # an edge is all that tells of it, and its other end is hidden
        walker.walk(request)


def test_a_build_that_fails_leaves_nobody_reading(lineage, monkeypatch):
    """With a connection that is closed then: SQLite's library would take the process down."""
    stored(lineage, NAMES)
    begun, ended = threading.Event(), threading.Event()

    def slowly(connection):
        yield next(datasets.in_blocks(connection))
        begun.set()
        time.sleep(0.2)
        ended.set()

    def failing(found):
        next(iter(found))
        assert begun.wait(10)
        raise ZeroDivisionError

    monkeypatch.setattr(graph, "in_blocks", slowly)
    monkeypatch.setattr(graph, "nodes_of", failing)
    with pytest.raises(ZeroDivisionError) as failed:  # its traceback holds on to what was being read
        LineageGraph(lineage.database).refresh()
    assert ended.is_set(), failed
