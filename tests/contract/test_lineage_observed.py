"""Edges that runs and logs show, and states that arrive late: the rows are the same in any order. SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.lineage.graph import snapshot_of
from services.lineage.store import checkpoint, column_edges, edges, observed, tables
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.edges import Edge
from services.lineage.store.observed import Observation
from tests.support import lineages
from tests.support.lineages import BEGIN, Lineage, asset, id_of

DAY = dt.timedelta(days=1)
A, B, C = (id_of(f"shop.s.{name}") for name in "abc")


@pytest.fixture(params=lineages.DATABASES)
def lineage(request, tmp_path) -> Iterator[Lineage]:
    yield from lineages.opened(request.param, request, tmp_path)


def test_observations_in_any_order_make_the_same_rows(lineage):
    """First and last seen are the events' extremes, counts add up, the surest origin counts."""
    said = [
        Observation(A, B, observed.RUN, "job1", BEGIN + 2 * DAY, count=3),
        Observation(A, B, observed.RUN, "job1", BEGIN, confidence=0.5),
        Observation(A, B, observed.RUN, "job2", BEGIN + DAY),
        Observation(A, B, observed.LOG, "job1", BEGIN + DAY),
    ]
    found = []
    for order in itertools.permutations(said):
        with lineage.database.write() as connection:
            connection.execute(tables.observed.delete())
            first, *_ = [observed.put(connection, [one], BEGIN) for one in order]
            assert first
        rows = [{name: value for name, value in row.items() if name != "id"} for row in lineage.rows(tables.observed)]
        found.append(sorted(rows, key=lambda row: (row["kind"], row["origin"])))
    assert all(one == found[0] for one in found)
    run = next(row for row in found[0] if (row["kind"], row["origin"]) == (observed.RUN, "job1"))
    assert (run["first_seen"], run["last_seen"], run["count"], run["confidence"]) == (BEGIN, BEGIN + 2 * DAY, 4, 1.0)


def test_what_is_seen_again_on_the_same_day_is_no_news(lineage):
    """A snapshot is made anew for a pair that is new, for another day, for more confidence; not for each run."""
    one = Observation(A, B, observed.LOG, "f", BEGIN, confidence=0.5)
    later = dt.timedelta(hours=1)
    with lineage.database.write() as connection:
        assert observed.put(connection, [one], BEGIN)
        assert not observed.put(connection, [Observation(A, B, observed.LOG, "f", BEGIN + later, confidence=0.5)], BEGIN)
        assert observed.put(connection, [Observation(A, B, observed.LOG, "f", BEGIN + DAY, confidence=0.5)], BEGIN)
        assert observed.put(connection, [Observation(A, B, observed.LOG, "f", BEGIN, confidence=0.9)], BEGIN)
        assert not observed.put(connection, [], BEGIN)


def test_the_graph_has_what_was_seen_until_it_is_stale(lineage):
    """One edge a pair and kind, with how often and when it was seen; none when it has not been seen for the set time."""
    lineage.follow(asset("shop.s.a"), asset("shop.s.b"))
    with lineage.database.write() as connection:
        said = [Observation(A, B, observed.RUN, job, dt.datetime.now(dt.UTC) - DAY, count=2) for job in ("x", "y")]
        observed.put(connection, said, BEGIN)
        checkpoint.raise_version(connection)
    lineage.graph.refresh()
    (edge,) = lineage.walk("shop.s.b").edges
    day = said[0].at.date()
    assert (edge.source, edge.target, edge.kind) == (A, B, "run")
    assert edge.evidence == (f"seen 4 times in runs of 2 jobs on {day}",)
    with lineage.database.write() as connection:
        assert observed.set_stale_days(connection, 0.5)
        assert not observed.set_stale_days(connection, 0.5)
        assert observed.turned_stale(connection, said[0].at, dt.datetime.now(dt.UTC))
        assert not observed.turned_stale(connection, dt.datetime.now(dt.UTC) - DAY / 4, dt.datetime.now(dt.UTC))
        checkpoint.raise_version(connection)
    lineage.graph.refresh()
    assert lineage.walk("shop.s.b").edges == ()


