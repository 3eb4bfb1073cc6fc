"""Tables of which a source could not show every column: what is known of the others is laid under what it showed.

Journey 1, before a batch is compared. A lost right on columns, or a view over a table that is gone, would else look like
columns that were removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.catalog.store import crawled
from services.catalog.store.hydrate import crawled_columns
from services.common.model.assets import COLUMNS_PARTLY_SHOWN, Column, Found
from services.common.runtime.db import Database


def with_known_columns(database: Database, found: Sequence[Found]) -> list[Found]:
    """The same tables in the same order; those that were shown in part have the columns too that are stored of them."""
    partly = {one.name.id for one in found if any(name in one.properties for name in COLUMNS_PARTLY_SHOWN)}
    if not partly:
        return list(found)
    with database.read() as connection:
        known = crawled.known_columns(connection, sorted(partly))
    return [_completed(one, crawled_columns(known.get(one.name.id, ()))) if one.name.id in partly else one for one in found]


def _completed(found: Found, known: Iterable[Column]) -> Found:
    shown = {found.name.column_id(column.name): column for column in found.columns}
    before = {found.name.column_id(column.name): column for column in known}
    merged = [shown.get(id_, column) for id_, column in before.items()]
    return replace(found, columns=(*merged, *(column for id_, column in shown.items() if id_ not in before)))
