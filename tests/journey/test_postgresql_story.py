"""A warehouse on PostgreSQL from the first crawl to the second: found in words, followed upstream, changed, dropped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.commands import Done, Server, hw
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.server
SCHEMAS = ("sales", "stock", "legacy")
A_SCHEMA = 100
VIEWS = {"sales.v_open", "sales.v_margin", "stock.v_short", "legacy.v_old"}
SUBJECTS = ("invoices", "parcels", "returns", "vouchers", "pallets", "suppliers", "tills", "refunds", "quotes", "routes")


@dataclass(frozen=True)
class Warehouse:
    """A PostgreSQL database, a home whose settings name it `wh`, and its password, which only the environment has."""

    server: PostgresServer
    url: str
    home: Path
    password: str

    def run(self, statements: str) -> None:
        with self.server.connect(self.url) as connection:
            connection.execute(statements.encode())

    def crawl(self) -> Done:
        return hw("crawl", "wh", "--json", home=self.home, WH_PASSWORD=self.password)


def definitions() -> str:
    """300 tables in three schemas, each but the first of a schema with a key to it; four views and a materialized one."""
    lines = []
    for schema in SCHEMAS:
        lines.append(f"CREATE SCHEMA {schema};")
        for number in range(A_SCHEMA):
            name = f"{schema}.t_{number:03d}"
            key = f", parent bigint REFERENCES {schema}.t_000 (id)" if number else ""
            lines.append(f"CREATE TABLE {name} (id bigint PRIMARY KEY, amount numeric(12, 2) NOT NULL{key});")
            lines.append(f"COMMENT ON TABLE {name} IS '{SUBJECTS[number % 10]} of the {schema} team, part {number}';")
    lines += [
        "COMMENT ON TABLE sales.t_042 IS 'kumquat deliveries that nobody signed for';",
        "COMMENT ON COLUMN sales.t_042.amount IS 'euro, without tax';",
        "CREATE VIEW sales.v_open AS SELECT a.id, b.amount FROM sales.t_001 a JOIN stock.t_002 b USING (id);",
        "CREATE VIEW sales.v_margin AS SELECT id FROM sales.v_open WHERE amount > 0;",
        "CREATE MATERIALIZED VIEW stock.mv_totals AS SELECT parent, sum(amount) AS total FROM stock.t_003 GROUP BY parent;",
        "CREATE VIEW stock.v_short AS SELECT m.total FROM stock.mv_totals m;",
        "CREATE VIEW legacy.v_old AS SELECT id FROM legacy.t_001;",
    ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def warehouse(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("story")
    url = postgres_server.create_database("shop")
    parts = urlsplit(url)
    without = urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}"))
    (folder / "headwater.toml").write_text(f'[sources.wh]\nurl = "{without}"\npassword = "env:WH_PASSWORD"\n')
    made = Warehouse(postgres_server, url, folder / "home", parts.password or "")
    made.run(definitions())
    return made


@pytest.fixture(scope="module")
def first(warehouse: Warehouse) -> Done:
    """The first crawl."""
    return warehouse.crawl()


@pytest.fixture(scope="module")
def served(warehouse: Warehouse, first: Done) -> Iterator[Server]:
    """A server on what was crawled; the story goes on beside it."""
    with Server(home=warehouse.home, env={"WH_PASSWORD": warehouse.password}) as server:
        yield server.ready()


def find(server: Server, words: str) -> list[str]:
    return [hit["qualified_name"].partition(".")[2] for hit in server.get("/search", q=words)["hits"]]


def asset(server: Server, name: str) -> Any:
    (known,) = server.get("/assets", name=name)["assets"]
    return known


def around(server: Server, name: str, direction: str) -> dict[str, int]:
    """What is around an asset in the lineage: depth by name without the database."""
    graph = server.get(f"/assets/{asset(server, name)['id']}/lineage", direction=direction)
    return {node["qualified_name"].partition(".")[2]: node["depth"] for node in graph["nodes"]}


def test_the_first_crawl(warehouse: Warehouse, first: Done) -> None:
    """Everything is found with few statements; the password is nowhere."""
    assert first.code == 0, first.err
    (report,) = first.json["crawls"]
    assert (report["source"], report["state"], report["failures"]) == ("wh", "complete", [])
    assert report["tables"]["found"] == report["tables"]["added"] == 3 * A_SCHEMA + len(VIEWS) + 1
    assert report["texts_encoded"] > 3 * A_SCHEMA
    assert 0 < report["statements"] < 40
    assert warehouse.password not in first.out + first.err
    assert not any(warehouse.password.encode() in path.read_bytes() for path in warehouse.home.rglob("*") if path.is_file())


def test_found(served: Server) -> None:
    """By what its comment says, by a part of its name, and by a column's comment."""
    assert find(served, "kumquat deliveries")[0] == "sales.t_042"
    assert find(served, "stock.t_077")[0] == "stock.t_077"
    assert "sales.t_042" in [
        hit["qualified_name"].partition(".")[2].rpartition(".")[0]
        for hit in served.get("/search", q="euro without tax", kind="column")["hits"]
    ]
    assert served.get("/search", schema="legacy", limit=1)["total"] == A_SCHEMA + 1


