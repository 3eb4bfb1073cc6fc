"""What feedback and the figures of search tell: a scoped reader learns nothing of hidden tables, nobody of other people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.common.model.access import Role
from services.common.runtime import logs
from tests.access.served import Served, bearer, token
from tests.access.shop import HIDDEN, NOT_HR, ROLES, SCOPED, UNKNOWN, id_of, shop

ORDERS, BILLS = id_of("orders"), id_of("bills")
NARROW_ADMIN = {"narrow_admin": token("narrow_admin", Role.ADMIN, NOT_HR)}
CANARY = "zkcanaryquestion"


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    with shop(tmp_path, ROLES | SCOPED | NARROW_ADMIN) as made:
        yield made


def ask(served: Served, caller: str, text: str, **params: Any) -> dict[str, Any]:
    answer = served.get("/search", caller, {"q": text, **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tell(served: Served, caller: str, query: str, *events: dict[str, Any]) -> Any:
    return served.client.post("/api/v1/feedback", json={"query_id": query, "events": events}, headers=bearer(caller))


def without_ids(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "query_id"}


def test_clicks_on_hidden_tables_move_nothing_for_a_scoped_reader(served):
    """A thousand clicks of those who see it: every answer of the scoped reader is what it was, and so is everybody's."""
    questions = ("salaries", "orders", "what customers bought", "pay", "id")
    readers = ("scoped", "reader")
    before = {(caller, text): without_ids(ask(served, caller, text)) for caller in readers for text in questions}
    for _ in range(20):
        for text in questions:
            answer = ask(served, "admin", text)
            events = [{"kind": kind, "id": hit["id"]} for hit in answer["hits"] for kind in ("impression", "click")]
            events += [{"kind": "verdict", "id": hit["id"], "verdict": "good"} for hit in answer["hits"]]
            assert not events or tell(served, "admin", answer["query_id"], *events).status_code in (200, 429)
    after = {(caller, text): without_ids(ask(served, caller, text)) for caller in readers for text in questions}
    assert after == before


def test_a_hidden_table_is_like_one_that_does_not_exist(served):
    """The same answer byte for byte but for the request's id, and nothing is recorded."""
    query = ask(served, "scoped", "orders")["query_id"]
    told = [tell(served, "scoped", query, {"kind": "click", "id": asset}).json() for asset in (HIDDEN, UNKNOWN)]
    for one in told:
        one.pop("request_id")
    assert told[0] == told[1]
    assert told[0]["code"] == "bad_request"
    assert told[0]["errors"] == [{"pointer": "/events/0/id", "detail": "the answer has no such hit"}]


def test_another_one_s_answer_is_like_one_that_was_never_given(served):
    query = ask(served, "admin", "salaries")["query_id"]
    stolen, never = (
        tell(served, "scoped", name, {"kind": "click", "id": HIDDEN}).json() for name in (query, "a" * len(query))
    )
    assert stolen["code"] == never["code"] == "not_found"
    assert stolen["detail"].replace(query, "X") == never["detail"].replace("a" * len(query), "X")


def test_figures_are_for_administrators_who_see_everything(served):
    """They hold everybody's words and count answers about everything."""
    ask(served, "admin", CANARY)
    for caller in ("reader", "editor", "scoped", "scoped_editor", "producer", "narrow_admin"):
        refused = served.get("/search/analytics", caller)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert CANARY not in refused.text
    assert CANARY in served.get("/search/analytics", "admin").text


def test_no_answer_tells_who_asked_or_what_others_asked(served):
    """Not the figures whose question it was, not a search or a suggestion what others typed."""
    query = ask(served, "editor", f"orders {CANARY}")["query_id"]
    tell(served, "editor", query, {"kind": "impression", "id": ORDERS}, {"kind": "click", "id": ORDERS})
    figures = served.get("/search/analytics", "admin")
    assert "editor" not in figures.text
    seen = "".join(
        served.get(path, caller, params).text
        for caller in ("reader", "admin")
        for path, params in (
            ("/search", {"q": "orders"}),
            ("/suggest", {"q": CANARY[:4]}),
            (f"/assets/{ORDERS}", {}),
            (f"/assets/{ORDERS}/changes", {}),
            ("/assets", {}),
        )
    )
    seen += served.client.get("/metrics", headers=bearer("reader")).text
    assert CANARY not in seen


def test_no_question_is_logged(tmp_path, capfd):
    """The most talkative log has neither the question nor what was clicked on by whom."""
    logs.configure("debug", "json")
    with shop(tmp_path, ROLES) as made:
        query = ask(made, "reader", f"orders {CANARY}")["query_id"]
        tell(made, "reader", query, {"kind": "click", "id": ORDERS})
        tell(made, "reader", query, {"kind": "click", "id": CANARY})
        tell(made, "reader", CANARY, {"kind": "click", "id": ORDERS})
    out, err = capfd.readouterr()
    logs.configure()
    assert "generation published" in err
    assert CANARY not in out + err


BAD = [
    {},
    [],
    {"query_id": "q"},
    {"query_id": "q", "events": []},
    {"query_id": "", "events": [{"kind": "click", "id": "x"}]},
    {"query_id": "q" * 201, "events": [{"kind": "click", "id": "x"}]},
    {"query_id": "q", "events": [{"kind": "click"}]},
    {"query_id": "q", "events": [{"kind": "impression", "id": None}]},
    {"query_id": "q", "events": [{"kind": "click", "id": "x", "verdict": "good"}]},
    {"query_id": "q", "events": [{"kind": "verdict", "verdict": "superb"}]},
    {"query_id": "q", "events": [{"kind": "purchase", "id": "x"}]},
    {"query_id": "q", "events": [{"kind": "click", "id": "x", "position": 0}]},
    {"query_id": "q", "events": [{"kind": "click", "id": "x", "position": 1e99}]},
    {"query_id": "q", "events": [{"kind": "click", "id": "x", "dwell": 3}]},
    {"query_id": "q", "events": [{"kind": "click", "id": "x"}] * 201},
    {"query_id": "q", "events": "click"},
    {"query_id": {"$ne": 1}, "events": [{"kind": "click", "id": "x"}]},
    {"query_id": "q", "events": [{"kind": "click", "id": "x"}], "user": "ann"},
]


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> Iterator[Served]:
    with shop(tmp_path_factory.mktemp("bad"), ROLES) as made:
        yield made


@pytest.mark.parametrize("body", BAD, ids=str)
def test_bad_reports_are_refused_with_a_pointer(one, body):
    """A 422 that points at the place; never a 500, never half of it recorded."""
    answer = one.client.post("/api/v1/feedback", json=body, headers=bearer("reader"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request"), answer.text
    assert answer.json()["errors"][0]["pointer"].startswith("/")


@pytest.mark.parametrize("query", ["\x00", "\ud800", "' OR 1=1 --", "../../etc/passwd", "{{7*7}}", "🦀" * 50, "%s%n"])
def test_odd_query_ids_are_unknown_ones(one, query):
    body = {"query_id": query, "events": [{"kind": "click", "id": ORDERS}]}
    headers = {**bearer("reader"), "Content-Type": "application/json"}
    answer = one.client.post("/api/v1/feedback", content=json.dumps(body), headers=headers)
    assert answer.status_code in (404, 422)
    assert answer.json()["code"] in ("not_found", "bad_request")


@pytest.mark.parametrize("asked", ["weeks=0", "weeks=531", "weeks=x", "limit=0", "limit=201", "user=ann"])
def test_bad_figures_are_refused(one, asked):
    answer = one.client.get(f"/api/v1/search/analytics?{asked}", headers=bearer("admin"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
