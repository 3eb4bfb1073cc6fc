"""The port `StatementFacts`: one suite for the lineage service itself and for its clients over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete, insert

from services.common.errors import ServiceUnavailable, Unauthenticated
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.names import AssetId, DatasetName, Namespace, Namespaces
from services.common.model.usage import NO_FACTS, ColumnUse, FactSeq, JoinFact, LogLine, StatementFact
from services.common.ports import StatementFacts
from services.common.runtime.service_client import ServiceClient
from services.lineage.coverage import coverage
from services.lineage.sql.worker import SqlParser
from services.lineage.statements.app import create_router
from services.lineage.statements.client import HttpStatements
from services.lineage.statements.service import Statements
from services.lineage.store import log_tables, tables
from tests.support import lineages
from tests.support.lineages import Lineage, asset, id_of
from tests.support.wires import WAYS, client_of, internal_app, reached

AT = dt.datetime(2031, 5, 1, 12, 30, tzinfo=dt.UTC)
ORDERS, CUSTOMERS, DAILY = (id_of(f"shop.public.{name}") for name in ("orders", "customers", "daily"))
JOINED = (
    "SELECT c.name, sum(o.amount) FROM orders o JOIN customers c ON o.customer_id = c.id WHERE o.state = '{}' GROUP BY 1"
)


@pytest.fixture(scope="module")
def parser() -> Iterator[SqlParser]:
    with SqlParser() as made:
        yield made


@pytest.fixture(params=lineages.DATABASES)
def lineage(request, tmp_path) -> Iterator[Lineage]:
    yield from lineages.opened(request.param, request, tmp_path)


@pytest.fixture(params=WAYS)
def facts(request, lineage, parser) -> Iterator[StatementFacts]:
    lineage.follow(*(asset(f"shop.public.{name}") for name in ("orders", "customers", "daily")))
    columns(lineage, ORDERS, "id", "customer_id", "amount", "state", "day")
    columns(lineage, CUSTOMERS, "id", "name")
    made = Statements(lineage.database, parser, lambda: lineage.namespaces, key=lambda: b"k" * 32, clock=lambda: AT)
    with reached(made, request.param, create_router, HttpStatements) as port:
        yield port


def columns(lineage: Lineage, table: AssetId, *names: str) -> None:
    """What a crawl tells of a table's columns."""
    with lineage.database.write() as connection:
        connection.execute(delete(tables.node_columns).where(tables.node_columns.c.id == table))
        connection.execute(insert(tables.node_columns), {"id": table, "columns": list(names)})


def line(sql: str, **more) -> LogLine:
    return LogLine(sql, **{"user": "ann", "at": AT, "database": "shop", **more})


def everything(facts: StatementFacts) -> list[StatementFact]:
    return list(facts.after(NO_FACTS).facts)


def test_a_statement_becomes_a_fact_with_its_joins_and_its_columns(facts):
    """Reads, joins and uses name datasets, columns as their source spells them; no literal is among them."""
    report = facts.put([line(JOINED.format("paid"))], source="wh")
    (fact,) = everything(facts)
    assert (report.lines, report.counted, report.read, report.unread, report.unlisted) == (1, 1, 1, (), ())
    assert set(fact.reads) == {ORDERS, CUSTOMERS}
    assert fact.writes == ()
    left, right = sorted([(ORDERS, "customer_id"), (CUSTOMERS, "id")])
    assert fact.joins == (JoinFact(*left, *right, "inner"),)
    assert ColumnUse(ORDERS, "state", "filter") in fact.uses
    assert ColumnUse(CUSTOMERS, "name", "group") in fact.uses
    assert ColumnUse(ORDERS, "amount", "select") in fact.uses
    assert (fact.user, fact.at, fact.count, fact.source, fact.weight) == ("ann", AT, 1, "wh", 1.0)
    assert {name.qualified for name in fact.names.values()} == {"shop.public.orders", "shop.public.customers"}


