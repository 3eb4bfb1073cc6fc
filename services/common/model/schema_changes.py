"""Changes of tables that somebody is about to make, as they cross between lineage, which reads them in SQL, and the catalog.

Beside journey 3: a check before the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.common.model.access import AccessScope
from services.common.model.names import AssetId, DatasetName


class ChangeKind(StrEnum):
    """What is done to a table or to a column of it; `REPLACE`: a view or table is made anew with other columns; `ADD`: a column comes."""

    DROP = "drop"
    RENAME = "rename"
    RETYPE = "retype"
    REPLACE = "replace"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The SQL that a table or view is made by: a query, or the statement around it; and the name of its dialect."""

    sql: str
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One change.

    Attributes:
        table: the name as written, parts joined by dots, quoted where they must be; or an id.
        column: None where the whole table is meant.
        to: the new name, or the type that the column gets; None where it is not known, or there is none.
        columns: what a replaced table has afterwards, in order; None where that is not known (`SELECT *`).
        types: of those columns, as written, where they are said; None for a column, or for all, where they are not.
        made_by: what a replaced table is made by afterwards; None where nothing says so.
        was_made_by: what it is made by now, where whoever plans the change knows; None: what the catalog has.

    """

    kind: ChangeKind
    table: str
    column: str | None = None
    to: str | None = None
    columns: tuple[str, ...] | None = None
    types: tuple[str | None, ...] | None = None
    made_by: MadeBy | None = None
    was_made_by: MadeBy | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a statement reads, fills or points at, so that it fails where that is not there.

    Attributes:
        statement: its number, from 1.
        after: how many of the script's changes come before.
        tables: named as in changes: one; or several, where a column may be of any of them.
        column: what one of the tables must have; None where the table itself is meant.
        makes: the tables that the statement makes from a query.

    """

    statement: int
    after: int
    tables: tuple[str, ...]
    column: str | None = None
    makes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedChanges:
    """What a script of DDL would change, in its order.

    Attributes:
        statements: how many statements it has.
        problems: why some of them could not be read, by their number from 1; never with their text.
        own: tables that the script makes besides those in its changes (`IF NOT EXISTS`, `SELECT … INTO`), and those that it says
            may not be there (`IF EXISTS`), named as in its changes.
        needs: what its statements need to be there, in order.

    """

    changes: tuple[SchemaChange, ...]
    statements: int
    problems: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class RedefinitionRequest:
    """What of `name` means something else when it is made by `after` in place of `before`, as far as `scope` shows tables.

    Whoever asks may read both texts.

    Attributes:
        columns: those that are there before and after; None where that is not known.
        brought: columns of other tables, in lower case, that come before it is made anew.

    """

    name: DatasetName
    before: MadeBy
    after: MadeBy
    scope: AccessScope
    columns: tuple[str, ...] | None = None
    brought: tuple[tuple[AssetId, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """A column that is read, and how: the kinds of edges between columns. `column` is `*` where only the table is known."""

    table: DatasetName
    column: str
    kind: str


@dataclass(frozen=True, slots=True)
class ColumnMeaning:
    """A column that is made otherwise: what it was read from and is no more, and what it is read from now and was not.

    Both empty: of the same columns, by another expression.
    """

    column: str
    was: tuple[Origin, ...] = ()
    now: tuple[Origin, ...] = ()


class Sameness(StrEnum):
    """Whether two definitions make the same."""

    SAME = "same"
    CHANGED = "changed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Redefinition:
    """What of a table means something else. Layout, comments, aliases and the order of conditions mean nothing.

    Attributes:
        columns: those made otherwise, in order of name.
        rows: whether other rows are in it: a filter, a join, a grouping or a limit is another one.
        rows_was, rows_now: what decided about rows and does no more, and what decides now and did not; both may be empty where
            the same columns decide by other conditions.
        problem: why it is not known, or not known whether there is more, as a sentence's end; None where all is known.
        outputs: the columns that the table has afterwards, in order; None where that is not known.

    """

    columns: tuple[ColumnMeaning, ...] = ()
    rows: bool = False
    rows_was: tuple[Origin, ...] = ()
    rows_now: tuple[Origin, ...] = ()
    problem: str | None = None
    outputs: tuple[str, ...] | None = None

    @property
    def state(self) -> Sameness:
        """What is known; `CHANGED` also where there may be more."""
        if self.columns or self.rows:
            return Sameness.CHANGED
        return Sameness.SAME if self.problem is None else Sameness.UNKNOWN
