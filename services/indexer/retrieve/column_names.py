"""Columns that a question names: alone or behind their table, as they are or with one typing mistake.

Journey 2, for `kind=column`; inside the view, restricted columns included: here they are found as themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from services.indexer.index.name_index import squeezed
from services.indexer.index.signatures import one_edit
from services.indexer.retrieve.names import name_parts, tables_called
from services.indexer.retrieve.spelling import MIN_CHARS, ONE_EDIT, SAME
from services.indexer.retrieve.view import View

MAX_NAMED = 1_000
"""A name that more columns have says too little of each: those that words and meaning propose are told apart by it alone."""


def columns_named(view: View, text: str, unknown: tuple[str, ...]) -> dict[int, float]:
    """The seen columns that a question names, numbered as in the view, and how closely: above 0, at most 1.

    Args:
        view: what is seen.
        text: the question.
        unknown: its words that no seen column has; without one it is not taken for a mistake.

    """
    parts = name_parts(text)
    if parts is not None and len(parts) > 1:
        found = _of_tables(view, [table for table, _ in tables_called(view, parts[:-1])], squeezed(parts[-1].text))
        if found:
            return found
    wanted = squeezed(text)
    return _anywhere(view, wanted, edits=bool(unknown) and len(wanted) >= MIN_CHARS) if wanted else {}


def _of_tables(view: View, tables: Iterable[int], wanted: str) -> dict[int, float]:
    """Of some tables the columns of that name; where none has it, those that have it with a mistake."""
    same: dict[int, float] = {}
    near: dict[int, float] = {}
    for table in tables:
        part, row = view.locate(table)
        start = int(part.segment.column_start[row])
        for at, name in enumerate(part.segment.records[row].columns, start):
            if part.columns[at]:
                plain = squeezed(name)
                if plain == wanted:
                    same[part.column_offset + at] = SAME
                elif one_edit(plain, wanted):
                    near[part.column_offset + at] = ONE_EDIT
    return same or near


def _anywhere(view: View, wanted: str, *, edits: bool) -> dict[int, float]:
    same: list[int] = []
    near: list[int] = []
    for part in view.parts:
        names, codes = part.segment.column_names
        for code in part.segment.column_signatures.near(wanted).tolist():
            plain = squeezed(names[code])
            if plain == wanted or (edits and one_edit(plain, wanted)):
                columns = np.flatnonzero((codes == code) & part.columns) + part.column_offset
                (same if plain == wanted else near).extend(columns.tolist())
    return {**dict.fromkeys(near, ONE_EDIT), **dict.fromkeys(same, SAME)}
