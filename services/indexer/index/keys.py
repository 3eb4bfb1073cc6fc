"""Declared keys as arrays: which tables of a segment refer to which, found by id in any other segment.

Journey 2, before "answer sets" and for features of the rank: what a view needs to know who can be joined with whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.indexer.text.document import Record

_BYTES = 27
_CODE = np.zeros(256, dtype=np.uint64)
_CODE[np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)] = np.arange(32, dtype=np.uint64)
_LETTERS = 12
"""Of an id so many letters of 5 bits are searched by; the others are compared afterwards."""


@dataclass(frozen=True, eq=False)
class Ids:
    """Dataset ids as arrays.

    Attributes:
        code: 60 bits of each, uint64 (n,): sorted and searched.
        text: all of each, `S27` (n,): compared.

    """

    code: NDArray[np.uint64]
    text: NDArray[np.bytes_]

    @classmethod
    def of(cls, ids: Sequence[AssetId]) -> Ids:
        """Ids as the catalog spells them."""
        # joined first: numpy takes ten times as long to encode text by text
        text = np.frombuffer("".join(ids).encode("ascii"), dtype=f"S{_BYTES}")
        letters = text.view(np.uint8).reshape(-1, _BYTES)[:, 1 : 1 + _LETTERS]
        code = np.zeros(len(ids), dtype=np.uint64)
        for place in range(_LETTERS):
            code = (code << np.uint64(5)) | _CODE[letters[:, place]]
        return cls(code, text)

    @classmethod
    def mapped(cls, code: NDArray[np.uint64], letters: NDArray[np.uint8]) -> Ids:
        """Ids out of a file: their codes, and their letters, uint8 (n, 27)."""
        return cls(code, letters.reshape(-1).view(f"S{_BYTES}"))

    @property
    def letters(self) -> NDArray[np.uint8]:
        """All letters of each, uint8 (n, 27)."""
        return self.text.view(np.uint8).reshape(-1, _BYTES)

    @classmethod
    def joined(cls, pieces: Sequence[Ids]) -> Ids:
        """Several one after another."""
        none = cls(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=f"S{_BYTES}"))
        every = [none, *pieces]
        return cls(np.concatenate([one.code for one in every]), np.concatenate([one.text for one in every]))

    def only(self, keep: NDArray[np.bool_]) -> Ids:
        """Some of them, in order."""
        return Ids(self.code[keep], self.text[keep])

    def __len__(self) -> int:
        return len(self.code)

    def spelled(self, rows: NDArray[np.int64] | slice = slice(None)) -> list[AssetId]:
        """Some of them as texts, in order."""
        return [AssetId(one) for one in self.text[rows].astype(f"U{_BYTES}").tolist()]

    def places_of(self, wanted: Ids) -> NDArray[np.int64]:
        """Where each wanted id stands among these, which are distinct; -1 where it does not. int64 (wanted,)."""
        if not len(self):
            return np.full(len(wanted), -1, dtype=np.int64)
        order, ascending = self._ascending
        at = np.searchsorted(ascending, wanted.code)
        place = order[np.minimum(at, len(order) - 1)].astype(np.int64)
        return np.where(self.text[place] == wanted.text, place, -1)

    @cached_property
    def _ascending(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The places in order of the codes, and the codes in order."""
        order = np.argsort(self.code, kind="stable").astype(np.int64)
        return order, self.code[order]


@dataclass(frozen=True, eq=False)
class SegmentKeys:
    """The declared foreign keys of a segment's tables.

    Attributes:
        tables: the id of every table of the segment.
        source: the row of the table that has each key, int64 (keys,), ascending.
        nth: which of its record's `foreign_keys` it is, int64 (keys,).
        target: the id that it refers to.

    """

    tables: Ids
    source: NDArray[np.int64]
    nth: NDArray[np.int64]
    target: Ids

    @classmethod
    def of(cls, records: Sequence[Record], tables: Ids) -> SegmentKeys:
        """The keys of some records, whose ids are given; keys of a table to itself are left out: they join it with nothing else."""
        keys = [
            (row, nth, key.target)
            for row, record in enumerate(records)
            if record.foreign_keys
            for nth, key in enumerate(record.foreign_keys)
            if key.target != record.id
        ]
        return cls(
            tables=tables,
            source=np.asarray([row for row, _, _ in keys], dtype=np.int64),
            nth=np.asarray([nth for _, nth, _ in keys], dtype=np.int64),
            target=Ids.of([target for _, _, target in keys]),
        )
