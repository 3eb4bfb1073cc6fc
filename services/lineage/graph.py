"""The graph in memory: arrays behind a few verbs, one immutable snapshot a state of the store.

Journey 3, step "graph". Walks keep the snapshot they began with; a new one is made aside and put in its place at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from services.common.errors import BadRequest
from services.common.model.access import AccessScope
from services.common.model.changes import START, Seq
from services.common.model.names import AssetId
from services.common.runtime.db import Database
from services.lineage.csr import Adjacency, Ints
from services.lineage.facts import Entries, Facts, entries_of
from services.lineage.inside import Inside, Views
from services.lineage.nodes import Nodes, nodes_of, row_of
from services.lineage.store import checkpoint, definitions
from services.lineage.store.blocks import Block, ahead, blocks_of
from services.lineage.store.datasets import Dataset, in_blocks
from services.lineage.store.edges import EdgeRow, in_force

_REST = 4
"""After a build that took t seconds the next one waits 4 t while changes still come: building takes a fifth of the time."""
_HELD, _SMALL = 3, 500_000
"""Snapshots before the newest that are held for those who turn pages, and the most edges that such a one may have."""
_NOTHING = nodes_of(())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the graph: the datasets, and the edges in force between them. Never changed once made.

    Attributes:
        seq: everything in the feed up to here is in it.
        version: the store's number of this state.
        parsed, unparsed: how many definitions were read and how many could not be.
        problems: why the definition of an asset could not be read.
        nodes: the datasets by number.
        out, into: what data flows along, from sources to targets and back.
        facts: what edges rest on.
        pairs: how many pairs of datasets data flows between.
        views: the scopes that were asked for lately.

    """

    seq: Seq = START
    version: int = -1
    parsed: int = 0
    unparsed: int = 0
    problems: Mapping[AssetId, str] = field(default_factory=dict)
    nodes: Nodes = _NOTHING
    out: Adjacency = field(default_factory=lambda: Entries.none().towards(0))
    into: Adjacency = field(default_factory=lambda: Entries.none().towards(0))
    facts: Facts = field(default_factory=Facts.none)
    pairs: int = 0
    views: Views = field(default_factory=Views, compare=False)

    @property
    def size(self) -> tuple[int, int]:
        """How many datasets there are, and between how many pairs of them data flows."""
        return len(self.nodes), self.pairs

    def inside(self, scope: AccessScope) -> Inside:
        """The graph as a scope shows it."""
        return self.views.get(scope, lambda: Inside(self.nodes, self.out, self.into, self.facts.guards, scope))

    def dataset(self, asset: AssetId) -> Dataset | None:
        """The dataset of that id; None where neither a crawl nor a definition ever named one."""
        node = self.nodes.number(asset)
        return None if node is None else self.nodes.dataset(node)

    def datasets(self, assets: Collection[AssetId]) -> dict[AssetId, Dataset]:
        """Those of these datasets that there are."""
        return {found.id: found for found in self.nodes.datasets(self.nodes.numbers(assets))}

    def sources(self, asset: AssetId) -> Iterator[AssetId]:
        """What `asset` is made from, directly, in order of id."""
        return self._beside(self.into, asset)

    def targets(self, asset: AssetId) -> Iterator[AssetId]:
        """What is made from `asset`, directly, in order of id."""
        return self._beside(self.out, asset)

    def _beside(self, graph: Adjacency, asset: AssetId) -> Iterator[AssetId]:
        node = self.nodes.number(asset)
        if node is not None:
            yield from map(self.nodes.id, dict.fromkeys(graph.indices[graph.row(node)].tolist()))


class LineageGraph:
    """Holds the newest snapshot of a database. Reading it takes no lock and never waits for a build."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._building = threading.Lock()
        self._snapshot = Snapshot()
        self._before: tuple[Snapshot, ...] = ()
        self._not_before = 0.0
        self._looked = -1

    def current(self) -> Snapshot:
        """The newest snapshot; empty before the first `refresh`."""
        return self._snapshot

    def recent(self, version: int) -> Snapshot:
        """The snapshot of that version, the newest or one of the last that are held for those who turn pages.

        Raises:
            BadRequest: it is held no more.

        """
        for snapshot in (self._snapshot, *self._before):
            if snapshot.version == version:
                return snapshot
        raise BadRequest("the lineage has changed since that page was given; ask for the first page again")

    def refresh(self) -> Snapshot:
        """Bring the snapshot to the store's state, and return it. Cheap where the graph is the same."""
        with self._building:
            with self._database.read() as connection:
                found = checkpoint.read(connection)
                if found.version == self._snapshot.version:
                    self._snapshot = replace(self._snapshot, seq=found.seq)
                    return self._snapshot
                begun = time.monotonic()
                made = _load(connection, found)
                small = [one for one in (self._snapshot, *self._before) if one.size[1] <= _SMALL]
                self._snapshot, self._before = made, tuple(small[:_HELD])
            took_s = time.monotonic() - begun
            self._not_before = time.monotonic() + _REST * took_s
            return self._snapshot

    def refresh_if_due(self, *, settled: bool) -> None:
        """`refresh`, but while changes still come no more often than keeps the machine free.

        Args:
            settled: whether the feed had nothing new. Events and logs change the graph too, and they are no part of the feed:
                they still come where the store's state is another than at the last look.

        """
        if time.monotonic() >= self._not_before or (settled and self._is_quiet()):
            self.refresh()

    def _is_quiet(self) -> bool:
        with self._database.read() as connection:
            version = checkpoint.read(connection).version
        quiet = version in (self._looked, self._snapshot.version)
        self._looked = version
        return quiet


def snapshot_of(
    datasets: Iterable[Dataset], edges: Iterable[EdgeRow], problems: Mapping[AssetId, str] | None = None
) -> Snapshot:
    """A snapshot of these datasets and of the edges between them; loops and edges to nowhere are left out."""
    return _made(blocks_of(map(row_of, datasets)), blocks_of(edges), problems or {})


def _load(connection: Connection, state: checkpoint.Checkpoint) -> Snapshot:
    problems = definitions.problems(connection)
    with ahead(in_blocks(connection)) as rows, ahead(in_force(connection)) as edges:
        made = _made(rows, edges, problems)
    counts = definitions.counts(connection)
    parsed = counts.get(definitions.PARSED, 0) + counts.get(definitions.PARTLY, 0)
    unparsed = counts.get(definitions.UNPARSED, 0)
    return replace(made, seq=state.seq, version=state.version, parsed=parsed, unparsed=unparsed)


def _made(rows: Iterable[Block], edges: Iterable[Block], problems: Mapping[AssetId, str]) -> Snapshot:
    nodes = nodes_of(rows)
    entries, facts = entries_of(nodes, edges)
    n = len(nodes)
    return Snapshot(
        problems=problems,
        nodes=nodes,
        out=entries.towards(n),
        into=entries.backwards(n),
        facts=facts,
        pairs=_pairs(entries.sources, entries.targets),
    )


def _pairs(sources: Ints, targets: Ints) -> int:
    """Distinct pairs of edges that are sorted."""
    if not len(sources):
        return 0
    return 1 + int(((sources[1:] != sources[:-1]) | (targets[1:] != targets[:-1])).sum())
