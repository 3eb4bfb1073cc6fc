"""Events over HTTP: who may send them, what they make findable, and who sees what of datasets, jobs and runs."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from services.catalog.store import unlisted
from services.common.model.events import job_id
from services.common.model.names import DatasetName, Namespace
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from tests.access.raw import send
from tests.access.served import Served, bearer, new_home, served, write_lines
from tests.access.shop import HIDDEN, NAMESPACE, ROLES, SCOPED, id_of, shop
from tests.support.commands import until
from tests.support.events import columns_from, dataset, run_event, run_id, symlink

AT = "2026-11-01T10:00:00Z"
END = "2026-11-01T10:05:00Z"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Iterator[Served]:
    with shop(tmp_path_factory.mktemp("events"), ROLES | SCOPED) as made:
        yield made


def post(made: Served, event: Any, caller: str = "producer", path: str = "/api/v1/lineage", **headers: str) -> Any:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return made.client.post(path, content=body, headers=bearer(caller) | JSON | headers)


def batch(made: Served, events: Any, caller: str = "producer") -> Any:
    return post(made, events, caller, "/api/v1/lineage/batch")


def settled(made: Served) -> None:
    """Wait until what was sent is in the catalog, the graph and the index."""
    head = made.space.lineage.events.datasets(0, limit=1).head
    until(lambda: _followed(made) >= head, "the catalog heard of what was sent", 30)
    made.space.lineage.follower.catch_up()
    made.settle()


def _followed(made: Served) -> int:
    with made.space.catalog_database.read() as connection:
        return unlisted.checkpoint(connection)


def id_in(name: str, namespace: str = NAMESPACE) -> str:
    return DatasetName(Namespace(namespace), tuple(name.split("."))).id


def names(made: Served, question: str, caller: str = "admin", **more: Any) -> list[str]:
    hits = made.get("/search", caller, {"q": question, **more}).json()["hits"]
    return [hit["qualified_name"] for hit in hits]


@pytest.mark.parametrize(("caller", "status"), [("producer", 201), ("editor", 201), ("admin", 201), ("reader", 403)])
def test_a_producer_and_whoever_may_write_sends_events(catalog, caller, status):
    """A reader may not; the answer comes when the event is stored, and a second time it is a duplicate."""
    event = run_event("START", AT, f"by {caller}", inputs=[dataset("shop.sales.orders")])
    first, second = post(catalog, event, caller), post(catalog, event, caller)
    assert first.status_code == status
    if status == 201:
        assert first.json() == {"status": "accepted"}
        assert (second.status_code, second.json()) == (200, {"status": "duplicate"})


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_compressed_events_are_taken(catalog, encoding):
    """As OpenLineage's client sends them."""
    body = json.dumps(run_event("START", AT, f"packed as {encoding}")).encode()
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}[encoding](body)
    assert post(catalog, packed, **{"Content-Encoding": encoding}).status_code == 201


def test_a_dataset_that_only_events_name_is_found(catalog):
    """By name, description and column, with owner and tag, not listed; a crawl's own table is the same asset."""
    facets = {
        "schema": {"fields": [{"name": "zmargin", "type": "numeric", "description": "what is left"}]},
        "documentation": {"description": "profitability of every qwertz"},
        "ownership": {"owners": [{"name": "team:finance"}]},
        "tags": {"tags": [{"key": "gold", "value": "true"}]},
    }
    event = run_event(
        "COMPLETE", END, "mart", inputs=[dataset("shop.sales.orders")], outputs=[dataset("shop.mart.margins", **facets)]
    )
    assert post(catalog, event).status_code == 201
    began = time.monotonic()
    until(lambda: "shop.mart.margins" in names(catalog, "qwertz"), "the dataset is found", 20)
    found_s = time.monotonic() - began
    asset = catalog.get(f"/assets/{id_in('shop.mart.margins')}", "reader").json()
    assert (asset["listed"], asset["source"], asset["version"]) == (False, "wh", 0)
    assert asset["descriptions"] == [
        {"origin": "openlineage", "source": "openlineage", "text": "profitability of every qwertz"}
    ]
    column = asset["columns"][0]
    assert (column["name"], column["type"], column["description"]) == ("zmargin", "numeric", "what is left")
    assert (asset["owners"], asset["tags"]) == (["finance"], ["gold"])
    assert names(catalog, "", owner="finance") == ["shop.mart.margins"]
    assert catalog.get(f"/assets/{id_of('orders')}", "reader").json()["listed"] is True
    assert found_s < 10, "on an idle machine it takes less than one second"


