"""Programs are told from people by what they do: simulated weeks of both, under names that mislead.

What people here do is drawn: sittings in office hours, some favourite queries, dashboards that they reload, long nights.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator

import pytest

from services.common.model.usage import LogLine
from services.lineage.sql.worker import SqlParser
from services.lineage.statements.people import ENOUGH, LEAST, Habits, weight_of
from services.lineage.statements.service import Statements
from tests.support import lineages

BEGIN = dt.datetime(2031, 5, 5, tzinfo=dt.UTC)
DAYS = 21


@pytest.fixture(scope="module")
def parser() -> Iterator[SqlParser]:
    with SqlParser() as made:
        yield made


def every(minutes: float, statements: int, *, jitter_s: float = 20, hours: range = range(24)) -> list[tuple[int, float]]:
    """A program's runs: which statement, after how many seconds."""
    draw = random.Random(minutes * 1000 + statements)
    beats = [at for at in range(int(DAYS * 1440 / minutes)) if int(at * minutes // 60) % 24 in hours]
    return [(n, at * minutes * 60 + n + draw.random() * jitter_s) for at in beats for n in range(statements)]


def by_hand(seed: int, *, favourites: int, per_sitting: int, sittings: int, hours: range) -> list[tuple[int, float]]:
    """A person's runs: sittings on weekdays, minutes apart, favourites most often."""
    draw = random.Random(seed)
    runs = []
    for day in range(DAYS):
        if day % 7 > 4:
            continue
        for _ in range(sittings):
            second = day * 86_400 + draw.choice(hours) * 3600 + draw.random() * 3600
            for _ in range(per_sitting):
                runs.append((min(draw.randrange(favourites), draw.randrange(favourites)), second))
                second += 5 + draw.expovariate(1 / 90)
    return runs


OFFICE = range(7, 17)
PROGRAMS = {
    "Anna Berger": every(15, 2),
    "marek.kowal": every(60, 6),
    "j.smith@shop.example": every(1440, 40),
    "priya": every(1, 1, jitter_s=50),
    "root": every(7.3, 3, jitter_s=400),
    "night": every(30, 4, hours=range(6)),
}
PEOPLE = {
    "svc_anna": by_hand(1, favourites=12, per_sitting=6, sittings=3, hours=OFFICE),
    "etl_bot": by_hand(2, favourites=4, per_sitting=5, sittings=5, hours=OFFICE),
    "scheduler": by_hand(3, favourites=60, per_sitting=30, sittings=4, hours=range(6, 23)),
    "airflow": by_hand(4, favourites=2, per_sitting=3, sittings=8, hours=OFFICE),
    "ann": by_hand(5, favourites=20, per_sitting=40, sittings=2, hours=OFFICE),
    "new": by_hand(6, favourites=3, per_sitting=1, sittings=1, hours=OFFICE),
}


def test_programs_with_human_names_weigh_little_and_people_with_programs_names_weigh_all(parser, tmp_path):
    """Every one of them, from runs alone."""
    lineage = lineages.Lineage(lineages.sqlite_database(tmp_path))
    facts = Statements(
        lineage.database, parser, lambda: lineage.namespaces, key=lambda: b"k" * 32, clock=lambda: BEGIN + dt.timedelta(DAYS)
    )
    lines = [
        LogLine(f"SELECT c{n} FROM t{n}", user=user, at=BEGIN + dt.timedelta(seconds=second), database="shop")
        for user, runs in {**PROGRAMS, **PEOPLE}.items()
        for n, second in runs
    ]
    for start in range(0, len(lines), 10_000):
        facts.put(lines[start : start + 10_000], source="wh")
    weights = facts.weights()
    lineage.database.close()
    assert weights.keys() == PROGRAMS.keys(), {**weights}
    assert max(weights.values()) < 0.5
    assert min(weights.values()) >= LEAST


def test_nobody_is_judged_by_a_few_runs():
    """Whatever they look like."""
    assert weight_of(Habits(ENOUGH - 1, 1, 1, 24, 1.0)) == 1.0


def test_more_of_a_sign_never_raises_a_weight():
    """Faster, narrower, longer awake, more regular: each alone."""
    start = Habits(executions=2_000, hours=200, statements=100, clock_hours=10, timed=0.2)
    assert weight_of(start) == 1.0
    for sign in ("hours", "statements"):
        values = [weight_of(_with(start, sign, value)) for value in (200, 50, 10, 2, 1)]
        assert values == sorted(values, reverse=True)
    values = [weight_of(_with(start, "timed", value / 10)) for value in range(11)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.5


def _with(habits: Habits, name: str, value: float) -> Habits:
    known = {field: getattr(habits, field) for field in Habits.__slots__}
    return Habits(**{**known, name: value})
