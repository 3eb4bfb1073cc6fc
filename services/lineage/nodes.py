"""The datasets of a snapshot as columns: numbered in order of their ids, read one by one only where an answer needs them.

Journey 3, step "graph". A million of them take about 150 MB; as objects they would take a gigabyte.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.common.model.names import AssetId, DatasetName, Namespace, ScopePath
from services.lineage.csr import Bools
from services.lineage.csr import Nodes as Numbers
from services.lineage.store.blocks import Block, Column
from services.lineage.store.datasets import GONE, LISTED, TOLD, Dataset, NodeRow
from services.lineage.texts import Numbered, Texts

_ALL = slice(None)
ODD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, as in Knuth's multiplicative hashing (The Art of Computer Programming 3, 6.4)."""

Ids = NDArray[np.bytes_]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The datasets; node i is the i-th in order of id.

    Attributes:
        ids: bytes, ascending.
        order: int32, n: which of `parts` and `paths` are each node's: they stand as they were read.
        parts: the parts of names, as JSON.
        paths: what access globs see.
        containers: what stands above them, as access globs see it, each once.
        within: int32, n: which of those each node is below; of one with nothing above it, itself.
        common: what many datasets share: namespace, source and kind.
        shares: int32, n: which of those each has.
        flags: uint8, n: `LISTED`, `GONE` and `TOLD`.

    """

    ids: Ids
    order: NDArray[np.int32]
    parts: Texts
    paths: Texts
    containers: tuple[str, ...]
    within: NDArray[np.int32]
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

    def numbers(self, assets: Collection[AssetId]) -> Numbers:
        """Which nodes these ids are, without those that are none."""
        if not len(self.ids) or not assets:
            return np.empty(0, np.intp)
        wanted = coded(list(assets))
        at = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        found: Numbers = at[self.ids.take(at) == wanted]
        return found

    def id(self, node: int) -> AssetId:
        """The id of a node."""
        return AssetId(bytes(self.ids[node]).decode("utf-8", "surrogatepass"))

    def path(self, node: int) -> ScopePath:
        """What access globs see of a node."""
        return ScopePath(self.paths[int(self.order[node])])

    def paths_of(self, nodes: Numbers) -> list[str]:
        """What access globs see of some nodes."""
        return self.paths.some(self.order[nodes])

    def dataset(self, node: int) -> Dataset:
        """The dataset of a node."""
        (found,) = self.datasets(np.array([node], np.intp))
        return found

    def datasets(self, nodes: Numbers) -> list[Dataset]:
        """The datasets of some nodes; several times as fast as one by one."""
        order = self.order.take(nodes)
        texts = zip(self.parts.values(order), self.paths.some(order), strict=True)
        numbers = zip(
            self.ids[nodes].tolist(), self.shares.take(nodes).tolist(), self.flags.take(nodes).tolist(), strict=True
        )
        found = []
        for (parts, path), (id_, share, flags) in zip(texts, numbers, strict=True):
            namespace, source, kind = self.common[share]
            found.append(
                Dataset(
                    AssetId(id_.decode("utf-8", "surrogatepass")),
                    DatasetName(namespace, tuple(parts)),
                    source,
                    ScopePath(path),
                    kind,
                    listed=bool(flags & LISTED),
                    gone=bool(flags & GONE),
                    told=bool(flags & TOLD),
                )
            )
        return found

    def known(self, nodes: Numbers | slice = _ALL) -> Bools:
        """For each of these nodes whether it is known by itself: `Dataset.known`, or told by an event."""
        flags = self.flags[nodes]
        known: Bools = np.equal(flags & (LISTED | GONE), LISTED) | np.not_equal(flags & TOLD, 0)
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
        numbers = self._numbers(wanted)
        order = np.argsort(numbers)  # in order, one is looked up near the one before: twice as fast, sorting included
        found = np.empty(len(wanted), np.intp)
        found[order] = np.searchsorted(self._ascending, numbers[order])
        at = self._order.take(np.minimum(found, last))
        other = np.flatnonzero(self._ids.take(at) != wanted)
        if len(other):
            exact = np.minimum(np.searchsorted(self._ids, wanted[other]), last)
            at[other] = np.where(self._ids.take(exact) == wanted[other], exact, -1)
        return at.astype(np.int32)

    def _numbers(self, ids: Ids) -> NDArray[np.uint64]:
        words = ids.astype(f"S{8 * self._words}").view(np.uint64).reshape(len(ids), self._words)
        numbers = words[:, 0].copy()
        for word in range(1, self._words):
            numbers *= ODD
            numbers ^= words[:, word]
        return numbers


def coded(ids: Sequence[str]) -> Ids:
    """Ids as bytes."""
    try:
        return np.array(ids, np.bytes_)
    except UnicodeEncodeError:  # ids of ours are ASCII; those of others are kept as they are
        return np.array([one.encode("utf-8", "surrogatepass") for one in ids], np.bytes_)


def coded_column(ids: Column) -> Ids:
    """The same of a column: ids of one length are read where they stand."""
    width = ids.joined.find(ids.separator) if ids.size > 1 else len(ids.joined)
    step = width + len(ids.separator)
    if not width or not ids.joined.isascii() or len(ids.joined) + len(ids.separator) != step * ids.size:
        return coded(ids.values())
    table = np.frombuffer((ids.joined + ids.separator).encode("ascii"), np.uint8).reshape(ids.size, step)
    if (table[:, width:] != np.frombuffer(ids.separator.encode("ascii"), np.uint8)).any():
        return coded(ids.values())
    found: Ids = np.ascontiguousarray(table[:, :width]).view(f"S{width}").ravel()
    return found


class _Shared:
    """What many datasets share: namespace, source and kind."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, ...], int] = {}

    def of(self, columns: Sequence[Column]) -> NDArray[np.int32]:
        """The number of each row's."""
        same = [column.same() for column in columns]
        if None not in same:
            return np.full(columns[0].size, self._number(tuple(map(str, same))), np.int32)
        rows = list(zip(*(column.values() for column in columns), strict=True))
        for row in dict.fromkeys(rows):
            self._number(row)
        return np.fromiter(map(self.numbers.__getitem__, rows), np.int32, len(rows))

    def _number(self, row: tuple[str, ...]) -> int:
        return self.numbers.setdefault(row, len(self.numbers))

    def told(self) -> tuple[tuple[Namespace, str, Kind | None], ...]:
        """What they are, by number."""
        kinds = {kind.value: kind for kind in Kind}
        return tuple(
            (Namespace(sys.intern(space)), sys.intern(source), kinds[kind] if kind else None)
            for space, source, kind in self.numbers
        )


