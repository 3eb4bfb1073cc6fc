"""What people run: a line of a query log on its way in, and what a statement does to tables and columns on its way out.

Journey 3, both ends of the port `StatementFacts`. A literal of a statement is in `LogLine.sql` and nowhere else; no value
but that one ever holds a text of SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NewType

from services.common.model.names import AssetId, DatasetName

FactSeq = NewType("FactSeq", int)
"""A fact's number, from 1. A reader that has seen n never sees a smaller one appear later."""
NO_FACTS = FactSeq(0)
"""Before the first fact."""

SELECT, FILTER, JOIN, GROUP, SORT, WRITE = "select", "filter", "join", "group", "sort", "write"
"""How a statement uses a column: as data, or to decide about rows."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a query log: a statement that somebody ran. The fields are those of the design's JSON Lines.

    Attributes:
        sql: the text, literals included: it is read, hashed and forgotten.
        user: who ran it, already as it may be kept: a stand-in, or a name where the settings say so.
        at: when, with an offset; None where the log does not say.
        dialect: sqlglot's name or another usual one; None means that of the source.
        database, schema: what completes short names in it.
        tables, target: what it reads and writes, where the log says so itself; they decide then.
        source: the source whose tables it names, where the log says so.
        number: where the line stands in its file, from 1; 0 where that means nothing.
        nth: how many lines like it (same time, user and text) stood in its file before it.
        count: how often it ran.
        is_total: whether `count` counts from some beginning on, as engines' own statistics do, and not since the last look.

    """

    sql: str = field(repr=False)
    user: str | None = None
    at: dt.datetime | None = None
    dialect: str | None = None
    database: str | None = None
    schema: str | None = None
    duration_ms: float | None = None
    tables: tuple[str, ...] | None = None
    target: str | None = None
    source: str | None = None
    number: int = 0
    nth: int = 0
    count: int = 1
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class JoinFact:
    """Two columns that a statement compares to put rows together. `left` is not greater than `right`.

    Attributes:
        kind: inner, left, right, full, semi, anti or asof; `left` and `right` as the two ends stand here.

    """

    left: AssetId
    left_column: str
    right: AssetId
    right_column: str
    kind: str


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column that a statement uses. `how` is select, filter, join, group, sort or write."""

    asset: AssetId
    column: str
    how: str


@dataclass(frozen=True, slots=True)
class StatementFact:
    """Somebody ran a statement, once or several times within an hour.

    Attributes:
        fingerprint: equal for statements that differ in nothing but literals, comments, spaces and the case of keywords,
            and that mean the same tables.
        at: when, the last time; None where the log does not say.
        user: a stand-in, or a name where the settings say so; None where nobody says who, or users are not kept.
        count: how often. 0 is news of the statement alone: its tables are known better now, and what this fact says of
            `reads`, `writes`, `joins` and `uses` holds for every earlier fact of this fingerprint.
        names: of everything in `reads` and `writes`.
        weight: of the user, 0 to 1: below 1 for one that behaves as a program does.

    """

    seq: FactSeq
    fingerprint: str
    at: dt.datetime | None
    user: str | None
    reads: tuple[AssetId, ...]
    writes: tuple[AssetId, ...]
    joins: tuple[JoinFact, ...]
    uses: tuple[ColumnUse, ...]
    count: int
    source: str
    names: Mapping[AssetId, DatasetName]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class FactPage:
    """Some facts in order of `seq`.

    Attributes:
        upto: everything up to this number is covered by the page.
        head: the newest number when the page was read.

    """

    facts: tuple[StatementFact, ...]
    upto: FactSeq
    head: FactSeq


@dataclass(frozen=True, slots=True)
class Unread:
    """A statement that could not be read, or not to the end: what is kept of it.

    Attributes:
        fingerprint: of the text without literals; empty where it could not even be told apart into words.
        number: the first line of the batch that holds it, as in `LogLine.number`.
        reason: a kind of problem and a place in the text; never any of the text.
        lines: how many lines of the batch hold it.

    """

    fingerprint: str
    number: int
    reason: str
    lines: int


MOST_NAMED = 100
"""Things of one kind that a report names; more are only counted."""


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What became of some lines.

    Attributes:
        lines: how many there were.
        counted: executions that were new, `LogLine.count` each.
        repeated: lines that had been counted before.
        read: distinct statements that were parsed now, because no line before had them.
        unread: statements that could not be read, or only in part; at most `MOST_NAMED`.
        unread_lines: how many lines hold such statements.
        unlisted: datasets that the statements parsed now read or write and no crawl has shown; at most `MOST_NAMED`.

    """

    lines: int = 0
    counted: int = 0
    repeated: int = 0
    read: int = 0
    unread: tuple[Unread, ...] = ()
    unread_lines: int = 0
    unlisted: tuple[DatasetName, ...] = ()

    def plus(self, other: IntakeReport) -> IntakeReport:
        """The report of both batches, this one first."""
        unread = {one.fingerprint: one for one in self.unread}
        for one in other.unread:
            before = unread.get(one.fingerprint)
            if before is not None:
                unread[one.fingerprint] = replace(before, lines=before.lines + one.lines)
            elif len(unread) < MOST_NAMED:
                unread[one.fingerprint] = one
        return IntakeReport(
            self.lines + other.lines,
            self.counted + other.counted,
            self.repeated + other.repeated,
            self.read + other.read,
            tuple(unread.values()),
            self.unread_lines + other.unread_lines,
            tuple({name.id: name for name in (*self.unlisted, *other.unlisted)}.values())[:MOST_NAMED],
        )


@dataclass(frozen=True, slots=True)
class LogWindow:
    """The time that a source's log covers, as far as it was read: what is not in it was not seen, not unused.

    Attributes:
        first_at, last_at: of the statements; None where no line had a time.
        arrived_at: when a line of it came last.

    """

    source: str
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    arrived_at: dt.datetime
    executions: int
