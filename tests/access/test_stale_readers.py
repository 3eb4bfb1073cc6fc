"""What reads a table and nothing has shown for long: left out of impacts, counted there, and never a reason to call a drop safe."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.cli.main import main
from services.common.model.access import AccessScope, Role
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from tests.access.served import Served, new_home, served, token, write_lines
from tests.access.shop import NAMESPACE, id_of
from tests.support.events import dataset, run_event

OLD = "2020-01-31T10:00:00Z"
LINES: tuple[dict[str, Any], ...] = (
    {"database": "shop", "schema": "sales", "name": "orders", "columns": [{"name": "id"}]},
    {"database": "shop", "schema": "sales", "name": "paid", "columns": [{"name": "id"}, {"name": "note"}]},
    {
        "database": "shop",
        "schema": "sales",
        "name": "ids",
        "kind": "view",
        "columns": [{"name": "id"}],
        "sql": "SELECT id FROM sales.paid",
    },
    {"database": "shop", "schema": "sales", "name": "secret", "columns": [{"name": "id"}]},
)
TOKENS = {
    "reader": token("reader"),
    "producer": token("producer", Role.PRODUCER),
    "scoped": token("scoped", Role.READER, AccessScope(("*",), ("*.hr",))),
}
READ = (
    ("sales.raw", "sales.orders"),
    ("sales.orders", "mart.daily"),
    ("sales.orders", "hr.zkdaily"),
    ("sales.paid", "mart.notes"),
    ("sales.secret", "hr.zksecret"),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("stale")
    sources = {"wh": SourceSettings(url=f"metadata://{write_lines(folder, 'wh', LINES)}", namespace=NAMESPACE)}
    settings = Settings(home=new_home(folder), model="hashing", threads=1, tokens=TOKENS, sources=sources)
    with served(settings, before=lambda made: made.crawl("wh")) as made:
        for at, (source, target) in enumerate(READ):
            ends = {"inputs": [dataset(f"shop.{source}")], "outputs": [dataset(f"shop.{target}")]}
            event = run_event("COMPLETE", OLD, f"run {at}", f"job {at}", **ends)
            assert made.post("/lineage", "producer", event).status_code in (200, 201)
        made.space.lineage.follower.catch_up()
        made.settle()
        yield made


def impact(made: Served, caller: str, **params: Any) -> Any:
    return made.get(f"/assets/{id_of('orders')}/impact", caller, params)


@pytest.mark.parametrize(("caller", "stale"), [("reader", 2), ("scoped", 1)])
def test_an_impact_says_how_many_edges_it_leaves_out(shop, caller, stale):
    """Those that lead on, inside the scope; as JSON, as a table and as a picture."""
    answer = impact(shop, caller).json()
    assert (answer["affected"], answer["total"], answer["stale"]) == ([], 0, stale)
    table = impact(shop, caller, format="csv")
    assert (len(list(csv.reader(io.StringIO(table.text)))), table.headers["X-Stale-Edges"]) == (1, str(stale))
    said = "1 edge is left out" if stale == 1 else "2 edges are left out"
    assert f'stale["{said}, because nothing' in impact(shop, caller, format="mermaid").text


@pytest.mark.parametrize(
    ("ddl", "caller", "verdict", "why"),
    [
        (
            "DROP TABLE sales.orders",
            "reader",
            "risky",
            "read only by what nothing has shown for long: shop.hr.zkdaily, shop.mart.daily",
        ),
        ("DROP TABLE sales.orders", "scoped", "risky", "read only by what nothing has shown for long: shop.mart.daily"),
        ("ALTER TABLE sales.orders DROP COLUMN id", "scoped", "risky", "nothing has shown for long: shop.mart.daily"),
        ("CREATE OR REPLACE TABLE sales.orders AS SELECT * FROM x", "scoped", "risky", "for long: shop.mart.daily"),
        (
            "ALTER TABLE sales.paid DROP COLUMN note",
            "reader",
            "risky",
            "of what nothing has shown for long that is not known",
        ),
        ("DROP TABLE sales.secret", "reader", "risky", "nothing has shown for long: shop.hr.zksecret"),
        ("DROP TABLE sales.secret", "scoped", "safe", "nothing that is known reads it"),
        ("DROP VIEW sales.ids", "reader", "safe", "nothing that is known reads it"),
        ("DROP TABLE sales.raw", "scoped", "risky", "read only by what nothing has shown for long: shop.sales.orders"),
    ],
)
def test_what_only_stale_readers_read_is_not_safe_to_change(shop, ddl, caller, verdict, why):
    """They are named where the caller may see them, and nothing is said of them where not."""
    (one,) = shop.post("/lineage/check", caller, {"ddl": ddl, "dialect": "postgres"}).json()["changes"]
    assert one["verdict"] == verdict, one
    assert why in one["why"]
    assert ("zk" in json.dumps(one)) == ("zk" in why)
    assert one["stale"] >= (verdict == "risky" and "orders" in ddl)


def test_the_terminal_says_so_too(shop, capsys):
    """Beside the answer, also where that is a table; the exit code of a check stays 0."""
    home = ["--home", str(shop.settings.home)]
    assert main(["impact", "shop.sales.orders", *home]) == 0
    told = capsys.readouterr().err
    assert "2 edges are left out, because nothing has shown them for long" in told
    assert "nothing else is known to be affected" in told
    assert main(["impact", "shop.sales.orders", "--csv", *home]) == 0
    assert "2 edges are left out" in capsys.readouterr().err
    script = shop.settings.home / "drop.sql"
    script.write_text("DROP TABLE shop.sales.orders;")
    for form, shown in (("text", "risky, read only by"), ("markdown", "**risky**: read only by")):
        assert main(["check", "--ddl", str(script), "--format", form, *home]) == 0
        assert shown in capsys.readouterr().out
