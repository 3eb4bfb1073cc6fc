"""What is said of a name that is a job's where an asset was asked for: what it reads and writes, and where its runs are."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.errors import NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.events import Job, RunsRequest, parse_job_id
from services.common.model.job_search import JobQuery
from services.common.model.names import DatasetName
from services.common.ports import LineageEvents

SHOWN = 5
"""Datasets on each side that are named."""


def told_of_job(events: LineageEvents, text: str) -> str | None:
    """A line about the job that an id or a name means; None where it means none. Of several of a name the first is told of."""
    job, others = _job(events, text.strip())
    if job is None:
        return None
    reads, writes = _listed(job.inputs), _listed(job.outputs)
    more = f"; {others} more are called so" if others else ""
    return (
        f"{job.namespace}.{job.name} is a job, not an asset: it reads {reads} and writes {writes}; "
        f"ask for one of those, or GET /api/v1/jobs/{job.id} for its runs{more}"
    )


def _job(events: LineageEvents, text: str) -> tuple[Job | None, int]:
    known = parse_job_id(text)
    if known is not None:
        try:
            return events.runs(RunsRequest(FULL_SCOPE, known, limit=1)).job, 0
        except NotFound:
            return None, 0
    found = events.find_jobs(JobQuery(text, FULL_SCOPE, limit=1))
    return (found.hits[0].job, found.n_named - 1) if found.n_named else (None, 0)


def _listed(names: Sequence[DatasetName]) -> str:
    if not names:
        return "nothing"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(name.qualified for name in names[:SHOWN]) + more
