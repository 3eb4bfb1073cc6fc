"""Every route by every role, odd methods and odd paths: who gets in, and who does not get past the gate."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount

from services import compose
from services.catalog.gate import INTERNAL as INTERNAL_PREFIX
from services.catalog.gate import PUBLIC
from services.catalog.pages import OPEN_PATHS
from services.common.model.events import job_id
from services.common.runtime.settings import Settings
from tests.access.raw import Sent, send
from tests.access.served import Served, bearer, secret
from tests.access.shop import NAMESPACE, ROLES, id_of, shop
from tests.support.events import dataset, run_event, run_id

KEY = "the-key-between-services"
CALLERS = ("none", "wrong", "reader", "editor", "admin", "producer", "service")
"""`service` shows the key between the services and no token."""

OPEN = dict.fromkeys(CALLERS, 200)
NOBODY = {"none": 401, "wrong": 401, "service": 401}
KNOWN = NOBODY | {"reader": 200, "editor": 200, "admin": 200, "producer": 200}
READERS = KNOWN | {"producer": 403}
INTERNAL = dict.fromkeys(CALLERS, 401)


def editors(status: int) -> dict[str, int]:
    return READERS | {"reader": 403, "editor": status, "admin": status}


def services(status: int) -> dict[str, int]:
    return INTERNAL | {"service": status}


MARQUEZ = (
    "/lineage",
    "/column-lineage",
    "/events",
    "/events/lineage",
    "/jobs/runs/{run_id}",
    "/namespaces",
    "/namespaces/{namespace:path}",
    "/namespaces/{namespace:path}/jobs",
    "/namespaces/{namespace:path}/jobs/{job:path}",
    "/namespaces/{namespace:path}/jobs/{job:path}/runs",
    "/namespaces/{namespace:path}/datasets",
    "/namespaces/{namespace:path}/datasets/{dataset:path}",
)
"""Marquez' read API, at two places."""
MATRIX: dict[tuple[str, str], dict[str, int]] = {
    ("GET", "/api/v1/search"): READERS,
    ("GET", "/api/v1/suggest"): READERS,
    ("GET", "/api/v1/vocabulary"): READERS,
    ("PUT", "/api/v1/vocabulary"): editors(200),
    ("POST", "/api/v1/lineage"): READERS | {"reader": 403, "editor": 422, "admin": 422, "producer": 422},
    ("POST", "/api/v1/lineage/batch"): READERS | {"reader": 403, "editor": 422, "admin": 422, "producer": 422},
    ("GET", "/api/v1/jobs"): READERS,
    **{("GET", f"{prefix}{path}"): READERS for prefix in ("/api/v1", "/marquez/api/v1") for path in MARQUEZ},
    ("GET", "/marquez/api/v1/search"): READERS,
    ("GET", "/api/v1/jobs/{job_id}"): READERS,
    ("POST", "/api/v1/feedback"): READERS | {"reader": 404, "editor": 404, "admin": 404},
    ("GET", "/api/v1/search/analytics"): editors(403) | {"admin": 200},
    ("GET", "/api/v1/assets"): READERS,
    ("GET", "/api/v1/assets/{asset_id}"): READERS,
    ("PATCH", "/api/v1/assets/{asset_id}"): editors(200),
    ("GET", "/api/v1/assets/{asset_id}/changes"): READERS,
    ("GET", "/api/v1/assets/{asset_id}/versions"): READERS,
    ("GET", "/api/v1/assets/{asset_id}/history"): READERS,
    ("GET", "/api/v1/assets/{asset_id}/lineage"): READERS,
    ("GET", "/api/v1/assets/{asset_id}/related"): READERS,
    ("GET", "/api/v1/assets/{asset_id}/similar"): READERS,
    ("POST", "/api/v1/related"): READERS,
    ("GET", "/api/v1/assets/{asset_id}/impact"): READERS,
    ("GET", "/api/v1/lineage/paths"): READERS,
    ("POST", "/api/v1/lineage/check"): READERS,
    ("GET", "/api/v1/lineage/diff"): READERS,
    ("GET", "/api/v1/lineage/coverage"): READERS,
    ("POST", "/api/v1/lineage/edges"): editors(404),
    ("DELETE", "/api/v1/lineage/edges"): editors(404),
    ("POST", "/api/v1/changes/{change_id}/undo"): editors(404),
    ("GET", "/api/v1/sources"): READERS,
    ("GET", "/api/v1/crawls"): READERS,
    ("POST", "/api/v1/crawls"): editors(403) | {"admin": 404},
    ("GET", "/api/v1/crawls/{crawl_id}"): READERS,
    ("GET", "/api/v1/crawls/{crawl_id}/changes"): READERS,
    ("POST", "/api/v1/crawls/{crawl_id}/accept"): editors(403) | {"admin": 409},
    ("GET", "/api/v1/renames"): READERS,
    ("POST", "/api/v1/renames/{rename_id}/accept"): editors(404),
    ("POST", "/api/v1/renames/{rename_id}/reject"): editors(404),
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/startupz"): OPEN,
    ("GET", "/metrics"): READERS,
    ("GET", "/openapi.json"): KNOWN,
    ("GET", "/docs"): KNOWN,
    ("GET", "/docs/{name}"): NOBODY | dict.fromkeys(("reader", "editor", "admin", "producer"), 404),
    ("GET", "/"): OPEN,
    ("GET", "/widget/headwater.js"): OPEN,
    ("GET", "/static/{name}"): OPEN,
    ("POST", "/internal/v1/catalog/crawls"): services(422),
    ("POST", "/internal/v1/catalog/crawls/claim"): services(200),
    ("POST", "/internal/v1/catalog/crawls/request"): services(422),
    ("POST", "/internal/v1/catalog/crawls/{crawl}/batches"): services(422),
    ("POST", "/internal/v1/catalog/crawls/{crawl}/progress"): services(422),
    ("POST", "/internal/v1/catalog/crawls/{crawl}/close"): services(422),
    ("GET", "/internal/v1/catalog/changes"): services(200),
    ("GET", "/internal/v1/catalog/head"): services(200),
    ("POST", "/internal/v1/catalog/states"): services(422),
}
ALSO_HEAD = ("/openapi.json", "/", "/widget/headwater.js", "/static/{name}")
MATRIX |= {("HEAD", path): MATRIX["GET", path] for path in ALSO_HEAD}
QUERIES = {
    "/api/v1/lineage": f"?nodeId=dataset:{NAMESPACE}:shop.sales.orders",
    "/api/v1/column-lineage": f"?nodeId=dataset:{NAMESPACE}:shop.sales.orders",
    "/api/v1/lineage/paths": f"?from={id_of('orders')}&to={id_of('cost')}",
    "/api/v1/lineage/diff": "?from=2031-01-01&to=2031-02-01",
    "/api/v1/lineage/edges": f"?from={id_of('orders')}&to={id_of('nothing')}",
    "/api/v1/search": "?q=orders",
    "/api/v1/suggest": "?q=or",
    "/internal/v1/catalog/changes": "?after=0&limit=1",
}
BODIES = {
    "/api/v1/crawls": {"source": "nowhere"},
    "/api/v1/lineage/check": {"ddl": "DROP TABLE orders"},
    "/api/v1/lineage/edges": {"from": id_of("orders"), "to": id_of("nothing")},
    "/api/v1/feedback": {"query_id": "never", "events": [{"kind": "click", "id": id_of("orders")}]},
    "/api/v1/related": {"assets": [id_of("orders")]},
}
CLOSED = sorted({path for _, path in MATRIX if path not in {*OPEN_PATHS, *PUBLIC, "/static/{name}"}})
ODD_METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "get",
    "PROPFIND",
    "QUERY",
    "GET ",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with shop(tmp_path_factory.mktemp("matrix"), ROLES, internal_key=KEY) as made:
        event = run_event(
            "START", "2026-11-01T10:00:00Z", job="load", inputs=[dataset("shop.sales.orders")], namespace=NAMESPACE
        )
        assert made.client.post("/api/v1/lineage", json=event, headers=bearer("producer")).status_code == 201
        yield made


