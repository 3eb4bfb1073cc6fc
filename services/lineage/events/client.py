"""`LineageEvents` over HTTP: what the catalog uses where the lineage service is a process of its own.

Journey 3, the crossing from the catalog.
"""

from __future__ import annotations

from services.common.model.events import (
    DatasetPage,
    Delivery,
    EventPage,
    EventsRequest,
    Intake,
    JobPage,
    JobsRequest,
    RunPage,
    RunsRequest,
)
from services.common.model.job_search import JobAnswer, JobQuery
from services.common.runtime.service_client import ServiceClient
from services.common.runtime.wire import dump, load
from services.lineage.events.app import PREFIX

FIND_TIMEOUT_S = 3.0
"""How long a search waits for its jobs: datasets are an answer without them, and a service that hangs must not hold every search."""


class HttpEvents:
    """Asks a lineage service; raises what it raised.

    Args:
        service: a client of it, which is closed by its owner.

    Raises (every verb):
        ServiceUnavailable: it does not answer; trying again helps, because an event that comes twice is one.

    """

    def __init__(self, service: ServiceClient) -> None:
        self._service = service

    def accept(self, delivery: Delivery) -> Intake:
        """See `LineageEvents.accept`."""
        return load(Intake, self._service.post(f"{PREFIX}/accept", dump(delivery)))

    def datasets(self, after: int, *, limit: int = 500) -> DatasetPage:
        """See `LineageEvents.datasets`."""
        return load(DatasetPage, self._service.get(f"{PREFIX}/datasets", after=after, limit=limit))

    def jobs(self, request: JobsRequest) -> JobPage:
        """See `LineageEvents.jobs`."""
        return load(JobPage, self._service.post(f"{PREFIX}/jobs", dump(request)))

    def find_jobs(self, query: JobQuery) -> JobAnswer:
        """See `LineageEvents.find_jobs`."""
        return load(JobAnswer, self._service.post(f"{PREFIX}/jobs/found", dump(query), timeout_s=FIND_TIMEOUT_S))

    def runs(self, request: RunsRequest) -> RunPage:
        """See `LineageEvents.runs`."""
        return load(RunPage, self._service.post(f"{PREFIX}/runs", dump(request)))

    def events(self, request: EventsRequest) -> EventPage:
        """See `LineageEvents.events`."""
        return load(EventPage, self._service.post(f"{PREFIX}/sent", dump(request)))