def test_statements_that_differ_in_literals_comments_and_spaces_are_one(facts):
    """The same fingerprint, parsed once, one fact for an hour of one person."""
    second = "select c.name,sum(o.amount)  from orders o join customers c on o.customer_id=c.id -- why\nwhere o.state=$1 group by 7"
    report = facts.put([line(JOINED.format("a")), line(JOINED.format("b'' c")), line(second)], source="wh")
    (fact,) = everything(facts)
    assert (report.counted, report.read, fact.count) == (3, 1, 3)


def test_lists_of_values_are_one_statement_whatever_their_length(facts):
    """IN and VALUES: how many values there are is no difference."""
    many = [line(f"SELECT id FROM orders WHERE id IN ({', '.join(map(str, range(n)))})") for n in (1, 2, 50)]
    many += [line("INSERT INTO daily VALUES " + ", ".join(["(1, 'x')"] * n)) for n in (1, 3)]
    assert facts.put(many, source="wh").read == 2


def test_the_same_lines_count_once(facts):
    """Again, as part of more, and in another order: only what is new is counted."""
    lines = [line(JOINED.format("a")), line(JOINED.format("a"), nth=1), line(JOINED.format("a"), at=AT - dt.timedelta(1))]
    assert facts.put(lines[:2], source="wh").counted == 2
    again = facts.put(list(reversed(lines)), source="wh")
    assert (again.counted, again.repeated) == (1, 2)
    assert sum(fact.count for fact in everything(facts)) == 3


def test_of_an_engines_totals_only_what_was_added_counts(facts):
    """A smaller total than before is one that began anew."""
    total = line("SELECT id FROM orders", at=None, is_total=True)
    counts = [facts.put([replace(total, count=n)], source="wh").counted for n in (5, 5, 8, 2)]
    assert counts == [5, 0, 3, 2]


def test_facts_come_in_order_and_in_pages(facts):
    """Each page goes on where the last one ended; `head` is the last number."""
    facts.put([line(f"SELECT id FROM orders o{at}") for at in range(5)], source="wh")
    facts.put([line("SELECT name FROM customers")], source="wh")
    seen, upto = [], NO_FACTS
    while (page := facts.after(upto, limit=4)).facts:
        seen.extend(fact.seq for fact in page.facts)
        upto = page.upto
    assert seen == list(range(1, 7))
    assert (facts.head(), page.head, page.upto) == (6, 6, 6)


def test_what_the_line_says_of_tables_decides_and_the_sql_adds_columns(facts):
    """`tables` and `target` are the reads and the writes; a join with a table that is not among them is none."""
    said = line(JOINED.format("a"), tables=("shop.public.orders", "shop.public.daily"), target="shop.public.customers")
    facts.put([said], source="wh")
    (fact,) = everything(facts)
    assert (set(fact.reads), fact.writes) == ({ORDERS, DAILY}, (CUSTOMERS,))
    assert ColumnUse(ORDERS, "state", "filter") in fact.uses


def test_a_table_that_no_crawl_shows_is_kept_and_joined_up_later(lineage, facts):
    """Unlisted at first, under the name that the engine would look for; the crawl's id when it comes, told once more."""
    report = facts.put([line("SELECT r.rate FROM rates r JOIN orders o ON o.day = r.day")], source="wh")
    assert [name.qualified for name in report.unlisted] == ["shop.public.rates"]
    (fact,) = everything(facts)
    assert set(fact.reads) == {ORDERS, id_of("shop.public.rates")}
    lineage.follow(asset("shop.fx.rates"))
    (news,) = facts.after(fact.seq).facts
    assert (news.fingerprint, news.count, set(news.reads)) == (fact.fingerprint, 0, {ORDERS, id_of("shop.fx.rates")})
    assert set(everything(facts)[0].reads) == {ORDERS, id_of("shop.fx.rates")}


