"""The datasets of a snapshot as columns: numbered in order of their ids, read one by one only where an answer needs them.

Journey 3, step "graph". A million of them take about 150 MB; as objects they would take a gigabyte.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.names import AssetId, DatasetName, Namespace, ScopePath
from services.lineage.csr import Bools
from services.lineage.csr import Nodes as Numbers
from services.lineage.store.datasets import Dataset
from services.lineage.store.lookup import PIECE
from services.lineage.texts import Texts

_LISTED, _GONE, _TOLD = 1, 2, 4
_ALL = slice(None)
_ODD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, as in Knuth's multiplicative hashing (The Art of Computer Programming 3, 6.4)."""

Ids = NDArray[np.bytes_]


class NodeRow(NamedTuple):
    """A dataset as it is stored: `parts` is still JSON."""

    id: str
    namespace: str
    parts: str
    source: str
    scope_path: str
    kind: str | None
    listed: bool
    gone: bool
    told: bool


@dataclass(frozen=True, slots=True)
class Nodes:
    """The datasets; node i is the i-th in order of id.

    Attributes:
        ids: bytes, ascending.
        order: int32, n: which of `parts` and `paths` are each node's: they stand as they were read.
        parts: the parts of names, as JSON.
        paths: what access globs see.
        common: what many datasets share: namespace, source and kind.
        shares: int32, n: which of those each has.
        flags: uint8, n: `_LISTED`, `_GONE` and `_TOLD`.

    """

    ids: Ids
    order: NDArray[np.int32]
    parts: Texts
    paths: Texts
    common: tuple[tuple[Namespace, str, Kind | None], ...]
    shares: NDArray[np.int32]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ids)

    def number(self, asset: AssetId) -> int | None:
        """Which node an id is; None for one that is not there."""
        wanted = asset.encode("utf-8", "surrogatepass")
        at = int(np.searchsorted(self.ids, np.bytes_(wanted)))
        return at if at < len(self.ids) and bytes(self.ids[at]) == wanted else None

    def id(self, node: int) -> AssetId:
        """The id of a node."""
        return AssetId(bytes(self.ids[node]).decode("utf-8", "surrogatepass"))

    def path(self, node: int) -> ScopePath:
        """What access globs see of a node."""
        return ScopePath(self.paths[int(self.order[node])])

    def paths_of(self, nodes: Numbers) -> list[str]:
        """What access globs see of some nodes."""
        return [self.paths[place] for place in self.order[nodes].tolist()]

    def dataset(self, node: int) -> Dataset:
        """The dataset of a node."""
        namespace, source, kind = self.common[int(self.shares[node])]
        name = DatasetName(namespace, tuple(json.loads(self.parts[int(self.order[node])])))
        flags = int(self.flags[node])
        listed, gone, told = (bool(flags & flag) for flag in (_LISTED, _GONE, _TOLD))
        return Dataset(self.id(node), name, source, self.path(node), kind, listed=listed, gone=gone, told=told)

    def known(self, nodes: Numbers | slice = _ALL) -> Bools:
        """For each of these nodes whether it is known by itself: `Dataset.known`, or told by an event."""
        flags = self.flags[nodes]
        known: Bools = np.equal(flags & (_LISTED | _GONE), _LISTED) | np.not_equal(flags & _TOLD, 0)
        return known

    def places(self) -> Places:
        """Finds the nodes of many ids at once; for a build, which looks up millions."""
        return Places(self.ids)


