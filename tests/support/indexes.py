"""A home with an index over a feed in memory: the indexer's real database, files and worker, and an encoder that counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Asset, Kind
from services.common.model.search import Filters, IndexStatus, SearchAnswer, SearchQuery
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.indexer.embed.encoder import Encoder, EncoderCounts, ModelId, Vectors
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.index.generation import Generations
from services.indexer.index.segment import Lookup, build_segment
from services.indexer.index.snapshot import Live, Snapshot
from services.indexer.retrieve.answer import Retriever
from services.indexer.store.cache import EmbeddingCache, no_vectors
from services.indexer.store.lease import Lease
from services.indexer.store.line import LINE
from services.indexer.sync.keeper import Keeper
from services.indexer.sync.worker import IndexWorker
from services.indexer.text.document import Document, document_of, text_hash
from services.indexer.verify import VerifyReport, repair, verify
from tests.support.feeds import MemoryFeed

DIMENSION = 64


class CountingEncoder:
    """A hashing encoder that keeps every text it was given, and can take another model's name."""

    def __init__(self, name: str | None = None) -> None:
        self._inner = HashingEncoder(DIMENSION)
        self._name = name
        self.texts: list[str] = []

    @property
    def model_id(self) -> ModelId:
        return ModelId(self._name) if self._name else self._inner.model_id

    @property
    def weights(self) -> str:
        return self._inner.weights

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    @property
    def counts(self) -> EncoderCounts:
        return self._inner.counts

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return self._inner.encode_documents(texts)

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        return self.encode_documents(texts)

    def encode_query(self, text: str) -> Vectors:
        return self._inner.encode_query(text)

    def close(self) -> None:
        self._inner.close()


@dataclass
class Home:
    """One home on disk; several keepers, workers and leases may stand on it, as several processes would."""

    folder: Path
    feed: MemoryFeed
    encoder: Encoder = field(default_factory=CountingEncoder)

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.folder / 'indexer.db'}", schema="indexer")
        ensure_current(self.database, LINE)
        self.cache = EmbeddingCache(self.database, self.encoder.model_id)
        self.generations = self.opened()

    def opened(self) -> Generations:
        """The home's generations as a process that has just started sees them."""
        return Generations(self.folder / "index")

    def lease(self, role: str = "serve") -> Lease:
        return Lease(self.database, "home", role=role, standing=self.opened().fence)

    def keeper(self, *, encoder: Encoder | None = None, model: bool = True) -> Keeper:
        """Another process's keeper."""
        known = encoder or self.encoder
        cache = EmbeddingCache(self.database, known.model_id)
        lookup = cache.lookup if model else no_vectors
        return Keeper(
            self.feed,
            self.opened(),
            lookup,
            model=known.model_id if model else None,
            dimension=known.dimension if model else 1,
        )

    def worker(self, keeper: Keeper | None = None, *, lease: Lease | None = None) -> IndexWorker:
        """A started worker of a new process that holds the lease."""
        held = lease or self.lease()
        if lease is None:
            assert held.acquire()
        self.generations = self.opened()
        worker = IndexWorker(keeper or self.keeper(), self.generations, held, self.encoder, self.cache)
        worker.start()
        return worker

    def index(self) -> Keeper:
        """Everything in the feed indexed and published by a new process, which ends; its keeper."""
        lease = self.lease("crawl")
        assert lease.acquire()
        keeper = self.keeper()
        self.worker(keeper, lease=lease).finish(self.feed.head(), lambda _progress: None)
        lease.release()
        return keeper

    def verify(self, *, sample: int = 0) -> VerifyReport:
        return verify(self.feed, self.opened(), self.cache, self.encoder, sample=sample)

    def repair(self, report: VerifyReport) -> None:
        repair(self.feed, self.opened(), self.lease("crawl"), self.cache, self.encoder, report)


def lookup_for(documents: Sequence[Document], encoder: Encoder) -> Lookup:
    """The vectors of all texts of some documents, as a cache that holds them would give them."""
    texts = {text_hash(text): text for one in documents for text in one.texts}
    rows = encoder.encode_documents(list(texts.values())).astype(np.float16)
    known = dict(zip(texts, rows, strict=True))
    return lambda hashes: {one: known[one] for one in hashes if one in known}


def snapshot_of(
    *groups: Sequence[Asset], encoder: Encoder | None = None, lookup: Lookup | None = None, seq: int = 1
) -> Snapshot:
    """A snapshot with a segment for each group of assets, vectors included where there is an encoder."""
    documents = [[document_of(one) for one in group] for group in groups]
    if lookup is None:
        flat = [one for group in documents for one in group]
        lookup = lookup_for(flat, encoder) if encoder is not None and flat else no_vectors
    segments = [build_segment(group, lookup, encoder.dimension if encoder else 1) for group in documents]
    parts = tuple(Live(one, np.ones(len(one), dtype=np.bool_)) for one in segments)
    return Snapshot(parts, 1, seq, encoder.dimension if encoder else 1)


def retriever(snapshot: Snapshot, encoder: Encoder | None = None) -> Retriever:
    """Search over one snapshot."""
    status = IndexStatus(snapshot.seq, snapshot.seq, snapshot.generation, snapshot.n_tables, 0, 0, None)
    return Retriever(lambda: snapshot, lambda _: encoder, lambda: status)


def ask(
    search: Retriever,
    text: str,
    *kinds: Kind,
    scope: AccessScope = FULL_SCOPE,
    limit: int = 10,
    cursor: str | None = None,
    **filters: tuple[str, ...],
) -> SearchAnswer:
    """A question."""
    return search.search(SearchQuery(text, scope, limit, cursor, Filters(kind=tuple(kinds), **filters)))


def found(keeper: Keeper, text: str, encoder: Encoder | None = None) -> list[str]:
    """The names of the tables that a question finds in a keeper's snapshot, best first."""
    records = {record.id: record.parts[-1] for live in keeper.snapshot.parts for record in live.segment.records}
    return [records[hit.asset] for hit in ask(retriever(keeper.snapshot, encoder), text, limit=50).hits]


def texts_of(items: Sequence[Asset]) -> set[str]:
    """The distinct texts that are embedded for some assets."""
    return {text for one in map(document_of, items) for text in one.texts}
