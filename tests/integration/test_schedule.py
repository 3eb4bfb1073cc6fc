"""Crawls that are due: asked for once, in the source's timezone, made up for after a pause, and run by `serve` itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.common.errors import ServiceUnavailable
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.common.runtime.source_settings import SourceSettings
from services.indexer.schedule import Scheduler, following, latest
from services.indexer.store.line import LINE
from services.indexer.store.tables import schedule


class Sink:
    """Where crawls are asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.broken = False

    def request(self, source: str, *, by: str) -> Any:
        if self.broken:
            raise ServiceUnavailable("the catalog does not answer")
        self.asked.append((source, by))


class Clock:
    """Stands still until it is set."""

    def __init__(self, at: str) -> None:
        self.now = dt.datetime.fromisoformat(at)

    def __call__(self) -> dt.datetime:
        return self.now

    def to(self, at: str) -> None:
        self.now = dt.datetime.fromisoformat(at)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'indexer.db'}", schema="indexer")
    ensure_current(made, LINE)
    yield made
    made.close()


def _source(line: str | None, timezone: str = "UTC") -> SourceSettings:
    return SourceSettings(url="sqlite:///shop.db", schedule=line, timezone=timezone)


def _scheduler(database: Database, clock: Clock, sink: Sink, **sources: SourceSettings) -> Scheduler:
    return Scheduler(sources, database, sink, clock=clock)  # type: ignore[arg-type]  # it asks and does nothing else


def test_a_source_is_asked_for_once_at_each_of_its_times(database: Database) -> None:
    """Not when it is new, not between its times, not twice for one of them."""
    clock, sink = Clock("2031-05-01T05:59:00+00:00"), Sink()
    scheduler = _scheduler(database, clock, sink, wh=_source("0 6 * * *"), quiet=_source(None))
    assert scheduler.ask() == []
    clock.to("2031-05-01T05:59:59+00:00")
    assert scheduler.ask() == []
    clock.to("2031-05-01T06:00:00+00:00")
    assert scheduler.ask() == ["wh"]
    clock.to("2031-05-01T06:00:30+00:00")
    assert scheduler.ask() == []
    clock.to("2031-05-02T06:00:01+00:00")
    assert scheduler.ask() == ["wh"]
    assert sink.asked == [("wh", "schedule")] * 2


def test_times_that_passed_while_nobody_served_are_made_up_for_once(database: Database) -> None:
    """A server that comes back after a week crawls once, not seven times; so does another one on the same database."""
    clock, sink = Clock("2031-05-01T07:00:00+00:00"), Sink()
    _scheduler(database, clock, sink, wh=_source("0 6 * * *")).ask()
    clock.to("2031-05-08T03:00:00+00:00")
    later = _scheduler(database, clock, sink, wh=_source("0 6 * * *"))
    other = _scheduler(database, clock, sink, wh=_source("0 6 * * *"))
    assert (later.ask(), other.ask(), later.ask()) == (["wh"], [], [])


def test_the_schedule_is_in_the_source_s_timezone() -> None:
    """06:00 in Vienna is 04:00 UTC in summer and 05:00 UTC in winter; a time that does not exist that day still comes."""
    vienna = _source("0 6 * * *", "Europe/Vienna")
    summer, winter = (dt.datetime(2031, month, 1, 12, tzinfo=dt.UTC) for month in (7, 1))
    assert latest(vienna, summer).astimezone(dt.UTC).hour == 4
    assert latest(vienna, winter).astimezone(dt.UTC).hour == 5
    skipped = _source("30 2 * * *", "Europe/Vienna")
    morning = dt.datetime(2031, 3, 30, 12, tzinfo=dt.UTC)
    assert latest(skipped, morning).astimezone(dt.UTC).date() == dt.date(2031, 3, 30)
    assert following(_source(None), morning) is None
    assert following(vienna, morning) == dt.datetime(2031, 3, 31, 4, tzinfo=dt.UTC)


def test_a_source_that_is_no_longer_configured_is_not_asked_for(database: Database) -> None:
    """What is known of it stays, should it come back."""
    clock, sink = Clock("2031-05-01T05:00:00+00:00"), Sink()
    _scheduler(database, clock, sink, wh=_source("0 6 * * *")).ask()
    clock.to("2031-05-02T07:00:00+00:00")
    assert _scheduler(database, clock, sink, new=_source("0 6 * * *")).ask() == []
    with database.read() as connection:
        assert {row.source for row in connection.execute(select(schedule))} == {"wh", "new"}


def test_a_catalog_that_does_not_answer_costs_one_time_at_most(database: Database) -> None:
    clock, sink = Clock("2031-05-01T05:00:00+00:00"), Sink()
    scheduler = _scheduler(database, clock, sink, wh=_source("0 * * * *"))
    scheduler.ask()
    clock.to("2031-05-01T06:00:00+00:00")
    sink.broken = True
    with pytest.raises(ServiceUnavailable):
        scheduler.ask()
    sink.broken = False
    assert scheduler.ask() == ["wh"]


def test_a_clock_that_jumps_back_silences_no_schedule(database: Database) -> None:
    """Asked for while the clock was a year ahead: from the next time on it is asked for as ever, and not twice for a small jump."""
    clock, sink = Clock("2032-05-01T05:00:00+00:00"), Sink()
    scheduler = _scheduler(database, clock, sink, wh=_source("0 6 * * *"))
    scheduler.ask()
    clock.to("2032-05-01T06:00:01+00:00")
    assert scheduler.ask() == ["wh"]
    clock.to("2031-05-01T05:30:00+00:00")
    assert scheduler.ask() == []
    clock.to("2031-05-01T06:00:00+00:00")
    assert scheduler.ask() == ["wh"]
    clock.to("2031-05-01T05:59:30+00:00")
    assert scheduler.ask() == []
    clock.to("2031-05-01T06:00:05+00:00")
    assert scheduler.ask() == []
    clock.to("2031-05-02T06:00:00+00:00")
    assert scheduler.ask() == ["wh"]
