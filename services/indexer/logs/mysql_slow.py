"""The slow query log of MariaDB and MySQL, as a file.

https://mariadb.com/kb/en/slow-query-log-overview/ and https://dev.mysql.com/doc/refman/8.4/en/slow-query-log.html.
Journey 3, step "log → lines".
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Skipped, Why

_WHO = re.compile(r"# User@Host: (?P<user>[^\[\s]*)\[.*")
_HEADER = re.compile(r".*, Version: .*|Tcp port: .*|Time\s+Id\s+Command\s+Argument\s*|\s*")
_SCHEMA = re.compile(r"\bSchema: (\S*)")
_SECONDS = re.compile(r"\bQuery_time: ([\d.]+)")
_STAMP = re.compile(r"SET timestamp=(\d+)(?:\.\d+)?;", re.IGNORECASE)
_USE = re.compile(r"use `?([^`;]+)`?;", re.IGNORECASE)


@dataclass(slots=True)
class _Entry:
    number: int
    user: str | None = None
    database: str | None = None
    at: dt.datetime | None = None
    ms: float | None = None
    parts: list[str] = field(default_factory=list)


def is_header(line: str) -> bool:
    """Whether a line is one that entries begin with."""
    return _WHO.fullmatch(line) is not None or line.startswith("# Time: ")


def read(lines: Iterable[tuple[int, str]], zone: ZoneInfo) -> Iterator[Entry]:  # noqa: ARG001 - times are seconds since 1970
    """The statements of a slow log; physical lines with their number."""
    entry: _Entry | None = None
    database: str | None = None
    for number, line in lines:
        who = _WHO.fullmatch(line)
        if who is not None:
            yield from _ended(entry)
            entry = _Entry(number, who["user"] or None, database)
        elif line.startswith("# Time: "):
            yield from _ended(entry)
            entry = None
        elif line.startswith("#") and entry is not None and not entry.parts:
            _about(line, entry)
        elif entry is None:
            if not _HEADER.fullmatch(line) and not line.startswith("#"):
                yield Skipped(number, Why.NOT_READ)
        elif not entry.parts and (use := _USE.fullmatch(line)):
            entry.database = database = use[1]
        elif not entry.parts and (stamp := _STAMP.fullmatch(line)):
            entry.at = dt.datetime.fromtimestamp(int(stamp[1]), dt.UTC)
        elif not _HEADER.fullmatch(line) or entry.parts:
            entry.parts.append(line)
    yield from _ended(entry)


def _about(line: str, entry: _Entry) -> None:
    schema, seconds = _SCHEMA.search(line), _SECONDS.search(line)
    if schema is not None and schema[1]:
        entry.database = schema[1]
    if seconds is not None:
        entry.ms = float(seconds[1]) * 1000


def _ended(entry: _Entry | None) -> Iterator[Entry]:
    if entry is None:
        return
    sql = "\n".join(entry.parts).strip()
    if not sql or sql.startswith("# administrator command"):
        return
    yield LogLine(
        sql,
        user=entry.user,
        at=entry.at,
        dialect="mysql",
        database=entry.database,
        duration_ms=entry.ms,
        number=entry.number,
    )
