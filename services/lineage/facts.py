"""What edges rest on, each said once, and the edges themselves as columns of numbers on their way into the arrays.

Journey 3, step "graph": most edges share their kind, evidence and guards with others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import ScopePath
from services.lineage.csr import Adjacency, Ints
from services.lineage.nodes import ODD, Ids, Nodes, coded_column
from services.lineage.store.blocks import Block
from services.lineage.store.edges import SURE
from services.lineage.texts import Numbered, Texts

_AT_ONCE = 200_000
"""Edges of which the ends and the facts are looked up at once, in order: the more there are, the nearer each is to the one before."""
Hashes = NDArray[np.uint64]
Places = NDArray[np.intp]
_NO_INTS: Ints = np.empty(0, np.int32)

Guards = tuple[ScopePath, ...]
"""What one must be allowed to see, besides both ends, to be shown an edge."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What edges rest on, by number.

    Attributes:
        kinds: the names of kinds.
        kind: uint8, which kind each fact has.
        evidence: JSON lists of lines.
        confidence: float64, 0 to 1.
        guards: the sets of guards; the first asks for nothing.

    """

    kinds: tuple[str, ...]
    kind: NDArray[np.uint8]
    evidence: Texts
    confidence: NDArray[np.float64]
    guards: tuple[Guards, ...]

    @classmethod
    def none(cls) -> Facts:
        """Of a graph without edges."""
        return cls((), np.empty(0, np.uint8), Texts.of(()), np.empty(0, np.float64), ((),))

    def some(self, facts: Ints) -> list[tuple[str, tuple[str, ...], float]]:
        """Kind, evidence and confidence of these facts."""
        kinds = [self.kinds[kind] for kind in self.kind.take(facts).tolist()]
        evidence = map(tuple, self.evidence.values(facts))
        return list(zip(kinds, evidence, self.confidence.take(facts).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Entries:
    """Edges as columns: int32 numbers of nodes, facts and sets of guards; sorted by source, target and kind."""

    sources: Ints
    targets: Ints
    facts: Ints
    guards: Ints

    @classmethod
    def none(cls) -> Entries:
        """No edges."""
        return cls(_NO_INTS, _NO_INTS, _NO_INTS, _NO_INTS)

    def towards(self, n: int) -> Adjacency:
        """From sources to targets, among `n` nodes."""
        return Adjacency.of(n, (self.sources, self.targets), self.facts, self.guards)

    def backwards(self, n: int) -> Adjacency:
        """From targets to sources."""
        # in order of targets, those of one target as they are: sorted as pairs, which takes a third of a stable sort
        pairs = np.sort((self.targets.astype(np.int64) << 32) | np.arange(len(self.targets)))
        order = pairs & 0xFFFFFFFF
        return Adjacency.of(n, (self.targets[order], self.sources[order]), self.facts[order], self.guards[order])


class _Once:
    """Numbers of facts by their hashes, in order of the hashes: eight bytes a fact and four, and no object.

    Equal facts have equal hashes; that two others do is once in 10^7 builds of a million facts.
    """

    def __init__(self) -> None:
        self._hashes = np.empty(0, np.uint64)
        self._numbers = _NO_INTS

    def of(self, hashes: Hashes) -> tuple[Ints, Places]:
        """The number of each, and a place of each hash that was never met, in order of their numbers."""
        order = np.argsort(hashes)
        ascending = hashes[order]
        first = np.ones(len(hashes), np.bool_)
        np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
        each = ascending[first]
        at = np.searchsorted(self._hashes, each)
        known = np.zeros(len(each), np.bool_)
        inside = at < len(self._hashes)
        known[inside] = self._hashes[at[inside]] == each[inside]
        numbers = np.empty(len(each), np.int32)
        numbers[known] = self._numbers[at[known]]
        new = np.flatnonzero(~known)
        places = order[first][new]
        new = new[np.argsort(places)]  # numbers in the order in which they were met: what was near in the store is near here
        numbers[new] = np.arange(len(self._hashes), len(self._hashes) + len(new), dtype=np.int32)
        self._hashes = np.insert(self._hashes, at[~known], each[~known])
        self._numbers = np.insert(self._numbers, at[~known], numbers[~known])
        found = np.empty(len(hashes), np.int32)
        found[order] = numbers[np.cumsum(first) - 1]
        return found, np.sort(places)


class _Waiting(NamedTuple):
    """A block of which the ends and the facts have no numbers yet; all arrays have a value for each edge."""

    sources: Ids
    targets: Ids
    hashes: Hashes
    kind: Ints
    confidence: Ints
    guards: Ints
    lines: list[str]


class _Gathering:
    """Edges on their way into columns of numbers, and what they rest on: of texts only those are kept that are new."""

    def __init__(self, nodes: Nodes) -> None:
        self.columns: list[tuple[Ints, Ints, Ints, Ints]] = []
        self._places = nodes.places()
        self._waiting: list[_Waiting] = []
        self._kinds, self._sure, self._guards, self._once = Numbered(), Numbered(), Numbered(), _Once()
        self._guards.of(["[]"])
        self._evidence: list[Texts] = []
        self._kind: list[Ints] = []
        self._confidence: list[Ints] = []

    def add(self, block: Block) -> None:
        """Add some edges."""
        sources, targets, kinds, evidence, sure, guards = block
        lines = evidence.values()
        hashes = np.fromiter(map(hash, lines), np.int64, len(lines)).view(np.uint64)
        kind, confidence = self._kinds.of_column(kinds), self._sure.of_column(sure)
        ends = coded_column(sources), coded_column(targets)
        self._waiting.append(_Waiting(*ends, hashes, kind, confidence, self._guards.of_column(guards), lines))
        if sum(len(one.lines) for one in self._waiting) >= _AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Give the edges that wait the numbers of their ends and of what they rest on."""
        if not self._waiting:
            return
        *columns, lines = zip(*self._waiting, strict=True)
        sources, targets, hashes, kind, confidence, guards = map(np.concatenate, columns)
        self._waiting.clear()
        a, b = self._places.of(sources), self._places.of(targets)
        facts, new = self._once.of(hashes + ODD * (confidence.astype(np.uint64) << 8 | kind.astype(np.uint64)))
        if len(new):
            every = list(chain.from_iterable(lines))
            self._evidence.append(Texts.of([every[place] for place in new.tolist()]))
            self._kind.append(kind[new])
            self._confidence.append(confidence[new])
        kept = (a >= 0) & (b >= 0) & (a != b)
        self.columns.append((a[kept], b[kept], facts[kept], guards[kept]))

    def facts(self) -> Facts:
        """What all of them rest on."""
        sure = np.array([int(one) / SURE for one in self._sure.numbers], np.float64)
        return Facts(
            kinds=tuple(self._kinds.numbers),
            kind=np.concatenate([_NO_INTS, *self._kind]).astype(np.uint8),
            evidence=Texts.joined(self._evidence),
            confidence=sure[np.concatenate([_NO_INTS, *self._confidence])],
            guards=tuple(tuple(map(ScopePath, json.loads(text))) for text in self._guards.numbers),
        )


