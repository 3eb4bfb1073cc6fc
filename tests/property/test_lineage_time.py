"""Event time: whatever the order in which states and observations arrive, the graph is the same at any date."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from services.common.model.names import AssetId
from services.common.runtime.db import Database
from services.lineage.store import column_edges, edges, observed, tables
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.edges import Edge
from services.lineage.store.flows import When, between, between_columns
from services.lineage.store.observed import Observation
from tests.support import lineages
from tests.support.campaigns import examples
from tests.support.lineages import BEGIN, id_of

DAY = dt.timedelta(days=1)
NAMES = [id_of(f"shop.s.t{number}") for number in range(6)]
COLUMNS = ("a", "b", "*")
DATES = [BEGIN + DAY * (number * 2 - 10) for number in range(50)]
SEEDS = st.integers(0, 2**32 - 1).map(random.Random)
Event = tuple[str, AssetId, dt.datetime, Any]


@pytest.fixture
def database(tmp_path: Path) -> Iterable[Database]:
    made = lineages.sqlite_database(tmp_path)
    yield made
    made.close()


def history(chance: random.Random) -> list[Event]:
    """States of what tables are made from, of their columns, and what runs and logs saw; two states have two instants."""
    made: list[Event] = []
    for target in NAMES:
        for what in ("table", "column"):
            for day in sorted(chance.sample(range(80), chance.randint(0, 6))):
                sources = frozenset(chance.sample(NAMES, chance.randint(0, 3))) - {target}
                made.append((what, target, BEGIN + day * DAY, sources))
    for _ in range(chance.randint(0, 15)):
        source, target = chance.sample(NAMES, 2)
        kind = chance.choice((observed.RUN, observed.LOG))
        at = BEGIN + chance.random() * 80 * DAY
        made.append(("seen", target, at, (source, kind, chance.choice("xy"))))
    return sorted(made, key=lambda event: event[2])


def put(connection: Connection, event: Event, arrived: dt.datetime) -> None:
    what, target, at, told = event
    if what == "seen":
        source, kind, origin = told
        observed.put(connection, [Observation(source, target, kind, origin, at)], arrived)
        edge = ColumnEdge(source, "a", target, "b", "identity")
        column_edges.put_observed(connection, [edge], kind=kind, origin=origin, at=at, arrived=arrived)
    elif what == "table":
        made = {Edge(source, target, edges.VIEW, ("definition",), 1.0) for source in told}
        edges.replace(connection, {target: made}, {target: at}, arrived)
    else:
        found = [ColumnEdge(source, "a", target, "b", "filter", edges.VIEW) for source in told]
        column_edges.replace(connection, target, found, at, arrived)


def replayed(database: Database, events: Iterable[Event]) -> tuple[list[Any], list[Any]]:
    """What holds at each date, and the rows, after events in this order of arrival."""
    with database.write() as connection:
        for table in (tables.edge, tables.state, tables.column_edge, tables.observed, tables.observed_column):
            connection.execute(table.delete())
        for number, event in enumerate(events):
            put(connection, event, BEGIN + 100 * DAY + number * DAY)
        dates = []
        for date in DATES:
            when = When(date, BEGIN + 200 * DAY, 30 * DAY)
            keys = [(name, column) for name in NAMES for column in COLUMNS]
            flows = {
                *between(connection, NAMES, upstream=True, when=when),
                *between_columns(connection, keys, upstream=False, when=when),
            }
            dates.append(sorted(map(str, flows)))
        rows = []
        for table in (tables.edge, tables.column_edge, tables.observed, tables.observed_column):
            found = connection.execute(table.select()).mappings()
            rows.append(sorted(str([v for name, v in row.items() if name not in ("id", "arrived_at")]) for row in found))
    return dates, rows


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEEDS)
def test_any_order_of_arrival_gives_the_same_graph_at_any_date(database, chance):
    """At 50 dates, of tables and of columns; and the very rows, so that intervals do not fall to pieces."""
    events = history(chance)
    shuffled = chance.sample(events, len(events))
    assert replayed(database, shuffled) == replayed(database, events)


def test_the_dates_tell_histories_apart(database):
    """Otherwise the test above would prove nothing: a state that is left out is seen."""
    events = [event for event in history(random.Random(7)) if event[0] == "table"]
    whole, _ = replayed(database, events)
    assert len({str(date) for date in whole}) > 5
    for left_out in events:
        fewer, _ = replayed(database, [event for event in events if event is not left_out])
        if fewer != whole:
            break
    else:
        pytest.fail("no state makes a difference")
