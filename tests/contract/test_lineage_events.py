"""The port `LineageEvents`: one suite for the intake itself and for its client over HTTP, on SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from services.common.errors import BadRequest, NotFound, ServiceUnavailable, Unauthenticated
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope
from services.common.model.assets import Kind
from services.common.model.changes import Seq
from services.common.model.events import (
    Delivery,
    EventsRequest,
    Fate,
    JobsRequest,
    RunsRequest,
    RunState,
    job_id,
)
from services.common.ports import LineageEvents
from services.common.runtime.cursors import cursor_of
from services.common.runtime.service_client import ServiceClient
from services.lineage.events.app import create_router
from services.lineage.events.client import HttpEvents
from services.lineage.events.intake import EventIntake
from services.lineage.store import checkpoint, datasets, event_tables, tables
from services.lineage.store.observed import RUN
from tests.support import lineages
from tests.support.events import NAMESPACES as KNOWN
from tests.support.events import WH, columns_from, dataset, run_event, run_id, symlink
from tests.support.wires import WAYS, client_of, internal_app, reached

AT, END = "2026-11-01T10:00:00Z", "2026-11-01T10:05:00Z"
NOW = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
GOLDEN = Path(__file__).parents[1] / "golden" / "openlineage"
NOT_HR = AccessScope(("*",), ("*.hr",))


@pytest.fixture(params=lineages.DATABASES)
def intake(request, tmp_path) -> Iterator[EventIntake]:
    for made in lineages.opened(request.param, request, tmp_path):
        yield EventIntake(made.database, lambda: KNOWN, clock=lambda: NOW)


@pytest.fixture(params=WAYS)
def port(request, intake) -> Iterator[LineageEvents]:
    with reached(intake, request.param, create_router, HttpEvents) as port:
        yield port


def sent(port: LineageEvents, *events: object) -> list[Fate]:
    return [
        outcome.fate
        for outcome in port.accept(Delivery(json.dumps(events), batch=True, by="airflow", scope=FULL_SCOPE)).outcomes
    ]


def test_a_delivery_is_stored_once_and_told_apart(port, intake):
    """Accepted, duplicate in it and of before, rejected with its place; the sender is on record."""
    good = run_event("START", AT, inputs=[dataset("shop.public.orders")])
    assert sent(port, good, good, {"eventTime": AT}) == [Fate.ACCEPTED, Fate.DUPLICATE, Fate.REJECTED]
    assert sent(port, good) == [Fate.DUPLICATE]
    (refused,) = port.accept(Delivery(json.dumps(run_event("START", "soon")), scope=FULL_SCOPE)).outcomes
    assert (refused.fate, refused.pointer) == (Fate.REJECTED, "/eventTime")
    with intake._database.read() as connection:
        assert connection.execute(select(event_tables.event.c.by)).scalars().all() == ["airflow"]


def test_what_is_said_again_is_no_news_for_the_catalog(port):
    """Another run of the same tables is stored, and nobody has to look; a new column is news."""

    def news(at: str, *fields: str) -> bool:
        schema = {"fields": [{"name": name, "type": "int"} for name in fields]}
        event = run_event("RUNNING", at, run=f"of {at}", outputs=[dataset("shop.public.orders", schema=schema)])
        taken = port.accept(Delivery(json.dumps(event), scope=FULL_SCOPE))
        assert taken.outcomes[0].fate is Fate.ACCEPTED
        return taken.news

    found = [news(AT, "id"), news(END, "id"), news("2026-11-01T11:00:00Z", "id", "total")]
    assert found == [True, False, True]
    assert not port.accept(Delivery(json.dumps({}), scope=FULL_SCOPE)).news


@pytest.mark.parametrize("text", ["", "{", "[1, 2", '{"a": 1} x', "[" * 100_000])
def test_what_is_no_json_is_an_error_with_its_place(port, text):
    """The place is where in the text."""
    with pytest.raises(BadRequest) as raised:
        port.accept(Delivery(text, scope=FULL_SCOPE))
    assert "start" in raised.value.errors[0]


def test_a_batch_is_an_array(port):
    """An object is none."""
    with pytest.raises(BadRequest, match="array"):
        port.accept(Delivery("{}", batch=True, scope=FULL_SCOPE))


def test_a_run_is_followed_to_its_end(port):
    """States by the events' own times, whatever comes late; the error masked; durations from start to end."""
    error = {
        "errorMessage": {
            "message": 'relation "x" lacks value "4711-canary" at token=abc123def456',
            "programmingLanguage": "SQL",
        }
    }
    sent(port, run_event("FAIL", END, run_facets=error), run_event("RUNNING", "2026-11-01T10:04:00Z"))
    sent(port, run_event("START", AT), run_event("OTHER", "2026-11-01T10:09:00Z"))
    page = port.runs(RunsRequest(FULL_SCOPE, job_id("airflow", "load")))
    run = page.runs[0]
    assert (run.id, run.state, run.duration_ms) == (run_id("one"), RunState.FAIL, 300_000)
    assert run.error == 'relation "x" lacks value "***" at token=***'
    assert page.job is not None
    assert page.job.latest == run


