"""Renames that only a person can decide: two tables with equal columns, one gone when the other came.

Beside journey 1: a crawl proposes, a person says yes or no. Where the engine keeps an id for a table's life nobody is asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import Connection

from services.catalog.store import changes, proposals, renames
from services.catalog.store.proposals import Rename
from services.catalog.store.types import utc_now
from services.common.errors import Conflict, NotFound
from services.common.model.access import AccessScope, Principal
from services.common.model.names import AssetId
from services.common.runtime.db import Database


class Renaming:
    """Shows proposals to those who may see both names, and carries out what they decide."""

    def __init__(self, database: Database, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def proposals(self, scope: AccessScope, *, limit: int = 100) -> tuple[Rename, ...]:
        """What is open, newest first."""
        with self._database.read() as connection:
            return proposals.open_ones(connection, scope, limit)

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
            if one.exists_again:
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
            proposals.reject(connection, one.id, by=principal.name, at=self._clock())


def _open(connection: Connection, proposed: str, scope: AccessScope) -> Rename:
    one = proposals.get(connection, proposed, scope)
    if one is None:
        raise NotFound("there is no such proposal, or you may not see it")
    if one.state != "open":
        raise Conflict(f"this was {one.state} by {one.decided_by}")
    return one
