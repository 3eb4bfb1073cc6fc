"""The SQL of events becomes edges between tables and columns, with the job and the statement as evidence, and no literal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.events import Delivery, job_id
from services.lineage.coverage import coverage
from services.lineage.events.intake import EventIntake
from services.lineage.statements import jobs
from services.lineage.statements.jobs import JobSql
from services.lineage.store import event_tables, tables
from tests.contract.test_lineage_renamed import RenamingFeed
from tests.support import events as sent
from tests.support.events import dataset, run_event, sql, symlink
from tests.support.lineages import DATABASES, Lineage, asset, id_of, opened

AT, END = "2026-11-01T10:00:00Z", "2026-11-01T10:05:00Z"
CANARY = "qwertz-canary"


@pytest.fixture(params=DATABASES)
def lineage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lineage]:
    yield from opened(request.param, request, tmp_path)


@pytest.fixture
def both(lineage: Lineage) -> tuple[EventIntake, JobSql]:
    return sent.with_sql(lineage.database)


def crawled(lineage: Lineage, **columns: str) -> None:
    """Tables of `shop` that a crawl shows, with columns."""
    lineage.follow(*(asset(f"shop.{name.replace('__', '.')}") for name in columns))
    with lineage.database.write() as connection:
        rows = [
            {"id": id_of(f"shop.{name.replace('__', '.')}"), "columns": found.split()} for name, found in columns.items()
        ]
        connection.execute(tables.node_columns.delete().where(tables.node_columns.c.id.in_([row["id"] for row in rows])))
        connection.execute(insert(tables.node_columns), rows)


def table_edges(lineage: Lineage) -> set[tuple[str, str, float]]:
    names = {row["id"]: ".".join(row["parts"]) for row in lineage.rows(tables.node)}
    return {(names[r["source_id"]], names[r["target_id"]], r["confidence"]) for r in lineage.rows(tables.observed)}


def column_edges(lineage: Lineage, *, job: str = "load") -> set[tuple[str, str, str]]:
    names = {row["id"]: row["parts"][-1] for row in lineage.rows(tables.node)}
    return {
        (f"{names[r['source_id']]}.{r['source_column']}", f"{names[r['target_id']]}.{r['target_column']}", r["kind"])
        for r in lineage.rows(tables.observed_column)
        if r["basis"] == "run" and r["origin"].startswith(job_id("airflow", job))
    }


def test_a_jobs_sql_tells_which_columns_get_where_and_what_decides(lineage: Lineage, both: Any) -> None:
    """Short names are the job's own datasets; direct and indirect edges; no literal anywhere in the store."""
    intake, job_sql = both
    crawled(lineage, public__orders="id day amount state", mart__daily="day amount")
    text = f"INSERT INTO daily SELECT day, sum(amount) AS amount FROM orders WHERE state = '{CANARY}' GROUP BY day"
    told = {"inputs": [dataset("shop.public.orders")], "outputs": [dataset("shop.mart.daily")]}
    sent.send(intake, run_event("START", AT, job_facets=sql(text), **told), run_event("COMPLETE", END, job_facets=sql(text)))
    job_sql.catch_up()
    assert column_edges(lineage) == {
        ("orders.day", "daily.day", "identity"),
        ("orders.amount", "daily.amount", "aggregation"),
        ("orders.state", "daily.*", "filter"),
        ("orders.day", "daily.*", "group"),
    }
    assert table_edges(lineage) == {("shop.public.orders", "shop.mart.daily", 1.0)}
    kept = lineage.rows(event_tables.job_statement)
    assert [(row["state"], row["dialect"]) for row in kept] == [("parsed", "postgres"), ("parsed", "")]
    for table in tables.metadata.sorted_tables:
        assert CANARY not in repr(lineage.rows(table))


