"""The graph in memory: networkx behind a few verbs, one immutable snapshot a state of the store.

Journey 3, step "graph". Walks keep the snapshot they began with; a new one is made aside and put in its place at once.
"""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx
from sqlalchemy import Connection

from services.common.model.changes import START, Seq
from services.common.model.lineage import LineageEdge
from services.common.model.names import AssetId, ScopePath
from services.common.runtime.db import Database
from services.lineage.store import checkpoint, definitions
from services.lineage.store.datasets import Dataset, everything
from services.lineage.store.edges import EdgeRow, in_force

_REST = 4
"""After a build that took t seconds the next one waits 4 t while changes still come: building takes a fifth of the time."""

Guards = tuple[ScopePath, ...]
"""What one must be allowed to see, besides both ends, to be shown an edge."""
_Fact = tuple[tuple[str, ...], float]
"""Evidence and confidence of an edge of one kind."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the graph: the datasets, and the edges in force between them. Never changed once made.

    Attributes:
        seq: everything in the feed up to here is in it.
        version: the store's number of this state.
        parsed, unparsed: how many definitions were read and how many could not be.
        problems: why the definition of an asset could not be read.

    """

    seq: Seq = START
    version: int = -1
    parsed: int = 0
    unparsed: int = 0
    problems: Mapping[AssetId, str] = field(default_factory=dict)
    _datasets: Mapping[AssetId, Dataset] = field(default_factory=dict)
    _guards: Mapping[tuple[AssetId, AssetId], Mapping[str, Guards]] = field(default_factory=dict)
    _graph: Any = field(default_factory=nx.DiGraph)

    @property
    def size(self) -> tuple[int, int]:
        """How many datasets there are, and how many pairs of them have an edge."""
        return len(self._datasets), self._graph.number_of_edges()

    def dataset(self, asset: AssetId) -> Dataset | None:
        """The dataset of that id; None where neither a crawl nor a definition ever named one."""
        return self._datasets.get(asset)

    def sources(self, asset: AssetId) -> Iterator[AssetId]:
        """What `asset` is made from, directly, in no particular order."""
        return iter(self._graph.pred.get(asset, ()))

    def targets(self, asset: AssetId) -> Iterator[AssetId]:
        """What is made from `asset`, directly, in no particular order."""
        return iter(self._graph.succ.get(asset, ()))

    def kinds(self, source: AssetId, target: AssetId) -> Iterator[str]:
        """The kinds of edges that the pair has."""
        return iter(self._graph.succ[source][target])

    @property
    def guarded(self) -> bool:
        """Whether any edge asks for more than its two ends."""
        return bool(self._guards)

    def guards(self, source: AssetId, target: AssetId) -> Mapping[str, Guards]:
        """What must be seen besides both ends, by kind of edge; nothing for kinds that are left out."""
        return self._guards.get((source, target), {})

    def edges_among(self, assets: frozenset[AssetId]) -> list[LineageEdge]:
        """Every edge that begins and ends in `assets`, in order of source, target and kind."""
        found: list[LineageEdge] = []
        for source in sorted(assets):
            out = self._graph.succ.get(source, {})
            # a hub has far more targets than an answer has nodes
            ends = (target for target in out if target in assets) if len(out) < len(assets) else assets.intersection(out)
            found.extend(
                LineageEdge(source, target, kind, *out[target][kind])
                for target in sorted(ends)
                for kind in sorted(out[target])
            )
        return found


class LineageGraph:
    """Holds the newest snapshot of a database. Reading it takes no lock and never waits for a build."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._building = threading.Lock()
        self._snapshot = Snapshot()
        self._not_before = 0.0

    def current(self) -> Snapshot:
        """The newest snapshot; empty before the first `refresh`."""
        return self._snapshot

    def refresh(self) -> Snapshot:
        """Bring the snapshot to the store's state, and return it. Cheap where the graph is the same."""
        with self._building:
            with self._database.read() as connection:
                found = checkpoint.read(connection)
                if found.version == self._snapshot.version:
                    self._snapshot = replace(self._snapshot, seq=found.seq)
                    return self._snapshot
                begun = time.monotonic()
                self._snapshot = _load(connection, found)
            took_s = time.monotonic() - begun
            self._not_before = time.monotonic() + _REST * took_s
            return self._snapshot

    def refresh_if_due(self, *, settled: bool) -> None:
        """`refresh`, but while changes still come (`settled` is False) no more often than keeps the machine free."""
        if settled or time.monotonic() >= self._not_before:
            self.refresh()


def snapshot_of(
    datasets: Iterable[Dataset], edges: Iterable[EdgeRow], problems: Mapping[AssetId, str] | None = None
) -> Snapshot:
    """A snapshot of these datasets and of the edges between them; loops and edges to nowhere are left out."""
    held = {dataset.id: dataset for dataset in datasets}
    guards: dict[tuple[AssetId, AssetId], dict[str, Guards]] = {}
    graph = nx.DiGraph()
    graph.add_edges_from(_pairs(held, edges, guards))
    return Snapshot(problems=problems or {}, _datasets=held, _guards=guards, _graph=nx.freeze(graph))


def _load(connection: Connection, state: checkpoint.Checkpoint) -> Snapshot:
    with _collector_paused():
        made = snapshot_of(everything(connection), in_force(connection), definitions.problems(connection))
    counts = definitions.counts(connection)
    parsed = counts.get(definitions.PARSED, 0) + counts.get(definitions.PARTLY, 0)
    unparsed = counts.get(definitions.UNPARSED, 0)
    return replace(made, seq=state.seq, version=state.version, parsed=parsed, unparsed=unparsed)


def _pairs(
    datasets: Mapping[AssetId, Dataset],
    edges: Iterable[EdgeRow],
    guards: dict[tuple[AssetId, AssetId], dict[str, Guards]],
) -> Iterator[tuple[AssetId, AssetId, dict[str, _Fact]]]:
    """Source, target, and what the edge between them rests on by kind, for networkx: two kinds make one pair.

    What edges of a pair ask for besides goes into `guards`, where any of them does.
    """
    facts: dict[tuple[str, float], _Fact] = {}
    for row in edges:
        source, target = datasets.get(row.source), datasets.get(row.target)
        if source is None or target is None or source is target:
            continue
        fact = facts.get((row.evidence, row.confidence))
        if fact is None:  # the edges into a view all rest on its one definition
            fact = facts[row.evidence, row.confidence] = (tuple(json.loads(row.evidence)), row.confidence)
        if row.guards != "[]":
            guards.setdefault((source.id, target.id), {})[row.kind] = tuple(map(ScopePath, json.loads(row.guards)))
        yield source.id, target.id, {row.kind: fact}


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without Python's cycle collector: a build only makes what stays, and looking through that again and again takes half
    of the time (600,000 edges: 13 s with it, 6 s without).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