def test_a_log_that_came_before_its_source_is_joined_up_with_it(lineage, facts):
    """Whose it is becomes known with the crawl; the same lines again count nothing."""
    owned, lineage.namespaces = lineage.namespaces, Namespaces()
    early = line("SELECT id FROM late.things", at=AT)
    facts.put([early], source="")
    assert [name.qualified for name in everything(facts)[0].names.values()] == ["shop.late.things"]
    lineage.namespaces = owned
    lineage.follow(asset("shop.late.things"))
    news = everything(facts)[-1]
    assert (news.count, news.source, news.reads) == (0, "wh", (id_of("shop.late.things"),))
    assert facts.put([early], source="wh").counted == 0


def test_a_statement_that_cannot_be_read_is_a_reason_and_a_place(facts):
    """Counted, reported by line, with nothing of its text; the lines around it are read."""
    bad = line("SELECT * FRM orders WHERE card = 'canary'", number=7)
    report = facts.put([line("SELECT id FROM orders"), bad, replace(bad, nth=1, number=9)], source="wh")
    (unread,) = report.unread
    assert (report.counted, unread.number, unread.lines) == (3, 7, 2)
    assert "line 1, column" in unread.reason
    assert "canary" not in repr(report)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 50_000 + "1" + ")" * 50_000,
        "SELECT '" + "x" * 5_000_000 + "'",
        "",
        "\x00\ud800 SELECT",
        "SELECT 'never closed",
    ],
    ids=["nested", "5 MB", "empty", "bytes", "cut"],
)
def test_no_line_is_fatal(facts, sql):
    """Whatever it holds, it is counted, and the next one is read."""
    report = facts.put([line(sql), line("SELECT id FROM orders")], source="wh")
    assert report.lines == 2
    assert any(fact.reads == (ORDERS,) for fact in everything(facts))


def test_a_line_from_the_future_has_no_time(facts):
    """It would keep a table in use for ever."""
    facts.put([line("SELECT id FROM orders", at=AT + dt.timedelta(days=400))], source="wh")
    assert everything(facts)[0].at is None
    assert facts.windows()[0].last_at is None


def test_windows_tell_what_time_a_log_covers(facts):
    """From the first to the last line, whatever came first."""
    for days in (3, 9, 1):
        facts.put([line("SELECT id FROM orders", at=AT - dt.timedelta(days=days))], source="wh")
    (window,) = facts.windows()
    assert (window.source, window.first_at, window.last_at) == ("wh", AT - dt.timedelta(9), AT - dt.timedelta(1))
    assert (window.arrived_at, window.executions) == (AT, 3)


def test_coverage_tells_how_far_a_log_is_understood_to_who_sees_everything(lineage, facts):
    """Statements by state, reasons, names of no known dataset, and the log's time; nothing of it in a narrower scope."""
    sqls = ["SELECT id FROM orders", "SELECT id FROM shop.public.nowhere", "SELECT * FRM orders", "SELECT * FRM orders x"]
    facts.put([line(sql) for sql in sqls], source="wh")
    with lineage.database.read() as connection:
        (log,) = coverage(connection, FULL_SCOPE).logs
        assert coverage(connection, AccessScope(("wh.shop.public.orders",))).logs == ()
    assert (log.source, log.statements, log.parsed, log.partly + log.unparsed) == ("wh", 4, 2, 2)
    assert (log.reasons, log.unresolved_names) == ({"its syntax is not understood": 2}, 1)
    assert (log.first_at, log.last_at, log.executions) == (AT, AT, 4)


