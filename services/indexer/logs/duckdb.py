"""DuckDB's log: rows of `duckdb_logs`, as `CALL enable_logging('QueryLog', …)` writes them into a file or they are exported.

https://duckdb.org/docs/stable/operations_manual/logging/overview (columns). Other types of entries are left out.
Journey 3, step "log → lines".
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, text_of, time_of


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    sql = text_of(row, "message")
    if text_of(row, "type") != "QueryLog":
        return
    if sql is None:
        yield Skipped(number, Why.NO_TEXT)
        return
    yield LogLine(sql, at=time_of(row.get("timestamp"), zone), dialect="duckdb", number=number)


FORMAT = RowFormat("DuckDB log", frozenset({"timestamp", "type", "log_level", "message"}), _read)
