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
KEYED: tuple[dict[str, Any], ...] = (
    {
        "database": "shop",
        "schema": "sales",
        "name": "clients",
        "columns": [{"name": "id", "type": "integer"}, {"name": "code", "type": "text"}, {"name": "note", "type": "text"}],
        "primary_key": ["id"],
    },
    {
        "database": "shop",
        "schema": "sales",
        "name": "invoices",
        "owners": ["billing"],
        "columns": [{"name": "client_id", "type": "integer"}],
        "foreign_keys": [{"columns": ["client_id"], "ref_table": "sales.clients", "ref_columns": ["id"]}],
    },
    {
        "database": "shop",
        "schema": "sales",
        "name": "letters",
        "columns": [{"name": "to_client", "type": "integer"}],
        "foreign_keys": [{"columns": ["to_client"], "ref_table": "sales.clients"}],
    },
    {"database": "shop", "schema": "sales", "name": "regions", "columns": [{"name": "id", "type": "integer"}]},
    {
        "database": "shop",
        "schema": "sales",
        "name": "parts",
        "columns": [{"name": "id", "type": "integer"}, {"name": "parent", "type": "integer"}],
        "primary_key": ["id"],
        "foreign_keys": [{"columns": ["parent"], "ref_table": "sales.parts", "ref_columns": ["id"]}],
    },
    {
        "database": "shop",
        "schema": "sales",
        "name": "plans",
        "columns": [{"name": "code", "type": "text"}, {"name": "note", "type": "text"}],
    },
    {
        "database": "shop",
        "schema": "sales",
        "name": "contracts",
        "columns": [{"name": "plan", "type": "text"}],
        "foreign_keys": [{"columns": ["plan"], "ref_table": "sales.plans"}],
    },
)
HIDDEN_KEY: dict[str, Any] = {
    "database": "shop",
    "schema": "hr",
    "name": "zkpayees",
    "owners": ["zkboss"],
    "columns": [{"name": "region", "type": "integer"}],
    "foreign_keys": [{"columns": ["region"], "ref_table": "sales.regions", "ref_columns": ["id"]}],
}
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
    with catalog(tmp_path_factory.mktemp("whole"), *SEEN, *KEYED, *HIDDEN, HIDDEN_KEY, AFTER_HIDDEN) as made:
        made.settle()
        yield made


@pytest.fixture(scope="module")
def without(tmp_path_factory) -> Iterator[Served]:
    with catalog(tmp_path_factory.mktemp("without"), *SEEN, *KEYED, AFTER_HIDDEN) as made:
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


def test_what_follows_comes_after_all_that_it_is_made_from(whole):
    """`order` sorts by stages; `carries` counts those that are affected through one alone, and is not told of a part."""
    answer = impact(whole, "orders", sort="order").json()
    stages = {one["id"]: one["stage"] for one in answer["affected"]}
    assert list(stages.values()) == sorted(stages.values())
    assert all(stages.get(edge["from"], 0) < stages[edge["to"]] for edge in answer["edges"])
    assert max(stages.values()) == 3
    carries = {one["qualified_name"].rpartition(".")[2]: one["carries"] for one in answer["affected"]}
    assert (carries["zkjoin"], carries["last"], answer["loops"]) == (1, 0, [])
    assert {one["carries"] for one in impact(whole, "orders", limit=2).json()["affected"]} == {None}


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
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT 1 AS total", "risky", 3),
        (
            "CREATE OR REPLACE VIEW sales.totals AS SELECT SUM(o.amount) total FROM orders o WHERE (o.state = 'paid')",
            "safe",
            0,
        ),
        (
            "CREATE OR REPLACE VIEW sales.totals AS SELECT sum(id) AS total FROM sales.orders WHERE state = 'paid'",
            "risky",
            3,
        ),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT sum(amount) AS total FROM sales.orders", "risky", 3),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT sum(x) AS total FROM a b c", "unknown", 0),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT * FROM sales.strange", "unknown", 3),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT 1 AS sum_total", "breaking", 3),
        ("CREATE OR REPLACE VIEW sales.totals AS SELECT * FROM sales.orders", "breaking", 3),
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