def test_evidence_is_the_job_and_the_statement(lineage: Lineage, both: Any) -> None:
    """The origin of an edge from SQL is the job's id and the statement's fingerprint; runs are not counted twice."""
    intake, job_sql = both
    crawled(lineage, public__orders="id", mart__daily="id")
    text = "INSERT INTO mart.daily SELECT id FROM public.orders"
    sent.send(intake, run_event("COMPLETE", AT, outputs=[dataset("shop.mart.daily")], job_facets=sql(text)))
    job_sql.catch_up()
    row = next(iter(lineage.rows(tables.observed)))
    (statement,) = lineage.rows(event_tables.job_statement)
    assert row["origin"] == f"{job_id('airflow', 'load')}/{statement['fingerprint']}"
    assert (row["count"], row["confidence"]) == (0, 0.9)
    # an event that names both ends is the stronger word, and takes the edge over
    told = {"inputs": [dataset("shop.public.orders")], "outputs": [dataset("shop.mart.daily")]}
    sent.send(intake, run_event("COMPLETE", END, "two", job_facets=sql(text), **told))
    job_sql.catch_up()
    assert [(r["origin"], r["count"]) for r in lineage.rows(tables.observed)] == [(job_id("airflow", "load"), 1)]


def test_a_job_with_sql_alone_has_edges(lineage: Lineage, both: Any) -> None:
    """Neither inputs nor outputs: the one source that speaks the dialect is meant."""
    intake, job_sql = both
    crawled(lineage, public__orders="id amount", mart__weekly="amount")
    text = "INSERT INTO mart.weekly SELECT amount FROM orders ORDER BY id"
    sent.send(intake, run_event("COMPLETE", AT, job_facets=sql(text, dialect="postgres")))
    job_sql.catch_up()
    assert table_edges(lineage) == {("shop.public.orders", "shop.mart.weekly", 0.9)}
    assert ("orders.amount", "weekly.amount", "identity") in column_edges(lineage)


def test_a_query_alone_fills_the_jobs_only_output(lineage: Lineage, both: Any) -> None:
    """dbt sends the model's query: where it goes is what the event says, if that is one thing."""
    intake, job_sql = both
    crawled(lineage, public__orders="id amount", mart__daily="total", mart__other="total")
    text = "SELECT sum(amount) AS total FROM public.orders"
    sent.send(intake, run_event("START", AT, outputs=[dataset("shop.mart.daily")], job_facets=sql(text)))
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.amount", "daily.total", "aggregation")}
    sent.send(intake, run_event("COMPLETE", END, outputs=[dataset("shop.mart.other")], job_facets=sql(text)))
    job_sql.catch_up()
    assert column_edges(lineage) == set()  # of two outputs it cannot be told which


def test_what_a_facet_says_of_columns_stays_as_it_is(lineage: Lineage, both: Any) -> None:
    """SQL adds what the facet does not speak of, and says nothing else of what it does."""
    intake, job_sql = both
    crawled(lineage, public__orders="id amount", mart__daily="id amount")
    facet = sent.columns_from("shop.public.orders", ("amount", "amount"), subtype="AGGREGATION")
    outputs = [dataset("shop.mart.daily", columnLineage=facet)]
    text = "INSERT INTO mart.daily SELECT id, amount FROM orders"
    sent.send(intake, run_event("COMPLETE", AT, outputs=outputs, job_facets=sql(text)))
    job_sql.catch_up()
    assert column_edges(lineage) == {
        ("orders.amount", "daily.amount", "aggregation"),
        ("orders.id", "daily.id", "identity"),
    }


def test_what_a_crawl_shows_later_is_read_again(lineage: Lineage, both: Any) -> None:
    """`*` and columns without a table need the tables' columns; the text is still there."""
    intake, job_sql = both
    text = "INSERT INTO mart.daily SELECT * FROM orders"
    told = {"inputs": [dataset("shop.public.orders")], "outputs": [dataset("shop.mart.daily")]}
    sent.send(intake, run_event("COMPLETE", AT, job_facets=sql(text), **told))
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.*", "daily.*", "identity")}
    crawled(lineage, public__orders="id amount", mart__daily="id amount")
    job_sql.look_again()
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.id", "daily.id", "identity"), ("orders.amount", "daily.amount", "identity")}


def test_after_a_restart_the_next_run_reads_what_a_crawl_has_shown_since(lineage: Lineage, both: Any) -> None:
    """Without its text a statement keeps what its reading rested on, so that the text is read again when it comes again."""
    intake, job_sql = both
    text = "INSERT INTO mart.daily SELECT * FROM orders"
    told = {"inputs": [dataset("shop.public.orders")], "outputs": [dataset("shop.mart.daily")]}
    sent.send(intake, run_event("COMPLETE", AT, job_facets=sql(text), **told))
    job_sql.catch_up()
    intake, job_sql = sent.with_sql(lineage.database)
    crawled(lineage, public__orders="id amount", mart__daily="id amount")
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.*", "daily.*", "identity")}
    sent.send(intake, run_event("COMPLETE", END, "two", job_facets=sql(text), **told))
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.id", "daily.id", "identity"), ("orders.amount", "daily.amount", "identity")}


