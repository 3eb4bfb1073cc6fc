"""Jobs as hits of a question: one suite for the intake itself and for its client over HTTP, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from services.common.errors import BadRequest, ServiceUnavailable
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope
from services.common.model.events import Delivery, JobsRequest
from services.common.model.job_search import JobQuery
from services.common.model.query_parse import understand
from services.common.ports import LineageEvents
from services.common.runtime.service_client import ServiceClient
from services.lineage.events import client
from services.lineage.events.app import create_router
from services.lineage.events.client import HttpEvents
from services.lineage.events.intake import EventIntake
from tests.support import lineages
from tests.support.events import NAMESPACES, dataset, run_event
from tests.support.wires import WAYS, reached

END = "2026-11-01T10:05:00Z"
NOT_HR = AccessScope(("*",), ("*.hr",))


@pytest.fixture(params=lineages.DATABASES)
def intake(request, tmp_path) -> Iterator[EventIntake]:
    for made in lineages.opened(request.param, request, tmp_path):
        yield EventIntake(made.database, lambda: NAMESPACES)


@pytest.fixture(params=WAYS)
def port(request, intake) -> Iterator[LineageEvents]:
    with reached(intake, request.param, create_router, HttpEvents) as port:
        yield port


def sent(port: LineageEvents, *events: object) -> None:
    port.accept(Delivery(json.dumps(events), batch=True, by="airflow", scope=FULL_SCOPE))


def found(port: LineageEvents, text: str, scope: AccessScope = FULL_SCOPE, **more: Any) -> list[str]:
    return [hit.job.name for hit in port.find_jobs(JobQuery(text, scope, **more)).hits]


def test_jobs_are_found_by_the_words_of_their_names(port):
    """Those with most of the words first, whole words before parts, short names before long ones; a name typed whole is first."""
    names = ("load_orders", "load_orders_again_by_hand", "reorders", "shop.load_invoices", "loadOrder", "sweep")
    sent(port, *(run_event("COMPLETE", END, name, name) for name in names))
    assert found(port, "which job loads the orders?") == [
        "loadOrder",
        "load_orders",
        "load_orders_again_by_hand",
        "shop.load_invoices",
        "reorders",
    ]
    answer = port.find_jobs(JobQuery("RELOAD", FULL_SCOPE))
    assert (answer.hits, answer.total, answer.n_named) == ((), 0, 0)
    answer = port.find_jobs(JobQuery("Load_Orders_again_by_HAND", FULL_SCOPE))
    assert (answer.n_named, answer.hits[0].named, answer.hits[0].job.name) == (1, True, "load_orders_again_by_hand")
    assert port.find_jobs(JobQuery("airflow.sweep", FULL_SCOPE)).n_named == 1
    assert found(port, "") == sorted(names)
    assert found(port, "?!") == []


def test_plurals_and_letters_beyond_ascii_are_found(port):
    """Whatever case the database knows of them; the list of jobs finds the letters too."""
    names = ("load_deliveries", "load_boxes", "Übersicht", "DÉPÔT_sync", "ＯＲＤＥＲＳ_wide", "受注集計")
    sent(port, *(run_event("COMPLETE", END, f"{n}", name) for n, name in enumerate(names)))
    assert found(port, "load the delivery") == ["load_deliveries", "load_boxes"]
    assert found(port, "deliveries") == ["load_deliveries"]
    for typed, name in (
        ("übersicht", "Übersicht"),
        ("dépôt", "DÉPÔT_sync"),
        ("orders", "ＯＲＤＥＲＳ_wide"),
        ("受注", "受注集計"),
    ):
        assert found(port, typed) == [name]
    assert port.find_jobs(JobQuery("übersicht", FULL_SCOPE)).n_named == 1
    assert found(port, "ubersicht") == []
    assert [job.name for job in port.jobs(JobsRequest(FULL_SCOPE, text="dépôt")).jobs] == ["DÉPÔT_sync"]


def test_found_jobs_come_in_pages_and_all_are_counted(port):
    """A page is what stands there in the whole list."""
    sent(port, *(run_event("COMPLETE", END, f"load {n}", f"load_{n:02}") for n in range(25)))
    every = found(port, "load", limit=100)
    pages = [port.find_jobs(JobQuery("load", FULL_SCOPE, offset=at, limit=10)) for at in (0, 10, 20, 30)]
    assert [hit.job.name for page in pages for hit in page.hits] == every
    assert ([page.total for page in pages], len(every)) == ([25] * 4, 25)
    with pytest.raises(BadRequest):
        port.find_jobs(JobQuery("load", FULL_SCOPE, limit=0))


def test_what_a_scope_hides_of_jobs_is_not_found_and_not_counted(port):
    """As in the list: everything that a job reads and writes must be seen, and one without datasets is for full scopes."""
    sent(
        port,
        run_event("COMPLETE", END, "a", "load_open", inputs=[dataset("shop.sales.orders")]),
        run_event("COMPLETE", END, "b", "load_pay", inputs=[dataset("shop.sales.orders")], outputs=[dataset("shop.hr.pay")]),
        run_event("COMPLETE", END, "c", "load_nothing"),
    )
    assert found(port, "load") == ["load_nothing", "load_open", "load_pay"]
    answer = port.find_jobs(JobQuery("load", NOT_HR))
    assert ([hit.job.name for hit in answer.hits], answer.total) == (["load_open"], 1)
    assert port.find_jobs(JobQuery("load_pay", NOT_HR)).n_named == 0
    assert port.find_jobs(JobQuery("load", NO_SCOPE)).total == 0


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("kind:job", ["load_orders", "mart.fill"]),
        ("kind:table", []),
        ("NOT kind:table", ["load_orders", "mart.fill"]),
        ("name:fill", ["mart.fill"]),
        ("name:mart.f*", ["mart.fill"]),
        ("source:unlisted platform:openlineage", ["load_orders", "mart.fill"]),
        ("owner:me", []),
        ('"load orders"', ["load_orders"]),
        ('"orders load"', []),
        ("kind:job -name:load_*", ["mart.fill"]),
        ("updated:<7d", []),
    ],
)
def test_conditions_are_asked_of_jobs_too(port, typed, names):
    """A job has a name and a kind; what it has not, no condition finds."""
    sent(port, run_event("COMPLETE", END, "a", "load_orders"), run_event("COMPLETE", END, "b", "mart.fill"))
    read = understand(typed, me="me")
    assert found(port, read.words, where=read.where) == names


def test_a_service_that_hangs_holds_a_search_for_a_moment_only(monkeypatch):
    """It takes the connection and never answers; whoever searches gets the datasets."""
    monkeypatch.setattr(client, "FIND_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        service = ServiceClient("lineage", f"http://127.0.0.1:{server.getsockname()[1]}", "k" * 16)
        begun = time.monotonic()
        with pytest.raises(ServiceUnavailable):
            HttpEvents(service).find_jobs(JobQuery("load", FULL_SCOPE))
        assert time.monotonic() - begun < 10
        service.close()
