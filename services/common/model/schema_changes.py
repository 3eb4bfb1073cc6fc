"""Changes of tables that somebody is about to make, as they cross between lineage, which reads them in SQL, and the catalog.

Beside journey 3: a check before the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What is done to a table or to a column of it; `REPLACE`: a view or table is made anew with other columns; `ADD`: a column comes."""

    DROP = "drop"
    RENAME = "rename"
    RETYPE = "retype"
    REPLACE = "replace"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One change.

    Attributes:
        table: the name as written, parts joined by dots, quoted where they must be; or an id.
        column: None where the whole table is meant.
        to: the new name, or the type that the column gets; None where it is not known, or there is none.
        columns: what a replaced table has afterwards, in order; None where that is not known (`SELECT *`).
        types: of those columns, as written, where they are said; None for a column, or for all, where they are not.

    """

    kind: ChangeKind
    table: str
    column: str | None = None
    to: str | None = None
    columns: tuple[str, ...] | None = None
    types: tuple[str | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class PlannedChanges:
    """What a script of DDL would change, in its order.

    Attributes:
        statements: how many statements it has.
        problems: why some of them could not be read, by their number from 1; never with their text.
        own: tables that the script makes besides those in its changes (`IF NOT EXISTS`, `SELECT … INTO`), and those that it says
            may not be there (`IF EXISTS`), named as in its changes.

    """

    changes: tuple[SchemaChange, ...]
    statements: int
    problems: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
