"""Runs of jobs as OpenLineage events tell of them, as they cross between catalog and lineage.

Journey 3: the catalog hands events on as they were sent; what comes back is what became of each, and what they said.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

from services.common.model.access import AccessScope
from services.common.model.assets import Column, Kind
from services.common.model.names import AssetId, DatasetName

JobId = NewType("JobId", str)
"""`j` and 26 characters of base 32: a job's id, safe in a URL path."""
OPENLINEAGE = "openlineage"
"""The origin of what only events say of a dataset."""
_JOB_ID = re.compile(r"j[a-z2-7]{26}")


class RunState(StrEnum):
    """Where a run stands, in the words of OpenLineage's `eventType`."""

    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come of the run."""
        return self in (RunState.COMPLETE, RunState.ABORT, RunState.FAIL)


class Fate(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


def job_id(namespace: str, name: str) -> JobId:
    """The id of a job; its namespace and name are compared as they are written."""
    raw = hashlib.sha256(f"job\n{namespace}\n{name}".encode("utf-8", "surrogatepass")).digest()
    return JobId("j" + base64.b32encode(raw).decode("ascii").lower()[:26])


def parse_job_id(text: str) -> JobId | None:
    """`text` as a job's id, or None where it has not the form of one."""
    return JobId(text) if _JOB_ID.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events as they were sent: JSON text, one event or, as `batch`, an array of them; `by` is the sender's name.

    `scope` is the sender's: it bounds which datasets the events may name, and only a full one says which names are one.
    """

    text: str
    batch: bool = False
    by: str = ""
    scope: AccessScope = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the event at `index`; of a rejected one `detail` says why and `pointer` (RFC 6901) where in it.

    `forbidden` where it is sound, and names a dataset that its sender's scope hides.
    """

    index: int
    fate: Fate
    detail: str | None = None
    pointer: str | None = None
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of a delivery, in its order. What is accepted is stored durably by then.

    Attributes:
        outcomes: one an event.
        news: whether the catalog has to hear of any dataset: most events only say again what is known.

    """

    outcomes: tuple[Outcome, ...]
    news: bool = True


@dataclass(frozen=True, slots=True)
class DatasetFact:
    """What events say of one dataset, the newest word of each facet.

    Attributes:
        seq: its place among the changes; a dataset that changes again gets a higher one.
        kind: what the facet `datasetType` says, else a table.
        columns: from the facet `schema`; empty where no event had one.
        is_now: the dataset that this name turned out to be another name of; None where it is one of its own.

    """

    seq: int
    name: DatasetName
    kind: Kind = Kind.TABLE
    description: str | None = None
    columns: tuple[Column, ...] = ()
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_now: DatasetName | None = None


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """Facts in order of `seq`; everything up to `upto` is covered, `head` is the newest number."""

    facts: tuple[DatasetFact, ...]
    upto: int
    head: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job.

    Attributes:
        id: as its producer gave it.
        started_at: the first START, else the first event; by the producer's clock.
        ended_at: the last event that ends a run; None while none came.
        error: the error's message with secrets and literals masked; None in a scope that is not full, because a message
            may name anything.
        truncated: whether it reads and writes so much that no edge is made between each input and each output.

    """

    id: str
    job: JobId
    state: RunState
    started_at: dt.datetime
    ended_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    nominal_start: dt.datetime | None = None
    nominal_end: dt.datetime | None = None
    error: str | None = None
    truncated: bool = False

    @property
    def duration_ms(self) -> int | None:
        """From start to end; None while it has not ended, and where the clock went back between the two."""
        if self.ended_at is None or self.ended_at < self.started_at:
            return None
        return round((self.ended_at - self.started_at).total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its events describe it.

    Attributes:
        type: such as `TASK` or `MODEL`, from the facet `jobType`; None where no event had one.
        inputs, outputs: what its runs read and wrote, in order of name.
        latest: the run that began last; None for a job that is only described.
        facets: the newest word of each facet, by name; empty in a scope that is not full.

    """

    id: JobId
    namespace: str
    name: str
    type: str | None
    description: str | None
    inputs: tuple[DatasetName, ...]
    outputs: tuple[DatasetName, ...]
    first_seen: dt.datetime
    last_seen: dt.datetime
    latest: Run | None = None
    facets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobsRequest:
    """Jobs inside a scope, in order of namespace and name.

    Attributes:
        namespace: only of this one, as it is written.
        text: only those whose name has it, in any case.
        datasets: only those that read or write one of these.
        after: where the page before ended, as its `cursor` says.
        offset: jobs to leave out from there on.
        limit: jobs at most, 1 to 1,000.

    """

    scope: AccessScope
    namespace: str | None = None
    text: str | None = None
    datasets: tuple[AssetId, ...] = ()
    after: str | None = None
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs; `total` counts all that fit, `cursor` is None on the last page."""

    jobs: tuple[Job, ...]
    total: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class RunsRequest:
    """Runs inside a scope, the last begun first: of `job`, or all that are called `run`."""

    scope: AccessScope
    job: JobId | None = None
    run: str | None = None
    after: str | None = None
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs and, where one was asked for, their job; `total` counts all that fit, `cursor` is None on the last page."""

    runs: tuple[Run, ...]
    total: int
    cursor: str | None
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """Events as they were sent, by their own times; only a full scope sees any, because an event may name anything."""

    scope: AccessScope
    after: dt.datetime | None = None
    before: dt.datetime | None = None
    newest_first: bool = True
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, each as JSON text without secrets, literals and SQL; `total` counts all that are kept and fit."""

    events: tuple[str, ...]
    total: int
