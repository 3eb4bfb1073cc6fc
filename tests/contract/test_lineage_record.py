"""Columns, other times, differences, coverage, what people say: the ports in this process and over a real server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Column, ForeignKey
from services.common.model.lineage import Declaration, DiffRequest, Direction, LineageRequest, PathsRequest, Subgraph
from services.common.ports import LineageService
from services.lineage.answers import LineageAnswers
from services.lineage.store import checkpoint, column_edges, declared, observed
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.observed import Observation
from tests.contract.test_lineage_query import over_http
from tests.support import lineages
from tests.support.lineages import BEGIN, Lineage, asset, id_of

DAY = dt.timedelta(days=1)
NO_HR = AccessScope(("*",), ("wh.shop.hr.*",))


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(map(Column, names))


@dataclass
class Shop:
    """A lineage service with a fixed clock, and its ports as they are reached."""

    lineage: Lineage
    query: LineageService

    def walk(self, dotted: str, column: str | None = None, **more: Any) -> Subgraph:
        return self.query.walk(LineageRequest(id_of(dotted), more.pop("scope", FULL_SCOPE), column=column, **more))

    def see(self, *said: Observation) -> None:
        with self.lineage.database.write() as connection:
            observed.put(connection, said, self.lineage.now)
            checkpoint.raise_version(connection)
        self.lineage.graph.refresh()


@pytest.fixture(params=lineages.DATABASES)
def lineage(request, tmp_path) -> Iterator[Lineage]:
    yield from lineages.opened(request.param, request, tmp_path)


@pytest.fixture(params=["here", "http"])
def shop(request, lineage) -> Iterator[Shop]:
    """Orders of customers in two hops, with what is paid to people in a schema of its own."""
    key = ForeignKey(("customer",), ("shop", "sales", "customers"), ("id",))
    lineage.follow(
        asset("shop.sales.orders", columns=columns("Id", "customer", "total"), foreign_keys=(key,)),
        asset("shop.sales.customers", columns=columns("id", "name")),
        asset("shop.hr.pay", columns=columns("name", "salary")),
        asset(
            "shop.mart.named",
            "SELECT o.id, c.name, o.total * 2 AS twice FROM sales.orders o JOIN sales.customers c ON c.id = o.customer",
            columns=columns("id", "name", "twice"),
        ),
        asset("shop.mart.top", "SELECT name, sum(twice) AS t FROM mart.named GROUP BY name", columns=columns("name", "t")),
        asset(
            "shop.mart.paid",
            "SELECT n.name, p.salary FROM mart.named n JOIN hr.pay p ON p.name = n.name",
            columns=columns("name", "salary"),
        ),
    )
    answers = LineageAnswers(lineage.graph, lineage.database, lineage.reader, lambda: lineage.now)
    if request.param == "here":
        yield Shop(lineage, answers)
    else:
        with over_http(answers) as client:
            yield Shop(lineage, client)


def shown(graph: Subgraph) -> tuple[dict[str, int], set[tuple[str, str, str]]]:
    """Depths by `table.column`, and edges."""
    names = {(node.id, node.column): f"{node.name.parts[-1]}.{node.column}" for node in graph.nodes}
    return (
        {names[node.id, node.column]: node.depth for node in graph.nodes},
        {(names[e.source, e.column], names[e.target, e.into], e.kind) for e in graph.edges},
    )


def test_columns_on_a_path_and_no_others(shop):
    """Upstream of a sum: what is summed, what it is made from, and what decides about rows, each hop once."""
    depths, edges = shown(shop.walk("shop.mart.top", "T", direction=Direction.UPSTREAM))
    assert depths == {
        "top.t": 0,
        "named.twice": -1,
        "named.name": -1,
        "orders.total": -2,
        "customers.name": -2,
        "orders.customer": -2,
        "customers.id": -2,
    }
    assert ("named.twice", "top.t", "aggregation") in edges
    assert ("named.name", "top.t", "group") in edges
    assert ("orders.total", "named.twice", "transformation") in edges
    assert ("orders.customer", "named.twice", "join") in edges
    graph = shop.walk("shop.mart.top", "t", direction=Direction.UPSTREAM, depth=1)
    assert {(e.kind, e.direct, e.basis) for e in graph.edges} == {("aggregation", True, "view"), ("group", False, "view")}
    assert {e.evidence for e in graph.edges} == {("definition of shop.mart.top",)}
    assert (graph.total, graph.truncated, graph.state) == (3, True, "complete")


def test_downstream_of_a_column_that_decides_about_rows(shop):
    """It gets into every column of the view; with `direct` only into what is made from it."""
    depths, _ = shown(shop.walk("shop.sales.customers", "id", direction=Direction.DOWNSTREAM, depth=1))
    assert depths == {"customers.id": 0, "named.id": 1, "named.name": 1, "named.twice": 1}
    depths, _ = shown(shop.walk("shop.sales.customers", "name", direction=Direction.DOWNSTREAM, kinds=("direct",)))
    assert depths == {"customers.name": 0, "named.name": 1, "top.name": 2, "paid.name": 2}


def test_a_column_walk_is_cut_and_says_so(shop):
    """The nearest stay; the total is of everything within the depth."""
    whole = shop.walk("shop.mart.top", "t", depth=100)
    cut = shop.walk("shop.mart.top", "t", depth=100, limit=2)
    assert (len(cut.nodes), cut.total, cut.truncated) == (2, whole.total, True)
    assert (whole.total, whole.truncated) == (len(whole.nodes), False)
    assert cut.nodes == whole.nodes[:2]


def test_walks_of_the_store_have_no_pages_and_fit_a_size(shop):
    """The nearest stay within the bytes, with the edges among them; a cursor is refused by name."""
    wide = [asset(f"shop.wide.{'t' * 200}{at}", "SELECT name FROM sales.customers") for at in range(60)]
    shop.lineage.follow(*wide)
    for asked in ({"column": "name"}, {"kinds": ("view",)}, {"as_of": BEGIN + DAY}):
        whole = shop.walk("shop.sales.customers", depth=1, **asked)
        cut = shop.walk("shop.sales.customers", depth=1, max_bytes=10_000, **asked)
        assert 1 < len(cut.nodes) < 30 < len(whole.nodes)
        assert (cut.nodes, cut.total, cut.truncated) == (whole.nodes[: len(cut.nodes)], whole.total, True)
        ends = {node.id for node in cut.nodes}
        assert {edge for edge in whole.edges if {edge.source, edge.target} <= ends} == set(cut.edges)
        with pytest.raises(BadRequest, match="cursor"):
            shop.walk("shop.sales.customers", cursor="", **asked)


def test_a_column_keeps_the_crawls_spelling(shop):
    """Columns are compared without case and shown as the source has them."""
    node, *_ = shop.walk("shop.sales.orders", "ID", depth=1).nodes
    assert (node.column, node.name.qualified) == ("Id", "shop.sales.orders")


def test_no_such_column_is_not_found(shop):
    """As a hidden one is; and so is a column of what is hidden."""
    with pytest.raises(NotFound, match="no column nothing"):
        shop.walk("shop.sales.orders", "nothing")
    with pytest.raises(NotFound, match=r"may not see it; did you mean customer\?$"):
        shop.walk("shop.sales.orders", "custmer")
    with pytest.raises(NotFound, match="no lineage"):
        shop.walk("shop.hr.pay", "salary", scope=NO_HR)


def test_a_column_that_no_database_could_have_is_not_found(shop):
    """PostgreSQL takes no zeros: such a name is not asked for, in walks and in ways."""
    column = "a\x00"
    with pytest.raises(NotFound, match="no column"):
        shop.walk("shop.sales.orders", column)
    ends = id_of("shop.sales.orders"), id_of("shop.sales.orders")
    with pytest.raises(NotFound, match="no column"):
        shop.query.paths(PathsRequest(*ends, FULL_SCOPE, from_column=column, to_column=column))


def test_hidden_datasets_have_no_columns(shop):
    """Neither as nodes nor in totals; what is only theirs to tell is not told."""
    graph = shop.walk("shop.mart.paid", "salary", scope=NO_HR, direction=Direction.UPSTREAM, depth=1)
    depths, _ = shown(graph)
    assert depths == {"paid.salary": 0, "named.name": -1}
    assert (graph.total, graph.state, graph.problem) == (2, "complete", None)
    assert "pay" not in str(graph.nodes) + str(graph.edges)


def test_keys_are_walked_only_when_asked_for(shop):
    """A foreign key says nothing of where data flows."""
    assert shop.walk("shop.sales.customers", "id", kinds=("key",)).edges[0].kind == "key"
    assert {edge.kind for edge in shop.walk("shop.sales.orders", kinds=("key",)).edges} == {"key"}
    assert "key" not in {edge.kind for edge in shop.walk("shop.sales.orders", depth=100).edges}


def test_the_lineage_as_it_was(shop):
    """Before, between and after a change of a definition, for tables and for columns."""
    shop.lineage.now = BEGIN + 2 * DAY
    shop.lineage.follow(asset("shop.mart.top", "SELECT name, 1 AS t FROM sales.customers", columns=columns("name", "t")))
    then = shop.walk("shop.mart.top", as_of=BEGIN + DAY, depth=1)
    assert {node.name.parts[-1] for node in then.nodes} == {"top", "named"}
    now = shop.walk("shop.mart.top", as_of=BEGIN + 3 * DAY, depth=1)
    assert {node.name.parts[-1] for node in now.nodes} == {"top", "customers"}
    before = shop.walk("shop.mart.top", as_of=BEGIN - DAY)
    assert (before.total, before.edges, before.truncated) == (1, (), False)
    depths, _ = shown(shop.walk("shop.mart.top", "name", as_of=BEGIN + DAY, depth=1, kinds=("direct",)))
    assert depths == {"top.name": 0, "named.name": -1}
    depths, _ = shown(shop.walk("shop.mart.top", "name", depth=1, kinds=("direct",)))
    assert depths == {"top.name": 0, "customers.name": -1}


def test_what_opened_and_closed_between_two_instants(shop):
    """Only what differs at the two, whatever happened between; inside the scope; of one asset where it is named."""
    shop.lineage.now = BEGIN + 2 * DAY
    shop.lineage.follow(asset("shop.mart.top", "SELECT name, salary AS t FROM hr.pay", columns=columns("name", "t")))
    asked = DiffRequest(FULL_SCOPE, BEGIN + DAY, BEGIN + 3 * DAY)
    found = shop.query.diff(asked)
    named, pay, top = (id_of(f"shop.{name}") for name in ("mart.named", "hr.pay", "mart.top"))
    assert [(e.source, e.target) for e in found.opened] == [(pay, top)]
    assert [(e.source, e.target) for e in found.closed] == [(named, top)]
    assert {node.id for node in found.nodes} == {named, pay, top}
    assert (found.total, found.truncated) == (2, False)
    scoped = shop.query.diff(replace(asked, scope=NO_HR))
    assert (scoped.opened, len(scoped.closed), scoped.total) == ((), 1, 1)
    assert shop.query.diff(replace(asked, asset=pay)).total == 1
    assert shop.query.diff(replace(asked, asset=id_of("shop.sales.orders"))).total == 0
    assert shop.query.diff(replace(asked, limit=1)).truncated
    first = shop.query.diff(DiffRequest(FULL_SCOPE, BEGIN - DAY, BEGIN + DAY))
    assert (len(first.opened), first.closed) == (5, ())
    with pytest.raises(BadRequest, match="comes after"):
        shop.query.diff(DiffRequest(FULL_SCOPE, BEGIN, BEGIN))
    with pytest.raises(NotFound):
        shop.query.diff(replace(asked, asset=pay, scope=NO_HR))


def test_what_is_no_longer_seen_is_hidden_and_counted(shop):
    """A run's edge is stale after the set days, left out of answers, counted there, and shown when asked for."""
    orders, top = id_of("shop.sales.orders"), id_of("shop.mart.top")
    now = dt.datetime.now(dt.UTC)
    shop.lineage.now = now
    shop.see(Observation(orders, top, observed.RUN, "job", now - 40 * DAY))
    plain = shop.walk("shop.mart.top", depth=1)
    assert ({edge.kind for edge in plain.edges}, plain.stale) == ({"view"}, 1)
    asked = shop.walk("shop.mart.top", depth=1, stale=True)
    assert ({edge.kind for edge in asked.edges}, asked.stale) == ({"view", "run"}, 0)
    then = shop.walk("shop.mart.top", depth=1, as_of=now - 20 * DAY)
    assert {edge.kind for edge in then.edges} == {"run"}
    assert shop.walk("shop.mart.named", depth=1, scope=AccessScope(("*",), ("*.orders",))).stale == 0
    closed = shop.query.diff(DiffRequest(FULL_SCOPE, now - 20 * DAY, now))
    assert [(e.kind, e.evidence) for e in closed.closed] == [
        ("run", (f"seen once in runs of a job on {(now - 40 * DAY).date()}",))
    ]


