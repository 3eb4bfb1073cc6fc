"""An OpenLineage event as values: what of it is read. Its whole text, masked, goes along as `body`.

Journey 3, what `parse` makes and `fold` takes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.common.model.events import JobId, RunState, job_id
from services.common.model.names import AssetId, DatasetName

EVERY = "*"
"""As `into`: what decides about rows decides about every column of the target."""


@dataclass(frozen=True, slots=True)
class ColumnRead:
    """`source.column` gets into `into` of the dataset that has the facet; `kind` as of edges between columns."""

    source: DatasetName
    column: str
    into: str
    kind: str


@dataclass(frozen=True, slots=True)
class Symlink:
    """Another name of a dataset; `is_table` where the facet says that it is the table's own."""

    name: DatasetName
    is_table: bool


@dataclass(frozen=True, slots=True)
class EventDataset:
    """A dataset as an event names it.

    Attributes:
        id: of the name as it was sent, before symlinks and aliases.
        name: namespace in its one spelling, parts in lower case where the engine compares names so.
        facets: by name, masked.

    """

    id: AssetId
    name: DatasetName
    facets: Mapping[str, Any] = field(default_factory=dict)
    symlinks: tuple[Symlink, ...] = ()
    columns: tuple[ColumnRead, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        sha256: of its canonical text as it was sent: equal for an event that is sent again.
        at: its own time.
        namespace, name: of the job; empty for an event of a dataset alone.
        run: the run's id; empty for an event of a job alone.
        datasets: those of an event of a dataset alone.
        body: the event without secrets and literals, as JSON values.
        sql: the text of the job's facet `sql` as it was sent, with its literals: read once it is answered, and never stored.
        dialect: in which the facet says that the text is; empty where it does not.

    """

    sha256: str
    at: dt.datetime
    body: Mapping[str, Any]
    namespace: str = ""
    name: str = ""
    run: str = ""
    state: RunState = RunState.OTHER
    inputs: tuple[EventDataset, ...] = ()
    outputs: tuple[EventDataset, ...] = ()
    datasets: tuple[EventDataset, ...] = ()
    job_facets: Mapping[str, Any] = field(default_factory=dict)
    run_facets: Mapping[str, Any] = field(default_factory=dict)
    sql: str = field(default="", repr=False)
    dialect: str = ""

    @property
    def job(self) -> JobId | None:
        """The job's id; None for an event of a dataset alone."""
        return job_id(self.namespace, self.name) if self.name else None
