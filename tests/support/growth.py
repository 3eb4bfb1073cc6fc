"""How the time of a piece of work grows with what it is given: what tests may say of time on machines that are never quiet."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SIXTEEN_TIMES = 100
"""The most that sixteen times as much may take, times as long: in proportion it would be 16, as the square 256."""


def growth(work: Callable[[T], object], small: T, large: T) -> float:
    """How many times as long `work` takes with `large` as with `small`; of each the shortest of three runs, by processor time.

    Without Python's collector of cycles: what it takes depends on all else that the process of the tests holds.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return _shortest_s(work, large) / _shortest_s(work, small)
    finally:
        if was_on:
            gc.enable()


def _shortest_s(work: Callable[[T], object], given: T) -> float:
    def seconds() -> float:
        begun = time.process_time()
        work(given)
        return time.process_time() - begun

    return max(min(seconds() for _ in range(3)), 1e-4)