def routes_of(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every method and path that is served, included routers and mounts too; what is neither fails."""
    for context in iter_route_contexts(routes):
        if isinstance(context.original_route, Mount):
            yield from routes_of(context.original_route.routes, prefix + str(context.path))
            continue
        assert context.methods, f"{context.original_route} takes any method, or is no HTTP route"
        for method in context.methods:
            yield method, prefix + str(context.path)


def url(served: Served, path: str) -> str:
    crawl = served.get("/crawls", "admin").json()["crawls"][0]["id"]
    values = {"asset_id": id_of("orders"), "change_id": 999, "crawl_id": crawl, "crawl": crawl, "name": "api.js"}
    values |= {"rename_id": "none", "job_id": job_id(NAMESPACE, "load")}
    values |= {
        "namespace": quote(NAMESPACE, safe=""),
        "job": "load",
        "dataset": "shop.sales.orders",
        "run_id": run_id("one"),
    }
    return path.replace(":path", "").format(**values) + QUERIES.get(path.replace("/marquez", ""), QUERIES.get(path, ""))


def credentials(caller: str) -> dict[str, str]:
    if caller == "none":
        return {}
    return {"X-Headwater-Key": KEY} if caller == "service" else bearer(caller)


def call(served: Served, method: str, path: str, caller: str) -> Any:
    headers = credentials(caller)
    target = url(served, path)
    if method == "PATCH":
        headers["If-Match"] = served.client.get(target, headers=bearer("admin")).headers["ETag"]
        return served.client.patch(target, json={"status": "endorsed"}, headers=headers)
    if method == "PUT":
        return served.client.put(target, json={"term": f"word of {caller}", "synonyms": ["name"]}, headers=headers)
    if method == "POST" and path in BODIES:
        return served.client.post(target, json=BODIES[path], headers=headers)
    return served.client.request(method, target, headers=headers)


def test_the_table_names_every_route_and_no_other(served):
    """Whoever adds a route says who may use it."""
    assert set(routes_of(served.client.app.routes)) == set(MATRIX)


def test_every_route_answers_every_caller_as_the_table_says(served):
    """No token, a wrong one, each role, and the key between services."""
    found = {route: {caller: call(served, *route, caller).status_code for caller in CALLERS} for route in MATRIX}
    wrong = [
        f"{method} {path} for {caller}: {found[method, path][caller]}, not {expected}"
        for (method, path), statuses in MATRIX.items()
        for caller, expected in statuses.items()
        if found[method, path][caller] != expected
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("headers", [(), (("Authorization", "Bearer nobody's"),)], ids=["no token", "a wrong token"])
def test_no_method_gets_past_the_gate(served, headers):
    """Methods that no route has, in lower case, or with a blank behind: 401, whatever a route would say."""
    override = (("X-HTTP-Method-Override", "GET"), ("X-Method-Override", "GET"), ("X-HTTP-Method", "GET"))
    for path, method in itertools.product(CLOSED, ODD_METHODS):
        answer = send(served.client.app, method, url(served, path), *headers, *override)
        assert (answer.status, answer.body_reads) == (401, 0), (method, path)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "CONNECT"])
def test_open_paths_are_only_read(served, method):
    """Probes and files take no other method."""
    for path in (*sorted(PUBLIC), *sorted(OPEN_PATHS)):
        assert send(served.client.app, method, path).status == 405, path


def test_a_method_cannot_be_overridden(served):
    """A reader's POST or GET stays one; it never becomes the PATCH that a reader may not send."""
    for method, name in itertools.product(("GET", "POST"), ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")):
        target = f"/api/v1/assets/{id_of('bills')}?_method=PATCH" if method == "POST" else f"/api/v1/assets/{id_of('bills')}"
        answer = send(
            served.client.app,
            method,
            target,
            *bearer("reader").items(),
            (name, "PATCH"),
            ("If-Match", f'"{id_of("bills")}.1"'),
            ("Content-Type", "application/json"),
            body=b'{"description": "written"}',
        )
        assert answer.status == (200 if method == "GET" else 405)
    assert served.get(f"/assets/{id_of('bills')}", "reader").json()["description"] is None


TRICKS = (
    "/livez/../api/v1/assets",
    "/livez/%2e%2e/api/v1/assets",
    "/livez%2f..%2fapi/v1/assets",
    "/livez/../../api/v1/assets",
    "/static/../api/v1/assets",
    "/static/api.js/../../api/v1/assets",
    "/static/..%2fapi%2fv1%2fassets",
    "/widget/headwater.js/../../api/v1/assets",
    "/./api/v1/assets",
    "//api/v1/assets",
    "/api//v1/assets",
    "/api/v1/assets/",
    "/api/v1/assets//",
    "/api/v1/assets;/livez",
    "/livez;/api/v1/assets",
    "/api/v1/assets;jsessionid=1",
    "/api%2fv1%2fassets",
    "/api/v1%2fassets",
    "/%61pi/v1/assets",
    "/API/V1/ASSETS",
    "/Api/v1/assets",
    "/api/v1/assets%00",
    "/livez%00/api/v1/assets",
    "/api/v1/assets%20",
    "/api/v1/assets%0a",
    "/api/v1/assets?/livez",
    "/api/v1/assets%3f/livez",
    "/api/v1/assets#/livez",
    "/livez?/../api/v1/assets",
    "\\api\\v1\\assets",
    "/api/v1/..%5cv1/assets",
    "/internal/v1/../../api/v1/assets",
    "/internal/v1",
    "/internal/v1/catalog/head/",
    "//internal/v1/catalog/head",
    "/internal//v1/catalog/head",
    "/INTERNAL/v1/catalog/head",
    "/internal%2fv1%2fcatalog%2fhead",
    "/livez/../internal/v1/catalog/head",
    "/metrics/",
    "/Metrics",
    "/openapi.json/",
    "/docs/",
    "/index.html",
    "/static/",
    "/static/index.html",
    "/static/%2e%2e/assets.py",
    "http://127.0.0.1:8642/api/v1/assets",
)


@pytest.mark.parametrize("target", TRICKS)
def test_no_spelling_of_a_path_gets_past_the_gate(served, target):
    """Without a token nothing but the exact open paths is answered: 401, and nothing of the catalog in it."""
    answer = send(served.client.app, "GET", target, ("X-Original-URL", "/livez"), ("X-Rewrite-URL", "/livez"))
    if target.startswith("/livez?"):  # the query is no part of the path
        assert (answer.status, answer.json()) == (200, {"status": "alive"})
        return
    assert answer.status == 401, answer.body
    assert answer.header("location") is None
    assert b"orders" not in answer.body


@pytest.mark.parametrize("target", TRICKS)
def test_no_spelling_of_a_path_raises_a_role(served, target):
    """With a producer's token the same spellings give no data either."""
    answer = send(served.client.app, "GET", target, *bearer("producer").items())
    assert answer.status in ({200} if target.startswith("/livez?") else {307, 401, 403, 404})
    assert b"orders" not in answer.body


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/crawls", b"{"),
        ("POST", "/api/v1/crawls", b"\xff\xfe" * 1000),
        ("PATCH", "/api/v1/assets/{asset_id}", b"]"),
        ("POST", "/api/v1/changes/{change_id}/undo", b"{"),
        ("POST", "/internal/v1/catalog/crawls", b"{"),
        ("GET", "/api/v1/search", b""),
    ],
)
def test_nothing_is_read_before_the_caller_is_known(served, method, path, body):
    """A broken body or parameter of an unknown caller is 401, never 422: nobody looked at it."""
    for headers in ((), (("Authorization", "Bearer nobody's"),), (("X-Headwater-Key", "wrong"),)):
        content = ("Content-Type", "application/json")
        answer = send(served.client.app, method, url(served, path) + "?limit=no", *headers, content, body=body)
        assert (answer.status, answer.json()["code"], answer.body_reads) == (401, "unauthenticated", 0)
        assert answer.header("www-authenticate") == 'Bearer realm="headwater"'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic {token}",
        "Token {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer {short}",
        "Bearer x, Bearer {token}",
    ],
)
def test_only_a_whole_token_after_bearer_counts(served, value):
    """Other schemes, halves and lists are nobody's."""
    value = value.format(token=secret("admin"), short=secret("admin")[:-1])
    assert send(served.client.app, "GET", "/api/v1/assets", ("Authorization", value)).status == 401