def test_what_is_known_of_a_table(warehouse: Warehouse, served: Server) -> None:
    """Comments, keys, types and the namespace of its server."""
    table = asset(served, "sales.t_042")

    assert table["namespace"] == f"postgres://{urlsplit(warehouse.url).hostname}:{urlsplit(warehouse.url).port}"
    assert (table["kind"], table["schema"], table["primary_key"]) == ("table", "sales", ["id"])
    assert [(column["name"], column["type"], column["nullable"]) for column in table["columns"]] == [
        ("id", "bigint", False),
        ("amount", "numeric(12,2)", False),
        ("parent", "bigint", True),
    ]
    assert table["columns"][1]["description"] == "euro, without tax"
    (key,) = table["foreign_keys"]
    assert (key["columns"], key["ref_columns"]) == (["parent"], ["id"])
    assert key["ref_asset"] == asset(served, "sales.t_000")["id"]
    assert asset(served, "stock.mv_totals")["kind"] == "materialized_view"


def test_lineage(served: Server) -> None:
    """Views of views, across schemas, through a materialized one."""
    assert around(served, "sales.v_margin", "upstream") == {
        "sales.v_margin": 0,
        "sales.v_open": -1,
        "sales.t_001": -2,
        "stock.t_002": -2,
    }
    assert around(served, "stock.t_003", "downstream") == {"stock.t_003": 0, "stock.mv_totals": 1, "stock.v_short": 2}


def test_the_second_crawl(warehouse: Warehouse, served: Server, quick: Callable[..., Done], monkeypatch: Any) -> None:
    """A comment changed, a column came, a table and a schema went; what a person wrote stays."""
    seen = served.client.get(f"/api/v1/assets/{asset(served, 'sales.t_042')['id']}")
    headers = {"If-Match": seen.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    said = {"description": "fruit at the wrong door", "columns": [{"name": "amount", "description": "gross"}]}
    assert served.client.patch(seen.url, headers=headers, content=json.dumps(said)).status_code == 200
    warehouse.run(
        "COMMENT ON TABLE sales.t_042 IS 'rambutan deliveries'; COMMENT ON TABLE sales.t_043 IS 'quince orders';"
        "ALTER TABLE stock.t_010 ADD COLUMN weight_kg real; DROP TABLE sales.t_050; DROP SCHEMA legacy CASCADE;"
    )

    second = warehouse.crawl()

    assert second.code == 0, second.err
    counts = second.json["crawls"][0]["tables"]
    assert counts == {
        "found": 2 * A_SCHEMA + 4 - 1,
        "added": 0,
        "changed": 3,
        "unchanged": 2 * A_SCHEMA + 4 - 1 - 3,
        "gone": 1 + A_SCHEMA + 1,
        "unseen": 0,
        "held": 0,
    }
    # the crawl has ended, so all of it is to be found, and nothing of what went
    assert find(served, "quince orders")[0] == "sales.t_043"
    assert find(served, "fruit at the wrong door")[0] == "sales.t_042"
    assert "sales.t_050" not in find(served, "sales.t_050")
    assert served.get("/search", schema="legacy")["total"] == 0
    assert served.get("/assets")["total"] == counts["found"]
    table = asset(served, "sales.t_042")
    assert (table["description"], table["crawled_description"]) == ("fruit at the wrong door", "rambutan deliveries")
    assert table["columns"][1]["description"] == "gross"
    wider = asset(served, "stock.t_010")
    versions = served.get(f"/assets/{wider['id']}/versions")["versions"]
    assert [version["version"] for version in versions] == [2, 1]
    assert [len(version["columns"]) for version in versions] == [4, 3]
    assert served.get("/assets", name="legacy.v_old")["assets"] == []

    monkeypatch.setenv("WH_PASSWORD", warehouse.password)
    third = quick("crawl", "wh", "--json", home=warehouse.home)

    assert third.json["crawls"][0]["tables"] == dict.fromkeys(counts, 0) | {
        "found": counts["found"],
        "unchanged": counts["found"],
    }
    assert third.json["crawls"][0]["texts_encoded"] == 0
