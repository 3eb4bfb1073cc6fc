"""The port `LineageQuery`: one suite for the walker itself and for its client over a real server on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import uvicorn
from fastapi import Depends

from services.common.errors import BadRequest, NotFound, ServiceUnavailable, Unauthenticated
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope
from services.common.model.lineage import Direction, LineageRequest, LineageStatus, PathsRequest
from services.common.model.names import AssetId
from services.common.model.schema_changes import ChangeKind, MadeBy, Origin, RedefinitionRequest, Sameness, SchemaChange
from services.common.ports import LineageQuery
from services.common.runtime.http import create_service_app, require_key
from services.common.runtime.service_client import ServiceClient
from services.lineage.app import create_router
from services.lineage.client import HttpLineage
from services.lineage.sql.statement import Statement
from tests.support import lineages
from tests.support.lineages import Lineage, asset, id_of, name_of, shown

KEY = "a key of the three services"
V = "SELECT * FROM staging.orders, hr.salaries, ext.rates"
BROKEN = "SELECT * FRM hr.salaries"


@contextmanager
def served(query: LineageQuery) -> Iterator[str]:
    """The internal routes of `query` on a free port; gives their base URL."""
    app = create_service_app("lineage", "0", max_body_bytes=1_000_000)
    app.include_router(create_router(query), dependencies=[Depends(require_key(KEY))])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def over_http(query: LineageQuery, key: str = KEY) -> Iterator[HttpLineage]:
    with served(query) as url:
        service = ServiceClient("lineage", url, key)
        yield HttpLineage(service)
        service.close()


@pytest.fixture
def lineage(tmp_path) -> Iterator[Lineage]:
    """raw → staging → v → mart, where v also reads hr.salaries and a table that no crawl has shown."""
    made = Lineage(lineages.sqlite_database(tmp_path))
    made.follow(
        asset("shop.raw.orders"),
        asset("shop.hr.salaries"),
        asset("shop.staging.orders", "SELECT * FROM raw.orders"),
        asset("shop.mart.v", V),
        asset("shop.mart.report", "SELECT * FROM mart.v"),
        asset("shop.mart.sibling", "SELECT * FROM staging.orders"),
        asset("shop.mart.broken", BROKEN),
        asset("shop.mart.constant", "SELECT 1"),
    )
    yield made
    made.database.close()


@pytest.fixture(params=["walker", "http"])
def query(request, lineage) -> Iterator[LineageQuery]:
    if request.param == "walker":
        yield lineage.walker
        return
    with over_http(lineage.walker) as client:
        yield client


def ask(query: LineageQuery, dotted: str, scope: AccessScope = FULL_SCOPE, **more):
    return query.walk(LineageRequest(id_of(dotted), scope, **more))


def test_upstream_and_downstream_are_walked_apart(query):
    """What is made from the same source is neither above nor below."""
    names, edges = shown(ask(query, "shop.mart.v"))
    assert names[0] == ("v", 0)
    assert sorted(names) == [("orders", -2), ("orders", -1), ("rates", -1), ("report", 1), ("salaries", -1), ("v", 0)]
    assert ("orders", "sibling") not in edges
    assert {("salaries", "v"), ("v", "report"), ("rates", "v")} <= edges


def test_one_direction_only(query):
    """Upstream has no positive depths, downstream no negative ones."""
    up = ask(query, "shop.mart.v", direction=Direction.UPSTREAM)
    down = ask(query, "shop.mart.v", direction=Direction.DOWNSTREAM)
    assert {node.depth for node in up.nodes} == {0, -1, -2}
    assert [(node.name.qualified, node.depth) for node in down.nodes] == [("shop.mart.v", 0), ("shop.mart.report", 1)]


def test_a_hidden_node_and_the_path_through_it_are_absent(query):
    """Nothing of it shows: no name, no count, no truncation, nothing behind it."""
    scope = AccessScope(("*",), ("wh.shop.staging",))
    graph = ask(query, "shop.mart.v", scope)
    assert sorted(shown(graph)[0]) == [("rates", -1), ("report", 1), ("salaries", -1), ("v", 0)]
    assert (graph.total, graph.truncated) == (4, False)
    assert ask(query, "shop.raw.orders", scope, depth=1).total == 1
    assert not ask(query, "shop.raw.orders", scope, depth=1).truncated


def test_a_name_only_in_sql_is_hidden_by_its_path(query):
    """A deny rule covers what no crawl ever saw."""
    graph = ask(query, "shop.mart.v", AccessScope(("*",), ("wh.shop.ext.*",)))
    assert "rates" not in {node.name.parts[-1] for node in graph.nodes}
    with pytest.raises(NotFound):
        ask(query, "shop.ext.rates", AccessScope(("*",), ("wh.shop.ext.*",)))


def test_a_name_only_in_hidden_sql_is_hidden_too(query):
    """Without the view that names it nobody would know of it."""
    assert ask(query, "shop.ext.rates").total == 3
    with pytest.raises(NotFound):
        ask(query, "shop.ext.rates", AccessScope(("*",), ("wh.shop.mart.v",)))


@pytest.mark.parametrize("scope", [NO_SCOPE, AccessScope(("*",), ("wh.shop.mart",)), AccessScope(("other.*",))])
def test_a_hidden_asset_and_an_unknown_one_are_one_answer(query, scope):
    """The same error with the same words, but for the id that the caller gave."""
    with pytest.raises(NotFound) as hidden:
        ask(query, "shop.mart.v", scope)
    with pytest.raises(NotFound) as unknown:
        ask(query, "shop.mart.no_such", scope)
    assert hidden.value.detail.replace(id_of("shop.mart.v"), "") == unknown.value.detail.replace(
        id_of("shop.mart.no_such"), ""
    )


def test_depth_cuts_and_says_so(query):
    """`total` counts what is within depth; `truncated` says that there is more behind it."""
    near = ask(query, "shop.mart.v", depth=1)
    assert (near.total, near.truncated) == (5, True)
    far = ask(query, "shop.mart.v", depth=2)
    assert (far.total, far.truncated) == (6, False)


def test_limit_cuts_the_farthest_and_says_so(query):
    """The nearest nodes stay, `total` counts all, and edges end at nodes that are in the answer."""
    graph = ask(query, "shop.mart.v", limit=3)
    assert (len(graph.nodes), graph.total, graph.truncated) == (3, 6, True)
    assert graph.nodes == ask(query, "shop.mart.v").nodes[:3]
    kept = {node.id for node in graph.nodes}
    assert all(edge.source in kept and edge.target in kept for edge in graph.edges)


def test_an_asset_without_edges_is_one_node(query):
    """A crawled table that nothing reads."""
    graph = ask(query, "shop.mart.broken", direction=Direction.DOWNSTREAM)
    assert (len(graph.nodes), graph.edges, graph.total) == (1, (), 1)


def test_an_unread_definition_is_told_apart_from_no_lineage(query):
    """State and reason of the asked asset, and what it mentions is unknown."""
    graph = ask(query, "shop.mart.broken")
    assert (graph.state, graph.problem) == ("unparsed", "its syntax is not understood at line 1, column 14")
    assert query.mentioned(id_of("shop.mart.broken"), Statement(BROKEN).sha256) is None


def test_mentions_are_whole_whatever_anybody_may_see(query):
    """Every dataset of the definition, in order; an empty answer is one, too."""
    assert query.mentioned(id_of("shop.mart.v"), Statement(V).sha256) == (
        "wh.shop.ext.rates",
        "wh.shop.hr.salaries",
        "wh.shop.staging.orders",
    )
    assert query.mentioned(id_of("shop.mart.constant"), Statement("SELECT 1").sha256) == ()


@pytest.mark.parametrize("dotted", ["shop.mart.v", "shop.hr.salaries", "shop.ext.rates", "shop.mart.no_such"])
def test_mentions_of_a_text_that_was_not_read_are_unknown(query, dotted):
    """Another text than the one that was read, a table, a name from SQL, a stranger: nothing is known, not nothing read."""
    assert query.mentioned(id_of(dotted), Statement("SELECT * FROM a_newer_definition").sha256) is None


@pytest.mark.parametrize(("depth", "limit"), [(0, 10), (101, 10), (3, 0), (3, 10_001), (-1, 10)])
def test_bounds_out_of_bounds_are_refused(query, depth, limit):
    """The same input will never work."""
    with pytest.raises(BadRequest):
        ask(query, "shop.mart.v", depth=depth, limit=limit)


def test_status_says_how_far_the_graph_is(query):
    """Changes, datasets, edges, definitions read and not."""
    assert query.status() == LineageStatus(seq=8, datasets=9, edges=6, parsed=5, unparsed=1)


def test_both_adapters_answer_alike(lineage):
    """Values that crossed the wire are equal to those that did not."""
    request = LineageRequest(id_of("shop.mart.v"), AccessScope(("*",), ("wh.shop.hr.*",)), depth=2)
    with over_http(lineage.walker) as client:
        assert client.walk(request) == lineage.walker.walk(request)
        assert client.walk(replace(request, limit=2)) == lineage.walker.walk(replace(request, limit=2))


def test_routes_need_the_services_key(lineage):
    """Another key is answered as no key is."""
    with over_http(lineage.walker, key="not the key of the services") as client, pytest.raises(Unauthenticated):
        client.status()


def test_a_service_that_does_not_answer_is_unavailable():
    """Nobody listens there; trying again helps."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        service = ServiceClient("lineage", f"http://127.0.0.1:{free.getsockname()[1]}", KEY)
        with pytest.raises(ServiceUnavailable):
            HttpLineage(service).walk(LineageRequest(AssetId("d"), FULL_SCOPE))
        service.close()


