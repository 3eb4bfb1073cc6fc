"""The last questions' vectors: people page, refine and come back, and a question's vector never changes.

Used by the encoders whose work costs more than a look-up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from services.indexer.embed.encoder import Vectors

QUERY_CACHE_SIZE = 2048
"""Vectors kept: 3 MB at 384 dimensions."""


class QueryCache:
    """Least recently used out first. Two threads that ask the same new question both compute it; one result stays."""

    def __init__(self, size: int = QUERY_CACHE_SIZE) -> None:
        self._size = size
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str, make: Callable[[str], Vectors]) -> Vectors:
        """The vector of `text`, read-only; `make(text)` runs outside the lock where it is not known yet."""
        with self._lock:
            known = self._vectors.get(text)
            if known is not None:
                self._vectors.move_to_end(text)
                return known
        made = make(text)
        made.setflags(write=False)
        with self._lock:
            kept = self._vectors.setdefault(text, made)
            self._vectors.move_to_end(text)
            if len(self._vectors) > self._size:
                self._vectors.popitem(last=False)
        return kept
