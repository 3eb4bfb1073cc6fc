"""Events in any order, any grouping and any number of times leave the same jobs, runs, datasets and edges."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.model.events import Fate
from services.common.runtime.db import Database
from services.lineage.events.intake import EventIntake
from tests.support import events as sent
from tests.support.campaigns import examples
from tests.support.lineages import sqlite_database

Sent = dict[str, Any]
TABLES = ("shop.public.orders", "shop.public.customers", "shop.mart.daily", "shop.mart.weekly")
FILES = ("/lake/orders", "/lake/daily")
LAKE = "s3://lake"
TIMES = tuple(f"2026-11-01T10:0{minute}:00Z" for minute in range(5))


@contextmanager
def intake() -> Iterator[tuple[EventIntake, Database]]:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite_database(Path(folder))
        yield EventIntake(database, lambda: sent.NAMESPACES), database
        database.close()


@st.composite
def datasets(draw: st.DrawFn) -> Sent:
    facets: Sent = {}
    if draw(st.booleans()):
        name, namespace = draw(st.sampled_from(FILES)), LAKE
        if draw(st.booleans()):
            table = draw(st.sampled_from(TABLES))
            facets["symlinks"] = sent.symlink(table, type_=draw(st.sampled_from(["TABLE", "LOCATION"])))
    else:
        name, namespace = draw(st.sampled_from(TABLES)), draw(st.sampled_from([sent.WH, "postgres://replica:5432"]))
    if draw(st.booleans()):
        facets["documentation"] = {"description": draw(st.sampled_from(["old", "new", "newest"]))}
    if draw(st.booleans()):
        source = draw(st.sampled_from(TABLES))
        facets["columnLineage"] = sent.columns_from(source, ("a", draw(st.sampled_from("xy"))))
    return sent.dataset(name, namespace, **facets)


@st.composite
def events(draw: st.DrawFn) -> Sent:
    lists = st.lists(datasets(), max_size=2)
    error = {"errorMessage": {"message": draw(st.sampled_from(["no disk", "no net"])), "programmingLanguage": "SQL"}}
    event = sent.run_event(
        draw(st.sampled_from(["START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER"])),
        draw(st.sampled_from(TIMES)),
        draw(st.sampled_from(["one", "two"])),
        draw(st.sampled_from(["load", "report"])),
        inputs=draw(lists),
        outputs=draw(lists),
        run_facets=error if draw(st.booleans()) else None,
    )
    if draw(st.integers(0, 5)) == 0:  # a job's own event
        del event["run"], event["eventType"]
    return event


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(events(), min_size=1, max_size=6), st.data())
def test_the_order_of_events_decides_nothing(told: Sequence[Sent], data: st.DataObject) -> None:
    """Each alone as they came, against: shuffled, some twice, in batches cut anywhere."""
    with intake() as (one, database):
        sent.send(one, *told)
        expected = sent.state(database)
    again = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]))
    cut = data.draw(st.integers(0, len(again)))
    with intake() as (other, database):
        for part in (again[:cut], again[cut:]):
            sent.send_batch(other, part)
        assert sent.state(database) == expected


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events(), min_size=1, max_size=4))
def test_what_was_stored_is_a_duplicate_and_changes_nothing(told: Sequence[Sent]) -> None:
    """Sent again, alone and as a batch."""
    with intake() as (one, database):
        sent.send(one, *told)
        before = sent.state(database)
        assert {outcome.fate for outcome in sent.send(one, *told)} == {Fate.DUPLICATE}
        assert {outcome.fate for outcome in sent.send_batch(one, told)} == {Fate.DUPLICATE}
        assert sent.state(database) == before


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(events(), min_size=1, max_size=4))
def test_a_source_that_is_configured_later_leaves_what_it_would_have_left_before(told: Sequence[Mapping[str, Any]]) -> None:
    """Names are aligned with the namespaces of the day, edges and all."""
    with intake() as (one, database):
        sent.send(one, *told)
        expected = sent.state(database)
    known = [sent.Namespaces()]
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite_database(Path(folder))
        late = EventIntake(database, lambda: known[0])
        sent.send(late, *told)
        known[0] = sent.NAMESPACES
        late.forget_namespaces()
        late.realign()
        found = sent.state(database)
        database.close()
    # whose a node is that was known before is the feed's to say
    assert {name: rows for name, rows in found.items() if name != "node"} == {
        name: rows for name, rows in expected.items() if name != "node"
    }
