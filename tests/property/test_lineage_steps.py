"""Breadth-first steps over arrays against networkx, on graphs of every size and shape: each node once, at its distance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import networkx as nx
import numpy as np
import pytest

from services.lineage import csr
from services.lineage.csr import Nodes, steps
from services.lineage.facts import Entries

SIZES = (2, 7, 8, 9, 100, 1_003, 6_000)


def graph_of(n: int, degree: float, seed: int, *, layers: int = 1) -> Entries:
    """Edges between any nodes, or from each layer to the next; hubs in both, so that rows are short and long."""
    chance = np.random.default_rng(seed)
    sources, targets = chance.integers(0, n, int(n * degree)), chance.integers(0, n, int(n * degree))
    hub = np.full(n // 3, int(chance.integers(0, n)))
    sources, targets = np.concatenate([sources, hub]), np.concatenate([targets, chance.integers(0, n, len(hub))])
    if layers > 1:
        width = -(-n // layers)
        targets = np.minimum(sources // width * width + width + targets % width, n - 1)
    keys = np.unique(sources * n + targets)
    keys = keys[keys // n != keys % n]
    zeros = np.zeros(len(keys), np.int32)
    return Entries((keys // n).astype(np.int32), (keys % n).astype(np.int32), zeros, zeros)


def graphs() -> Iterator[tuple[int, Entries, int]]:
    for n in SIZES:
        for degree in (0.5, 1.2, 3.0, 9.0):
            for layers in (1, 12):
                for seed in range(3):
                    yield n, graph_of(n, degree, seed, layers=layers), seed


def test_each_node_once_at_its_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    ways: Counter[str] = Counter()
    for name in ("_told_apart", "_passed_over"):
        monkeypatch.setattr(csr._Fresh, name, counted(ways, name, getattr(csr._Fresh, name)))
    for n, entries, seed in graphs():
        adjacency = entries.towards(n)
        plain = nx.DiGraph(zip(entries.sources.tolist(), entries.targets.tolist(), strict=True))
        plain.add_nodes_from(range(n))
        start = (seed * 7_919) % n
        found = [sorted(level.tolist()) for level in steps(adjacency, start, np.zeros(n, np.bool_))]
        assert found == [sorted(level) for level in nx.bfs_layers(plain, start)][1:], (n, len(entries.sources), seed)
    assert min(ways["_told_apart"], ways["_passed_over"]) > 100, ways


def counted(ways: Counter[str], name: str, work):  # type: ignore[no-untyped-def]
    def counts(fresh: csr._Fresh, nodes: object) -> Nodes:
        ways[name] += 1
        return work(fresh, nodes)

    return counts


@pytest.mark.parametrize("share", [0.0, 0.002, 0.05, 0.124, 0.126, 0.6, 1.0])
def test_what_a_mask_sets_comes_ascending(share: float) -> None:
    for n in (8, 64, 4_096):
        mask = np.random.default_rng(n).random(n) < share
        assert csr._set_in(mask).tolist() == np.flatnonzero(mask).tolist()


def test_entries_are_those_of_each_row() -> None:
    entries = graph_of(1_003, 3.0, 5)
    adjacency = entries.towards(1_003)
    for skip in (0, 2):
        nodes = np.flatnonzero(np.diff(adjacency.indptr) > skip)[::-3]
        rows = [range(adjacency.row(node).start + skip, adjacency.row(node).stop) for node in nodes.tolist()]
        assert adjacency.entries(nodes, skip).tolist() == [place for row in rows for place in row]
