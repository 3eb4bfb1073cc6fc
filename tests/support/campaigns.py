"""How much is tried: a part of it in every run of the tests, all of it in `make test-long`."""

from __future__ import annotations

import os

LONG = bool(os.environ.get("TEST_LONG"))
"""Whether this run takes its time; `make test-long` says so."""
PART = 3
"""A run that takes no time tries one of so many examples."""


def examples(whole: int) -> int:
    """How many examples of a property are tried, of so many in a long run; each run draws others."""
    return whole if LONG else max(whole // PART, 1)
