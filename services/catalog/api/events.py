"""`POST /lineage` and `/lineage/batch`: OpenLineage events in; `/jobs`: what they tell of jobs and their runs. Journey 3."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from services.catalog.api.bodies import decoded
from services.catalog.api.caller import ORDERS, Reader, Sender, Strict, answer, known_id
from services.catalog.api.event_shapes import (
    BatchShape,
    JobPageShape,
    JobRunsShape,
    TakenShape,
    batch_shape,
    job_page_shape,
    job_runs_shape,
)
from services.common.errors import BadRequest, Forbidden, NotFound
from services.common.model.access import Principal
from services.common.model.events import Delivery, Fate, Intake, JobsRequest, Outcome, RunsRequest, parse_job_id
from services.common.ports import LineageEvents

AT_ONCE = 4
"""Deliveries that are unpacked and read at one time: each may take ten times its size in memory."""
_EXAMPLE = {
    "eventType": "COMPLETE",
    "eventTime": "2026-01-31T09:00:00Z",
    "producer": "https://example.com/scheduler",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    "run": {"runId": "0190c0e0-7c3b-7d3e-9c55-2b0c5a3b9f10"},
    "job": {"namespace": "scheduler", "name": "daily_orders"},
    "inputs": [{"namespace": "postgres://db1:5432", "name": "shop.public.orders"}],
    "outputs": [{"namespace": "postgres://db1:5432", "name": "shop.mart.daily_orders"}],
}


class JobsParameters(Strict):
    """Which jobs; by namespace and name."""

    namespace: str | None = Field(
        default=None, max_length=2_000, description="Of the jobs, as it is written", examples=["airflow"]
    )
    q: str | None = Field(default=None, max_length=500, description="Part of a name, in any case", examples=["orders"])
    asset: str | None = Field(
        default=None, max_length=2_000, description="Only those that read or write this asset, by its id", examples=[ORDERS]
    )
    limit: int = Field(default=50, ge=1, le=200, description="Jobs at most", examples=[10])
    cursor: str | None = Field(default=None, max_length=5_000, description="Where the page before ended")


class RunsParameters(Strict):
    """Which runs of a job; the last begun first."""

    limit: int = Field(default=50, ge=1, le=200, description="Runs at most", examples=[10])
    cursor: str | None = Field(default=None, max_length=5_000, description="Where the page before ended")


JobPath = Annotated[str, Path(description="A job's id, as lists give it", examples=["jmfrggzdfmztwq2lknnwg23tpob"])]


def create_router(events: LineageEvents, heard: Callable[[], None], max_bytes: int) -> APIRouter:
    """The routes over the port.

    Args:
        events: the lineage service.
        heard: called after events were stored that say news of datasets, so that what they name is found at once.
        max_bytes: of a delivery's text, unpacked.

    """
    router = APIRouter(tags=["events"])
    busy = threading.BoundedSemaphore(AT_ONCE)

    def take(body: bytes, encoding: str, *, batch: bool, by: Principal) -> Intake:
        with busy:
            taken = events.accept(Delivery(decoded(body, encoding, max_bytes), batch, by.name, scope=by.scope))
        if taken.news:
            heard()
        return taken

    async def taken_from(request: Request, caller: Principal, *, batch: bool) -> Intake:
        body = await request.body()
        encoding = request.headers.get("content-encoding", "")
        return await run_in_threadpool(take, body, encoding, batch=batch, by=caller)

    @router.post(
        "/lineage",
        response_model=TakenShape,
        status_code=201,
        operation_id="send_event",
        summary="Send an OpenLineage event",
        openapi_extra=_body({"type": "object"}, _EXAMPLE),
    )
    async def one_route(caller: Sender, request: Request) -> Response:
        outcome = (await taken_from(request, caller, batch=False)).outcomes[0]
        _raise_refused(outcome)
        return answer(TakenShape(status=outcome.fate), status=201 if outcome.fate is Fate.ACCEPTED else 200)

    @router.post(
        "/lineage/batch",
        response_model=BatchShape,
        operation_id="send_events",
        summary="Send several OpenLineage events",
        openapi_extra=_body({"type": "array", "items": {"type": "object"}}, [_EXAMPLE]),
    )
    async def batch_route(caller: Sender, request: Request) -> Response:
        return answer(batch_shape(await taken_from(request, caller, batch=True)))

    @router.get("/jobs", response_model=JobPageShape, operation_id="list_jobs", summary="List jobs by name")
    def jobs_route(caller: Reader, asked: Annotated[JobsParameters, Query()]) -> Response:
        datasets = () if asked.asset is None else (known_id(asked.asset),)
        request = JobsRequest(caller.scope, asked.namespace, asked.q, datasets, after=asked.cursor, limit=asked.limit)
        return answer(job_page_shape(events.jobs(request)))

    @router.get("/jobs/{job_id}", response_model=JobRunsShape, operation_id="get_job", summary="A job and its runs")
    def job_route(caller: Reader, job_id: JobPath, asked: Annotated[RunsParameters, Query()]) -> Response:
        wanted = parse_job_id(job_id)
        if wanted is None:
            raise NotFound(f"there is no job {job_id[:64]}, or you may not see it")
        page = events.runs(RunsRequest(caller.scope, wanted, after=asked.cursor, limit=asked.limit))
        return answer(job_runs_shape(page))

    return router


def _raise_refused(outcome: Outcome) -> None:
    if outcome.fate is not Fate.REJECTED:
        return
    place: dict[str, str | int] = {"pointer": outcome.pointer or "", "detail": outcome.detail or ""}
    kind = Forbidden if outcome.forbidden else BadRequest
    raise kind(outcome.detail or "no event", errors=(place,))


def _body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}
