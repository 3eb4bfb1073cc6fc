"""Where a crawl puts what it finds: one commit a batch, changed rows and feed together. Journey 1, the crossing inwards."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from services.catalog.ending import Ending
from services.catalog.partly import with_known_columns
from services.catalog.store import changes, containers, crawl_changes, crawled, crawls, layers, renamed, unlisted
from services.catalog.store import ending as ending_rows
from services.catalog.store.crawl_changes import Told
from services.catalog.store.crawled import Plan, Sighting
from services.catalog.store.rows import Prepared, prepare
from services.catalog.store.text import clean
from services.catalog.store.types import utc_now
from services.common.errors import BadRequest, Conflict, NotFound
from services.common.model.crawls import BatchOutcome, CrawlBatch, CrawlId, CrawlRecord, CrawlState, SourceInfo, TableCounts
from services.common.model.names import AssetId
from services.common.runtime.db import Database

MAX_BATCH = 500
"""Tables in one commit, so that no other writer waits long for it."""


class CatalogSink:
    """`AssetSink` on the catalog's own database.

    A table belongs to the source that found it first: another source that shows it too changes nothing, and its crawl
    says so. Only when it is gone may another source take it over. Within a crawl the first showing of a table counts.
    """

    def __init__(self, database: Database, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def request(self, source: str, *, by: str) -> CrawlRecord:
        """Ask for a crawl of a source, for `claim` to find; where one is asked for already, that one.

        Whether there is such a source is for the caller to know: it may be configured and never have been crawled.
        """
        with self._database.write() as connection:
            waiting = crawls.pending(connection, source)
            return waiting or crawls.add(connection, source, CrawlState.REQUESTED, by, self._clock())

    def open(self, source: SourceInfo, *, by: str, crawl: CrawlId | None = None) -> CrawlRecord:
        """Begin a crawl of `source`, or the requested one called `crawl`; an older one still running ends as failed.

        A source that was crawled by its URL alone is called by its namespace. With the first configured name for that
        namespace it is renamed in this commit, tables and crawls included, and every table is in the feed because its
        scope path changed. Given by its URL once it has a name, it keeps that name, which is the record's `source`.

        Raises:
            Conflict: the source's namespace belongs to a source of another configured name, the source holds tables of
                another namespace, or `crawl` has ended or is of another source.
            NotFound: nobody asked for `crawl`.

        """
        now = self._clock()
        with self._database.write() as connection:
            kept = crawls.register(connection, source)
            if crawl is None:
                record = crawls.add(connection, kept.name, CrawlState.RUNNING, by, now)
            else:
                record = _begun(crawls.locked(connection, crawl), source.name, kept.name, now)
                crawls.save(connection, record, now)
            crawls.supersede(connection, record, now)
            if kept.was is not None:
                # behind the crawls' rows: a batch that was under way has committed, and no other can begin
                changes.append(connection, renamed.rename(connection, kept.was, kept.name, database=kept.database), now)
            if source.into is None:
                changes.append(connection, unlisted.adopt(connection, kept.name, source.namespace, source.database), now)
            return record

    def put(self, crawl: CrawlId, batch: CrawlBatch) -> BatchOutcome:
        """Store a batch in one commit. What the crawl has stored already is not counted again.

        `seq` of the outcome is the newest in the store, so that a reader who has it has all of the batch, also what
        did not change.

        Raises:
            BadRequest: more than `MAX_BATCH` tables, a table without a name, or one of another namespace's container.
            Conflict: the crawl has ended.
            NotFound: nobody began the crawl.

        """
        if len(batch.found) > MAX_BATCH:
            raise BadRequest(f"a batch holds at most {MAX_BATCH} tables, not {len(batch.found)}")
        found: dict[AssetId, Prepared] = {}
        failures = [clean(batch.failure)] if batch.failure else []
        for item in with_known_columns(self._database, batch.found):
            prepared = prepare(item, batch.container)
            first = found.setdefault(prepared.id, prepared)
            failures += [_twice(prepared)] if first.fingerprint != prepared.fingerprint else []
        with self._database.write() as connection:
            now = self._clock()
            record = crawls.running(connection, crawl)
            sighting = _sighting(connection, record, now)
            fresh = containers.note(connection, crawl, batch)
            held = crawled.stored(connection, sorted(found))
            plan = crawled.compare(found, held, sighting)
            crawled.write(connection, plan, held, sighting)
            told, counts = _described(connection, plan, sighting)
            crawl_changes.record(connection, crawl, told)
            crawled.revise(connection, cleared := [prepared.id for prepared in plan.cleared])
            seq = changes.append(
                connection, list(dict.fromkeys([*told, *cleared, *crawled.of_another_day(plan, held)])), now
            )
            lines = (failures if fresh or not batch.failure else failures[1:]) + _refusals(plan, found)
            crawls.save(connection, _with_batch(record, counts, seq, lines), now)
            return BatchOutcome(counts, seq)

    def progress(self, crawl: CrawlId, *, done: int, expected: int | None) -> None:
        """Say how far the crawl is.

        Raises:
            Conflict: the crawl has ended; whoever runs it should stop.
            NotFound: nobody began it.

        """
        with self._database.write() as connection:
            record = crawls.running(connection, crawl)
            crawls.save(connection, dataclasses.replace(record, done=done, expected=expected), self._clock())

    def close(
        self, crawl: CrawlId, state: CrawlState, failures: Sequence[str], *, costs: Mapping[str, float] | None = None
    ) -> CrawlRecord:
        """End the crawl and return its report; one that has ended stays as it is.

        What it did not show is judged by `absence.judge`: gone, marked as unseen, renamed, or held, in which case the
        crawl ends as partial and says so. That is written in the commit that ends the crawl, or, where there is very
        much of it, in commits before; called again after a failure it goes on where it was. A crawl that ends as failed
        says nothing of what it did not show.

        Raises:
            BadRequest: `state` is not one of an ended crawl.
            NotFound: nobody began it.

        """
        if not state.ended:
            raise BadRequest(f"a crawl cannot end as {state.value}")
        lines = [clean(line) for line in failures]
        ending: Ending | None = None
        while True:
            with self._database.write() as connection:
                now = self._clock()
                record = crawls.locked(connection, crawl)
                if record.state.ended:
                    return record
                sighting = _sighting(connection, record, now)
                ending = ending or Ending.of(connection, sighting, state)
                ids, counts, more = ending.step(connection, sighting)
                # everything that it found, changed or not, is in the feed up to here
                seq = changes.append(connection, ids, now)
                record = _with_batch(record, counts, seq, [] if more else [*lines, *ending.lines])
                if not more:
                    record = dataclasses.replace(record, state=ending.state, ended_at=now, costs=dict(costs or {}))
                    containers.forget(connection, record.source, crawl)
                record = crawls.save(connection, record, now)
            if not more:
                return record

    def accept(self, crawl: CrawlId, *, by: str) -> CrawlRecord:
        """Say yes to what a crawl holds: the tables that it no longer found are gone.

        Raises:
            NotFound: nobody began the crawl.
            Conflict: it holds nothing, perhaps because a later crawl has looked again.

        """
        while True:
            with self._database.write() as connection:
                now = self._clock()
                record = crawls.locked(connection, crawl)
                held = ending_rows.held_by(connection, crawl)
                if not held or not record.state.ended:
                    raise Conflict(f"the crawl {crawl} of {record.source} holds nothing; a later one may have looked again")
                some = held[: ending_rows.AT_ONCE]
                # as the next sighting would, so that what has been shown since stays
                gone = ending_rows.bury(connection, some, _sighting(connection, record, now))
                seq = changes.append(connection, gone, now)
                counts = TableCounts(gone=len(gone), held=-len(some))
                ending_rows.free(connection, sorted(set(some).difference(gone)))
                more = len(held) > len(some)
                line = [] if more else [f"{by} said yes: what was held is gone"]
                record = crawls.save(connection, _with_batch(record, counts, seq, line), now)
            if not more:
                return record

    def claim(self) -> CrawlRecord | None:
        """The oldest crawl asked for whose source nobody crawls now, marked `running`; None where there is none.

        Crawls that have died silently are ended on the way. Made for polling: it writes only when there is something.
        """
        now = self._clock()
        with self._database.read() as connection:
            if not crawls.has_work(connection, now):
                return None
        with self._database.write() as connection:
            crawls.end_silent(connection, now)
            record = crawls.next_requested(connection)
            if record is None:
                return None
            claimed = dataclasses.replace(record, state=CrawlState.RUNNING, started_at=now)
            crawls.save(connection, claimed, now)
            return claimed


def _begun(record: CrawlRecord, asked: str, source: str, now: dt.datetime) -> CrawlRecord:
    """The requested crawl as begun, of the source called `source`; it may have been asked for as `asked`."""
    if record.source not in (asked, source):
        raise NotFound(f"there is no crawl {record.id} of {asked}")
    if record.state.ended:
        raise Conflict(f"the crawl {record.id} of {source} has ended")
    return dataclasses.replace(record, source=source, state=CrawlState.RUNNING, started_at=record.started_at or now)


def _sighting(connection: Connection, record: CrawlRecord, now: dt.datetime) -> Sighting:
    info = crawls.info(connection, record.source)
    if info is None:
        return Sighting(record.id, record.source, now)
    return Sighting(record.id, record.source, now, into=info.into, platform=info.platform)


def _described(connection: Connection, plan: Plan, sighting: Sighting) -> tuple[dict[AssetId, Told], TableCounts]:
    """What a batch did to each table, and in numbers; what artifacts say is stored on the way."""
    told: dict[AssetId, Told] = {p.id: ("returned" if p.id in plan.returned else "added", None) for p in plan.added}
    told |= {prepared.id: ("changed", None) for prepared in plan.changed}
    changed, unchanged = len(plan.changed), len(plan.unchanged)
    if sighting.into is not None:
        every = [*plan.described, *plan.seen]
        fresh = layers.put(connection, every, sighting)
        layers.rekey(connection, fresh)
        again = {prepared.id for prepared in (*plan.described, *plan.unchanged)} & fresh
        crawled.revise(connection, sorted(fresh - told.keys()))
        told |= dict.fromkeys(sorted(fresh - told.keys()), ("changed", None))
        changed, unchanged = changed + len(again), unchanged + len(plan.described) - len(again)
    else:
        layers.rekey(connection, layers.described(connection, [prepared.id for prepared in plan.written]))
    counts = TableCounts(
        found=len(plan.seen) + len(plan.described), added=len(plan.added), changed=changed, unchanged=unchanged
    )
    return told, counts


def _with_batch(record: CrawlRecord, counts: TableCounts, seq: int, failures: Sequence[str]) -> CrawlRecord:
    return dataclasses.replace(
        record,
        counts=record.counts + counts,
        seq=type(record.seq)(max(record.seq, seq)),
        failures=(*record.failures, *failures),
    )


def _refusals(plan: Plan, found: dict[AssetId, Prepared]) -> list[str]:
    lines = [_twice(prepared) for prepared in plan.repeated]
    for owner in sorted(set(plan.foreign.values())):
        theirs = [found[asset_id].name.qualified for asset_id, name in plan.foreign.items() if name == owner]
        others = f" and {len(theirs) - 1} more" if len(theirs) > 1 else ""
        lines.append(f"{min(theirs)}{others}: held by the source {owner}, left as they are there")
    return lines


def _twice(prepared: Prepared) -> str:
    return f"{prepared.name.qualified}: listed twice and differently; the first was kept"
