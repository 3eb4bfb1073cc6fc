"""Things of a segment by 64-bit numbers, and which of them another segment has too: found once a pair of segments.

Journey 2, step "scope first": segments never change, views do with every write. What only depends on segments is kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]
_BASE = 0x9E3779B97F4A7C15
"""Odd, its bits by chance: a text is the sum of its bytes times the powers of this, modulo 2**64."""
_INVERSE = pow(_BASE, -1, 1 << 64)
_AT_ONCE = 1 << 16
"""Texts that are read at once: a few megabytes of intermediate sums."""


def numbers(written: NDArray[np.uint8], begin: Places, end: Places) -> Numbers:
    """64 bits that stand for each of some texts: two of a million are the same once in ten million catalogs.

    Args:
        written: their bytes.
        begin: where each begins, ascending.
        end: where each ends, ascending.

    """
    out = np.empty(len(begin), np.uint64)
    for first in range(0, len(begin), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        low, high = int(begin[some][0]), int(end[some][-1])
        sums = np.zeros(high - low + 1, np.uint64)
        np.cumsum((written[low:high] + np.uint64(1)) * _powers(_BASE, high - low), out=sums[1:])
        # each sum begins at a power of its own: times its inverse all begin at 1
        out[some] = (sums[end[some] - low] - sums[begin[some] - low]) * _powers(_INVERSE, high - low + 1)[begin[some] - low]
    out ^= out >> np.uint64(31)  # low bits of a product know nothing of high ones
    out *= np.uint64(_BASE)
    out ^= out >> np.uint64(29)
    return out


def _powers(base: int, n: int) -> Numbers:
    """1, base, base**2, …, modulo 2**64, uint64 (n,)."""
    out = np.full(n, base, np.uint64)
    out[:1] = 1
    return np.cumprod(out, out=out)


def number(text: bytes) -> int:
    """The number of one text."""
    written = np.frombuffer(text, np.uint8)
    return int(numbers(written, np.zeros(1, np.int64), np.full(1, len(written)))[0])


class Named:
    """Things of a segment by their numbers, to be found among those of another segment.

    Attributes:
        numbers: uint64 (things,), each once.

    """

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self._found: WeakKeyDictionary[Named, Places] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self.numbers)

    def places_in(self, other: Named) -> Places:
        """Where each stands in `other`, int64 (things,); -1 where it does not. Remembered as long as both are."""
        known = self._found.get(other)
        if known is None:
            known = self._found[other] = other._find(self.numbers)
        return known

    def at(self, number: int) -> int | None:
        """Where one stands; None where it does not."""
        found = int(self._find(np.asarray([number], np.uint64))[0])
        return found if found >= 0 else None

    @cached_property
    def _ordered(self) -> tuple[Numbers, Places]:
        order = np.argsort(self.numbers)
        return self.numbers[order], order

    def _find(self, wanted: Numbers) -> Places:
        ascending, order = self._ordered
        if not len(ascending):
            return np.full(len(wanted), -1, np.int64)
        at = np.searchsorted(ascending, wanted)
        at[at == len(ascending)] = 0
        return np.where(ascending[at] == wanted, order[at], -1)


def seen_first(things: Sequence[Named], seen: Sequence[Mask]) -> list[Mask]:
    """What is seen of each, without what is also seen in one before it: everything once."""
    out = []
    for at, mask in enumerate(seen):
        fresh = mask.copy()
        for before in range(at):
            places = things[at].places_in(things[before])
            having = places >= 0
            fresh[having] &= ~seen[before][places[having]]
        out.append(fresh)
    return out
