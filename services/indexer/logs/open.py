"""A file to the reader that fits it: by what stands in it, not by what it is called. Gzip, encodings and ends are dealt with here.

Journey 3, step "log → lines", the first one.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from zoneinfo import ZoneInfo

from services.common.errors import BadRequest
from services.indexer.logs import (
    bigquery,
    clickhouse,
    databricks,
    dbt,
    duckdb,
    lines,
    mysql_general,
    mysql_slow,
    postgresql,
    redshift,
    snowflake,
    trino,
)
from services.indexer.logs.line import Entry, Row, RowFormat, Skipped, Why
from services.indexer.logs.physical import LINE_BYTES, Found, Numbered, lines_of

ROWS: tuple[RowFormat, ...] = (
    lines.FORMAT,
    snowflake.FORMAT,
    bigquery.FORMAT,
    redshift.FORMAT,
    databricks.FORMAT,
    trino.FORMAT,
    clickhouse.FORMAT,
    duckdb.FORMAT,
)
"""Formats that come as rows with headings; the first that fits is taken."""
_NEEDS = (*(form.needs for form in ROWS), redshift.PIECES)
_LOOKED_AT = 200
"""Lines at a file's start by which its format is told."""


@dataclass(slots=True)
class OpenLog:
    """A log being read.

    Attributes:
        format: what it was taken for.
        entries: its lines, and what is none.
        found: what was met on the way; complete when the entries are read.

    """

    format: str
    entries: Iterator[Entry]
    found: Found


def open_log(path: Path, zone: ZoneInfo) -> OpenLog:
    """Open a file.

    Args:
        path: it; `.gz` is unpacked.
        zone: of times without an offset.

    Raises:
        BadRequest: it cannot be opened, is no gzip file though it is called `.gz`, or nothing in it looks like a log that
            can be read.

    """
    found = Found()
    lines_found = lines_of(path, found)
    start = list(islice(lines_found, _LOOKED_AT))
    read = _reader([line for _, line in start if line.strip()], path, found)
    if read is None:
        raise BadRequest(
            f"{path} is no query log that can be read: expected JSON Lines with `sql`, CSV with that heading, "
            "or one of the formats in docs/concepts/query-logs.md"
        )
    name, entries = read(chain(start, lines_found), zone)
    return OpenLog(name, chain(entries, _end(found)), found)


def _end(found: Found) -> Iterator[Entry]:
    """Told after everything else: only then is it known."""
    if found.ends_at is not None:
        yield Skipped(found.ends_at, Why.ENDS)


_Reader = Callable[[Numbered, ZoneInfo], tuple[str, Iterator[Entry]]]


def _reader(start: Sequence[str], path: Path, met: Found) -> _Reader | None:
    """What reads a file that begins so; None where nothing does."""
    if not start:
        return lambda _found, _zone: ("an empty file" if met.ends_at is None else "a broken file", iter(()))
    if start[0].lstrip().startswith("{"):
        if _is_manifest(start):
            return lambda _found, zone: ("dbt manifest", dbt.read(path, zone))
        return lambda found, zone: _by_headings(
            ((number, _object(line)) for number, line in found if line.strip()), zone, met
        )
    csv.field_size_limit(LINE_BYTES)
    try:
        first = next(csv.reader(f"{line}\n" for line in start), [])
    except csv.Error:
        first = []
    headings = {heading.strip().lower() for heading in first}
    csvlog = len(first) >= postgresql.COLUMNS and first[11].isupper()
    known: tuple[tuple[bool, _Reader], ...] = (
        (any(map(mysql_slow.is_header, start)), lambda *log: ("MariaDB or MySQL slow log", mysql_slow.read(*log))),
        (any(map(mysql_general.is_header, start)), lambda *log: ("MariaDB or MySQL general log", mysql_general.read(*log))),
        (csvlog, lambda found, zone: ("PostgreSQL csvlog", postgresql.read_csv(_records(found), zone))),
        (any(needs <= headings for needs in _NEEDS), lambda found, zone: _by_headings(_table(found), zone, met)),
        (any(map(postgresql.is_head, start)), lambda *log: ("PostgreSQL log", postgresql.read_stderr(*log))),
    )
    return next((read for fits, read in known if fits), None)


def _is_manifest(start: Sequence[str]) -> bool:
    head = start[0][:4000]
    return '"dbt_schema_version"' in head or (head.strip() == "{" and any('"dbt_schema_version"' in line for line in start))


def _by_headings(rows: Iterator[tuple[int, Row | None]], zone: ZoneInfo, met: Found) -> tuple[str, Iterator[Entry]]:
    """The format of rows, by the first that is one."""
    head = list(islice(rows, _LOOKED_AT))
    keys = next((row.keys() for _, row in head if row is not None), frozenset[str]())
    everything = chain(head, rows)
    if set(keys) >= redshift.PIECES:
        pieces = ((number, row) for number, row in everything if row is not None)
        return "Redshift texts in pieces", redshift.joined(pieces, zone)
    form = next((form for form in ROWS if form.needs <= set(keys)), lines.FORMAT)
    return form.name, _read_rows(form, everything, zone, met)


def _read_rows(form: RowFormat, rows: Iterable[tuple[int, Row | None]], zone: ZoneInfo, met: Found) -> Iterator[Entry]:
    last: int | None = None
    for number, row in rows:
        if last is not None:
            yield Skipped(last, Why.NOT_READ)
        last = number if row is None else None
        if row is not None:
            yield from form.read(row, number, zone)
    if last is not None:
        # no row, and no end of the line either: it goes on in what is not there
        yield Skipped(last, Why.ENDS if met.is_open else Why.NOT_READ)


def _object(line: str) -> Row | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return {str(key).lower(): one for key, one in value.items()} if isinstance(value, dict) else None


def _table(found: Numbered) -> Iterator[tuple[int, Row | None]]:
    """Rows of CSV under their headings, counted from the first one after these."""
    records = _records(found)
    _, headings = next(records)
    names = [heading.strip().lower() for heading in headings]
    for number, record in records:
        yield number, dict(zip(names, record, strict=False)) if len(record) >= len(names) - 1 else None


def _records(found: Numbered) -> Iterator[tuple[int, list[str]]]:
    """Records of CSV, which may span lines, with the number of their first line."""
    csv.field_size_limit(LINE_BYTES)
    at = [1]

    def text() -> Iterator[str]:
        for number, line in found:
            at[0] = number
            yield line.replace("\x00", "") + "\n"

    reader = csv.reader(text())
    while True:
        begun = at[0]
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield begun, []
            continue
        if record:
            yield begun, record
