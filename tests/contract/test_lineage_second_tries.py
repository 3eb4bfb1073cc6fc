"""What took too long to read is read once more, with more time, and coverage says which of both was the case."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Column
from services.lineage.coverage import coverage
from services.lineage.events.intake import EventIntake
from services.lineage.second_tries import SecondTries
from services.lineage.sql.facts import ScriptLineage, StatementLineage
from services.lineage.sql.logged import LogStatement, Shape, Shaped, Usage
from services.lineage.sql.script import Script
from services.lineage.sql.statement import Problem, Reading, Statement
from services.lineage.statements.jobs import JobSql
from services.lineage.store import column_readings, definitions, event_tables
from tests.support import events as sent
from tests.support import lineages
from tests.support.events import NAMESPACES, dataset, run_event, sql
from tests.support.lineages import DATABASES, Lineage, asset, id_of, opened, shown

ID = (Column("id"),)
TIMED_OUT, AGAIN = Problem.TIMEOUT.value, Problem.TIMEOUT_AGAIN.value


@pytest.fixture(params=DATABASES)
def lineage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lineage]:
    yield from opened(request.param, request, tmp_path)


@dataclass
class Slow:
    """Reads in this process; for texts with one of `words` there is no time, in what `on` says."""

    words: tuple[str, ...]
    on: tuple[str, ...] = ("tables", "script", "shape", "usage")
    problem: Problem = Problem.TIMEOUT
    asked: list[str] = field(default_factory=list)

    def _late(self, text: str, what: str) -> bool:
        self.asked.append(what)
        return what in self.on and any(word in text for word in self.words)

    def read_many(self, statements: Sequence[Statement]) -> list[Reading]:
        inline = lineages.InlineReader()
        return [
            Reading(problem=self.problem) if self._late(one.sql, "tables") else inline.read_many([one])[0]
            for one in statements
        ]

    def read_scripts(self, scripts: Sequence[Script]) -> list[ScriptLineage]:
        inline = lineages.InlineReader()
        unread = ScriptLineage((StatementLineage("UNPARSED", error=self.problem.value),))
        return [unread if self._late(one.sql, "script") else inline.read_scripts([one])[0] for one in scripts]

    def read_shapes(self, shapes: Sequence[Shape]) -> list[Shaped | Problem]:
        inline = sent.InlineReader()
        return [self.problem if self._late(one.sql, "shape") else inline.read_shapes([one])[0] for one in shapes]

    def read_usages(self, statements: Sequence[LogStatement]) -> list[Usage]:
        inline = sent.InlineReader()
        unread = Usage("UNPARSED", problem=self.problem)
        return [unread if self._late(one.sql, "usage") else inline.read_usages([one])[0] for one in statements]


def second_tries(made: Lineage, patient: Slow) -> SecondTries:
    return SecondTries(made.feed, made.database, patient, lambda: made.namespaces, clock=lambda: made.now)


def told(made: Lineage) -> tuple[int, dict[str, int], int]:
    """Definitions that are parsed, why the others are not, and columns whose sources are known."""
    with made.database.read() as connection:
        (found,) = coverage(connection, FULL_SCOPE).sources
    return found.parsed, dict(found.reasons), found.columns_resolved


@pytest.mark.parametrize("on", [("tables", "script"), ("script",)])
def test_a_definition_that_took_too_long_is_read_again(lineage: Lineage, on: tuple[str, ...]) -> None:
    """Its tables and its columns; then nothing is left to do."""
    lineage.reader = Slow(("slow",), on)  # type: ignore[assignment]
    text = "SELECT id FROM shop.sales.orders /* slow */"
    lineage.follow(asset("shop.sales.orders"), asset("shop.sales.paid", text, columns=ID))
    assert told(lineage) == ((0, {TIMED_OUT: 1}, 0) if "tables" in on else (1, {}, 0))
    again = second_tries(lineage, Slow(()))
    while again.step():
        pass
    assert told(lineage) == (1, {}, 1)
    lineage.graph.refresh()
    assert shown(lineage.walk("shop.sales.paid"))[1] == {("orders", "paid")}


def test_what_takes_too_long_again_is_left_and_said(lineage: Lineage) -> None:
    """There is no third try, until its text is another one."""
    lineage.reader = Slow(("slow",))  # type: ignore[assignment]
    lineage.follow(asset("shop.sales.orders"), asset("shop.sales.paid", "SELECT id FROM orders /* slow */", columns=ID))
    patient = Slow(("slow",), problem=Problem.TIMEOUT_AGAIN)
    for _ in range(3):
        again = second_tries(lineage, patient)
        while again.step():
            pass
    assert told(lineage) == (0, {AGAIN: 1}, 0)
    assert patient.asked == ["tables", "script"]
    lineage.follow(asset("shop.sales.paid", "SELECT id FROM orders", columns=ID))
    assert told(lineage) == (1, {}, 1)


def test_a_text_that_is_another_one_by_now_is_left_to_the_feed(lineage: Lineage) -> None:
    """The change that brings it is read as all are."""
    lineage.reader = Slow(("slow",))  # type: ignore[assignment]
    lineage.follow(asset("shop.sales.orders"), asset("shop.sales.paid", "SELECT id FROM orders /* slow */", columns=ID))
    lineage.feed.put(asset("shop.sales.paid", "SELECT id FROM others", columns=ID))
    patient = Slow(())
    assert not second_tries(lineage, patient).step()
    assert patient.asked == []


@pytest.mark.parametrize("on", [("tables", "script"), ("script",)])
def test_many_that_are_gone_keep_no_other_waiting(lineage: Lineage, on: tuple[str, ...]) -> None:
    """A dataset that is gone keeps its definition; of 30 the last in order of ids is still there."""
    lineage.reader = Slow(("slow",), on)  # type: ignore[assignment]
    slow = {id_of(f"shop.sales.v{n}"): asset(f"shop.sales.v{n}", f"SELECT id FROM orders /* slow {n} */") for n in range(30)}
    lineage.follow(asset("shop.sales.orders", columns=ID), *slow.values())
    lineage.feed.remove(*sorted(slow)[:-1])
    lineage.follow()
    again = second_tries(lineage, Slow(()))
    assert again.step()
    assert not again.step()
    with lineage.database.read() as connection:
        read = definitions.get(connection, [max(slow)])[max(slow)]
        columns = column_readings.get(connection, [max(slow)])[max(slow)]
    assert (read.problem, columns.problem) == (None, None)


def test_the_follower_tries_again_while_there_is_nothing_new(lineage: Lineage) -> None:
    """And only then."""
    stop, calls = threading.Event(), []

    def idle() -> bool:
        calls.append(len(lineage.rows(lineages.tables.definition)))
        stop.set()
        return False

    lineage.feed.put(asset("shop.sales.orders"), asset("shop.sales.paid", "SELECT id FROM orders"))
    lineage.follower().run_until(stop, idle=idle)
    assert calls == [1]


def job_sql(made: Lineage, reader: Slow, patient: Slow | None) -> tuple[EventIntake, JobSql]:
    found = JobSql(made.database, reader, lambda: NAMESPACES, key=lambda: b"k" * 32, patient=patient)
    return EventIntake(made.database, lambda: NAMESPACES, sql=found), found


def statements(made: Lineage) -> list[tuple[Any, ...]]:
    return sorted((row["state"], row["problem"]) for row in made.rows(event_tables.job_statement))


TOLD = {"inputs": [dataset("shop.public.orders")], "outputs": [dataset("shop.mart.daily")]}
TEXT = "INSERT INTO mart.daily SELECT id FROM public.orders -- slow"


@pytest.mark.parametrize("on", [("shape",), ("usage",)])
def test_a_jobs_statement_that_took_too_long_is_read_again(lineage: Lineage, on: tuple[str, ...]) -> None:
    """It stands once, as it was read at last, with the times of its events."""
    lineage.follow(asset("shop.public.orders", columns=ID), asset("shop.mart.daily", columns=ID))
    intake, found = job_sql(lineage, Slow(("slow",), on), Slow(()))
    sent.send(intake, run_event("COMPLETE", "2026-11-01T10:00:00Z", job_facets=sql(TEXT), **TOLD))
    assert found.step()
    assert statements(lineage) == [("unparsed", TIMED_OUT)]
    found.catch_up()
    assert statements(lineage) == [("parsed", None)]
    assert [row["first_at"].hour for row in lineage.rows(event_tables.job_statement)] == [10]
    assert lineage.rows(lineages.tables.observed_column)


def test_a_jobs_statement_has_one_second_try(lineage: Lineage) -> None:
    """Whatever other runs bring the same text."""
    patient = Slow(("slow",), problem=Problem.TIMEOUT_AGAIN)
    intake, found = job_sql(lineage, Slow(("slow",)), patient)
    for hour in (10, 11, 12):
        sent.send(intake, run_event("COMPLETE", f"2026-11-01T{hour}:00:00Z", str(hour), job_facets=sql(TEXT), **TOLD))
        found.catch_up()
    assert statements(lineage) == [("unparsed", AGAIN)]
    assert patient.asked == ["shape"]
    with lineage.database.read() as connection:
        (jobs,) = coverage(connection, FULL_SCOPE).jobs
    assert jobs.reasons == {AGAIN: 1}


def test_without_patience_nothing_is_tried_again(lineage: Lineage) -> None:
    """The statement stays as it is."""
    intake, found = job_sql(lineage, Slow(("slow",)), None)
    sent.send(intake, run_event("COMPLETE", "2026-11-01T10:00:00Z", job_facets=sql(TEXT), **TOLD))
    found.catch_up()
    assert statements(lineage) == [("unparsed", TIMED_OUT)]


def test_no_transaction_is_open_while_a_jobs_text_is_read(lineage: Lineage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading takes long: a snapshot that is held keeps a database from tidying up."""
    opened_now: list[int] = []
    during: list[int] = []
    for name in ("read", "write"):
        real = getattr(lineage.database, name)
        monkeypatch.setattr(lineage.database, name, _counted(real, opened_now))

    class Watching(Slow):
        def _late(self, text: str, what: str) -> bool:
            during.append(len(opened_now))
            return super()._late(text, what)

    intake, found = job_sql(lineage, Watching(()), None)
    sent.send(intake, run_event("COMPLETE", "2026-11-01T10:00:00Z", job_facets=sql(TEXT), **TOLD))
    found.catch_up()
    assert during
    assert set(during) == {0}
    assert statements(lineage) == [("parsed", None)]


def _counted(real: Any, opened_now: list[int]) -> Any:
    @contextmanager
    def counted() -> Iterator[Any]:
        with real() as connection:
            opened_now.append(1)
            try:
                yield connection
            finally:
                opened_now.pop()

    return counted
