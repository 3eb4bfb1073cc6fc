"""Names with one typing mistake, found by comparing bits: two 64-bit signatures a name, all of them read for a question.

Journey 2, step "identifier or words". One edit changes few characters and few pairs of them, so that names whose
signatures differ in more bits need not be compared at all. 17 bytes a name; reading 300,000 takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_CHARS = 250
"""Longer names are not looked for with mistakes in them."""
# one edit takes away one character and brings one, at the most; of pairs, a swap takes away three and brings three
_CHAR_BITS, _PAIR_BITS = 2, 6
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 by the golden ratio: Knuth, "The Art of Computer Programming" 3, 6.4


@dataclass(frozen=True, eq=False)
class Signatures:
    """Signatures of some names, in their order.

    Attributes:
        chars: a bit for each character that a name has, uint64 (names,).
        pairs: a bit for each pair of neighbours, uint64 (names,).
        lengths: in code points, uint8 (names,); 255 for a longer name, which is never found.

    """

    chars: NDArray[np.uint64]
    pairs: NDArray[np.uint64]
    lengths: NDArray[np.uint8]

    def near(self, name: str) -> NDArray[np.int64]:
        """Names that may be at most one edit away, ascending: every one that is, and a few that are not."""
        if not name or len(name) > MAX_CHARS:
            return np.zeros(0, dtype=np.int64)
        own, length = signatures([name]), len(name)
        # most names are shorter than a question: only those of about its length are looked at closer
        found = np.flatnonzero((self.lengths >= max(length - 1, 1)) & (self.lengths <= length + 1))
        near = (np.bitwise_count(self.pairs[found] ^ own.pairs[0]) <= _PAIR_BITS) & (
            np.bitwise_count(self.chars[found] ^ own.chars[0]) <= _CHAR_BITS
        )
        rows: NDArray[np.int64] = found[near]
        return rows


def signatures(names: Sequence[str]) -> Signatures:
    """The signatures of some names; an empty one is near nothing."""
    lengths = np.fromiter((min(len(name), MAX_CHARS + 5) for name in names), dtype=np.int64, count=len(names))
    kept = [name for name, length in zip(names, lengths.tolist(), strict=True) if 0 < length <= MAX_CHARS]
    chars, pairs = np.zeros((2, len(names)), dtype=np.uint64)
    if kept:
        codes = np.frombuffer("".join(kept).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
        sizes = np.fromiter(map(len, kept), dtype=np.int64, count=len(kept))
        starts = np.cumsum(sizes) - sizes
        rows = np.flatnonzero((lengths > 0) & (lengths <= MAX_CHARS))
        chars[rows] = np.bitwise_or.reduceat(_bit(codes), starts)
        following = _bit(codes * np.uint64(31) + np.append(codes[1:], np.uint64(0)))
        following[starts + sizes - 1] = 0  # the last character has no neighbour in its own name
        pairs[rows] = np.bitwise_or.reduceat(following, starts)
    return Signatures(chars, pairs, np.minimum(lengths, 255).astype(np.uint8))


def one_edit(one: str, other: str) -> bool:
    """Whether two different texts are one edit apart: a character more, less, another one, or two neighbours swapped."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if len(one) != len(other):
        longer, shorter = (one, other) if len(one) > len(other) else (other, one)
        return longer[start + 1 :] == shorter[start:]
    if one[start + 1 :] == other[start + 1 :]:
        return True
    return one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]


def _bit(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.uint64(1) << ((values * _SPREAD) >> np.uint64(58))
