"""The ports between the services: few verbs, values from `model` only. Each has an in-process and an HTTP adapter.

`compose` picks the adapter; one contract suite a port (`tests/contract`) holds both to the same behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.common.model.access import AccessScope
from services.common.model.assets import Asset
from services.common.model.changes import ChangePage, Seq
from services.common.model.crawls import BatchOutcome, CrawlBatch, CrawlId, CrawlRecord, CrawlState, SourceInfo
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
from services.common.model.lineage import (
    Declaration,
    DiffRequest,
    LineageCoverage,
    LineageDiff,
    LineageRequest,
    LineageStatus,
    Paths,
    PathsRequest,
    Subgraph,
)
from services.common.model.names import AssetId, ScopePath
from services.common.model.related import (
    AssetUsage,
    RecentQuery,
    RecentTable,
    RelatedAnswer,
    RelatedQuery,
    SimilarItem,
    Unused,
)
from services.common.model.schema_changes import PlannedChanges, Redefinition, RedefinitionRequest
from services.common.model.search import IndexStatus, SearchAnswer, SearchQuery, Suggestion
from services.common.model.usage import FactPage, FactSeq, IntakeReport, LogLine, LogWindow
from services.common.model.vocabulary import Proposal


class AssetSink(Protocol):
    """Indexer → catalog: where a crawl puts what it finds."""

    def open(self, source: SourceInfo, *, by: str, crawl: CrawlId | None = None) -> CrawlRecord:
        """Begin a crawl of `source`, or the requested one called `crawl`. Its state is `running` afterwards.

        Raises:
            Conflict: the source's namespace belongs to a source of another name.

        """
        ...

    def put(self, crawl: CrawlId, batch: CrawlBatch) -> BatchOutcome:
        """Store a batch in one commit: changed tables, a version where the schema changed, one feed row a change.

        Storing the same batch again changes nothing.
        """
        ...

    def progress(self, crawl: CrawlId, *, done: int, expected: int | None) -> None:
        """Say how far the crawl is, for those who watch it."""
        ...

    def close(
        self, crawl: CrawlId, state: CrawlState, failures: Sequence[str], *, costs: Mapping[str, float] | None = None
    ) -> CrawlRecord:
        """End the crawl and return its report.

        Now it is judged what the crawl did not show: in a container that was read completely a table may be gone,
        renamed or hidden; a container that was not named although its list was read whole is judged as one that was
        read and is empty. What is gone is in the feed up to the record's `seq`. More than the source's `hold_share`
        gone at once is held for a person's yes and the crawl ends as `partial`. `failed` takes nothing away. What other
        sources own is never touched.
        """
        ...

    def request(self, source: str, *, by: str) -> CrawlRecord:
        """Ask for a crawl of a source, for `claim` to find; where one is asked for already, that one."""
        ...

    def claim(self) -> CrawlRecord | None:
        """The oldest crawl that somebody asked for and nobody runs yet, marked `running`; None where there is none."""
        ...


class ChangeFeed(Protocol):
    """Indexer and lineage → catalog: what changed, in order."""

    def after(self, seq: Seq, *, limit: int = 500) -> ChangePage:
        """Changes after `seq`, oldest first, at most `limit`; an asset that changed twice comes once, at its last."""
        ...

    def head(self) -> Seq:
        """The newest sequence number; 0 for an empty store. Cheap: made for polling."""
        ...

    def states(self, ids: Sequence[AssetId]) -> tuple[Asset, ...]:
        """Those of `ids`, at most 500, that exist, as they are now: for a follower to whom something else made them news."""
        ...


class Search(Protocol):
    """Catalog → indexer: questions inside a scope."""

    def search(self, query: SearchQuery) -> SearchAnswer:
        """The hits for a question.

        Raises:
            BadRequest: the cursor is not one that an answer gave.

        """
        ...

    def suggest(self, prefix: str, scope: AccessScope, *, limit: int = 8) -> Sequence[Suggestion]:
        """Completions of what is being typed, in an order that nothing but names moves.

        Names that begin with it, then names that have a word that does, then columns and tags; of a filter's value that is
        being typed (`tag:pi`) its values.
        """
        ...

    def vocabulary(self, scope: AccessScope) -> Sequence[Proposal]:
        """The abbreviations that descriptions inside a scope teach, by term; each with its most likely meaning."""
        ...

    def status(self) -> IndexStatus:
        """How far the index is."""
        ...


class LineageQuery(Protocol):
    """Catalog → lineage: walks inside a scope."""

    def walk(self, request: LineageRequest) -> Subgraph:
        """The bounded neighbourhood of an asset; a single node for one without edges.

        Raises:
            NotFound: neither a crawl nor SQL has ever named the asset, or the scope hides it.

        """
        ...

    def paths(self, request: PathsRequest) -> Paths:
        """The shortest ways from one asset to another, inside a scope.

        Raises:
            BadRequest: `depth` or `limit` is out of its bounds.
            NotFound: one of them is unknown, or the scope hides it.

        """
        ...

    def planned(self, sql: str, dialect: str) -> PlannedChanges:
        """What a script of DDL would change, as it is written; nothing is looked up and nothing is changed."""
        ...

    def redefinition(self, request: RedefinitionRequest) -> Redefinition:
        """What of a table means something else when it is made by another text; both are read, and nothing is changed."""
        ...

    def mentioned(self, asset: AssetId, sha256: str) -> tuple[ScopePath, ...] | None:
        """The scope paths of every dataset that a definition of the asset reads, hidden ones included.

        Args:
            asset: whose definition.
            sha256: of the definition's text, in hexadecimal, so that both sides speak of the same text.

        Returns:
            The paths in order; None where it is not known what this text reads: it could not be read, or not yet.
            Never shown to anyone as it is: the catalog shows a definition only to those who may see all of them.

        """
        ...

    def status(self) -> LineageStatus:
        """How far the graph is."""
        ...


class StatementFacts(Protocol):
    """Indexer → lineage: lines of query logs in, and what the statements in them do to tables and columns out."""

    def put(self, lines: Sequence[LogLine], *, source: str) -> IntakeReport:
        """Take lines in, in one commit; each statement is read once, and no text of it is kept.

        Lines that were counted before are told apart from new ones, so that the same file, a longer one, or another
        part of the same history can be put again. A line that cannot be read is part of the report, never an error.

        Args:
            lines: at most a few thousand; they need no order.
            source: whose tables a line names that does not say so itself; empty where nobody knows.

        """
        ...

    def after(self, seq: FactSeq, *, limit: int = 1000) -> FactPage:
        """Facts after `seq`, oldest first, at most `limit`; names stand for what is known to the catalog now."""
        ...

    def head(self) -> FactSeq:
        """The newest fact's number; 0 where there is none. Cheap: made for polling."""
        ...

    def weights(self) -> Mapping[str, float]:
        """The weight of each user who behaves as a program does, as far as is known now; everybody else has 1."""
        ...

    def windows(self) -> Sequence[LogWindow]:
        """The time that each source's log covers, by name of the source."""
        ...


