"""Jobs, runs and datasets as their tables keep them, and two rows of one thing as one. Pure; the same in any order.

Journey 3, step "store".
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from services.common.model.events import JobId, RunState
from services.common.model.names import AssetId, DatasetName
from services.lineage.store import newest

AS_TABLE, AS_DATASET, AS_OTHER = 0, 1, 2
"""How a name is known, the strongest first: as a symlink to a table, as a dataset, as any other symlink."""
_RANKS = {state: rank for rank, state in enumerate((*("OTHER", "START", "RUNNING"), *("ABORT", "FAIL", "COMPLETE")))}


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of `event_tables.job`."""

    id: JobId
    namespace: str
    name: str
    first_at: dt.datetime
    last_at: dt.datetime
    facets: newest.Kept

    def with_other(self, other: JobRow) -> JobRow:
        """Both in one."""
        first, last = min(self.first_at, other.first_at), max(self.last_at, other.last_at)
        return JobRow(self.id, self.namespace, self.name, first, last, newest.merged(self.facets, other.facets))


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of `event_tables.run`; `run_id` is empty for what a job's own events say."""

    id: str
    job_id: JobId
    run_id: str
    first_at: dt.datetime
    last_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    state: RunState
    state_at: dt.datetime
    facets: newest.Kept

    @property
    def began_at(self) -> dt.datetime:
        """The first START, else the first event."""
        return self.started_at or self.first_at

    @property
    def extent(self) -> tuple[dt.datetime, dt.datetime]:
        """The times of its first and its last event."""
        return self.first_at, self.last_at

    def with_other(self, other: RunRow) -> RunRow:
        """Both in one. An end counts over what comes after it: a late RUNNING does not wake a run that is over."""
        last = max(self, other, key=_standing)
        return RunRow(
            self.id,
            self.job_id,
            self.run_id,
            min(self.first_at, other.first_at),
            max(self.last_at, other.last_at),
            min(filter(None, (self.started_at, other.started_at)), default=None),
            max(filter(None, (self.ended_at, other.ended_at)), default=None),
            last.state,
            last.state_at,
            newest.merged(self.facets, other.facets),
        )


def _standing(row: RunRow) -> tuple[int, dt.datetime, int]:
    strength = 2 if row.state.ended else 0 if row.state is RunState.OTHER else 1
    return strength, row.state_at, _RANKS[row.state]


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A name as events use it: a row of `event_tables.event_dataset` without what it stands for."""

    id: AssetId
    name: DatasetName
    rank: int
    first_at: dt.datetime
    last_at: dt.datetime
    facets: newest.Kept

    def with_other(self, other: DatasetRow) -> DatasetRow:
        """Both in one."""
        first, last = min(self.first_at, other.first_at), max(self.last_at, other.last_at)
        rank = min(self.rank, other.rank)
        return DatasetRow(self.id, self.name, rank, first, last, newest.merged(self.facets, other.facets))
