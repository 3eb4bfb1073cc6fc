"""The indexer as a running thing: encoder, snapshot, worker and crawls, started and stopped together.

Used by `serve` (as long as it lives), by `crawl` (until all is searchable) and by `search` (one answer).
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.common.errors import Conflict, HeadwaterError, ModelUnavailable
from services.common.model.changes import Seq
from services.common.model.crawls import CrawlRecord, CrawlState
from services.common.model.names import Namespaces
from services.common.model.search import IndexStatus
from services.common.ports import AssetSink, ChangeFeed, StatementFacts
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.common.runtime.memory import give_back
from services.common.runtime.source_settings import SourceSettings
from services.indexer.crawl import run_crawl
from services.indexer.embed.encoder import Encoder
from services.indexer.embed.open import open_encoder, open_published
from services.indexer.index.generation import Generations
from services.indexer.index.snapshot import EMPTY, Snapshot
from services.indexer.index.vectors import set_threads
from services.indexer.logs.intake import take_in
from services.indexer.logs.pg_stat_statements import keeps_statements, open_statements
from services.indexer.logs.users import KeptUsers, users_of
from services.indexer.pauses import may_begin
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.ranker_file import RankerFile
from services.indexer.retrieve.seen_words import keep_as_one_of
from services.indexer.schedule import Scheduler
from services.indexer.store.cache import EmbeddingCache, no_vectors
from services.indexer.store.lease import BEAT_S, Lease, home_id
from services.indexer.sync.beside import Beside, open_beside
from services.indexer.sync.keeper import Keeper
from services.indexer.sync.worker import IndexWorker, Progress
from services.indexer.usage.service import Usage
from services.indexer.verify import VerifyReport, repair, verify

POLL_S = 0.1
"""How often the feed is looked at for what other processes wrote; of what this one wrote the index is told at once."""
CLAIM_S = 0.5
"""How often a server looks for crawls that somebody asked for."""
RETRY_S = 1.0
"""After a failure, before the next try."""
FOLLOW_S = 2.0
"""So long a server that starts waits for what people ran lately; what comes later counts when it is there."""
MANY_TABLES = 2_000
"""Of smaller segments the index of names is made in milliseconds, by the first question."""
NO_MODEL_DIMENSION = 1
"""Length of vectors in an index that has none."""
_log = get_logger("indexer")


@dataclass(frozen=True, slots=True)
class IndexerSettings:
    """What the indexer needs to know: its files, model, threads and sources, what of logs is kept, how many workers a server has."""

    home: Path
    model: str
    threads: int
    sources: Mapping[str, SourceSettings]
    min_people: int = 1
    users: KeptUsers = "hashed"
    workers: int = 1


class Indexer:
    """One process's indexer.

    Args:
        settings: as above.
        database: its own.
        feed, sink: the catalog's ports.
        namespaces: whose sources own the tables that only logs name.
        role: `serve` or `crawl`, told to those who find the lease taken.
        server: whose worker this process is; see `Lease`.

    """

    def __init__(
        self,
        settings: IndexerSettings,
        database: Database,
        feed: ChangeFeed,
        sink: AssetSink,
        *,
        role: str,
        namespaces: Callable[[], Namespaces] = Namespaces,
        server: str | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._feed, self._sink = feed, sink
        self._generations = Generations(settings.home / "index")
        self.lease = Lease(database, home_id(settings.home), role=role, standing=self._generations.fence, server=server)
        self._encoder: Encoder | None = None
        self._beside: Beside | None = None
        self._encoders: dict[str, Encoder] = {}
        self._problem: str | None = None
        self._cache: EmbeddingCache | None = None
        self._keeper: Keeper | None = None
        self._worker: IndexWorker | None = None
        self._scheduler = Scheduler(settings.sources, database, sink)
        self._stop = threading.Event()
        self._news = threading.Event()
        self._threads: list[threading.Thread] = []
        self._ready_at: Seq | None = None
        self._opened_at = math.inf
        self._facts: StatementFacts | None = None
        self.ranker = RankerFile(settings.home)
        self.usage = Usage(
            database,
            self._snapshot,
            namespaces,
            home=settings.home,
            min_people=settings.min_people,
            users=self._kept_user,
            may_begin=self._is_pause_after,
        )
        self.retriever = Retriever(self._snapshot, self._encoder_of, self.status, self.ranker.current, self.usage.popular)

    def _kept_user(self, name: str) -> str | None:
        # the home's key is made when it is first needed, and not by every command
        return users_of(self._settings.users, self._settings.home)(name)

    def open(self) -> None:
        """Load the model and the published generation, and read what the feed brought since."""
        keep_as_one_of(self._settings.workers)
        self._open_model()
        if self._facts is not None:  # what is popular would else change under the first questions
            self.usage.caught_up.wait(FOLLOW_S)
        self._keeper = self._new_keeper()
        target = self._feed.head()
        if not self._keeper.reopen():
            self._open_beside()
        self._ready_at = target
        self._keeper.catch_up()
        self._opened_at = time.monotonic()

    def verify(self, on_progress: Callable[[int, int], None]) -> VerifyReport:
        """Compare the published generation with the catalog; see `verify.verify`."""
        if self._encoder is None:
            self._open_model()
        return verify(self._feed, self._generations, self._cache, self._encoder, on_progress=on_progress)

    def repair(self, report: VerifyReport, on_progress: Callable[[Progress], None]) -> None:
        """Build the index anew after `verify` found something; see `verify.repair`."""
        repair(self._feed, self._generations, self.lease, self._cache, self._encoder, report, on_progress=on_progress)

    def _open_model(self) -> None:
        set_threads(1)
        try:
            models = self._settings.home / "models"
            self._encoder = open_encoder(self._settings.model, models, threads=self._settings.threads)
            self._encoders[self._encoder.model_id] = self._encoder
            self._cache = EmbeddingCache(self._database, self._encoder.model_id)
        except ModelUnavailable as error:
            self._problem = error.detail
            _log.warning("no model: search answers by words", detail=error.detail)

    def _open_beside(self) -> None:
        """Let the published generation of another model answer until that of this one is built, where there is one."""
        if self._encoder is None:
            return
        folder, models = self._settings.home / "index", self._settings.home / "models"
        opened = partial(open_published, home_models=models, threads=self._settings.threads)
        self._beside = open_beside(folder, self._feed, self._database, self._encoder.model_id, opened)
        if self._beside is not None:
            self._encoders[self._beside.encoder.model_id] = self._beside.encoder

    def start(self, facts: StatementFacts | None = None) -> None:
        """Open in the background, then keep indexing, crawling and following what people run, where `facts` tell, until `close`."""
        self._facts = facts
        follow = (
            []
            if facts is None
            else [threading.Thread(target=self.usage.run_until, args=(self._stop, facts), name="usage", daemon=True)]
        )
        self._threads = [
            *follow,
            threading.Thread(target=self._serve_index, name="index", daemon=True),
            threading.Thread(target=self._serve_crawls, name="crawls", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop the threads, give the lease back, let go of the model."""
        self._stop.set()
        self._news.set()
        for thread in self._threads:
            thread.join(timeout=30)
        if self.lease.fence:
            self.lease.release()
        for encoder in self._encoders.values():
            encoder.close()

    def wake(self) -> None:
        """Say that there may be something new in the feed, so that nobody waits for the next look."""
        self._news.set()

    def _pause(self, at_most_s: float) -> None:
        self._news.wait(at_most_s)
        self._news.clear()

    @property
    def ready(self) -> bool:
        """Whether everything that was committed before the start is found by its words."""
        return self._ready_at is not None and self._snapshot().seq >= self._ready_at

    def status(self) -> IndexStatus:
        """How far the index of this process is."""
        if self._keeper is None:
            return IndexStatus(Seq(0), Seq(0), 0, 0, 0, 0, None, self._problem or "starting")
        snapshot = self._snapshot()
        done, every = snapshot.coverage
        answers = self._encoder_of(snapshot)
        model = answers.model_id if answers else None
        # the snapshot's own number: the keeper's is ahead of what questions see while it reads the feed
        vectors = snapshot.seq if done == every and model else self.lease.state().vector_seq
        foreign = snapshot.n_foreign
        counts = (snapshot.generation, snapshot.n_tables, done, every)
        return IndexStatus(snapshot.seq, vectors, *counts, model, self._problem, foreign)

    @property
    def encoded(self) -> int:
        """How many texts this process has encoded for the index."""
        return self._worker.progress.encoded if self._worker is not None else 0

    def index_now(self, upto: Seq, on_progress: Callable[[Progress], None]) -> None:
        """Index until everything up to `upto` is published, as the holder of the lease.

        Raises:
            Conflict: another process took the lease over.

        """
        if self._keeper is None:
            self.open()
        try:
            self._working().finish(upto, on_progress)
        except Conflict:
            self._worker = None  # should the lease come back, what its other holder published is taken up first
            raise

    def _working(self) -> IndexWorker:
        if self._worker is None:
            keeper = self._keeper or self._new_keeper()
            self._keeper = keeper
            made = self._generations, self.lease, self._encoder, self._cache
            self._worker = IndexWorker(keeper, *made, beside=lambda: self._beside is not None)
            self._worker.start()
        return self._worker

    def _new_keeper(self) -> Keeper:
        return Keeper(
            self._feed,
            self._generations,
            self._cache.lookup if self._cache else no_vectors,
            model=self._encoder.model_id if self._encoder else None,
            dimension=self._encoder.dimension if self._encoder else NO_MODEL_DIMENSION,
            on_shown=self._on_shown,
        )

    def _on_shown(self, snapshot: Snapshot) -> None:
        if self._threads:
            self._prepare_names(snapshot)
        beside = self._beside
        if beside is not None and beside.is_due(snapshot):
            self._beside = None  # its encoder stays: cursors may still point at what it answered
            _log.info("the model is built, and answers", model=snapshot.model)

    def _prepare_names(self, snapshot: Snapshot) -> None:
        """Make the indexes of names of a snapshot aside, so that the first question for a name need not wait for them."""
        every = (live.segment for live in snapshot.parts)
        segments = [one for one in every if len(one) >= MANY_TABLES and not one.names_prepared]

        def prepare() -> None:
            while not self._is_pause():
                if self._stop.wait(POLL_S):
                    return
            for segment in segments:
                segment.prepare_names()
            give_back()

        if segments:
            threading.Thread(target=prepare, name="names", daemon=True).start()

    def _is_pause(self) -> bool:
        return self._is_pause_after(0.0)

    def _is_pause_after(self, since: float) -> bool:
        """Whether nobody asks just now, or what began to wait at `since` (monotonic, s) has waited long enough."""
        return may_begin(max(since, self._opened_at), self.retriever.answered_at, time.monotonic())

    def snapshot(self) -> Snapshot:
        """The index as it is now."""
        return self._snapshot()

    def _snapshot(self) -> Snapshot:
        beside = self._beside
        if beside is not None:
            return beside.snapshot
        return self._keeper.snapshot if self._keeper is not None else EMPTY

    def _encoder_of(self, snapshot: Snapshot) -> Encoder | None:
        return self._encoders.get(snapshot.model) if snapshot.model is not None else self._encoder

    def _serve_index(self) -> None:
        """The index thread: opens, then works while it holds the lease and follows the holder while it does not."""
        while not self._stop.is_set() and not self._opened():
            self._stop.wait(RETRY_S)
        while not self._stop.is_set():
            try:
                if self.lease.acquire():
                    self._working().run(self._stop, self._pause)
                else:
                    self._follow()
            except HeadwaterError as error:
                _log.warning("indexing waits", code=error.code, detail=error.detail)
                self._stop.wait(RETRY_S)
            except Exception as error:  # noqa: BLE001 - a thread's edge: the next try may work, and `status` shows the lag
                _log_unexpected("indexing failed", error)
                self._stop.wait(RETRY_S)
            if not self._stop.is_set():
                self._worker = None

    def _opened(self) -> bool:
        try:
            with self.lease.kept():  # taken at the start: another server would be let in while a large index is opened
                self.open()
            give_back()
        except HeadwaterError as error:
            _log.warning("the index waits", code=error.code, detail=error.detail)
            return False
        except Exception as error:  # noqa: BLE001 - a thread's edge
            _log_unexpected("the index cannot be opened", error)
            return False
        return True

    def _follow(self) -> None:
        """Keep the snapshot fresh beside another process's worker, for a while; then the lease is tried again."""
        keeper = self._keeper
        if keeper is None:
            return
        until = time.monotonic() + BEAT_S
        while not self._stop.is_set() and time.monotonic() < until:
            keeper.reopen()
            keeper.catch_up()
            if keeper.missing(published=False):
                keeper.fill(published=False)
            self._pause(POLL_S)

    def _serve_crawls(self) -> None:
        """The crawl thread: asks for what is due where this process holds the lease, and runs what was asked for."""
        while not self._stop.wait(CLAIM_S):
            try:
                if self.lease.fence and self.lease.holds():
                    self._scheduler.ask()
                record = self._sink.claim() if self.lease.leads() else None
                if record is not None:
                    self._crawl(record)
            except HeadwaterError as error:
                _log.warning("crawling waits", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001 - a thread's edge: other crawls must go on
                _log_unexpected("crawling failed", error)

    def _crawl(self, record: CrawlRecord) -> None:
        settings = self._settings.sources.get(record.source)
        if settings is None:
            detail = f"the indexer's settings have no source {record.source}"
            self._sink.close(record.id, CrawlState.FAILED, [detail])
            return
        try:
            outcome = run_crawl(record.source, settings, self._sink, by=record.by, crawl=record.id)
        except Exception as error:
            # whoever watches it must see it end, whatever it was that went wrong
            known = error.detail if isinstance(error, HeadwaterError) else f"an unexpected {type(error).__name__} ended it"
            self._sink.close(record.id, CrawlState.FAILED, [known])
            raise
        _log.info("crawl ended", source=record.source, state=outcome.record.state.value, found=outcome.record.counts.found)
        if self._facts is not None and keeps_statements(settings):
            users = users_of(self._settings.users, self._settings.home)
            log = open_statements(record.source, settings)
            report = take_in(record.source, log, self._facts, source=record.source, users=users)
            _log.info("log read", source=record.source, format=report.format, executions=report.taken.counted)


def _log_unexpected(event: str, error: Exception) -> None:
    """The kind of an error and where it came from; its message may hold names, parts of statements or values."""
    _log.error(event, error=type(error).__name__, at=traceback.format_tb(error.__traceback__)[-3:])