class LineageEvents(Protocol):
    """Catalog → lineage: OpenLineage events in, and the jobs, runs and datasets that they tell of out."""

    def accept(self, delivery: Delivery) -> Intake:
        """Store events; what is accepted is durable when this returns. One that was stored before is a duplicate.

        Raises:
            BadRequest: the text is no JSON, or a batch is no array; `errors` point at the place. A single event that cannot be
                meant is no error here: its outcome says so.

        """
        ...

    def datasets(self, after: int, *, limit: int = 500) -> DatasetPage:
        """What events say of datasets, changed after the number `after`: what the catalog follows. Of no scope."""
        ...

    def jobs(self, request: JobsRequest) -> JobPage:
        """Jobs inside a scope, in order of namespace and name.

        Raises:
            BadRequest: the cursor is not one that a page gave.

        """
        ...

    def find_jobs(self, query: JobQuery) -> JobAnswer:
        """The jobs inside a scope that a question finds by their names, best first.

        Raises:
            BadRequest: `limit` or `offset` is out of its bounds.

        """
        ...

    def runs(self, request: RunsRequest) -> RunPage:
        """Runs inside a scope, the last begun first, with their job where one is asked for.

        Raises:
            BadRequest: the cursor is not one that a page gave.
            NotFound: the job does not exist, or something that it reads or writes is hidden.

        """
        ...

    def events(self, request: EventsRequest) -> EventPage:
        """Events as they were sent, without secrets, SQL and literals; none in a scope that is not full."""
        ...


class LineageRecord(Protocol):
    """Catalog → lineage: what is known of the graph itself, in time, and what people say of it."""

    def diff(self, request: DiffRequest) -> LineageDiff:
        """The edges that opened and closed between two instants, inside a scope.

        Raises:
            BadRequest: the later instant is not later, or `limit` is out of its bounds.
            NotFound: the asset is unknown, or the scope hides it.

        """
        ...

    def coverage(self, scope: AccessScope) -> LineageCoverage:
        """How far definitions are understood, by source."""
        ...

    def declare(self, said: Declaration, scope: AccessScope) -> bool:
        """Store that a person says so; returns whether it was not said before. Crawls never take it back.

        Raises:
            BadRequest: both ends are one.
            NotFound: one of them is unknown, or the scope hides it.

        """
        ...

    def retract(self, said: Declaration, scope: AccessScope) -> bool:
        """Take back what a person said; returns whether anybody had. Raises what `declare` raises."""
        ...


class LineageService(LineageQuery, LineageRecord, Protocol):
    """Both ports of the lineage service: one thing answers them."""


class Recommendations(Protocol):
    """Catalog → indexer: what is used together, and how much, inside a scope."""

    def related(self, query: RelatedQuery) -> RelatedAnswer:
        """Tables that go with a basket, best first; none of the basket is among them."""
        ...

    def usage(self, asset: AssetId, scope: AccessScope) -> AssetUsage | None:
        """What logs say of a table; None where no log that was read names it, or the scope hides it."""
        ...

    def similar(self, asset: AssetId, scope: AccessScope, *, limit: int) -> Sequence[SimilarItem]:
        """Listed tables that are like one in structure and text, likeliest first; none where the scope hides it."""
        ...

    def recent(self, query: RecentQuery) -> Sequence[RecentTable]:
        """The tables that somebody used lately, as far as logs name people and the scope shows their statements whole."""
        ...

    def unused(self, scope: AccessScope, *, days: int) -> Sequence[Unused]:
        """Listed tables that no log shows to be read within the last `days`, by name; see `Unused.state`."""
        ...
