"""What a scoped editor learns by writing, and what counts and probes tell: nothing of what is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.served import Served, bearer
from tests.access.shop import HIDDEN, ROLES, SCOPED, id_of, shop

ORDERS, BILLS = id_of("orders"), id_of("bills")


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    with shop(tmp_path, ROLES | SCOPED) as made:
        yield made


def patch(served: Served, caller: str, asset: str, body: dict[str, Any]) -> Any:
    path = f"/api/v1/assets/{asset}"
    tag = served.client.get(path, headers=bearer(caller)).headers["ETag"]
    answer = served.client.patch(path, json=body, headers={**bearer(caller), "If-Match": tag})
    assert answer.status_code == 200, answer.text
    return answer


def changes(served: Served, caller: str, asset: str, **asked: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.get(f"/assets/{asset}/changes", caller, asked).json()["changes"]
    return found


def undo(served: Served, caller: str, change: int) -> Any:
    return served.client.post(f"/api/v1/changes/{change}/undo", headers=bearer(caller))


def test_an_editor_is_told_what_a_reader_is_told(served):
    """The answers to a patch and to an undo name no hidden successor and no key to a hidden table."""
    assert served.get(f"/assets/{ORDERS}", "admin").json()["foreign_keys"]
    patch(served, "admin", ORDERS, {"successor": HIDDEN})
    told = patch(served, "scoped_editor", ORDERS, {"description": "what people bought"})
    back = undo(served, "scoped_editor", changes(served, "scoped_editor", ORDERS)[0]["id"])
    for answer in (told, back):
        assert "zkpay" not in answer.text
        assert HIDDEN not in answer.text
        assert (answer.json()["foreign_keys"], answer.json()["successor"]) == ([], None)
    assert back.json() == served.get(f"/assets/{ORDERS}", "scoped_editor").json()
    assert back.headers["ETag"] == served.client.get(f"/api/v1/assets/{ORDERS}", headers=bearer("scoped")).headers["ETag"]


def test_undoing_a_change_of_a_hidden_asset_is_undoing_an_unknown_one(served):
    """The answer does not say which asset the number belongs to: numbers are easily guessed, ids are not."""
    patch(served, "admin", HIDDEN, {"description": "secret"})
    number = changes(served, "admin", HIDDEN)[0]["id"]
    hidden, unknown = undo(served, "scoped_editor", number), undo(served, "scoped_editor", number + 900)
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert HIDDEN not in hidden.text
    assert hidden.json()["detail"].replace(str(number), "N") == unknown.json()["detail"].replace(str(number + 900), "N")


def test_a_change_that_names_a_hidden_table_is_undone_by_nobody_who_cannot_see_it(served):
    """It is missing from the history that such an editor reads, so it does not exist for undo either."""
    patch(served, "admin", ORDERS, {"successor": HIDDEN})
    (change,) = changes(served, "admin", ORDERS)
    assert changes(served, "scoped_editor", ORDERS) == []
    assert undo(served, "scoped_editor", change["id"]).status_code == 404
    assert served.get(f"/assets/{ORDERS}", "admin").json()["successor"] == HIDDEN


def test_a_page_of_a_history_is_full_although_some_changes_are_hidden(served):
    """A short page would say how many there are, and that somebody named a hidden table."""
    patch(served, "admin", ORDERS, {"description": "old words"})
    patch(served, "admin", ORDERS, {"successor": HIDDEN})
    patch(served, "admin", ORDERS, {"successor": BILLS})
    (newest,) = changes(served, "scoped", ORDERS, limit=1)
    assert newest["field"] == "description"


def test_taking_back_a_hidden_successor_says_nothing(served):
    """To an editor who sees none, `successor: null` changes nothing, so the tag must not move."""
    patch(served, "admin", ORDERS, {"successor": HIDDEN})
    before = served.client.get(f"/api/v1/assets/{ORDERS}", headers=bearer("scoped_editor")).headers["ETag"]
    assert patch(served, "scoped_editor", ORDERS, {"successor": None}).headers["ETag"] == before


def test_probes_count_nothing_for_strangers(served):
    """Whether it is ready, no more; how much there is, only to those who may see all of it."""
    for path in ("/readyz", "/startupz"):
        for headers in ({}, bearer("scoped"), bearer("producer"), {"Authorization": "Bearer wrong"}):
            assert served.client.get(path, headers=headers).json() == {"status": "ready"}
        assert served.client.get(path, headers=bearer("reader")).json()["documents"] == 4


def test_figures_are_for_those_who_see_everything(served):
    """They count hidden tables and every caller's requests."""
    assert served.client.get("/metrics", headers=bearer("scoped")).status_code == 403
    assert b"headwater_index_documents 4.0" in served.client.get("/metrics", headers=bearer("reader")).content


def test_a_crawl_says_to_a_scoped_reader_only_that_it_was(served):
    """Not how many tables it found, nor what it failed to read."""
    (crawl,) = served.get("/crawls", "scoped").json()["crawls"]
    assert (crawl["state"], crawl["done"], crawl["expected"], crawl["failures"]) == ("complete", 0, None, [])
    assert set(crawl["tables"].values()) == {0}
    assert served.get("/crawls", "admin").json()["crawls"][0]["tables"]["found"] == 4


def test_a_view_over_a_hidden_table_keeps_its_definition(served):
    """Withheld from those who may not see all that it names, shown to the others."""
    cost = id_of("cost")
    told = served.get(f"/assets/{cost}", "scoped").json()
    assert (told["sql"], told["definition"]) == (None, "withheld")
    assert "zkpay" in served.get(f"/assets/{cost}", "reader").json()["sql"]
    nodes = served.get(f"/assets/{cost}/lineage", "scoped").json()["nodes"]
    assert [node["qualified_name"] for node in nodes] == ["shop.sales.cost", "shop.sales.orders"]
