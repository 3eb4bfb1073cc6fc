"""Answers that are asked for again, as they were given: people reload, go back and ask what others have just asked.

Journey 2, before "understood". What is kept holds for one snapshot and one caller's scope: both are part of what it is found by.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from services.common.model.search import SearchAnswer
from services.indexer.index.snapshot import EMPTY, Snapshot

KEPT_HITS, AS_MANY_AS = 4_000, 10
"""Hits of all kept answers together; an answer counts as so many more for its counts: some 200 of ten hits, which take 4 MB."""


class Answers:
    """The last answers from the current snapshot, least recently asked for out first. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot = EMPTY
        self._kept: OrderedDict[Hashable, SearchAnswer] = OrderedDict()
        self._size = 0

    def get(self, snapshot: Snapshot, asked: Hashable) -> SearchAnswer | None:
        """The answer to what was asked of a snapshot; None where it is not kept.

        Args:
            snapshot: what is read.
            asked: all else that the answer depends on.

        """
        with self._lock:
            found = self._kept.get(asked) if snapshot is self._snapshot else None
            if found is not None:
                self._kept.move_to_end(asked)
            return found

    def keep(self, snapshot: Snapshot, asked: Hashable, answer: SearchAnswer) -> None:
        """Keep an answer from the current snapshot; those from another one are let go."""
        with self._lock:
            if snapshot is not self._snapshot:
                self._snapshot, self._size = snapshot, 0
                self._kept.clear()
            before = self._kept.pop(asked, None)
            self._kept[asked] = answer
            self._size += _size(answer) - (_size(before) if before is not None else 0)
            while self._size > KEPT_HITS and len(self._kept) > 1:
                self._size -= _size(self._kept.popitem(last=False)[1])


def _size(answer: SearchAnswer) -> int:
    return len(answer.hits) + AS_MANY_AS
