"""Which lines of a batch are new: the same file again, a longer one or an overlapping export counts nothing twice.

Journey 3, step "log → facts" (docs/adr/0029). A line is known by a keyed hash of its time, user, place and text together
with how many lines like it stood before it in its file; of an engine's own totals only what was added counts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection

from services.common.model.usage import LogLine
from services.lineage.statements.around import Around
from services.lineage.store import log_runs


def event_key(line: LogLine, around: Around, key: bytes) -> int:
    """What a line is known by: 63 bits. Who has no `key` can try no literal out on it."""
    at = None if line.at is None or line.is_total else line.at.astimezone(dt.UTC)  # a total is one whenever it is read
    # whose a line is may be known better the next time; what has no time is told apart by that alone
    source = around.source if at is None else None
    text = repr((source, at, line.user, line.database, line.schema, line.is_total))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key)
    digest.update(line.sql.encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()) >> 1


def news(connection: Connection, lines: Sequence[LogLine], keys: Sequence[int]) -> list[int]:
    """How often each line's statement ran as far as that is new, and from now on it is not new any more.

    Args:
        connection: inside a unit of work.
        lines: of one batch.
        keys: of each line, from `event_key`.

    """
    held = log_runs.counted(connection, set(keys))
    before = dict(held)
    found = []
    for line, key in zip(lines, keys, strict=True):
        old = held.get(key, 0)
        if line.is_total:
            new = line.count - old if line.count >= old else line.count  # less than before: it began anew
            held[key] = line.count
        else:
            new = line.count if line.nth >= old else 0
            held[key] = max(old, line.nth + 1)
        found.append(new)
    log_runs.count(connection, {key: n for key, n in held.items() if before.get(key) != n})
    return found
