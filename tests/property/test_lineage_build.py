"""The arrays of a graph hold exactly what was read, however it is cut into pieces."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.common.model.names import AssetId, ScopePath
from services.lineage import facts
from services.lineage.facts import entries_of
from services.lineage.nodes import Nodes, Places, coded, coded_column, nodes_of, row_of
from services.lineage.store.blocks import Column, block_of
from services.lineage.store.datasets import Dataset
from services.lineage.store.edges import SURE, EdgeRow
from services.lineage.texts import Numbered, Texts
from tests.support.lineages import id_of, name_of

NAMES = [f"shop.s.t{number}" for number in range(6)]
IDS = sorted(map(id_of, NAMES))
ELSEWHERE = id_of("shop.s.elsewhere")
EDGES = st.builds(
    EdgeRow.of,
    st.sampled_from([*IDS, ELSEWHERE]),
    st.sampled_from([*IDS, ELSEWHERE]),
    st.sampled_from(["view", "query", "run"]),
    st.sampled_from(['["a"]', '["b"]', '["ä", "c"]', "[]"]),
    st.sampled_from([1.0, 0.5]),
    st.sampled_from(["[]", '["wh.shop.hr"]']),
)
TEXTS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=12)


def told(nodes: Nodes, rows: list[EdgeRow], size: int) -> list[tuple[object, ...]]:
    """Every edge as the arrays have it, read in blocks of `size`."""
    entries, held = entries_of(nodes, [block_of(rows[at : at + size]) for at in range(0, len(rows), size)])
    graph = entries.towards(len(nodes))
    found: list[tuple[object, ...]] = []
    for node in range(len(nodes)):
        for place in range(graph.row(node).start, graph.row(node).stop):
            guards = () if graph.guards is None else held.guards[int(graph.guards[place])]
            ends = nodes.id(node), nodes.id(int(graph.indices[place]))
            (rests_on,) = held.some(graph.facts[place : place + 1])
            found.append((*ends, *rests_on, guards))
    return found


@given(st.lists(EDGES, max_size=40), st.integers(1, 7), st.integers(1, 12))
def test_edges_are_those_that_were_read(rows, size, at_once):
    """Of one pair and kind the last counts; loops and edges to nowhere are left out; each with its own evidence."""
    nodes = nodes_of([block_of([row_of(Dataset.named(name_of(name), "wh")) for name in NAMES])])
    with patch.object(facts, "_AT_ONCE", at_once):
        found = told(nodes, rows, size)
    last = {
        (row.source, row.target, row.kind): row
        for row in rows
        if row.source != row.target and ELSEWHERE not in (row.source, row.target)
    }
    texts = {'["a"]': ("a",), '["b"]': ("b",), '["ä", "c"]': ("ä", "c"), "[]": ()}
    expected = [
        (*key, texts[row.evidence], int(row.confidence) / SURE, () if row.guards == "[]" else (ScopePath("wh.shop.hr"),))
        for key, row in sorted(last.items())
    ]
    assert found == expected


@given(st.sets(TEXTS, max_size=12), st.lists(TEXTS, min_size=1, max_size=12), st.booleans())
def test_ids_are_found_where_they_stand(ids, wanted, all_collide):
    """Whatever they are made of, also where all of them get one number."""
    ascending = np.sort(coded(sorted(ids))) if ids else np.empty(0, "S1")
    asked = [*wanted, *sorted(ids)]
    numbers = Places._numbers
    same = patch.object(Places, "_numbers", lambda self, some: numbers(self, some) * np.uint64(0))
    with same if all_collide else patch.object(Places, "_numbers", numbers):
        found = Places(ascending).of(coded(asked)).tolist()
    places = {bytes(one): at for at, one in enumerate(ascending.tolist())}
    assert found == [places.get(one.encode("utf-8", "surrogatepass"), -1) for one in asked]


@given(st.lists(st.text(st.characters(exclude_characters="\0") | st.just("\x1e"), max_size=6), min_size=1, max_size=8))
def test_a_column_is_its_values(values):
    """Whatever they hold, the separator of columns included; also as letters, numbers and bytes."""
    column = Column.of(values)
    assert column.values() == values
    assert column.is_whole()
    assert column.same() == (values[0] if len(set(values)) == 1 else None)
    assert Texts.of_column(column).some(np.arange(len(values), dtype=np.int32)) == values
    numbered = Numbered()
    assert [[*numbered.numbers][number] for number in numbered.of_column(column).tolist()] == values
    assert coded_column(column).tolist() == coded(values).tolist()


def test_an_id_is_a_name_for_assets():
    """What is looked up is what answers give."""
    nodes = nodes_of([block_of([row_of(Dataset.named(name_of(name), "wh")) for name in NAMES])])
    assert nodes.places().of(coded(IDS)).tolist() == [nodes.number(AssetId(one)) for one in IDS] == list(range(len(IDS)))
