"""Following the feed: edges from definitions, intervals, names known only from SQL. On SQLite and PostgreSQL."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
import time
from collections.abc import Iterator

import pytest

from services.common.errors import NotFound, ServiceUnavailable, StoreOutdated
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import MADE_FROM, Column, Kind
from services.common.model.changes import Seq
from services.common.model.lineage import Direction, LineageRequest
from services.common.model.names import Namespace, Namespaces
from services.common.runtime.migrations import current_revision, ensure_current, upgrade
from services.lineage.follow import LineageFollower
from services.lineage.store import tables
from services.lineage.store.line import LINE
from tests.support import lineages
from tests.support.lineages import BEGIN, Lineage, asset, id_of, shown

LATER = BEGIN + dt.timedelta(days=1)


@pytest.fixture(params=lineages.DATABASES)
def lineage(request, tmp_path) -> Iterator[Lineage]:
    yield from lineages.opened(request.param, request, tmp_path)


def test_a_view_gets_edges_from_what_it_reads(lineage):
    """Table edges with kind, evidence and confidence; a view without head and a table made from a query alike."""
    lineage.follow(
        asset("shop.sales.orders"),
        asset("shop.sales.v", "SELECT * FROM sales.orders"),
        asset("shop.mart.daily", "CREATE TABLE mart.daily AS SELECT * FROM sales.v", kind=Kind.TABLE),
    )
    graph = lineage.walk("shop.sales.v")
    assert shown(graph) == ([("v", 0), ("orders", -1), ("daily", 1)], {("orders", "v"), ("v", "daily")})
    facts = {(edge.kind, edge.evidence, edge.confidence) for edge in graph.edges}
    assert facts == {
        ("view", ("definition of shop.sales.v",), 1.0),
        ("query", ("definition of shop.mart.daily",), 1.0),
    }


def test_foreign_keys_and_plain_tables_make_no_edges(lineage):
    """An asset without definition is a node of its own."""
    lineage.follow(asset("shop.sales.orders"))
    graph = lineage.walk("shop.sales.orders")
    assert (shown(graph), graph.total, graph.truncated, graph.state) == (([("orders", 0)], set()), 1, False, "complete")


def test_a_name_known_only_from_sql_is_a_node_of_its_namespaces_source(lineage):
    """Not listed, no kind, and under the source that owns the namespace, so that its globs hide it."""
    lineage.follow(asset("shop.sales.v", "SELECT * FROM hr.salaries"))
    (node,) = [node for node in lineage.walk("shop.sales.v").nodes if node.depth == -1]
    assert (node.name.qualified, node.listed, node.kind) == ("shop.hr.salaries", False, None)
    assert lineage.mentioned("shop.sales.v", "SELECT * FROM hr.salaries") == ("wh.shop.hr.salaries",)


def test_without_configured_source_a_name_from_sql_belongs_to_the_views_source(lineage):
    """An unnamed URL's source is no setting; what its views name is its own all the same."""
    lineage.namespaces = Namespaces()
    lineage.follow(asset("shop.sales.v", "SELECT * FROM hr.salaries", source="postgres://db1:5432"))
    assert lineage.mentioned("shop.sales.v", "SELECT * FROM hr.salaries") == ("postgres://db1:5432.shop.hr.salaries",)


def test_a_crawl_makes_a_named_dataset_a_listed_one(lineage):
    """One id, one node: the crawl's kind and spelling replace what SQL knew."""
    lineage.follow(asset("shop.sales.v", "SELECT * FROM hr.salaries"))
    lineage.follow(asset("shop.hr.salaries", "SELECT 1", kind=Kind.MATERIALIZED_VIEW))
    (node,) = [node for node in lineage.walk("shop.sales.v").nodes if node.depth == -1]
    assert (node.listed, node.kind) == (True, Kind.MATERIALIZED_VIEW)


def test_unlisted_names_of_engines_without_case_do_not_show_who_spelled_them(lineage):
    """Two views spell a table differently; the node is the same whichever was read first."""
    namespace = lineages.DUCKDB
    lineage.follow(asset("shop.main.v", "FROM Raw.ORDERS", namespace=namespace))
    graph = lineage.walk("shop.main.v", namespace=namespace)
    assert [node.name.qualified for node in graph.nodes] == ["shop.main.v", "shop.raw.orders"]


def test_a_changed_definition_closes_and_opens_edges(lineage):
    """What is no longer read ends when the change came, what is still read goes on, what is new begins."""
    lineage.follow(asset("shop.s.v", "SELECT * FROM a, b"))
    lineage.now = LATER
    lineage.follow(asset("shop.s.v", "SELECT * FROM b, c"))
    assert lineage.intervals() == [("a", "v", BEGIN, LATER), ("b", "v", BEGIN, None), ("c", "v", LATER, None)]
    assert shown(lineage.walk("shop.s.v"))[1] == {("b", "v"), ("c", "v")}


