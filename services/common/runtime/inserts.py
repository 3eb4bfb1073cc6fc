"""INSERT statements that can say what to do with rows which are there already: SQLite and PostgreSQL each have their own.

Used by every store. A dialect is loaded when the first statement of it is made: a process that only answers makes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_into(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT.

    Args:
        dialect: the name of a connection's dialect, `sqlite` or `postgresql`.
        table: where rows go.

    """
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as of_postgresql  # noqa: PLC0415 - loads all of its drivers

        return of_postgresql(table)
    from sqlalchemy.dialects.sqlite import insert as of_sqlite  # noqa: PLC0415 - as above

    return of_sqlite(table)
