"""One page of a walk: the next nodes with the edges among them and to the pages before, within a count and a size.

Journey 3, step "answer". A cursor holds for one state of the graph and one question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.common.model.lineage import LineageEdge, LineageNode, LineageRequest
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.runtime.cursors import OF_ANOTHER, cursor_of, refused, values_of
from services.lineage.breadth import Reached
from services.lineage.csr import Adjacency, Nodes
from services.lineage.graph import Snapshot
from services.lineage.inside import Inside

_NODE_BYTES, _EDGE_BYTES = 200, 160
"""Of a node and of an edge as the API's JSON has them, besides their texts."""
_WIDE = 8
"""A node with more than so many entries for each node of an answer is asked for those nodes instead of read whole."""
_AT_ONCE = 2_000
"""Edges of which it is read at once what they rest on."""
Rows = NDArray[np.intp]
"""Edges among the nodes of an answer, one a row: the place of the later end, source, target, fact, set of guards."""
_PLACE, _FACT = 0, 3
HIDDEN = "hidden"
"""The kind of an edge of which an end is hidden, where such ends are marked."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins: the graph's version, a digest of the question, how many nodes came before."""

    version: int
    question: str
    before: int

    @classmethod
    def begin(cls, request: LineageRequest, version: int) -> Cursor:
        """Where the page that is asked for begins.

        Raises:
            BadRequest: the cursor is of another question, or none at all.

        """
        asked = (request.asset, request.scope.key, request.direction, request.depth, request.fan_out, request.opaque)
        question = hashlib.sha256(repr(asked).encode()).hexdigest()[:16]
        if request.cursor is None:
            return cls(version, question, 0)
        given = cls.read(request.cursor)
        if given.question != question or given.version != version:
            raise refused(OF_ANOTHER)
        return given

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor that `text` writes.

        Raises:
            BadRequest: it writes none.

        """
        version, question, before = values_of(text, int, str, int)
        return cls(version - 1, question, before)

    def after(self, before: int) -> str:
        """The text of a cursor of the same walk, that many nodes on."""
        return cursor_of(self.version + 1, self.question, before)  # before the first state the version is -1


class Page(NamedTuple):
    """A part of the answer; `cut` says whether nodes follow or edges were left out."""

    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    cut: bool
    cursor: str | None


def page_of(teller: Teller, reached: Reached, request: LineageRequest, begin: Cursor) -> Page:
    """The page that begins at `begin`: at most `limit` nodes, and about `max_bytes`, but one node at the least.

    Args:
        teller: how what was reached is told.
        reached: in order.
        request: its bounds.
        begin: where the page begins.

    """
    stop = min(begin.before + request.limit, len(reached.nodes))
    coming = _Ahead(teller, _among(teller.snapshot.out, reached.nodes[:stop]), begin.before)
    here = slice(begin.before, stop)
    coming_nodes = teller.nodes(reached.nodes[here], reached.depths[here])
    nodes: list[LineageNode] = []
    edges: list[LineageEdge] = []
    left, cut = request.max_bytes, False
    for place, node in enumerate(coming_nodes, begin.before):
        left -= _NODE_BYTES + _coded(node.name.qualified) + _coded(node.name.namespace)
        theirs: list[LineageEdge] = []
        for edge in coming.of(place):
            if left < 0:
                break
            left -= _EDGE_BYTES + len(edge.kind) + sum(map(_coded, edge.evidence))
            theirs.append(edge)
        if left < 0 and nodes:
            stop = place
            break
        cut |= left < 0  # this one dataset has more edges than a page may hold
        nodes.append(node)
        edges += theirs
    more = stop < len(reached.nodes)
    edges.sort(key=lambda one: (one.source, one.target, one.kind))
    return Page(tuple(nodes), tuple(edges), cut or more, begin.after(stop) if more else None)


def edges_among(teller: Teller, nodes: Nodes) -> Iterator[LineageEdge]:
    """Every edge between two of `nodes` that is shown, in no particular order."""
    rows = _among(teller.snapshot.out, nodes)
    teller.learn(rows)
    return teller.edges(rows)


@dataclass(frozen=True, slots=True)
class Teller:
    """Says nodes and edges as the caller may know them."""

    snapshot: Snapshot
    shown: Inside
    marks: Mapping[int, AssetId]
    """The nodes that the caller may not see, with the ids that they have in this answer."""
    told: dict[int, tuple[str, tuple[str, ...], float]] = field(default_factory=dict)
    """Facts that were read: edges into one view share theirs."""
    ids: dict[int, AssetId] = field(default_factory=dict)
    """Ids that were said before: each stands in several edges."""

    @classmethod
    def of(cls, snapshot: Snapshot, shown: Inside, nodes: Nodes) -> Teller:
        """For an answer with `nodes`, in their order, some of which the caller may not see."""
        hidden = np.flatnonzero(~shown.shows(nodes))
        marks = {int(nodes[place]): AssetId(f"hidden-{place}") for place in hidden.tolist()}
        return cls(snapshot, shown, marks)

    def id(self, node: int) -> AssetId:
        """A node's id."""
        found = self.ids.get(node)
        if found is None:
            found = self.ids[node] = self.marks.get(node) or self.snapshot.nodes.id(node)
        return found

    def nodes(self, nodes: Nodes, depths: Nodes) -> Iterator[LineageNode]:
        """Datasets, each at its distance."""
        datasets = self.snapshot.nodes.datasets(nodes)
        for node, depth, dataset in zip(nodes.tolist(), depths.tolist(), datasets, strict=True):
            if node in self.marks:
                nameless = DatasetName(Namespace(""), ())
                yield LineageNode(self.marks[node], nameless, None, depth, listed=False, opaque=True)
            else:
                self.ids[node] = dataset.id
                yield LineageNode(
                    dataset.id, dataset.name, dataset.kind, depth, dataset.listed, dataset.gone, told=dataset.told
                )

    def edges(self, rows: Rows) -> Iterator[LineageEdge]:
        """The edges that are shown, in their order; without what it rests on where an end is hidden."""
        met, marks, told = self.shown.met, self.marks, self.told
        for _, source, target, fact, guard in rows.tolist():
            if marks and (source in marks or target in marks):
                yield LineageEdge(self.id(source), self.id(target), HIDDEN, (), told[fact][2])
            elif met is None or met[guard]:
                yield LineageEdge(self.id(source), self.id(target), *told[fact])

    def learn(self, rows: Rows) -> None:
        """Read what these edges rest on, all at once, before they are said."""
        new = [fact for fact in dict.fromkeys(rows[:, _FACT].tolist()) if fact not in self.told]
        self.told.update(zip(new, self.snapshot.facts.some(np.array(new, np.int32)), strict=True))