def test_a_clock_that_goes_back_has_no_duration(port):
    """The end is before the start."""
    sent(port, run_event("START", END), run_event("COMPLETE", AT))
    assert port.runs(RunsRequest(FULL_SCOPE, job_id("airflow", "load"))).runs[0].duration_ms is None


def test_facts_follow_what_events_say(port):
    """The newest word of each facet; a name that is another's is given up; nothing new is an empty page."""
    schema = {"fields": [{"name": "id", "type": "int", "description": "key"}]}
    old = dataset("/lake/t", "s3://b", documentation={"description": "old"}, datasetType={"datasetType": "VIEW"})
    sent(port, run_event("START", AT, outputs=[old]))
    first = port.datasets(0)
    assert [(fact.name.qualified, fact.description, fact.kind) for fact in first.facts] == [("/lake/t", "old", Kind.VIEW)]
    new = dataset("/lake/t", "s3://b", documentation={"description": "new"}, schema=schema, symlinks=symlink("shop.mart.t"))
    sent(port, run_event("COMPLETE", END, outputs=[new]))
    second = port.datasets(first.upto)
    told = {fact.name.qualified: fact for fact in second.facts}
    assert told["shop.mart.t"].description == "new"
    assert told["shop.mart.t"].columns[0].description == "key"
    assert told["/lake/t"].is_now == told["shop.mart.t"].name
    third = port.datasets(second.upto)
    assert (third.facts, third.upto) == ((), second.head)
    with pytest.raises(BadRequest):
        port.datasets(-1)


def test_jobs_are_listed_inside_a_scope(port):
    """In order, by part of a name, by dataset, in pages; hidden ones count nowhere."""
    for name, table in (("b", "shop.public.orders"), ("a", "shop.hr.pay"), ("c", "shop.public.orders")):
        sent(port, run_event("START", AT, name, name, inputs=[dataset(table)]))
    assert [job.name for job in port.jobs(JobsRequest(FULL_SCOPE)).jobs] == ["a", "b", "c"]
    first = port.jobs(JobsRequest(NOT_HR, limit=1))
    assert ([job.name for job in first.jobs], first.total) == (["b"], 2)
    assert [job.name for job in port.jobs(JobsRequest(NOT_HR, limit=1, after=first.cursor)).jobs] == ["c"]
    assert port.jobs(JobsRequest(NO_SCOPE)).total == 0
    assert [job.name for job in port.jobs(JobsRequest(FULL_SCOPE, text="A")).jobs] == ["a"]
    orders = lineages.id_of("shop.public.orders")
    assert [job.name for job in port.jobs(JobsRequest(FULL_SCOPE, datasets=(orders,))).jobs] == ["b", "c"]
    with pytest.raises(NotFound):
        port.runs(RunsRequest(NOT_HR, job_id("airflow", "a")))
    for wrong in ("x", "bm9uZQ"):
        with pytest.raises(BadRequest):
            port.jobs(JobsRequest(FULL_SCOPE, after=wrong))
    for odd in ("\ud800", "a\0"):  # no database takes it
        with pytest.raises(BadRequest):
            port.runs(RunsRequest(FULL_SCOPE, job_id("airflow", "b"), after=cursor_of("2031-05-01T12:00:00Z", odd)))


