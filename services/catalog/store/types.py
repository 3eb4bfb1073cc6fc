"""Column types that mean the same on SQLite and PostgreSQL: times in UTC, JSON, and text ordered by code point.

Used by `tables` alone.
"""

from __future__ import annotations

import datetime as dt

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

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - the interface
        if value is None:
            return None
        # SQLite keeps the text without an offset, PostgreSQL answers in the session's time zone
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


Json = JSON(none_as_null=True)
"""Arrays and objects; None is SQL's NULL. `JSON`, not `JSONB`, on PostgreSQL: it is read whole and never searched."""
Key = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is ordered or compared by prefix: by code point on both databases, whatever locale PostgreSQL was made with."""
BigKey = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit primary key; SQLite's `INTEGER` is its row id and needs no second tree."""


def utc_now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)