def test_sql_of_a_name_that_turns_out_to_be_another_table_follows_it(lineage: Lineage, both: Any) -> None:
    """A path that a symlink says to be a table: the edges lead from the table then."""
    intake, job_sql = both
    crawled(lineage, public__orders="id", mart__daily="id")
    text = "SELECT id FROM orders"
    lake = {"inputs": [dataset("/lake/orders", "s3://lake")], "outputs": [dataset("shop.mart.daily")]}
    sent.send(intake, run_event("COMPLETE", AT, job_facets=sql(text), **lake))
    job_sql.catch_up()
    linked = dataset("/lake/orders", "s3://lake", symlinks=symlink("shop.public.orders"))
    sent.send(intake, run_event("COMPLETE", END, "other", job="other", inputs=[linked]))
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.id", "daily.id", "identity")}
    assert table_edges(lineage) == {("shop.public.orders", "shop.mart.daily", 1.0)}


@pytest.mark.parametrize("inputs", [[dataset("shop.public.a")], []])
def test_what_sql_showed_of_a_renamed_table_stays_with_its_new_name(lineage: Lineage, both: Any, inputs: list[Any]) -> None:
    """Its edges follow it, and looking at the job's statements again does not bring the old name back."""
    intake, job_sql = both
    feed = lineage.feed = RenamingFeed("shop.public.a", "shop.public.b")
    lineage.follow(asset("shop.public.a"), asset("shop.mart.daily"))
    ends = {"inputs": inputs, "outputs": [dataset("shop.mart.daily")]}
    sent.send(intake, run_event("COMPLETE", AT, job_facets=sql("INSERT INTO mart.daily SELECT id FROM public.a"), **ends))
    job_sql.catch_up()
    feed.remove(id_of("shop.public.a"))
    lineage.follow(asset("shop.public.b"))
    intake.realign()
    job_sql.look_again()
    job_sql.catch_up()
    assert {edge[:2] for edge in table_edges(lineage)} == {("shop.public.b", "shop.mart.daily")}
    assert column_edges(lineage) == {("b.id", "daily.id", "identity")}


