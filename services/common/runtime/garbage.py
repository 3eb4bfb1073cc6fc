"""Python's collector of cycles: what lives long is looked through once, not again and again while questions wait.

Before any journey. A full collection walks over every object of the process, some hundred thousand of them, and everything waits:
more than 100 ms. What a collection that slow leaves alive (modules, statements, a graph, an index) is set aside, `gc.freeze`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

SLOW_S = 0.02
"""A full collection that takes longer is felt by whoever waits for an answer."""
LOOKED_THROUGH_S = 3_600
"""What was set aside is looked through again after so long: a question then waits a little."""
_OLDEST = 2


class _Aside:
    """Sets survivors aside; what was set aside is looked through again when it has doubled, or after an hour: garbage in it goes."""

    def __init__(self, slow_s: float) -> None:
        self._slow_s = slow_s
        self._began = self._looked_at = time.monotonic()
        self._kept = 0
        self._is_whole = True

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Called by the collector at the beginning and the end of each collection."""
        if info["generation"] != _OLDEST:
            return
        now = time.monotonic()
        if phase == "start":
            aside = gc.get_freeze_count()
            self._kept = self._kept or aside  # a command may have set aside what it imported
            if aside > 2 * self._kept or now - self._looked_at > LOOKED_THROUGH_S:
                gc.unfreeze()
                aside, self._looked_at = 0, now
            self._began, self._is_whole = now, not aside
        elif now - self._began > self._slow_s:
            gc.freeze()
            if self._is_whole:
                self._kept = gc.get_freeze_count()


def set_survivors_aside(slow_s: float = SLOW_S) -> None:
    """From now on, what outlives a full collection that takes longer than `slow_s` seconds is not looked through by the next ones."""
    if not any(isinstance(one, _Aside) for one in gc.callbacks):
        gc.callbacks.append(_Aside(slow_s))


@contextmanager
def nothing_collected(*, kept: bool = False) -> Iterator[None]:
    """While a process imports and makes what it will keep, nothing is looked through: a sixth of its start would go into that.

    Args:
        kept: what is there at the end is set aside, so that the first question does not wait for it to be looked through.

    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if kept:
            gc.freeze()
        if before:
            gc.enable()
