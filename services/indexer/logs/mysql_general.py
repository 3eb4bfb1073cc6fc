"""The general log of MariaDB and MySQL, as a file.

https://mariadb.com/kb/en/general-query-log/ and https://dev.mysql.com/doc/refman/8.4/en/query-log.html. It tells what was
sent, not what came of it: statements that failed are in it like others. Journey 3, step "log → lines".
"""

from __future__ import annotations

import datetime as dt
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.common.model.usage import LogLine
from services.indexer.logs.line import Entry, Skipped, Why, time_of

_SESSIONS = 100_000
"""Sessions whose user and database are remembered; of one that began before the file nobody knows them."""
_ENTRY = re.compile(
    r"(?P<time>\d{6} [ \d]\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+)?[\t ]+(?P<id>\d+) (?P<command>[A-Z][A-Za-z]*(?: [A-Za-z]+)*)\t?(?P<text>.*)",
    re.DOTALL,
)
_COMMANDS = frozenset(
    {"Query", "Execute", "Prepare", "Connect", "Quit", "Init DB", "Field List", "Statistics", "Ping", "Close stmt", "Reset stmt",
     "Change user", "Kill", "Refresh", "Shutdown", "Processlist", "Debug", "Binlog Dump", "Fetch", "Set option", "Long Data",
     "Register Slave", "Bulk_execute", "Reset connection"}
)  # fmt: skip
_HEADER = re.compile(r".*, Version: .*|Tcp port: .*|Time\s+Id\s+Command\s+Argument\s*|\s*")
_CONNECT = re.compile(r"(?P<user>[^@\s]*)@\S*(?: on (?P<database>\S*))?(?: using .*)?", re.DOTALL)


@dataclass(slots=True)
class _Session:
    user: str | None = None
    database: str | None = None


def is_header(line: str) -> bool:
    """Whether a line is the one with the headings."""
    return re.fullmatch(r"Time\s+Id\s+Command\s+Argument\s*", line) is not None


def read(lines: Iterable[tuple[int, str]], zone: ZoneInfo) -> Iterator[Entry]:
    """The statements of a general log; physical lines with their number."""
    sessions: OrderedDict[str, _Session] = OrderedDict()
    at: dt.datetime | None = None
    for number, match, text in _entries(lines):
        if match is None:
            yield Skipped(number, Why.NOT_READ)
            continue
        if match["time"]:
            at = _time(match["time"], zone)
        session = sessions.setdefault(match["id"], _Session())
        sessions.move_to_end(match["id"])
        if match["command"] in ("Query", "Execute"):
            yield LogLine(text, user=session.user, at=at, dialect="mysql", database=session.database, number=number)
        else:
            _follow(match["command"], text, session)
        if match["command"] == "Quit":
            del sessions[match["id"]]
        while len(sessions) > _SESSIONS:
            sessions.popitem(last=False)


def _follow(command: str, text: str, session: _Session) -> None:
    if command in ("Connect", "Change user"):
        who = _CONNECT.fullmatch(text.strip())
        if who is not None:
            session.user, session.database = who["user"] or None, who["database"] or None
    elif command == "Init DB":
        session.database = text.strip() or None


def _entries(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, re.Match[str] | None, str]]:
    """Entries with all their lines: a text goes on until a line looks like the next entry."""
    begun: tuple[int, re.Match[str]] | None = None
    parts: list[str] = []
    for number, line in lines:
        match = _ENTRY.fullmatch(line)
        if match is not None and match["command"] in _COMMANDS:
            if begun is not None:
                yield *begun, "\n".join(parts)
            begun, parts = (number, match), [match["text"]]
        elif _HEADER.fullmatch(line) and not (begun and not line.strip()):
            continue
        elif begun is not None:
            parts.append(line)
        else:
            yield number, None, ""
    if begun is not None:
        yield *begun, "\n".join(parts)


def _time(text: str, zone: ZoneInfo) -> dt.datetime | None:
    if "T" in text:
        return time_of(text, zone)
    try:
        return dt.datetime.strptime(text.replace("  ", " 0"), "%y%m%d %H:%M:%S").replace(tzinfo=zone).astimezone(dt.UTC)
    except ValueError:
        return None
