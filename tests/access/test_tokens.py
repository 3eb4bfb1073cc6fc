"""Who somebody is: tokens and loopback, what is recorded of them, and that hidden and unknown are one answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from services import compose
from services.catalog.access import check_exposure
from services.common.errors import WrongSettings
from services.common.model.access import Role
from services.common.runtime.settings import Settings, TokenSettings
from tests.access.raw import Sent, send
from tests.access.served import Served, bearer
from tests.access.shop import HIDDEN, NOT_HR, ROLES, SCOPED, UNKNOWN, id_of, shop

ORDERS = id_of("orders")
PROBES = ("/livez", "/readyz", "/startupz")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Served]:
    with shop(tmp_path_factory.mktemp("guarded"), ROLES | SCOPED) as made:
        yield made


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "catalog.example", "", "127.0.0.1.example"])
@pytest.mark.parametrize("role", [compose.create_all, compose.create_catalog])
def test_no_stranger_is_served_without_tokens(tmp_path, role, host):
    """Refused before anything is made, not even the home."""
    home = tmp_path / "home"
    with pytest.raises(WrongSettings, match="token"):
        role(Settings(home=home, host=host, model="hashing", internal_key="k" * 20))
    assert not home.exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_no_token(host):
    """And any address may be served with one."""
    check_exposure(host, {})
    check_exposure("0.0.0.0", ROLES)


def test_without_tokens_this_machine_is_an_administrator_called_local(tmp_path):
    """What it writes is recorded as `local`."""
    with shop(tmp_path, {}) as served:
        tag = served.client.get(f"/api/v1/assets/{ORDERS}").headers["ETag"]
        said = served.client.patch(f"/api/v1/assets/{ORDERS}", json={"status": "warned"}, headers={"If-Match": tag})
        assert said.status_code == 200
        changes = served.client.get(f"/api/v1/assets/{ORDERS}/changes").json()["changes"]
        asked = served.client.post("/api/v1/crawls", json={"source": "wh"})
        assert (asked.status_code, asked.json()["by"], [change["by"] for change in changes]) == (202, "local", ["local"])
        assert served.client.get(f"/api/v1/assets/{HIDDEN}").status_code == 200


@pytest.mark.parametrize("client", ["192.168.0.9", "10.1.2.3", "::ffff:192.168.0.9", "fe80::1", "testclient"])
def test_without_tokens_nobody_else_is_anybody(tmp_path, client):
    """Also where a header says that the caller sits here."""
    app = compose.create_all(Settings(home=tmp_path, model="hashing"))
    claims = [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"), ("X-Real-IP", "127.0.0.1")]
    for path in ("/api/v1/sources", "/metrics", "/openapi.json"):
        assert send(app, "GET", path, *claims, client=client).status == 401
    assert send(app, "GET", "/livez", client=client).status == 200


def test_with_any_token_this_machine_needs_one_too(guarded):
    """Probes never do."""
    for path in ("/api/v1/sources", "/metrics", "/openapi.json", "/docs"):
        assert guarded.client.get(path).status_code == 401
    for path in PROBES:
        assert guarded.client.get(path).status_code == 200


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer  ", "Bearer \xa0", "Bearer \x1f", "bearer\t"])
def test_the_digest_of_nothing_opens_nothing(tmp_path, value):
    """`sha256` made from a variable that was not set is no open door."""
    empty = TokenSettings(sha256=hashlib.sha256(b"").hexdigest(), role=Role.ADMIN)
    app = compose.create_all(Settings(home=tmp_path, model="hashing", tokens={"unset": empty}))
    assert send(app, "GET", "/api/v1/sources", ("Authorization", value)).status == 401


def test_a_write_records_the_name_of_its_token(guarded):
    """In the history of an asset and in a crawl; a body cannot name somebody else."""
    path = f"/api/v1/assets/{ORDERS}"
    for name in ("editor", "admin"):
        tag = guarded.client.get(path, headers=bearer(name)).headers["ETag"]
        body = {"description": f"by {name}"}
        said = guarded.client.patch(path, json=body, headers={**bearer(name), "If-Match": tag, "X-Remote-User": "root"})
        assert said.status_code == 200
        newest = guarded.get(f"/assets/{ORDERS}/changes", "reader").json()["changes"][0]
        assert (newest["by"], newest["after"]) == (name, f"by {name}")
        undone = guarded.client.post(f"/api/v1/changes/{newest['id']}/undo", headers=bearer("admin"))
        assert undone.status_code == 200
        assert guarded.get(f"/assets/{ORDERS}/changes", "reader").json()["changes"][0]["by"] == "admin"
    forged = {"source": "wh", "by": "somebody else"}
    assert guarded.client.post("/api/v1/crawls", json=forged, headers=bearer("admin")).status_code == 422
    asked = guarded.client.post("/api/v1/crawls", json={"source": "wh"}, headers=bearer("admin"))
    assert (asked.status_code, asked.json()["by"]) == (202, "admin")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"source": "nowhere"}, 404),
        ({"source": "metadata:///etc/passwd"}, 404),
        ({"source": "postgresql://u:p@127.0.0.1:1/db"}, 404),
        ({"source": "/etc/passwd"}, 404),
        ({"source": "../wh"}, 404),
        ({"source": "WH"}, 404),
        ({"source": "wh\u0000"}, 404),
        ({"source": "wh "}, 404),
        ({"source": ""}, 422),
        ({"source": None}, 422),
        ({"source": ["wh"]}, 422),
        ({"source": {"url": "metadata:///etc/passwd"}}, 422),
        ({"source": "wh", "url": "metadata:///etc/passwd"}, 422),
        ({"source": "wh", "include": ["*"]}, 422),
        ({"url": "metadata:///etc/passwd"}, 422),
        ("wh", 422),
        (["wh"], 422),
    ],
)
def test_only_a_configured_name_is_crawled(guarded, body, status):
    """Never a URL or a path; nothing is recorded, nothing is run."""
    before = guarded.get("/crawls", "admin").json()
    answer = guarded.client.post("/api/v1/crawls", json=body, headers=bearer("admin"))
    assert answer.status_code == status
    after = guarded.get("/crawls", "admin").json()
    assert [crawl["id"] for crawl in after["crawls"]] == [crawl["id"] for crawl in before["crawls"]]


def same(one: Sent, other: Sent, *, but: dict[str, str]) -> None:
    """Two answers are one, byte for byte, with what was asked for replaced and the request's id aside."""

    def bare(sent: Sent) -> tuple[int, list[tuple[str, str]], str]:
        body = sent.body.decode()
        for text, stand_in in but.items():
            body = body.replace(text, stand_in)
        request = sent.header("x-request-id")
        headers = [(key, value) for key, value in sent.headers if key != "x-request-id"]
        return sent.status, headers, body.replace(str(request), "request")

    assert bare(one) == bare(other)


