"""dbt's artifacts: what becomes of a node, names as each warehouse stores them, and everything that a file can get wrong.

The shapes follow schemas.getdbt.com (manifest v9 to v12, catalog v1, run-results v4 to v6), cut to what is read.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import SourceFailed
from services.common.model.assets import Column, Container, ContainerRead, ContainersListed, ForeignKey, Found, Kind
from services.common.model.names import canonical_namespace, from_catalog
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from tests.support.dbt_manifest import SCHEMAS, write_manifest

Items = list[Any]
PG = "postgres://db1:5432"


def model(name: str, **more: Any) -> dict[str, Any]:
    node = {
        "unique_id": f"model.shop.{name}",
        "resource_type": "model",
        "package_name": "shop",
        "database": "wh",
        "schema": "marts",
        "name": name,
        "alias": name,
        "relation_name": f'"wh"."marts"."{name}"',
        "original_file_path": f"models/{name}.sql",
        "config": {"enabled": True, "materialized": "table", "tags": [], "meta": {}},
        "description": "",
        "columns": {},
        "tags": [],
        "depends_on": {"macros": [], "nodes": []},
    }
    config = node["config"] | more.pop("config", {})
    return node | {"config": config} | more


def a_test(name: str, about: str, **more: Any) -> dict[str, Any]:
    return {"unique_id": f"test.shop.{name}", "resource_type": "test", "name": name, "config": {"severity": "ERROR"},
            "attached_node": about, "depends_on": {"nodes": [about]}, "test_metadata": {"name": name}} | more  # fmt: skip


def manifest(
    *nodes: dict[str, Any], version: int = 12, sources: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": f"https://schemas.getdbt.com/dbt/manifest/v{version}.json",
            "adapter_type": "postgres",
        },
        "nodes": {node["unique_id"]: node for node in nodes},
        "sources": {node["unique_id"]: node for node in sources or []},
        "macros": {"macro.dbt.x": {"macro_sql": "{% macro x() %}{% endmacro %}", "depends_on": {"macros": []}}},
    } | more


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture
def read(target: Path) -> Callable[..., Items]:
    """Write artifacts (bytes as they are) and read them as described tables of a namespace."""

    def build(manifest: Any, *, namespace: str = PG, settings: dict[str, Any] | None = None, **others: Any) -> Items:
        for name, value in {"manifest": manifest, **others}.items():
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            (target / f"{name}.json").write_bytes(raw)
        given = SourceSettings(url=f"dbt://{target}", into="wh", namespace=namespace, **settings or {})
        with open_source("shop", given) as source:
            items = list(source.read())
            assert source.expected() == len(found(items).values())
            assert list(source.read()) == items
            assert list(source.sent) == []
        return items

    return build


def found(items: Items) -> dict[str, Found]:
    return {item.name.parts[-1]: item for item in items if isinstance(item, Found)}


def ends(items: Items) -> list[ContainerRead]:
    return [item for item in items if isinstance(item, ContainerRead)]


def failure(items: Items) -> str:
    """The one failure that every container has; none of them is complete, and nothing is said to be all."""
    assert not any(isinstance(item, ContainersListed) for item in items)
    assert not any(end.complete for end in ends(items))
    (text,) = {end.failure for end in ends(items)}
    assert text
    return text


ORDERS = model(
    "orders",
    description="one row an order",
    tags=["gold"],
    group="sales",
    access="public",
    config={"materialized": "incremental", "tags": ["gold", "daily"], "meta": {"owner": ["ann", "bob"], "sla": 4}},
    columns={
        "id": {"name": "id", "description": "key", "data_type": "int", "constraints": [{"type": "not_null"}], "tags": ["pk"]},
        "customer_id": {"name": "customer_id", "constraints": [{"type": "foreign_key", "to": '"wh"."marts"."customer"', "to_columns": ["id"]}]},
        "mail": {"name": "mail", "description": "where to", "config": {"tags": ["pii"], "meta": {}}},
    },
    constraints=[{"type": "primary_key", "columns": ["ID"]}, {"type": "foreign_key", "columns": ["mail"], "expression": "crm.person (mail)"}],
    contract={"enforced": True},
    compiled_code="select 1 as id",
    depends_on={"nodes": ["source.shop.raw.orders"]},
)  # fmt: skip
CATALOG = {
    "nodes": {"model.shop.orders": {
        "metadata": {"type": "BASE TABLE", "owner": "loader"},
        "columns": {"total": {"type": "numeric", "index": 2, "name": "total", "comment": "net"}, "ID": {"type": "bigint", "index": 1, "name": "ID"}},
    }},
    "sources": {},
}  # fmt: skip
RUN = {
    "metadata": {"generated_at": "2026-01-02T03:04:05Z"},
    "results": [
        {"unique_id": "model.shop.orders", "status": "success", "execution_time": 1.5, "timing": [{"name": "execute", "completed_at": "2026-01-02T03:00:00Z"}]},
        {"unique_id": "test.shop.unique", "status": "fail", "failures": 3, "timing": []},
        {"unique_id": "test.shop.not_null", "status": "skipped", "failures": None},
    ],
    "args": {"which": "build"},
}  # fmt: skip


def test_an_exposure_is_an_asset_that_is_made_from_its_models(read: Callable[..., Items]) -> None:
    """With its owner and its words; what it shows has the warehouse's names, and what is no table is left out."""
    board = {
        "unique_id": "exposure.shop.board",
        "name": "board",
        "type": "dashboard",
        "url": "https://bi.example/1",
        "description": "Sales by week",
        "owner": {"name": "Ann", "email": ["ann@x.example", "bob@x.example"]},
        "tags": ["weekly"],
        "depends_on": {"nodes": ["model.shop.orders", "source.shop.raw.orders", "model.shop.nothing"]},
    }
    source = model("loaded", unique_id="source.shop.raw.orders", resource_type="source", schema="raw")
    source["relation_name"] = '"wh"."raw"."loaded"'
    disabled = board | {"name": "off", "config": {"enabled": False}}
    exposures = {"exposure.shop.board": board, "exposure.shop.off": disabled}
    items = read(manifest(model("orders"), sources=[source], exposures=exposures))
    one = found(items)["board"]
    assert one.name.parts == ("dbt", "exposures", "board")
    assert (one.kind, one.description, one.tags) == (Kind.EXPOSURE, "Sales by week", ("weekly",))
    assert one.owners == ("ann@x.example", "bob@x.example")
    assert one.properties["made_from"] == [["wh", "marts", "orders"], ["wh", "raw", "loaded"]]
    assert (one.properties["dbt"]["type"], one.properties["dbt"]["url"]) == ("dashboard", "https://bi.example/1")
    assert "off" not in found(items)
    assert ContainerRead(Container(canonical_namespace(PG), ("dbt", "exposures")), complete=True) in items