def test_states_in_any_order_make_the_same_intervals(lineage):
    """Four states of a view, in every order: what holds when is the same, and what never stopped is one row."""
    states = {0: {A}, 1: {A, C}, 2: {A}, 3: {A, C}}

    def edge(source):
        return Edge(source, B, edges.VIEW, ("definition of b",), 1.0)

    found = set()
    for order in itertools.permutations(states):
        with lineage.database.write() as connection:
            for table in (tables.edge, tables.state):
                connection.execute(table.delete())
            for day in order:
                edges.replace(connection, {B: {edge(source) for source in states[day]}}, {B: BEGIN + day * DAY}, BEGIN)
        rows = lineage.rows(tables.edge)
        found.add(frozenset((row["source_id"], row["valid_from"], row["valid_to"]) for row in rows))
        assert len(rows) == 3
    expected = {(A, BEGIN, None), (C, BEGIN + DAY, BEGIN + 2 * DAY), (C, BEGIN + 3 * DAY, None)}
    assert found == {frozenset(expected)}


def test_columns_of_definitions_and_of_runs_are_kept_apart(lineage):
    """A definition's end with it; a run's only grow. Storing the same again changes nothing."""
    first = ColumnEdge(A, "id", B, "id", "identity", edges.VIEW)
    with lineage.database.write() as connection:
        assert column_edges.replace(connection, B, [first], BEGIN)
        assert not column_edges.replace(connection, B, [first], BEGIN)
        assert column_edges.replace(connection, B, [], BEGIN + DAY)
        for at in (BEGIN + DAY, BEGIN):
            column_edges.put_observed(connection, [first], kind=observed.RUN, origin="job", at=at, arrived=BEGIN)
    (row,) = lineage.rows(tables.column_edge)
    assert (row["valid_from"], row["valid_to"], row["basis"]) == (BEGIN, BEGIN + DAY, "view")
    (seen,) = lineage.rows(tables.observed_column)
    assert (seen["first_seen"], seen["last_seen"], seen["count"], seen["basis"]) == (BEGIN, BEGIN + DAY, 2, "run")


def test_what_was_seen_follows_a_dataset_to_its_new_id(lineage):
    """A table that is renamed keeps what runs showed of it, joined with what they showed under the new name."""
    with lineage.database.write() as connection:
        for target, at in ((B, BEGIN), (C, BEGIN + DAY)):
            observed.put(connection, [Observation(A, target, observed.RUN, "job", at)], BEGIN)
        observed.follow(connection, B, C)
    (row,) = lineage.rows(tables.observed)
    assert (row["target_id"], row["first_seen"], row["last_seen"], row["count"]) == (C, BEGIN, BEGIN + DAY, 2)


def test_columns_that_were_seen_follow_a_dataset_and_meet_those_of_its_new_id(lineage):
    """Nothing of either is lost: the first and the last time of both, the counts together, the surer word."""
    with lineage.database.write() as connection:
        for target, at, count, sure in ((B, BEGIN + DAY, 2, 0.9), (C, BEGIN, 3, 0.5)):
            edge = ColumnEdge(A, "id", target, "id", "identity", confidence=sure)
            column_edges.put_observed(
                connection, [edge], kind=observed.LOG, origin="f", at=at, arrived=at + DAY, count=count
            )
        assert column_edges.follow(connection, {B: C})
        assert not column_edges.follow(connection, {B: C})
    (row,) = lineage.rows(tables.observed_column)
    assert (row["target_id"], row["first_seen"], row["last_seen"]) == (C, BEGIN, BEGIN + DAY)
    assert (row["count"], row["confidence"], row["arrived_at"]) == (5, 0.9, BEGIN + DAY)


def test_a_graph_that_took_long_is_not_made_anew_with_each_event(lineage, monkeypatch):
    """While events come the next build waits; once the store is as at the last look it does not."""
    built, now = [], [0.0]
    monkeypatch.setattr("services.lineage.graph.time.monotonic", lambda: now[0])
    made = snapshot_of([], [])

    def load(connection, state):
        built.append(state.version)
        now[0] += 10.0
        return replace(made, version=state.version)

    monkeypatch.setattr("services.lineage.graph._load", load)

    def event():
        with lineage.database.write() as connection:
            checkpoint.raise_version(connection)

    looks = []
    for changes in (1, 1, 1, 0, 1, 0, 0):
        for _ in range(changes):
            event()
        lineage.graph.refresh_if_due(settled=True)
        now[0] += 0.5
        looks.append(len(built))
    assert looks == [1, 1, 1, 2, 2, 3, 3]
    event()
    now[0] += 100.0
    lineage.graph.refresh_if_due(settled=False)
    assert len(built) == 4
