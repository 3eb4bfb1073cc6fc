"""The processes of a server with several workers, and who of them leads, as seen from outside."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path


def lease_holder(home: Path) -> str | None:
    """Who is written down as the index worker of a home."""
    with closing(sqlite3.connect(home / "indexer.db")) as connection:
        ((holder,),) = connection.execute("SELECT holder FROM lease").fetchall()
    return str(holder) if holder is not None else None


def workers_of(supervisor: int) -> list[int]:
    """The processes that answer, by what they were started with; multiprocessing has one more, which only counts."""
    found = []
    for child in map(int, Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()):
        with suppress(OSError):  # one that ends meanwhile
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def leader_of(supervisor: int, home: Path) -> int | None:
    """The worker that has the lease."""
    told = re.search(r":(\d+):\w+$", lease_holder(home) or "")
    return int(told[1]) if told and int(told[1]) in workers_of(supervisor) else None
