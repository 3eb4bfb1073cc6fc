"""Jobs among the hits of search: where they stand, how pages go on, and that a scope is answered as if hidden jobs did not exist."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from services.catalog.job_hits import JOBS_MISSING
from services.common.errors import ServiceUnavailable
from services.common.model.events import job_id
from services.lineage.events.intake import EventIntake
from tests.access.served import Served, bearer
from tests.access.shop import ROLES, SCOPED, id_of, shop
from tests.support.events import dataset, run_event

END = "2026-11-01T10:05:00Z"
ORDERS, BILLS, HIDDEN = (dataset(f"shop.{name}") for name in ("sales.orders", "sales.bills", "hr.zkpay"))
SEEN = {"load_orders": (ORDERS, BILLS), "bills": (BILLS, ORDERS), "sales.refresh_bills": (ORDERS, BILLS)}
UNSEEN = {"load_zkpay": (ORDERS, HIDDEN), "load_zkback": (HIDDEN, ORDERS)}
QUESTIONS: tuple[dict[str, Any], ...] = (
    {"q": "load orders"},
    {"q": "bills"},
    {"q": "load_zkpay"},
    {"q": "", "kind": "job"},
    {"q": "kind:job OR name:orders"},
    {"q": "load", "kind": ["job", "table"]},
    {"q": "", "source": "unlisted"},
    {"q": "orders", "limit": 1},
)


def told(made: Served, jobs: Mapping[str, tuple[Any, Any]]) -> None:
    events = [
        run_event("COMPLETE", END, name, name, inputs=[source], outputs=[target]) for name, (source, target) in jobs.items()
    ]
    headers = bearer("admin") | {"Content-Type": "application/json"}
    answer = made.client.post("/api/v1/lineage/batch", content=json.dumps(events).encode(), headers=headers)
    assert answer.json()["summary"]["successful"] == len(jobs)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Iterator[Served]:
    with shop(tmp_path_factory.mktemp("whole"), ROLES | SCOPED) as made:
        told(made, SEEN | UNSEEN)
        yield made


@pytest.fixture(scope="module")
def without(tmp_path_factory) -> Iterator[Served]:
    with shop(tmp_path_factory.mktemp("without"), ROLES | SCOPED) as made:
        told(made, SEEN)
        yield made


def ask(made: Served, caller: str = "reader", **params: Any) -> dict[str, Any]:
    answer = made.get("/search", caller, params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def silent(*_: Any) -> Any:
    raise ServiceUnavailable("the lineage service does not answer")


def names(answer: dict[str, Any]) -> list[str]:
    return [hit["name"] for hit in answer["hits"]]


def test_jobs_alone_are_hits_with_their_reasons(whole):
    """By kind, with what `GET /jobs/{id}` takes; counted in total and facets."""
    answer = ask(whole, q="load the orders", kind="job")
    assert names(answer) == ["load_orders", "load_zkback", "load_zkpay"]
    first = answer["hits"][0]
    assert (first["id"], first["asset"]) == (job_id("airflow", "load_orders"),) * 2
    assert (first["kind"], first["qualified_name"], first["source"]) == ("job", "airflow.load_orders", "unlisted")
    assert first["why"][0]["text"] == "its name has: load, order"
    assert [(one["field"], one["start"], one["end"]) for one in first["highlights"]] == [("name", 0, 4), ("name", 5, 11)]
    assert (answer["total"], answer["facets"]["kind"], answer["answerable"]) == (3, {"job": 3}, 1.0)
    assert whole.get(f"/jobs/{first['id']}", "reader").json()["job"]["name"] == "load_orders"
    assert ask(whole, q="nowhere", kind="job")["total"] == 0


@pytest.mark.parametrize("asked", [{"q": "load the orders", "kind": "job"}, {"q": "kind:job load the orders"}])
def test_jobs_alone_are_an_answer_on_every_page(whole, asked):
    """Also where the kind is typed; and how sure it is, is said of all pages."""
    first = ask(whole, **asked, limit=2)
    second = ask(whole, **asked, limit=2, cursor=first["cursor"])
    assert (names(second), first["answerable"], second["answerable"]) == (["load_zkpay"], 1.0, 1.0)
    assert ask(whole, q="kind:job")["answerable"] == 1.0
    assert ask(whole, q="kind:job zknowhere")["answerable"] == 0.0


def test_jobs_stand_behind_datasets_and_before_them_where_they_are_named(whole):
    """The scores say the same; without a kind all kinds but columns are found."""
    answer = ask(whole, q="orders to load", limit=50)
    kinds = [hit["kind"] for hit in answer["hits"]]
    assert {"table", "job"} <= set(kinds)
    assert kinds == sorted(kinds, key=lambda kind: kind == "job")
    assert "job" in answer["facets"]["kind"]
    named = ask(whole, q="bills", limit=50)
    assert [(hit["kind"], hit["name"]) for hit in named["hits"]][:2] == [("job", "bills"), ("table", "bills")]
    assert named["answerable"] == 1.0
    spelled = ask(whole, q="load orders", limit=50)  # its name in another spelling
    assert (spelled["hits"][0]["kind"], spelled["hits"][0]["name"]) == ("job", "load_orders")
    assert spelled["hits"][0]["why"][0]["text"] == "this is its name"
    for one in (answer, named, spelled):
        scores = [hit["score"] for hit in one["hits"]]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "asked", [{"q": "bills"}, {"q": "load orders"}, {"q": "", "kind": ["job", "table"]}, {"q": "load", "kind": "job"}]
)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_go_on_from_datasets_to_jobs(whole, asked, limit):
    """Every hit once, in the order of one long page, and the total is the same on each."""
    every = ask(whole, **asked, limit=50)
    found, cursor, totals = [], None, set()
    for _ in range(20):
        page = ask(whole, **asked, limit=limit, **({"cursor": cursor} if cursor else {}))
        assert len(page["hits"]) <= limit
        found += [hit["id"] for hit in page["hits"]]
        totals.add(page["total"])
        cursor = page["cursor"]
        if cursor is None:
            break
    assert found == [hit["id"] for hit in every["hits"]]
    assert totals == {every["total"]} == {len(found)}


def test_a_cursor_of_another_question_is_refused(whole):
    """And one that no answer gave."""
    cursor = ask(whole, q="load orders", kind="job", limit=1)["cursor"]
    for sent in (cursor, "jobs.x", "jobs.W10", "jobs.", "jobs.MQ"):
        answer = whole.get("/search", "reader", {"q": "bills", "kind": "job", "cursor": sent})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request"), sent


@pytest.mark.parametrize(
    "filters", [{"owner": "x"}, {"tag": "pii"}, {"schema": "sales"}, {"platform": "postgres"}, {"status": "endorsed"}]
)
def test_a_filter_on_what_jobs_have_not_leaves_them_out(whole, filters):
    """Also out of the total."""
    answer = ask(whole, q="bills", **filters, limit=50)
    assert "job" not in answer["facets"].get("kind", {})
    assert all(hit["kind"] != "job" for hit in answer["hits"])
    assert ask(whole, q="bills", kind="job", **filters)["total"] == 0


@pytest.mark.parametrize("asked", QUESTIONS)
def test_a_scope_is_answered_as_if_hidden_jobs_did_not_exist(whole, without, asked):
    """Hits, order, totals, facets and reasons, byte for byte; the one with full scope sees more of them."""

    def said(made: Served) -> str:
        answer = ask(made, "scoped", **asked)
        del answer["query_id"], answer["generation"]
        return json.dumps(answer)

    assert said(whole) == said(without)
    assert not any("zk" in hit["name"] for hit in json.loads(said(whole))["hits"])


def test_a_full_scope_finds_what_the_other_does_not(whole):
    """The control of the test above."""
    assert set(names(ask(whole, q="load", kind="job"))) == {"load_orders", "load_zkback", "load_zkpay"}
    assert names(ask(whole, "scoped", q="load", kind="job")) == ["load_orders"]
    assert ask(whole, "scoped", q="load_zkpay", kind="job")["answerable"] < 1


def test_datasets_are_found_where_the_lineage_service_is_silent(whole, monkeypatch):
    """The answer says that jobs are missing; asked for jobs alone it is an error, never an empty answer."""
    monkeypatch.setattr(EventIntake, "find_jobs", silent)
    answer = ask(whole, q="orders")
    assert answer["degraded"][-1] == JOBS_MISSING
    assert "orders" in names(answer)
    assert whole.get("/search", "reader", {"q": "orders", "kind": "job"}).status_code == 503


def test_a_page_without_jobs_shows_none_twice_on_the_next(whole, monkeypatch):
    """The lineage service is silent for one page in the middle, and the job that is named was on the first one."""
    asked = {"q": "sales.refresh_bills", "limit": 1}
    every = [hit["id"] for hit in ask(whole, **asked | {"limit": 50})["hits"]]
    first = ask(whole, **asked)
    with monkeypatch.context() as silenced:
        silenced.setattr(EventIntake, "find_jobs", silent)
        second = ask(whole, **asked, cursor=first["cursor"])
    third = ask(whole, **asked, cursor=second["cursor"])
    assert (first["hits"][0]["kind"], third["hits"][0]["kind"]) == ("job", "table")
    assert second["degraded"][-1] == JOBS_MISSING
    assert [page["hits"][0]["id"] for page in (first, second, third)] == every[:3]


def test_a_click_beside_a_named_job_keeps_its_place(whole):
    """Positions are those of the answer; a job is no hit that feedback is on."""
    answer = ask(whole, q="bills", limit=3)
    assert [hit["kind"] for hit in answer["hits"]][:2] == ["job", "table"]
    events = [{"kind": "click", "id": id_of("bills"), "position": 2}]
    sent = whole.post("/feedback", "reader", {"query_id": answer["query_id"], "events": events})
    assert sent.status_code == 200, sent.text
