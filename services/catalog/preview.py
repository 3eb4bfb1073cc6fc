"""A crawl that writes nothing: what it would add, change, take away or hold, by the same rules as a real one.

Journey 1, as `headwater crawl --dry-run` has it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.catalog.absence import Appeared, ContainerState, Crawled, Verdict, judge
from services.catalog.partly import with_known_columns
from services.catalog.store import containers, crawled, crawls, ending, layers
from services.catalog.store.crawled import Plan, Sighting, Stored
from services.catalog.store.crawls import Registered
from services.catalog.store.rows import Prepared, container_key, prepare
from services.catalog.store.types import utc_now
from services.common.model.changes import START
from services.common.model.crawls import (
    BatchOutcome,
    CrawlBatch,
    CrawlId,
    CrawlRecord,
    CrawlState,
    SourceInfo,
    TableCounts,
)
from services.common.model.names import AssetId
from services.common.runtime.db import Database

_DRY = CrawlId("dry-run")


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a crawl would do to one table; `detail` is a reason, or the name that it had before."""

    qualified: str
    what: str
    detail: str | None = None


class PreviewSink:
    """`AssetSink` over a catalog that stays as it is; one crawl each.

    Args:
        database: the catalog's; None for one that does not exist yet, where everything is new.

    Attributes:
        found: what would change, in order of names, once the crawl is closed.
        read: each container as it was read, by name.

    """

    def __init__(self, database: Database | None) -> None:
        self._database = database
        self._sighting = Sighting(_DRY, "", utc_now())
        self._info: SourceInfo | None = None
        self._kept = Registered("")
        self._plan = Plan()
        self._names: dict[AssetId, str] = {}
        self._objects: dict[AssetId, Appeared] = {}
        self._described: set[AssetId] = set()
        self._taken = 0
        self._containers: dict[str, ContainerState] = {}
        self._listings: dict[str, ContainerState] = {}
        self.found: list[Previewed] = []
        self.read: dict[str, ContainerState] = {}

    def open(self, source: SourceInfo, *, by: str, crawl: CrawlId | None = None) -> CrawlRecord:
        """Begin, as the source that a real crawl would be of; one whose tables it would take over counts as the same.

        Raises:
            Conflict: a real crawl may not have the name.

        """
        self._info, self._kept = source, Registered(source.name)
        if self._database is not None:
            with self._database.read() as connection:
                self._kept = crawls.standing(connection, source)
        self._sighting = Sighting(crawl or _DRY, self._kept.name, utc_now(), into=source.into)
        now = self._sighting.at
        return CrawlRecord(_DRY, self._kept.name, CrawlState.RUNNING, by, now, started_at=now)

    def put(self, crawl: CrawlId, batch: CrawlBatch) -> BatchOutcome:  # noqa: ARG002 - the port's
        """Compare a batch with what is stored."""
        if batch.last:
            states = self._listings if batch.lists else self._containers
            states[container_key(batch.container)] = containers.state_of(batch)
            if not batch.lists:
                self.read[".".join(batch.container.parts)] = containers.state_of(batch)
        found = batch.found if self._database is None else with_known_columns(self._database, batch.found)
        prepared = {one.id: one for one in (prepare(item, batch.container) for item in found)}
        fresh = {id_: one for id_, one in prepared.items() if id_ not in self._names}
        self._names |= {id_: one.name.qualified for id_, one in fresh.items()}
        plan = crawled.compare(fresh, {}, self._sighting)
        if self._database is not None and fresh:
            with self._database.read() as connection:
                stored = crawled.stored(connection, sorted(fresh), lock=False)
                held = {id_: self._taken_over(row) for id_, row in stored.items()}
                plan = crawled.compare(fresh, held, self._sighting)
                if self._sighting.into is not None:
                    self._described |= layers.fresh(connection, [*plan.described, *plan.seen], self._sighting)
            theirs = (held[one.id] for one in plan.changed)
            self._taken += sum(row["told_by"] != self._sighting.source for row in theirs)
        self._objects |= {one.id: self._appeared(one) for one in plan.seen if one.facts["object_id"]}
        for name in ("added", "changed", "unchanged", "described"):
            getattr(self._plan, name).extend(getattr(plan, name))
        self._plan.returned |= plan.returned
        self._plan.foreign |= plan.foreign
        return BatchOutcome(TableCounts(found=len(plan.seen)), START)

    def _taken_over(self, row: Stored) -> Stored:
        """A stored table that this crawl shows, as it would be once its source had got the name of this one."""
        if self._kept.was is None or row["source"] != self._kept.was:
            return row
        return {**row, **{name: self._kept.name for name in ("source", "told_by") if row[name] == self._kept.was}}

    def progress(self, crawl: CrawlId, *, done: int, expected: int | None) -> None:
        """Nothing: nobody watches."""

    def close(
        self, crawl: CrawlId, state: CrawlState, failures: Sequence[str], *, costs: Mapping[str, float] | None = None
    ) -> CrawlRecord:
        """Judge what was not shown, and report as a real crawl would."""
        verdict = Verdict()
        if self._database is not None and state is not CrawlState.FAILED:
            with self._database.read() as connection:
                verdict = self._judged(connection, whole=state is CrawlState.COMPLETE)
                self._tell_absent(connection, verdict)
        new = self._tell_present(verdict)
        again = sum(one.id in self._described for one in self._plan.described)
        self.found.sort(key=lambda one: (one.qualified, one.what))
        counts = TableCounts(
            found=len(self._plan.seen) + len(self._plan.described),
            added=len(self._plan.added) - new,
            changed=len(self._plan.changed) + again + new,
            unchanged=len(self._plan.unchanged) + len(self._plan.described) - again,
            gone=len(verdict.gone),
            unseen=len(verdict.unseen),
            held=len(verdict.held),
        )
        lines = dict.fromkeys([*(one.failure for one in self.read.values() if one.failure), *failures])
        ended = CrawlState.PARTIAL if verdict.held and state is CrawlState.COMPLETE else state
        return dataclasses.replace(
            self._record(), id=crawl, state=ended, counts=counts, failures=tuple(lines), costs=dict(costs or {})
        )

    def request(self, source: str, *, by: str) -> CrawlRecord:  # noqa: ARG002 - the port's
        """Nothing can be asked for."""
        return self._record()

    def claim(self) -> CrawlRecord | None:
        """Nothing is ever asked for."""
        return None

    def _record(self) -> CrawlRecord:
        now = self._sighting.at
        return CrawlRecord(_DRY, self._sighting.source, CrawlState.RUNNING, "dry-run", now, started_at=now)

    def _judged(self, connection: Connection, *, whole: bool) -> Verdict:
        missing = ending.absent(connection, self._sighting, self._names.keys())
        was, database = self._kept.was, self._kept.database
        if was is not None:
            theirs = dataclasses.replace(self._sighting, source=was)
            missing += ending.absent(connection, theirs, self._names.keys(), database=database)
            missing.sort(key=lambda one: one.id)
        new = {one.id: self._appeared(one) for one in self._plan.added if one.id not in self._plan.returned}
        # as in a real crawl: what is shown under an object id that an absent table had, since when it is known
        moved = {one.object_id for one in missing if one.object_id}
        objects = [one for one in self._objects.values() if one.object_id in moved]
        known = ending.first_seen(connection, [one.id for one in objects])
        new |= {one.id: dataclasses.replace(one, first_seen=known.get(one.id, one.first_seen)) for one in objects}
        share = self._info.hold_share if self._info is not None else 1.0
        total = ending.total(connection, self._sighting.source) + self._taken
        total += ending.total(connection, was, database=database) if was is not None else 0
        read = Crawled(self._containers, self._listings, whole=whole)
        return judge(missing, list(new.values()), read, total=total, hold_share=share)

    def _appeared(self, one: Prepared) -> Appeared:
        columns = one.facts["columns"]
        return Appeared(one.id, self._sighting.at, one.facts["object_id"], ending.shape(columns), len(columns))

    def _tell_absent(self, connection: Connection, verdict: Verdict) -> None:
        ids = [*verdict.gone, *verdict.held, *verdict.unseen, *verdict.renamed]
        names = ending.names(connection, ids)
        self.found += [Previewed(names[id_], "gone") for id_ in verdict.gone]
        self.found += [Previewed(names[id_], "held") for id_ in verdict.held]
        self.found += [Previewed(names[id_], "unseen", why) for id_, why in verdict.unseen.items()]
        self.found += [Previewed(self._names[new], "renamed", names[old]) for old, new in verdict.renamed.items()]

    def _tell_present(self, verdict: Verdict) -> int:
        """Tell what was shown; returns how much of what is new is renamed."""
        renamed = set(verdict.renamed.values())
        for one in self._plan.added:
            if one.id not in renamed:
                what = "returned" if one.id in self._plan.returned else "added"
                self.found.append(Previewed(one.name.qualified, what))
        self.found += [Previewed(one.name.qualified, "changed") for one in self._plan.changed if one.id not in renamed]
        told = {one.id for one in self._plan.written}
        said = [one for one in (*self._plan.described, *self._plan.unchanged) if one.id in self._described - told]
        self.found += [Previewed(one.name.qualified, "changed") for one in said]
        for id_, owner in self._plan.foreign.items():
            self.found.append(Previewed(self._names[id_], "left", f"held by the source {owner}"))
        return len(renamed.intersection(one.id for one in self._plan.added))
