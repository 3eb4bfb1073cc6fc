"""How much tables are used, as the first page of an answer was ranked with: later pages stay with it while it changes meanwhile.

Journey 2, step "ranked", for cursors. Told apart by a digest of the numbers, so that processes beside each other agree.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

from services.common.model.access import AccessScope
from services.common.model.names import AssetId

KEPT = 32
"""Of all scopes together so many that cursors may still point at."""
Popular = Mapping[AssetId, float]


class PinnedPopularity:
    """Gives what is used now, and what was when a cursor was given.

    Args:
        popular: gives it as it is now inside a scope; the same object as long as nothing changes.

    """

    def __init__(self, popular: Callable[[AccessScope], Popular]) -> None:
        self._popular = popular
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Popular] = OrderedDict()
        self._last: OrderedDict[str, tuple[Popular, str]] = OrderedDict()

    def of(self, scope: AccessScope, digest: str) -> tuple[Popular, str]:
        """What a page is ranked with, and its digest: that of `digest` where it is kept, else as it is now; empty asks for now."""
        with self._lock:
            pinned = self._kept.get((scope.key, digest)) if digest else None
        if pinned is not None:
            return pinned, digest
        now = self._popular(scope)
        with self._lock:
            known = self._last.get(scope.key)
        if known is not None and known[0] is now:
            return known
        found = now, _digest(now)
        with self._lock:
            self._last[scope.key] = found
            self._kept[scope.key, found[1]] = now
            for kept in (self._last, self._kept):
                while len(kept) > KEPT:
                    kept.popitem(last=False)
        return found


def _digest(popular: Popular) -> str:
    told = hashlib.blake2b(digest_size=6)
    for asset, much in popular.items():
        told.update(f"{asset}={much}\n".encode())
    return told.hexdigest()