@pytest.mark.parametrize("wrong", [{}, {"name": 7}, {"name": "x", "owner": 3, "depends_on": 4, "tags": {}, "meta": []}])
def test_a_strange_exposure_ends_nothing(read: Callable[..., Items], wrong: dict[str, Any]) -> None:
    """One without a name is named as a failure; of other parts only those count that are what they should be."""
    items = read(manifest(model("orders"), exposures={"exposure.shop.x": wrong}))
    assert "orders" in found(items)
    assert ("x" in found(items)) == (wrong.get("name") == "x")


def test_a_model_has_what_its_manifest_catalog_and_last_run_say(read: Callable[..., Items]) -> None:
    """Documented columns take the catalog's order, spelling and types; constraints are keys; tests have outcomes."""
    tests = [
        a_test("unique", "model.shop.orders", column_name="id"),
        a_test("not_null", "model.shop.orders", config={"severity": "warn"}),
    ]
    exposures = {
        "exposure.shop.board": {"name": "board", "type": "dashboard", "depends_on": {"nodes": ["model.shop.orders"]}}
    }
    groups = {"group.shop.sales": {"name": "sales", "owner": {"email": "sales@x.example"}}}
    items = read(manifest(*tests, ORDERS, exposures=exposures, groups=groups), catalog=CATALOG, run_results=RUN)
    orders = found(items)["orders"]
    assert orders.name == from_catalog(canonical_namespace(PG), ("wh", "marts", "orders"))
    assert (orders.kind, orders.description, orders.sql) == (Kind.TABLE, "one row an order", "select 1 as id")
    assert orders.columns == (
        Column("ID", "bigint", nullable=False, description="key", tags=("pk",)),
        Column("total", "numeric", description="net"),
        Column("customer_id"),
        Column("mail", description="where to", tags=("pii",)),
    )
    assert orders.primary_key == ("ID",)
    assert orders.foreign_keys == (
        ForeignKey(("mail",), ("wh", "crm", "person"), ("mail",)),
        ForeignKey(("customer_id",), ("wh", "marts", "customer"), ("id",)),
    )
    assert (orders.tags, orders.owners) == (("gold", "daily"), ("ann", "bob", "sales@x.example"))
    dbt = orders.properties["dbt"]
    assert dbt["last_run"] == {"state": "success", "at": "2026-01-02T03:00:00Z", "seconds": 1.5}
    states = {
        test["name"]: (test["column"], test["severity"], test["state"], test["failures"], test["at"])
        for test in dbt["tests"]
    }
    at = "2026-01-02T03:04:05Z"
    assert states == {"unique": ("id", "error", "fail", 3, at), "not_null": (None, "warn", "skipped", None, at)}
    assert dbt["exposures"] == [{"name": "board", "type": "dashboard"}]
    assert (dbt["group"], dbt["access"], dbt["contract"], dbt["owner_role"]) == ("sales", "public", True, "loader")
    assert (dbt["unique_id"], dbt["materialized"], dbt["meta"]["sla"]) == ("model.shop.orders", "incremental", 4)
    assert dbt["depends_on"] == ["source.shop.raw.orders"]
    assert items[-2:] == [
        ContainerRead(Container(canonical_namespace(PG), ("wh", "marts")), complete=True),
        ContainersListed(Container(canonical_namespace(PG), ())),
    ]


