"""Real emitters into a served Headwater that has crawled the same databases: each dataset is the crawled asset, by its id.

OpenLineage's Python client, Airflow's provider running a DAG of SQL tasks on PostgreSQL, and dbt under `dbt-ol` on DuckDB.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import emitters
from tests.support.commands import Server, hw, until

pytestmark = pytest.mark.server
INDIRECT = {"filter", "join", "group", "sort"}
_CLIENT = """
import datetime, sys
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Dataset, Job, Run, RunEvent, RunState, OutputDataset, InputDataset
from openlineage.client.facet_v2 import error_message_run, schema_dataset
from openlineage.client.uuid import generate_new_uuid

client, run, job = OpenLineageClient(), Run(str(generate_new_uuid())), Job("python", "by client")
inputs = [InputDataset("postgres://db1:5432", "shop.public.orders")]
schema = schema_dataset.SchemaDatasetFacet(fields=[schema_dataset.SchemaDatasetFacetFields("total", "numeric")])
outputs = [OutputDataset("postgres://db1:5432", "shop.mart.totals", facets={"schema": schema})]
for state in (RunState.START, RunState.RUNNING, RunState.COMPLETE):
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    client.emit(RunEvent(eventType=state, eventTime=now, run=run, job=job, producer="https://example.com/t",
                         inputs=inputs, outputs=outputs))
client.close(10)
"""


def programs(name: str) -> Path:
    """The emitter's programs. Without them the test is skipped by name, except in CI, where it fails."""
    found = emitters.environment(name)
    if found is None:
        reason = f"no environment .venv-{name}: tools/emitters.sh {name} makes it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(home=tmp_path / "home") as made:
        yield made.ready()


def crawl(home: Path, url: str) -> None:
    done = hw("crawl", url, "--no-wait", home=home)
    assert done.code == 0, done.err


def asset(server: Server, name: str) -> dict[str, Any]:
    found = [one for one in server.get("/assets", name=name)["assets"] if one["qualified_name"] == name]
    assert len(found) == 1, found
    return found[0]


def edges(server: Server, name: str) -> set[tuple[str, str]]:
    """Edges of kind run around an asset, by qualified names."""
    graph = server.get(f"/assets/{asset(server, name)['id']}/lineage", direction="both")
    names = {node["id"]: node["qualified_name"] for node in graph["nodes"]}
    return {(names[edge["from"]], names[edge["to"]]) for edge in graph["edges"] if edge["kind"] == "run"}


def column_edges(server: Server, name: str, column: str) -> set[tuple[str, str]]:
    """What gets into a column of an asset: the source's column, by the names of table and column, and the kind."""
    graph = server.get(f"/assets/{asset(server, name)['id']}/lineage", direction="upstream", depth=1, column=column)
    names = {node["id"]: ".".join(node["qualified_name"].split(".")[-2:]) for node in graph["nodes"]}
    return {(names[edge["from"]], edge["kind"]) for edge in graph["edges"]}


def job_named(server: Server, name: str) -> dict[str, Any] | None:
    return next((job for job in server.get("/jobs", q=name)["jobs"] if job["name"] == name), None)


def test_openlineages_client_sends_over_http_with_gzip(server: Server) -> None:
    """A run of three events: one job, one run that is complete, and the edge."""
    python = programs("openlineage") / "python"
    variables = os.environ | {"OPENLINEAGE__TRANSPORT": emitters.transport(server.url), "NO_PROXY": "*"}
    subprocess.run([str(python), "-c", _CLIENT], env=variables, check=True, capture_output=True, timeout=120)
    job = job_named(server, "by client")
    assert job is not None
    assert job["latest_run"]["state"] == "COMPLETE"
    until(lambda: server.get("/search", q="totals")["total"] == 1, "the table is found")
    assert asset(server, "shop.mart.totals")["columns"][0]["name"] == "total"
    wanted = ("shop.public.orders", "shop.mart.totals")
    until(lambda: wanted in edges(server, "shop.mart.totals"), "the edge is there")


