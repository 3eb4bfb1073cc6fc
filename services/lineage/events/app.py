"""The lineage service's internal routes of events: `LineageEvents` over HTTP, one route a verb.

Journey 3, the crossing from the catalog. Whoever mounts them asks for the services' key; the scope is the caller's word.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.common.model.events import Delivery, EventsRequest, JobsRequest, RunsRequest
from services.common.model.job_search import JobQuery
from services.common.ports import LineageEvents
from services.common.runtime.wire import dump

PREFIX = "/internal/v1/lineage/events"
_JSON = "application/json"


def create_router(events: LineageEvents) -> APIRouter:
    """The routes of `events`: bodies and answers are `wire` JSON of the port's own values."""
    router = APIRouter(prefix=PREFIX, tags=["internal"])

    @router.post("/accept")
    def accept(delivery: Delivery) -> Response:
        return Response(dump(events.accept(delivery)), media_type=_JSON)

    @router.get("/datasets")
    def datasets(after: int, limit: int) -> Response:
        return Response(dump(events.datasets(after, limit=limit)), media_type=_JSON)

    @router.post("/jobs")
    def jobs(request: JobsRequest) -> Response:
        return Response(dump(events.jobs(request)), media_type=_JSON)

    @router.post("/jobs/found")
    def find_jobs(query: JobQuery) -> Response:
        return Response(dump(events.find_jobs(query)), media_type=_JSON)

    @router.post("/runs")
    def runs(request: RunsRequest) -> Response:
        return Response(dump(events.runs(request)), media_type=_JSON)

    @router.post("/sent")
    def sent(request: EventsRequest) -> Response:
        return Response(dump(events.events(request)), media_type=_JSON)

    return router
