"""A real dbt builds a project into DuckDB; its artifacts describe exactly the tables that a crawl of the file finds."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from services.common.model.assets import ContainerRead, Found
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.open import open_source
from tests.support.dbt_project import VARIABLE, find_dbt, run_dbt, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built project. Without dbt the tests are skipped by name, except in CI, where they fail."""
    dbt = find_dbt()
    if dbt is None:
        reason = f"no dbt: neither .venv-dbt (make emulators) nor a command named by {VARIABLE}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("dbt")
    write_project(folder)
    with duckdb.connect(str(folder / "wh.duckdb")) as connection:
        connection.execute('CREATE SCHEMA crm; CREATE TABLE crm."People" (id integer, name varchar)')
    run_dbt(dbt, folder, "build")
    outcomes = (folder / "target" / "run_results.json").read_bytes()
    run_dbt(dbt, folder, "docs", "generate")
    (folder / "generated.json").write_bytes((folder / "target" / "run_results.json").read_bytes())
    (folder / "target" / "run_results.json").write_bytes(outcomes)
    return folder


def read(settings: SourceSettings) -> tuple[dict[str, Found], list[ContainerRead]]:
    with open_source("wh", settings) as source:
        items = list(source.read())
    found = {item.name.id: item for item in items if isinstance(item, Found)}
    return found, [item for item in items if isinstance(item, ContainerRead)]


@pytest.fixture(scope="module")
def described(project: Path) -> dict[str, Found]:
    found, ends = read(SourceSettings(url=f"dbt://{project}", into="wh", namespace=f"duckdb://{project}/wh.duckdb"))
    assert all(end.complete for end in ends)
    return found


def test_what_dbt_describes_is_what_the_warehouse_has(project: Path, described: dict[str, Found]) -> None:
    """The same ids, kinds and columns: seed, snapshot, view, tables, an alias in a schema of its own; no ephemeral model."""
    crawled, _ = read(SourceSettings(url=f"duckdb:///{project}/wh.duckdb"))
    assert set(described) == set(crawled)
    for key, found in described.items():
        assert found.kind is crawled[key].kind
        assert [(c.name, c.type) for c in found.columns] == [(c.name, c.type) for c in crawled[key].columns]
    names = {found.name.parts[1:] for found in described.values()}
    assert names == {
        ("main", "raw_customers"), ("main", "stg_customers"), ("main", "dim_customer"), ("main", "from_source"),
        ("main_Mart", "Daily"), ("snapshots", "snap"), ("crm", "People"),
    }  # fmt: skip


def test_tests_have_the_outcomes_of_the_last_build(described: dict[str, Found]) -> None:
    """Pass and warn with their counts; descriptions, keys, tags and owners of the model."""
    (customer,) = [found for found in described.values() if found.name.parts[-1] == "dim_customer"]
    states = {test["test"]: (test["state"], test["failures"]) for test in customer.properties["dbt"]["tests"]}
    assert states == {"unique": ("pass", 0), "not_null": ("pass", 0), "accepted_values": ("warn", 1)}
    assert customer.properties["dbt"]["last_run"]["state"] == "success"
    assert (customer.description, customer.primary_key) == ("customers of today", ("customer_id",))
    assert (customer.tags, customer.owners) == (("gold",), ("ann",))
    assert "stg_customers" in (customer.sql or "")


def test_docs_generate_leaves_no_outcomes(project: Path) -> None:
    """It overwrites run_results.json with `success` for tests that it did not run: they are unknown, not passed."""
    target = project / "target" / "run_results.json"
    before = target.read_bytes()
    try:
        target.write_bytes((project / "generated.json").read_bytes())
        found, _ = read(SourceSettings(url=f"dbt://{project}/target"))
    finally:
        target.write_bytes(before)
    states = {test["state"] for table in found.values() for test in table.properties["dbt"].get("tests", ())}
    assert states == {"unknown"}
