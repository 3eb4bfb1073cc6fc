"""Impact, paths and checks over HTTP: what they say of columns, of owners, of names, and nothing of what a scope hides."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.common.model.access import AccessScope, Role
from services.common.runtime.settings import LineageSettings, Settings
from services.common.runtime.source_settings import SourceSettings
from tests.access.served import Served, bearer, new_home, served, token, write_lines
from tests.access.shop import NAMESPACE, id_of

ORDERS = [{"name": name, "type": type_} for name, type_ in (("id", "integer"), ("amount", "integer"), ("state", "text"))]
SEEN: tuple[dict[str, Any], ...] = (
    {"database": "shop", "schema": "sales", "name": "orders", "owners": ["ops"], "columns": ORDERS},
    {"database": "shop", "schema": "sales", "name": "idle", "columns": [{"name": "id"}]},
    {
        "database": "shop",
        "schema": "sales",
        "name": "totals",
        "kind": "view",
        "owners": ["=HYPERLINK(1)", "finance"],
        "columns": [{"name": "total"}],
        "sql": "SELECT sum(amount) AS total FROM sales.orders WHERE state = 'paid'",
    },
    {
        "database": "shop",
        "schema": "sales",
        "name": 'report"]-->x',
        "kind": "view",
        "columns": [{"name": "total"}],
        "sql": "SELECT total FROM sales.totals",
    },
    {
        "database": "shop",
        "schema": "sales",
        "name": "ids",
        "kind": "view",
        "columns": [{"name": "id"}],
        "sql": "SELECT id FROM sales.orders WHERE state <> 'void'",
    },
)
HIDDEN: tuple[dict[str, Any], ...] = (
    {
        "database": "shop",
        "schema": "hr",
        "name": "zkbonus",
        "kind": "view",
        "owners": ["zkboss"],
        "columns": [{"name": "amount"}],
        "sql": "SELECT amount FROM sales.orders",
    },
    {
        "database": "shop",
        "schema": "hr",
        "name": "zkjoin",
        "kind": "view",
        "columns": [{"name": "total"}],
        "sql": "SELECT t.total FROM sales.totals t JOIN hr.zkbonus b ON b.amount = t.total",
    },
)
AFTER_HIDDEN: dict[str, Any] = {
    "database": "shop",
    "schema": "sales",
    "name": "last",
    "kind": "view",
    "columns": [{"name": "total"}],
    "sql": "SELECT total FROM hr.zkjoin",
}
TOKENS = {"reader": token("reader"), "scoped": token("scoped", Role.READER, AccessScope(("*",), ("*.hr",)))}
REPORT = 'report"]-->x'


def catalog(folder: Path, *lines: dict[str, Any], **more: Any) -> Any:
    sources = {"wh": SourceSettings(url=f"metadata://{write_lines(folder, 'wh', lines)}", namespace=NAMESPACE)}
    settings = Settings(home=new_home(folder), model="hashing", threads=1, tokens=TOKENS, sources=sources, **more)
    return served(settings, before=lambda made: made.crawl("wh"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Iterator[Served]:
    with catalog(tmp_path_factory.mktemp("whole"), *SEEN, *HIDDEN, AFTER_HIDDEN) as made:
        made.settle()
        yield made


@pytest.fixture(scope="module")
def without(tmp_path_factory) -> Iterator[Served]:
    with catalog(tmp_path_factory.mktemp("without"), *SEEN, AFTER_HIDDEN) as made:
        made.settle()
        yield made


def impact(made: Served, name: str, caller: str = "reader", **params: Any) -> Any:
    return made.get(f"/assets/{id_of(name)}/impact", caller, list(params.items()))


def affected(made: Served, name: str, caller: str = "reader", **params: Any) -> list[tuple[Any, ...]]:
    answer = impact(made, name, caller, **params).json()
    return [(one["qualified_name"].rpartition(".")[2], one["depth"], one["how"]) for one in answer["affected"]]


def check(made: Served, caller: str = "reader", **body: Any) -> dict[str, Any]:
    return made.post("/lineage/check", caller, body).json()


def test_a_table_that_goes_affects_everything_below(whole):
    """By distance, with owners, and how many of each."""
    answer = impact(whole, "orders").json()
    assert {one["depth"] for one in answer["affected"]} == {1, 2, 3}
    assert (answer["total"], answer["truncated"]) == (6, False)
    assert answer["groups"]["depth"] == {"1": 3, "2": 2, "3": 1}
    assert {"owner": "finance", "datasets": 1} in answer["groups"]["owner"]
    assert answer["groups"]["owner"][-1] == {"owner": None, "datasets": 4}
    assert answer["groups"]["source"] == {"wh": 6}


def test_a_column_affects_what_reads_it_and_says_whether_only_rows_depend_on_it(whole):
    """`amount` gets into totals; `state` only decides which rows there are."""
    assert ("totals", 1, "direct") in affected(whole, "orders", column="amount")
    assert all(name != "ids" for name, _, _ in affected(whole, "orders", column="amount"))
    by_state = affected(whole, "orders", column="state")
    assert {("totals", 1, "filter"), ("ids", 1, "filter")} <= set(by_state)
    assert impact(whole, "orders", column="no_such").status_code == 404


def test_answers_are_sorted_and_cut_as_asked(whole):
    """Owners first, those of nobody last; a limit keeps the nearest."""
    by_owner = impact(whole, "orders", sort="owner").json()["affected"]
    assert [bool(one["owners"]) for one in by_owner] == sorted((bool(one["owners"]) for one in by_owner), reverse=True)
    cut = impact(whole, "orders", limit=2).json()
    assert ([one["depth"] for one in cut["affected"]], cut["total"], cut["truncated"]) == ([1, 1], 6, True)
    assert impact(whole, "orders", change="retype").status_code == 422


@pytest.mark.parametrize("by", [{"format": "csv"}, {"accept": "text/csv"}])
def test_a_spreadsheet_takes_no_name_for_a_formula(whole, by):
    """Every cell that begins like one begins with an apostrophe."""
    path = f"/api/v1/assets/{id_of('orders')}/impact" + ("?format=csv" if "format" in by else "")
    headers = bearer("reader") | ({"Accept": by["accept"]} if "accept" in by else {})
    answer = whole.client.get(path, headers=headers)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert len(rows) == 7
    assert "'=HYPERLINK(1);finance" in rows[1] + rows[2] + rows[3]
    assert not any(cell[:1] in "=+-@" and cell for row in rows[1:] for cell in row)


def test_a_picture_takes_no_name_for_markup(whole):
    """Quotes, brackets and arrows in names are entities."""
    text = impact(whole, "orders", format="mermaid").text
    assert text.startswith("flowchart LR\n")
    assert "report#34;#93;--#62;x" in text
    assert 'report"' not in text
    assert "n0" in text


def test_paths_are_the_shortest_first(whole):
    """And none where no data flows."""
    params = [("from", id_of("orders")), ("to", id_of("last"))]
    answer = whole.get("/lineage/paths", "reader", params).json()
    assert [len(path) for path in answer["paths"]] == [4, 4]
    assert not answer["truncated"]
    back = whole.get("/lineage/paths", "reader", [("from", id_of("last")), ("to", id_of("orders"))]).json()
    assert (back["paths"], back["truncated"]) == ([], False)


@pytest.mark.parametrize(
    ("ddl", "verdict", "total"),
    [
        ("ALTER TABLE sales.orders DROP COLUMN amount", "breaking", 5),
        ("ALTER TABLE sales.orders ALTER COLUMN amount TYPE bigint", "risky", 5),
        ("ALTER TABLE sales.orders ALTER COLUMN amount TYPE int", "safe", 0),
        ("ALTER TABLE sales.orders ALTER COLUMN amount TYPE smallint", "breaking", 5),
        ("ALTER TABLE sales.orders RENAME COLUMN state TO status", "breaking", 5),
        ("DROP TABLE sales.idle", "safe", 0),
        ("DROP TABLE sales.orders", "breaking", 6),
        ("ALTER TABLE sales.totals RENAME TO sums", "breaking", 3),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT 1 AS total", "safe", 0),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT 1 AS sum_total", "breaking", 3),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT * FROM sales.orders", "unknown", 3),
        ("CREATE OR REPLACE TABLE sales.orders (id int, amount bigint, state text)", "risky", 5),
        ("DROP TABLE sales.orders; CREATE TABLE sales.orders (id int, amount bytea, state text)", "breaking", 5),
        ("CREATE OR REPLACE TABLE sales.orders (id int, amount int, state text)", "safe", 0),
        ("CREATE TABLE sales.fresh (id int)", "safe", 0),
        ("DROP TABLE sales.nothing", "unknown", 0),
        ("ALTER TABEL sales.orders DROP COLUMN amount", "unknown", 0),
    ],
)
def test_a_script_is_judged_before_it_runs(whole, ddl, verdict, total):
    """By the worst of its changes, with everybody who is affected."""
    report = check(whole, ddl=ddl, dialect="postgres")
    assert report["verdict"] == verdict, report
    assert sum(one["total"] for one in report["changes"]) == total


def test_a_check_without_anything_to_check_is_refused(whole):
    """And one with unknown keys."""
    for body in ({}, {"ddl": "DROP TABLE x", "force": True}, {"changes": [{"change": "explode", "table": "x"}]}):
        assert whole.post("/lineage/check", "reader", body).status_code == 422


def test_a_type_that_is_not_known_is_not_the_same_type(whole):
    """Neither the new one, nor the one before."""
    for column, table in (("amount", "sales.orders"), ("total", "sales.totals")):
        report = check(whole, changes=[{"change": "retype", "table": table, "column": column}])
        assert report["verdict"] == "unknown", report
    said = {"change": "retype", "table": "sales.totals", "column": "total", "to": "bigint"}
    assert check(whole, changes=[said])["verdict"] == "unknown"
    assert whole.post("/lineage/check", "reader", {"changes": [{"change": "retype", "table": "x"}]}).status_code == 422


def test_equal_changes_are_one_and_too_many_are_refused(whole):
    """Five hundred times the same is judged once; 201 different ones are told to be split."""
    same = {"change": "drop", "table": "sales.orders", "column": "amount"}
    assert len(check(whole, changes=[same] * 500)["changes"]) == 1
    many = [{"change": "drop", "table": f"t{number}"} for number in range(201)]
    answer = whole.post("/lineage/check", "reader", {"changes": many})
    assert (answer.status_code, "at most 200" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/csv;q=0.1, application/json", "application/json"),
        ("text/csv, application/json;q=0.9", "text/csv"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("text/csv;q=0", "application/json"),
        ("text/vnd.mermaid, text/csv;q=0.5", "text/vnd.mermaid"),
    ],
)
def test_the_accept_headers_weights_decide(whole, accept, form):
    """And JSON, where it is as welcome as another."""
    answer = whole.client.get(f"/api/v1/assets/{id_of('orders')}/impact", headers=bearer("reader") | {"Accept": accept})
    assert answer.headers["content-type"].startswith(form)


def test_a_column_is_told_in_its_own_spelling(whole):
    """In whatever case it was asked for."""
    answer = impact(whole, "orders", column="AMOUNT").json()
    assert (answer["column"], answer["total"]) == ("amount", 5)


QUESTIONS = [
    *(
        (f"/assets/{id_of(name)}/impact", [("format", form)])
        for name in ("orders", "totals")
        for form in ("json", "csv", "mermaid")
    ),
    *((f"/assets/{id_of('orders')}/impact", [("column", column)]) for column in ("amount", "state", "id")),
    (f"/assets/{id_of('zkbonus', 'hr')}/impact", []),
    ("/lineage/paths", [("from", id_of("orders")), ("to", id_of("last"))]),
    ("/lineage/paths", [("from", id_of("zkbonus", "hr")), ("to", id_of("last"))]),
]


@pytest.mark.parametrize(("path", "params"), QUESTIONS)
def test_a_scope_is_answered_as_if_the_hidden_did_not_exist(whole, without, path, params):
    """Byte for byte, in every form; and no hidden name or owner in it."""
    one, other = whole.get(path, "scoped", params), without.get(path, "scoped", params)
    assert one.status_code == other.status_code
    if one.status_code == 200:
        assert one.text == other.text
        assert "zk" not in one.text


def test_a_check_counts_no_hidden_reader(whole, without):
    """Dropping what only hidden views read is safe as far as the caller can know."""
    for ddl in ("ALTER TABLE sales.orders DROP COLUMN amount", "DROP VIEW hr.zkjoin", "DROP TABLE sales.orders"):
        assert check(whole, "scoped", ddl=ddl) == check(without, "scoped", ddl=ddl)


def test_marks_only_where_the_setting_says_so(tmp_path):
    """`lineage.hidden = "opaque"`: the way through is shown, without a name, an id or evidence."""
    lines = (*SEEN, *HIDDEN, AFTER_HIDDEN)
    with catalog(tmp_path, *lines, lineage=LineageSettings(hidden="opaque")) as made:
        made.settle()
        answer = made.get(f"/assets/{id_of('totals')}/lineage", "scoped", [("direction", "downstream")])
        nodes = answer.json()["nodes"]
        assert [node["qualified_name"] for node in nodes if node["opaque"]] == [""]
        assert any(node["qualified_name"] == "shop.sales.last" for node in nodes)
        assert "zk" not in answer.text
        assert id_of("zkjoin", "hr") not in answer.text
