"""Every table that is known, as arrays: those of the index, and those that only logs name. The ground of recommendations.

Journey 2, "used together": made again when the index or the usage store changed; what a caller may see of it is `reading`'s.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from sys import intern
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import AccessScope
from services.common.model.names import AssetId, DatasetName, Namespace, Namespaces, ScopePath, scope_path
from services.indexer.index.snapshot import Snapshot
from services.indexer.text.document import Key, Record
from services.indexer.usage.copies import without_marks
from services.indexer.usage.sparse import Ints, Sparse
from services.indexer.usage.statements import Statement

_HUMPS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+|[^\W_]+")
_VERSION = re.compile(r"_v?\d+$")
_LAYER = re.compile(r"_(derived|stable|live|external|raw|staging|source|intermediate|marts?)$")
"""Endings that tell layers of one subject apart, as warehouses name schemas."""
_KEY_COLUMN = re.compile(r"(?:^|_)(id|key|code|sk|no|uuid)$|[a-z]I[dD]$")
_COMMON_COLUMN = 0.4
"""What a shared column is worth that does not look like a key."""


@dataclass(frozen=True, eq=False)
class Known:
    """Tables in order of id.

    Attributes:
        ids, names, paths: of each.
        records: what the index has of it, read from there; None for one that only logs name.
        declared: keys, each with the row of the table that has it.
        closed: names of restricted columns in lower case, by the rows of the tables that have such.
        place: its segment and row in the snapshot, int64 (n, 2); -1 where it has none.
        words: tokens of its own name, one row a table; `home`: of what stands before its name; both number one vocabulary, `word_number`.
        columns: names of its open columns, weighted by how much they look like keys; `column_number` numbers them.
        word_hash: of each word, uint64 (words,).
        step, step_home: sums of the hashes of its tokens, uint64 (n,): equal differences are equal renamings.
        schema, base, stem: numbers of its schema, of its subject (the schema without its layer) and of its name without version.
        version: the number that its name ends in, 0 without.

    """

    snapshot: Snapshot
    ids: tuple[AssetId, ...]
    names: tuple[DatasetName, ...]
    paths: tuple[ScopePath, ...]
    records: Sequence[Record | None]
    declared: Sequence[tuple[int, Key]]
    closed: Mapping[int, frozenset[str]]
    place: Ints
    words: Sparse
    home: Sparse
    word_number: Mapping[str, int]
    word_hash: NDArray[np.uint64]
    columns: Sparse
    column_number: Mapping[str, int]
    step: NDArray[np.uint64]
    step_home: NDArray[np.uint64]
    schema: Ints
    base: Ints
    stem: Ints
    version: Ints

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def row(self) -> Mapping[AssetId, int]:
        """The row of each table."""
        return {asset: row for row, asset in enumerate(self.ids)}

    def is_open(self, row: int, columns: Iterable[str]) -> bool:
        """Whether none of some columns of a table is restricted."""
        closed = self.closed.get(row)
        return closed is None or closed.isdisjoint(name.lower() for name in columns)

    @cached_property
    def named_alike(self) -> Ints:
        """Numbers of tables that are versions of each other: of one schema and one name without its version, int64 (n,)."""
        both = self.schema * (int(self.stem.max(initial=0)) + 1) + self.stem
        return np.asarray(np.unique(both, return_inverse=True)[1], dtype=np.int64)

    @cached_property
    def plain(self) -> Ints:
        """Numbers of names without what marks copies, dates and versions, int64 (n,)."""
        return _numbered(without_marks(name.parts[-1])[0] for name in self.names)

    @cached_property
    def rows_by_name(self) -> Mapping[str, Sequence[int]]:
        """Tables that no crawl has shown, by their last part in lower case."""
        out: dict[str, list[int]] = {}
        for row in np.flatnonzero(~self.listed).tolist():
            out.setdefault(self.names[row].parts[-1].lower(), []).append(row)
        return out

    @cached_property
    def listed(self) -> NDArray[np.bool_]:
        """Which tables a crawl has shown, bool (n,)."""
        return self.place[:, 0] >= 0

    def permitted(self, scope: AccessScope) -> NDArray[np.bool_]:
        """Which tables a scope shows, bool (n,)."""
        if scope.is_full:
            return np.ones(len(self), dtype=np.bool_)
        return np.fromiter((scope.permits(path) for path in self.paths), dtype=np.bool_, count=len(self))

    @cached_property
    def vector_row(self) -> Ints:
        """The row of each table's text vector in its segment, -1 where it has none, int64 (n,)."""
        out = np.full(len(self), -1, dtype=np.int64)
        for number, live in enumerate(self.snapshot.parts):
            here = np.flatnonzero(self.place[:, 0] == number)
            out[here] = live.segment.texts.row[live.segment.text[self.place[here, 1]]]
        return out

    def vectors(self, rows: Ints) -> NDArray[np.float32]:
        """The text vectors of some tables, float32 (len(rows), dimension); zeros where one has none."""
        out = np.zeros((len(rows), max(self.snapshot.dimension, 1)), dtype=np.float32)
        vector, part = self.vector_row[rows], self.place[rows, 0]
        for number, live in enumerate(self.snapshot.parts):
            have = np.flatnonzero((vector >= 0) & (part == number))
            out[have] = live.segment.texts.vectors.rows[vector[have]]
        return out


