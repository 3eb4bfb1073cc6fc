"""What crawls changed, held and proposed, and ids that lead on: every role and a narrowed scope, over the public routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.common.model.access import AccessScope, Role
from services.common.model.assets import Column, Container, Found
from services.common.model.crawls import CrawlBatch, CrawlRecord, CrawlState, SourceInfo
from services.common.model.names import DatasetName, Namespace
from tests.access.served import Served, bearer, token
from tests.access.shop import NAMESPACE, ROLES, SCOPED, id_of, shop

WAREHOUSE = SourceInfo("wh", Namespace(NAMESPACE), "postgres", hold_share=1.0)
COLUMNS = (Column("k", "int"), Column("amount", "int"))
NARROW_ADMIN = {"narrow_admin": token("narrow_admin", Role.ADMIN, AccessScope(("*",), ("*.hr",)))}


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    with shop(tmp_path, ROLES | SCOPED | NARROW_ADMIN) as made:
        yield made


def crawl(served: Served, *names: str, source: SourceInfo = WAREHOUSE, failure: str | None = None) -> CrawlRecord:
    """A crawl that shows these tables, `schema.table` or `schema.table=object id`, and no others."""
    sink = served.space.sink
    running = sink.open(source, by="maker").id
    found: dict[str, list[Found]] = {"hr": [], "sales": []}
    for name in names:
        path, _, object_id = name.partition("=")
        schema, table = path.split(".")
        of = DatasetName(Namespace(NAMESPACE), ("shop", schema, table))
        found[schema].append(Found(of, columns=COLUMNS, object_id=object_id or None))
    for schema, some in found.items():
        place = Container(Namespace(NAMESPACE), ("shop", schema))
        broken = failure if schema == "sales" else None
        sink.put(running, CrawlBatch(place, tuple(some), last=True, complete=broken is None, failure=broken))
    return sink.close(running, CrawlState.COMPLETE if failure is None else CrawlState.PARTIAL, ())


def post(served: Served, path: str, caller: str) -> Any:
    return served.client.post(f"/api/v1{path}", headers=bearer(caller))


def test_a_narrowed_reader_sees_its_part_of_what_a_crawl_changed(served):
    """Neither the list nor the numbers, the containers, the costs or the failures speak of what is hidden."""
    record = crawl(served, "sales.orders", "hr.zknew")
    everything = served.get(f"/crawls/{record.id}/changes", "reader").json()
    assert any("zk" in one["qualified_name"] for one in everything["changes"])
    answer = served.get(f"/crawls/{record.id}/changes", "scoped")
    assert answer.status_code == 200
    told = answer.json()
    assert ("zk" in answer.text, "hr" in answer.text.replace("http", ""), told["containers"]) == (False, False, [])
    assert {one["qualified_name"] for one in told["changes"]} == {"shop.sales.orders", "shop.sales.bills", "shop.sales.cost"}
    assert sum(told["total"].values()) == 3
    assert served.get(f"/crawls/{record.id}/changes", "scoped", {"cursor": id_of("zknew", "hr")}).status_code == 200


def test_an_id_leads_on_for_those_who_may_see_both_names(served):
    """Whoever may not see one of them gets the answer for an id that never was."""
    crawl(served, "sales.orders=1", "sales.bills=2", "hr.zkpay=3", "hr.zkmove=4")
    moved = crawl(served, "sales.buys=1", "hr.zkbills=2", "hr.zkwages=3", "sales.moved=4")
    for old, new, seen in (
        (id_of("orders"), id_of("buys"), True),
        (id_of("bills"), id_of("zkbills", "hr"), False),
        (id_of("zkpay", "hr"), id_of("zkwages", "hr"), False),
        (id_of("zkmove", "hr"), id_of("moved"), False),
    ):
        full = served.client.get(f"/api/v1/assets/{old}", headers=bearer("reader"), follow_redirects=False)
        assert (full.status_code, new in full.text + str(full.headers)) == (308, True)
        for path in ("", "/history", "/changes"):
            url = f"/api/v1/assets/{old}{path}"
            answer = served.client.get(url, headers=bearer("scoped"), follow_redirects=False)
            assert answer.status_code == (308 if seen else 404), (url, answer.text)
            assert (new in answer.text + str(answer.headers)) is seen
    for path in (f"/crawls/{moved.id}/changes", f"/assets/{id_of('moved')}", f"/assets/{id_of('moved')}/history"):
        answer = served.get(path, "scoped")
        assert answer.status_code == 200, path
        assert "zk" not in answer.text, path


def test_renames_are_decided_by_editors_who_see_both_names(served):
    crawl(served, "sales.orders", "hr.zkpay")
    crawl(served, "sales.orders", "hr.zkwages")
    (proposal,) = served.get("/renames", "reader").json()["renames"]
    assert served.get("/renames", "scoped").json()["renames"] == []
    for act in ("accept", "reject"):
        path = f"/renames/{proposal['id']}/{act}"
        assert post(served, path, "reader").status_code == 403
        hidden, unknown = post(served, path, "scoped_editor"), post(served, f"/renames/none/{act}", "scoped_editor")
        assert (hidden.status_code, unknown.status_code) == (404, 404)
        assert hidden.json()["detail"] == unknown.json()["detail"]
    assert post(served, f"/renames/{proposal['id']}/accept", "editor").status_code == 204
    assert served.get("/renames", "reader").json()["renames"] == []


def test_only_an_administrator_who_sees_everything_says_yes_to_what_is_held(served):
    """A narrowed one would say yes to what it may not see, and learn how much of it there is."""
    record = crawl(served, "hr.zkpay", source=SourceInfo("wh", Namespace(NAMESPACE), "postgres", hold_share=0.0))
    path = f"/crawls/{record.id}/accept"
    assert [post(served, path, caller).status_code for caller in ("reader", "editor", "narrow_admin")] == [403] * 3
    answer = post(served, path, "narrow_admin")
    assert "zk" not in answer.text
    assert post(served, path, "admin").status_code == 200
    assert post(served, path, "admin").status_code == 409


def test_why_a_table_was_not_shown_names_nothing_that_is_hidden(served):
    """The reason is the container's, and may speak of any table in it or of the server."""
    crawl(served, "sales.orders", "hr.zkpay")
    record = crawl(served, "hr.zkpay", failure="permission denied for table zkpay of hr")
    for path in (
        f"/assets/{id_of('orders')}",
        f"/crawls/{record.id}",
        f"/crawls/{record.id}/changes",
        "/crawls",
        "/sources",
    ):
        answer = served.get(path, "scoped")
        assert answer.status_code == 200, path
        assert "zkpay" not in answer.text, path
    assert "zkpay" in served.get(f"/crawls/{record.id}", "reader").text
