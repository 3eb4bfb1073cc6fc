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
from services.common.model.names import parse_name
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
    full: set[int] = set()
    partial: set[int] = set()
    for table, spelled in _tables_called(view, parts[-1]):
        if spelled == parts:
            full.add(table)
        elif len(spelled) > len(parts) and spelled[-len(parts) :] == parts:
            partial.add(table)
    return Named(frozenset(full), frozenset(partial), _columns_called(view, parts))


def _columns_called(view: View, parts: tuple[str, ...]) -> dict[int, str]:
    out: dict[int, str] = {}
    if len(parts) < 2:
        return out
    *table_parts, column = parts
    for table, spelled in _tables_called(view, table_parts[-1]):
        if spelled[-len(table_parts) :] == tuple(table_parts):
            found = next((name for name in view.record(table).columns if name.lower() == column), None)
            if found is not None:
                out[table] = found
    return out


def _name_parts(text: str) -> tuple[str, ...] | None:
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_NAME_CHARS or "\n" in stripped:
        return None
    try:
        return tuple(part.text.lower() for part in parse_name(stripped))
    except ValueError:
        return None


def _tables_called(view: View, last: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    for part in view.parts:
        for row in part.segment.rows_by_name.get(last, ()):
            if part.tables[row]:
                yield part.offset + row, tuple(p.lower() for p in part.segment.records[row].parts)


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
