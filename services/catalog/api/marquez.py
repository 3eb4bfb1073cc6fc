"""Marquez' read API: `/marquez/api/v1`, and at `/api/v1` where no route of ours stands. Journey 3, reading.

Its paths hold namespaces with slashes, which come encoded and are decoded before routes are looked at: the last word wins.
"""

from __future__ import annotations

import datetime as dt
import json
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator, Field

from services.catalog import search as searching
from services.catalog.api import marquez_shapes as shapes
from services.catalog.api.caller import Reader, Strict
from services.catalog.marquez import Marquez
from services.common.errors import NotFound
from services.common.model.access import AccessScope
from services.common.model.events import EventsRequest, JobsRequest, RunsRequest, job_id
from services.common.model.instants import instant
from services.common.ports import Search

_KEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization"}


Asked = Annotated[dt.datetime, BeforeValidator(partial(instant, offset=False))]
"""Without an offset it is of UTC, as its own clients write it."""


class Paged(Strict):
    """Where a page begins, and how long it is."""

    limit: int = Field(default=100, ge=1, le=1_000)
    offset: int = Field(default=0, ge=0, le=10_000_000)


class NodeParameters(Strict):
    """Which node, and how far around it."""

    node: str = Field(alias="nodeId", max_length=5_000)
    depth: int = Field(default=20, ge=1, le=100)
    downstream: bool = Field(default=False, alias="withDownstream")


class EventParameters(Paged):
    """Which events, by their own times."""

    before: Asked | None = None
    after: Asked | None = None
    order: Literal["asc", "desc", "ASC", "DESC"] = Field(default="desc", alias="sortDirection")


class SearchParameters(Strict):
    """What to look for."""

    q: str = Field(max_length=500)
    filter: Literal["dataset", "job", "DATASET", "JOB"] | None = None
    sort: str | None = None
    namespace: str | None = None
    limit: int = Field(default=10, ge=1, le=200)


def create_router(marquez: Marquez) -> APIRouter:
    """The routes that stand at `/api/v1` too."""
    router = APIRouter(tags=["marquez"])

    @router.get("/lineage")
    def lineage(caller: Reader, asked: Annotated[NodeParameters, Query()]) -> Response:
        assets, jobs = marquez.around(asked.node, asked.depth, caller.scope)
        return _answer(shapes.graph(assets, jobs))

    @router.get("/column-lineage")
    def column_lineage(caller: Reader, asked: Annotated[NodeParameters, Query()]) -> Response:
        assets, edges = marquez.columns(asked.node, asked.depth, caller.scope, downstream=asked.downstream)
        types = {shapes.field_node(a.name, c.name): c.type for a in assets.values() for c in a.columns}
        return _answer(shapes.column_graph({id_: asset.name for id_, asset in assets.items()}, edges, types))

    @router.get("/events")  # where its Python client looks for them
    @router.get("/events/lineage")
    def events(caller: Reader, asked: Annotated[EventParameters, Query()]) -> Response:
        newest = asked.order.lower() == "desc"
        page = marquez.events.events(
            EventsRequest(caller.scope, asked.after, asked.before, newest, asked.offset, asked.limit)
        )
        return _answer({"events": [json.loads(text) for text in page.events], "totalCount": page.total})

    @router.get("/jobs/runs/{run_id}")
    def one_run(caller: Reader, run_id: str) -> Response:
        page = marquez.events.runs(RunsRequest(caller.scope, run=run_id, limit=1))
        if not page.runs:
            raise NotFound(f"there is no run {run_id[:64]}, or you may not see it")
        return _answer(shapes.run(page.runs[0], None))

    @router.get("/namespaces")
    def namespaces(caller: Reader, asked: Annotated[Paged, Query()]) -> Response:
        found = _namespaces(marquez, caller.scope)
        return _answer({"namespaces": found[asked.offset : asked.offset + asked.limit]})

    _of_namespaces(router, marquez)
    return router