def test_a_token_counts_nowhere_else(served):
    """Not in the query, a cookie, another header, or the user part of a URL; two Authorization headers are refused."""
    token = secret("admin")
    for target in (f"/api/v1/assets?access_token={token}", f"/api/v1/assets?token={token}"):
        assert send(served.client.app, "GET", target).status == 401
    for header in (
        ("Cookie", f"token={token}"),
        ("X-Api-Key", token),
        ("X-Token", token),
        ("Proxy-Authorization", f"Bearer {token}"),
    ):
        assert send(served.client.app, "GET", "/api/v1/assets", header).status == 401
    twice = [("Authorization", f"Bearer {token}")] * 2
    assert send(served.client.app, "GET", "/api/v1/assets", *twice).status == 401
    assert send(served.client.app, "GET", "/api/v1/assets", twice[0], ("authorization", "Bearer x")).status == 401


@pytest.mark.parametrize(
    "name", ["X-Forwarded-User", "X-Remote-User", "Remote-User", "X-User", "X-Auth-Request-User", "X-Principal"]
)
def test_identity_headers_of_proxies_are_ignored(served, name):
    """Only a token says who somebody is."""
    assert send(served.client.app, "GET", "/api/v1/assets", (name, "admin")).status == 401
    write = send(
        served.client.app, "POST", "/api/v1/crawls", (name, "admin"), *bearer("reader").items(), body=b'{"source": "wh"}'
    )
    assert write.status in {403, 422}


