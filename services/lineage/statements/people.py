"""Who behaves as a program does, whatever the name: the weight of each user.

Journey 3, step "log → facts". Three signs, each from 0 to 1, of which none is enough: how fast (executions an active hour),
how regular (each statement at the same minutes), how narrow (few statements, over and over), and whether it ever sleeps.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, distinct, func, select

from services.lineage.store.log_tables import log_run

LEAST = 0.05
"""The weight of what is surely a program: little, and not nothing, because what programs join is joined."""
ENOUGH = 50
"""Executions below which nobody is judged."""
_FAST = 120.0
"""Executions an hour that no person makes for hours on end."""
_NARROW = 40.0
"""Executions a statement; people who use a dashboard stay below."""
_ROWS = 8
"""Hours in which a statement must have run before its minutes tell anything."""
_MINUTES = 4
"""Minutes of the hour that a timer hits, with some delay."""


@dataclass(frozen=True, slots=True)
class Habits:
    """One user's runs.

    Attributes:
        executions: in all.
        hours: in which anything ran.
        statements: distinct ones.
        clock_hours: of the day in UTC, 0 to 24.
        timed: the share of executions whose statement ran at the same few minutes of the hour all the time.

    """

    executions: int
    hours: int
    statements: int
    clock_hours: int
    timed: float


def weight_of(habits: Habits) -> float:
    """From `LEAST` for what is surely a program to 1 for a person, or where too little is known."""
    if habits.executions < ENOUGH:
        return 1.0
    fast = _above(habits.executions / max(1, habits.hours), _FAST)
    narrow = _above(habits.executions / max(1, habits.statements), _NARROW)
    awake = _above(habits.clock_hours, 20.0, width=0.1)
    doubt = (1 - 0.6 * fast) * (1 - 0.45 * narrow) * (1 - 0.45 * awake) * (1 - 0.85 * habits.timed)
    return max(LEAST, round(1.0 if doubt > 0.5 else doubt, 3))


def _above(value: float, limit: float, width: float = 0.3) -> float:
    """0 well below the limit, 1 well above, half at it."""
    return 1 / (1 + math.exp(-(math.log(max(value, 1e-9) / limit)) / width))


def weights(connection: Connection) -> dict[str, float]:
    """The weights below 1, by user."""
    found = {person: weight_of(habits) for person, habits in _habits(connection).items()}
    return {person: weight for person, weight in found.items() if weight < 1.0}


def _habits(connection: Connection) -> dict[str, Habits]:
    """Of those who ran enough."""
    run = log_run.c
    enough = (
        select(run.person)
        .where(run.person.is_not(None), run.count > 0)
        .group_by(run.person)
        .having(func.sum(run.count) >= ENOUGH)
    )
    everything = run.person.in_(enough) & (run.count > 0)
    each = (
        select(run.person, func.sum(run.count), func.count(run.minute), func.count(distinct(run.minute % 60)))
        .where(everything)
        .group_by(run.person, run.statement_id)
    )
    executions: Counter[str] = Counter()
    statements: Counter[str] = Counter()
    timed: Counter[str] = Counter()
    for person, count, rows, minutes in connection.execute(each):
        executions[person] += int(count)
        statements[person] += 1
        timed[person] += int(count) if rows >= _ROWS and minutes <= _MINUTES else 0
    hours = (
        select(run.person, func.count(distinct(_hour(connection))), func.count(distinct(run.minute - run.minute % 60)))
        .where(everything)
        .group_by(run.person)
    )
    return {
        person: Habits(executions[person], active or 1, statements[person], clock, timed[person] / executions[person])
        for person, active, clock in connection.execute(hours)
    }


def _hour(connection: Connection) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return func.date_trunc("hour", log_run.c.at)
    return func.strftime("%Y-%m-%d %H", log_run.c.at)
