"""ClickHouse's history: rows of system.query_log, as JSONEachRow or CSVWithNames.

https://clickhouse.com/docs/operations/system-tables/query_log (columns and types). A query is a row when it starts and
another when it ends: only the end counts. What a distributed query sends to other servers is not what somebody asked.
Journey 3, step "log → lines".
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, number_of, text_of, time_of

_FINISH = frozenset({"queryfinish", "2"})
_START = frozenset({"querystart", "1"})


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    sql = text_of(row, "query")
    kind = (text_of(row, "type") or "").lower()
    if kind in _START or text_of(row, "is_initial_query") in ("0", "False", "false"):
        yield Skipped(number, Why.TWICE)
    elif kind not in _FINISH:
        yield Skipped(number, Why.FAILED)
    elif sql is None:
        yield Skipped(number, Why.NO_TEXT)
    else:
        yield LogLine(
            sql,
            user=text_of(row, "initial_user") or text_of(row, "user"),
            at=time_of(
                row.get("query_start_time_microseconds") or row.get("query_start_time") or row.get("event_time"), zone
            ),
            dialect="clickhouse",
            database=text_of(row, "current_database"),
            duration_ms=number_of(row, "query_duration_ms"),
            number=number,
        )


FORMAT = RowFormat("ClickHouse system.query_log", frozenset({"query", "type", "query_duration_ms"}), _read)
