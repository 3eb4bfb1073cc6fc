"""What people type into the search box, over a socket and in the terminal: filters, mistakes with their place, hostile text.

The inputs that must be literal or refused are those of injections that other catalogs evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.commands import Server, hw

PROBLEM = "application/problem+json"
LINES: list[dict[str, Any]] = [
    {"database": "shop", "schema": "sales", "name": "orders", "description": "Net sales by order {{7*7}}", "owners": ["local"],
     "columns": [{"name": "order_id"}, {"name": "note", "description": "' OR 1=1 --"}]},
    {"database": "shop", "schema": "sales", "name": "orders_bak", "columns": [{"name": "order_id"}, {"name": "note"}]},
    {"database": "shop", "schema": "crm", "name": "customers", "tags": ["pii"], "columns": [{"name": "email"}]},
    {"database": "shop", "schema": "crm", "name": "注文", "columns": [{"name": "id"}]},
]  # fmt: skip
HOSTILE = [
    "{{7*7}}", "${7*7}", "#{7*7}", "{0.__class__}", "' OR 1=1 --", ") or id>=0 or (", "'; DROP TABLE asset; --", "%s %n %(x)s",
    "<script>alert(1)</script>", "\x00", "\x1b[31mred", "\u202eevil\u202c", "🛒", "🛒 OR 🛒", "注文 AND 注文", "the of and", "*",
    "name:*" * 400, "(" * 3_000, "NOT " * 900, '"' * 3_999, "tag:" * 900, "a " * 1_999, "x" * 4_000, "-tag:x " * 500, "\n\t\r",
    "name:***********************a*b*c*d*e*f*g*h", '"' + "net " * 900 + '"', "column:[a-z]+(", "updated:<99999y", "updated:9999",
    "AND", "OR", "NOT", "-", ":", "\\", "a:b:c", "kind:", "owner:", "tag:,", "()", ")(", '"', "“",
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("syntax")
    (folder / "shop.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")
    assert hw("crawl", f"metadata://{folder / 'shop.jsonl'}", home=folder / "home").code == 0
    return folder / "home"


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Server]:
    with Server(home=home) as server:
        yield server.ready()


def search(server: Server, q: str, **parameters: Any) -> httpx2.Response:
    return server.client.get("/api/v1/search", params={"q": q, **parameters})


def names(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["name"] for hit in answer.json()["hits"]]


def test_filters_are_understood_and_told(served: Server) -> None:
    """`me` is the caller; what was understood is in the answer."""
    answer = search(served, "net sales owner:me NOT tag:pii")
    assert names(answer) == ["orders"]
    assert answer.json()["understood"] == {"words": "net sales", "where": "owner:local AND NOT tag:pii", "corrections": []}
    assert search(served, "net sales").json()["understood"] == {"words": "net sales", "where": None, "corrections": []}


def test_a_hit_says_what_to_mark(served: Server) -> None:
    (hit,) = search(served, "net order owner:me").json()["hits"]
    texts = {"name": hit["name"], "description": hit["description"]}
    marked = [(h["field"], (h["text"] or texts[h["field"]])[h["start"] : h["end"]]) for h in hit["highlights"]]
    assert marked == [("name", "orders"), ("description", "Net"), ("description", "order"), ("columns", "order")]


def test_copies_stand_under_their_original_when_asked(served: Server) -> None:
    plain, folded = search(served, "schema:sales").json(), search(served, "schema:sales", fold="true").json()
    assert [hit["name"] for hit in plain["hits"]] == ["orders", "orders_bak"]
    (hit,) = folded["hits"]
    assert (hit["name"], hit["n_folded"], hit["folded"]) == ("orders", 1, [plain["hits"][1]["id"]])
    assert folded["total"] == plain["total"] == 2


@pytest.mark.parametrize(
    ("q", "start", "end", "said"),
    [
        ("onwer:me", 0, 5, "did you mean owner:"),
        ("🛒 tag:pii foo:bar", 10, 13, "there is no field foo"),
        ("tag:pii OR", 8, 10, "nothing on its right"),
        ("(tag:pii", 0, 1, "not closed"),
        ('orders "net', 7, 11, "not closed"),
    ],
)
def test_a_mistake_is_a_problem_with_its_place(served: Server, q: str, start: int, end: int, said: str) -> None:
    answer = search(served, q)
    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (422, PROBLEM, "bad_request")
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["start"], error["end"]) == ("/query/q", start, end)
    assert said in error["detail"]
    assert f"at character {start + 1}" in answer.json()["detail"]


@pytest.mark.parametrize("route", ["/search", "/suggest"])
@pytest.mark.parametrize("q", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_literal_or_refused(served: Server, route: str, q: str) -> None:
    """Never a failure of the server, never evaluated: what `{{7*7}}` finds has these characters' words, not 49."""
    answer = served.client.get(f"/api/v1{route}", params={"q": q, "limit": 5})
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert answer.headers["Content-Type"] == PROBLEM
        assert all(error["pointer"] == "/query/q" for error in answer.json()["errors"])
    assert "49" not in answer.json().get("understood", {}).get("words", "")


def test_ten_thousand_words_are_refused_by_their_length(served: Server) -> None:
    answer = search(served, "word " * 10_000)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/q")


def test_any_text_is_answered(served: Server) -> None:
    """Whatever is typed, with whatever filters around it."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.text(max_size=40),
        st.sampled_from(["", "tag:pii ", "NOT ", "(", '"', "name:", "owner:me OR "]),
        st.sampled_from(["", " kind:column", ")", '"', " AND schema:crm"]),
    )
    def check(text: str, before: str, after: str) -> None:
        q = (before + text + after).encode("utf-8", "replace").decode()
        assert search(served, q, limit=2).status_code in (200, 422)
        assert served.client.get("/api/v1/suggest", params={"q": q}).status_code in (200, 422)

    check()


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("schema:sales", 0, "shop.sales.orders"),
        ("word " * 10_000, 0, ""),
        ("onwer:me", 2, "at character 1: there is no field onwer; did you mean owner:"),
        ("' OR 1=1 --", 0, ""),
        ("\udcff\x1b[31m", 0, ""),
    ],
)
def test_the_terminal_takes_the_same(home: Path, text: str, code: int, said: str) -> None:
    done = hw("search", text, home=home)
    assert done.code == code, done.err
    assert said in done.out + done.err
    assert "Traceback" not in done.err
    assert "\x1b" not in done.out + done.err


def test_folding_in_the_terminal_names_what_stands_under_a_hit(home: Path) -> None:
    done = hw("search", "schema:sales", "--fold", home=home)
    assert done.code == 0
    assert "with shop.sales.orders_bak" in done.out
    assert " 2. " not in done.out
