"""Names as people paste them: full and partial qualified names come first by construction, and completions while typing.

Journey 2, step "identifier or words". Compared without case and quotes; whether two names are one table is decided by
`common/model/names`, not here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import AccessScope
from services.common.model.names import SqlPart, parse_name
from services.common.model.search import Suggestion
from services.indexer.index.snapshot import Snapshot
from services.indexer.retrieve.view import View

MAX_NAME_CHARS = 1_000
"""Longer questions are not tried as names."""


@dataclass(frozen=True)
class Named:
    """Tables that the question names.

    Attributes:
        full: tables whose whole qualified name it is.
        partial: tables whose name ends with it.
        column: tables that have the column that it names, `table.column` or longer, with the column's name.

    """

    full: frozenset[int]
    partial: frozenset[int]
    column: dict[int, str]


NOBODY = Named(frozenset(), frozenset(), {})
"""The question names no table."""


def named_tables(view: View, text: str) -> Named:
    """The seen tables that a question names, as numbers in the view."""
    parts = _name_parts(text)
    if parts is None:
        return NOBODY
    called = dict(_tables_called(view, parts))
    full = frozenset(table for table, whole in called.items() if whole)
    return Named(full, frozenset(called) - full, _columns_called(view, parts))


def _columns_called(view: View, parts: tuple[SqlPart, ...]) -> dict[int, str]:
    """Tables with the column that a name ends with; restricted columns are found as themselves alone."""
    out: dict[int, str] = {}
    if len(parts) < 2:
        return out
    column = parts[-1].text.lower()
    for table, _ in _tables_called(view, parts[:-1]):
        record = view.record(table)
        shown = (name for name, hidden in zip(record.columns, record.restricted, strict=True) if not hidden)
        found = next((name for name in shown if name.lower() == column), None)
        if found is not None:
            out[table] = found
    return out


def _name_parts(text: str) -> tuple[SqlPart, ...] | None:
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_NAME_CHARS or "\n" in stripped:
        return None
    try:
        return parse_name(stripped)
    except ValueError:
        return None


def _tables_called(view: View, parts: tuple[SqlPart, ...]) -> Iterator[tuple[int, bool]]:
    """The seen tables whose name is or ends with some parts, and whether it is all of their name."""
    wanted = tuple(part.text.lower() for part in parts)
    # a part of a name may hold dots, and answers show it without quotes: what they show must be found when pasted
    dotted = None if any(part.quoted for part in parts) else ".".join(wanted)
    for part in view.parts:
        for row in part.segment.rows_by_name.get(wanted[-1], ()):
            if not part.tables[row]:
                continue
            spelled = tuple(p.lower() for p in part.segment.records[row].parts)
            for start in range(len(spelled)):
                if spelled[start:] == wanted or ".".join(spelled[start:]) == dotted:
                    yield part.offset + row, start == 0


def suggestions(snapshot: Snapshot, prefix: str, scope: AccessScope, *, limit: int) -> list[Suggestion]:
    """Completions of `prefix` inside the scope: names that begin with it, then names with a word that does."""
    wanted = prefix.strip().lower()
    if not wanted or len(wanted) > MAX_NAME_CHARS:
        return []
    found: dict[str, tuple[int, str, Suggestion]] = {}
    for live in snapshot.parts:
        for rank, keys in enumerate(live.segment.completions):
            for row in _with_prefix(keys, wanted):
                record = live.segment.records[row]
                if not live.mask[row] or record.id in found or not scope.permits(record.scope_path):
                    continue
                text = ".".join(record.parts)
                found[record.id] = (rank, record.parts[-1].lower(), Suggestion(text, record.kind, record.id))
    ordered = sorted(found.values(), key=lambda item: (item[0], len(item[1]), item[1], item[2].text, item[2].asset))
    return [suggestion for _, _, suggestion in ordered[:limit]]


def _with_prefix(keys: list[tuple[str, int]], prefix: str) -> Iterator[int]:
    at = bisect_left(keys, (prefix, -1))
    while at < len(keys) and keys[at][0].startswith(prefix):
        yield keys[at][1]
        at += 1


def rows_named(named: Named) -> NDArray[np.int64]:
    """All tables of a `Named`, ascending."""
    return np.asarray(sorted({*named.full, *named.partial, *named.column}), dtype=np.int64)
