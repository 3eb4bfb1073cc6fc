"""What every service does with requests: ids, limits, keys, problems for everything that fails, and the client's side."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from services.common.errors import Ambiguous, NotFound, ServiceUnavailable, TooLarge, Unauthenticated
from services.common.runtime import logs
from services.common.runtime.http import KEY_HEADER, create_service_app, require_key
from services.common.runtime.service_client import ServiceClient

KEY = "a key of sixteen characters"
LIMIT = 1000


class Order(BaseModel):
    lines: list[int]


def application() -> FastAPI:
    app = create_service_app("test", "1", max_body_bytes=LIMIT)

    @app.get("/things/{name}")
    def thing(name: str) -> None:
        raise NotFound(f"nothing is called {name}")

    @app.get("/both")
    def both() -> None:
        raise Ambiguous("two of them", ("a", "b"))

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("S3CR3T internals")

    @app.get("/teapot")
    def teapot() -> None:
        raise HTTPException(418, "short and stout", headers={"X-Spout": "1"})

    @app.post("/orders")
    def order(body: Order) -> dict[str, int]:
        return {"lines": len(body.lines)}

    @app.post("/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/full")
    def full() -> None:
        raise TooLarge("the basket holds at most 100 assets")

    @app.get("/id")
    def request_id() -> dict[str, Any]:
        return structlog.contextvars.get_contextvars()

    @app.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter([b"a", b"b"]))

    @app.get("/internal", dependencies=[Depends(require_key(KEY))])
    def internal() -> dict[str, str]:
        return {"as": "a service"}

    return app


@pytest.fixture(autouse=True)
def _logs(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """As in a served process: lines of JSON on standard error."""
    logs.configure("info", "json")
    yield
    structlog.reset_defaults()


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(application(), raise_server_exceptions=False) as client:
        yield client


JSON = {"Content-Type": "application/json"}


def pieces(size: int, of: int = 100) -> Iterator[bytes]:
    """A body of unknown length."""
    yield from (b" " * of for _ in range(size // of))


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/things/x", {}, 404, "not_found"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("PUT", "/both", {}, 405, "method_not_allowed"),
        ("GET", "/both", {}, 409, "ambiguous_name"),
        ("GET", "/boom", {}, 500, "internal"),
        ("GET", "/teapot", {}, 418, "http_error"),
        ("GET", "/internal", {}, 401, "unauthenticated"),
        ("POST", "/full", {}, 413, "too_large"),
        ("POST", "/orders", {"content": b"{", "headers": JSON}, 422, "bad_request"),
        ("POST", "/orders", {"content": b"\xff", "headers": JSON}, 400, "bad_request"),
        ("POST", "/orders", {"json": {"lines": ["x"]}}, 422, "bad_request"),
        ("POST", "/orders", {"content": b"x" * (LIMIT + 1), "headers": JSON}, 413, "too_large"),
        ("POST", "/orders", {"content": pieces(LIMIT * 2), "headers": JSON}, 413, "too_large"),
        ("POST", "/raw", {"content": b"x" * (LIMIT + 1)}, 413, "too_large"),
        ("POST", "/raw", {"content": pieces(LIMIT * 2)}, 413, "too_large"),
    ],
)
def test_every_failure_is_a_problem(client, method, path, options, status, code):
    """Ours, the framework's and the unexpected alike: one media type, one shape, a stable code and the request's id."""
    if "content" in options and not isinstance(options["content"], bytes):
        options = {**options, "content": pieces(LIMIT * 2)}
    answer = client.request(method, path, **options)
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "detail"} <= set(body)


def test_a_framework_error_keeps_its_headers(client):
    """`Allow` belongs to a 405."""
    assert client.put("/both").headers["allow"] == "GET"
    assert client.get("/teapot").headers["x-spout"] == "1"


def test_validation_points_at_what_is_wrong(client):
    """Each fault by its place; the value itself is not repeated."""
    body = client.post("/orders", json={"lines": [1, "S3CR3T", None]}).json()
    assert [item["pointer"] for item in body["errors"]] == ["/body/lines/1", "/body/lines/2"]
    assert "/body/lines/1" in body["detail"]
    assert "S3CR3T" not in json.dumps(body)


def test_what_nobody_expected_tells_nothing(client, capsys):
    """The caller gets the id; the log gets the rest."""
    answer = client.get("/boom", headers={"X-Request-ID": "r-7"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "r-7")
    for word in ("S3CR3T", "RuntimeError", "Traceback", ".py"):
        assert word not in answer.text
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["request_id"] for line in lines if line["event"] == "unexpected error"] == ["r-7"]
    assert "S3CR3T internals" in lines[0]["exception"]


def test_a_detail_may_quote_a_name_that_utf8_cannot_carry(client):
    """A lone surrogate in a JSON string is legal; quoting it must not be a second error."""
    app = create_service_app("test", "1", max_body_bytes=LIMIT)

    @app.post("/")
    def find(body: dict[str, Any]) -> None:
        raise NotFound(f"nothing is called {body['name']}")

    answer = TestClient(app).post("/", content=b'{"name": "a\\udc80"}', headers=JSON)
    assert (answer.status_code, json.loads(answer.content)["detail"]) == (404, "nothing is called a\udc80")


@pytest.mark.parametrize("given", ["r-1", "A.b_c-9", "a" * 64])
def test_a_sane_request_id_is_kept(client, given):
    """It is bound for the log, and answered once."""
    answer = client.get("/id", headers={"X-Request-ID": given})
    assert answer.json() == {"request_id": given}
    assert answer.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize(
    "given", [b"", b"a" * 65, b"a" * 1024, b"a\r\nX-Evil: 1", b"a\nb", b"a b", b"a\x1b[31m", "é".encode(), b'"}']
)
def test_a_hostile_request_id_is_replaced(given):
    """Too long, with line breaks, colours or anything but plain letters: an own one is made."""
    answer, bound = raw_request(application(), "/id", [(b"x-request-id", given)])
    assert bound["request_id"] == answer["x-request-id"] != given.decode("latin-1")
    assert len(answer["x-request-id"]) == 32
    assert answer["x-request-id"].isalnum()


def raw_request(app: FastAPI, path: str, headers: list[tuple[bytes, bytes]]) -> tuple[dict[str, str], dict[str, str]]:
    """A request that no HTTP client would send: straight into the application."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers, "http_version": "1.1"}
    asyncio.run(app({**scope, "root_path": "", "scheme": "http", "server": ("x", 80), "client": ("x", 1)}, receive, send))
    answered = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return answered, json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


