"""A read-only copy of some rows of a service's database as one SQLite file, written once, for readers without a server.

What is left out never reaches the file, so that no free page of it can hold what a scope hides. Used when a bundle is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, create_engine, insert
from sqlalchemy.pool import NullPool

Row = dict[str, Any]
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Copied:
    """What of a table goes into a snapshot: `rows`, given the connection to read with, in the order they are written."""

    table: Table
    rows: Callable[[Connection], Iterable[Row]]


def write_snapshot(connection: Connection, file: Path, metadata: MetaData, copied: Sequence[Copied]) -> None:
    """Write a new SQLite file with all tables of `metadata`; those that `copied` does not name stay empty.

    Args:
        connection: reads the service's database; one state of it, whatever is written meanwhile.
        file: where to; must not exist.
        metadata: the service's tables.
        copied: which rows.

    Raises:
        OSError: there is such a file.

    """
    with file.open("xb"):
        pass
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool, hide_parameters=True)
    try:
        with engine.begin() as target:
            for pragma in ("journal_mode=OFF", "synchronous=OFF"):  # nobody reads it before it is whole, and then synced
                target.exec_driver_sql(f"PRAGMA {pragma}")
            metadata.create_all(target)
            for one in copied:
                for rows in _pieces(one.rows(connection)):
                    target.execute(insert(one.table), rows)
    finally:
        engine.dispose()


def _pieces(rows: Iterable[Row]) -> Iterable[list[Row]]:
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if len(held) == _AT_ONCE:
            yield held
            held = []
    if held:
        yield held
