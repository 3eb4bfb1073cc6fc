"""What goes with a person, and with a question: nobody learns of other people or of tables that they may not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.common.model.access import Role
from services.common.model.usage import LogLine
from tests.access.served import Served, token
from tests.access.shop import HIDDEN, NOT_HR, ROLES, SCOPED, id_of, shop

ORDERS, BILLS = id_of("orders"), id_of("bills")
PEOPLE = {
    "ann": token("ann"),
    "bob": token("bob"),
    "dot": token("dot", scope=NOT_HR),
    "narrow_admin": token("narrow_admin", Role.ADMIN, NOT_HR),
}
LOG = (
    ("SELECT * FROM sales.orders o JOIN sales.bills b ON o.id = b.id", "ann"),
    ("SELECT * FROM hr.zkpay", "ann"),
    ("SELECT * FROM sales.bills", "dot"),
    ("SELECT * FROM hr.zkpay", "dot"),
)


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    with shop(tmp_path, ROLES | SCOPED | PEOPLE) as made:
        kept = made.space.indexer._kept_user
        lines = [LogLine(sql, user=kept(user), database="shop", number=at) for at, (sql, user) in enumerate(LOG)]
        made.space.lineage.statements.put(lines, source="wh")
        made.settle()
        yield made


def asked(served: Served, caller: str, **body: Any) -> Any:
    return served.post("/related", caller, body)


def basket(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json()["basket"]}


def test_me_is_the_caller_and_nobody_else(served):
    assert basket(asked(served, "ann", person="me")) == {ORDERS, BILLS, HIDDEN}
    assert basket(asked(served, "bob", person="me")) == set()
    assert asked(served, "bob", person="me").json()["items"] == []


def test_what_a_scope_hides_is_in_nobodys_recent_tables(served):
    answer = asked(served, "dot", person="me")
    assert basket(answer) == {BILLS}
    assert HIDDEN not in answer.text
    assert "zkpay" not in answer.text


def test_only_administrators_name_another_and_as_logs_keep_them(served):
    stand_in = served.space.indexer._kept_user("ann")
    for caller in ("ann", "bob", "editor", "reader"):
        assert asked(served, caller, person=stand_in).status_code == 403
    assert basket(asked(served, "admin", person=stand_in)) == {ORDERS, BILLS, HIDDEN}
    assert basket(asked(served, "admin", person="ann")) == set()  # names are not kept here
    assert basket(asked(served, "narrow_admin", person=stand_in)) == {ORDERS, BILLS}


def test_who_used_a_table_is_told_to_administrators_alone(served):
    stand_in = served.space.indexer._kept_user("ann")
    told = {caller: served.get(f"/assets/{ORDERS}", caller).json()["usage"] for caller in ("ann", "editor", "admin")}
    assert [one["user"] for one in told["admin"]["users"]] == [stand_in]
    assert told["ann"]["users"] == told["editor"]["users"] == []
    assert told["ann"]["people"] == 1


def opened(served: Served, caller: str, words: str, *wanted: str) -> None:
    answer = served.get("/search", caller, {"q": words}).json()
    ids = [hit["id"] for hit in answer["hits"] if hit["id"] in wanted]
    assert set(ids) == set(wanted)
    events = [{"kind": "click", "id": one} for one in ids]
    assert served.post("/feedback", caller, {"query_id": answer["query_id"], "events": events}).status_code == 200


def test_what_others_opened_after_a_question_is_told_from_two_people_on(served):
    opened(served, "ann", "id", BILLS)
    alone = asked(served, "bob", search="id").json()["basket"]
    assert all(one["people"] == 0 for one in alone)
    opened(served, "admin", "id", BILLS)
    (start,) = asked(served, "bob", search="  ID ").json()["basket"]
    assert (start["id"], start["people"]) == (BILLS, 2)
    # who asked it is no other to oneself
    assert all(one["people"] == 0 for one in asked(served, "ann", search="id").json()["basket"])


def test_clicks_on_hidden_tables_move_nothing_for_a_scoped_reader(served):
    before = asked(served, "dot", search="id").json()
    for caller in ("ann", "bob", "admin"):
        opened(served, caller, "id", HIDDEN)
    assert asked(served, "dot", search="id").json() == before
    assert basket(asked(served, "reader", search="id")) == {HIDDEN}


@pytest.mark.parametrize(
    "body",
    [{}, {"assets": [ORDERS], "person": "me"}, {"person": ""}, {"search": ""}, {"search": " "}, {"person": "me", "x": 1}],
)
def test_one_of_three_is_asked_for(served, body):
    assert asked(served, "reader", **body).status_code == 422


def test_a_short_name_says_which_table_it_was_taken_for_inside_the_scope(served):
    """A full name and an id need no word; what is hidden is unknown, as what does not exist."""
    short = asked(served, "ann", assets=["orders"]).json()
    assert [(one["id"], one["why"]) for one in short["basket"]] == [(ORDERS, "orders stands for it")]
    full = short["basket"][0]["qualified_name"]
    assert asked(served, "ann", assets=[full, ORDERS]).json()["basket"] == []
    hidden = asked(served, "dot", assets=["zkpay"])
    assert (hidden.json()["basket"], hidden.json()["unknown"]) == ([], ["zkpay"])
    assert HIDDEN not in hidden.text
    assert asked(served, "ann", assets=["zkpay"]).json()["basket"][0]["id"] == HIDDEN
