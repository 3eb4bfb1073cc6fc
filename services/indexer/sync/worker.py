"""The one index worker of a home: follows the feed, encodes what has no vector yet, publishes generations.

Journey 1, steps "embed" and "publish". Runs in the process that holds the lease: a server while it lives, or a crawl.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from services.common.errors import Conflict, HeadwaterError
from services.common.model.changes import START, Seq
from services.common.runtime.logs import get_logger
from services.indexer.embed.encoder import Encoder, Vectors
from services.indexer.index.generation import Generations
from services.indexer.index.manifest import SegmentEntry, describe
from services.indexer.index.snapshot import Live
from services.indexer.store.cache import EmbeddingCache
from services.indexer.store.lease import BEAT_S, Lease, beating
from services.indexer.sync.keeper import Keeper, Part, merged_part

BATCH_TEXTS = 64
"""Texts encoded at once: under half a second of work on one core."""
LOOK_S = 0.05
"""How often the feed is looked at while texts are encoded, which is done aside: a write is found meanwhile."""
READ_TEXTS = 8_192
"""Texts read from the waiting list at once, and put in order of length: of so many, batches are of like length; a few megabytes."""
SETTLE_S = 0.5
"""Changes are published once nothing new has come for so long; until then they are found through the feed."""
PUBLISH_TABLES = 20_000
"""So many unpublished tables are published although more keep coming."""
GROWTH = 0.25
"""While many texts wait, what has become known is published each time that it grew by this share."""
MERGE_SHARE = 0.25
"""All segments become one when unpublished and dead tables together are this share of them."""
SMALL_TABLES = 2_000
"""Below so many tables everything is one segment: rewriting it takes less than a tenth of a second."""
MAX_PARTS = 6
"""More published segments than this are merged, the largest left as it is."""
_log = get_logger("index")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the worker is: changes covered by words and by vectors, texts encoded so far and waiting."""

    lexical_seq: Seq
    vector_seq: Seq
    encoded: int
    waiting: int