def test_events_are_kept_without_what_may_not_be(port, intake):
    """SQL as its hash, secrets and literals masked, unknown facets as they are; none for a scope that is not full."""
    facets = {
        "sql": {"query": "SELECT 'qwertzuiop' FROM t"},
        "custom": {"deep": [{"x": 1}], "password": "hunter22", "note": "select a from b where c = 'qwertzuiop' and d = 1"},
    }
    sent(port, run_event("START", AT, job_facets=facets))
    page = port.events(EventsRequest(FULL_SCOPE))
    assert page.total == 1
    kept = json.loads(page.events[0])["job"]["facets"]
    assert set(kept["sql"]) == {"sha256"}
    assert kept["custom"] == {"deep": [{"x": 1}], "password": "***", "note": "select a from b where c = *** and d = ***"}
    assert "qwertzuiop" not in page.events[0]
    assert "qwertzuiop" not in json.dumps(port.jobs(JobsRequest(FULL_SCOPE)).jobs[0].facets)
    assert port.events(EventsRequest(NOT_HR)).total == 0


def test_texts_of_events_go_and_what_they_told_stays(intake):
    """Older than they are kept; the event is still a duplicate."""
    event = run_event("START", AT)
    send = Delivery(json.dumps(event), scope=FULL_SCOPE)
    EventIntake(intake._database, lambda: KNOWN, clock=lambda: NOW - dt.timedelta(hours=12)).accept(send)
    young = EventIntake(intake._database, lambda: KNOWN, keep_days=1, clock=lambda: NOW)
    assert young.forget() == 0
    old = EventIntake(intake._database, lambda: KNOWN, keep_days=1, clock=lambda: NOW + dt.timedelta(days=1))
    assert old.forget() == 1
    assert old.events(EventsRequest(FULL_SCOPE)).total == 0
    assert old.accept(send).outcomes[0].fate is Fate.DUPLICATE
    assert old.jobs(JobsRequest(FULL_SCOPE)).total == 1


def test_edges_between_columns_have_their_kinds(port, intake):
    """DIRECT and INDIRECT subtypes of columnLineage 1-2-0, and its list about the whole dataset."""
    one = {"namespace": WH, "name": "shop.public.orders"}
    subtypes = {
        "a": ("DIRECT", "IDENTITY"),
        "b": ("DIRECT", "AGGREGATION"),
        "c": ("INDIRECT", "GROUP_BY"),
        "d": ("INDIRECT", "WINDOW"),
    }
    fields = {
        into: {"inputFields": [one | {"field": "x", "transformations": [{"type": kind, "subtype": subtype}]}]}
        for into, (kind, subtype) in subtypes.items()
    }
    whole = [one | {"field": "y", "transformations": [{"type": "INDIRECT", "subtype": "FILTER"}]}]
    sent(
        port,
        run_event("COMPLETE", END, outputs=[dataset("shop.mart.t", columnLineage={"fields": fields, "dataset": whole})]),
    )
    with intake._database.read() as connection:
        rows = connection.execute(select(tables.observed_column)).all()
        edges = connection.execute(select(tables.observed)).all()
    assert {(row.source_column, row.target_column, row.kind) for row in rows} == {
        ("x", "a", "identity"),
        ("x", "b", "aggregation"),
        ("x", "c", "group"),
        ("x", "d", "window"),
        ("y", "*", "filter"),
    }
    assert [(row.kind, row.origin) for row in edges] == [(RUN, job_id("airflow", "load"))]


def test_an_alias_of_a_namespace_is_the_namespace(port):
    """A replica's address, and the port left out."""
    for namespace in ("postgres://replica:5432", "postgresql://DB1"):
        sent(port, run_event("START", AT, namespace, inputs=[dataset("shop.public.orders", namespace)]))
    (job,) = port.jobs(JobsRequest(FULL_SCOPE)).jobs
    assert [(name.namespace, name.qualified) for name in job.inputs] == [(WH, "shop.public.orders")]
    assert columns_from("a", ("b", "c"))


def test_a_service_that_is_away_or_a_wrong_key_is_told(intake):
    """503 and 401, as errors of ours."""
    with pytest.raises(ServiceUnavailable):
        HttpEvents(ServiceClient("lineage", "http://127.0.0.1:1", "x" * 16)).datasets(0)
    with (
        client_of(internal_app(create_router(intake)), "asgi", key="another key than that") as client,
        pytest.raises(Unauthenticated),
    ):
        HttpEvents(client).datasets(0)


