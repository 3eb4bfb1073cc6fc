"""A table that got another name: all that is known of it goes to the new one, and the old id leads there.

Journey 1, in the commit that ends a crawl, or when a person says that two names are one table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update

from services.catalog.store import crawl_changes, layers
from services.catalog.store.tables import asset, audit, curation, observation, proposal, renamed, version
from services.catalog.store.visibility import visible
from services.common.model.access import AccessScope
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.runtime.inserts import insert_into

_GIVEN_UP = select(renamed.c.old_id).where(renamed.c.old_id == bindparam("old"))
_LONGEST_CHAIN = 100
_SAID = ("description", "tags", "owners", "status", "successor", "tags_key", "owners_key")


def move(connection: Connection, old: AssetId, new: AssetId, *, crawl: str | None, at: dt.datetime) -> list[AssetId]:
    """Give people's words, history and figures of `old` to `new`, and let the id `old` lead to it.

    What people said of `new` already stays, field by field; `old` ceases to be an asset. Returns every asset that now looks different,
    `old` first.
    """
    # locked, so that whoever writes on one of them has committed, or is told that it is another one now
    both = select(asset).where(asset.c.id.in_([old, new])).order_by(asset.c.id).with_for_update()
    rows = {row["id"]: row for row in connection.execute(both).mappings()}
    before, after = rows[old], rows[new]
    _words(connection, before, after)
    number = _versions(connection, before, after, at)
    _observations(connection, old, new)
    layers.follow(connection, old, new)
    layers.rekey(connection, [new])
    crawl_changes.follow(connection, old, new)
    touched = _successors(connection, old, new)
    connection.execute(delete(proposal).where((proposal.c.old_id == old) | (proposal.c.new_id == old)))
    connection.execute(delete(asset).where(asset.c.id == old))
    connection.execute(delete(renamed).where(renamed.c.old_id == new))  # the name had been left once, and is taken again
    row = {"old_id": old, "new_id": new, "scope_path": before["scope_path"], "qualified": ".".join(before["parts"])}
    statement = insert_into(connection.dialect.name, renamed)
    kept = {name: column for name, column in statement.excluded.items() if name != "old_id"}
    statement = statement.on_conflict_do_update(index_elements=["old_id"], set_=kept)
    connection.execute(statement, row | {"crawl": crawl, "at": at})
    revision = max(before["revision"], after["revision"]) + 1
    values = {"version": number, "revision": revision, "first_seen": min(before["first_seen"], after["first_seen"])}
    connection.execute(update(asset).where(asset.c.id == new).values(**values))
    return [old, new, *touched]


def _words(connection: Connection, before: RowMapping, after: RowMapping) -> None:
    """People's words and their record, with the ids that the columns have under the new name."""
    old, new, name = before["id"], after["id"], _name(after)
    held = {row["column_id"]: row for row in _said(connection, new)}
    said = {row["column_id"]: row for row in _said(connection, old)}
    for table in (curation, audit):
        columns = select(table.c.column_id, table.c.column_name).where(table.c.asset_id == old).distinct()
        for column_id, column_name in connection.execute(columns).all():
            now = name.column_id(column_name) if column_id else column_id
            of_it = (table.c.asset_id == old) & (table.c.column_id == column_id)
            if table is curation and now in held:
                _fill(connection, held[now], said.get(column_id))
                connection.execute(delete(table).where(of_it))
            else:
                connection.execute(update(table).where(of_it).values(asset_id=new, column_id=now))


def _said(connection: Connection, asset_id: AssetId) -> Sequence[RowMapping]:
    return connection.execute(select(curation).where(curation.c.asset_id == asset_id)).mappings().all()


def _fill(connection: Connection, kept: RowMapping, older: RowMapping | None) -> None:
    """Give the words that stay what only the older ones say."""
    if older is None:
        return
    missing = {name: older[name] for name in _SAID if kept[name] is None and older[name] is not None}
    if missing:
        of_it = (curation.c.asset_id == kept["asset_id"]) & (curation.c.column_id == kept["column_id"])
        connection.execute(update(curation).where(of_it).values(**missing))


def _versions(connection: Connection, before: RowMapping, after: RowMapping, at: dt.datetime) -> int:
    """Put the old history in front of the new one, whose first entry is then the rename; returns the last number."""
    old, new = before["id"], after["id"]
    last = select(func.max(version.c.version)).where(version.c.asset_id == old)
    shift = connection.execute(last).scalar_one() or 0
    numbers = select(version.c.version).where(version.c.asset_id == new).order_by(version.c.version.desc())
    for number in connection.execute(numbers).scalars().all():
        values = {"version": number + shift}
        if number == 1:
            values |= {"event": "renamed", "previous": ".".join(before["parts"])}
            if after["version"] == 1:
                values["at"] = at  # when it was said to be one table; a history goes on in time
        connection.execute(update(version).where(version.c.asset_id == new, version.c.version == number).values(**values))
    connection.execute(update(version).where(version.c.asset_id == old).values(asset_id=new))
    return int(after["version"]) + int(shift)


def _observations(connection: Connection, old: AssetId, new: AssetId) -> None:
    taken = select(observation.c.crawl).where(observation.c.asset_id == new)
    mine = observation.c.asset_id == old
    connection.execute(update(observation).where(mine, observation.c.crawl.not_in(taken)).values(asset_id=new))
    connection.execute(delete(observation).where(mine))


def _successors(connection: Connection, old: AssetId, new: AssetId) -> list[AssetId]:
    """Where people named the old one as what to use instead, they meant the table."""
    naming = (curation.c.successor == old) & (curation.c.column_id == "")
    ids = [AssetId(found) for found in connection.execute(select(curation.c.asset_id).where(naming)).scalars()]
    connection.execute(update(curation).where(naming).values(successor=new))
    return [id_ for id_ in ids if id_ not in (old, new)]


def now(connection: Connection, old: AssetId, scope: AccessScope) -> AssetId | None:
    """Where an id leads; None where it leads nowhere, or the caller may not know that there ever was such a table."""
    if connection.execute(_GIVEN_UP, {"old": old}).first() is None:
        return None  # as nearly always; the scope, which takes longer to write as SQL, then matters to nobody
    found: AssetId | None = None
    at = old
    for _ in range(_LONGEST_CHAIN):
        query = select(renamed.c.new_id).where(renamed.c.old_id == at, visible(scope, renamed.c.scope_path))
        step = connection.execute(query).scalar_one_or_none()
        if step is None:
            break
        found = at = AssetId(step)
    if found is None:
        return None
    seen = select(asset.c.id).where(asset.c.id == found, asset.c.gone_at.is_(None), visible(scope))
    return found if connection.execute(seen).first() is not None else None


def old_name(connection: Connection, old: AssetId) -> str:
    """What the table was called whose id leads elsewhere now."""
    return str(connection.execute(select(renamed.c.qualified).where(renamed.c.old_id == old)).scalar_one())


def led_on(connection: Connection, ids: list[AssetId]) -> dict[AssetId, AssetId]:
    """Those of `ids` that were given up for another, with that one; for the services, whatever anyone may see."""
    if not ids:
        return {}
    query = select(renamed.c.old_id, renamed.c.new_id).where(renamed.c.old_id.in_(ids))
    return {AssetId(row.old_id): AssetId(row.new_id) for row in connection.execute(query)}


def _name(row: RowMapping) -> DatasetName:
    return DatasetName(Namespace(row["namespace"]), tuple(row["parts"]))
