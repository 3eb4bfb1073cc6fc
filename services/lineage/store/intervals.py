"""What a target is made from, in time: each state says what holds from an instant until the next state's. Any arrival order.

Journey 3, step "store". The instants are those of the events; that a state arrives late moves nothing but what it says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from services.common.model.names import AssetId
from services.lineage.store.lookup import dicts_with, rows_with, write_with
from services.lineage.store.tables import state

Values = Mapping[str, Any]
"""An edge's row by the names of its columns; one that is wanted has no id and no interval."""
Wanted = Mapping[Hashable, Values]
"""Edges by what they are."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A table of edges with `valid_from` and `valid_to`, and which of its rows are one level's.

    Attributes:
        level: whose states these are, in the table `state`.
        key: what an edge is, from a row; equal for the same edge at two times.
        among: which rows count.

    """

    table: Table
    level: str
    key: Callable[[Values], Hashable]
    among: ColumnElement[bool]


@dataclass(slots=True)
class _Work:
    """What has to be done, gathered for all targets."""

    deleted: set[int] = field(default_factory=set)
    ended: dict[dt.datetime | None, set[int]] = field(default_factory=dict)
    begun: dict[dt.datetime, set[int]] = field(default_factory=dict)
    opened: list[dict[str, Any]] = field(default_factory=list)


def replace(
    connection: Connection,
    ledger: Ledger,
    wanted: Mapping[AssetId, Wanted],
    at: Mapping[AssetId, dt.datetime],
    arrived: dt.datetime,
) -> bool:
    """From `at[target]` on, and until the next state that is known of a target, exactly `wanted[target]` holds.

    The same states in another order give the same rows. Of two states of one instant the one that arrives last counts.

    Returns:
        Whether any row changed.

    """
    times = _states(connection, ledger.level, wanted.keys())
    rows: dict[AssetId, list[Values]] = {target: [] for target in wanted}
    for row in dicts_with(connection, select(ledger.table).where(ledger.among), ledger.table.c.target_id, wanted.keys()):
        rows[AssetId(row["target_id"])].append(row)
    work = _Work()
    for target, edges in wanted.items():
        until = min((time for time in times[target] if time > at[target]), default=None)
        _replace_one(work, ledger, rows[target], edges, at[target], until, arrived)
    new = [
        {"target_id": target, "level": ledger.level, "at": at[target]}
        for target in wanted
        if at[target] not in times[target]
    ]
    if new:
        connection.execute(insert(state), new)
    return _apply(connection, ledger.table, work)


def newest(connection: Connection, level: str, targets: Mapping[AssetId, Any] | set[AssetId]) -> dict[AssetId, dt.datetime]:
    """When the last state of each target began; targets without one are left out."""
    found = _states(connection, level, targets)
    return {target: max(times) for target, times in found.items() if times}


def _states(connection: Connection, level: str, targets: Any) -> dict[AssetId, set[dt.datetime]]:
    found: dict[AssetId, set[dt.datetime]] = {target: set() for target in targets}
    for row in rows_with(connection, select(state).where(state.c.level == level), state.c.target_id, found.keys()):
        found[AssetId(row.target_id)].add(row.at)
    return found


def _replace_one(
    work: _Work,
    ledger: Ledger,
    rows: list[Values],
    wanted: Wanted,
    at: dt.datetime,
    until: dt.datetime | None,
    arrived: dt.datetime,
) -> None:
    kept: set[Hashable] = set()
    before: dict[Hashable, Values] = {}
    after: dict[Hashable, Values] = {}
    for row in rows:
        key = ledger.key(row)
        if row["valid_from"] <= at and (row["valid_to"] is None or row["valid_to"] > at):
            if key in wanted and key not in kept:
                kept.add(key)
            else:
                _cut(work, row, at, until)
        elif row["valid_to"] == at:
            before[key] = row
        elif until is not None and row["valid_from"] == until:
            after[key] = row
    for key, values in wanted.items():
        if key not in kept:
            _open(
                work, before.get(key), after.get(key), {**values, "valid_from": at, "valid_to": until, "arrived_at": arrived}
            )


def _cut(work: _Work, row: Values, at: dt.datetime, until: dt.datetime | None) -> None:
    """Take the time from `at` to `until` out of a row."""
    lasts = until is not None and (row["valid_to"] is None or row["valid_to"] > until)
    if row["valid_from"] < at:
        work.ended.setdefault(at, set()).add(row["id"])
        if lasts:
            work.opened.append({name: value for name, value in row.items() if name != "id"} | {"valid_from": until})
    elif lasts and until is not None:
        work.begun.setdefault(until, set()).add(row["id"])
    else:
        work.deleted.add(row["id"])


def _open(work: _Work, before: Values | None, after: Values | None, values: dict[str, Any]) -> None:
    """Add a time to an edge: to the rows that it touches, so that one that never stopped is one row."""
    if before is not None:
        end = values["valid_to"] if after is None else after["valid_to"]
        work.ended.setdefault(end, set()).add(before["id"])
        if after is not None:
            work.deleted.add(after["id"])
    elif after is not None:
        work.begun.setdefault(values["valid_from"], set()).add(after["id"])
    else:
        work.opened.append(values)


def _apply(connection: Connection, table: Table, work: _Work) -> bool:
    write_with(connection, delete(table), table.c.id, work.deleted)
    for end, ids in work.ended.items():
        write_with(connection, update(table).values(valid_to=end), table.c.id, ids)
    for begin, ids in work.begun.items():
        write_with(connection, update(table).values(valid_from=begin), table.c.id, ids)
    if work.opened:
        connection.execute(insert(table), work.opened)
    return bool(work.deleted or work.ended or work.begun or work.opened)
