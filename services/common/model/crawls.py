"""A crawl as it is asked for, carried out and reported. Journey 1, from the request to the report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from services.common.model.assets import Container, Found
from services.common.model.changes import START, Seq
from services.common.model.names import DatasetName, Namespace

CrawlId = NewType("CrawlId", str)


class CrawlState(StrEnum):
    """Where a crawl stands. `partial`: something could not be read, nothing false was stored."""

    REQUESTED = "requested"
    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (CrawlState.COMPLETE, CrawlState.PARTIAL, CrawlState.FAILED)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the catalog keeps of a source; never its URL, which may hold a password.

    Attributes:
        database: the one database of the namespace that the source is, where a server has several; None for all of them.
        into: the source whose tables it describes (dbt artifacts); its `namespace` is then that source's.
        hold_share: the share of the source's tables above which those that are gone at once are held for a person's yes.

    """

    name: str
    namespace: Namespace
    platform: str
    aliases: tuple[Namespace, ...] = ()
    database: str | None = None
    into: str | None = None
    hold_share: float = 0.5


@dataclass(frozen=True, slots=True)
class TableCounts:
    """What a crawl did to tables and views.

    `gone`: a complete container no longer has them. `unseen`: not shown, but not known to be gone. `held`: gone, and
    waiting for a person's yes.
    """

    found: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    unseen: int = 0
    held: int = 0

    def __add__(self, other: TableCounts) -> TableCounts:
        """Field by field."""
        return TableCounts(
            self.found + other.found,
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.gone + other.gone,
            self.unseen + other.unseen,
            self.held + other.held,
        )


@dataclass(frozen=True, slots=True)
class CrawlBatch:
    """At most 500 tables of one container, committed together.

    Attributes:
        last: whether the container ends with this batch; if `complete` says that everything in it was read, what it no
            longer shows may be gone, which is decided when the crawl ends.
        failure: why the container was not read completely; None where it was.
        grants: as in `ContainerRead`; part of the last batch.
        rebuilding: tables of the container that something is replacing right now (dbt's swap): not shown, not gone.
        lists: the batch says that all containers below `container` have been listed (`ContainersListed`); it has no tables.

    """

    container: Container
    found: tuple[Found, ...]
    last: bool = False
    complete: bool = False
    failure: str | None = None
    grants: tuple[str, ...] | None = None
    rebuilding: tuple[DatasetName, ...] = ()
    lists: bool = False


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What one commit did, and the newest sequence number that it wrote (unchanged where it wrote none)."""

    counts: TableCounts
    seq: Seq


@dataclass(frozen=True, slots=True)
class CrawlRecord:
    """One crawl, running or ended.

    Attributes:
        by: who asked for it.
        done, expected: tables handled so far and, where the source can say, in all; for the progress bar.
        seq: everything that the crawl wrote is in the feed up to here.
        failures: what went wrong, one line each, no secrets.
        costs: what the reading took: `statements`, and where the engine says so `bytes`, `warehouse_seconds`.

    """

    id: CrawlId
    source: str
    state: CrawlState
    by: str
    requested_at: dt.datetime
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    done: int = 0
    expected: int | None = None
    counts: TableCounts = field(default_factory=TableCounts)
    seq: Seq = START
    failures: tuple[str, ...] = ()
    costs: Mapping[str, float] = field(default_factory=dict)