def test_airflows_datasets_are_the_crawled_assets(server: Server, postgres_server: Any, tmp_path: Path) -> None:
    """Three SQL tasks of a DAG: every table that they name is the crawled one, with its id; no literal is kept."""
    airflow = programs("airflow")
    url = postgres_server.create_database("pipes")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE SCHEMA mart; CREATE TABLE public.customers (id int PRIMARY KEY, name text);"
            "CREATE TABLE public.orders (id int, customer_id int, amount numeric);"
            "CREATE TABLE mart.daily (id int, amount numeric, name text);"
            "CREATE TABLE mart.weekly (name text, amount numeric); CREATE TABLE mart.report (name text, amount numeric)"
        )
    crawl(tmp_path / "home", url)
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    tables = {f"{database}.{name}" for name in ("public.orders", "mart.daily", "mart.weekly", "mart.report")}
    before = {name: asset(server, name)["id"] for name in tables}
    emitters.run_dag(airflow, tmp_path / "airflow", server.url, url)
    daily, weekly, report = (f"{database}.mart.{name}" for name in ("daily", "weekly", "report"))
    wanted = {(f"{database}.public.orders", daily), (daily, weekly), (weekly, report)}
    until(lambda: wanted <= edges(server, daily), "the runs' edges are there")
    # what the SQL of the tasks says of columns, and what Airflow's own reading of it does not: what decides about rows
    from_sql = {("orders.customer_id", "join"), ("customers.id", "join"), ("customers.name", "filter")}
    until(lambda: from_sql <= column_edges(server, daily, "amount"), "the columns of the first task's SQL are there")
    until(lambda: ("daily.name", "group") in column_edges(server, weekly, "amount"), "and those of the second's")
    assert {"orders.amount", "daily.amount"} <= {
        column for name in (daily, weekly) for column, kind in column_edges(server, name, "amount") if kind not in INDIRECT
    }
    job = job_named(server, "nightly.report")
    assert job is not None
    assert (job["latest_run"]["state"], job["type"]) == ("COMPLETE", "TASK")
    assert {one["id"] for one in job["inputs"]} == {before[weekly]}
    assert {one["id"] for one in job["outputs"]} == {before[report]}
    assert all(one["listed"] for one in server.get("/assets", limit=200)["assets"])
    for file in (tmp_path / "home").glob("lineage.db*"):
        assert b"qwertzuiop-canary" not in file.read_bytes()


def test_dbts_datasets_are_the_crawled_assets(server: Server, tmp_path: Path) -> None:
    """dbt-ol names the profile's relative path; every model is the crawled table, with its id."""
    dbt = programs("dbt-ol")
    folder = tmp_path / "project"
    emitters.write_dbt_project(folder)
    emitters.run_dbt_ol(dbt, folder, server.url)
    crawl(tmp_path / "home", f"duckdb:///{folder}/wh.duckdb")
    # events came before the file was known: names are aligned when it is
    until(lambda: _unlisted(server) == set(), "every dataset of an event is a crawled asset")
    crawled = {one["id"]: one["qualified_name"] for one in server.get("/assets", limit=200)["assets"]}
    named = {one["id"] for job in server.get("/jobs", limit=200)["jobs"] for one in (*job["inputs"], *job["outputs"])}
    assert {crawled[id_] for id_ in named} == {f"wh.main.{name}" for name in ("raw_orders", "stg_orders", "daily", "weekly")}
    wanted = {("wh.main.stg_orders", "wh.main.daily"), ("wh.main.daily", "wh.main.weekly")}
    until(lambda: wanted <= edges(server, "wh.main.daily"), "the runs' edges are there")
    emitters.run_dbt_ol(dbt, folder, server.url)  # and now it is known
    grouped = ("stg_orders.day", "group")
    until(lambda: grouped in column_edges(server, "wh.main.daily", "amount"), "the columns of the model's query are there")
    found = column_edges(server, "wh.main.daily", "amount")
    assert any(column == "stg_orders.amount" and kind not in INDIRECT for column, kind in found)
    assert _unlisted(server) == set()


def _unlisted(server: Server) -> set[str]:
    listed = server.get("/assets", limit=200)["assets"]
    assert listed, "nothing is there at all"
    return {one["qualified_name"] for one in listed if not one["listed"]}
