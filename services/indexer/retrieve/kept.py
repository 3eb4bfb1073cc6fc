"""What is found out about views and asked for again, up to so many bytes, what was asked for last.

Beside journey 2: a view never changes, so that what is kept of it never gets old.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar, cast

ENTRY_BYTES = 700
"""What an entry with a word as its key takes besides its arrays."""
_T = TypeVar("_T")


class Kept:
    """Least recently asked for out first. Safe to call from several threads; two that ask for the same new thing both make it.

    Args:
        n_bytes: as many bytes as are kept; what alone takes more is not.

    """

    def __init__(self, n_bytes: int) -> None:
        self._most = n_bytes
        self._size = 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], _T], size: Callable[[_T], int]) -> _T:
        """What is kept under a key, or what `make` makes, which is kept then.

        Args:
            key: what it is known by.
            make: makes it, outside of the lock.
            size: says how many bytes its arrays take, and what else it has that an entry of one word has not.

        """
        with self._lock:
            known = self._entries.get(key)
            if known is not None:
                self._entries.move_to_end(key)
                return cast("_T", known[0])
        made = make()
        needed = size(made) + ENTRY_BYTES
        with self._lock:
            if needed <= self._most and key not in self._entries:
                self._entries[key] = made, needed
                self._size += needed
                self._let_go()
        return made

    def keep(self, n_bytes: int) -> None:
        """Keep as many bytes from now on, and let go of what is beyond them."""
        with self._lock:
            self._most = n_bytes
            self._let_go()

    def _let_go(self) -> None:
        while self._size > self._most:
            self._size -= self._entries.popitem(last=False)[1][1]