def entries_of(nodes: Nodes, blocks: Iterable[Block]) -> tuple[Entries, Facts]:
    """The edges between `nodes`, and what they rest on; loops and edges to nowhere are left out.

    Each block has the fields of `EdgeRow`. Of several rows of one pair and kind the last counts.
    """
    found = _Gathering(nodes)
    for block in blocks:
        found.add(block)
    found.settle()
    facts = found.facts()
    return _sorted(len(nodes), found.columns, facts), facts


def _sorted(n: int, columns: Sequence[tuple[Ints, Ints, Ints, Ints]], facts: Facts) -> Entries:
    if not columns:
        return Entries.none()
    sources, targets, fact, guards = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    rank = np.argsort(np.argsort(np.array(facts.kinds)))  # kinds in order of their names
    key = (sources.astype(np.int64) * n + targets) * max(1, len(rank)) + rank[facts.kind[fact]]
    order = np.argsort(key)
    if not (key[order[1:]] != key[order[:-1]]).all():
        order = np.argsort(key, kind="stable")  # which of equal ones is the last; takes three times as long
    key = key[order]
    last = np.ones(len(key), np.bool_)
    last[:-1] = key[1:] != key[:-1]
    order = order[last]
    return Entries(sources[order], targets[order], fact[order], guards[order])