@pytest.mark.parametrize("role", [compose.create_indexer, compose.create_lineage])
def test_services_apart_serve_probes_and_keyholders_only(role, tmp_path):
    """Each of their routes is a probe, or internal and closed to whoever shows a token, no key or another one."""
    app = role(Settings(home=tmp_path, model="hashing", internal_key=KEY, tokens=ROLES))
    closed = {(method, path) for method, path in routes_of(app.routes) if path not in PUBLIC}
    assert len(closed) >= 3
    for method, path in closed:
        assert path.startswith(INTERNAL_PREFIX), path
        for header in (("X-Headwater-Key", "wrong"), ("X-Headwater-Key", ""), *bearer("admin").items()):
            answer = send(app, method, path, header, body=b"{")
            assert (answer.status, answer.body_reads) == (401, 0), (path, header)


def test_answers_are_kept_by_nobody(served):
    """What depends on who asks is private; errors are not stored either."""
    for method, path in MATRIX:
        if not path.startswith("/api/") or method != "GET":
            continue
        answer: Sent = send(served.client.app, method, url(served, path), *bearer("admin").items())
        assert answer.header("cache-control") == "private, no-store", path
        assert answer.header("vary") == "Authorization", path
        assert send(served.client.app, method, url(served, path)).header("cache-control") == "no-store", path
