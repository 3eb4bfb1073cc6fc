"""Writes the sample warehouse's query log: people with habits and two bots, as JSON Lines for `headwater crawl --query-log`.

Who runs what lies in `warehouse/habits.sql`; this module spreads it over four weeks. Every draw is a hash: no run differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final, NamedTuple

from services.demo.warehouse import read_sql

LAST_DAY: Final = date(2026, 6, 30)
"""The sample's today: the rows end here, and so does the log."""

_DAYS: Final = 28
_LOCAL: Final = timezone(timedelta(hours=1))  # British summer time, which holds for all of the log
_OPENING: Final = "--: "


def weeks_until(day: date) -> int:
    """How many whole weeks after `LAST_DAY` the log may end so that it is over before `day`; 0 for an earlier day."""
    return max((day - LAST_DAY).days - 1, 0) // 7


@dataclass(frozen=True)
class _Habit:
    """One person or bot: what it runs (most usual first), between which hours, on which ISO weekdays."""

    user: str
    is_bot: bool
    from_hour: int
    to_hour: int
    weekdays: frozenset[int]
    schema: str
    share: int  # per cent of those days on which a person shows up
    every_min: int  # a bot's beat
    back_days: int  # how far back a bot's part of the log goes
    statements: tuple[str, ...]


class _Run(NamedTuple):
    at: datetime
    user: str
    schema: str
    duration_ms: int
    sql: str


def write_query_log(path: Path, *, database: str, weeks_later: int = 0) -> int:
    """Write the log to `path`, oldest first, and return the number of its lines; a file that exists is replaced.

    It ends on `LAST_DAY`, or so many whole weeks later: weekdays and all else stay.

    A line holds `sql`, `user`, `at` (RFC 3339 with offset), `dialect` (`duckdb`), `database` (the argument, which is the
    warehouse file's stem), `schema` (where unqualified names resolve) and `duration_ms`.
    """
    later = timedelta(weeks=weeks_later)
    runs = sorted(run for habit in _habits(read_sql("habits")) for run in _runs(habit))
    with path.open("w", encoding="utf-8") as file:
        for run in runs:
            line = {
                "sql": run.sql,
                "user": run.user,
                "at": (run.at + later).isoformat(),
                "dialect": "duckdb",
                "database": database,
                "schema": run.schema,
                "duration_ms": run.duration_ms,
            }
            file.write(json.dumps(line) + "\n")
    return len(runs)


def _habits(text: str) -> Iterator[_Habit]:
    for block in text.split(f"\n{_OPENING}")[1:]:
        opening, _, body = block.partition("\n")
        user, kind, *pairs = opening.split()
        traits = dict(pair.split("=") for pair in pairs)
        from_hour, to_hour = traits["hours"].split("-")
        yield _Habit(
            user=user,
            is_bot=kind == "bot",
            from_hour=int(from_hour),
            to_hour=int(to_hour),
            weekdays=frozenset(int(digit) for digit in traits["days"]),
            schema=traits["schema"],
            share=int(traits.get("share", "100")),
            every_min=int(traits.get("every", "60")),
            back_days=int(traits.get("back", str(_DAYS))),
            statements=tuple(line.rstrip(";") for line in body.splitlines() if line),
        )


def _runs(habit: _Habit) -> Iterator[_Run]:
    for back in range(habit.back_days):
        day = LAST_DAY - timedelta(days=back)
        if day.isoweekday() in habit.weekdays:
            yield from _bot_day(habit, day) if habit.is_bot else _person_day(habit, day)


def _bot_day(habit: _Habit, day: date) -> Iterator[_Run]:
    """Every statement at every beat, three seconds apart and in their order."""
    for minute in range(habit.from_hour * 60, habit.to_hour * 60, habit.every_min):
        start = _clock(day, minute * 60)
        for position, statement in enumerate(habit.statements):
            yield _run(habit, start + timedelta(seconds=3 * position), statement)


def _person_day(habit: _Habit, day: date) -> Iterator[_Run]:
    """One to three sittings of one to four queries, a few minutes apart; the first queries of the list come most often."""
    if _draw(100, habit.user, day, "in") >= habit.share:
        return
    for sitting in range(1 + _draw(3, habit.user, day, "sittings")):
        second = habit.from_hour * 3600 + _draw((habit.to_hour - habit.from_hour) * 3600 - 2400, habit.user, day, sitting)
        for position in range(1 + _draw(4, habit.user, day, sitting, "queries")):
            key = (habit.user, day, sitting, position)
            usual = min(_draw(len(habit.statements), *key, "a"), _draw(len(habit.statements), *key, "b"))
            yield _run(habit, _clock(day, second), habit.statements[usual])
            second += 40 + _draw(500, *key, "pause")


def _run(habit: _Habit, at: datetime, statement: str) -> _Run:
    sql = statement.format(**_values(habit.user, at))
    weight_ms = 15 * (1 + sql.upper().count(" JOIN ")) ** 2
    return _Run(at, habit.user, habit.schema, weight_ms + _draw(6 * weight_ms, at, sql), sql)


def _values(user: str, at: datetime) -> dict[str, str | int]:
    """What stands for the braces: the run's own days, and codes that exist in the warehouse."""
    month = at.date().replace(day=1)
    return {
        "day": at.date().isoformat(),
        "month": month.isoformat(),
        "period": (month - timedelta(days=1)).strftime("%Y-%m"),
        "store": 101 + _draw(20, user, at, "store"),
        "cust": 50001 + _draw(1800, user, at, "cust"),
        "order": 700001 + _draw(6000, user, at, "order"),
        "sku": f"LF{1 + _draw(260, user, at, 'sku'):04d}-01",
        "camp": 1 + _draw(36, user, at, "camp"),
        "supp": 1 + _draw(64, user, at, "supp"),
    }


def _clock(day: date, second: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_LOCAL) + timedelta(seconds=second)


def _draw(below: int, *key: object) -> int:
    """A number from 0 to `below` - 1 that depends on the key alone, on every machine and Python."""
    digest = hashlib.blake2b("#".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % below
