"""Column types that mean the same on SQLite and PostgreSQL: times in UTC, JSON, and text ordered by code point.

Used by `tables` alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A time with an offset; stored in UTC and always read back in UTC, to the microsecond.

    Raises:
        ValueError: a time without an offset was given: what it means is for the source to say.

    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - the interface
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no offset")
        return value.astimezone(dt.UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """As the dialect writes times. A batch gives one time to thousands of rows: it is written once."""
        written = super().bind_processor(dialect)
        assert written is not None, "`process_bind_param` is one"
        last: tuple[object, Any] = (None, None)

        def process(value: dt.datetime | None) -> Any:
            nonlocal last
            known = last  # another thread may put its own there
            if value is not known[0]:
                last = known = (value, written(value))
            return known[1]

        return process

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - the interface
        if value is None:
            return None
        # SQLite keeps the text without an offset, PostgreSQL answers in the session's time zone
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class JsonText(str):
    """A JSON value as its text already, such as one that was made for a fingerprint: `Json` stores it as it stands."""

    __slots__ = ()


class Json(TypeDecorator[Any]):
    """Arrays and objects; None is SQL's NULL. `JSON`, not `JSONB`, on PostgreSQL: it is read whole and never searched."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """As the dialect writes JSON; a `JsonText` is not written a second time."""
        written = super().bind_processor(dialect)
        assert written is not None, "every dialect writes JSON"
        return lambda value: str(value) if type(value) is JsonText else written(value)


Key = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is ordered or compared by prefix: by code point on both databases, whatever locale PostgreSQL was made with."""
BigKey = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit primary key; SQLite's `INTEGER` is its row id and needs no second tree."""


def utc_now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)
