"""The tables that one person used lately, from the statements that count in a scope: what to start from for somebody.

Journey 2, "used together". Pure: a reading and a user as logs keep one, in; tables out.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter

import numpy as np

from services.common.model.related import RecentTable
from services.indexer.usage.reading import Reading
from services.indexer.usage.statements import NO_DAY

HALF_LIFE_DAYS = 14
"""A fortnight later an execution counts half: what somebody works on now comes before what they did all of last year."""


def recent_of(reading: Reading, user: str, limit: int) -> list[RecentTable]:
    """What somebody read or wrote, what they use now first; ties in order of id.

    Age is counted from that person's own last day: somebody who is back from a long leave goes on where they were.
    """
    counts, known = reading.counts, reading.known
    mine = [
        (counts.statements[at], run)
        for at in np.flatnonzero(counts.counted).tolist()
        for run in counts.statements[at].runs
        if run.user == user
    ]
    latest = max((run.day for _, run in mine), default=NO_DAY)
    queries: Counter[int] = Counter()
    worth: dict[int, float] = {}
    last: dict[int, int] = {}
    for one, run in mine:
        faded = 0.5 ** ((latest - run.day) / HALF_LIFE_DAYS) if run.day else 0.0
        for table in one.touched:
            row = known.row[table]
            if reading.shown[row]:
                queries[row] += run.count
                worth[row] = worth.get(row, 0.0) + faded * math.log1p(run.count)
                last[row] = max(last.get(row, NO_DAY), run.day)
    ordered = sorted(queries, key=lambda row: (-round(worth[row], 6), -queries[row], row))
    return [
        RecentTable(
            asset=known.ids[row],
            name=known.names[row],
            listed=bool(known.listed[row]),
            queries=queries[row],
            last=dt.date.fromordinal(last[row]) if last[row] else None,
        )
        for row in ordered[:limit]
    ]
