"""Snowflake's history: rows of ACCOUNT_USAGE.QUERY_HISTORY, as CSV or JSON Lines.

https://docs.snowflake.com/en/sql-reference/account-usage/query_history (columns and types); texts end after 100,000
characters, and those of failed statements may be `<redacted>` (ENABLE_UNREDACTED_QUERY_SYNTAX_ERROR on that page's links).
Journey 3, step "log → lines".
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, number_of, text_of, time_of


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    sql = text_of(row, "query_text")
    if (text_of(row, "execution_status") or "success").lower() != "success":
        yield Skipped(number, Why.FAILED)
    elif sql is None or sql.strip() == "<redacted>":
        yield Skipped(number, Why.REDACTED if sql else Why.NO_TEXT)
    else:
        yield LogLine(
            sql,
            user=text_of(row, "user_name"),
            at=time_of(row.get("start_time"), zone),
            dialect="snowflake",
            database=text_of(row, "database_name"),
            schema=text_of(row, "schema_name"),
            duration_ms=number_of(row, "total_elapsed_time"),
            number=number,
        )


FORMAT = RowFormat("Snowflake QUERY_HISTORY", frozenset({"query_text", "execution_status", "user_name"}), _read)