def test_a_table_that_is_renamed_while_a_text_is_read_does_not_come_back(
    lineage: Lineage, both: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known when reading began is not stored over what a crawl has shown since: the job is read once more."""
    intake, job_sql = both
    feed = lineage.feed = RenamingFeed("shop.public.a", "shop.public.b")
    lineage.follow(asset("shop.public.a"), asset("shop.public.c"), asset("shop.mart.daily"))
    ends = {"outputs": [dataset("shop.mart.daily")]}
    sent.send(intake, run_event("COMPLETE", AT, job_facets=sql("INSERT INTO mart.daily SELECT id FROM public.a"), **ends))
    job_sql.catch_up()
    real = sent.InlineReader.read_shapes

    def slowly(self: Any, shapes: Any) -> Any:
        monkeypatch.setattr(sent.InlineReader, "read_shapes", real)
        feed.remove(id_of("shop.public.a"))
        lineage.follow(asset("shop.public.b"))
        return real(self, shapes)

    monkeypatch.setattr(sent.InlineReader, "read_shapes", slowly)
    text = "INSERT INTO mart.daily SELECT id FROM public.c"
    sent.send(intake, run_event("COMPLETE", END, "two", job_facets=sql(text), **ends))
    job_sql.catch_up()
    assert {edge[:2] for edge in table_edges(lineage)} == {
        ("shop.public.b", "shop.mart.daily"),
        ("shop.public.c", "shop.mart.daily"),
    }


def test_a_narrow_senders_sql_is_not_read(lineage: Lineage, both: Any) -> None:
    """A text may name what its sender must not speak of."""
    intake, job_sql = both
    crawled(lineage, public__orders="id", mart__daily="id")
    event = run_event("COMPLETE", AT, outputs=[dataset("shop.mart.daily")], job_facets=sql("SELECT id FROM public.orders"))
    answer = intake.accept(Delivery(json.dumps(event), scope=AccessScope(("wh.shop.mart",))))
    assert answer.outcomes[0].fate.value == "accepted"
    job_sql.catch_up()
    assert lineage.rows(event_tables.job_statement) == []


def test_what_cannot_be_read_is_kept_with_its_reason_and_a_crash_of_nothing(lineage: Lineage, both: Any) -> None:
    """No syntax, no text at all, a megabyte of brackets: the event is accepted, and what is kept is a reason and a place."""
    intake, job_sql = both
    texts = [f"INSERT INTO daily SELECT '{CANARY}' FROM (", "", "(" * 100_000, f"sel ect '{CANARY}", "\x00'"]
    for at, text in enumerate(texts):
        sent.send(intake, run_event("COMPLETE", AT, str(at), job=str(at), job_facets=sql(text)))
    job_sql.catch_up()
    with lineage.database.read() as connection:
        problems = connection.execute(select(event_tables.job_statement.c.problem)).scalars().all()
        (found,) = coverage(connection, FULL_SCOPE).jobs
        hidden = coverage(connection, AccessScope(("*",), ("wh.shop.hr",))).jobs
    assert problems
    assert (found.namespace, found.statements, hidden) == ("airflow", len(problems), ())
    assert found.parsed + found.partly + found.unparsed == found.statements
    assert found.reasons
    for table in tables.metadata.sorted_tables:
        assert CANARY not in repr(lineage.rows(table))


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("SELECT id FROM public.orders", "\ud800"),
        ("SELECT id FROM public.orders", "po\x00stgres"),
        ("SELECT id FROM public.orders", f"{CANARY}'" * 10_000),
        ('INSERT INTO "\ud800" SELECT "\ud801" FROM public.orders', "postgres"),
        ('INSERT INTO mart."a\x00b" SELECT "c\x00d" FROM public.orders', "postgres"),
    ],
)
def test_what_no_database_takes_keeps_nobody_waiting(lineage: Lineage, both: Any, text: str, dialect: str) -> None:
    """Half a surrogate pair, a zero, a dialect that is none: read without them, and the next job's SQL too."""
    intake, job_sql = both
    crawled(lineage, public__orders="id", mart__daily="id")
    outputs = [dataset("shop.mart.daily")]
    sent.send(intake, run_event("COMPLETE", AT, job="odd", outputs=outputs, job_facets=sql(text, dialect=dialect)))
    plain = sql("SELECT id FROM public.orders", dialect="postgres")
    sent.send(intake, run_event("COMPLETE", AT, outputs=outputs, job_facets=plain))
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.id", "daily.id", "identity")}
    assert {row["dialect"] for row in lineage.rows(event_tables.job_statement)} <= {"postgres", ""}


def test_a_job_whose_sql_fails_keeps_no_other_waiting(lineage: Lineage, both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw: the jobs are read one by one, and the one that fails is left out until it runs again."""
    intake, job_sql = both
    crawled(lineage, public__orders="id", mart__daily="id")
    read_usages = sent.InlineReader.read_usages

    def failing(self: Any, statements: Any) -> Any:
        if any("bad" in one.sql for one in statements):
            raise ValueError("not foreseen")
        return read_usages(self, statements)

    monkeypatch.setattr(sent.InlineReader, "read_usages", failing)
    outputs = [dataset("shop.mart.daily")]
    for job, text in (("bad", "SELECT id AS bad FROM public.orders"), ("load", "SELECT id FROM public.orders")):
        sent.send(intake, run_event("COMPLETE", AT, job=job, outputs=outputs, job_facets=sql(text, dialect="postgres")))
    for _ in range(2):  # together, then alone
        with pytest.raises(ValueError, match="not foreseen"):
            job_sql.catch_up()
    job_sql.catch_up()
    assert column_edges(lineage) == {("orders.id", "daily.id", "identity")}


def test_texts_that_were_dropped_are_not_held_on_to(lineage: Lineage, both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts for another reading so many characters are kept, and no more by way of the jobs that sent them."""
    intake, job_sql = both
    monkeypatch.setattr(jobs, "MAX_WAITING", 1_000)
    for at in range(5):
        text = f"SELECT id FROM public.orders_{at} WHERE state = '{'x' * 400}'"
        sent.send(intake, run_event("COMPLETE", AT, job=str(at), job_facets=sql(text, dialect="postgres")))
        job_sql.catch_up()
    assert len(job_sql._texts) <= 3