@pytest.mark.parametrize(
    ("ddl", "verdict", "pointing"),
    [
        ("DROP TABLE sales.clients", "breaking", ["invoices", "letters"]),
        ("DROP TABLE sales.clients CASCADE", "breaking", ["invoices", "letters"]),
        ("DROP TABLE sales.invoices", "safe", []),
        ("ALTER TABLE sales.clients DROP COLUMN ID", "breaking", ["invoices", "letters"]),
        ("ALTER TABLE sales.clients DROP COLUMN id CASCADE", "breaking", ["invoices", "letters"]),
        ("ALTER TABLE sales.clients DROP COLUMN note", "safe", []),
        ("ALTER TABLE sales.clients ALTER COLUMN id TYPE text", "breaking", ["invoices", "letters"]),
        ("ALTER TABLE sales.clients ALTER COLUMN id TYPE bigint", "risky", ["invoices", "letters"]),
        ("ALTER TABLE sales.clients ALTER COLUMN id TYPE int", "safe", []),
        ("ALTER TABLE sales.clients RENAME COLUMN id TO client_id", "safe", []),
        ("ALTER TABLE sales.clients RENAME TO customers", "safe", []),
        ("CREATE OR REPLACE TABLE sales.clients (code text, note text)", "breaking", ["invoices", "letters"]),
        ("CREATE OR REPLACE TABLE sales.clients (id int, code text, note text)", "risky", ["invoices", "letters"]),
        ("CREATE OR REPLACE TABLE sales.clients (id int, code text)", "risky", ["invoices", "letters"]),
        ("DROP TABLE sales.clients; CREATE TABLE sales.clients (id int, code text)", "risky", ["invoices", "letters"]),
        ("CREATE OR REPLACE TABLE sales.invoices (client_id int)", "safe", []),
        ("CREATE OR REPLACE TABLE sales.clients AS SELECT * FROM sales.orders", "unknown", ["invoices", "letters"]),
    ],
)
def test_what_a_declared_key_points_at_is_not_safe_to_drop(whole, ddl, verdict, pointing):
    """A key that names no columns points at the primary key; a new name takes the keys along."""
    report = check(whole, ddl=ddl, dialect="postgres")
    assert report["verdict"] == verdict, report
    keys = [key for one in report["changes"] for key in one["keys"]]
    assert [key["qualified_name"].rpartition(".")[2] for key in keys] == pointing
    assert all(key["ref_columns"] == ["id"] for key in keys)
    assert sum(one["total_keys"] for one in report["changes"]) == len(pointing)


@pytest.mark.parametrize(
    ("ddl", "verdict", "pointing"),
    [
        ("DROP TABLE sales.parts", "safe", []),
        ("ALTER TABLE sales.parts DROP COLUMN parent", "safe", []),
        ("ALTER TABLE sales.parts DROP COLUMN id", "breaking", ["parts"]),
        ("ALTER TABLE sales.parts ALTER COLUMN id TYPE text", "breaking", ["parts"]),
        ("CREATE OR REPLACE TABLE sales.parts (id int, parent int)", "safe", []),
    ],
)
def test_a_tables_own_key_goes_with_it_and_not_with_a_column(whole, ddl, verdict, pointing):
    """A table whose rows point at each other: of it as a whole nothing is left that could point at it."""
    report = check(whole, ddl=ddl, dialect="postgres")
    assert report["verdict"] == verdict, report
    keys = [key for one in report["changes"] for key in one["keys"]]
    assert [key["qualified_name"].rpartition(".")[2] for key in keys] == pointing


