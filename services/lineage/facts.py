"""What edges rest on, each said once, and the edges themselves as columns of numbers on their way into the arrays.

Journey 3, step "graph": most edges share their kind, evidence and guards with others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import ScopePath
from services.lineage.csr import Adjacency, Ints
from services.lineage.nodes import Ids, Nodes, coded
from services.lineage.texts import Texts

_REMEMBERED = 200_000
"""Distinct facts that are looked for before one is said again: a build's memory stays bounded."""
_AT_ONCE = 100
"""Pieces of which the ends are looked up at once: for 500 edges the calls themselves would take half of the time."""
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

    def __getitem__(self, fact: int) -> tuple[str, tuple[str, ...], float]:
        """Kind, evidence and confidence."""
        evidence = tuple(json.loads(self.evidence[fact]))
        return self.kinds[int(self.kind[fact])], evidence, float(self.confidence[fact])


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


class _Numbers:
    """Gives equal things one number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, things: Sequence[str]) -> Ints:
        """The number of each; in a piece they are mostly all the same."""
        for thing in set(things):
            self.numbers.setdefault(thing, len(self.numbers))
        first = things[0]
        if things.count(first) == len(things):
            return np.full(len(things), self.numbers[first], np.int32)
        return np.fromiter(map(self.numbers.__getitem__, things), np.int32, len(things))


class _Once(dict[int, int]):
    """Numbers of facts by their hashes; one that is not there gets the next number.

    Equal facts have equal hashes; that two others do is once in 10^9 builds of a million facts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __missing__(self, key: int) -> int:
        number = self[key] = self.count
        self.count += 1
        return number


class _Gathering:
    """Edges on their way into columns of numbers, and what they rest on: texts go as they come, nothing holds on to them."""

    def __init__(self, nodes: Nodes) -> None:
        self.columns: list[tuple[Ints, Ints, Ints, Ints]] = []
        self._places = nodes.places()
        self._waiting: list[tuple[Ids, Ids, Ints, Ints]] = []
        self._kinds, self._guards, self._once = _Numbers(), _Numbers(), _Once()
        self._guards.of(["[]"])
        self._evidence: list[Texts] = []
        self._kind: list[Ints] = []
        self._confidence: list[NDArray[np.float64]] = []

    def add(self, piece: Sequence[Sequence[Any]]) -> None:
        """Add some edges."""
        sources, targets, kinds, lines, confidences, guards = zip(*piece, strict=True)
        facts = self._facts(self._kinds.of(kinds), kinds, lines, confidences)
        self._waiting.append((coded(sources), coded(targets), facts, self._guards.of(guards)))
        if len(self._waiting) == _AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Give the edges that wait the numbers of their ends."""
        if not self._waiting:
            return
        sources, targets = (np.concatenate([one[end] for one in self._waiting]) for end in (0, 1))
        facts, guards = (np.concatenate([one[at] for one in self._waiting]) for at in (2, 3))
        a, b = self._places.of(sources), self._places.of(targets)
        kept = (a >= 0) & (b >= 0) & (a != b)
        self.columns.append((a[kept], b[kept], facts[kept], guards[kept]))
        self._waiting.clear()

    def _facts(self, numbers: Ints, kinds: Sequence[str], lines: Sequence[str], confidences: Sequence[float]) -> Ints:
        if len(self._once) > _REMEMBERED:
            self._once.clear()
        before = self._once.count
        keys = map(hash, zip(kinds, lines, confidences, strict=True))
        facts = np.fromiter(map(self._once.__getitem__, keys), np.int32, len(lines))
        if self._once.count > before:
            said = np.maximum.accumulate(facts)  # numbers are given in order, so a new one is above all before it
            said[1:], said[0] = said[:-1].copy(), before - 1
            first = np.flatnonzero(facts > np.maximum(said, before - 1))
            self._evidence.append(Texts.of([lines[place] for place in first.tolist()]))
            self._kind.append(numbers[first])
            self._confidence.append(np.array(confidences, np.float64)[first])
        return facts

    def facts(self) -> Facts:
        """What all of them rest on."""
        return Facts(
            kinds=tuple(self._kinds.numbers),
            kind=np.concatenate([np.empty(0, np.int32), *self._kind]).astype(np.uint8),
            evidence=Texts.joined(self._evidence),
            confidence=np.concatenate([np.empty(0, np.float64), *self._confidence]),
            guards=tuple(tuple(map(ScopePath, json.loads(text))) for text in self._guards.numbers),
        )


def entries_of(nodes: Nodes, pieces: Iterable[Sequence[Sequence[Any]]]) -> tuple[Entries, Facts]:
    """The edges between `nodes`, and what they rest on; loops and edges to nowhere are left out.

    Each row has the fields of `EdgeRow`. Of several rows of one pair and kind the last counts.
    """
    found = _Gathering(nodes)
    for piece in pieces:
        found.add(piece)
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
