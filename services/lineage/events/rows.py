"""Events as rows of jobs, runs, datasets and columns. Pure.

Journey 3, between `parse` and the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Self, TypeVar

from services.common.model.events import JobId, RunState
from services.common.model.names import AssetId
from services.lineage.events.event import Event
from services.lineage.events.masking import sha256
from services.lineage.store import newest
from services.lineage.store.event_rows import AS_DATASET, AS_OTHER, AS_TABLE, DatasetRow, JobRow, RunRow

_KEPT_OF_RUNS = ("errorMessage", "nominalTime", "parent")
_IN_OTHER_TABLES = ("columnLineage", "symlinks")


class _Row(Protocol):
    @property
    def id(self) -> str:
        """What rows of one thing have in common."""
        ...

    def with_other(self, other: Self) -> Self:
        """Both in one."""
        ...


R = TypeVar("R", bound=_Row)


def job_row(event: Event, job: JobId) -> JobRow:
    """What one event says of its job."""
    return JobRow(
        job, event.namespace, event.name, event.at, event.at, newest.said(event.job_facets, event.at, event.sha256)
    )


def run_row(event: Event, job: JobId) -> RunRow:
    """What one event says of its run; an event of a job alone is of the run without a name."""
    facets = {name: event.run_facets[name] for name in _KEPT_OF_RUNS if name in event.run_facets}
    return RunRow(
        id=run_key(job, event.run),
        job_id=job,
        run_id=event.run,
        first_at=event.at,
        last_at=event.at,
        started_at=event.at if event.state is RunState.START else None,
        ended_at=event.at if event.state.ended else None,
        state=event.state,
        state_at=event.at,
        facets=newest.said(facets, event.at, event.sha256),
    )


def dataset_rows(event: Event) -> Iterable[DatasetRow]:
    """Every dataset that an event names: in its lists, as another's symlink, as where a column comes from."""
    for one in (*event.inputs, *event.outputs, *event.datasets):
        facets = newest.said(one.facets, event.at, event.sha256, without=_IN_OTHER_TABLES)
        yield DatasetRow(one.id, one.name, AS_DATASET, event.at, event.at, facets)
        for link in one.symlinks:
            rank = AS_TABLE if link.is_table else AS_OTHER
            yield DatasetRow(link.name.id, link.name, rank, event.at, event.at, {})
        for name in {read.source for read in one.columns}:
            yield DatasetRow(name.id, name, AS_DATASET, event.at, event.at, {})


def symlink_pairs(event: Event) -> Iterable[tuple[AssetId, AssetId]]:
    """The names that an event says to be one dataset, the smaller id first."""
    for one in (*event.inputs, *event.outputs, *event.datasets):
        for link in one.symlinks:
            if link.name.id != one.id:
                yield min(one.id, link.name.id), max(one.id, link.name.id)


def ends(event: Event) -> Iterable[tuple[AssetId, bool]]:
    """What a run reads (False) and writes (True); what a column comes from was read, whether it is listed or not."""
    for one in event.inputs:
        yield one.id, False
    for one in event.outputs:
        yield one.id, True
        for read in one.columns:
            if read.source.id != one.id:
                yield read.source.id, False


def column_rows(event: Event, job: JobId) -> Iterable[dict[str, Any]]:
    """What columns are made from, as rows of `event_tables.job_column`."""
    for one in event.outputs:
        for read in one.columns:
            yield {
                "job_id": job,
                "source": read.source.id,
                "column": read.column,
                "target": one.id,
                "into": read.into,
                "kind": read.kind,
                "first_at": event.at,
                "last_at": event.at,
                # a run shows its columns with each of its events, and which of them come is chance: runs are not counted here
                "count": 0,
            }


def run_key(job: JobId, run: str) -> str:
    """The key of a run: producers have given one run id to two jobs, and those are two runs."""
    return "r" + sha256(f"{job}\n{run}")[:31]


def gathered(rows: Iterable[R]) -> dict[str, R]:
    """One row an id."""
    found: dict[str, R] = {}
    for row in rows:
        before = found.get(row.id)
        found[row.id] = row if before is None else before.with_other(row)
    return found