@pytest.mark.parametrize(
    ("method", "rest", "caller"),
    [
        ("GET", "", "scoped"),
        ("GET", "/changes", "scoped"),
        ("GET", "/versions", "scoped"),
        ("GET", "/lineage", "scoped"),
        ("GET", "/lineage?direction=upstream&depth=9", "scoped"),
        ("PATCH", "", "scoped"),
        ("PATCH", "", "scoped_editor"),
        ("GET", "/nothing", "scoped"),
    ],
)
def test_hidden_and_unknown_are_one_answer(guarded, method, rest, caller):
    """Byte for byte, headers too, also where the tag of the hidden asset is known."""
    sent = [
        send(
            guarded.client.app,
            method,
            f"/api/v1/assets/{asset}{rest}",
            *bearer(caller).items(),
            ("If-Match", f'"{asset}.1"'),
            ("Content-Type", "application/json"),
            body=b'{"description": "x"}' if method == "PATCH" else b"",
        )
        for asset in (HIDDEN, UNKNOWN)
    ]
    assert sent[0].status == (403 if (method, caller) == ("PATCH", "scoped") else 404)
    same(*sent, but={HIDDEN: "asset", UNKNOWN: "asset"})


def test_naming_a_hidden_successor_is_naming_an_unknown_one(guarded):
    """An editor cannot ask by writing."""
    path = f"/api/v1/assets/{id_of('bills')}"
    tag = guarded.client.get(path, headers=bearer("scoped_editor")).headers["ETag"]
    headers = (*bearer("scoped_editor").items(), ("If-Match", tag), ("Content-Type", "application/json"))
    sent = [
        send(guarded.client.app, "PATCH", path, *headers, body=json.dumps({"successor": asset}).encode())
        for asset in (HIDDEN, UNKNOWN)
    ]
    assert sent[0].status == 422
    same(*sent, but={HIDDEN: "asset", UNKNOWN: "asset"})


def test_crawls_of_hidden_sources_are_unknown_ones(guarded, tmp_path):
    """To a scoped reader a crawl whose source shows it nothing is one that never was."""
    guarded.crawl("elsewhere")
    hidden = guarded.get("/crawls", "admin", {"source": "elsewhere"}).json()["crawls"][0]["id"]
    unknown = "0" * len(hidden)
    sent = [
        send(guarded.client.app, "GET", f"/api/v1/crawls/{crawl}", *bearer("scoped").items()) for crawl in (hidden, unknown)
    ]
    assert sent[0].status == 404
    same(*sent, but={hidden: "crawl", unknown: "crawl"})
    lists = [guarded.get("/crawls", "scoped", {"source": source}) for source in ("elsewhere", "nobody")]
    assert lists[0].text == lists[1].text
    assert [source["name"] for source in guarded.get("/sources", "scoped").json()["sources"]] == ["wh"]


def test_the_scope_of_the_tests_hides_what_it_should():
    """The tests above would prove nothing otherwise."""
    assert not NOT_HR.permits("wh.shop.hr.zkpay")
    assert NOT_HR.permits("wh.shop.sales.orders")
