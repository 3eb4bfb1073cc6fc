"""No words, only filters: everything in the view by name.

Journey 2, for an empty question.
"""

from __future__ import annotations

import numpy as np

from services.common.model.assets import Kind
from services.common.model.search import Hit
from services.indexer.retrieve.found import Found, Matched
from services.indexer.retrieve.tables import of_kinds
from services.indexer.retrieve.view import View


def browse(view: View, kinds: tuple[Kind, ...]) -> Found:
    """Everything of some kinds, all but columns where none is named; every score is 0.

    Tables come in order of their qualified names, without case, then of their ids; columns follow their table.
    """
    columns = Kind.COLUMN in kinds
    tables = of_kinds(view, kinds) if not columns or len(kinds) > 1 else np.zeros(view.rows, dtype=np.bool_)
    widths = view.widths if columns else np.zeros(view.rows, dtype=np.int64)
    by_name = view.by_name
    sizes = tables[by_name] + widths[by_name]
    owner = np.repeat(by_name, sizes)
    # 0 and up are the table's columns, -1 is the table itself
    place = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes + tables[by_name], sizes)

    def hit(position: int) -> Hit:
        record, at = view.record(int(owner[position])), int(place[position])
        if at < 0:
            return Hit(record.id, record.id, record.kind, 0.0)
        part, row = view.locate(int(owner[position]))
        start = int(part.segment.column_start[row])
        at = int(np.flatnonzero(part.columns[start : start + len(record.columns)])[at])
        return Hit(record.column_ids[at], record.id, Kind.COLUMN, 0.0, (), (record.columns[at],))

    return Found(
        order=np.arange(len(owner), dtype=np.int64),
        scores=np.zeros(len(owner)),
        keys=[],
        tables=np.where(place < 0, owner, -1),
        matched=Matched(tables, widths),
        hit=hit,
        answerable=1.0 if len(owner) else 0.0,
    )