def told(name: str) -> list[dict[str, object]]:
    """Events in a producer's documented shape; the folder's page says what they are and are not."""
    return [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_sparks_locations_are_the_tables_of_their_symlinks(port, intake):
    """Recorded shape: edges between the tables of the metastore, columns too; nothing of the plan's literals is kept."""
    assert sent(port, *told("spark")) == [Fate.ACCEPTED, Fate.ACCEPTED]
    (job,) = port.jobs(JobsRequest(FULL_SCOPE)).jobs
    assert (job.type, job.latest.state if job.latest else None) == ("SQL_JOB", RunState.COMPLETE)
    ends = [(name.namespace, name.qualified) for name in (*job.inputs, *job.outputs)]
    assert ends == [("hive://metastore:9083", "shop.orders"), ("hive://metastore:9083", "shop.daily")]
    with intake._database.read() as connection:
        kinds = set(connection.execute(select(tables.observed_column.c.kind)).scalars())
    assert kinds == {"aggregation", "filter"}
    assert "qwertzuiop-canary" not in "".join(port.events(EventsRequest(FULL_SCOPE)).events)


def test_flinks_streams_run_on(port):
    """Recorded shape: a topic into a table, still running, a facet that nobody knows kept."""
    sent(port, *told("flink"))
    (job,) = port.jobs(JobsRequest(FULL_SCOPE)).jobs
    assert job.latest is not None
    assert (job.latest.state, job.latest.ended_at) == (RunState.RUNNING, None)
    assert [name.qualified for name in (*job.inputs, *job.outputs)] == ["clicks", "shop.public.clicks"]
    assert '"completed":12' in port.events(EventsRequest(FULL_SCOPE)).events[0]


def columns_said(intake: EventIntake) -> set[tuple[str, str, str]]:
    """Edges between columns by the last parts of the tables' names."""
    with intake._database.read() as connection:
        names = {row.id: row.parts[-1] for row in connection.execute(select(tables.node.c.id, tables.node.c.parts))}
        rows = connection.execute(select(tables.observed_column)).all()
    return {
        (f"{names[row.source_id]}.{row.source_column}", f"{names[row.target_id]}.{row.target_column}", row.kind)
        for row in rows
    }


def test_sparks_merge_into_iceberg_is_between_the_tables_of_the_symlinks(port, intake):
    """Each of several transformations is an edge; what decides about rows decides about every column."""
    assert sent(port, *told("spark_iceberg")) == [Fate.ACCEPTED, Fate.ACCEPTED]
    (job,) = port.jobs(JobsRequest(FULL_SCOPE)).jobs
    assert {name.qualified for name in job.inputs} == {"shop.updates", "shop.customers"}
    assert [name.qualified for name in job.outputs] == ["shop.customers"]
    assert columns_said(intake) == {
        ("updates.id", "customers.id", "identity"),
        ("updates.id", "customers.id", "conditional"),
        ("updates.mail", "customers.mail", "transformation"),
        ("customers.mail", "customers.mail", "identity"),
        ("updates.op", "customers.mail", "conditional"),
        ("updates.id", "customers.*", "join"),
        ("customers.id", "customers.*", "join"),
    }
    assert "qwertzuiop-canary" not in "".join(port.events(EventsRequest(FULL_SCOPE)).events)


def test_flinks_topics_are_datasets_of_their_broker(port, intake):
    """Two topics into a third; a dot is part of a topic's name; the run failed, and its edges stay."""
    assert set(sent(port, *told("flink_kafka"))) == {Fate.ACCEPTED}
    (job,) = port.jobs(JobsRequest(FULL_SCOPE)).jobs
    assert job.latest is not None
    assert (job.latest.state, job.latest.error) == (RunState.FAIL, "Checkpoint expired before completing")
    ends = [(name.namespace, name.qualified) for name in (*job.inputs, *job.outputs)]
    assert {namespace for namespace, _ in ends} == {"kafka://broker:9092"}
    assert len({name for _, name in ends}) == 3
    assert ("country", "country", "identity") in {
        (one.split(".")[-1], other.split(".")[-1], kind) for one, other, kind in columns_said(intake)
    }


def crawl(intake: EventIntake, seq: int, *names: str) -> None:
    """As the follower stores what a crawl shows."""
    with intake._database.write() as connection:
        datasets.put_crawled(connection, [datasets.Dataset.crawled(lineages.asset(name)) for name in names])
        checkpoint.advance(connection, Seq(seq), graph_changed=True)
    intake.realign()


def stands_for(intake: EventIntake) -> dict[str, str]:
    with intake._database.read() as connection:
        rows = connection.execute(select(event_tables.event_dataset)).all()
    return {".".join(row.parts): ".".join(row.asset_parts) for row in rows}


@pytest.mark.parametrize("first", ["crawl", "events"])
def test_no_event_makes_a_crawls_table_another(intake, first):
    """A symlink between two crawled tables joins nothing, whichever came first; names that no crawl shows follow the nearest."""
    tables_ = ("shop.a.one", "shop.b.two")
    if first == "crawl":
        crawl(intake, 1, *tables_)
    lake = dataset("/lake/x", "s3://b", symlinks=symlink("shop.b.two", type_="LOCATION"))
    joined = dataset("shop.a.one", symlinks=symlink("shop.b.two"))
    sent(intake, run_event("COMPLETE", END, inputs=[joined, lake], outputs=[dataset("shop.mart.t")]))
    if first == "events":
        assert len(set(stands_for(intake).values())) == 2
        crawl(intake, 1, *tables_)
    assert stands_for(intake) == {
        **{name: name for name in (*tables_, "shop.mart.t")},
        "/lake/x": "shop.b.two",
    }
    with intake._database.read() as connection:
        edges = connection.execute(select(tables.observed.c.source_id, tables.observed.c.target_id)).all()
    assert {tuple(edge) for edge in edges} == {(lineages.id_of(name), lineages.id_of("shop.mart.t")) for name in tables_}


def test_a_crawls_table_is_what_its_unlisted_names_stand_for(intake):
    """Even one that an event calls a location wins over one that an event calls the table."""
    crawl(intake, 1, "shop.a.one")
    sent(intake, {"eventTime": AT, "dataset": dataset("shop.z.odd", symlinks=symlink("shop.a.one", type_="LOCATION"))})
    sent(intake, {"eventTime": AT, "dataset": dataset("shop.z.odd", symlinks=symlink("shop.z.table"))})
    assert set(stands_for(intake).values()) == {"shop.a.one"}


def many(word: str, count: int) -> list[dict[str, object]]:
    return [dataset(f"shop.{word}.t{number}") for number in range(count)]


@pytest.mark.parametrize("way", ["a batch", "apart", "columns"])
def test_a_run_of_too_many_pairs_makes_no_edges_and_says_so(port, intake, way):
    """However they arrive: what was drawn before the run grew goes too; what the job reads and writes stays; other runs count."""
    start = run_event("START", AT, inputs=many("p", 150), outputs=many("q", 1))
    end = run_event("COMPLETE", END, outputs=many("q", 150))
    if way == "columns":
        start = run_event("START", AT, outputs=many("q", 1))
        fields = {"c": {"inputFields": [one | {"field": "a"} for one in many("p", 150)]}}
        made = dataset("shop.q.t0", columnLineage={"fields": fields})
        end = run_event("COMPLETE", END, outputs=[made, *many("q", 150)[1:]])
    other = run_event("COMPLETE", END, "two", inputs=many("p", 1), outputs=many("q", 1))
    for delivery in [[start, other, end]] if way == "a batch" else [[other], [start], [end]]:
        assert set(sent(port, *delivery)) == {Fate.ACCEPTED}
    with intake._database.read() as connection:
        edges = connection.execute(select(tables.observed)).all()
    assert [(edge.source_id, edge.target_id, edge.count) for edge in edges] == [
        (lineages.id_of("shop.p.t0"), lineages.id_of("shop.q.t0"), 1)
    ]
    page = port.runs(RunsRequest(FULL_SCOPE, job_id("airflow", "load")))
    assert {run.id: run.truncated for run in page.runs} == {run_id("one"): True, run_id("two"): False}
    assert page.job is not None
    assert (len(page.job.inputs), len(page.job.outputs)) == (150, 150)


def test_columns_of_two_outputs_that_are_called_alike_are_two(intake):
    """One event, one source's column into a column of the same name of each of its outputs."""
    facet = columns_from("shop.public.orders", ("amount", "amount"))
    outputs = [dataset(f"shop.mart.{name}", columnLineage=facet) for name in ("daily", "weekly")]
    intake.accept(Delivery(json.dumps(run_event("COMPLETE", AT, outputs=outputs)), scope=FULL_SCOPE))
    with intake._database.read() as connection:
        rows = connection.execute(select(tables.observed_column.c.target_id)).all()
    assert len({row.target_id for row in rows}) == 2