def test_what_only_compiled_has_no_outcome(read: Callable[..., Items]) -> None:
    """`dbt docs generate` overwrites the run's results with `success` for tests that never ran."""
    node, run = a_test("unique", "model.shop.orders"), RUN | {"args": {"which": "generate"}}
    dbt = found(read(manifest(ORDERS, node), run_results=run))["orders"].properties["dbt"]
    assert dbt["tests"][0]["state"] == "unknown"
    assert "last_run" not in dbt


@pytest.mark.parametrize(
    ("materialized", "kind"),
    [("table", Kind.TABLE), ("view", Kind.VIEW), ("incremental", Kind.TABLE), ("materialized_view", Kind.MATERIALIZED_VIEW),
     ("dynamic_table", Kind.DYNAMIC_TABLE), ("external", Kind.EXTERNAL_TABLE), ("a_custom_one", Kind.TABLE)],
)  # fmt: skip
def test_kinds_follow_the_materialization(read: Callable[..., Items], materialized: str, kind: Kind) -> None:
    """Seeds and snapshots are tables; what nobody knows is one too."""
    assert found(read(manifest(model("m", config={"materialized": materialized}))))["m"].kind is kind


def test_what_is_no_table_is_left_out(read: Callable[..., Items]) -> None:
    """Ephemeral and disabled models, tests, analyses; sources, seeds and snapshots are in."""
    others = [
        model("eph", config={"materialized": "ephemeral"}),
        model("off", config={"enabled": False}),
        model("ana", resource_type="analysis"),
        model("seed", resource_type="seed", config={"materialized": "seed"}),
        model("snap", resource_type="snapshot", config={"materialized": "snapshot"}),
    ]
    source = model(
        "src", resource_type="source", identifier="RAW", relation_name='"wh"."raw"."RAW"', source_meta={"owner": "crm"}
    )
    items = read(
        manifest(*others, sources=[source]),
        catalog={"nodes": {}, "sources": {source["unique_id"]: {"metadata": {"type": "VIEW"}}}},
    )
    assert set(found(items)) == {"seed", "snap", "RAW"}
    assert (found(items)["RAW"].kind, found(items)["RAW"].owners) == (Kind.VIEW, ("crm",))
    assert [end.container.parts for end in ends(items)] == [("wh", "marts"), ("wh", "raw")]


@pytest.mark.parametrize(
    ("namespace", "relation", "parts"),
    [
        ("postgres://db1:5432", '"wh"."marts"."Orders"', ("wh", "marts", "Orders")),
        ("postgres://db1:5432", "wh.Marts.Orders", ("wh", "marts", "orders")),
        ("snowflake://acme", "wh.marts.orders", ("WH", "MARTS", "ORDERS")),
        ("snowflake://acme", 'WH.marts."orders"', ("WH", "MARTS", "orders")),
        ("bigquery", "`proj-1`.`Marts`.`orders`", ("proj-1", "Marts", "orders")),
        ("duckdb:///data/wh.duckdb", '"wh"."marts"."orders"', ("wh", "marts", "orders")),
        ("mysql://db1:3306", "`marts`.`orders`", ("marts", "orders")),
        ("mysql://db1:3306", '"wh"."marts"."orders"', ("marts", "orders")),
        ("sqlite:///data/wh.db", '"main"."orders"', ("wh", "orders")),
    ],
)
def test_a_name_is_the_one_that_the_warehouse_stores(
    read: Callable[..., Items], namespace: str, relation: str, parts: tuple[str, ...]
) -> None:
    """Unquoted parts are folded as the engine folds them, so that dbt's model has the id of the crawled table."""
    (table,) = found(read(manifest(model("orders", relation_name=relation)), namespace=namespace)).values()
    assert table.name.parts == parts
    assert table.name.id == from_catalog(canonical_namespace(namespace), parts).id


