"""What edges rest on, each said once, and the edges themselves as columns of numbers on their way into the arrays.

Journey 3, step "graph": most edges share their kind, evidence and guards with others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import ScopePath
from services.lineage.csr import Adjacency, Ints
from services.lineage.nodes import Nodes
from services.lineage.texts import Texts

_REMEMBERED = 200_000
"""Distinct facts that are looked for before one is said again: a build's memory stays bounded."""
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
        order = np.argsort(self.targets, kind="stable")
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


class _FactNumbers:
    """Gives equal facts one number, as long as it remembers them."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str, float]] = []
        self._count = 0
        self._remembered = 0
        self._numbers: dict[tuple[int, float], dict[str, int]] = {}

    def of(self, kinds: Ints, lines: Sequence[str], confidences: Sequence[float]) -> Ints:
        """The number of each row's fact; what is new is in `said`."""
        if self._remembered > _REMEMBERED:
            self._numbers.clear()
            self._remembered = 0
        same = confidences.count(confidences[0]) == len(confidences) and bool((kinds == kinds[0]).all())
        if same:  # then the lines alone tell facts apart, which is twice as fast
            held = self._known(int(kinds[0]), confidences[0], lines)
            return np.fromiter(map(held.__getitem__, lines), np.int32, len(lines))
        rows = zip(kinds.tolist(), confidences, lines, strict=True)
        return np.fromiter((self._known(kind, sure, (line,))[line] for kind, sure, line in rows), np.int32, len(lines))

    def _known(self, kind: int, confidence: float, lines: Sequence[str]) -> dict[str, int]:
        held = self._numbers.setdefault((kind, confidence), {})
        for line in lines if len(lines) == 1 else dict.fromkeys(lines):
            if line not in held:
                held[line] = self._count
                self.said.append((kind, line, confidence))
                self._count += 1
                self._remembered += 1
        return held


def entries_of(nodes: Nodes, pieces: Iterable[Sequence[Sequence[Any]]]) -> tuple[Entries, Facts]:
    """The edges between `nodes`, and what they rest on; loops and edges to nowhere are left out.

    Each row has the fields of `EdgeRow`. Of several rows of one pair and kind the last counts.
    """
    numbers = nodes.numbers()
    kinds, guards, facts = _Numbers(), _Numbers(), _FactNumbers()
    guards.of(["[]"])
    columns: list[tuple[Ints, Ints, Ints, Ints]] = []
    evidence: list[Texts] = []
    told: list[NDArray[np.float64]] = []
    for batch in pieces:
        sources, targets, kind, lines, confidence, guard = zip(*batch, strict=True)
        a, b = (np.fromiter(map(numbers.get, ids, repeat(-1)), np.int32, len(batch)) for ids in (sources, targets))
        rests_on = facts.of(kinds.of(kind), lines, confidence)
        kept = (a >= 0) & (b >= 0) & (a != b)
        columns.append((a[kept], b[kept], rests_on[kept], guards.of(guard)[kept]))
        new, facts.said = facts.said, []
        evidence.append(Texts.of([one[1] for one in new]))
        told.append(np.array([[one[0], one[2]] for one in new], np.float64).reshape(len(new), 2))
    by_fact = np.concatenate([np.empty((0, 2)), *told])
    held = Facts(
        kinds=tuple(kinds.numbers),
        kind=by_fact[:, 0].astype(np.uint8),
        evidence=Texts.joined(evidence),
        confidence=by_fact[:, 1].copy(),
        guards=tuple(tuple(map(ScopePath, json.loads(text))) for text in guards.numbers),
    )
    return _sorted(len(nodes), columns, held), held


def _sorted(n: int, columns: Sequence[tuple[Ints, Ints, Ints, Ints]], facts: Facts) -> Entries:
    if not columns:
        return Entries.none()
    sources, targets, fact, guards = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    rank = np.argsort(np.argsort(np.array(facts.kinds)))  # kinds in order of their names
    key = (sources.astype(np.int64) * n + targets) * max(1, len(rank)) + rank[facts.kind[fact]]
    order = np.argsort(key, kind="stable")
    key = key[order]
    last = np.ones(len(key), np.bool_)
    last[:-1] = key[1:] != key[:-1]
    order = order[last]
    return Entries(sources[order], targets[order], fact[order], guards[order])
