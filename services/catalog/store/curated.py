"""What people say: its rows, and the record of who said it. Stored apart from what crawls say, and never touched by them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from services.catalog.store.hydrate import TABLE
from services.catalog.store.tables import audit, curation
from services.catalog.store.text import folded
from services.common.model.names import AssetId
from services.common.runtime.inserts import insert_into

IDS_AT_ONCE = 5_000
"""Ids in one statement: PostgreSQL takes 65,535 parameters, SQLite 32,766."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One field that somebody changed.

    Attributes:
        column: the column's name; None for the table itself.
        before, after: what people's layer held, as JSON; None = nothing, so that what the crawl says was shown.
        undoes: the entry that this one took back.

    """

    id: int
    at: dt.datetime
    by: str
    asset: AssetId
    column: str | None
    field: str
    before: Any
    after: Any
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """One field of the table (`column_id` = '') or of a column, as it is to be; None takes people's word back."""

    column_id: str
    column_name: str
    field: str
    after: Any


_OF_ASSETS = select(curation).where(curation.c.asset_id.in_(bindparam("ids", expanding=True)))
"""Made once: every answer reads it."""


def of_assets(connection: Connection, ids: Sequence[AssetId]) -> dict[AssetId, list[RowMapping]]:
    """All rows of people's layer for some assets; an asset that nobody wrote about has an empty list."""
    found: dict[AssetId, list[RowMapping]] = defaultdict(list)
    for some in _chunks(ids):
        for row in connection.execute(_OF_ASSETS, {"ids": some}).mappings():
            found[AssetId(row["asset_id"])].append(row)
    return found


def write(connection: Connection, asset_id: AssetId, edits: Sequence[Edit], *, by: str, at: dt.datetime) -> None:
    """Lay edits over what people said before."""
    rows: dict[str, dict[str, Any]] = {}
    held = {row["column_id"]: dict(row) for row in of_assets(connection, [asset_id])[asset_id]}
    for edit in edits:
        empty = dict.fromkeys(curation.c.keys()) | {"asset_id": asset_id, "column_id": edit.column_id}
        row = rows.setdefault(edit.column_id, held.get(edit.column_id, empty))
        row |= {edit.field: edit.after, "column_name": edit.column_name, "updated_at": at, "updated_by": by}
        if edit.field in ("tags", "owners"):
            row[f"{edit.field}_key"] = None if edit.after is None else folded(edit.after)
    statement = insert_into(connection.dialect.name, curation)
    replaced = {name: column for name, column in statement.excluded.items() if name not in ("asset_id", "column_id")}
    statement = statement.on_conflict_do_update(index_elements=["asset_id", "column_id"], set_=replaced)
    connection.execute(statement, list(rows.values()))


def record(
    connection: Connection,
    asset_id: AssetId,
    edits: Iterable[tuple[Edit, Any]],
    *,
    by: str,
    at: dt.datetime,
    undoes: int | None,
) -> None:
    """Write down who changed what: one entry for each edit with what was there before."""
    rows = [
        {
            "at": at,
            "by": by,
            "asset_id": asset_id,
            "column_id": edit.column_id,
            "column_name": edit.column_name,
            "field": edit.field,
            "before": before,
            "after": edit.after,
            "undoes": undoes,
        }
        for edit, before in edits
    ]
    connection.execute(insert(audit), rows)


def entry_row(connection: Connection, audit_id: int) -> RowMapping | None:
    """One entry of the record, None where there is none of that number."""
    return connection.execute(select(audit).where(audit.c.id == audit_id)).mappings().first()


def history(connection: Connection, asset_id: AssetId, *, before: int | None, limit: int) -> tuple[AuditEntry, ...]:
    """The newest entries of one asset first, older than the entry `before` where that is given."""
    query = select(audit).where(audit.c.asset_id == asset_id).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return tuple(_entry(row) for row in connection.execute(query).mappings())


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        by=row["by"],
        asset=AssetId(row["asset_id"]),
        column=None if row["column_id"] == TABLE else row["column_name"],
        field=row["field"],
        before=row["before"],
        after=row["after"],
        undoes=row["undoes"],
    )


def _chunks(ids: Sequence[AssetId]) -> Iterable[Sequence[AssetId]]:
    return (ids[at : at + IDS_AT_ONCE] for at in range(0, len(ids), IDS_AT_ONCE))
