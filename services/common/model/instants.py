"""Instants as people and other programs write them: ISO 8601, read into UTC, within the years that every store can hold.

Journey 3, at the edge: routes and commands that ask for the lineage at a time.
"""

from __future__ import annotations

import datetime as dt
import re

EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(9998, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
"""A day can be added to it, and any offset, without leaving what `datetime` holds."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ].+)?")
_LOST_PLUS = re.compile(r"(.*T.*) (\d\d:?\d\d)", re.IGNORECASE)
"""An instant whose `+` a query string has turned into a blank."""


def instant(value: object, *, offset: bool = True) -> dt.datetime:
    """The instant that a text writes, in UTC; a day stands for its beginning in UTC.

    Args:
        value: what was written.
        offset: whether an instant without an offset is refused; else it is one of UTC.

    Raises:
        ValueError: it is none, lacks its offset, or is before 1970 or after 9998. The message says what to write.

    """
    text = str(value).strip()
    at = _read(text)
    if at is None:
        raise ValueError("this is no ISO 8601 date; write one such as 2031-05-01 or 2031-05-01T12:00:00Z")
    if at.tzinfo is None:
        if offset and len(text) > len("2031-05-01"):
            raise ValueError("write the offset, such as 2031-05-01T12:00:00Z")
        at = at.replace(tzinfo=dt.UTC)
    try:
        found = at.astimezone(dt.UTC)
    except OverflowError:
        found = None
    if found is None or not EARLIEST <= found <= LATEST:
        raise ValueError(f"write an instant from {EARLIEST.year} to {LATEST.year}")
    return found


def _read(text: str) -> dt.datetime | None:
    lost = _LOST_PLUS.fullmatch(text)
    whole = f"{lost[1]}+{lost[2]}" if lost else text
    try:
        # a bare number is read by others as seconds, or as a year
        return dt.datetime.fromisoformat(whole.upper()) if _ISO.fullmatch(whole) else None
    except ValueError:
        return None
