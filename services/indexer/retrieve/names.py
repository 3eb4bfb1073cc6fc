"""Names as people paste them: full and partial qualified names come first by construction.

Journey 2, step "identifier or words". Compared without case and quotes; whether two names are one table is decided by
`common/model/names`, not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import SqlPart, parse_name
from services.indexer.retrieve.view import View

MAX_NAME_CHARS = 1_000
"""Longer questions are not tried as names."""


# `postgres://db1:5432/shop.public.orders`, as OpenLineage writes both together; of a file the name follows the last slash
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s]*/([^/\s]+)")
# BigQuery quotes a whole name at once
_IN_BACKTICKS = re.compile(r"`([^`\s]+\.[^`\s]+)`")


@dataclass(frozen=True)
class Named:
    """Tables that the question names.

    Attributes:
        full: tables whose whole qualified name it is.
        partial: tables whose name ends with it, or is it but for parts in the middle (`database.table`).
        column: tables that have the column that it names, `table.column` or longer, with the column's name.

    """

    full: frozenset[int]
    partial: frozenset[int]
    column: dict[int, str]


NOBODY = Named(frozenset(), frozenset(), {})
"""The question names no table."""


def named_tables(view: View, text: str) -> Named:
    """The seen tables that a question names, as numbers in the view."""
    parts = name_parts(text)
    if parts is None:
        return NOBODY
    called = dict(tables_called(view, parts))
    full = frozenset(table for table, whole in called.items() if whole)
    return Named(full, frozenset(called) - full, _columns_called(view, parts))


def _columns_called(view: View, parts: tuple[SqlPart, ...]) -> dict[int, str]:
    """Tables with the column that a name ends with; restricted columns are found as themselves alone."""
    out: dict[int, str] = {}
    if len(parts) < 2:
        return out
    column = parts[-1].text.lower()
    for table, _ in tables_called(view, parts[:-1]):
        record = view.record(table)
        shown = (name for name, hidden in zip(record.columns, record.restricted, strict=True) if not hidden)
        found = next((name for name in shown if name.lower() == column), None)
        if found is not None:
            out[table] = found
    return out


def name_parts(text: str) -> tuple[SqlPart, ...] | None:
    """A question as the parts of a name, its namespace and the quotes left out; None where it is none."""
    stripped = text.strip().rstrip(";,")
    if not stripped or len(stripped) > MAX_NAME_CHARS or "\n" in stripped:
        return None
    with_namespace = _NAMESPACE.fullmatch(stripped)
    whole = _IN_BACKTICKS.fullmatch(stripped)
    if with_namespace is not None:
        stripped = with_namespace[1]
    elif whole is not None:
        stripped = whole[1]
    try:
        return parse_name(stripped)
    except ValueError:
        return None


def tables_called(view: View, parts: tuple[SqlPart, ...]) -> Iterator[tuple[int, bool]]:
    """The seen tables whose name is or ends with some parts, or is them but for parts in the middle; and whether it is all."""
    wanted = tuple(part.text.lower() for part in parts)
    # a part of a name may hold dots, and answers show it without quotes: what they show must be found when pasted
    dotted = None if any(part.quoted for part in parts) else ".".join(wanted)
    for part in view.parts:
        for row in part.segment.rows_by_name.of(wanted[-1]):
            if not part.tables[row]:
                continue
            spelled = tuple(p.lower() for p in part.segment.records[row].parts)
            for start in range(len(spelled)):
                if spelled[start:] == wanted or ".".join(spelled[start:]) == dotted:
                    yield part.offset + row, start == 0
                    break
            else:
                if 1 < len(wanted) < len(spelled) and _in_order(wanted, spelled):
                    yield part.offset + row, False


def _in_order(wanted: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Whether a name's last part is the last wanted one, and the others come in this order before it."""
    rest = iter(parts[:-1])
    return parts[-1] == wanted[-1] and all(part in rest for part in wanted[:-1])


def rows_named(named: Named) -> NDArray[np.int64]:
    """All tables of a `Named`, ascending."""
    return np.asarray(sorted({*named.full, *named.partial, *named.column}), dtype=np.int64)
