"""PostgreSQL's own log: `csvlog`, or `stderr` with any prefix that has a time, as `log_statement` or a duration limit fill it.

https://www.postgresql.org/docs/current/runtime-config-logging.html (the columns of csvlog, the prefix's escapes). A statement
is told before it runs: it is held back until its session says the next thing, and left out where that is an error.
Journey 3, step "log → lines".
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Skipped, Why, time_of

COLUMNS = 23
"""Fields of a csvlog line at least: version 12 has so many, later ones more."""
_SESSIONS = 10_000
"""Sessions whose last statement is held back: more than a server has connections."""
_STATEMENT = re.compile(
    r"(?:duration: (?P<ms>[\d.]+) ms\s+)?(?:statement|execute (?:<unnamed>|[^:]*)): (?P<sql>.*)", re.DOTALL
)
_HEAD = re.compile(
    r"(?P<prefix>.*?)\b(?P<level>DEBUG[1-5]?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION"
    r"|BACKTRACE): {1,2}(?P<message>.*)",
    re.DOTALL,
)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: ?[+\-]\d\d(?::?\d\d)?| [A-Z]{2,5})?|(?<!\d)\d{10}\.\d{3}(?!\d)"
)
_PROCESS = re.compile(r"\[(\d+)(?:-\d+)?\]|pid=(\d+)")
_WHO = re.compile(r"user=(?P<user>[^,\s]*),\s?db=(?P<db>[^,\s]*)|(?P<user2>[\w.\-]+)@(?P<db2>[\w.\-]+)")
_NOBODY = frozenset({"", "[unknown]"})


@dataclass(slots=True)
class _Message:
    """One entry of the log."""

    number: int
    session: str
    at: str
    user: str
    database: str
    level: str
    text: str


def read_csv(rows: Iterable[tuple[int, Sequence[str]]], zone: ZoneInfo) -> Iterator[Entry]:
    """The statements of a csvlog; rows with their number."""
    return _statements((_from_csv(number, row) for number, row in rows), zone)


def read_stderr(lines: Iterable[tuple[int, str]], zone: ZoneInfo) -> Iterator[Entry]:
    """The statements of a stderr log; physical lines with their number. What begins with a tab goes on with the line before."""
    return _statements(_messages(lines), zone)


def is_head(line: str) -> bool:
    """Whether a line begins an entry of a stderr log."""
    match = _HEAD.match(line)
    return match is not None and _TIME.search(match["prefix"]) is not None


def _from_csv(number: int, row: Sequence[str]) -> _Message | Skipped:
    if len(row) < COLUMNS:
        return Skipped(number, Why.NOT_READ)
    return _Message(number, row[5] or row[3], row[0], row[1], row[2], row[11], row[13])


def _messages(lines: Iterable[tuple[int, str]]) -> Iterator[_Message | Skipped]:
    parts: list[str] = []
    begun: tuple[int, re.Match[str]] | None = None
    for number, line in lines:
        match = None if line.startswith("\t") else _HEAD.match(line)
        if match is None:
            if begun is None:
                yield Skipped(number, Why.NOT_READ)
            else:
                parts.append(line.removeprefix("\t"))
            continue
        if begun is not None:
            yield _message(*begun, parts)
        begun, parts = (number, match), [match["message"]]
    if begun is not None:
        yield _message(*begun, parts)


def _message(number: int, match: re.Match[str], parts: list[str]) -> _Message:
    prefix = match["prefix"]
    time, process, who = _TIME.search(prefix), _PROCESS.search(prefix), _WHO.search(prefix)
    return _Message(
        number,
        (process[1] or process[2]) if process else "",
        time[0] if time else "",
        (who["user"] or who["user2"] or "") if who else "",
        (who["db"] or who["db2"] or "") if who else "",
        match["level"],
        "\n".join(parts),
    )


def _statements(messages: Iterable[_Message | Skipped], zone: ZoneInfo) -> Iterator[Entry]:
    held: OrderedDict[str, LogLine] = OrderedDict()
    for message in messages:
        if isinstance(message, Skipped):
            yield message
            continue
        match = _STATEMENT.fullmatch(message.text) if message.level == "LOG" else None
        before = held.get(message.session)
        if message.level in ("ERROR", "FATAL", "PANIC"):
            if held.pop(message.session, None) is not None:
                yield Skipped(message.number, Why.FAILED)
        elif match is not None:
            if before is not None:
                yield held.pop(message.session)
            line = _line(message, match, zone)
            if match["ms"] is not None or not message.session:
                yield line  # told after it ran
            else:
                held[message.session] = line
        while len(held) > _SESSIONS:
            yield held.popitem(last=False)[1]
    yield from held.values()


def _line(message: _Message, match: re.Match[str], zone: ZoneInfo) -> LogLine:
    return LogLine(
        match["sql"],
        user=None if message.user in _NOBODY else message.user,
        at=time_of(_zoned(message.at, zone), zone),
        dialect="postgres",
        database=None if message.database in _NOBODY else message.database,
        duration_ms=float(match["ms"]) if match["ms"] else None,
        number=message.number,
    )


def _zoned(text: str, zone: ZoneInfo) -> str:
    """A time without its zone's abbreviation, unless that is UTC's: which zone `CST` is, only the server's settings say."""
    head, _, name = text.rpartition(" ")
    return head if name.isalpha() and name not in ("UTC", "GMT") and zone is not None else text
