"""What the tables of a segment say about abbreviations, as numbers: made once a segment, since counting comes with every new view.

Journey 2, step "question understood", before `learned` counts. A warehouse has a million such terms: each is read once, and
short forms and meanings are given their numbers where they first stand in the order of terms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
from services.indexer.index.segment import Segment
from services.indexer.text.abbreviations import SEPARATOR

Numbers = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence of a segment, an entry a term.

    Attributes:
        short, pair, text: stand for the short form, for it with the meaning, and for the text; uint64 (terms,).
        means: whether there is a meaning, bool (terms,).
        pairs: the numbers of all pairs, ascending, uint64 (pairs,).
        first: a term of each of them, int64 (pairs,).
        postings: the terms.

    """

    short: Numbers
    pair: Numbers
    text: Numbers
    means: NDArray[np.bool_]
    pairs: Numbers
    first: NDArray[np.int64]
    postings: Postings

    def words(self, pair: int) -> tuple[str, str] | None:
        """The short form and the meaning of a pair; None where this segment does not have it."""
        at = int(np.searchsorted(self.pairs, np.uint64(pair)))
        if at == len(self.pairs) or int(self.pairs[at]) != pair:
            return None
        short, meaning, _ = self.postings.term(int(self.first[at])).decode("utf-8", "replace").split(SEPARATOR)
        return short, meaning


@dataclass(frozen=True, eq=False)
class TextsBy:
    """How many different texts each of some keys has: keys ascending, uint64 (keys,), and int64 (keys,)."""

    keys: Numbers
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, key: Numbers, text: Numbers) -> TextsBy:
        """Counted over pairs of a key and a text."""
        order = np.lexsort((text, key))
        key, text = key[order], text[order]
        key = key[_changes(key) | _changes(text)]
        begins = np.flatnonzero(_changes(key))
        return cls(key[begins], np.diff(begins, append=len(key)))

    def count(self, key: int) -> int:
        """Those of a key."""
        at = int(np.searchsorted(self.keys, np.uint64(key)))
        return int(self.counts[at]) if at < len(self.keys) and int(self.keys[at]) == key else 0

    def at_least(self, n: int) -> Iterator[tuple[int, int]]:
        """The keys with so many, ascending, and how many they have."""
        enough = self.counts >= n
        return zip(self.keys[enough].tolist(), self.counts[enough].tolist(), strict=True)


def evidence_of(segment: Segment) -> Evidence:
    """The evidence of a segment; remembered with it."""
    known = segment.facet_codes.get("evidence")
    if not isinstance(known, Evidence):
        known = _read(segment.evidence)
        segment.facet_codes["evidence"] = known
    return known


def number(text: bytes) -> int:
    """64 bits that stand for a text: two of a million are the same once in 37 million catalogs."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def _read(postings: Postings) -> Evidence:
    blob, n = postings.term_bytes.tobytes(), postings.n_terms
    start = np.asarray(postings.term_start)
    after_short, after_meaning = np.flatnonzero(postings.term_bytes == ord(SEPARATOR)).reshape(n, 2).T
    short = _numbered(blob, start, after_short)
    pair = _numbered(blob, start, after_meaning)
    texts = zip((after_meaning + 1).tolist(), start[1:].tolist(), strict=True)
    pairs, first = np.unique(pair, return_index=True)
    return Evidence(
        short=short,
        pair=pair,
        text=np.fromiter((int(blob[begin:end], 16) for begin, end in texts), dtype=np.uint64, count=n),
        means=after_meaning - after_short > 1,
        pairs=pairs,
        first=first,
        postings=postings,
    )


def _numbered(blob: bytes, start: NDArray[np.int64], end: NDArray[np.int64]) -> Numbers:
    """What stands for the beginnings of some terms; terms are in order, so that equal beginnings follow each other."""
    begins: list[int] = []
    numbers: list[int] = []
    before = None
    for at, (first, last) in enumerate(zip(start.tolist(), end.tolist(), strict=False)):
        beginning = blob[first:last]
        if beginning != before:
            begins.append(at)
            numbers.append(number(beginning))
            before = beginning
    ends = np.asarray([*begins[1:], len(end)] if begins else [], dtype=np.int64)
    return np.repeat(np.asarray(numbers, dtype=np.uint64), ends - np.asarray(begins, dtype=np.int64))


def _changes(values: Numbers) -> NDArray[np.bool_]:
    """Which values are not the one before; the first is not."""
    new = np.ones(len(values), dtype=np.bool_)
    new[1:] = values[1:] != values[:-1]
    return new