def test_users_who_behave_as_programs_weigh_less(facts):
    """Every quarter of an hour for days is no person, whatever it is called; nobody else is named."""
    begin = AT - dt.timedelta(days=5)
    quarter = [line("SELECT id FROM orders", user="Ann Miller", at=begin + dt.timedelta(minutes=15 * n)) for n in range(400)]
    by_hand = [
        line(
            f"SELECT {'id' if n % 3 else 'day'} FROM orders o{n % 9}",
            user="svc_anna",
            at=begin + dt.timedelta(minutes=37 * n),
        )
        for n in range(60)
    ]
    facts.put(quarter, source="wh")
    facts.put(by_hand, source="wh")
    assert facts.weights().keys() == {"Ann Miller"}
    assert facts.weights()["Ann Miller"] < 0.3
    assert {fact.weight for fact in everything(facts) if fact.user == "svc_anna"} == {1.0}


def test_a_statement_that_moves_data_is_an_edge_of_the_log(lineage, facts):
    """Between tables and between columns, once for what is told twice."""
    moved = line("INSERT INTO daily (day, total) SELECT day, sum(amount) FROM orders WHERE state = 'x' GROUP BY day")
    facts.put([moved, moved], source="wh")
    facts.put([moved], source="wh")
    (edge,) = lineage.rows(tables.observed)
    assert (edge["source_id"], edge["target_id"], edge["kind"], edge["count"]) == (ORDERS, DAILY, "log", 1)
    flows = {(row["source_column"], row["target_column"], row["kind"]) for row in lineage.rows(tables.observed_column)}
    assert {("day", "day", "identity"), ("amount", "total", "aggregation"), ("state", "*", "filter")} <= flows


def test_edges_do_not_depend_on_how_a_log_is_cut_into_batches(lineage, facts):
    """First and last time and count of a column are those of its table, in one batch, in three, and in any order."""
    moved = "INSERT INTO daily (day, total) SELECT day, sum(amount) FROM orders GROUP BY day"
    times = [AT - dt.timedelta(days=days) for days in (20, 9, 9, 1)]
    lines = [line(moved, at=at, nth=nth) for nth, at in enumerate(times)]
    facts.put(lines, source="wh")
    once = _seen(lineage)
    assert set(once.values()) == {(times[0], times[-1], 4)}
    with lineage.database.write() as connection:
        for table in (tables.observed, tables.observed_column, log_tables.log_seen):
            connection.execute(delete(table))
    for part in (lines[3:], lines[:1], lines[1:3], lines):
        facts.put(part, source="wh")
    assert _seen(lineage) == once


def _seen(lineage: Lineage) -> dict[tuple[str, ...], tuple[dt.datetime, dt.datetime, int]]:
    """When and how often each edge was seen, between tables and between columns."""
    return {
        tuple(
            str(row[name]) for name in ("source_id", "source_column", "target_id", "target_column", "kind") if name in row
        ): (
            row["first_seen"],
            row["last_seen"],
            row["count"],
        )
        for table in (tables.observed, tables.observed_column)
        for row in lineage.rows(table)
    }


def test_a_source_is_told_by_the_line_or_by_who_puts_it(facts):
    """A line's own source wins; a namespace will do; what nobody owns is unlisted."""
    facts.put([line("SELECT id FROM orders", source="wh"), line("SELECT 1 FROM t", source="nobody")], source="")
    assert [fact.source for fact in everything(facts)] == ["wh", "wh"]
    assert DatasetName(Namespace("postgres://db1:5432"), ("shop", "public", "orders")).id in everything(facts)[0].reads


def test_nothing_is_asked_of_a_service_without_its_key_or_while_it_is_away(lineage, parser):
    """The client raises what the service raised, or that it does not answer."""
    made = Statements(lineage.database, parser, lambda: lineage.namespaces, key=lambda: b"k" * 32)
    with client_of(internal_app(create_router(made)), "asgi", key="wrong") as client, pytest.raises(Unauthenticated):
        HttpStatements(client).head()
    away = ServiceClient("lineage", "http://127.0.0.1:1", "k")
    with pytest.raises(ServiceUnavailable):
        HttpStatements(away).after(FactSeq(0))
    away.close()