class Places:
    """Where ids stand among the ids of nodes, for thousands at once: eight times as fast as a dictionary of a million texts.

    A number is made of each id, and the numbers are looked up in order. Two ids may have one number, so what is found is
    compared, and looked for by itself where it is another.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._words = max(1, -(-ids.dtype.itemsize // 8))
        numbers = self._numbers(ids)
        self._order = np.argsort(numbers)
        self._ascending = numbers[self._order]

    def of(self, wanted: Ids) -> NDArray[np.int32]:
        """The node of each id; -1 for those that are none."""
        if not len(self._ids):
            return np.full(len(wanted), -1, np.int32)
        last = len(self._ids) - 1
        at = self._order.take(np.minimum(np.searchsorted(self._ascending, self._numbers(wanted)), last))
        other = np.flatnonzero(self._ids.take(at) != wanted)
        if len(other):
            exact = np.minimum(np.searchsorted(self._ids, wanted[other]), last)
            at[other] = np.where(self._ids.take(exact) == wanted[other], exact, -1)
        return at.astype(np.int32)

    def _numbers(self, ids: Ids) -> NDArray[np.uint64]:
        words = ids.astype(f"S{8 * self._words}").view(np.uint64).reshape(len(ids), self._words)
        numbers = words[:, 0].copy()
        for word in range(1, self._words):
            numbers *= _ODD
            numbers ^= words[:, word]
        return numbers


def coded(ids: Sequence[str]) -> Ids:
    """Ids as bytes."""
    try:
        return np.array(ids, np.bytes_)
    except UnicodeEncodeError:  # ids of ours are ASCII; those of others are kept as they are
        return np.array([one.encode("utf-8", "surrogatepass") for one in ids], np.bytes_)


def nodes_of(pieces: Iterable[Sequence[Sequence[Any]]]) -> Nodes:
    """The datasets of rows of any order, each the fields of `NodeRow`; of two with one id the last counts."""
    ids: list[Ids] = []
    shares: list[NDArray[np.int32]] = []
    flags: list[NDArray[np.uint8]] = []
    common: dict[tuple[str, str, str | None], int] = {}
    parts: list[Texts] = []
    paths: list[Texts] = []
    for batch in pieces:
        names, namespaces, part, sources, path, kinds, *flagged = zip(*batch, strict=True)
        ids.append(coded(names))
        shared = list(zip(namespaces, sources, kinds, strict=True))
        for one in dict.fromkeys(shared):
            common.setdefault(one, len(common))
        if shared.count(shared[0]) == len(shared):
            shares.append(np.full(len(batch), common[shared[0]], np.int32))
        else:
            shares.append(np.fromiter(map(common.__getitem__, shared), np.int32, len(batch)))
        flags.append(np.dot((_LISTED, _GONE, _TOLD), np.array(flagged, np.uint8)).astype(np.uint8))
        parts.append(Texts.of(part))
        paths.append(Texts.of(path))
    found = np.concatenate(ids) if ids else np.empty(0, "S1")
    order = _last_of_each(found)
    kinds_of = {kind.value: kind for kind in Kind}
    return Nodes(
        ids=found[order],
        order=order.astype(np.int32),
        parts=Texts.joined(parts),
        paths=Texts.joined(paths),
        common=tuple(
            (Namespace(sys.intern(space)), sys.intern(source), kinds_of[kind] if kind else None)
            for space, source, kind in common
        ),
        shares=np.concatenate([np.empty(0, np.int32), *shares])[order],
        flags=np.concatenate([np.empty(0, np.uint8), *flags])[order],
    )


def row_of(dataset: Dataset) -> NodeRow:
    """A dataset as it is stored."""
    return NodeRow(
        dataset.id,
        dataset.name.namespace,
        json.dumps(dataset.name.parts),
        dataset.source,
        dataset.scope_path,
        dataset.kind.value if dataset.kind else None,
        dataset.listed,
        dataset.gone,
        dataset.told,
    )


def in_pieces(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Rows in lists of `PIECE`."""
    left = iter(rows)
    while piece := list(islice(left, PIECE)):
        yield piece


def _last_of_each(ids: Ids) -> NDArray[np.intp]:
    """Places of the ids in ascending order, of equal ones the last."""
    if not len(ids):
        return np.empty(0, np.intp)
    width = -(-ids.dtype.itemsize // 8) * 8
    words = ids.astype(f"S{width}").view(">u8").reshape(len(ids), -1).astype(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")  # sorting numbers is several times faster than sorting texts
    first = words[order, 0]
    same = np.zeros(len(ids) + 1, np.bool_)
    same[1:-1] = first[1:] == first[:-1]
    alike = np.flatnonzero(
        same[1:] | same[:-1]
    )  # some of a million begin with the same letters: they are sorted by the rest
    order[alike] = order[alike][np.lexsort(words[order[alike]].T[::-1])]
    ordered = ids[order]
    last = np.ones(len(ids), np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    return order[last]
