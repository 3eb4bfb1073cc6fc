"""Renames that were proposed, as rows; whoever may not see both names sees no proposal. Beside journey 1."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, update

from services.catalog.store.tables import asset, proposal
from services.catalog.store.visibility import visible
from services.common.model.access import AccessScope
from services.common.model.names import AssetId


@dataclass(frozen=True, slots=True)
class Rename:
    """A proposed rename; `state` is `open` or `rejected` (an accepted one has been carried out and is no proposal).

    Attributes:
        exists_again: whether the old table has been seen again since.

    """

    id: str
    old_id: AssetId
    old_name: str
    new_id: AssetId
    new_name: str
    reason: str
    at: dt.datetime
    state: str
    decided_by: str | None
    exists_again: bool


def open_ones(connection: Connection, scope: AccessScope, limit: int) -> tuple[Rename, ...]:
    """What nobody has decided on, newest first."""
    query = _seen(scope).where(proposal.c.state == "open").order_by(proposal.c.at.desc(), proposal.c.id).limit(limit)
    return tuple(_rename(row) for row in connection.execute(query).mappings())


def get(connection: Connection, proposed: str, scope: AccessScope) -> Rename | None:
    """One proposal, decided on or not; None where the caller sees none."""
    row = connection.execute(_seen(scope).where(proposal.c.id == proposed)).mappings().first()
    return None if row is None else _rename(row)


def reject(connection: Connection, proposed: str, *, by: str, at: dt.datetime) -> None:
    """Keep in mind that the two are not one table."""
    values = {"state": "rejected", "decided_by": by, "decided_at": at}
    connection.execute(update(proposal).where(proposal.c.id == proposed).values(**values))


def _seen(scope: AccessScope) -> Select[Any]:
    old, new = asset.alias("old"), asset.alias("new")
    return (
        select(
            proposal,
            old.c.parts.label("old_parts"),
            new.c.parts.label("new_parts"),
            old.c.gone_at.label("old_gone_at"),
            old.c.held_by.label("old_held_by"),
        )
        .join(old, old.c.id == proposal.c.old_id)
        .join(new, new.c.id == proposal.c.new_id)
        .where(visible(scope, old.c.scope_path), visible(scope, new.c.scope_path), new.c.gone_at.is_(None))
    )


def _rename(row: RowMapping) -> Rename:
    return Rename(
        id=row["id"],
        old_id=AssetId(row["old_id"]),
        old_name=".".join(row["old_parts"]),
        new_id=AssetId(row["new_id"]),
        new_name=".".join(row["new_parts"]),
        reason=row["reason"],
        at=row["at"],
        state=row["state"],
        decided_by=row["decided_by"],
        # what is held was not there when its crawl looked
        exists_again=row["old_gone_at"] is None and row["old_held_by"] is None,
    )