def test_runs_make_lineage_between_the_crawled_assets(catalog):
    """Table edges of kind run, with both ends; evidence names no job."""
    event = run_event(
        "COMPLETE", END, "edges", "edge job", inputs=[dataset("shop.sales.bills")], outputs=[dataset("shop.mart.paid")]
    )
    assert post(catalog, event).status_code == 201
    settled(catalog)
    graph = catalog.get(f"/assets/{id_of('bills')}/lineage", "reader", {"direction": "downstream"}).json()
    assert (id_of("bills"), id_in("shop.mart.paid"), "run") in [(e["from"], e["to"], e["kind"]) for e in graph["edges"]]
    assert "edge job" not in json.dumps(graph)


def test_jobs_are_listed_with_their_runs(catalog):
    """State, times, duration and the error without what it quotes; pages by cursor."""
    error = {
        "errorMessage": {
            "message": "duplicate key (email)=(bob@example.com), password=hunter22",
            "programmingLanguage": "SQL",
        }
    }
    told = [
        run_event("START", AT, "r1", "nightly", inputs=[dataset("shop.sales.orders")]),
        run_event("FAIL", END, "r1", "nightly", run_facets=error),
        run_event("START", "2026-11-02T10:00:00Z", "r2", "nightly"),
        run_event("COMPLETE", "2026-11-02T10:00:01.500Z", "r2", "nightly"),
    ]
    answer = batch(catalog, told)
    assert answer.json()["status"] == "success"
    found = catalog.get("/jobs", "admin", {"q": "NIGHT"}).json()
    assert [(job["name"], job["latest_run"]["id"]) for job in found["jobs"]] == [("nightly", run_id("r2"))]
    path = f"/jobs/{job_id('airflow', 'nightly')}"
    first = catalog.get(path, "admin", {"limit": 1}).json()
    assert (first["total"], first["runs"][0]["state"], first["runs"][0]["duration_ms"]) == (2, "COMPLETE", 1500)
    second = catalog.get(path, "admin", {"limit": 1, "cursor": first["cursor"]}).json()
    assert (second["runs"][0]["state"], second["runs"][0]["duration_ms"], second["cursor"]) == ("FAIL", 300_000, None)
    assert second["runs"][0]["error"] == "duplicate key (email)=(***), password=***"


def test_a_job_is_shown_where_all_that_it_touches_is(catalog):
    """Hidden, unknown and malformed are one answer; what is hidden counts nowhere; errors are for full scopes."""
    error = {"errorMessage": {"message": "no zkpay today", "programmingLanguage": "SQL"}}
    told = [
        run_event(
            "COMPLETE", END, "a", "open job", inputs=[dataset("shop.sales.orders")], run_facets=error, namespace="scope"
        ),
        run_event(
            "COMPLETE",
            END,
            "b",
            "pay job",
            inputs=[dataset("shop.hr.zkpay")],
            outputs=[dataset("shop.sales.bills")],
            namespace="scope",
        ),
        run_event("COMPLETE", END, "c", "idle job", namespace="scope"),
    ]
    batch(catalog, told)
    settled(catalog)
    everything = catalog.get("/jobs", "admin", {"namespace": "scope"}).json()
    assert [job["name"] for job in everything["jobs"]] == ["idle job", "open job", "pay job"]
    seen = catalog.get("/jobs", "scoped", {"namespace": "scope"}).json()
    assert (seen["total"], [job["name"] for job in seen["jobs"]]) == (1, ["open job"])
    assert seen["jobs"][0]["latest_run"]["error"] is None
    assert "zkpay" not in json.dumps(seen)
    hidden = catalog.get(f"/jobs/{job_id('scope', 'pay job')}", "scoped")
    unknown = catalog.get(f"/jobs/{job_id('scope', 'no job')}", "scoped")
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["detail"].replace(job_id("scope", "pay job"), "") == unknown.json()["detail"].replace(
        job_id("scope", "no job"), ""
    )
    assert catalog.get("/jobs/nonsense", "scoped").status_code == 404
    graph = catalog.get(f"/assets/{id_of('bills')}/lineage", "scoped").json()
    assert HIDDEN not in json.dumps(graph)


def test_what_is_known_from_events_alone_is_scoped_like_a_table(catalog):
    """In search, as an asset, in lineage."""
    event = run_event("COMPLETE", END, "h", inputs=[dataset("shop.sales.orders")], outputs=[dataset("shop.hr.zkbonus")])
    post(catalog, event)
    settled(catalog)
    assert names(catalog, "zkbonus") == ["shop.hr.zkbonus"]
    assert names(catalog, "zkbonus", "scoped") == []
    assert catalog.get(f"/assets/{id_in('shop.hr.zkbonus')}", "scoped").status_code == 404
    assert "zkbonus" not in json.dumps(catalog.get(f"/assets/{id_of('orders')}/lineage", "scoped").json())


