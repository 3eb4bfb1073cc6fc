"""The C library's own memory: one heap for all threads of a process, and free parts of it given back to the machine.

Before any journey. Only glibc is asked; where another library is used, nothing happens.
"""

from __future__ import annotations

import ctypes

_ARENA_MAX = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""


def keep_one_heap() -> None:
    """Let all threads of this process share one heap; to be called before there are any.

    glibc gives eight heaps for each core, and what one thread has freed in its own no other can use. Python's threads
    wait for one lock anyway. A server of 10,000 tables takes 60 MB less by it (`make bench ARGS="workers HOME DATA"`).
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Give what is free back to the machine, after much was made that is not kept. Takes some milliseconds."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