def test_each_request_has_an_id_of_its_own(client):
    """What one bound is gone with it."""
    ids = {client.get("/id").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    with structlog.contextvars.bound_contextvars(stray="from before"):
        _, bound = raw_request(application(), "/id", [])
    assert list(bound) == ["request_id"]
    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_a_body_up_to_the_limit_is_read(client, size):
    """Declared or not."""
    assert client.post("/raw", content=b"x" * size).json() == {"bytes": size}
    assert client.post("/raw", content=iter([b"x" * (size - 1), b"x"])).json() == {"bytes": size}


def test_a_route_may_have_a_limit_of_its_own():
    """Refused as a problem too, whichever limit it was."""
    app = create_service_app("test", "1", max_body_bytes=LIMIT)

    @app.post("/small", max_body_size=10)
    async def small(request: Request) -> int:
        return len(await request.body())

    client = TestClient(app)
    for content in (b"x" * 11, iter([b"x" * 6] * 2)):
        answer = client.post("/small", content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert client.post("/small", content=b"x" * 10).json() == 10


@pytest.mark.parametrize(("headers", "read"), [([], 5), ([(b"expect", b"100-continue")], 0)])
def test_a_body_that_is_refused_is_read_to_its_end(headers, read):
    """Else its sender is cut off and never sees why; one who waits for leave to send is told at once."""
    app = create_service_app("test", "1", max_body_bytes=LIMIT)

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    pieces_left, sent = [LIMIT] * 5, []

    async def receive() -> dict[str, object]:
        size = pieces_left.pop()
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(pieces_left)}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    length = (b"content-length", str(5 * LIMIT).encode())
    scope = {"type": "http", "method": "POST", "path": "/raw", "headers": [length, *headers], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    assert (sent[0]["status"], 5 - len(pieces_left)) == (413, read)


def test_a_limit_of_our_own_keeps_its_words(client):
    """Only what the framework says in plain text is put in other words."""
    assert client.post("/full").json()["detail"] == "the basket holds at most 100 assets"


def test_streams_pass_through(client):
    """The layers in front neither collect nor cut them."""
    assert client.get("/stream").text == "ab"


@pytest.mark.parametrize("shown", [None, "", KEY[:-1], KEY + " x", KEY.upper(), "ä" * 20])
def test_internal_routes_need_the_key(client, shown):
    """Whole and exact; without it nothing is said but that."""
    headers = {} if shown is None else {KEY_HEADER: shown.encode()}
    answer = client.get("/internal", headers=headers)
    assert answer.status_code == 401
    assert KEY not in answer.text
    assert client.get("/internal", headers={KEY_HEADER: KEY}).json() == {"as": "a service"}


def service_client(transport: httpx2.BaseTransport, key: str = KEY) -> ServiceClient:
    return ServiceClient("lineage", "http://lineage:8644", key, transport=transport)


def test_a_client_gets_answers_and_the_errors_that_were_raised(client):
    """The other service's error is raised here, with everything that it carried."""
    calls = service_client(client._transport)
    assert json.loads(calls.get("/internal")) == {"as": "a service"}
    assert json.loads(calls.post("/orders", b'{"lines": [1, 2]}')) == {"lines": 2}
    with pytest.raises(NotFound, match="nothing is called x"):
        calls.get("/things/x")
    with pytest.raises(Ambiguous) as caught:
        calls.get("/both")
    assert caught.value.candidates == ("a", "b")
    with pytest.raises(TooLarge):
        calls.post("/raw", b"x" * (LIMIT + 1))
    with pytest.raises(ServiceUnavailable, match="500"):
        calls.get("/boom")
    with pytest.raises(Unauthenticated):
        service_client(client._transport, key="another key, also long").get("/internal")
    calls.close()


def test_a_client_hands_the_request_id_on(client):
    """One question has one id in every service's log."""
    with structlog.contextvars.bound_contextvars(request_id="r-9"):
        assert json.loads(service_client(client._transport).get("/id")) == {"request_id": "r-9"}
    assert len(json.loads(service_client(client._transport).get("/id"))["request_id"]) == 32


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("late"),
        httpx2.RemoteProtocolError("cut"),
        httpx2.WriteError("gone"),
    ],
)
def test_a_service_that_does_not_answer_is_unavailable(failure):
    """Whatever the reason; which service it is can be read, its address and the key cannot."""

    def fail(request: httpx2.Request) -> httpx2.Response:
        raise failure

    with pytest.raises(ServiceUnavailable, match="the lineage service does not answer") as caught:
        service_client(httpx2.MockTransport(fail)).post("/x")
    assert KEY not in str(caught.value)