def test_a_view_that_is_gone_is_there_for_whom_one_of_its_edges_is(tmp_path):
    """What it reads might be what the scope hides: then it is as unknown as where nobody ever crawled the hidden table."""
    scope = AccessScope(("*",), ("wh.*.hidden.*",))
    answers = []
    for crawled in (True, False):
        folder = tmp_path / str(crawled)
        folder.mkdir()
        lineage = Lineage(lineages.sqlite_database(folder))
        found = (asset("shop.hidden.t", namespace=lineages.DUCKDB),) if crawled else ()
        view = asset("shop.hidden.v", "FROM t", namespace=lineages.DUCKDB)
        other = asset("shop.main.v", "FROM hidden.t, t", namespace=lineages.DUCKDB)
        lineage.follow(*found, view, other)
        lineage.feed.remove(view.id, other.id)
        lineage.follow()
        graph = lineage.walk("shop.main.v", scope=scope, namespace=lineages.DUCKDB)
        answers.append(shown(graph))
        with pytest.raises(NotFound):
            lineage.walk("shop.hidden.v", scope=scope, namespace=lineages.DUCKDB)
        lineage.database.close()
    assert answers[0] == answers[1]


def test_paths_are_told_inside_a_scope(query):
    """The shortest first; none through what the scope hides; a hidden end is an unknown one."""
    ends = id_of("shop.raw.orders"), id_of("shop.mart.report")
    found = query.paths(PathsRequest(*ends, FULL_SCOPE))
    assert [[one.name.parts[-1] for node in path for one in found.nodes if one.id == node] for path in found.paths] == [
        ["orders", "orders", "v", "report"]
    ]
    assert len(found.edges) == 3
    assert not found.truncated
    assert query.paths(PathsRequest(*ends, AccessScope(("*",), ("wh.shop.staging",)))).paths == ()
    with pytest.raises(NotFound):
        query.paths(PathsRequest(*ends, AccessScope(("*",), ("wh.shop.raw",))))
    with pytest.raises(BadRequest):
        query.paths(PathsRequest(*ends, FULL_SCOPE, limit=0))