def test_an_unchanged_definition_is_not_read_again(lineage):
    """People's words change an asset, not its SQL: nothing is parsed and nothing is written."""
    lineage.follow(asset("shop.s.v", "SELECT * FROM a"))
    before = (lineage.rows(tables.edge), lineage.rows(tables.definition), lineage.rows(tables.mention))
    version = lineage.rows(tables.checkpoint)[0]["version"]
    lineage.reader.asked.clear()
    lineage.now = LATER
    lineage.follow(asset("shop.s.v", "SELECT * FROM a", description="a person wrote this"))
    assert lineage.reader.asked == []
    assert (lineage.rows(tables.edge), lineage.rows(tables.definition), lineage.rows(tables.mention)) == before
    assert lineage.rows(tables.checkpoint) == [{"id": 1, "seq": 2, "version": version}]


def test_a_definition_that_ends_takes_its_edges_along(lineage):
    """A view that became a table reads nothing any more."""
    lineage.follow(asset("shop.s.v", "SELECT * FROM a"))
    lineage.now = LATER
    lineage.follow(asset("shop.s.v"))
    assert lineage.intervals() == [("a", "v", BEGIN, LATER)]
    assert lineage.mentioned("shop.s.v", "SELECT * FROM a") is None
    assert lineage.walker.status().parsed == 0


def test_what_is_gone_keeps_its_edges_and_is_marked(lineage):
    """Neither a dropped table nor a dropped view loses what is known of it."""
    lineage.follow(asset("shop.s.a"), asset("shop.s.v", "SELECT * FROM a"))
    lineage.feed.remove(id_of("shop.s.a"), id_of("shop.s.v"), id_of("shop.s.never_seen"))
    lineage.follow()
    assert shown(lineage.walk("shop.s.a"))[1] == {("a", "v")}
    assert all(row["gone"] for row in lineage.rows(tables.node))
    lineage.follow(asset("shop.s.a", gone_at=LATER), asset("shop.s.v", "SELECT * FROM a"))
    assert {row["parts"][-1]: row["gone"] for row in lineage.rows(tables.node)} == {"a": True, "v": False}


def test_an_unparsed_definition_says_why_and_counts(lineage):
    """No edges and no SQL, but a state, a reason, and an unknown in place of what it mentions."""
    lineage.follow(asset("shop.s.v", "SELECT * FRM secret"), asset("shop.s.w", "SELECT * FROM v"))
    graph = lineage.walk("shop.s.v")
    assert (graph.state, graph.problem) == ("unparsed", "its syntax is not understood at line 1, column 14")
    assert lineage.walk("shop.s.w").state == "complete"
    assert lineage.mentioned("shop.s.v", "SELECT * FRM secret") is None
    status = lineage.walker.status()
    assert (status.seq, status.datasets, status.edges, status.parsed, status.unparsed) == (2, 2, 1, 1, 1)


def test_a_definition_that_can_no_longer_be_read_loses_its_edges(lineage):
    """Old edges are not passed off as the new text's."""
    lineage.follow(asset("shop.s.v", "SELECT * FROM a"))
    lineage.now = LATER
    lineage.follow(asset("shop.s.v", "SELECT * FRM a"))
    assert lineage.intervals() == [("a", "v", BEGIN, LATER)]


def test_no_sql_text_is_stored(lineage):
    """Literals of a definition are in none of the service's tables."""
    lineage.follow(
        asset("shop.s.v", "SELECT 'hunter2' FROM a WHERE password = 'hunter2'"), asset("shop.s.w", "SELECT 'hunter2")
    )
    stored = [lineage.rows(table) for table in tables.metadata.sorted_tables]
    assert "hunter2" not in str(stored)
    assert len(lineage.rows(tables.definition)) == 2


@pytest.mark.parametrize("order", [("v", "public"), ("public", "v")])
def test_which_dataset_is_meant_does_not_depend_on_the_order_of_crawling(lineage, order):
    """A name that is looked up in two schemas is looked up again when one of them gets it."""
    assets = {"v": asset("shop.sales.v", "SELECT * FROM orders"), "public": asset("shop.public.orders")}
    for key in order:
        lineage.follow(assets[key])
    (edge,) = lineage.walk("shop.sales.v").edges
    assert (edge.source, edge.confidence) == (id_of("shop.public.orders"), 1.0)
    assert lineage.mentioned("shop.sales.v", "SELECT * FROM orders") == ("wh.shop.public.orders", "wh.shop.sales.orders")
    lineage.follow(asset("shop.sales.orders"))
    assert lineage.walk("shop.sales.v").edges[0].source == id_of("shop.sales.orders")
    assert lineage.mentioned("shop.sales.v", "SELECT * FROM orders") == ("wh.shop.sales.orders",)
    lineage.feed.remove(id_of("shop.sales.orders"))
    lineage.follow()
    assert lineage.walk("shop.sales.v").edges[0].source == id_of("shop.public.orders")


