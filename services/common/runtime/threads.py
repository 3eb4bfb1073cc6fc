"""One setting for all threads: how many cores a process works with, told to every library that has threads of its own.

Before any journey. onnxruntime is given the number where its session is made, FAISS where the index is opened; what is left are pools
that a library makes when it is imported, and the server's own.
"""

from __future__ import annotations

import os

OF_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
"""Read by libraries when they are imported: OpenMP's programs (FAISS), those behind numpy's matrix products, and the tokenizer."""
REQUESTS_A_THREAD, FEWEST_REQUESTS, MOST_REQUESTS = 8, 8, 40
"""Requests that are worked on at once: more than there are cores, since some wait for a database."""


def keep_to_one() -> None:
    """Let libraries that are imported from now on use one thread a call: questions run side by side, and share the cores.

    A matrix product of a question takes some microseconds; sharing it out among threads takes longer, and they wait by turning
    round. What the environment says already is left as it is.
    """
    for name in OF_LIBRARIES:
        os.environ.setdefault(name, "1")


def requests_at_once(threads: int) -> int:
    """How many requests a server with so many threads works on at once; others wait."""
    return min(max(FEWEST_REQUESTS, REQUESTS_A_THREAD * threads), MOST_REQUESTS)
