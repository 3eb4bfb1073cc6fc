"""The SQL that events bring, in any order, any grouping, any number of times, and read whenever there is time: one graph."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.runtime.db import Database
from services.lineage.events.intake import EventIntake
from services.lineage.statements.jobs import JobSql
from tests.support import events as sent
from tests.support.lineages import sqlite_database

Sent = dict[str, Any]
TIMES = tuple(f"2026-11-01T10:0{minute}:00Z" for minute in range(5))
TEXTS = (
    "INSERT INTO daily SELECT day, sum(amount) AS amount FROM orders WHERE state = 'paid' GROUP BY day",
    "INSERT INTO daily SELECT day, sum(amount) AS amount FROM orders WHERE state = 'open' GROUP BY day",
    "SELECT o.day, c.name FROM orders o JOIN customers c ON c.id = o.customer_id",
    "CREATE TABLE mart.weekly AS SELECT day AS week, amount FROM mart.daily",
    "INSERT INTO shop.mart.weekly SELECT 1 FROM (",
)
TABLES = ("shop.public.orders", "shop.public.customers", "shop.mart.daily", "shop.mart.weekly")


@contextmanager
def reading() -> Iterator[tuple[EventIntake, JobSql, Database]]:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite_database(Path(folder))
        yield *sent.with_sql(database), database
        database.close()


@st.composite
def events(draw: st.DrawFn) -> Sent:
    facets: Sent = {}
    if draw(st.integers(0, 3)):
        facets = sent.sql(draw(st.sampled_from(TEXTS)), **({"dialect": "postgres"} if draw(st.booleans()) else {}))
    said: Sent = {}
    if draw(st.integers(0, 4)) == 0:
        said["columnLineage"] = sent.columns_from("shop.public.orders", ("amount", "amount"), subtype="TRANSFORMATION")
    tables = st.lists(st.sampled_from(TABLES), max_size=2, unique=True)
    return sent.run_event(
        draw(st.sampled_from(["START", "COMPLETE"])),
        draw(st.sampled_from(TIMES)),
        draw(st.sampled_from(["one", "two"])),
        draw(st.sampled_from(["load", "report"])),
        inputs=[sent.dataset(name) for name in draw(tables)],
        outputs=[sent.dataset(name, **said) for name in draw(tables)],
        job_facets=facets,
    )


def left_by(database: Database) -> Mapping[str, Sequence[str]]:
    """What is left behind. Datasets that no edge names any more are none, and which there are tells how often was looked."""
    return {name: rows for name, rows in sent.state(database).items() if name != "node"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(events(), min_size=1, max_size=5), st.data())
def test_the_order_in_which_sql_comes_and_is_read_decides_nothing(told: Sequence[Sent], data: st.DataObject) -> None:
    """All taken and then read, against: shuffled, some twice, in batches cut anywhere, read in between or not."""
    with reading() as (intake, job_sql, database):
        sent.send(intake, *told)
        job_sql.catch_up()
        expected = left_by(database)
    again = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]))
    cut = data.draw(st.integers(0, len(again)))
    with reading() as (intake, job_sql, database):
        for part in (again[:cut], again[cut:]):
            if data.draw(st.booleans()):
                sent.send_batch(intake, part)
            else:
                for event in part:
                    sent.send(intake, event)
                    job_sql.catch_up()
            if data.draw(st.booleans()):
                job_sql.catch_up()
        job_sql.catch_up()
        assert left_by(database) == expected
