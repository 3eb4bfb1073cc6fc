"""People's words about tables and columns: checked, recorded, laid over what crawls say, and taken back.

Beside journey 1: every change is one commit of the words, the record of who said them, and a row of the feed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping

from services.catalog.patches import CuratedPatch
from services.catalog.store import changes, crawled, curated, listing
from services.catalog.store.curated import Edit
from services.catalog.store.hydrate import TABLE
from services.catalog.store.types import utc_now
from services.common.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from services.common.model.access import AccessScope, Principal
from services.common.model.assets import Asset
from services.common.model.names import AssetId
from services.common.runtime.db import Database


class Curator:
    """Writes what people say. Whether a role may write at all is decided before; here only the scope counts."""

    def __init__(self, database: Database, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def patch(self, asset: AssetId, changed: CuratedPatch, principal: Principal, *, if_match: int) -> Asset:
        """Apply a patch to the asset at revision `if_match` and return it as it is now.

        A patch that changes nothing leaves the revision alone.

        Raises:
            NotFound: there is no such asset for this caller.
            PreconditionFailed: the asset has another revision.
            BadRequest: a column is unknown, or a successor is not one that the caller may see.

        """
        with self._database.write() as connection:
            held = _held(connection, asset, principal.scope)
            if held.revision != if_match:
                raise PreconditionFailed(f"revision {if_match} was meant, but the asset is at {held.revision}")
            edits = [
                edit for edit in _edits(held, changed) if not _takes_back_unseen(connection, held, edit, principal.scope)
            ]
            _check_successors(connection, held, edits, principal.scope)
            return self._apply(connection, held, edits, principal)

    def undo(self, entry: int, principal: Principal) -> Asset:
        """Take one recorded change back, as a new recorded change, and return the asset as it is now.

        Raises:
            NotFound: there is no such entry for this caller.
            Conflict: the field has been changed since; undo the later change first.

        """
        with self._database.write() as connection:
            row = curated.entry_row(connection, entry)
            if row is None:
                raise NotFound(f"there is no change {entry}")
            held = _held(connection, AssetId(row["asset_id"]), principal.scope)
            if not all(_sees(connection, row, value, principal.scope) for value in (row["before"], row["after"])):
                raise NotFound(f"there is no change {entry}")
            now = _words(connection, held.id).get((row["column_id"], row["field"]))
            if now != row["after"]:
                raise Conflict(f"{row['field']} has been changed again since the change {entry}")
            edit = Edit(row["column_id"], row["column_name"], row["field"], row["before"])
            return self._apply(connection, held, [edit], principal, undoes=entry)

    def _apply(
        self,
        connection: Connection,
        held: Asset,
        edits: Iterable[Edit],
        principal: Principal,
        *,
        undoes: int | None = None,
    ) -> Asset:
        words = _words(connection, held.id)
        before = [(edit, words.get((edit.column_id, edit.field))) for edit in edits]
        real = [(edit, old) for edit, old in before if edit.after != old]
        if real:
            at = self._clock()
            curated.write(connection, held.id, [edit for edit, _ in real], by=principal.name, at=at)
            curated.record(connection, held.id, real, by=principal.name, at=at, undoes=undoes)
            crawled.revise(connection, [held.id])
            changes.append(connection, [held.id], at)
        return listing.many(connection, [held.id], principal.scope)[held.id]


def _held(connection: Connection, asset: AssetId, scope: AccessScope) -> Asset:
    held = listing.locked(connection, asset, scope)
    if held is None:
        raise NotFound(f"there is no asset {asset}, or you may not see it")
    return held


def _sees(connection: Connection, row: RowMapping, value: Any, scope: AccessScope) -> bool:
    """Whether a recorded value names nothing that the caller may not see: only a table's successor names anything."""
    if row["field"] != "successor" or row["column_id"] != TABLE or value is None:
        return True
    return bool(listing.visible_ids(connection, [AssetId(value)], scope))


def _takes_back_unseen(connection: Connection, held: Asset, edit: Edit, scope: AccessScope) -> bool:
    """Whether an edit takes back a successor that the caller does not see: to that caller there is none to take back."""
    if edit.field != "successor" or edit.column_id != TABLE or edit.after is not None:
        return False
    now = _words(connection, held.id).get((TABLE, "successor"))
    return now is not None and not listing.visible_ids(connection, [AssetId(now)], scope)


def _words(connection: Connection, asset: AssetId) -> dict[tuple[str, str], Any]:
    rows = curated.of_assets(connection, [asset]).get(asset, [])
    fields = ("description", "tags", "owners", "status", "successor")
    return {(row["column_id"], name): row[name] for row in rows for name in fields if row[name] is not None}


def _edits(held: Asset, changed: CuratedPatch) -> list[Edit]:
    edits = [Edit(TABLE, "", name, value) for name, value in changed.table.items()]
    known = {held.column_id(column.name): column.name for column in held.columns}
    for at, (name, fields) in enumerate(changed.columns.items()):
        column_id = held.column_id(name)
        if column_id not in known:
            raise _refused(f"/columns/{at}/name", f"{held.name.qualified} has no column {name}")
        for field, value in fields.items():
            after = value
            if field == "successor" and value is not None:
                successor = held.column_id(value)
                if successor not in known or successor == column_id:
                    raise _refused(f"/columns/{at}/successor", f"{value} is no other column of {held.name.qualified}")
                after = known[successor]
            edits.append(Edit(column_id, known[column_id], field, after))
    return edits


def _check_successors(connection: Connection, held: Asset, edits: Sequence[Edit], scope: AccessScope) -> None:
    for edit in edits:
        if edit.column_id != TABLE or edit.field != "successor" or edit.after is None:
            continue
        if edit.after == held.id or not listing.visible_ids(connection, [edit.after], scope):
            raise _refused("/successor", f"there is no other asset {edit.after}, or you may not see it")


def _refused(pointer: str, detail: str) -> BadRequest:
    return BadRequest(f"{pointer}: {detail}", errors=({"pointer": pointer, "detail": detail},))