def nodes_of(blocks: Iterable[Block]) -> Nodes:
    """The datasets of blocks of `NodeRow`s in any order; of two with one id the last counts."""
    ids: list[Ids] = []
    shares, flags, within = ([np.empty(0, np.int32)] for _ in range(3))
    parts: list[Texts] = []
    paths: list[Texts] = []
    shared, flagged, containers = _Shared(), Numbered(), Numbered()
    for names, namespaces, part, sources, path, kinds, flag in blocks:
        ids.append(coded_column(names))
        shares.append(shared.of((namespaces, sources, kinds)))
        flags.append(flagged.of_column(flag))
        parts.append(Texts.of_column(part))
        paths.append(Texts.of_column(path))
        within.append(containers.of([one.rpartition(".")[0] or one for one in path.values()]))
    found = np.concatenate(ids) if ids else np.empty(0, "S1")
    order = _last_of_each(found)
    return Nodes(
        ids=found[order],
        order=order.astype(np.int32),
        parts=Texts.joined(parts),
        paths=Texts.joined(paths),
        containers=tuple(containers.numbers),
        within=np.concatenate(within)[order],
        common=shared.told(),
        shares=np.concatenate(shares)[order],
        flags=np.array([*map(int, flagged.numbers)], np.uint8)[np.concatenate(flags)[order]],
    )


def row_of(dataset: Dataset) -> NodeRow:
    """A dataset as a build reads it."""
    flags = LISTED * dataset.listed | GONE * dataset.gone | TOLD * dataset.told
    parts, kind = json.dumps(dataset.name.parts), dataset.kind.value if dataset.kind else ""
    return NodeRow(dataset.id, dataset.name.namespace, parts, dataset.source, dataset.scope_path, kind, str(flags))


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
