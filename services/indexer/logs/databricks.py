"""Databricks' history: rows of system.query.history, as JSON Lines or CSV.

https://docs.databricks.com/aws/en/admin/system-tables/query-history (columns and types); with customer-managed keys
`statement_text` is empty. Journey 3, step "log → lines".
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, number_of, text_of, time_of


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    sql = text_of(row, "statement_text")
    if (text_of(row, "execution_status") or "FINISHED").upper() != "FINISHED":
        yield Skipped(number, Why.FAILED)
    elif sql is None:
        yield Skipped(number, Why.REDACTED)
    else:
        yield LogLine(
            sql,
            user=text_of(row, "executed_by"),
            at=time_of(row.get("start_time"), zone),
            dialect="databricks",
            duration_ms=number_of(row, "total_duration_ms"),
            number=number,
        )


FORMAT = RowFormat("Databricks system.query.history", frozenset({"statement_text", "executed_by"}), _read)