def known_of(snapshot: Snapshot, statements: Iterable[Statement], namespaces: Namespaces) -> Known:
    """All tables of a snapshot and of some statements."""
    found = {told.id: told for told in _of_index(snapshot)}
    spelled = {asset: name for statement in statements for asset, name in statement.names.items()}
    for asset, name in spelled.items():
        if asset not in found:
            source = namespaces.source_of(name.namespace, name.parts[0] if len(name.parts) > 1 else None)
            found[asset] = _Told(asset, name, scope_path(source, name.parts))
    every = [found[asset] for asset in sorted(found)]
    names = tuple(one.name for one in every)
    words, home, step, step_home, word_number, word_hash = _tokens(names)
    columns, column_number = _columns([one.open for one in every])
    place = np.asarray([one.place for one in every], dtype=np.int64).reshape(-1, 2)
    return Known(
        snapshot=snapshot,
        ids=tuple(one.id for one in every),
        names=names,
        paths=tuple(one.path for one in every),
        records=_Records(snapshot, place),
        declared=[(row, key) for row, one in enumerate(every) for key in one.keys],
        closed={row: one.closed for row, one in enumerate(every) if one.closed},
        place=place,
        words=words,
        home=home,
        word_number=word_number,
        word_hash=word_hash,
        columns=columns,
        column_number=column_number,
        step=step,
        step_home=step_home,
        schema=_numbered(name.parts[:-1] for name in names),
        base=_numbered(_LAYER.sub("", ".".join(name.parts[:-1]).lower()) for name in names),
        stem=_numbered(_VERSION.sub("", name.parts[-1].lower()) for name in names),
        version=np.asarray([_version(name.parts[-1]) for name in names], dtype=np.int64),
    )


class _Told(NamedTuple):
    """What is kept of a table while `Known` is made."""

    id: AssetId
    name: DatasetName
    path: ScopePath
    open: Sequence[str] = ()
    closed: frozenset[str] = frozenset()
    keys: tuple[Key, ...] = ()
    place: tuple[int, int] = (-1, -1)


def _of_index(snapshot: Snapshot) -> Iterator[_Told]:
    """The tables of a snapshot; each record is read once and let go of."""
    for part, live in enumerate(snapshot.parts):
        for row, (record, counts) in enumerate(zip(live.segment.records, live.mask.tolist(), strict=True)):
            if not counts:
                continue
            lowered = [intern(name.lower()) for name in record.columns]
            shown = [name for name, hidden in zip(lowered, record.restricted, strict=True) if not hidden]
            hidden = frozenset(name for name, closed in zip(lowered, record.restricted, strict=True) if closed)
            # the catalog names what it lists; here its source stands for a namespace that records do not keep
            name = DatasetName(Namespace(record.source), record.parts)
            yield _Told(record.id, name, record.scope_path, shown, hidden, record.foreign_keys, (part, row))


class _Records(Sequence[Record | None]):
    """The records of tables where they are in a snapshot."""

    def __init__(self, snapshot: Snapshot, place: Ints) -> None:
        self._snapshot = snapshot
        self._place = place

    def __len__(self) -> int:
        return len(self._place)

    @overload
    def __getitem__(self, at: int) -> Record | None: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Record | None]: ...
    def __getitem__(self, at: int | slice) -> Record | Sequence[Record | None] | None:
        """The record of a table, or those of several."""
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        part, row = self._place[at].tolist()
        return self._snapshot.parts[part].segment.records[row] if part >= 0 else None


@lru_cache(maxsize=262_144)
def split_words(name: str) -> tuple[str, ...]:
    """The pieces of an identifier in lower case, a version kept whole: `clients_daily_v6` → clients, daily, v6."""
    return tuple(piece.lower() for piece in _HUMPS.findall(name))


def _tokens(
    names: Sequence[DatasetName],
) -> tuple[Sparse, Sparse, NDArray[np.uint64], NDArray[np.uint64], dict[str, int], NDArray[np.uint64]]:
    number: dict[str, int] = {}
    own = [[number.setdefault(word, len(number)) for word in split_words(name.parts[-1])] for name in names]
    before = [
        [number.setdefault(f".{word}", len(number)) for part in name.parts[:-1] for word in split_words(part)]
        for name in names
    ]
    hashes = np.frombuffer(b"".join(_hash(word) for word in number), dtype=np.uint64)
    return (
        Sparse.of_lists(own, len(number)),
        Sparse.of_lists(before, len(number)),
        _summed(own, hashes),
        _summed(before, hashes),
        number,
        hashes,
    )


def _summed(lists: Sequence[Sequence[int]], hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # wraps around, as it should: only differences are looked at
    return np.asarray([hashes[one].sum(dtype=np.uint64) if one else 0 for one in lists], dtype=np.uint64)


def _hash(word: str) -> bytes:
    return hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _columns(shown: Sequence[Sequence[str]]) -> tuple[Sparse, dict[str, int]]:
    number: dict[str, int] = {}
    lists = [[number.setdefault(name, len(number)) for name in names] for names in shown]
    shared = Sparse.of_lists(lists, max(len(number), 1))
    like_key = np.asarray([1.0 if _KEY_COLUMN.search(name) else _COMMON_COLUMN for name in number] or [0.0])
    return Sparse(shared.start, shared.index, like_key[shared.index], shared.width), number


def _numbered(values: Iterable[object]) -> Ints:
    number: dict[object, int] = {}
    return np.asarray([number.setdefault(value, len(number)) for value in values], dtype=np.int64)


def _version(name: str) -> int:
    found = _VERSION.search(name)
    return int(found[0].strip("_v")[:9] or 0) if found else 0
