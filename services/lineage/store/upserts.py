"""Statements that add rows or change those that are there already, each made once. Used by the other stores.

Making one takes ten times as long as running it: its new values are a table of their own to SQLAlchemy.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, case

from services.common.runtime.inserts import insert_into

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

Names = tuple[str, ...]


def replacing(connection: Connection, table: Table, key: Names, *, kept: Names = ()) -> sqlite.Insert | postgresql.Insert:
    """Rows in place of those with the same `key`; only what is in `kept` stays as it was there."""
    return _replacing(connection.dialect.name, table, key, kept)


def widening(
    connection: Connection, table: Table, key: Names, *, least: Names, most: Names, summed: Names
) -> sqlite.Insert | postgresql.Insert:
    """Rows beside those with the same `key`: of `least` the smaller stays, of `most` the greater, `summed` add up."""
    return _widening(connection.dialect.name, table, key, least, most, summed)


def adding(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Rows that are not there yet; those that are stay as they are."""
    return _adding(connection.dialect.name, table)


@cache
def _replacing(dialect: str, table: Table, key: Names, kept: Names) -> sqlite.Insert | postgresql.Insert:
    statement = insert_into(dialect, table)
    new = {name: column for name, column in statement.excluded.items() if name not in (*key, *kept)}
    return statement.on_conflict_do_update(index_elements=list(key), set_=new)


@cache
def _widening(
    dialect: str, table: Table, key: Names, least: Names, most: Names, summed: Names
) -> sqlite.Insert | postgresql.Insert:
    statement = insert_into(dialect, table)
    new, old = statement.excluded, table.c
    return statement.on_conflict_do_update(
        index_elements=list(key),
        set_={
            **{name: case((new[name] < old[name], new[name]), else_=old[name]) for name in least},
            **{name: case((new[name] > old[name], new[name]), else_=old[name]) for name in most},
            **{name: old[name] + new[name] for name in summed},
        },
    )


@cache
def _adding(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return insert_into(dialect, table).on_conflict_do_nothing()
