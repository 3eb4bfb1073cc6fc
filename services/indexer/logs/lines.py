"""The design's own format: JSON Lines with `sql`, `user`, `at`, `dialect`, …, and CSV with the same headings.

Journey 3, step "log → lines". docs/concepts/query-logs.md has the fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, number_of, text_of, time_of


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    sql = text_of(row, "sql")
    if sql is None:
        yield Skipped(number, Why.NO_TEXT)
        return
    yield LogLine(
        sql,
        user=text_of(row, "user"),
        at=time_of(row.get("at"), zone),
        dialect=text_of(row, "dialect"),
        database=text_of(row, "database"),
        schema=text_of(row, "schema"),
        duration_ms=number_of(row, "duration_ms"),
        tables=_names(row.get("tables")),
        target=text_of(row, "target"),
        source=text_of(row, "source"),
        number=number,
    )


def _names(value: object) -> tuple[str, ...] | None:
    """The list; in CSV it is written as JSON, or as names with semicolons between them."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value) if value.lstrip().startswith("[") else value.split(";")
        except ValueError:
            return None
    if not isinstance(value, list):
        return None
    return tuple(name.strip() for name in value if isinstance(name, str) and name.strip())


FORMAT = RowFormat("query lines", frozenset({"sql"}), _read)