class _Ahead:
    """The edges of an answer, by the place of their later end. Places are asked for in order."""

    def __init__(self, teller: Teller, found: Rows, begin: int) -> None:
        found = found[found[:, _PLACE] >= begin]
        self._teller = teller
        self._rows = found[np.argsort(found[:, _PLACE], kind="stable")]
        last = found[:, _PLACE].max(initial=begin)
        self._ends: list[int] = np.searchsorted(self._rows[:, _PLACE], np.arange(begin, 1 + last), side="right").tolist()
        self._begin = begin
        self._learned = 0

    def of(self, place: int) -> Iterator[LineageEdge]:
        """The edges whose later end stands at `place`."""
        number = place - self._begin
        if number >= len(self._ends):
            return
        begin, end = self._ends[number - 1] if number else 0, self._ends[number]
        if end > self._learned:  # not of all: a page may end long before
            self._learned = max(end, begin + _AT_ONCE)
            self._teller.learn(self._rows[begin : self._learned])
        yield from self._teller.edges(self._rows[begin:end])


def _among(graph: Adjacency, nodes: Nodes) -> Rows:
    """The entries between two of `nodes`."""
    order = np.argsort(nodes, kind="stable")
    ascending = nodes[order]
    within = np.zeros(len(graph.far), np.bool_)
    within[nodes] = True
    degree = graph.indptr.take(nodes + 1) - graph.indptr.take(nodes)
    wide = degree > _WIDE * len(nodes)
    places = [graph.entries(nodes[(degree > 0) & ~wide])]
    places[0] = places[0][within.take(graph.indices.take(places[0]))]
    places += [_entries_to(graph, node, ascending) for node in nodes[wide].tolist()]
    found = np.concatenate(places)
    # of the type of what is searched: numpy would turn a million places into another one first
    owners = np.searchsorted(graph.indptr, found.astype(np.int32), side="right") - 1
    others = graph.indices.take(found).astype(np.intp)
    later = np.maximum(_places(ascending, order, owners), _places(ascending, order, others))
    guards = np.zeros(len(found), np.intp) if graph.guards is None else graph.guards.take(found)
    return np.column_stack([later, owners, others, graph.facts.take(found), guards])


def _entries_to(graph: Adjacency, node: int, ascending: Nodes) -> Nodes:
    """The entries from one hub to `ascending`: it has far more than there are nodes in the answer."""
    row = graph.row(node)
    ends = graph.indices[row]
    wanted = ascending.astype(np.int32)
    first, last = np.searchsorted(ends, wanted), np.searchsorted(ends, wanted, side="right")
    ranges = [np.arange(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True) if a < b]
    found: Nodes = np.concatenate([np.empty(0, np.intp), *ranges]) + row.start
    return found


def _places(ascending: Nodes, order: Nodes, nodes: Nodes) -> Nodes:
    return order.take(np.searchsorted(ascending, nodes))


def _coded(text: str) -> int:
    """Bytes of a text in JSON."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return len(text) + 2
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))
