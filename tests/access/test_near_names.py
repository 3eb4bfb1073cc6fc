"""Names that are near one that nobody has: told over HTTP, and never those of what a caller may not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.served import Served
from tests.access.shop import ROLES, SCOPED, id_of, shop

SLIP = "hr.zkpya"
"""Of a table that some may not see."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with shop(tmp_path_factory.mktemp("shop"), ROLES | SCOPED) as made:
        made.settle()
        yield made


def answers(served: Served, caller: str, name: str) -> list[Any]:
    """What every route that takes a name says of one: as an id in a path, in a basket, in a check."""
    change = {"change": "drop", "table": name}
    return [
        *(served.get(f"/assets/{name}{part}", caller) for part in ("", "/lineage", "/impact", "/related", "/similar")),
        served.post("/related", caller, {"assets": [name]}),
        served.post("/lineage/check", caller, {"changes": [change]}),
    ]


def test_a_slip_is_told_wherever_a_name_is_taken(served: Served) -> None:
    *paths, basket, check = answers(served, "reader", "sales.ordres")

    for one in paths:
        assert one.status_code == 404
        assert one.headers["content-type"] == "application/problem+json"
        assert one.json()["code"] == "not_found"
        assert one.json()["detail"] == (
            "there is no asset sales.ordres, or you may not see it; did you mean shop.sales.orders?"
        )
    assert basket.status_code == 200
    assert basket.json()["unknown"] == ["sales.ordres"]
    assert basket.json()["near"] == {"sales.ordres": ["shop.sales.orders"]}
    assert check.json()["changes"][0]["why"] == "table sales.ordres is not known here; did you mean shop.sales.orders?"


def test_a_name_in_place_of_an_id_says_whose_id_is_meant(served: Served) -> None:
    refused = served.get("/assets/shop.sales.orders", "reader")

    assert refused.status_code == 404
    assert refused.json()["detail"] == (
        f"shop.sales.orders is a name, and an id is asked for: that of shop.sales.orders is {id_of('orders')}"
    )


def test_whoever_may_see_it_is_told_of_a_slip(served: Served) -> None:
    """The control: the same questions, asked by somebody from whom nothing is hidden."""
    assert all("zkpay" in one.text for one in answers(served, "reader", SLIP))


@pytest.mark.parametrize("name", [SLIP, "shop.hr.zkpay", "zkpay", "zkpa"])
def test_what_is_hidden_is_near_nothing(served: Served, name: str) -> None:
    """Also where it was typed whole: answers are those to a name of nothing."""
    nothing = "hr.qqqqqq"
    for hidden, absent in zip(answers(served, "scoped", name), answers(served, "scoped", nothing), strict=True):
        assert hidden.status_code == absent.status_code
        assert _told(hidden).replace(name, "…") == _told(absent).replace(nothing, "…")


def test_a_slip_in_a_column_is_told_by_the_columns_of_its_table(served: Served) -> None:
    """In walks, impacts and checks; a hidden table's columns are near nothing, and it is no other than a table of nobody."""
    change = {"change": "drop", "table": "sales.orders", "column": "salaryid"}
    at = f"/assets/{id_of('orders')}"
    for caller in ("reader", "scoped"):
        for part in ("lineage", "impact"):
            told = served.get(f"{at}/{part}", caller, {"column": "salaryid"})
            assert (told.status_code, told.json()["detail"].endswith("; did you mean salary_id?")) == (404, True)
        check = served.post("/lineage/check", caller, {"changes": [change]}).json()["changes"][0]
        assert check["why"] == "the table is not known to have this column; did you mean salary_id?"
    hidden = served.get(f"/assets/{id_of('zkpay', 'hr')}/lineage", "scoped", {"column": "idd"})
    assert (hidden.status_code, "did you mean" in hidden.text) == (404, False)
    hidden_change = change | {"table": "hr.zkpay", "column": "idd"}
    assert "did you mean" not in served.post("/lineage/check", "scoped", {"changes": [hidden_change]}).text
    assert "did you mean id?" in served.post("/lineage/check", "reader", {"changes": [hidden_change]}).text


def _told(answer: Any) -> str:
    return answer.json().get("detail") or str([answer.json().get(key) for key in ("unknown", "near", "changes")])