def _of_namespaces(router: APIRouter, marquez: Marquez) -> None:
    @router.get("/namespaces/{namespace:path}/jobs/{job:path}/runs")
    def runs(caller: Reader, namespace: str, job: str, asked: Annotated[Paged, Query()]) -> Response:
        page = marquez.events.runs(RunsRequest(caller.scope, job_id(namespace, job), offset=asked.offset, limit=asked.limit))
        return _answer({"runs": [shapes.run(run, page.job) for run in page.runs], "totalCount": page.total})

    @router.get("/namespaces/{namespace:path}/jobs/{job:path}")
    def one_job(caller: Reader, namespace: str, job: str) -> Response:
        return _answer(shapes.job(marquez.job(namespace, job, caller.scope)))

    @router.get("/namespaces/{namespace:path}/jobs")
    def jobs(caller: Reader, namespace: str, asked: Annotated[Paged, Query()]) -> Response:
        page = marquez.events.jobs(JobsRequest(caller.scope, namespace, offset=asked.offset, limit=asked.limit))
        return _answer({"jobs": [shapes.job(job) for job in page.jobs], "totalCount": page.total})

    @router.get("/namespaces/{namespace:path}/datasets/{dataset:path}")
    def one_dataset(caller: Reader, namespace: str, dataset: str) -> Response:
        return _answer(shapes.dataset(marquez.dataset(namespace, dataset, caller.scope)))

    @router.get("/namespaces/{namespace:path}/datasets")
    def datasets(caller: Reader, namespace: str, asked: Annotated[Paged, Query()]) -> Response:
        assets, total = marquez.reader.of_namespace(namespace, caller.scope, offset=asked.offset, limit=asked.limit)
        return _answer({"datasets": [shapes.dataset(asset) for asset in assets], "totalCount": total})

    @router.get("/namespaces/{namespace:path}")
    def one_namespace(caller: Reader, namespace: str) -> Response:
        found = next((one for one in _namespaces(marquez, caller.scope) if one["name"] == namespace), None)
        if found is None:
            raise NotFound("there is no such namespace, or you may see nothing of it")
        return _answer(found)


def create_search(marquez: Marquez, search: Search) -> APIRouter:
    """`/search`, which is ours at `/api/v1`."""
    router = APIRouter(tags=["marquez"])

    @router.get("/search")
    def search_route(caller: Reader, asked: Annotated[SearchParameters, Query()]) -> Response:
        words = asked.q.replace("%", " ").replace("_", " ").strip()
        results: list[dict[str, Any]] = []
        kind = (asked.filter or "").lower()
        if kind != "job" and words:
            query = searching.question(words, me=caller.name, scope=caller.scope)
            assets = [hit.asset for hit in searching.find(query, search, marquez.reader).hits]
            results += [_result("DATASET", a.name.namespace, a.name.qualified, a.last_seen) for a in assets]
        if kind != "dataset":
            page = marquez.events.jobs(JobsRequest(caller.scope, text=asked.q.strip("%"), limit=asked.limit))
            results += [_result("JOB", job.namespace, job.name, job.last_seen) for job in page.jobs]
        kept = [one for one in results if asked.namespace in (None, one["namespace"])][: asked.limit]
        return _answer({"totalCount": len(kept), "results": kept})

    return router


def _result(kind: str, namespace: str, name: str, at: dt.datetime | None) -> dict[str, Any]:
    node = f"{kind.lower()}:{namespace}:{name}"
    updated = at.isoformat() if at is not None else None
    return {"type": kind, "name": name, "updatedAt": updated, "namespace": namespace, "nodeId": node}


def _namespaces(marquez: Marquez, scope: AccessScope) -> list[dict[str, Any]]:
    """Those of datasets and of jobs that the scope shows, in order of name."""
    found = {name: (first, last) for name, first, last in marquez.reader.namespaces(scope)}
    after = None
    while True:
        page = marquez.events.jobs(JobsRequest(scope, after=after, limit=1_000))
        for job in page.jobs:
            first, last = found.get(job.namespace, (job.first_seen, job.last_seen))
            found[job.namespace] = (min(first, job.first_seen), max(last, job.last_seen))
        after = page.cursor
        if after is None:
            return [shapes.namespace(name, first, last) for name, (first, last) in sorted(found.items())]


def _answer(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), headers=_KEPT, media_type="application/json")
