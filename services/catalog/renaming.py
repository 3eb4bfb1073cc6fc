"""Renames that only a person can decide: two tables with equal columns, one gone when the other came.

Beside journey 1: a crawl proposes, a person says yes or no. Where the engine keeps an id for a table's life nobody is asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, update

from services.catalog.store import changes, renames
from services.catalog.store.tables import asset, proposal
from services.catalog.store.types import utc_now
from services.catalog.store.visibility import visible
from services.common.errors import Conflict, NotFound
from services.common.model.access import AccessScope, Principal
from services.common.model.names import AssetId
from services.common.runtime.db import Database


@dataclass(frozen=True, slots=True)
class Rename:
    """A proposed rename; `state` is `open`, `accepted` or `rejected`."""

    id: str
    old_id: AssetId
    old_name: str
    new_id: AssetId
    new_name: str
    reason: str
    at: dt.datetime
    state: str
    decided_by: str | None


class Renaming:
    """Shows proposals to those who may see both names, and carries out what they decide."""

    def __init__(self, database: Database, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def proposals(self, scope: AccessScope, *, limit: int = 100) -> tuple[Rename, ...]:
        """What is open, newest first."""
        with self._database.read() as connection:
            query = _seen(scope).where(proposal.c.state == "open").order_by(proposal.c.at.desc(), proposal.c.id).limit(limit)
            return tuple(_rename(row) for row in connection.execute(query).mappings())

    def accept(self, proposed: str, principal: Principal) -> AssetId:
        """Say that the two are one table: words, history and figures follow, and the old id leads to the new one.

        Returns the new id.

        Raises:
            NotFound: there is no such proposal for this caller.
            Conflict: it was decided before, or the old table exists again.

        """
        now = self._clock()
        with self._database.write() as connection:
            one = _open(connection, proposed, principal.scope)
            still = select(asset.c.gone_at).where(asset.c.id == one.old_id)
            if connection.execute(still).scalar_one() is None:
                raise Conflict(f"{one.old_name} exists again: the two are not one table")
            moved = renames.move(connection, one.old_id, one.new_id, crawl=None, at=now)
            changes.append(connection, moved, now)
            return one.new_id

    def reject(self, proposed: str, principal: Principal) -> None:
        """Say that the two are not one table; it is not proposed again.

        Raises:
            NotFound, Conflict: as for `accept`.

        """
        with self._database.write() as connection:
            one = _open(connection, proposed, principal.scope)
            values = {"state": "rejected", "decided_by": principal.name, "decided_at": self._clock()}
            connection.execute(update(proposal).where(proposal.c.id == one.id).values(**values))


def _seen(scope: AccessScope) -> Select[Any]:
    old, new = asset.alias("old"), asset.alias("new")
    return (
        select(proposal, old.c.parts.label("old_parts"), new.c.parts.label("new_parts"))
        .join(old, old.c.id == proposal.c.old_id)
        .join(new, new.c.id == proposal.c.new_id)
        .where(visible(scope, old.c.scope_path), visible(scope, new.c.scope_path), new.c.gone_at.is_(None))
    )


def _open(connection: Connection, proposed: str, scope: AccessScope) -> Rename:
    row = connection.execute(_seen(scope).where(proposal.c.id == proposed)).mappings().first()
    if row is None:
        raise NotFound("there is no such proposal, or you may not see it")
    if row["state"] != "open":
        raise Conflict(f"this was {row['state']} by {row['decided_by']}")
    return _rename(row)


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
    )
