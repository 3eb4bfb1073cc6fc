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
    """The processes that answer: forks of the one that has imported what they need, which multiprocessing calls its forkserver."""
    return [fork for child in _below(supervisor) if b"forkserver" in _command(child) for fork in _below(child)]


def _below(process: int) -> list[int]:
    """The processes that one began; none for one that ends meanwhile."""
    with suppress(OSError):
        return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
    return []


def _command(process: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def leader_of(supervisor: int, home: Path) -> int | None:
    """The worker that has the lease."""
    told = re.search(r":(\d+):\w+$", lease_holder(home) or "")
    return int(told[1]) if told and int(told[1]) in workers_of(supervisor) else None