def test_of_several_unknown_candidates_all_are_mentioned(lineage):
    """Whoever must not see one of them does not see the text: it may be the one that is meant."""
    lineage.follow(asset("shop.sales.v", "SELECT * FROM orders"))
    assert lineage.mentioned("shop.sales.v", "SELECT * FROM orders") == ("wh.shop.public.orders", "wh.shop.sales.orders")
    assert lineage.walk("shop.sales.v").edges[0].confidence == 0.5


def test_an_edge_is_hidden_from_whoever_may_not_see_what_else_it_could_mean(lineage):
    """`orders` is public's only because sales has none; a scope that hides sales.orders must not learn that."""
    lineage.follow(asset("shop.public.orders"), asset("shop.sales.v", "SELECT * FROM orders"))
    scope = AccessScope(("*",), ("wh.shop.sales.orders",))
    assert lineage.walk("shop.sales.v", scope=scope).total == 1
    assert lineage.walk("shop.public.orders", scope=scope).total == 1
    assert lineage.walk("shop.sales.v").total == 2
    lineage.follow(asset("shop.sales.w", "SELECT * FROM v, public.orders"))
    assert shown(lineage.walk("shop.sales.w", scope=scope))[1] == {("v", "w"), ("orders", "w")}
    assert shown(lineage.walk("shop.sales.w"))[1] == {("v", "w"), ("orders", "w"), ("orders", "v")}
    lineage.follow(asset("shop.sales.v", "SELECT * FROM orders, public.orders"))
    assert shown(lineage.walk("shop.sales.v", Direction.UPSTREAM, scope=scope))[1] == {("orders", "v")}


def test_mentions_follow_a_renamed_source(lineage):
    """Scope paths are those that the catalog has today."""
    lineage.follow(asset("shop.s.a"), asset("shop.s.v", "SELECT * FROM a"))
    lineage.follow(asset("shop.s.a", source="renamed"))
    assert lineage.mentioned("shop.s.v", "SELECT * FROM a") == ("renamed.shop.s.a",)


def test_a_dataset_of_another_namespace_is_another_dataset(lineage):
    """Equal names in dev and prod stay two."""
    dev = Namespace("postgres://dev:5432")
    lineage.follow(asset("shop.s.a"), asset("shop.s.v", "SELECT * FROM a", namespace=dev))
    assert lineage.walk("shop.s.a").total == 1
    assert lineage.walk("shop.s.v", namespace=dev).total == 2


def test_a_page_is_stored_whole_or_not_at_all(lineage):
    """A reader that fails leaves checkpoint and graph as they were, and the next try stores the page."""

    class Failing:
        def read_many(self, statements):
            raise ServiceUnavailable("no reader")

    lineage.feed.put(asset("shop.s.v", "SELECT * FROM a"))
    broken = LineageFollower(lineage.feed, lineage.database, Failing(), lambda: lineage.namespaces, lineage.graph)
    with pytest.raises(ServiceUnavailable):
        broken.step()
    assert lineage.rows(tables.node) == []
    assert lineage.rows(tables.checkpoint) == [{"id": 1, "seq": 0, "version": 0}]
    lineage.follow()
    assert lineage.walk("shop.s.v").total == 2


def test_a_page_that_another_follower_stored_is_not_stored_twice(lineage):
    """Two processes over one database: the second finds the checkpoint moved and leaves the page alone."""
    lineage.feed.put(asset("shop.s.v", "SELECT * FROM a"))
    other = lineage.follower()

    class Overtaken:
        def read_many(self, statements):
            other.catch_up()
            return lineage.reader.read_many(statements)

    slow = LineageFollower(lineage.feed, lineage.database, Overtaken(), lambda: lineage.namespaces, lineage.graph)
    assert slow.step()
    assert not slow.step()
    assert len(lineage.rows(tables.edge)) == 1


def test_catching_up_tells_how_far_it_got(lineage):
    """A number that the feed does not have yet is not waited for."""
    lineage.feed.put(asset("shop.s.a"), asset("shop.s.b"))
    follower = lineage.follower(page=1)
    assert follower.catch_up(Seq(1)) >= 1
    assert follower.catch_up(Seq(99)) == 2
    assert lineage.walker.status().seq == 2


def test_a_restored_catalog_is_followed_from_its_start(lineage):
    """A feed that is shorter than the checkpoint gives its numbers out again: nothing of it may be skipped."""
    lineage.follow(asset("shop.s.a"), asset("shop.s.b"), asset("shop.s.c"))
    lineage.feed.log.clear()
    lineage.follow(asset("shop.s.v", "SELECT * FROM a"))
    assert shown(lineage.walk("shop.s.v"))[1] == {("a", "v")}
    assert lineage.walker.status().seq == 1


