"""Many texts in two arrays, decoded one by one when asked for: what is mapped from a file takes no memory of its own.

Journey 2: names, paths and values of a segment, as `lookups` writes them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

_CODEC = ("utf-8", "surrogatepass")
"""Names may hold what is no character, as a source gave it."""


class Strings(Sequence[str]):
    """Some texts, in order.

    Args:
        text: all of them one after the other in UTF-8, uint8 (bytes,).
        start: where each begins, int64 (texts + 1,).

    """

    __slots__ = ("start", "text")

    def __init__(self, text: NDArray[np.uint8], start: NDArray[np.int64]) -> None:
        self.text = text
        self.start = start

    @classmethod
    def of(cls, texts: Iterable[str]) -> Strings:
        """Texts that are in memory."""
        encoded = [text.encode(*_CODEC) for text in texts]
        start = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(one) for one in encoded], out=start[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), start)

    def __len__(self) -> int:
        return len(self.start) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """The text at a place, or those at several."""
        if isinstance(at, slice):
            begin, end, step = at.indices(len(self))
            return self._between(begin, max(begin, end)) if step == 1 else [self[one] for one in range(begin, end, step)]
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self.text[self.start[at] : self.start[at + 1]].tobytes().decode(*_CODEC)

    def __iter__(self) -> Iterator[str]:
        """All of them, read at once."""
        return iter(self._between(0, len(self)))

    def _between(self, begin: int, end: int) -> list[str]:
        places = self.start[begin : end + 1]
        whole = self.text[places[0] : places[-1]].tobytes()
        return [whole[a:b].decode(*_CODEC) for a, b in pairwise((places - places[0]).tolist())]


def place_of(ascending: Sequence[str], text: str) -> int | None:
    """Where a text stands among texts in ascending order; None where it does not."""
    at = bisect_left(ascending, text)
    return at if at < len(ascending) and ascending[at] == text else None
