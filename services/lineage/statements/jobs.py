"""The SQL that events bring is read behind their answer: each text once, and again when what its names stand for is known better.

Journey 3, step "SQL of events" (docs/adr/0034). Texts wait in memory and nowhere else, since they hold literals: what a crash
loses is read with the job's next run.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from sqlalchemy import Connection

from services.common.errors import HeadwaterError
from services.common.model.changes import Seq
from services.common.model.events import JobId
from services.common.model.names import Namespaces, platform_of
from services.common.model.sql_tokens import without_literals
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.lineage.events.event import Event
from services.lineage.sql.aliases import ALIASES
from services.lineage.sql.logged import Shape, Shaped, Usage, usage_in
from services.lineage.sql.statement import Problem
from services.lineage.statements import intake, job_meaning
from services.lineage.statements.around import Sources
from services.lineage.statements.job_meaning import ColumnsOf, Place, Places
from services.lineage.statements.job_reading import JobReading, columns_in, usage_of
from services.lineage.statements.known import Known
from services.lineage.statements.late import Late, Text
from services.lineage.statements.reading import SqlReader
from services.lineage.store import checkpoint, datasets, job_statements
from services.lineage.store.datasets import Dataset
from services.lineage.store.job_statements import JobStatement

AT_ONCE = 200
"""Jobs read at once: about a second of reading."""
MAX_WAITING = 50_000_000
"""Characters of texts that wait, and again of those that are kept for another reading; the oldest are dropped first."""
MAX_STATEMENTS = 200
"""Statements kept of a job: who writes another text at every run has as many as runs, and the newest tell enough."""
POLL_S = 0.5
RETRY_S = 2.0
_REST = 4.0
"""After looking at every job's statements again for t seconds, the next look waits 4 t."""

_NAME = re.compile(r"[a-z][a-z0-9_.+ -]{0,39}")
"""What may be a dialect's name; what is not is no dialect, and is not kept."""

_log = get_logger("lineage.event-sql")