def test_the_loop_follows_until_it_is_stopped(lineage):
    """A write is in the graph within a second, and a catalog that fails for a while does not end the loop."""
    stop = threading.Event()
    real, calls = lineage.feed.after, []

    def failing_once(seq, *, limit=500):
        calls.append(seq)
        if len(calls) == 1:
            raise ServiceUnavailable("the catalog restarts")
        return real(seq, limit=limit)

    lineage.feed.after = failing_once
    thread = threading.Thread(target=lineage.follower().run_until, args=(stop,))
    thread.start()
    try:
        lineage.feed.put(asset("shop.s.v", "SELECT * FROM a"))
        deadline = time.monotonic() + 20
        while lineage.walker.status().seq < 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lineage.walk("shop.s.v").total == 2
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_a_walk_keeps_the_snapshot_it_began_with(lineage):
    """A new snapshot is another object; the old one is as it was."""
    lineage.follow(asset("shop.s.v", "SELECT * FROM a"))
    before = lineage.graph.current()
    lineage.follow(asset("shop.s.v", "SELECT * FROM b"))
    assert [before.dataset(found).name.parts[-1] for found in before.sources(id_of("shop.s.v"))] == ["a"]
    assert lineage.graph.current() is not before


def test_a_dataset_that_no_definition_names_any_more_is_unknown(lineage):
    """It was never crawled, so nothing that holds today speaks of it."""
    lineage.follow(asset("shop.s.v", "SELECT * FROM a"))
    lineage.follow(asset("shop.s.v", "SELECT * FROM b"))
    with pytest.raises(NotFound):
        lineage.walker.walk(LineageRequest(id_of("shop.s.a"), FULL_SCOPE))


def test_the_tables_are_what_the_migrations_make(lineage):
    """The newest revision is the code's, its tables and columns are those of `tables`, and a strange one is refused."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(LINE.scripts)).get_current_head() == LINE.head == current_revision(lineage.database)
    with lineage.database.engine.connect() as connection:
        if not lineage.database.is_sqlite:
            connection.exec_driver_sql('SET search_path TO "lineage"')
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [one for one in compare_metadata(context, tables.metadata) if "alembic_version" not in str(one)]
    assert found == []
    assert upgrade(lineage.database, LINE) == LINE.head
    with lineage.database.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE {'' if lineage.database.is_sqlite else 'lineage.'}alembic_version SET version_num='9999'"
        )
    try:
        with pytest.raises(StoreOutdated):
            ensure_current(lineage.database, LINE)
    finally:
        with lineage.database.write() as connection:
            connection.exec_driver_sql(
                f"UPDATE {'' if lineage.database.is_sqlite else 'lineage.'}alembic_version SET version_num='{LINE.head}'"
            )


def test_names_known_only_from_sql_follow_their_source_when_it_is_renamed(lineage):
    """A deny rule under the new name must hide what only SQL mentions, too."""
    lineage.namespaces = Namespaces()
    view = asset("shop.public.v", "SELECT * FROM shop.public.hidden")
    for source in ("postgres://db1:5432", "warehouse"):
        lineage.follow(dataclasses.replace(view, source=source))

    unlisted = lineage.graph.refresh().dataset(id_of("shop.public.hidden"))

    assert unlisted is not None
    assert unlisted.scope_path == "warehouse.shop.public.hidden"


def test_what_a_tool_says_is_made_from_tables_is_below_them(lineage):
    """A dashboard: edges of a kind of their own, from every column; another list moves them, and none takes them away."""

    def board(*names):
        made_from = [["shop", "s", name] for name in names]
        return asset("dbt.exposures.board", kind=Kind.EXPOSURE, properties={MADE_FROM: made_from})

    lineage.follow(asset("shop.s.a", columns=(Column("x"),)), asset("shop.s.b"), board("a"))
    (edge,) = lineage.walk("dbt.exposures.board").edges
    assert (edge.source, edge.kind, edge.confidence) == (id_of("shop.s.a"), "exposure", 1.0)
    columns = {(row["source_column"], row["target_column"], row["kind"]) for row in lineage.rows(tables.column_edge)}
    assert columns == {("*", "*", "identity")}
    lineage.follow(board("a", "b"))
    assert {edge.source for edge in lineage.walk("dbt.exposures.board").edges} == {id_of("shop.s.a"), id_of("shop.s.b")}
    lineage.follow(board())
    assert lineage.walk("dbt.exposures.board").total == 1
    for strange in (None, 7, [7, [], [None], ["shop", 3, "a"]]):
        lineage.follow(asset("dbt.exposures.board", kind=Kind.EXPOSURE, properties={MADE_FROM: strange}))
