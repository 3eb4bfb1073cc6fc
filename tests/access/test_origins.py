"""Which pages and names reach a server on loopback: the Host header, CORS, and writes that a browser sends for a page."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from services.common.model.access import Role
from services.common.runtime.settings import Settings
from tests.access.raw import Sent, send
from tests.access.served import Served, bearer, composed, new_home, token
from tests.access.shop import id_of, shop

PAGE = "https://portal.example"


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Iterator[Served]:
    """No token is configured: who calls from this machine is an administrator."""
    with shop(tmp_path_factory.mktemp("local"), {}, allowed_hosts=("catalog.example",)) as made:
        yield made


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8642",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:8642",
        "127.9.9.9",
        "[::1]",
        "[::1]:8642",
        "catalog.example:80",
    ],
)
def test_our_own_names_are_served(local, host):
    """Loopback in every spelling, any port, and what `allowed_hosts` names."""
    assert send(local.client.app, "GET", "/api/v1/sources", host=("host", host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:8642",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "localhost:8642.evil.com",
        "evil.com:127.0.0.1",
        "192.168.0.5",
        "0.0.0.0",
        "[fe80::1]",
        "x.catalog.example",
        "catalog.example.evil.com",
        "127.0.0.1@evil.com",
        "evil.com#127.0.0.1",
        "127.0.0.1, evil.com",
        "2130706433",
        "",
    ],
)
def test_names_that_are_not_ours_are_refused(local, host):
    """A page elsewhere may have rebound its name to this machine: 421 on every path, probes and files too."""
    for path in ("/api/v1/sources", "/livez", "/", "/metrics", "/nothing"):
        answer = send(local.client.app, "GET", path, host=("host", host))
        assert (answer.status, answer.json()["code"]) == (421, "wrong_host")
    forwarded = send(local.client.app, "GET", "/api/v1/sources", ("X-Forwarded-Host", "localhost"), host=("host", host))
    assert forwarded.status == 421


def test_a_request_without_a_host_is_refused(local):
    """HTTP/1.0 needs none; a browser always sends one."""
    assert send(local.client.app, "GET", "/api/v1/sources", host=None).status == 421


def write(served: Served, *headers: tuple[str, str]) -> Sent:
    """A crawl asked for as a form of any page can: no preflight comes before it."""
    return send(served.client.app, "POST", "/api/v1/changes/999/undo", ("Content-Type", "text/plain"), *headers)


@pytest.mark.parametrize(
    "origin", ["https://evil.com", "http://evil.com:8642", "null", "http://127.0.0.1.evil.com", "file://", ""]
)
def test_pages_elsewhere_cannot_write_where_no_token_is_needed(local, origin):
    """A browser sends their forms to this machine with our own Host header, in the name of whoever sits at it."""
    assert write(local, ("Origin", origin)).status == 403
    tag = local.client.get(f"/api/v1/assets/{id_of('bills')}").headers["ETag"]
    body = json.dumps({"description": "written"}).encode()
    content = ("Content-Type", "application/json")
    answer = send(
        local.client.app,
        "PATCH",
        f"/api/v1/assets/{id_of('bills')}",
        ("Origin", origin),
        ("If-Match", tag),
        content,
        body=body,
    )
    assert answer.status == 403
    crawl = send(local.client.app, "POST", "/api/v1/crawls", ("Origin", origin), content, body=b'{"source": "wh"}')
    assert crawl.status == 403
    assert local.client.get(f"/api/v1/assets/{id_of('bills')}").json()["description"] is None
    assert {crawl["by"] for crawl in local.client.get("/api/v1/crawls").json()["crawls"]} == {"maker"}


@pytest.mark.parametrize(
    "origin", [None, "http://127.0.0.1:8642", "http://localhost:3000", "http://[::1]:8642", "https://catalog.example"]
)
def test_pages_of_this_machine_and_programs_may_write(local, origin):
    """The portal, a page being developed on another port, curl."""
    headers = [] if origin is None else [("Origin", origin)]
    assert write(local, *headers).status == 404  # there is no such change, but it was looked for


def test_a_text_that_looks_like_json_is_no_json(local):
    """A form can send any text, but only as `text/plain`: it starts no crawl."""
    answer = send(local.client.app, "POST", "/api/v1/crawls", ("Content-Type", "text/plain"), body=b'{"source": "wh"}')
    assert answer.status == 422


def settings_for(folder, **more) -> Settings:
    return Settings(home=new_home(folder), model="hashing", tokens={"admin": token("admin", Role.ADMIN)}, **more)


@pytest.mark.parametrize(
    "origin", [PAGE, "null", "https://evil.com", "https://portal.example.evil.com", "http://portal.example"]
)
def test_without_cors_origins_no_page_elsewhere_reads(tmp_path, origin):
    """No header lets a browser hand an answer to it."""
    app, space = composed(settings_for(tmp_path))
    for method, path in (("GET", "/livez"), ("GET", "/api/v1/sources"), ("OPTIONS", "/api/v1/sources")):
        headers = (("Origin", origin), ("Access-Control-Request-Method", "GET"), *bearer("admin").items())
        assert send(app, method, path, *headers).header("access-control-allow-origin") is None
    space.close()


@pytest.mark.parametrize("listed", [(PAGE,), (PAGE, "null")])
def test_only_listed_origins_read(tmp_path, listed):
    """Each written out, `null` too; answers to others carry nothing, and no cookie is ever asked for."""
    app, space = composed(settings_for(tmp_path, cors_origins=listed))
    for origin in (
        PAGE,
        "null",
        "https://evil.com",
        "https://portal.example.evil.com",
        "http://portal.example",
        PAGE + ":444",
    ):
        for method, path in (("GET", "/livez"), ("GET", "/api/v1/nothing"), ("OPTIONS", "/api/v1/assets/x")):
            asked = ("Access-Control-Request-Method", "PATCH")
            answer = send(app, method, path, ("Origin", origin), asked, *bearer("admin").items())
            expected = origin if origin in listed else None
            assert answer.header("access-control-allow-origin") == expected, (origin, path)
            assert answer.header("access-control-allow-credentials") is None
            assert method != "OPTIONS" or answer.status == (200 if expected else 400)
    space.close()


def test_a_preflight_opens_nothing(tmp_path):
    """It is answered without a token, because browsers send none; what follows it needs one."""
    app, space = composed(settings_for(tmp_path, cors_origins=(PAGE,)))
    asked = (("Origin", PAGE), ("Access-Control-Request-Method", "GET"))
    assert send(app, "OPTIONS", "/api/v1/sources", *asked).status == 200
    refused = send(app, "GET", "/api/v1/sources", ("Origin", PAGE))
    assert (refused.status, refused.header("access-control-allow-origin")) == (401, PAGE)
    assert (
        send(app, "OPTIONS", "/api/v1/sources", ("Origin", PAGE)).status == 401
    )  # no preflight without the method asked for
    space.close()


def test_a_star_is_no_origin(tmp_path):
    """Origins are written out; one that means every page is refused where settings are read."""
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(home=tmp_path, cors_origins=("*",))


def test_a_listed_origin_may_write_where_no_token_is_needed(tmp_path):
    """Whoever lists a page's origin means it, also for what the page changes."""
    app, space = composed(Settings(home=new_home(tmp_path), model="hashing", cors_origins=(PAGE,)))
    for origin, status in ((PAGE, 404), ("https://evil.com", 403)):
        assert send(app, "POST", "/api/v1/changes/999/undo", ("Origin", origin)).status == status
    space.close()
