"""What every reader of a log gives: lines, and what of the file is none, with the reason.

Journey 3, step "log → lines". Nothing here holds more than one entry of a log.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine


class Why(StrEnum):
    """Why an entry of a log is no line; the words are for people and repeat nothing of it."""

    FAILED = "the query failed"
    REDACTED = "the log hides the text"
    NO_TEXT = "there is no text"
    NOT_READ = "it is not in the log's format"
    TOO_LONG = "it is longer than 32 MB"
    ENDS = "the file ends in the middle"
    TWICE = "it only repeats another entry"


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that is no line. `number` is where it stands in its file, from 1."""

    number: int
    why: Why


Entry = LogLine | Skipped
Row = Mapping[str, object]
"""One row of an export, headings in lower case."""


@dataclass(frozen=True, slots=True)
class RowFormat:
    """A log that comes as rows with headings: CSV or JSON Lines.

    Attributes:
        name: what it is called in reports.
        needs: the headings by which it is known; the first format in `formats` of which all are there reads the file.
        read: a row to its entries, given its number and the timezone of times without an offset.

    """

    name: str
    needs: frozenset[str]
    read: Callable[[Row, int, ZoneInfo], Iterator[Entry]]


def text_of(row: Row, key: str) -> str | None:
    """A field as text; None where it is absent or empty."""
    value = row.get(key)
    if value is None or isinstance(value, dict | list):
        return None
    text = str(value)
    return text if text and text != "\\N" else None


def number_of(row: Row, key: str) -> float | None:
    """A field as a number; None where it is none."""
    try:
        return float(str(row.get(key)))
    except ValueError:
        return None


def time_of(value: object, zone: ZoneInfo) -> dt.datetime | None:
    """A time: ISO 8601 and what vendors write instead, or seconds, ms, µs or ns since 1970. None where it is none of them."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    try:
        return _since_1970(float(text))
    except ValueError:
        pass
    text = text.removesuffix(" UTC").removesuffix(" GMT") + "+00:00" if text.endswith((" UTC", " GMT")) else text
    text = text.replace(" Z", "Z").replace(" +", "+").replace(" -", "-")
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(dt.UTC)
    except OverflowError:
        return None


def _since_1970(number: float) -> dt.datetime | None:
    for unit in (1, 1e3, 1e6, 1e9):
        if 1e8 <= number / unit < 1e10:
            return dt.datetime.fromtimestamp(number / unit, dt.UTC)
    return None
