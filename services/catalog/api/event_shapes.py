"""The shapes of events, jobs and runs in the public API. The last step of journey 3; `schemas` has those of assets."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, Field

from services.common.errors import NotFound
from services.common.model.events import Fate, Intake, Job, JobPage, Run, RunPage, RunState
from services.common.model.names import DatasetName


class TakenShape(BaseModel, frozen=True):
    """What became of an event: `accepted`, and stored by now, or `duplicate`, because it had been."""

    status: Fate


class SummaryShape(BaseModel, frozen=True):
    """Events of a batch in numbers; none of those that failed would be taken if it were sent again."""

    received: int
    successful: int
    failed: int
    retriable: int = 0
    non_retriable: int


class FailedEventShape(BaseModel, frozen=True):
    """An event of a batch that cannot be meant, and where in it."""

    index: int
    reason: str
    pointer: str
    retriable: bool = False


class EventFateShape(BaseModel, frozen=True):
    """What became of the event at `index`."""

    index: int
    status: Fate


class BatchShape(BaseModel, frozen=True):
    """What became of a batch: what is not in `failed_events` is stored; `events` has every event in order."""

    status: Literal["success", "partial_success", "failure"]
    summary: SummaryShape
    failed_events: list[FailedEventShape]
    events: list[EventFateShape]


class NamedShape(BaseModel, frozen=True):
    """A dataset that a job reads or writes."""

    id: str
    namespace: str
    qualified_name: str


class RunShape(BaseModel, frozen=True):
    """One run. `duration_ms` is null while it goes on, and where its producer's clock went back.

    `truncated` where it reads and writes so much that there are no edges between its inputs and its outputs.
    """

    id: str
    state: RunState
    started_at: dt.datetime
    ended_at: dt.datetime | None
    duration_ms: int | None
    nominal_start: dt.datetime | None
    nominal_end: dt.datetime | None
    error: str | None
    truncated: bool


class JobShape(BaseModel, frozen=True):
    """A job: what its runs read and write, and the run that began last."""

    id: str
    namespace: str
    name: str
    type: str | None
    description: str | None
    inputs: list[NamedShape]
    outputs: list[NamedShape]
    first_seen: dt.datetime
    last_seen: dt.datetime
    latest_run: RunShape | None
    facets: dict[str, Any] = Field(default_factory=dict)


class JobPageShape(BaseModel, frozen=True):
    """Jobs in order of namespace and name; `total` counts all that fit."""

    jobs: list[JobShape]
    total: int
    cursor: str | None


class JobRunsShape(BaseModel, frozen=True):
    """A job and a page of its runs, the last begun first; `total` counts all of them."""

    job: JobShape
    runs: list[RunShape]
    total: int
    cursor: str | None


def batch_shape(intake: Intake) -> BatchShape:
    """A batch's fate in the form that OpenLineage's clients read, and each event's beside it."""
    failed = [one for one in intake.outcomes if one.fate is Fate.REJECTED]
    received = len(intake.outcomes)
    status: Literal["success", "partial_success", "failure"] = "success"
    if failed:
        status = "failure" if len(failed) == received else "partial_success"
    return BatchShape(
        status=status,
        summary=SummaryShape(
            received=received, successful=received - len(failed), failed=len(failed), non_retriable=len(failed)
        ),
        failed_events=[
            FailedEventShape(index=one.index, reason=one.detail or "", pointer=one.pointer or "") for one in failed
        ],
        events=[EventFateShape(index=one.index, status=one.fate) for one in intake.outcomes],
    )


def job_page_shape(page: JobPage) -> JobPageShape:
    """A page of jobs as the API shows it."""
    return JobPageShape(jobs=[_job(job) for job in page.jobs], total=page.total, cursor=page.cursor)


def job_runs_shape(page: RunPage) -> JobRunsShape:
    """A job and its runs as the API shows them."""
    if page.job is None:
        raise NotFound("there is no such job, or you may not see it")
    return JobRunsShape(job=_job(page.job), runs=[_run(run) for run in page.runs], total=page.total, cursor=page.cursor)


def _job(job: Job) -> JobShape:
    return JobShape(
        id=job.id,
        namespace=job.namespace,
        name=job.name,
        type=job.type,
        description=job.description,
        inputs=[_named(name) for name in job.inputs],
        outputs=[_named(name) for name in job.outputs],
        first_seen=job.first_seen,
        last_seen=job.last_seen,
        latest_run=_run(job.latest) if job.latest is not None else None,
        facets=dict(job.facets),
    )


def _run(run: Run) -> RunShape:
    return RunShape(
        id=run.id,
        state=run.state,
        started_at=run.started_at,
        ended_at=run.ended_at,
        duration_ms=run.duration_ms,
        nominal_start=run.nominal_start,
        nominal_end=run.nominal_end,
        error=run.error,
        truncated=run.truncated,
    )


def _named(name: DatasetName) -> NamedShape:
    return NamedShape(id=name.id, namespace=name.namespace, qualified_name=name.qualified)
