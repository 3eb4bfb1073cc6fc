"""Many texts in one piece of memory: a million names cost their letters and no object each.

Journey 3, step "graph": names, paths and evidence of a snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts by number, 0 … n-1. `data` is UTF-8, lone surrogates kept; text i stands at `ends[i - 1]` up to `ends[i]`."""

    data: bytes
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """These texts, in order."""
        whole = "".join(texts)
        if whole.isascii():
            return cls(whole.encode("ascii"), np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts))))
        coded = [text.encode("utf-8", "surrogatepass") for text in texts]
        return cls(b"".join(coded), np.cumsum(np.fromiter(map(len, coded), np.int64, len(coded))))

    @classmethod
    def joined(cls, pieces: Sequence[Texts]) -> Texts:
        """The texts of all pieces, one after the other."""
        begins = np.cumsum([0, *(len(piece.data) for piece in pieces)])
        ends = [piece.ends + begin for piece, begin in zip(pieces, begins[:-1], strict=True)]
        return cls(b"".join(piece.data for piece in pieces), np.concatenate([np.zeros(0, np.int64), *ends]))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> str:
        begin = int(self.ends[number - 1]) if number else 0
        return self.data[begin : int(self.ends[number])].decode("utf-8", "surrogatepass")