def test_ddl_is_read_and_not_run(query):
    """What a script would change, by statement; what is not understood is a problem without its text."""
    found = query.planned("ALTER TABLE a.b DROP COLUMN secret_c; ALTER secret_d", "postgres")
    assert found.changes == (SchemaChange(ChangeKind.DROP, "a.b", "secret_c"),)
    assert (found.statements, found.problems) == (2, ("statement 2: its syntax is not understood",))


def test_pages_go_on_where_the_one_before_ended(query):
    """Over the wire too; a cursor of another question is refused."""
    first = ask(query, "shop.mart.v", limit=2)
    rest = ask(query, "shop.mart.v", limit=10, cursor=first.cursor)
    whole = ask(query, "shop.mart.v")
    assert first.nodes + rest.nodes == whole.nodes
    assert rest.cursor is None
    with pytest.raises(BadRequest):
        ask(query, "shop.mart.v", depth=1, cursor=first.cursor)


def test_a_definition_is_compared_with_another(query):
    """Which columns are made otherwise, by the names of the catalog; a text that cannot be read is not known."""
    before, after = (
        MadeBy("SELECT id, a FROM raw.orders", "postgres"),
        MadeBy("SELECT id, b AS a FROM raw.orders", "postgres"),
    )
    asked = RedefinitionRequest(name_of("shop.mart.v"), before, after, FULL_SCOPE)
    found = query.redefinition(asked)
    ((column, was, now),) = [(one.column, one.was, one.now) for one in found.columns]
    assert (column, found.rows, found.problem) == ("a", False, None)
    assert (was, now) == tuple((Origin(name_of("shop.raw.orders"), name, "identity"),) for name in ("a", "b"))
    broken = query.redefinition(replace(asked, after=MadeBy(BROKEN, "postgres")))
    assert (broken.state, "hr.salaries" in (broken.problem or "")) == (Sameness.UNKNOWN, False)