@pytest.mark.parametrize(
    ("adapter", "quoting", "namespace", "parts"),
    [
        ("snowflake", {}, "snowflake://acme", ("WH", "MARTS", "MIXED")),
        ("snowflake", {"identifier": True}, "snowflake://acme", ("WH", "MARTS", "Mixed")),
        ("postgres", {}, PG, ("wh", "marts", "Mixed")),
        ("postgres", {"identifier": False}, PG, ("wh", "marts", "mixed")),
    ],
)
def test_without_a_rendered_relation_the_quoting_decides(
    read: Callable[..., Items], adapter: str, quoting: dict[str, bool], namespace: str, parts: tuple[str, ...]
) -> None:
    """The adapter's own default, overridden by the model's configuration."""
    document = manifest(model("m", alias="Mixed", relation_name=None, config={"quoting": quoting}))
    document["metadata"]["adapter_type"] = adapter
    (table,) = found(read(document, namespace=namespace)).values()
    assert table.name.parts == parts


def test_snowflake_columns_are_folded_unless_quoted(read: Callable[..., Items]) -> None:
    """Where no catalog says how they are stored."""
    columns = {"id": {"name": "id"}, "Mixed": {"name": "Mixed", "quote": True}}
    (table,) = found(read(manifest(model("m", columns=columns)), namespace="snowflake://acme")).values()
    assert [column.name for column in table.columns] == ["ID", "Mixed"]


@pytest.mark.parametrize("version", [9, 10, 11, 12, 13])
def test_every_schema_version_since_9_is_read(read: Callable[..., Items], version: int) -> None:
    """One that does not exist yet as well, as long as what is needed is there; metadata may come last."""
    document = manifest(ORDERS, version=version)
    document["metadata"] = document.pop("metadata")
    items = read(document)
    assert (set(found(items)), [end.complete for end in ends(items)]) == ({"orders"}, [True])


def test_an_old_manifest_is_refused(read: Callable[..., Items]) -> None:
    """With what to do."""
    with pytest.raises(SourceFailed, match=r"v8; dbt 1\.5 or newer"):
        read(manifest(ORDERS, version=8))


GOOD = json.dumps(manifest(ORDERS, model("zzz"))).encode()
LONG = json.dumps(manifest(ORDERS, metrics={"x": "y" * 200_000})).encode()
DEEP = b"[" * 1_000_000 + b"]" * 1_000_000


def _with(node: bytes) -> bytes:
    return GOOD.replace(b'"model.shop.zzz": {', b'"model.shop.bad": ' + node + b', "model.shop.zzz": {')


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (GOOD[:-1], "cut off"),
        (GOOD[: GOOD.index(b'"model.shop.zzz"') + 40], "cut off"),
        (gzip.compress(LONG, 0)[:-9], "gzip"),
        (_with(DEEP), "nested deeper than 64"),
        (_with(b'{"a":' * 100 + b"1" + b"}" * 100), "nested deeper"),
        (_with(b'"' + b"x" * (17 * 2**20) + b'"'), "longer than"),
        (_with(b"9" * 100_000), "no valid JSON"),
        (_with(b'{"a": 1, "a": 2}'), "twice"),
        (_with(b'{"a": "\xff"}'), "no valid JSON"),
        (_with(b"3"), "no object"),
        (_with(b'{"resource_type": "model", "unique_id": "x", "name": 3}'), "name is no str"),
        (_with(b'{"resource_type": "model", "unique_id": "x"}'), "it has no name"),
        (_with(b'{"resource_type": "seed", "unique_id": "x", "name": "x", "schema": "s", "columns": {"a": 1}}'), "a column"),
        (GOOD.replace(b'"sources"', b'"sauces"'), "it has no sources"),
        (GOOD.replace(b'"sources": {}', b'"sources": 3'), "sources: it is no object"),
        (GOOD.replace(b'"macros": {', b'"nodes": {}, "macros": {'), "the section nodes is there twice"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_completes_nothing(read: Callable[..., Items], raw: bytes, says: str) -> None:
    """What was whole is shown, the failure is named without the file's content, and no container may lose a table."""
    items = read(raw)
    assert "orders" in found(items)
    assert says in failure(items)
    assert "xxxx" not in failure(items)


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b"{}", DEEP, b"metadata:\n  canary: &a [*a]\n", b"\x00\x01", b'{"nodes": {}}', gzip.compress(b"", mtime=0), b"\x1f\x8b\x08",
     b'{"metadata": 3, "nodes": {}, "sources": {}}', b'"canary"', GOOD[:200].replace(b"/manifest/", b"/canary/")],
)  # fmt: skip
def test_what_is_no_manifest_at_all_is_a_failed_source(read: Callable[..., Items], raw: bytes) -> None:
    """YAML, another JSON, nothing: one line, nothing of the content."""
    with pytest.raises(SourceFailed) as caught:
        read(raw)
    assert "manifest.json" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({"catalog": b'{"nodes": {"model.shop.orders": '}, "catalog.json: no valid JSON"),
        ({"catalog": {"nodes": {"model.shop.orders": 3}, "sources": {}}}, "catalog.json: model.shop.orders"),
        ({"catalog": {}}, "catalog.json: it has no nodes and no sources"),
        ({"run_results": b"results: []"}, "run_results.json: no valid JSON"),
        ({"run_results": {"results": [{"status": "pass"}]}}, "run_results.json: a result has no unique_id"),
    ],
)
def test_a_damaged_second_file_completes_nothing_either(
    read: Callable[..., Items], others: dict[str, Any], says: str
) -> None:
    """Types or outcomes are missing: that must not look as if they were gone."""
    items = read(manifest(ORDERS), **others)
    assert says in failure(items)
    assert set(found(items)) == {"orders"}


