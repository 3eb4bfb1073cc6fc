"""An independent client of Marquez' API, `marquez-python`, reads from Headwater what events told it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import emitters
from tests.support.commands import Server, until
from tests.support.events import WH, columns_from, dataset, run_event, run_id

pytestmark = pytest.mark.server
AT, END = "2026-11-01T10:00:00Z", "2026-11-01T10:05:00Z"
_CLIENT = """
import json, sys
from marquez_client import MarquezClient
client = MarquezClient(url=sys.argv[1])
print(json.dumps([getattr(client, name)(*arguments) for name, arguments in json.loads(sys.argv[2])]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(home=tmp_path_factory.mktemp("marquez") / "home") as made:
        made.ready()
        orders = dataset("shop.public.orders", schema={"fields": [{"name": "id", "type": "int"}]})
        lineage = columns_from("shop.public.orders", ("id", "id"))
        daily = dataset("shop.mart.daily", schema={"fields": [{"name": "id", "type": "int"}]}, columnLineage=lineage)
        for event in (
            run_event("START", AT, "one", "load", inputs=[orders]),
            run_event("COMPLETE", END, "one", "load", inputs=[orders], outputs=[daily]),
        ):
            assert made.client.post("/api/v1/lineage", json=event).status_code == 201
        until(lambda: len(made.get("/assets")["assets"]) == 2, "datasets are in the catalog")
        node = f"dataset:{WH}:shop.public.orders"
        until(lambda: len(made.get("/lineage", nodeId=node)["graph"]) == 3, "the graph has them")
        yield made


def ask(server: Server, *calls: tuple[str, list[Any]], base: str = "") -> list[Any]:
    """What the client's methods return, in order."""
    programs = emitters.environment("openlineage")
    if programs is None:
        reason = "no environment .venv-openlineage: tools/emitters.sh openlineage makes it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    command = [str(programs / "python"), "-c", _CLIENT, f"{server.url}{base}", json.dumps(calls)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ | {"NO_PROXY": "*"}, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("base", ["", "/marquez"])
def test_its_lists_and_single_things(server: Server, base: str) -> None:
    """Namespaces with slashes in their names, datasets with fields, jobs with runs, at both places."""
    spaces, datasets, one, jobs, job, runs, run = ask(
        server,
        ("list_namespaces", []),
        ("list_datasets", [WH]),
        ("get_dataset", [WH, "shop.mart.daily"]),
        ("list_jobs", ["airflow"]),
        ("get_job", ["airflow", "load"]),
        ("list_job_runs", ["airflow", "load"]),
        ("get_job_run", [run_id("one")]),
        base=base,
    )
    assert [space["name"] for space in spaces["namespaces"]] == ["airflow", WH]
    assert [found["name"] for found in datasets["datasets"]] == ["shop.mart.daily", "shop.public.orders"]
    assert (one["fields"][0]["name"], one["sourceName"]) == ("id", "unlisted")
    assert [found["name"] for found in jobs["jobs"]] == ["load"]
    assert job["outputs"] == [{"namespace": WH, "name": "shop.mart.daily"}]
    assert [(found["id"], found["state"], found["durationMs"]) for found in runs["runs"]] == [
        (run_id("one"), "COMPLETED", 300_000)
    ]
    assert run["startedAt"] == AT


def test_lineage_of_datasets_and_of_columns(server: Server) -> None:
    """A job between two datasets; a column made from another, as the client asks for it."""
    graph = {node["id"]: node for node in server.get("/lineage", nodeId="job:airflow:load", depth=5)["graph"]}
    orders, daily, job = f"dataset:{WH}:shop.public.orders", f"dataset:{WH}:shop.mart.daily", "job:airflow:load"
    assert set(graph) == {orders, daily, job}
    assert graph[job]["inEdges"] == [{"origin": orders, "destination": job}]
    assert graph[job]["outEdges"] == [{"origin": job, "destination": daily}]
    (found,) = ask(server, ("get_column_lineage_by_dataset", [WH, "shop.mart.daily"]))
    made = next(node for node in found["graph"] if node["id"] == f"datasetField:{WH}:shop.mart.daily:id")
    assert [(one["dataset"], one["field"]) for one in made["data"]["inputFields"]] == [("shop.public.orders", "id")]


def test_events_as_they_were_sent_and_search(server: Server) -> None:
    """The newest first, and datasets and jobs by their names; `/api/v1/search` stays ours."""
    (events,) = ask(server, ("list_events", []))
    assert [event["eventTime"] for event in events["events"]] == [END, AT]
    found = server.client.get("/marquez/api/v1/search", params={"q": "load"}).json()
    assert found["results"][-1]["nodeId"] == "job:airflow:load"
    assert "hits" in server.get("/search", q="orders")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lineage?nodeId=nonsense", 422),
        ("/lineage?nodeId=dataset:none:none", 404),
        ("/lineage", 422),
        ("/namespaces/none", 404),
        ("/namespaces/airflow/jobs/none", 404),
        ("/namespaces/postgres%3A%2F%2Fh:x%2F/datasets/none", 404),
        ("/column-lineage?nodeId=datasetField:a:b:c", 404),
        ("/jobs/runs/none", 404),
    ],
)
def test_what_is_not_there_is_a_problem(server: Server, path: str, status: int) -> None:
    """Never a 500."""
    answer = server.client.get(f"/api/v1{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