def test_columns_that_runs_show(shop):
    """Joined with those of definitions, with what they rest on."""
    orders, top = id_of("shop.sales.orders"), id_of("shop.mart.top")
    with shop.lineage.database.write() as connection:
        column_edges.put_observed(
            connection,
            [ColumnEdge(orders, "Total", top, "T", "transformation")],
            kind=observed.LOG,
            origin="f",
            at=BEGIN,
            arrived=BEGIN,
        )
    graph = shop.walk("shop.mart.top", "t", depth=1, direction=Direction.UPSTREAM, kinds=("log",))
    (edge,) = graph.edges
    assert (edge.column, edge.into, edge.kind, edge.basis, edge.direct) == ("total", "t", "transformation", "log", True)
    assert edge.evidence == (f"seen once in a statement on {BEGIN.date()}",)


def test_what_people_say_stays_until_they_take_it_back(shop):
    """Recorded, kept across crawls, in time; ends that are hidden or unknown are refused alike."""
    pay, top = id_of("shop.hr.pay"), id_of("shop.mart.top")
    said = Declaration(pay, top, "ann")
    shop.lineage.now = BEGIN + DAY
    assert shop.query.declare(said, FULL_SCOPE)
    assert not shop.query.declare(replace(said, by="bob"), FULL_SCOPE)
    shop.lineage.follow(asset("shop.mart.top", "SELECT name, 1 AS t FROM mart.named", columns=columns("name", "t")))
    (edge,) = [edge for edge in shop.walk("shop.mart.top", depth=1).edges if edge.kind == "manual"]
    assert (edge.source, edge.evidence, edge.confidence) == (pay, ("said by ann",), 1.0)
    shop.lineage.now = BEGIN + 2 * DAY
    assert shop.query.retract(replace(said, by="bob"), FULL_SCOPE)
    assert not shop.query.retract(said, FULL_SCOPE)
    assert "manual" not in {edge.kind for edge in shop.walk("shop.mart.top", depth=1).edges}
    then = shop.walk("shop.mart.top", depth=1, as_of=BEGIN + DAY + DAY / 2)
    assert "manual" in {edge.kind for edge in then.edges}
    with shop.lineage.database.read() as connection:
        history = [(said.by, action, at) for said, action, at in declared.history(connection, top)]
    assert history == [("ann", "added", BEGIN + DAY), ("bob", "removed", BEGIN + 2 * DAY)]
    with pytest.raises(BadRequest):
        shop.query.declare(Declaration(top, top, "ann"), FULL_SCOPE)
    for end in (pay, id_of("shop.no.such")):
        with pytest.raises(NotFound):
            shop.query.declare(Declaration(end, top, "ann"), NO_HR)


def test_coverage_says_what_is_not_known(shop):
    """Definitions by how far they were read, reasons, names of nobody, and columns only of what may all be seen."""
    shop.lineage.follow(
        asset("shop.mart.broken", "SELECT FRM x y z"),
        asset("shop.mart.model", "SELECT x FROM {{ ref('nowhere') }}", columns=columns("x")),
    )
    (one,) = shop.query.coverage(FULL_SCOPE).sources
    assert (one.source, one.definitions, one.parsed, one.partly, one.unparsed) == ("wh", 5, 3, 1, 1)
    assert one.reasons == {"its syntax is not understood": 1}
    assert (one.unresolved_names, one.columns, one.columns_resolved, one.waiting) == (1, 8, 7, 0)
    (scoped,) = shop.query.coverage(NO_HR).sources
    assert (scoped.definitions, scoped.columns, scoped.columns_untold) == (5, 6, 1)
    assert shop.query.coverage(AccessScope(("other.*",), ())).sources == ()
