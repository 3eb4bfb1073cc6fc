"""Which dialects there are, without loading the parser in the process that asks.

Used where people name a dialect; `dialects` is what reading goes by.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from services.lineage.sql.aliases import ALIASES


@cache
def parsers() -> frozenset[str]:
    """The parser's own names, from its folder of dialects."""
    found = importlib.util.find_spec("sqlglot")
    if found is None or found.origin is None:
        return frozenset()
    folder = Path(found.origin).parent / "dialects"
    return frozenset(file.stem for file in folder.glob("*.py") if file.stem not in ("__init__", "dialect"))


def is_dialect(name: str) -> bool:
    """Whether a name is one of the parser's dialects or stands for one; the empty one is the generic dialect."""
    low = name.strip().lower()
    low = ALIASES.get(low, low)
    return low == "" or low in parsers()