def test_a_service_of_another_version_is_unavailable(client):
    """It has no such route, which is not that there is no such thing."""
    calls = service_client(client._transport)
    with pytest.raises(ServiceUnavailable, match="the lineage service has no GET /jobs/find: it is of another version"):
        calls.get("/jobs/find")
    with pytest.raises(ServiceUnavailable, match="has no POST /things/x"):
        calls.post("/things/x")


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[]", b'{"code": 1}'])
@pytest.mark.parametrize("status", [301, 400, 404, 502])
def test_an_answer_from_somebody_else_is_unavailable(status, body):
    """A proxy's page or a redirect is never taken for an answer, nor for a missing asset."""
    transport = httpx2.MockTransport(lambda request: httpx2.Response(status, content=body))
    with pytest.raises(ServiceUnavailable, match=str(status)):
        service_client(transport).get("/x")


def test_a_port_that_nobody_listens_on():
    """A real connection, refused by the kernel."""
    with socket.socket() as taken:  # bound, so that nobody else gets the port, and not listening
        taken.bind(("127.0.0.1", 0))
        client = ServiceClient("indexer", f"http://127.0.0.1:{taken.getsockname()[1]}", KEY)
        with pytest.raises(ServiceUnavailable, match="the indexer service does not answer"):
            client.get("/x")
        client.close()
