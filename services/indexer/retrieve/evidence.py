"""What the tables of a segment say about abbreviations, as numbers: made once a segment, since counting comes with every new view.

Journey 2, step "question understood", before `meanings` counts. A warehouse has a million such terms: each is read once. Equal
short forms, pairs and texts of two segments have equal numbers, so that what both say is found without reading it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.postings import Postings
from services.indexer.index.segment import Segment
from services.indexer.retrieve.named import Named, Numbers, Places, number, numbers
from services.indexer.text.abbreviations import SEPARATOR

Mask = NDArray[np.bool_]
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""Odd, its bits by chance: a text's number times it moves all bits of a pair's."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence of a segment: terms stand pair after pair, pairs short form after short form, as in its postings.

    Attributes:
        terms: a short form with a meaning, or none, in a text.
        pairs: a short form with a meaning or none.
        shorts: the short forms.
        told: a short form with a text that says any meaning of it.
        pair_begin: the first term of each pair, int64 (pairs,).
        short_begin: the first pair of each short form, int64 (shorts,): the one without a meaning, where there is one.
        means: whether a pair has a meaning, bool (pairs,).
        phrase: whether that is several words, bool (pairs,).
        told_of: for each term its place in `told`, int64 (terms,); -1 without a meaning.
        short_told: the short form of each of `told`, int64 (told,).
        postings: the terms with the tables that say them.

    """

    terms: Named
    pairs: Named
    shorts: Named
    told: Named
    pair_begin: Places
    short_begin: Places
    means: Mask
    phrase: Mask
    told_of: Places
    short_told: Places
    postings: Postings

    @cached_property
    def short_of(self) -> Places:
        """The short form of each pair, int64 (pairs,)."""
        return np.repeat(np.arange(len(self.shorts)), np.diff(self.short_begin, append=len(self.pairs)))

    def words(self, pair: int) -> tuple[str, str]:
        """The short form and the meaning of a pair."""
        short, meaning, _ = self.postings.term(int(self.pair_begin[pair])).decode("utf-8", "replace").split(SEPARATOR)
        return short, meaning

    def short_at(self, short: str) -> int | None:
        """The place of a short form; None where this segment does not have it."""
        return self.shorts.at(number(short.encode()))

    def pairs_of(self, short: int) -> tuple[int, int]:
        """Where the pairs of a short form begin and end."""
        ends = self.short_begin[short + 1] if short + 1 < len(self.shorts) else len(self.pairs)
        return int(self.short_begin[short]), int(ends)

    def seen(self, tables: Mask) -> Mask:
        """Which terms one of some tables says, bool (terms,)."""
        if not len(self.terms):
            return np.zeros(0, dtype=np.bool_)
        if tables.all():
            return np.ones(len(self.terms), dtype=np.bool_)
        said: Mask = np.logical_or.reduceat(tables[self.postings.docs], self.postings.start[:-1])
        return said


def evidence_of(segment: Segment) -> Evidence:
    """The evidence of a segment; remembered with it."""
    known = segment.kept.get("evidence")
    if not isinstance(known, Evidence):
        known = _read(segment.evidence)
        segment.kept["evidence"] = known
    return known


def _read(postings: Postings) -> Evidence:
    start = np.asarray(postings.term_start)
    begin, end = start[:-1], start[1:]
    after_short, after_meaning = np.flatnonzero(postings.term_bytes == ord(SEPARATOR)).reshape(-1, 2).T
    spaces = np.concatenate([[0], np.cumsum(postings.term_bytes == ord(" "), dtype=np.int32)])
    shorts, first_of_short = _each_once(numbers(postings.term_bytes, begin, after_short))
    pairs, pair_begin = _each_once(numbers(postings.term_bytes, begin, after_meaning))
    mixed = numbers(postings.term_bytes, after_meaning + 1, end) * _MIX
    short_of_term = np.repeat(np.arange(len(shorts)), np.diff(first_of_short, append=len(begin)))
    says = after_meaning - after_short > 1
    told, place, told_of_saying = np.unique(
        shorts[short_of_term[says]] ^ mixed[says], return_index=True, return_inverse=True
    )
    told_of = np.full(len(begin), -1, np.int64)
    told_of[says] = told_of_saying
    return Evidence(
        terms=Named(np.repeat(pairs, np.diff(pair_begin, append=len(begin))) ^ mixed),
        pairs=Named(pairs),
        shorts=Named(shorts),
        told=Named(told),
        pair_begin=pair_begin,
        short_begin=np.searchsorted(pair_begin, first_of_short),
        means=says[pair_begin],
        phrase=(spaces[after_meaning] - spaces[after_short])[pair_begin] > 0,
        told_of=told_of,
        short_told=short_of_term[says][place],
        postings=postings,
    )


def _each_once(beginnings: Numbers) -> tuple[Numbers, Places]:
    """What terms begin with, each once, and the first that does: terms are in order, so that equal beginnings stand together."""
    new = np.ones(len(beginnings), dtype=np.bool_)
    np.not_equal(beginnings[1:], beginnings[:-1], out=new[1:])
    first = np.flatnonzero(new)
    return beginnings[first], first
