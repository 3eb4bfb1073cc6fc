"""One process or four: the same answers to the byte, for every example that the OpenAPI document gives; and what is left
when one of them is gone."""

from __future__ import annotations

import itertools
import json
import re
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.indexer.usage.service import WEIGHTS_FILE
from tests.journey.conftest import Demo
from tests.support.commands import Done, Server, simple_table, until, write_metadata

ORDERS = "dpum2mg7xb7yfsx45wsjfymo52d"
PROBLEM = "application/problem+json"
NOT_COMPARED = {
    "/metrics": "counts and times of the process itself",
    "/api/v1/search/analytics": "counts of the questions that were asked of each",
}
_DIFFERS = re.compile(rb'(?P<key>"(?:query_id|request_id|requested_at|started_at|ended_at|last_seen)"): ?"[^"]*"')
"""Ids of requests, and the times of a crawl that ran on each side."""


@dataclass
class Apart:
    """Catalog, indexer and lineage as three processes on one home; each can be ended and started again on its port."""

    home: Path
    ports: Mapping[str, int]
    servers: dict[str, Server]

    @property
    def catalog(self) -> Server:
        """The public face."""
        return self.servers["catalog"]

    def start(self, role: str) -> None:
        urls = {f"HEADWATER_{name.upper()}_URL": f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        env = {"HEADWATER_INTERNAL_KEY": "a key that three share", **urls}
        self.servers[role] = Server("serve", "--role", role, "--port", str(self.ports[role]), home=self.home, env=env)


@pytest.fixture(scope="module")
def whole(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Role `all` on a demo home."""
    home = demo.copy(tmp_path_factory.mktemp("whole"))
    with Server(home=home) as server:
        server.ready()
        _until_learned(home)
        yield server


@pytest.fixture(scope="module")
def apart(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    """The three roles on a home of equal content."""
    sockets = [socket.socket() for _ in range(3)]
    for free in sockets:
        free.bind(("127.0.0.1", 0))
    ports = dict(zip(("catalog", "indexer", "lineage"), (free.getsockname()[1] for free in sockets), strict=True))
    for free in sockets:
        free.close()
    three = Apart(demo.copy(tmp_path_factory.mktemp("apart")), ports, {})
    try:
        for role in ports:
            three.start(role)
        for server in three.servers.values():
            server.ready()
        _until_learned(three.home)
        yield three
    finally:
        for server in three.servers.values():
            server.stop()


def _until_learned(home: Path) -> None:
    """What is used together is learned from the log after the start; before that the shipped weights answer."""
    until((home / WEIGHTS_FILE).exists, "weights")


OF_EVENTS = ("/api/v1/jobs/", "/api/v1/namespaces/", "/api/v1/column-lineage", "/api/v1/lineage", "/marquez/")
"""Routes of what events name: the sample has sent none, so that both sides say in the same words that it is not there."""


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Every operation of the document: method, path, description."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def examples(parameter: Any) -> list[Any]:
    """A parameter's examples."""
    found: list[Any] = parameter["schema"].get("examples", [])
    return found


TOGETHER = {"from_column": "to_column", "to_column": "from_column"}
"""Parameters that are asked with one another."""


def requests_of(path: str, operation: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """A GET's requests: each of its paths, alone where that is allowed, and with each example of each query parameter."""
    parameters = operation.get("parameters", [])
    in_path = [parameter for parameter in parameters if parameter["in"] == "path"]
    in_query = [parameter for parameter in parameters if parameter["in"] == "query"]
    always = {p["name"]: examples(p)[0] for p in in_query if p.get("required") or p["name"] == "q"}
    for values in itertools.product(*(examples(parameter) for parameter in in_path)):
        filled = path.format(**{parameter["name"]: value for parameter, value in zip(in_path, values, strict=True)})
        yield filled, always
        for parameter in in_query:
            beside = {p["name"]: examples(p)[0] for p in in_query if p["name"] == TOGETHER.get(parameter["name"])}
            for example in examples(parameter):
                yield filled, {**always, **beside, parameter["name"]: example}


def normal(answer: httpx2.Response, crawl: str = "") -> bytes:
    """A body without what differs between any two requests, and without the id of a crawl that ran on each side."""
    body = _DIFFERS.sub(rb"\g<key>:0", answer.content)
    return body.replace(crawl.encode(), b"CRAWL") if crawl else body


def test_every_parameter_has_an_example(whole: Server) -> None:
    """But cursors, which mean nothing outside the answer that gave them, and the header of a write."""
    document = whole.client.get("/openapi.json").json()
    without = {
        (path, parameter["name"])
        for _, path, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not examples(parameter)
    }

    assert {name for _, name in without} == {"cursor", "if-match"}
    bodies = [operation["requestBody"] for _, _, operation in operations(document) if "requestBody" in operation]
    assert len(bodies) == 9


def test_every_error_is_described(whole: Server) -> None:
    """Each operation of the API says which problems it may answer with, in which form."""
    for _, path, operation in operations(whole.client.get("/openapi.json").json()):
        if path.startswith("/api/"):
            assert {"401", "404", "422", "503"} <= set(operation["responses"]), path
            assert PROBLEM in operation["responses"]["404"]["content"], path
            assert operation["summary"]


def test_reading(whole: Server, apart: Apart) -> None:
    """Every example of every GET: status, kind and body are the same, and the example works."""
    document = whole.client.get("/openapi.json")
    assert document.content == apart.catalog.client.get("/openapi.json").content
    compared = 0
    for method, path, operation in operations(document.json()):
        if method != "GET" or path in NOT_COMPARED or "{crawl_id}" in path:  # crawls are below, with a crawl that exists
            continue
        for filled, query in requests_of(path, operation):
            one = whole.client.get(filled, params=query)
            three = apart.catalog.client.get(filled, params=query)
            wanted = (200, 404) if path.startswith(OF_EVENTS) else (200,)
            assert one.status_code == three.status_code, (filled, query, one.text, three.text)
            assert one.status_code in wanted, (filled, query, one.text)
            assert one.headers["Content-Type"] == three.headers["Content-Type"]
            assert one.headers.get("ETag") == three.headers.get("ETag")
            assert normal(one) == normal(three), (filled, query)
            compared += 1

    assert compared > 40


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/search",
        "/api/v1/search?q=x&cursor=abc",
        "/api/v1/assets/nothing",
        f"/api/v1/assets/{ORDERS}/lineage?depth=0",
        "/api/v1/assets/d00000000000000000000000000/lineage",
        "/internal/v1/index/status",
        "/nothing",
    ],
)
def test_refusing(whole: Server, apart: Apart, path: str) -> None:
    """Errors too, also those that cross between two processes."""
    one, three = whole.client.get(path), apart.catalog.client.get(path)

    assert one.status_code == three.status_code >= 400
    assert one.headers["Content-Type"] == three.headers["Content-Type"] == PROBLEM
    assert normal(one) == normal(three)


def test_writing(whole: Server, apart: Apart) -> None:
    """The examples of the writes, one after the other: a patch, its history, its undoing, a crawl and its events."""
    document = whole.client.get("/openapi.json").json()
    body = document["paths"]["/api/v1/assets/{asset_id}"]["patch"]["requestBody"]["content"]
    ((kind, content),) = body.items()
    source = document["components"]["schemas"]["CrawlRequest"]["properties"]["source"]["examples"][0]
    told: list[list[tuple[int, bytes]]] = []
    for server in (whole, apart.catalog):
        client = server.client
        etag = client.get(f"/api/v1/assets/{ORDERS}").headers["ETag"]
        headers = {"If-Match": etag, "Content-Type": kind}
        answers = [client.patch(f"/api/v1/assets/{ORDERS}", headers=headers, content=json.dumps(content["example"]))]
        history = client.get(f"/api/v1/assets/{ORDERS}/changes").json()["changes"]
        answers.append(client.post(f"/api/v1/changes/{history[-1]['id']}/undo"))
        until(lambda server=server: server.get("/search", q="cancelled ones included", owner="sales-data")["hits"], "words")
        asked = client.post("/api/v1/crawls", json={"source": source})
        crawl = asked.json()["id"]
        until(lambda server=server, crawl=crawl: server.get(f"/crawls/{crawl}")["state"] == "complete", "the crawl")
        answers += [asked, client.get(f"/api/v1/crawls/{crawl}"), client.get("/api/v1/crawls", params={"limit": 1})]
        answers.append(client.get("/api/v1/sources"))
        told.append([(answer.status_code, normal(answer, crawl)) for answer in answers])
        assert [(change["field"], change["by"]) for change in history] == [
            ("description", "local"),
            ("owners", "local"),
            ("description", "local"),
        ]

    assert [status for status, _ in told[0]] == [200, 200, 202, 200, 200, 200]
    assert told[0] == told[1]


def test_without_the_lineage_service(apart: Apart) -> None:
    """Killed: search and assets answer, lineage says that it cannot; started again: it can."""
    client = apart.catalog.client
    before = client.get(f"/api/v1/assets/{ORDERS}/lineage")
    assert before.status_code == 200
    assert before.json()["edges"]

    apart.servers["lineage"].stop(signal.SIGKILL)
    gone = client.get(f"/api/v1/assets/{ORDERS}/lineage")

    assert (gone.status_code, gone.headers["Content-Type"]) == (503, PROBLEM)
    assert gone.json()["code"] == "service_unavailable"
    assert int(gone.headers["Retry-After"]) > 0
    assert client.get("/api/v1/search?q=orders").json()["hits"]
    assert client.get(f"/api/v1/assets/{ORDERS}").status_code == 200
    assert client.get("/readyz").status_code == 200

    apart.start("lineage")
    until(lambda: client.get(f"/api/v1/assets/{ORDERS}/lineage").json().get("state") == "complete", "lineage")
    assert client.get(f"/api/v1/assets/{ORDERS}/lineage").json()["edges"] == before.json()["edges"]


def test_without_the_indexer(apart: Apart) -> None:
    """Killed: assets and lineage answer, search says that it cannot, and a write is kept; started again: it is found."""
    client = apart.catalog.client
    apart.servers["indexer"].stop(signal.SIGKILL)

    for path in ("/api/v1/search?q=orders", "/api/v1/suggest?q=ord"):
        gone = client.get(path)
        assert (gone.status_code, gone.headers["Content-Type"]) == (503, PROBLEM)
        assert gone.json()["code"] == "service_unavailable"
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    seen = client.get(f"/api/v1/assets/{ORDERS}")
    assert seen.status_code == 200
    assert client.get(f"/api/v1/assets/{ORDERS}/lineage").status_code == 200
    headers = {"If-Match": seen.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    assert client.patch(f"/api/v1/assets/{ORDERS}", headers=headers, content='{"tags": ["zymurgy"]}').status_code == 200

    apart.start("indexer")
    until(lambda: client.get("/readyz").status_code == 200, "readiness")
    found = until(lambda: apart.catalog.get("/search", q="zymurgy orders", tag="zymurgy")["hits"], "the write")
    assert [hit["id"] for hit in found] == [ORDERS]


def test_the_services_apart_serve_nobody_else(apart: Apart) -> None:
    """Probes, and internal routes for the key alone; no route of the public API."""
    for role in ("indexer", "lineage"):
        client = apart.servers[role].client
        assert client.get("/livez").status_code == 200
        assert client.get("/api/v1/search?q=x").status_code == 404
        assert client.get("/openapi.json").status_code == 404
    assert apart.servers["indexer"].client.get("/internal/v1/index/status").status_code == 401
    assert apart.servers["lineage"].client.get("/internal/v1/lineage/status").status_code == 401


def test_a_crawl_beside_the_three(apart: Apart, tmp_path: Path, quick: Callable[..., Done]) -> None:
    """The command line on the same home: the indexer's process makes it searchable before the crawl ends."""
    url = write_metadata(tmp_path / "zoo.jsonl", simple_table("aviary", "feathered guests"))

    done = quick("crawl", url, "--json", home=apart.home)

    assert (done.code, done.json["crawls"][0]["texts_encoded"]) == (0, 0), done.err
    assert apart.catalog.get("/search", q="feathered guests")["hits"][0]["qualified_name"] == "shop.public.aviary"


def test_a_role_without_the_key(tmp_path: Path, quick: Callable[..., Done]) -> None:
    """Wrong use, said before anything is listened to."""
    refused = quick("serve", "--role", "lineage", "--port", "0", home=tmp_path / "home")

    assert refused.code == 2
    assert "HEADWATER_INTERNAL_KEY" in refused.err
