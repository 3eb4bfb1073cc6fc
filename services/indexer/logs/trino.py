"""Trino's query-completed events, one JSON object a line, as its HTTP event listener sends them.

https://trino.io/docs/current/admin/event-listeners-http.html and the fields of QueryCompletedEvent in its SPI,
https://javadoc.io/doc/io.trino/trino-spi/latest/io/trino/spi/eventlistener/QueryCompletedEvent.html.
Journey 3, step "log → lines".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, text_of, time_of


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    about, context = _part(row, "metadata"), _part(row, "context")
    sql = text_of(about, "query")
    if (text_of(about, "querystate") or "FINISHED").upper() != "FINISHED":
        yield Skipped(number, Why.FAILED)
    elif sql is None:
        yield Skipped(number, Why.NO_TEXT)
    else:
        begun, ended = (time_of(row.get(key), zone) for key in ("createtime", "endtime"))
        yield LogLine(
            sql,
            user=text_of(context, "user"),
            at=begun,
            dialect="trino",
            database=text_of(context, "catalog"),
            schema=text_of(context, "schema"),
            duration_ms=(ended - begun).total_seconds() * 1000 if begun and ended else None,
            number=number,
        )


def _part(row: Row, key: str) -> Row:
    value = row.get(key)
    return {str(name).lower(): one for name, one in value.items()} if isinstance(value, Mapping) else {}


FORMAT = RowFormat("Trino query-completed events", frozenset({"metadata", "context"}), _read)
