"""No words, only filters: everything in the view by name.

Journey 2, for an empty question.
"""

from __future__ import annotations

import numpy as np

from services.common.model.search import Hit
from services.indexer.retrieve.found import Found, Matched
from services.indexer.retrieve.view import View


def browse(view: View) -> Found:
    """All tables of a view in order of their qualified names, without case, then of their ids; every score is 0."""
    tables = np.flatnonzero(view.seen).astype(np.int64)
    records = [view.record(table) for table in tables.tolist()]
    keys = [str(record.id) for record in records]
    names = [".".join(record.parts).lower() for record in records]
    order = sorted(range(len(tables)), key=lambda at: (names[at], keys[at]))

    def hit(position: int) -> Hit:
        record = records[position]
        return Hit(record.id, record.id, record.kind, 0.0)

    return Found(
        order=np.asarray(order, dtype=np.int64),
        scores=np.zeros(len(tables)),
        keys=keys,
        matched=Matched(view.seen, len(tables)),
        hit=hit,
        answerable=1.0 if len(tables) else 0.0,
    )
