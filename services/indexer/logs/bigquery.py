"""BigQuery's history: rows of INFORMATION_SCHEMA.JOBS, as JSON Lines or CSV.

https://cloud.google.com/bigquery/docs/information-schema-jobs (columns and types). A script is a job of type SCRIPT and one
more for each of its statements, so the script itself is left out; what came from the cache ran all the same.
Journey 3, step "log → lines".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why, text_of, time_of


def _read(row: Row, number: int, zone: ZoneInfo) -> Iterator[Entry]:
    sql = text_of(row, "query")
    if _struct(row.get("error_result")) or (text_of(row, "state") or "DONE").upper() != "DONE":
        yield Skipped(number, Why.FAILED)
        return
    if (text_of(row, "statement_type") or "").upper() == "SCRIPT":
        yield Skipped(number, Why.TWICE)
        return
    begun, ended = time_of(row.get("start_time"), zone), time_of(row.get("end_time"), zone)
    reads = _tables(row.get("referenced_tables")) if sql is None else None
    if sql is None and not reads:
        yield Skipped(number, Why.NO_TEXT)
        return
    yield LogLine(
        sql or "",
        user=text_of(row, "user_email"),
        at=begun or time_of(row.get("creation_time"), zone),
        dialect="bigquery",
        database=text_of(row, "project_id"),
        duration_ms=(ended - begun).total_seconds() * 1000 if begun and ended else None,
        tables=reads,
        target=_target(row.get("destination_table")) if sql is None else None,
        number=number,
    )


def _tables(value: object) -> tuple[str, ...] | None:
    """Used only where the text is not there: they are the tables behind views, and the text names the views."""
    value = _parsed(value)
    names = [name for one in value if (name := _name(one))] if isinstance(value, list) else []
    return tuple(names) or None


def _target(value: object) -> str | None:
    """Where a result went; the datasets of results that nobody named begin with an underscore."""
    found = _struct(value)
    name = _name(found) if found else None
    return None if name is None or str(found.get("dataset_id", "")).startswith("_") else name


def _name(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    parts = [str(value.get(key) or "") for key in ("project_id", "dataset_id", "table_id")]
    return ".".join(f"`{part}`" for part in parts) if all(parts) else None


def _struct(value: object) -> Mapping[str, object]:
    value = _parsed(value)
    return value if isinstance(value, Mapping) else {}


def _parsed(value: object) -> object:
    """What CSV has as a text of JSON."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value


FORMAT = RowFormat("BigQuery INFORMATION_SCHEMA.JOBS", frozenset({"query", "job_id", "user_email"}), _read)