@pytest.mark.parametrize(
    ("ddl", "verdict", "total"),
    [
        ("DROP TABLE sales.invoices; DROP TABLE sales.letters; DROP TABLE sales.clients", "safe", 0),
        ("ALTER TABLE sales.letters DROP COLUMN TO_CLIENT; DROP TABLE sales.clients", "breaking", 1),
        ("DROP TABLE sales.clients; DROP TABLE sales.invoices; DROP TABLE sales.letters", "breaking", 2),
        ("ALTER TABLE sales.parts DROP COLUMN parent; ALTER TABLE sales.parts DROP COLUMN id", "safe", 0),
    ],
)
def test_a_key_that_a_script_has_taken_away_points_nowhere(whole, ddl, verdict, total):
    """In the script's order: what goes before what it points at takes its keys along."""
    report = check(whole, ddl=ddl, dialect="postgres")
    assert (report["verdict"], sum(one["total_keys"] for one in report["changes"])) == (verdict, total), report


@pytest.mark.parametrize(
    ("ddl", "verdict", "total"),
    [
        ("DROP VIEW sales.ids; DROP VIEW sales.last; DROP VIEW sales.totals", "breaking", 2),
        ("DROP VIEW hr.zkbonus CASCADE; ALTER TABLE sales.orders DROP COLUMN id", "breaking", 3),
        ("DROP VIEW sales.ids; ALTER TABLE sales.orders DROP COLUMN id", "safe", 0),
        ("DROP VIEW sales.ids; ALTER TABLE sales.orders RENAME COLUMN id TO number", "safe", 0),
        ("ALTER TABLE sales.orders DROP COLUMN id; DROP VIEW sales.ids", "breaking", 1),
        (
            "DROP VIEW sales.ids; CREATE VIEW sales.ids AS SELECT id FROM sales.orders; DROP TABLE sales.orders",
            "breaking",
            6,
        ),
        (
            "DROP VIEW sales.ids; CREATE VIEW IF NOT EXISTS sales.ids AS SELECT 1 AS id; DROP TABLE sales.orders",
            "breaking",
            6,
        ),
        (
            "ALTER TABLE sales.orders DROP COLUMN id; DROP VIEW sales.ids; CREATE VIEW sales.ids AS SELECT 1 AS id",
            "breaking",
            1,
        ),
    ],
)
def test_a_reader_that_a_script_has_dropped_is_not_broken(whole, ddl, verdict, total):
    """Nor is what reads the change through it alone; what the script makes again may read it once more."""
    report = check(whole, ddl=ddl, dialect="postgres")
    assert (report["verdict"], sum(one["total"] for one in report["changes"])) == (verdict, total), report


def test_a_key_that_may_point_at_a_column_is_not_safe(whole):
    """It names none, and the table that it points at declares no primary key."""
    (one,) = check(whole, ddl="ALTER TABLE sales.plans DROP COLUMN code")["changes"]
    assert (one["verdict"], one["why"], one["total_keys"]) == ("unknown", "a declared key may point at it", 1)
    assert check(whole, ddl="DROP TABLE sales.plans")["verdict"] == "breaking"
    assert check(whole, ddl="ALTER TABLE sales.plans RENAME COLUMN code TO plan")["verdict"] == "safe"


def test_keys_stand_beside_readers(whole):
    """With whom to tell, and one sentence for both."""
    (one,) = check(whole, ddl="DROP TABLE sales.clients")["changes"]
    assert one["why"] == "2 declared keys point at it"
    assert {key["qualified_name"]: key["owners"] for key in one["keys"]}["shop.sales.invoices"] == ["billing"]
    assert (one["affected"], one["total"]) == ([], 0)


def test_a_hidden_tables_key_is_as_if_it_were_not_there(whole, without):
    """Who sees it is told of it; who does not is answered as where it does not exist, byte for byte."""
    for ddl in ("DROP TABLE sales.regions", "ALTER TABLE sales.regions DROP COLUMN id"):
        assert check(whole, ddl=ddl)["verdict"] == "breaking"
        assert check(whole, "scoped", ddl=ddl) == check(without, "scoped", ddl=ddl)
        assert check(whole, "scoped", ddl=ddl)["verdict"] == "safe"


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