@dataclass(slots=True)
class _Waiting:
    """What came of one job: texts, each with the times of the first and the last event that had it."""

    texts: dict[Text, tuple[dt.datetime, dt.datetime]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(len(sql) for sql, _ in self.texts)


class JobSql:
    """Reads the statements of jobs, some jobs a step.

    Args:
        database: the lineage service's own.
        reader: the worker process.
        namespaces: whose the sources are, asked anew for each step.
        key: of the home: what a text that cannot be read is recognised by is a hash under it.
        patient: a worker process that has more time, for what took the other one too long; None: no second try.
        clock: gives the time, with an offset.

    """

    def __init__(
        self,
        database: Database,
        reader: SqlReader,
        namespaces: Callable[[], Namespaces],
        *,
        key: Callable[[], bytes],
        patient: SqlReader | None = None,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._database = database
        self._reader = reader
        self._patient = patient
        self._late = Late()
        self._namespaces = namespaces
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: OrderedDict[JobId, _Waiting] = OrderedDict()
        self._size = 0
        self._alone = 0  # jobs in front that are read one by one: something of one of them fails
        self._shapes: OrderedDict[Text, tuple[str, Shaped | Usage, Text]] = OrderedDict()
        self._shapes_size = 0
        self._texts: dict[tuple[JobId, str], Text] = {}
        self._known: Known | None = None
        self._looked: tuple[Namespaces, Seq] | None = None
        self._again: str | None = None  # the job up to which all are being looked at again
        self._not_before = 0.0

    def take(self, events: Iterable[Event], moved: Collection[JobId] = ()) -> None:
        """Remember what events bring, and which jobs have other datasets now. Reads nothing: who sends events waits for this."""
        with self._lock:
            for event in events:
                if (job := event.job) is None:
                    continue
                waiting = self._waiting.setdefault(job, _Waiting())
                if event.sql:
                    text = event.sql, _dialect(event)
                    before = waiting.texts.get(text)
                    self._size += len(event.sql) if before is None else 0
                    first, last = before or (event.at, event.at)
                    waiting.texts[text] = min(first, event.at), max(last, event.at)
            for job in moved:
                self._waiting.setdefault(job, _Waiting())
            while self._size > MAX_WAITING:
                self._size -= self._waiting.popitem(last=False)[1].size

    def look_again(self) -> None:
        """Names stand for other datasets now: have every job's statements looked at."""
        with self._lock:
            self._looked = None

    def step(self, *, all_too: bool = True) -> bool:
        """Read what some jobs brought, and commit each. Returns whether there may be more.

        Args:
            all_too: where none brought anything, look at all jobs if a crawl or a setting has shown more since.

        Raises:
            ServiceUnavailable: the database or the worker does not answer; what was to be read waits still.
            Exception: what nobody foresaw; what was to be read waits still and is read one by one, or is one job and left out.

        """
        with self._lock:
            some = dict(islice(self._waiting.items(), 1 if self._alone else AT_ONCE))
            for job, waiting in some.items():
                del self._waiting[job]
                self._size -= waiting.size
        self._alone = max(0, self._alone - 1)
        try:
            if some:
                self._give_back(self._read(some, self._reader))
                return True
            return (all_too and self._look_at_all()) or self._read_late()
        except HeadwaterError:
            self._give_back(some)
            raise
        except Exception:
            if len(some) > 1:  # the others must not wait for ever for the one that fails
                self._give_back(some)
                self._alone = len(some)
            raise

    def catch_up(self) -> None:
        """Read all that waits."""
        self._not_before = 0.0
        while self.step():
            self._not_before = 0.0

    def run_until(self, stop: threading.Event, leads: Callable[[], bool] = lambda: True) -> None:
        """Read what waits until `stop` is set, and look at all jobs again while it leads. Failures are logged and tried again."""
        while not stop.is_set():
            pause_s = 0.0
            try:
                if not self.step(all_too=leads()):
                    pause_s = POLL_S
            except HeadwaterError as error:
                _log.warning("the SQL of events cannot be read for now", code=error.code, detail=error.detail)
                pause_s = RETRY_S
            except Exception as error:  # noqa: BLE001 - a thread's edge: the message may hold SQL, where it happened does not
                where = traceback.format_tb(error.__traceback__)[-3:]
                _log.error("reading the SQL of events failed", error=type(error).__name__, at=where)
                pause_s = RETRY_S
            stop.wait(pause_s)

    def _give_back(self, some: dict[JobId, _Waiting]) -> None:
        """Let them wait again, in front."""
        with self._lock:
            for job, waiting in some.items():
                now = self._waiting.setdefault(job, _Waiting())
                for text, (first, last) in waiting.texts.items():
                    before = now.texts.get(text, (first, last))
                    self._size += 0 if text in now.texts else len(text[0])
                    now.texts[text] = min(first, before[0]), max(last, before[1])
            for job in reversed(some):
                self._waiting.move_to_end(job, last=False)

    def _look_at_all(self) -> bool:
        """Where a crawl or a setting has shown more since, go through all jobs' statements, some a step."""
        with self._database.read() as connection:
            state = self._namespaces(), checkpoint.read(connection).seq
            if self._again is None:
                if state == self._looked or time.monotonic() < self._not_before:
                    return False
                self._looked, self._again = state, ""
            jobs = job_statements.jobs_with(connection, self._again, AT_ONCE)
        begun = time.monotonic()
        overtaken = self._read({job: _Waiting() for job in jobs}, self._reader)
        self._give_back(overtaken)
        self._again = jobs[-1] if len(jobs) == AT_ONCE else None
        self._not_before = time.monotonic() + _REST * (time.monotonic() - begun)
        return self._again is not None or bool(overtaken)

    def _read_late(self) -> bool:
        """Read one text again that took too long, with more time; this once."""
        found = self._late.take() if self._patient is not None else None
        if found is None or self._patient is None:
            return False
        text, one = found
        self._forget_shape(text)
        try:
            overtaken = self._read({one.job: _Waiting({text: (one.first, one.last)})}, self._patient, one.fingerprint)
        except HeadwaterError:
            self._late.add(text, one)
            raise
        if overtaken:
            self._late.add(text, one)
        return True

    def _read(self, some: Mapping[JobId, _Waiting], reader: SqlReader, instead: str | None = None) -> dict[JobId, _Waiting]:
        """Read what jobs brought, and look at what they have; returns those of which nothing is stored: they have others by now.

        Args:
            some: texts, by job.
            reader: reads them.
            instead: the fingerprint that a text had which took too long: it is read now, and may have another one.

        """
        namespaces = self._namespaces()
        with self._database.read() as connection:
            stored = job_statements.of_jobs(connection, some.keys())
            jobs = [job for job, waiting in some.items() if waiting.texts or job in stored]
            if not jobs:
                return {}
            known = self._loaded(connection)
            ends, names = job_statements.ends(connection, jobs), job_statements.namespaces(connection, jobs)
        # no transaction is open while texts are read, which may take minutes
        sources = Sources(namespaces, lambda name: known.databases.get(name, {}))
        places: dict[JobId, Places] = {
            job: partial(job_meaning.place_of, names.get(job, ""), ends.get(job, ()), sources, namespaces) for job in jobs
        }
        self._shape([text for job in jobs for text in some[job].texts], reader)
        reading = JobReading(reader, known, self._columns_of(jobs, some, stored, places, known), instead)
        overtaken: dict[JobId, _Waiting] = {}
        for job in jobs:  # a commit each: events that arrive wait for no more than one
            before = stored.get(job, {})
            now = self._statements(job, some[job], before, places[job], reading)
            with self._database.write() as connection:
                checkpoint.read(connection, lock=True)
                if job_statements.of_jobs(connection, [job]).get(job, {}) != before:
                    # a renamed dataset took its edges along meanwhile, or another server has read the job
                    overtaken[job] = some[job]
                elif self._store(connection, job, before, now, places[job], known, namespaces):
                    checkpoint.raise_version(connection)
        return overtaken

    def _columns_of(
        self,
        jobs: Sequence[JobId],
        some: Mapping[JobId, _Waiting],
        stored: Mapping[JobId, Mapping[str, JobStatement]],
        places: Mapping[JobId, Places],
        known: Known,
    ) -> ColumnsOf:
        """Columns of datasets; of those that the jobs' statements name they are there already."""
        columns_of = columns_in(self._database)
        ids = {id_ for of_job in stored.values() for one in of_job.values() for id_ in one.told if id_ is not None}
        for job in jobs:
            for text in some[job].texts:
                shape = self._shapes[text][1]
                ids |= job_meaning.named_in(shape, places[job](text[1]), known)
        columns_of(ids)
        return columns_of

    def _statements(
        self,
        job: JobId,
        waiting: _Waiting,
        before: Mapping[str, JobStatement],
        places: Places,
        reading: JobReading,
    ) -> dict[str, JobStatement]:
        """A job's statements as they are now."""
        found = {fingerprint: one for fingerprint, one in before.items() if fingerprint != reading.instead}
        for text, (first, last) in waiting.texts.items():
            fingerprint, _, once = self._shapes[text]
            self._texts[job, fingerprint] = once  # of jobs that run the same there is one text
            one = found.get(fingerprint)
            if one is None:
                one = JobStatement(job, fingerprint, text[1], "", None, Usage("").as_json(), (), "", first, last)
            found[fingerprint] = replace(one, first=min(one.first, first), last=max(one.last, last))
        newest = sorted(found.values(), key=lambda one: (one.last, one.fingerprint))[-MAX_STATEMENTS:]
        now = {one.fingerprint: self._now(one, places(one.dialect), reading) for one in newest}
        for text in waiting.texts:
            one = now.get(self._shapes[text][0])
            if one is not None and usage_in(one.said).problem is Problem.TIMEOUT:
                self._late.add(text, one)
        return now

    def _now(self, one: JobStatement, place: Place, reading: JobReading) -> JobStatement:
        """A statement read, or read again, where it has a text and what that rests on is another; else only its names."""
        usage, known, columns_of = usage_in(one.said), reading.known, reading.columns_of
        text = self._texts.get((one.job, one.fingerprint))
        shape = self._shapes.get(text) if text is not None else None
        if text is not None and shape is not None:
            if one.state and job_meaning.seen(usage, place, known, columns_of) == one.seen:
                return one
            return job_meaning.stored(one, usage_of(text[0], shape[1], place, reading), place, known, columns_of)
        # its reading rests on what it rested on: where that is another now, the text is read again when it comes again
        return replace(job_meaning.stored(one, usage, place, known, columns_of), seen=one.seen)

    def _store(
        self,
        connection: Connection,
        job: JobId,
        before: Mapping[str, JobStatement],
        now: Mapping[str, JobStatement],
        places: Places,
        known: Known,
        namespaces: Namespaces,
    ) -> bool:
        news = [one for one in now.values() if one != before.get(one.fingerprint)]
        job_statements.put(connection, news)
        job_statements.forget(connection, job, before.keys() - now.keys())
        owner = intake.owner_of(namespaces)
        named = job_meaning.named(now, places, known)
        added = datasets.put_named(connection, [Dataset.named(name, owner(name)) for name in named.values()])
        every = [*before.values(), *now.values()]
        return job_statements.show(connection, job, job_meaning.shown(now.values()), every, self._clock()) or added

    def _shape(self, texts: Sequence[Text], reader: SqlReader) -> None:
        """See to it that the fingerprints of texts are known."""
        new = [text for text in dict.fromkeys(texts) if text not in self._shapes]
        answers = reader.read_shapes([Shape(sql, dialect) for sql, dialect in new]) if new else []
        known: Shaped | Usage
        for (sql, dialect), answer in zip(new, answers, strict=True):
            if isinstance(answer, Shaped):
                digest, known = answer.digest, answer
            else:
                masked = " ".join(without_literals(sql, dialect).split())
                keyed = hashlib.blake2b(masked.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key())
                digest, known = keyed.hexdigest(), job_meaning.unread(answer)
            told = hashlib.blake2b(f"{digest}\n{dialect}".encode(), digest_size=16).hexdigest()
            self._shapes[sql, dialect] = told, known, (sql, dialect)
            self._shapes_size += len(sql)
        for text in texts:
            self._shapes.move_to_end(text)
        dropped = False
        while self._shapes_size > MAX_WAITING and len(self._shapes) > len(texts):
            (sql, _), _ = self._shapes.popitem(last=False)
            self._shapes_size -= len(sql)
            dropped = True
        if dropped or len(self._texts) > 2 * len(self._shapes) + AT_ONCE * MAX_STATEMENTS:
            self._texts = {key: text for key, text in self._texts.items() if text in self._shapes}

    def _forget_shape(self, text: Text) -> None:
        if self._shapes.pop(text, None) is not None:
            self._shapes_size -= len(text[0])

    def _loaded(self, connection: Connection) -> Known:
        seq = checkpoint.read(connection).seq
        if self._known is None or self._known.seq != seq:
            self._known = Known.load(connection, seq)
        return self._known


def _dialect(event: Event) -> str:
    """The dialect of an event's SQL: as its facet says, else of the engine whose datasets it names."""
    said = event.dialect.strip().lower()
    if _NAME.fullmatch(said):
        return ALIASES.get(said, said)
    named = [one.name.namespace for one in (*event.outputs, *event.inputs)]
    return platform_of(min(named)).dialect if named else ""
