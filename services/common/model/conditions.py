"""Conditions of a question as a tree: what `query_parse` makes of `owner:me tag:pii`, and what the index evaluates.

Journey 2: the tree crosses the `Search` port inside `SearchQuery`; it is data, nothing in it is ever executed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias


class Subject(StrEnum):
    """What a typed filter asks about; the words before its colon."""

    NAME = "name"
    COLUMN = "column"
    KIND = "kind"
    PLATFORM = "platform"
    SOURCE = "source"
    DATABASE = "database"
    SCHEMA = "schema"
    TAG = "tag"
    OWNER = "owner"
    STATUS = "status"
    QUALITY = "quality"


@dataclass(frozen=True, slots=True)
class Having:
    """The asset has one of some values: compared without case; `*` in a value stands for any text.

    Attributes:
        subject: what is compared. `name` is a table's name or the end of its qualified name, for a column its own name;
            `column` is the name of a column that is not restricted, for a column its own name.
        values: any of them is enough.

    """

    subject: Subject
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """The source says when the table was last changed, and that day (UTC) is in a span; no word of it is never in one.

    Attributes:
        since, until: first day in and first day out; None where the span is open.
        within_days: no more than so many days ago; None where it does not matter.
        before_days: at least so many days ago; None where it does not matter.

    """

    since: dt.date | None
    until: dt.date | None
    within_days: int | None
    before_days: int | None


@dataclass(frozen=True, slots=True)
class Saying:
    """The asset's words hold a text: all of its words, or, for a phrase, these words one after the other."""

    text: str
    phrase: bool


@dataclass(frozen=True, slots=True)
class Not:
    """What the condition inside does not hold for."""

    inner: Condition


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of some conditions, at least two."""

    all_of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of some conditions, at least two."""

    any_of: tuple[Condition, ...]


Condition: TypeAlias = Having | Updated | Saying | Not | AllOf | AnyOf
"""A node of the tree; at most `query_parse.MAX_DEPTH` deep."""


def leaves(condition: Condition, *, negated: bool = False) -> Iterator[tuple[Having | Updated | Saying, bool]]:
    """The conditions at the ends of a tree, left to right, and whether an odd number of NOTs stands above each."""
    if isinstance(condition, Not):
        yield from leaves(condition.inner, negated=not negated)
    elif isinstance(condition, AllOf):
        for one in condition.all_of:
            yield from leaves(one, negated=negated)
    elif isinstance(condition, AnyOf):
        for one in condition.any_of:
            yield from leaves(one, negated=negated)
    else:
        yield condition, negated


@lru_cache(maxsize=256)
def fitting(values: tuple[str, ...]) -> Callable[[str], bool]:
    """Tells whether a text in lower case is one of some values, in which `*` stands for any text."""
    exact = frozenset(value.lower() for value in values if "*" not in value)
    wild = [_wild(value.lower()) for value in values if "*" in value]

    def fits(text: str) -> bool:
        return text in exact or any(pattern.fullmatch(text) for pattern in wild)

    return fits


def _wild(value: str) -> re.Pattern[str]:
    # the earliest place for each piece leaves most room for the rest, so that no place is ever tried again
    first, *others = (re.escape(piece) for piece in re.sub(r"\*+", "*", value).split("*"))
    body = first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + "".join(f".*{piece}" for piece in others[-1:])
    return re.compile(body, re.DOTALL)


def told(condition: Condition) -> str:
    """A tree as text in the syntax it came from, with parentheses where they matter: how a question was understood."""
    match condition:
        case Having(subject, values):
            return f"{subject.value}:{','.join(map(_value, values))}"
        case Updated():
            return _told_updated(condition)
        case Saying(text, phrase):
            return f'"{text}"' if phrase else text
        case Not(inner):
            return f"NOT {_inside(inner)}"
        case AllOf(of):
            return " AND ".join(map(_inside, of))
        case AnyOf(of):
            return " OR ".join(map(_inside, of))


def _inside(condition: Condition) -> str:
    return f"({told(condition)})" if isinstance(condition, AllOf | AnyOf) else told(condition)


def _value(value: str) -> str:
    return f'"{value}"' if any(char.isspace() or char in ',()"' for char in value) else value


def _told_updated(condition: Updated) -> str:
    if condition.within_days is not None:
        return f"updated:<={condition.within_days}d"
    if condition.before_days is not None:
        return f"updated:>={condition.before_days}d"
    if condition.since is not None and condition.until is not None:
        return f"updated:{condition.since}..{condition.until - dt.timedelta(days=1)}"
    return f"updated:>={condition.since}" if condition.since is not None else f"updated:<{condition.until}"
