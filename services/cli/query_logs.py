"""Query logs in `headwater crawl`: files that are named, and what sources themselves tell of what ran.

Journey 3, from the terminal. What a log says is told to people and as JSON; no text of a statement is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from services.catalog.event_datasets import EventDatasets
from services.cli.terminal import progress, say
from services.common.errors import SourceFailed
from services.common.model.changes import Seq
from services.common.runtime.source_settings import SourceSettings
from services.indexer.logs.intake import LogReport, take_in
from services.indexer.logs.line import Why
from services.indexer.logs.open import OpenLog, open_log
from services.indexer.logs.pg_stat_statements import keeps_statements, open_statements
from services.indexer.logs.users import users_of
from services.workspace import Workspace

Chosen = Sequence[tuple[str, SourceSettings]]
_NAMED = 5
"""Statements and names that people are told; the rest are counted."""


def open_logs(files: Sequence[Path], chosen: Chosen) -> list[tuple[str, str, OpenLog]]:
    """The logs to read, each with its name and the source whose tables its lines name; empty where nobody knows.

    Raises:
        BadRequest: a file cannot be opened, or is none that can be read.

    """
    only = chosen[0] if len(chosen) == 1 else None
    zone = ZoneInfo(only[1].timezone) if only is not None else ZoneInfo("UTC")
    logs = [(str(file), only[0] if only is not None else "", open_log(file, zone)) for file in files]
    for name, source in chosen:
        if keeps_statements(source):
            logs.append((f"{name}: pg_stat_statements", name, open_statements(name, source)))
    return logs


def read_logs(space: Workspace, logs: Sequence[tuple[str, str, OpenLog]]) -> list[dict[str, object]]:
    """Read logs into the facts, tell people, and give the reports as JSON."""
    return [_read(space, name, source, log) for name, source, log in logs]


def _read(space: Workspace, name: str, source: str, log: OpenLog) -> dict[str, object]:
    begun = time.monotonic()
    failure = None
    users = users_of(space.settings.usage.users, space.settings.home)
    with progress(f"reading {name}") as update:
        try:
            report = take_in(
                name,
                log,
                space.lineage.statements,
                source=source,
                users=users,
                on_progress=lambda lines: update(lines, None),
            )
        except SourceFailed as error:
            failure, report = error.detail, LogReport(name, log.format)
        else:
            failure = _failure(report)
    _tell(report, failure)
    return _json(report, time.monotonic() - begun, failure)


def _failure(report: LogReport) -> str | None:
    """Why not all of a file was read; None where it was."""
    if report.skipped[Why.ENDS]:
        place = report.places[Why.ENDS][0]
        return (
            f"{report.name} is cut or damaged at line {place}: what stands before was read; "
            "read the whole file again, which counts nothing twice"
        )
    if report.skipped[Why.NOT_READ] and not report.taken.lines:
        return f"nothing in {report.name} could be read as {report.format}: see docs/concepts/query-logs.md for what can be"
    return None


def list_named(space: Workspace) -> Seq:
    """Let the catalog list the tables that only logs name; returns up to where its feed has to be followed then."""
    EventDatasets(space.lineage.events, space.catalog_database, space.namespaces).catch_up()
    return space.feed.head()


def _tell(report: LogReport, failure: str | None) -> None:
    taken = report.taken
    say(
        f"{report.name}: {report.format}, {taken.lines:,} lines ({taken.counted:,} executions counted, "
        f"{taken.repeated:,} lines counted before), {taken.read:,} new statements"
    )
    if failure is not None:
        say(f"  {failure}")
    for why, count in report.skipped.most_common():
        say(f"  {count:,} left out: {why} (first at {', '.join(map(str, report.places[why]))})")
    if report.without_time:
        say(f"  {report.without_time:,} lines without a time")
    if report.recoded:
        say(f"  {report.recoded:,} lines are no UTF-8 and were read as Latin 1")
    if taken.unread:
        say(f"  {taken.unread_lines:,} lines could not be read, or not to the end:")
        for one in taken.unread[:_NAMED]:
            say(f"    line {one.number} ({one.lines:,} in all), statement {one.fingerprint[:12]}: {one.reason}")
    if taken.unlisted:
        names = ", ".join(name.qualified for name in taken.unlisted[:_NAMED])
        more = f" and {len(taken.unlisted) - _NAMED} more" if len(taken.unlisted) > _NAMED else ""
        say(f"  tables that no crawl has shown: {names}{more}")


def _json(report: LogReport, seconds: float, failure: str | None) -> dict[str, object]:
    taken = report.taken
    return {
        "log": report.name,
        "format": report.format,
        "lines": taken.lines,
        "counted": taken.counted,
        "repeated": taken.repeated,
        "statements_read": taken.read,
        "unread_lines": taken.unread_lines,
        "unread": [
            {"fingerprint": one.fingerprint, "line": one.number, "reason": one.reason, "lines": one.lines}
            for one in taken.unread
        ],
        "skipped": [
            {"reason": why, "entries": count, "first": report.places[why]} for why, count in report.skipped.most_common()
        ],
        "without_time": report.without_time,
        "recoded": report.recoded,
        "unlisted": [name.qualified for name in taken.unlisted],
        "seconds": round(seconds, 3),
        "failures": [] if failure is None else [failure],
    }
