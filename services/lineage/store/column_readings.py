"""Which definitions are to be read for their columns, and how far those that were read could be understood.

Journey 3, step "store". What is to be read is stored with the page that asked for it, so that nothing is lost between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from services.common.model.names import AssetId
from services.lineage.sql.statement import Problem
from services.lineage.store.lookup import keyed, rows_of, rows_with, write_with
from services.lineage.store.tables import column_reading, column_todo

PARSED = "parsed"
"""It is known of every column what it is made from."""
PARTLY = "partly"
"""Of some columns it is not known, or only likely."""
UNPARSED = "unparsed"
"""Of no column; the tables may be known all the same."""
_READINGS = select(column_reading)
_READINGS_OF = keyed(_READINGS, column_reading.c.asset_id)


@dataclass(frozen=True, slots=True)
class ColumnReading:
    """How far the columns of one definition are known.

    Attributes:
        problem: why not further, as a sentence's end; None where there is nothing to say.
        columns: of the target.
        resolved: of which it is known what they are made from, constants included.
        unresolved: names of columns whose table could not be told.

    """

    state: str
    problem: str | None = None
    columns: int = 0
    resolved: int = 0
    unresolved: int = 0


@dataclass(frozen=True, slots=True)
class Todo:
    """A definition to be read: from when on what it says holds, and the number that asked for it."""

    asset: AssetId
    at: dt.datetime
    mark: int


def ask(connection: Connection, assets: Mapping[AssetId, dt.datetime], mark: int) -> None:
    """Have the definitions of `assets` read; of one that is waiting already the later word counts."""
    write_with(connection, delete(column_todo), column_todo.c.asset_id, assets.keys())
    rows = [{"asset_id": asset, "at": at, "mark": mark} for asset, at in sorted(assets.items())]
    if rows:
        connection.execute(insert(column_todo), rows)


def waiting(connection: Connection, limit: int) -> list[Todo]:
    """At most `limit` definitions that are to be read, those that were asked for first."""
    query = select(column_todo).order_by(column_todo.c.mark, column_todo.c.asset_id).limit(limit)
    return [Todo(AssetId(row.asset_id), row.at, row.mark) for row in connection.execute(query)]


def still(connection: Connection, todo: Collection[Todo]) -> list[Todo]:
    """Those of `todo` that nobody has read or asked for again since."""
    wanted = {one.asset: one for one in todo}
    rows = rows_with(connection, select(column_todo), column_todo.c.asset_id, wanted.keys())
    return [wanted[AssetId(row.asset_id)] for row in rows if row.mark == wanted[AssetId(row.asset_id)].mark]


def done(connection: Connection, readings: Mapping[AssetId, ColumnReading | None]) -> None:
    """Store readings in place of those before, and ask for them no more; None forgets one."""
    write_with(connection, delete(column_todo), column_todo.c.asset_id, readings.keys())
    write_with(connection, delete(column_reading), column_reading.c.asset_id, readings.keys())
    rows = [
        {
            "asset_id": asset,
            "state": one.state,
            "problem": one.problem,
            "columns": one.columns,
            "resolved": one.resolved,
            "unresolved": one.unresolved,
        }
        for asset, one in readings.items()
        if one is not None
    ]
    if rows:
        connection.execute(insert(column_reading), rows)


def late(connection: Connection, after: str, limit: int) -> list[AssetId]:
    """The next assets whose columns took too long to read and were not tried again, in order."""
    reading = column_reading.c
    query = select(reading.asset_id).where(reading.problem == Problem.TIMEOUT.value, reading.asset_id > after)
    return [AssetId(id_) for id_ in connection.execute(query.order_by(reading.asset_id).limit(limit)).scalars()]


def get(connection: Connection, ids: Collection[AssetId] | None = None) -> dict[AssetId, ColumnReading]:
    """The readings of those of `ids` that have one; of all without `ids`."""
    rows = connection.execute(_READINGS) if ids is None else rows_of(connection, _READINGS_OF, ids)
    return {
        AssetId(row.asset_id): ColumnReading(row.state, row.problem, row.columns, row.resolved, row.unresolved)
        for row in rows
    }
