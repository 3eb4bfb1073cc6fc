"""The names of a segment's tables for those who type them otherwise: with a mistake, other separators, or only in part.

Journey 2, step "identifier or words"; also completions while typing. Made when first asked for.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.signatures import Signatures, signatures
from services.indexer.index.strings import place_of
from services.indexer.text.document import Record
from services.indexer.text.tokens import split_identifier

_DIGITS = re.compile(r"\d+")
_SEPARATORS = re.compile(r"[\W_]+")
AFTER_ALL = "\U0010ffff"
"""Behind every text that goes on from a prefix."""


@dataclass(frozen=True, eq=False)
class Postfixes:
    """The ends of qualified names (`orders`, `public.orders`, `shop.public.orders`) without separators and case.

    Attributes:
        signatures: of each end.
        rows: its table, int32 (ends,).
        starts: how many parts are left out in front, uint8 (ends,).

    """

    signatures: Signatures
    rows: NDArray[np.int32]
    starts: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Shelf:
    """Keys in order and what has them: a prefix is a range of keys, and a range of rows with it.

    Attributes:
        keys: distinct, ascending.
        start: where each key's rows begin, int64 (keys + 1,).
        rows: by key, ascending within one, int32.

    """

    keys: Sequence[str]
    start: NDArray[np.int64]
    rows: NDArray[np.int32]

    def of(self, key: str) -> list[int]:
        """The rows of one key, ascending; none where it is no key."""
        at = place_of(self.keys, key)
        return [] if at is None else self.rows[self.start[at] : self.start[at + 1]].tolist()

    def span(self, prefix: str) -> tuple[int, int]:
        """The range of keys that begin with a prefix."""
        return bisect_left(self.keys, prefix), bisect_left(self.keys, prefix + AFTER_ALL)

    def with_prefix(self, prefix: str) -> NDArray[np.int32]:
        """The rows of all keys that begin with a prefix; a row may come more than once."""
        low, high = self.span(prefix)
        return self.rows[self.start[low] : self.start[high]]


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers in some names, by `number_code`.

    Attributes:
        start: where those of each name begin, int64 (names + 1,).
        code: uint64 (numbers,).

    """

    start: NDArray[np.int64]
    code: NDArray[np.uint64]

    def of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The numbers in the names at some rows: which of the rows each is in, int64, and its code."""
        begin = self.start[rows]
        many = self.start[rows + 1] - begin
        which = np.repeat(np.arange(len(rows)), many)
        place = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many) + begin[which]
        return which, self.code[place]


def numbers_of(names: Iterable[str]) -> Numbers:
    """The numbers in some names."""
    found = [numbers_in(name) for name in names]
    start = np.zeros(len(found) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in found], out=start[1:])
    codes = (number_code(number) for one in found for number in one)
    return Numbers(start, np.fromiter(codes, dtype=np.uint64, count=int(start[-1])))


def numbers_in(text: str) -> list[str]:
    """The runs of digits in a text, as they are written."""
    return _DIGITS.findall(text)


def number_code(number: str) -> int:
    """64 bits that stand for a number as it is written: `01` is another one than `1`."""
    return int.from_bytes(hashlib.blake2b(number.encode(), digest_size=8).digest(), "little")


def name_words(name: str) -> list[str]:
    """The words of a name where it has breaks, in lower case, as they are written: `fct_ordLines` → fct, ord, lines."""
    return [word.lower() for word in split_identifier(name)]


def squeezed(name: str) -> str:
    """A name without case, separators and quotes: `"Shop".order_items` → shoporderitems."""
    return _SEPARATORS.sub("", name.lower())


@dataclass(frozen=True, eq=False)
class Completions:
    """What may be typed, in lower case.

    Attributes:
        names: tables by their own names.
        inner: tables by longer ends of their names, and by later words of their own.
        columns: tables by the names of their columns that are not restricted.
        order: each table's place if all were in order of the length of their own name, that name, the qualified one and
            the id, int64 (tables,).

    """

    names: Shelf
    inner: Shelf
    columns: Shelf
    order: NDArray[np.int64]


def completions(records: Sequence[Record]) -> Completions:
    """What may be typed to get some tables."""
    lowered = [[part.lower() for part in record.parts] for record in records]
    keys = [completion_key(record) for record in records]
    order = np.empty(len(records), dtype=np.int64)
    order[sorted(range(len(records)), key=keys.__getitem__)] = np.arange(len(records))
    inner = (
        (key, row)
        for row, parts in enumerate(lowered)
        for key in dict.fromkeys((*_longer(parts), *name_words(records[row].parts[-1])[1:]))
    )
    columns = (
        (name, row)
        for row, record in enumerate(records)
        for name in dict.fromkeys(
            n.lower() for n, hidden in zip(record.columns, record.restricted, strict=True) if not hidden
        )
    )
    names = shelf((parts[-1], row) for row, parts in enumerate(lowered))
    return Completions(names, shelf(inner), shelf(columns), order)


def completion_key(record: Record) -> tuple[int, str, str, str]:
    """By what completions of one rank are ordered: nothing that anybody does moves it."""
    name = record.parts[-1].lower()
    return len(name), name, ".".join(record.parts), record.id


def _longer(parts: list[str]) -> Iterable[str]:
    return (".".join(parts[start:]) for start in range(len(parts) - 1))


def postfixes(records: Sequence[Record]) -> Postfixes:
    """The ends of the names of some tables."""
    ends = [(squeezed(".".join(r.parts[at:])), row, at) for row, r in enumerate(records) for at in range(len(r.parts))]
    return Postfixes(
        signatures([name for name, _, _ in ends]),
        np.fromiter((row for _, row, _ in ends), dtype=np.int32, count=len(ends)),
        np.fromiter((min(at, 255) for _, _, at in ends), dtype=np.uint8, count=len(ends)),
    )


def last_names(records: Sequence[Record]) -> Shelf:
    """Tables by the last part of their name, in lower case; by what follows its last dot where it has one."""
    lowered = ((record.parts[-1].lower(), row) for row, record in enumerate(records))
    return shelf((name, row) for last, row in lowered for name in dict.fromkeys((last, last.rpartition(".")[2])))


def word_shelf(records: Sequence[Record]) -> Shelf:
    """The words of tables' own names, in lower case and not stemmed."""
    return shelf((word, row) for row, record in enumerate(records) for word in set(name_words(record.parts[-1])))


def shelf(pairs: Iterable[tuple[str, int]]) -> Shelf:
    """Some pairs of a key and a row as a shelf."""
    rows_of: dict[str, list[int]] = {}
    for key, row in pairs:
        rows_of.setdefault(key, []).append(row)
    keys = sorted(rows_of)
    start = np.zeros(len(keys) + 1, dtype=np.int64)
    np.cumsum([len(rows_of[key]) for key in keys], out=start[1:])
    rows = np.fromiter((row for key in keys for row in rows_of[key]), dtype=np.int32, count=int(start[-1]))
    return Shelf(tuple(keys), start, rows)
