"""What happened to a table's schema: the states that crawls found new, their differences, and what breaks for readers.

Beside journey 1, reading: pure values. The store gives the states, the API and `headwater history` show them.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from services.catalog.widening import Retyping, retyping
from services.common.model.assets import Column

T = TypeVar("T")
_Key = tuple[str, int]


class Event(StrEnum):
    """Why a state was recorded."""

    CREATED = "created"
    CHANGED = "changed"
    DROPPED = "dropped"
    RETURNED = "returned"
    RENAMED = "renamed"


class Breaking(StrEnum):
    """What a change does to those who read the table as it was; the later in this list, the worse."""

    NONE = "none"  # another spelling of the same
    COMPATIBLE = "compatible"  # whoever names what it reads goes on as before
    RISKY = "risky"  # goes on, but nulls, wider values or another order may surprise a reader or refuse a writer
    BREAKING = "breaking"  # a query fails, or values mean something else

    @property
    def rank(self) -> int:
        """Its place in the list."""
        return list(Breaking).index(self)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A state of a table's schema that a crawl found new.

    Attributes:
        number: counts up within the table.
        at: when the crawl stored it.
        name: the qualified name that the table had.
        columns: as the source showed them; of a dropped table as they were before.
        description: the source's comment on the table.
        previous_name: what it was called before, where `event` is `renamed`.

    """

    number: int
    at: dt.datetime
    event: Event
    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    description: str | None
    crawl: str
    previous_name: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is new, and where it stands among the columns afterwards, from 0."""

    column: Column
    position: int
    breaking: Breaking = Breaking.COMPATIBLE


@dataclass(frozen=True, slots=True)
class Removed:
    """A column that is gone, and where it stood among the columns before, from 0."""

    column: Column
    position: int
    breaking: Breaking = Breaking.BREAKING


@dataclass(frozen=True, slots=True)
class Turned(Generic[T]):
    """One fact of a column, or of the table (`name` is then empty), before and after."""

    name: str
    before: T
    after: T
    breaking: Breaking


@dataclass(frozen=True, slots=True)
class Difference:
    """From one recorded state to the next; empty tuples and None where nothing changed.

    A column that has a name more than once, which some views have, is compared by its turn among those of the name.

    Attributes:
        added, removed: all that are new and gone by name, those in `renamed` too.
        retyped: types as the source spells them, whether they are another type or not: `breaking` says so.
        renamed: old and new name of a column that is likely the same. No engine tells, so it is a guess beside the facts.
        reordered: columns that changed places among those that stayed: the fewest whose moving explains the new order.
        commented: comments of columns, in the new order.
        described: the table's own comment.
        keyed: the primary key.
        breaking: the worst of all items, and of the table's drop or renaming.

    """

    added: tuple[Placed, ...] = ()
    removed: tuple[Removed, ...] = ()
    retyped: tuple[Turned[str | None], ...] = ()
    nullability: tuple[Turned[bool | None], ...] = ()
    renamed: tuple[Turned[str], ...] = ()
    reordered: tuple[Turned[int], ...] = ()
    commented: tuple[Turned[str | None], ...] = ()
    described: Turned[str | None] | None = None
    keyed: Turned[tuple[str, ...]] | None = None
    table_renamed: Turned[str] | None = None
    breaking: Breaking = Breaking.NONE


_RETYPED = {Retyping.SAME: Breaking.NONE, Retyping.WIDER: Breaking.RISKY, Retyping.LOSSY: Breaking.BREAKING}


def difference(before: Recorded | None, after: Recorded) -> Difference:
    """What happened between two states that follow each other; `before` is None where `after` is the first.

    A table that was not there, or was dropped, begins with all its columns added; a drop removes all that it had.
    How a table that returned differs from what it was is `since_drop`.
    """
    if after.event is Event.DROPPED:
        gone = tuple(Removed(column, at) for at, column in enumerate(after.columns))
        return Difference(removed=gone, breaking=Breaking.BREAKING)
    if before is None or before.event is Event.DROPPED:
        new = tuple(Placed(column, at) for at, column in enumerate(after.columns))
        again = since_drop(before, after)
        return Difference(added=new, breaking=worst([Breaking.COMPATIBLE, *([again.breaking] if again else [])]))
    return _compared(before, after)


def since_drop(before: Recorded | None, after: Recorded) -> Difference | None:
    """How a table that was dropped and is there again differs from what it was; None where it was not dropped before."""
    if before is None or before.event is not Event.DROPPED or after.event is Event.DROPPED:
        return None
    return _compared(before, after)


def worst(classes: Iterable[Breaking]) -> Breaking:
    """The worst of some classes, `none` of none."""
    return max(classes, key=lambda breaking: breaking.rank, default=Breaking.NONE)


def _compared(before: Recorded, after: Recorded) -> Difference:
    old, new = _keyed(before.columns), _keyed(after.columns)
    both = [key for key in new if key in old]
    added = tuple(Placed(column, at, _of_added(column)) for key, (at, column) in new.items() if key not in old)
    removed = tuple(Removed(column, at) for key, (at, column) in old.items() if key not in new)
    pairs = [(old[key][1], new[key][1]) for key in both]
    retyped = tuple(_retyped(was, now) for was, now in pairs if was.type != now.type)
    nullability = tuple(
        Turned(now.name, was.nullable, now.nullable, _of_nullability(was.nullable, now.nullable))
        for was, now in pairs
        if was.nullable != now.nullable
    )
    commented = tuple(
        Turned(now.name, was.description, now.description, Breaking.COMPATIBLE)
        for was, now in pairs
        if was.description != now.description
    )
    renamed = _likely_renamed(list(old), list(new), old, new)
    reordered = _moved(both, old, new)
    described = keyed = table_renamed = None
    if before.description != after.description:
        described = Turned("", before.description, after.description, Breaking.COMPATIBLE)
    if before.primary_key != after.primary_key:
        keyed = Turned("", before.primary_key, after.primary_key, Breaking.RISKY)
    if after.event is Event.RENAMED:
        table_renamed = Turned("", after.previous_name or before.name, after.name, Breaking.BREAKING)
    whole = [item for item in (described, keyed, table_renamed) if item is not None]
    items = [*added, *removed, *retyped, *nullability, *commented, *renamed, *reordered, *whole]
    return Difference(
        added=added,
        removed=removed,
        retyped=retyped,
        nullability=nullability,
        renamed=renamed,
        reordered=reordered,
        commented=commented,
        described=described,
        keyed=keyed,
        table_renamed=table_renamed,
        breaking=worst(item.breaking for item in items),
    )


def _keyed(columns: Sequence[Column]) -> dict[_Key, tuple[int, Column]]:
    """Columns with their places, by name and by which of that name it is."""
    turns: Counter[str] = Counter()
    found: dict[_Key, tuple[int, Column]] = {}
    for at, column in enumerate(columns):
        found[column.name, turns[column.name]] = (at, column)
        turns[column.name] += 1
    return found


def _of_added(column: Column) -> Breaking:
    """Readers do not mind. A row cannot be written without a value for a column that must have one and has no default."""
    return Breaking.RISKY if column.nullable is False and column.default is None else Breaking.COMPATIBLE


def _of_nullability(was: bool | None, now: bool | None) -> Breaking:  # noqa: FBT001 - as the column has it
    """Nulls that may come surprise readers, nulls that may not refuse writers; that a source begins to say so does neither."""
    return Breaking.COMPATIBLE if was is None or now is None else Breaking.RISKY


def _retyped(was: Column, now: Column) -> Turned[str | None]:
    return Turned(now.name, was.type, now.type, _RETYPED[retyping(was.type, now.type)])


def _moved(
    both: Sequence[_Key], old: dict[_Key, tuple[int, Column]], new: dict[_Key, tuple[int, Column]]
) -> tuple[Turned[int], ...]:
    """What moved among the columns that stayed: all but a longest run of them that kept its order."""
    ends: list[int] = []  # places before, of the smallest last member of a run of each length
    members: list[int] = []  # which of `both` that is
    behind: list[int | None] = []
    for at, key in enumerate(both):
        place = old[key][0]
        length = bisect_left(ends, place)
        behind.append(members[length - 1] if length else None)
        ends[length : length + 1] = [place]
        members[length : length + 1] = [at]
    kept: set[int] = set()
    last = members[-1] if members else None
    while last is not None:
        kept.add(last)
        last = behind[last]
    moved = (key for at, key in enumerate(both) if at not in kept)
    return tuple(Turned(key[0], old[key][0], new[key][0], Breaking.RISKY) for key in moved)


def _likely_renamed(
    before: Sequence[_Key],
    after: Sequence[_Key],
    old: dict[_Key, tuple[int, Column]],
    new: dict[_Key, tuple[int, Column]],
) -> tuple[Turned[str], ...]:
    """The only column that is gone between two that stayed, with the only new one there, where nothing else tells them apart.

    `ALTER TABLE … RENAME COLUMN` keeps a column's place, type and comment in every engine. Places are told by the nearest
    columns that stayed, because numbers shift with every column added or removed before.
    """
    gone, come = _gaps(before, new), _gaps(after, old)
    pairs = (
        (old[gone[gap][0]][1], new[come[gap][0]][1]) for gap in gone if len(gone[gap]) == 1 and len(come.get(gap, ())) == 1
    )
    return tuple(Turned(now.name, was.name, now.name, Breaking.BREAKING) for was, now in pairs if _alike(was, now))


def _gaps(keys: Sequence[_Key], others: Iterable[_Key]) -> dict[tuple[_Key | None, _Key | None], list[_Key]]:
    """Columns that are not among `others`, by the nearest ones on both sides that are."""
    stayed = set(others)
    found: dict[tuple[_Key | None, _Key | None], list[_Key]] = {}
    run: list[_Key] = []
    last: _Key | None = None
    for key in keys:
        if key not in stayed:
            run.append(key)
            continue
        if run:
            found[last, key] = run
        run, last = [], key
    if run:
        found[last, None] = run
    return found


def _alike(was: Column, now: Column) -> bool:
    same_type = was.type is not None and now.type is not None and retyping(was.type, now.type) is Retyping.SAME
    same_words = was.description == now.description or was.description is None or now.description is None
    return same_type and same_words and _same_or_unknown(was.nullable, now.nullable)


def _same_or_unknown(was: bool | None, now: bool | None) -> bool:  # noqa: FBT001 - as the column has it
    return was == now or was is None or now is None