class IndexWorker:
    """Indexes for one home while it holds the lease.

    Args:
        keeper: this process's snapshot.
        generations: where generations are published.
        lease: the lease that it was given.
        encoder: None where no model is available: everything is then indexed by its words.
        cache: the embedding cache of the encoder's model; None without an encoder.
        beside: whether another model's generation answers for now: nothing is published over it before all is known.

    """

    def __init__(
        self,
        keeper: Keeper,
        generations: Generations,
        lease: Lease,
        encoder: Encoder | None,
        cache: EmbeddingCache | None,
        *,
        beside: Callable[[], bool] = lambda: False,
    ) -> None:
        self._keeper = keeper
        self._beside = beside
        self._generations = generations
        self._lease = lease
        self._encoder = encoder
        self._cache = cache
        self._encoded = 0
        self._encoded_at_publish = 0
        self._waiting = cache.count_waiting() if cache else 0
        self._queue: list[tuple[bytes, str]] = []
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._running: tuple[dict[bytes, str], Future[Vectors]] | None = None
        self._changed_at = 0.0
        self._beat_at = 0.0
        self._vector_seq: Seq = START

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._keeper.seq, self._vector_seq, self._encoded, self._waiting)

    def start(self) -> None:
        """Open the published generation, and make sure that every text without a vector is known to wait for it."""
        self._keeper.reopen()
        self._await(self._keeper.claim())
        self._recover()

    def step(self) -> bool:
        """Do some work: read the feed, encode a batch, publish if it is time. True when there is more to do at once."""
        self._beat()
        changes = self._keeper.catch_up(most=PUBLISH_TABLES, between=self._beat)
        if changes:
            self._changed_at = time.monotonic()
        self._await(self._keeper.claim())
        worked = self._encode()
        if not self._waiting and (worked or changes):
            self._keeper.fill(published=True)
        self._note_vectors()
        if self._is_time():
            self.publish()
        return bool(worked or changes or self._running)

    def run(self, stop: threading.Event, pause: Callable[[float], object] | None = None) -> None:
        """Work until `stop` is set or the lease is lost; looks at the feed ten times a second when there is nothing to do.

        Args:
            stop: ends it.
            pause: waits for so many seconds at most; `stop.wait` unless another is given.

        """
        pause = pause or stop.wait
        while not stop.is_set():
            try:
                if not self.step():
                    pause(0.1)
            except Conflict as error:
                _log.warning("index lease lost", detail=error.detail)
                return
            except HeadwaterError as error:
                # the catalog or the database is away for a moment: what was indexed stays, and the loop goes on
                _log.warning("indexing waits", code=error.code, detail=error.detail)
                pause(1.0)

    def finish(self, upto: Seq, on_progress: Callable[[Progress], None]) -> None:
        """Work until everything up to `upto` is published, vectors included."""
        while self._vector_seq < upto or self._dirty():
            busy = self.step()
            on_progress(self.progress)
            if not busy and self._dirty():
                self.publish()

    def rebuild(self, upto: Seq, on_progress: Callable[[Progress], None]) -> None:
        """Publish a generation that is made of the feed alone; what was published before is not read."""
        self._keeper.restart()
        self.finish(upto, on_progress)
        if self._keeper.published is None:
            self.publish()  # nothing is in the store, and that is to be found

    def publish(self) -> None:
        """Publish everything that the snapshot has.

        Raises:
            Conflict: the lease was lost.
            ServiceUnavailable: the disk does not take it, or the feed does not answer; trying again helps.

        """
        with beating(self._beat, BEAT_S):  # a large merge is one call
            self._keeper.fill(published=True)
            parts = self._compacted()
            written = [(part.entry, part.live) if part.entry else self._written(part.live) for part in parts]
            published = self._keeper.published
            number = max(self._generations.highest(), published.number if published else 0) + 1
            manifest = describe(
                number,
                written,
                model=(self._encoder.model_id, self._encoder.weights) if self._encoder else None,
                dimension=self._keeper.dimension,
                seq=self._keeper.seq,
                fence=self._lease.fence,
            )
            self._generations.publish(manifest, may=self._lease.holds)
            base = [Part(live, entry) for (_, live), entry in zip(written, manifest.segments, strict=True)]
            self._keeper.adopt(manifest, base)
        self._encoded_at_publish = self._encoded
        _log.info("generation published", number=number, seq=int(manifest.seq), **dict(manifest.counts))

    def _written(self, live: Live) -> tuple[SegmentEntry, Live]:
        entry, segment = self._generations.write(live.segment)
        return entry, Live(segment, live.mask)

    def _compacted(self) -> Sequence[Part]:
        parts = [part for part in self._keeper.parts if part.live.mask.any()]
        base = [part for part in parts if part.entry is not None]
        fresh = [part for part in parts if part.entry is None]
        total = sum(part.live.n for part in parts)
        dead = sum(len(part.live.segment) - part.live.n for part in base)
        news = sum(part.live.n for part in fresh)
        if not parts:
            return []
        if total <= SMALL_TABLES or news + dead >= MERGE_SHARE * total:
            return parts if len(parts) == 1 and parts[0].live.mask.all() else [merged_part(parts)]
        if len(base) + 1 > MAX_PARTS:
            largest = max(base, key=lambda part: len(part.live.segment))
            return [largest, merged_part([part for part in parts if part is not largest])]
        return [*base, merged_part(fresh)] if fresh else base

    def _is_time(self) -> bool:
        if not self._dirty():
            return False
        settled = time.monotonic() - self._changed_at >= SETTLE_S
        if self._waiting == 0:
            return settled
        if self._beside():
            return False
        unpublished = self._keeper.published is None or self._keeper.published.seq < self._keeper.seq
        grown = self._encoded - self._encoded_at_publish > max(5_000, GROWTH * (self._encoded_at_publish + self._waiting))
        return (unpublished and settled) or grown

    def _dirty(self) -> bool:
        published = self._keeper.published
        if published is None:
            return bool(self._keeper.seq)
        return (
            self._keeper.fell_back
            or published.seq < self._keeper.seq
            or any(part.entry is None for part in self._keeper.parts)
        )

    def _await(self, texts: dict[bytes, str]) -> None:
        if self._cache is not None and texts:
            self._cache.wait_for(texts)
            self._waiting = self._cache.count_waiting()

    def _encode(self) -> int:
        if self._encoder is None or self._cache is None or not self._waiting:
            return 0
        if self._running is None:
            if not self._queue:
                self._queue = list(self._cache.waiting(READ_TEXTS).items())
                if len(self._queue) < READ_TEXTS:
                    self._waiting = len(self._queue)
            batch = dict(self._queue[:BATCH_TEXTS])
            self._running = batch, self._aside.submit(self._encoder.encode_documents, list(batch.values()))
        batch, encoding = self._running
        if not wait([encoding], LOOK_S).done:
            return 0
        self._running = None
        rows = encoding.result().astype(np.float16)
        self._cache.put(dict(zip(batch, rows, strict=True)))
        del self._queue[:BATCH_TEXTS]
        self._encoded += len(batch)
        self._waiting = max(len(self._queue), self._waiting - len(batch))
        return len(batch)

    def _note_vectors(self) -> None:
        if self._waiting == 0:
            self._vector_seq = self._keeper.seq

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beat_at < BEAT_S:
            return
        self._beat_at = now
        held = self._lease.beat(lexical_seq=self._keeper.seq, vector_seq=self._vector_seq, waiting=self._waiting)
        if not held:
            raise Conflict("another process took over the index of this home")

    def _recover(self) -> None:
        """Texts of the published generation without a vector are on the waiting list; if not, everything is read again."""
        if self._cache is None or not self._keeper.missing(published=True):
            return
        self._keeper.fill(published=True)
        missing = self._keeper.missing(published=True)
        if missing - self._cache.awaited(missing):
            _log.info("reading the feed from its beginning", reason="texts without a vector are not on the waiting list")
            self._keeper.restart()