def test_a_link_out_of_the_folder_is_not_followed(read: Callable[..., Items], target: Path, tmp_path: Path) -> None:
    """Whoever may write the folder must not make us read another file."""
    (tmp_path / "other.json").write_text(json.dumps(CATALOG))
    (target / "catalog.json").symlink_to(tmp_path / "other.json")
    assert "catalog.json: it is a link that leads out" in failure(read(manifest(ORDERS)))


def test_the_project_folder_and_gzipped_files_will_do(target: Path) -> None:
    """The folder that has `target`; without a manifest the message names the folder."""
    settings = SourceSettings(url=f"dbt://{target.parent}")
    with pytest.raises(SourceFailed, match=r"no manifest\.json in .*target"):
        open_source("shop", settings).expected()
    (target / "manifest.json.gz").write_bytes(gzip.compress(GOOD))
    (target / "catalog.json.gz").write_bytes(gzip.compress(json.dumps(CATALOG).encode()))
    with open_source("shop", settings) as source:
        assert found(list(source.read()))["orders"].columns[0].type == "bigint"


def test_globs_choose_tables(read: Callable[..., Items]) -> None:
    """What they leave out is not shown; its container is complete nevertheless."""
    items = read(manifest(ORDERS, model("tmp_x")), settings={"exclude": ("*.tmp_*",)})
    assert (set(found(items)), [end.complete for end in ends(items)]) == ({"orders"}, [True])


def test_of_two_nodes_with_one_table_the_model_counts(read: Callable[..., Items]) -> None:
    """A source that is built by the same project says less."""
    source = model(
        "orders", unique_id="source.shop.x.orders", resource_type="source", identifier="orders", description="as a source"
    )
    table = found(read(manifest(ORDERS, sources=[source])))["orders"]
    assert table.description == "one row an order"


_CHILD = """
import json, resource, sys
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.dbt_folder import DbtSource
from services.indexer.sources.open import open_source
folder, more_mib, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
pages = int(open('/proc/self/statm').read().split()[0])
limit = pages * resource.getpagesize() + more_mib * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
if how == 'whole':
    json.load(open(folder + '/manifest.json'))
with open_source('shop', SourceSettings(url='dbt://' + folder)) as source:
    print(source.expected(), sum(1 for _ in source.read()))
"""


def _read_within(folder: Path, more_mib: int, how: str = "stream") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _CHILD, str(folder), str(more_mib), how]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("mib", "more_mib"),
    [(30, 28), pytest.param(400, 96, marks=pytest.mark.slow), pytest.param(2_048, 192, marks=pytest.mark.slow)],
)
def test_a_large_manifest_is_read_in_bounded_memory(target: Path, mib: int, more_mib: int) -> None:
    """In far less memory than the file has bytes, in which reading it whole fails."""
    if shutil.disk_usage(target).free < 3 * mib * 2**20:
        pytest.skip(f"a manifest of {mib} MiB and its spool need more room than is free here")
    path = target / "manifest.json"
    try:
        count = write_manifest(path, mib)
        done = _read_within(target, more_mib)
        assert done.stdout.split() == [str(count), str(count + SCHEMAS + 1)], done.stderr[-2000:]
        assert "MemoryError" in _read_within(target, more_mib, "whole").stderr
    finally:
        path.unlink()  # else pytest would keep it for three runs