def test_a_batch_says_what_became_of_each(catalog):
    """Accepted, duplicate, rejected with place and reason, in the form that clients read."""
    good = run_event("START", AT, "good in batch")
    wrong = run_event("START", AT, "wrong") | {"eventTime": "yesterday"}
    answer = batch(catalog, [good, wrong, good, {"eventTime": AT, "job": {"name": "x"}}, 7])
    body = answer.json()
    assert answer.status_code == 200
    assert body["status"] == "partial_success"
    assert body["summary"] == {"received": 5, "successful": 2, "failed": 3, "retriable": 0, "non_retriable": 3}
    assert [event["status"] for event in body["events"]] == ["accepted", "rejected", "duplicate", "rejected", "rejected"]
    assert [(failed["index"], failed["pointer"]) for failed in body["failed_events"]] == [
        (1, "/eventTime"),
        (3, "/job/namespace"),
        (4, ""),
    ]


def _deep(levels: int) -> bytes:
    head = json.dumps(run_event("START", AT, "deep")).encode()
    return head.replace(b'"facets": {}', b'"facets": {"deep": ' + b'{"a":' * levels + b"1" + b"}" * levels + b"}", 1)


BAD: dict[str, tuple[bytes, int, str]] = {
    "no JSON": (b'{"eventTime": ', 422, ""),
    "nothing": (b"", 422, ""),
    "no UTF-8": (b'{"a": "\xff"}', 422, ""),
    "a list": (b"[]", 422, ""),
    "NaN": (b'{"eventTime": NaN}', 422, ""),
    "three hundred levels": (_deep(300), 422, "/run/facets/deep"),
    "five thousand levels": (_deep(5_000), 422, ""),
    "a hundred thousand levels": (_deep(100_000), 422, ""),
    "the future": (json.dumps(run_event("START", "2999-01-01T00:00:00Z")).encode(), 422, "/eventTime"),
    "a clock never set": (json.dumps(run_event("START", "1970-01-01T00:00:00Z")).encode(), 422, "/eventTime"),
    "no time": (json.dumps(run_event("START", "tomorrow")).encode(), 422, "/eventTime"),
    "no state": (json.dumps(run_event("HALF", AT)).encode(), 422, "/eventType"),
    "no run id": (json.dumps(run_event("START", AT) | {"run": {}}).encode(), 422, "/run/runId"),
    "no job": (json.dumps({"eventTime": AT, "run": {"runId": "x"}}).encode(), 422, "/job"),
    "half a character": (
        b'{"eventTime": "2026-11-01T10:00:00Z", "job": {"namespace": "a", "name": "\\ud800"}}',
        422,
        "/job/name",
    ),
    "NUL": (b'{"eventTime": "2026-11-01T10:00:00Z", "job": {"namespace": "a", "name": "b\\u0000"}}', 422, "/job/name"),
    "a port that is none": (
        json.dumps(run_event("START", AT, inputs=[dataset("a", "postgres://db:hunter22/x")])).encode(),
        422,
        "/inputs/0/namespace",
    ),
    "a facet that is text": (json.dumps(run_event("START", AT, run_facets={"x": "y"})).encode(), 422, "/run/facets/x"),
    "a huge number": (b'{"eventTime": ' + b"9" * 10_000 + b"}", 422, ""),
    "20 MB": (b'{"eventTime": "' + b"x" * 20_000_000 + b'"}', 413, ""),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_meant_is_refused_with_its_place(catalog, case):
    """Never a 500; problem+json whose errors point at the place, and nothing of a secret in it."""
    body, status, pointer = BAD[case]
    answer = post(catalog, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if status == 422:
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert "hunter22" not in answer.text


def test_a_small_body_that_claims_to_be_huge_is_refused(catalog):
    """100 MB of zeros in 100 KB; cut and damaged data; an encoding that nobody knows."""
    bomb = gzip.compress(b'{"a": "' + b"0" * 100_000_000 + b'"}')
    assert len(bomb) < 200_000
    assert post(catalog, bomb, **{"Content-Encoding": "gzip"}).status_code == 413
    good = gzip.compress(json.dumps(run_event("START", AT)).encode())
    for body, encoding in ((good[:-20], "gzip"), (b"\x1f\x8b" + b"x" * 50, "gzip"), (good, "br"), (good, "deflate")):
        assert post(catalog, body, **{"Content-Encoding": encoding}).status_code == 422
    assert post(catalog, gzip.compress(good), **{"Content-Encoding": "gzip, gzip"}).status_code == 201


def test_nobody_unknown_makes_anybody_read_a_body(catalog):
    """401 before the first byte."""
    for path in ("/api/v1/lineage", "/api/v1/lineage/batch"):
        answer = send(catalog.client.app, "POST", path, body=b"{")
        assert (answer.status, answer.body_reads) == (401, 0)


def test_a_crawl_lists_what_events_named_and_never_ends_what_it_does_not_show(tmp_path):
    """The same id before and after; it begins its history then; the other stays, unlisted, whatever a crawl finds."""
    lines = [{"database": "shop", "schema": "s", "name": "t", "columns": [{"name": "id", "type": "int"}]}]
    wh = SourceSettings(url=f"metadata://{write_lines(tmp_path, 'wh', lines)}", namespace=NAMESPACE)
    settings = Settings(home=new_home(tmp_path), model="hashing", threads=1, tokens=ROLES, sources={"wh": wh})
    with served(settings) as made:
        outputs = [dataset("shop.s.t", schema={"fields": [{"name": "id"}]}), dataset("shop.s.other")]
        post(made, run_event("COMPLETE", END, inputs=[dataset("shop.s.third")], outputs=outputs))
        settled(made)
        t, other = (f"/assets/{id_in(f'shop.s.{name}')}" for name in ("t", "other"))
        assert made.get(t, "admin").json()["listed"] is False
        assert made.get(f"{t}/versions", "admin").json() == {"versions": []}
        made.crawl("wh")
        settled(made)
        found = made.get(t, "admin").json()
        assert (found["listed"], found["version"], found["columns"][0]["type"]) == (True, 1, "int")
        assert [version["version"] for version in made.get(f"{t}/versions", "admin").json()["versions"]] == [1]
        kept = made.get(other, "admin").json()
        assert (kept["listed"], kept["unseen_since"], kept["held"]) == (False, None, False)
        record = made.get("/crawls", "admin").json()["crawls"][0]
        assert (record["tables"]["added"], record["tables"]["gone"]) == (1, 0)
        graph = made.get(f"{t}/lineage", "admin").json()
        assert {node["qualified_name"]: node["listed"] for node in graph["nodes"]} == {
            "shop.s.t": True,
            "shop.s.third": False,
        }


def test_a_name_that_turns_out_to_be_another_tables_leads_there(catalog):
    """The location is an asset of its own until an event says which table it is; then its id answers 308."""
    lake = "s3://lake"
    post(catalog, run_event("START", AT, "sp1", outputs=[dataset("/wh/facts", lake)]))
    settled(catalog)
    old = id_in("/wh/facts", lake)
    assert catalog.get(f"/assets/{old}", "admin").json()["source"] == "unlisted"
    cols = columns_from("shop.sales.orders", ("id", "id"))
    outputs = [dataset("/wh/facts", lake, symlinks=symlink("shop.mart.facts"), columnLineage=cols)]
    post(catalog, run_event("COMPLETE", END, "sp1", inputs=[dataset("shop.sales.orders")], outputs=outputs))
    settled(catalog)
    moved = catalog.client.get(f"/api/v1/assets/{old}", headers=bearer("admin"), follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (308, f"/api/v1/assets/{id_in('shop.mart.facts')}")
    graph = catalog.get(f"/assets/{id_in('shop.mart.facts')}/lineage", "admin").json()
    assert [node["qualified_name"] for node in graph["nodes"]] == ["shop.mart.facts", "shop.sales.orders"]


def dataset_event(name: str, **facets: Any) -> dict[str, Any]:
    return {"eventTime": END, "dataset": dataset(name, **facets)}


def test_a_sender_names_nothing_that_its_scope_hides(catalog):
    """403 wherever in the event the name is, and the same whether the dataset exists or not; in a batch the others are stored."""
    places = {
        "/inputs/0": run_event("START", AT, "out1", inputs=[dataset("shop.hr.zkpay")]),
        "/outputs/0": run_event("START", AT, "out2", outputs=[dataset("shop.hr.zknever")]),
        "/dataset": dataset_event("shop.hr.zkpay", documentation={"description": "mine"}),
        "/dataset/facets/symlinks": dataset_event("shop.sales.decoy", symlinks=symlink("shop.hr.zkpay")),
        "/outputs/0/facets/columnLineage": run_event(
            "START",
            AT,
            "out3",
            outputs=[dataset("shop.sales.decoy", columnLineage=columns_from("shop.hr.zkpay", ("a", "b")))],
        ),
    }
    for pointer, event in places.items():
        answer = post(catalog, event, "scoped_editor")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert answer.json()["detail"].startswith(f"{pointer} names")
        assert "zk" not in answer.text
    good = run_event("START", AT, "inside", inputs=[dataset("shop.sales.orders")])
    body = batch(catalog, [places["/dataset"], good, places["/dataset"]], "scoped_editor").json()
    assert [event["status"] for event in body["events"]] == ["rejected", "accepted", "rejected"]


def test_nobody_sees_a_hidden_dataset_by_giving_it_a_visible_name(catalog):
    """Neither by its own name, nor by one that somebody else says to be its own later."""
    before = (f"before{number}" for number in range(1_000))  # of two names of one kind the smaller id counts
    stronger = next(name for name in before if id_in(f"shop.sales.{name}") < id_in("shop.hr.zkaward"))
    words = {"documentation": {"description": "zkboard"}, "schema": {"fields": [{"name": "zkssn"}]}}
    hidden = dataset("shop.hr.zkaward", **words)
    post(catalog, run_event("COMPLETE", END, "aw", "award job", inputs=[hidden], namespace="sym"))
    assert (
        post(catalog, dataset_event("shop.hr.zkaward", symlinks=symlink("shop.sales.decoy1")), "scoped_editor").status_code
        == 403
    )
    lake = {"namespace": "s3://lake"}
    mine = {"eventTime": END, "dataset": dataset("/aw", **lake, symlinks=symlink(f"shop.sales.{stronger}"))}
    assert post(catalog, mine, "scoped_editor").status_code == 201
    theirs = {"eventTime": END, "dataset": dataset("/aw", **lake, symlinks=symlink("shop.hr.zkaward"))}
    assert post(catalog, theirs).status_code == 201
    settled(catalog)
    for decoy in ("decoy1", stronger):
        assert names(catalog, decoy, "scoped") == []
        assert catalog.get(f"/assets/{id_in(f'shop.sales.{decoy}')}", "scoped").status_code == 404
    assert names(catalog, "zkboard", "scoped") == []
    assert catalog.get("/jobs", "scoped", {"namespace": "sym"}).json()["total"] == 0
    assert catalog.get(f"/assets/{id_in('shop.hr.zkaward')}", "admin").json()["columns"][0]["name"] == "zkssn"


def test_the_jobs_of_an_asset_are_listed_as_far_as_all_their_datasets_are_shown(catalog):
    """Those that read it or write it; one that touches what is hidden is not there, whichever of its datasets is asked for."""
    bills, pay = dataset("shop.sales.bills"), dataset("shop.hr.zkpay")
    told = [
        run_event("COMPLETE", END, "j1", "asset reader", inputs=[bills], outputs=[dataset("s3.out")], namespace="of"),
        run_event("COMPLETE", END, "j2", "asset writer", inputs=[pay], outputs=[bills], namespace="of"),
        run_event("COMPLETE", END, "j3", "another", inputs=[dataset("s3.in")], outputs=[dataset("s3.out")], namespace="of"),
    ]
    batch(catalog, told)
    settled(catalog)

    def names(caller: str, asset: str) -> list[str]:
        page = catalog.get("/jobs", caller, {"namespace": "of", "asset": asset}).json()
        assert page["total"] == len(page["jobs"])
        return [job["name"] for job in page["jobs"]]

    assert names("admin", id_of("bills")) == ["asset reader", "asset writer"]
    assert names("scoped", id_of("bills")) == ["asset reader"]
    assert (names("admin", HIDDEN), names("scoped", HIDDEN)) == (["asset writer"], [])
    assert catalog.get("/jobs", "scoped", {"asset": "nonsense"}).status_code == 404


def test_a_dataset_that_only_events_name_says_so_in_lineage(catalog):
    """`told`: it has a page, although no crawl shows it; what only SQL names has none."""
    read, made = dataset("shop.sales.bills"), dataset("told/export", "s3://lake")
    batch(catalog, [run_event("COMPLETE", END, "t1", "teller", inputs=[read], outputs=[made], namespace="told")])
    settled(catalog)
    nodes = catalog.get(f"/assets/{id_of('bills')}/lineage", "admin").json()["nodes"]
    (one,) = [node for node in nodes if node["qualified_name"] == "told/export"]
    assert (one["listed"], one["told"]) == (False, True)
    asset = catalog.get(f"/assets/{one['id']}", "admin").json()
    assert (asset["qualified_name"], asset["listed"]) == ("told/export", False)
