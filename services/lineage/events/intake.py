"""Taking events in: a delivery is read, what is new of it is folded and kept in one commit, and only then answered.

Journey 3, from the crossing to the commit. A batch is one unit of work: an event that cannot be meant is left out and named,
the others are stored.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from services.common.errors import BadRequest, HeadwaterError
from services.common.model.access import AccessScope
from services.common.model.changes import Seq
from services.common.model.events import (
    DatasetPage,
    Delivery,
    EventPage,
    EventsRequest,
    Fate,
    Intake,
    JobId,
    JobPage,
    JobsRequest,
    Outcome,
    RunPage,
    RunsRequest,
)
from services.common.model.job_search import JobAnswer, JobQuery
from services.common.model.names import AssetId, Namespaces
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.lineage.events import facts, finding, identity, permitted, reading
from services.lineage.events.event import Event
from services.lineage.events.fold import fold, refold
from services.lineage.events.parse import Refused, parse_event, read_delivery
from services.lineage.store import checkpoint, event_datasets, events

MAX_BATCH = 10_000
"""Events of one batch: what is folded in one commit, for which other writers wait."""
MAX_FACTS = 1_000
"""Facts of one page."""
NAMESPACES_S = 1.0
"""How long it is taken for granted which namespace stands for which: asking the catalog takes longer than an event."""
REALIGN_S = 2.0
"""Between looks at whether names stand for other datasets now, because a source was added or crawled."""
FORGET_S = 600.0
"""Between looks for texts that are older than they are kept."""
KEEP_DAYS = 30
"""Days that texts of events are kept, unless a setting says otherwise."""

_log = get_logger("lineage.events")


class SqlOfJobs(Protocol):
    """Reads the SQL of events behind their answer."""

    def take(self, events: Iterable[Event], moved: Collection[JobId]) -> None:
        """Remember the texts of events, and the jobs whose datasets are others now. Returns at once."""
        ...

    def look_again(self) -> None:
        """Names stand for other datasets now."""
        ...


class EventIntake:
    """`LineageEvents` on the lineage service's own database.

    Args:
        database: its own, with its tables made.
        namespaces: which namespace a raw one stands for, and whose sources own datasets.
        keep_days: how long texts of events are kept.
        clock: gives the time, with an offset.
        sql: who reads the SQL of events; None where nobody does.

    """

    def __init__(
        self,
        database: Database,
        namespaces: Callable[[], Namespaces],
        *,
        keep_days: int = KEEP_DAYS,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        sql: SqlOfJobs | None = None,
    ) -> None:
        self._database = database
        self._sql = sql
        self._ask = namespaces
        self._keep = dt.timedelta(days=keep_days)
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, Namespaces] | None = None
        self._aligned: tuple[Namespaces, frozenset[AssetId]] | None = None
        self._looked: tuple[Namespaces, Seq] | None = None

    def accept(self, delivery: Delivery) -> Intake:
        """Store a delivery; see `LineageEvents.accept`.

        Raises:
            BadRequest: it is no JSON, or no array where it is a batch, or holds more than `MAX_BATCH` events.
            ServiceUnavailable: the database does not answer; nothing was stored.

        """
        now = self._clock()
        sent = read_delivery(delivery)
        if len(sent) > MAX_BATCH:
            detail = f"a batch holds {MAX_BATCH} events at most, not {len(sent)}"
            raise BadRequest(detail, errors=({"pointer": "", "detail": detail},))
        outcomes: dict[int, Outcome] = {}
        found: dict[str, tuple[int, Event]] = {}
        namespaces = Namespaces() if delivery.scope.is_full else self._namespaces()
        for index, raw in enumerate(sent):
            read = _permitted(index, _read(index, raw, now), delivery.scope, namespaces)
            if isinstance(read, Outcome):
                outcomes[index] = read
            elif found.setdefault(read.sha256, (index, read))[0] != index:
                outcomes[index] = Outcome(index, Fate.DUPLICATE)
        news = self._store(found, outcomes, now, delivery.by)
        return Intake(tuple(outcomes[index] for index in range(len(sent))), news=news)

    def datasets(self, after: int, *, limit: int = 500) -> DatasetPage:
        """See `LineageEvents.datasets`."""
        if after < 0 or not 1 <= limit <= MAX_FACTS:
            raise BadRequest(f"a page of facts begins at 0 or later and holds 1 to {MAX_FACTS}")
        with self._database.read() as connection:
            return facts.page(connection, after, limit)

    def jobs(self, request: JobsRequest) -> JobPage:
        """See `LineageEvents.jobs`."""
        with self._database.read() as connection:
            return reading.jobs_page(connection, request)

    def find_jobs(self, query: JobQuery) -> JobAnswer:
        """See `LineageEvents.find_jobs`."""
        with self._database.read() as connection:
            return finding.find_jobs(connection, query)

    def runs(self, request: RunsRequest) -> RunPage:
        """See `LineageEvents.runs`."""
        with self._database.read() as connection:
            return reading.runs_page(connection, request)

    def events(self, request: EventsRequest) -> EventPage:
        """See `LineageEvents.events`."""
        if not request.scope.is_full:
            return EventPage((), 0)
        with self._database.read() as connection:
            texts, total = events.page(
                connection,
                after=request.after,
                before=request.before,
                newest_first=request.newest_first,
                offset=request.offset,
                limit=request.limit,
            )
        return EventPage(texts, total)

    def forget_namespaces(self) -> None:
        """Ask for the namespaces again before they are used again."""
        with self._lock:
            self._known = None

    def realign(self) -> bool:
        """Bring names in line with the namespaces and crawls of today; returns whether any stands for another dataset now."""
        namespaces = self._namespaces()
        with self._database.read() as connection:
            looked = namespaces, checkpoint.read(connection).seq
            if looked == self._looked:
                return False
            aligned = namespaces, identity.listed_links(connection, namespaces)
        if aligned == self._aligned:
            self._looked = looked
            return False
        with self._database.write() as connection:
            checkpoint.read(connection, lock=True)
            moved = refold(connection, namespaces, self._clock())
        self._aligned, self._looked = aligned, looked
        if moved and self._sql is not None:
            self._sql.look_again()
        return moved

    def forget(self) -> int:
        """Drop texts that are older than they are kept; returns how many."""
        dropped = 0
        while True:
            with self._database.write() as connection:
                some = events.forget(connection, self._clock() - self._keep)
            dropped += some
            if some == 0:
                return dropped

    def run_until(self, stop: threading.Event, leads: Callable[[], bool] = lambda: True) -> None:
        """Realign and forget from time to time until `stop` is set, while it leads. Failures are logged and tried again."""
        forgotten_at = -FORGET_S
        while not stop.wait(REALIGN_S):
            try:
                if not leads():
                    continue
                self.realign()
                if time.monotonic() - forgotten_at >= FORGET_S:
                    self.forget()
                    forgotten_at = time.monotonic()
            except HeadwaterError as error:
                _log.warning("names of events cannot be aligned for now", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001 - a thread's edge: the next try may work
                where = traceback.format_tb(error.__traceback__)[-3:]
                _log.error("aligning the names of events failed", error=type(error).__name__, at=where)

    def _store(self, found: dict[str, tuple[int, Event]], outcomes: dict[int, Outcome], now: dt.datetime, by: str) -> bool:
        """Returns whether the catalog has to hear of any dataset."""
        if not found:
            return False
        self._database.stay_open()
        packed = {digest: events.packed(event.body) for digest, (_, event) in found.items()}
        namespaces = self._namespaces()
        with self._database.write() as connection:
            checkpoint.read(connection, lock=True)  # one writer at a time: rows are read, merged and written
            known = events.known(connection, found.keys())
            told = event_datasets.head(connection)
            fresh = [event for digest, (_, event) in found.items() if digest not in known]
            moved: Collection[JobId] = ()
            if fresh:
                moved = fold(connection, fresh, namespaces, now)
                sent = (events.Sent(event.sha256, event.at, event.body) for event in fresh)
                events.add(connection, [(one, packed[one.sha256]) for one in sent], now, by)
            news = event_datasets.head(connection) > told
        if self._sql is not None:
            self._sql.take((event for _, event in found.values()), moved)
        for digest, (index, _) in found.items():
            outcomes[index] = Outcome(index, Fate.DUPLICATE if digest in known else Fate.ACCEPTED)
        return news

    def _namespaces(self) -> Namespaces:
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > NAMESPACES_S:
                self._known = (time.monotonic(), self._ask())
            return self._known[1]


def _read(index: int, raw: Any, now: dt.datetime) -> Event | Outcome:
    try:
        return parse_event(raw, now)
    except Refused as refused:
        where = refused.pointer or "the event"
        return Outcome(index, Fate.REJECTED, f"{where} {refused.detail}", refused.pointer)


def _permitted(index: int, read: Event | Outcome, scope: AccessScope, namespaces: Namespaces) -> Event | Outcome:
    """What a sender with the scope may say of it."""
    if scope.is_full or isinstance(read, Outcome):
        return read
    pointer = permitted.outside(read, scope, namespaces)
    if pointer is None:
        return permitted.said_by(read, scope)
    detail = (
        f"{pointer} names a dataset outside of your token's scope; leave it out, or send it with a token that may see it"
    )
    return Outcome(index, Fate.REJECTED, detail, pointer, forbidden=True)
