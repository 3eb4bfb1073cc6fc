"""Proves that the published index holds what the store holds, names what differs, and builds it anew.

Beside the journeys: the whole feed is read and every document made again, then compared with its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.common.errors import Conflict, IndexDamaged
from services.common.model.changes import START, Change
from services.common.model.names import AssetId
from services.common.ports import ChangeFeed
from services.indexer.embed.encoder import Encoder
from services.indexer.index.generation import Generations
from services.indexer.index.inspect import Finding, Inspected, inspect
from services.indexer.index.manifest import Manifest
from services.indexer.store.cache import EmbeddingCache, no_vectors
from services.indexer.store.lease import Lease
from services.indexer.sync.keeper import PAGE, Keeper
from services.indexer.sync.worker import IndexWorker, Progress
from services.indexer.text.document import DOCUMENT_VERSION, document_of
from services.indexer.text.segmenter import word_list
from services.indexer.verify_vectors import Held, VectorCheck, held_of

SAMPLE_TEXTS = 64
"""Texts encoded again in every verification: about a second of work."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        generation: the published generation, 0 where there is none or it cannot be read.
        checked: assets that were compared.
        newer: assets that changed after the generation; the feed brings them, they are not compared.
        pending: distinct texts that still wait for their vector; no damage.
        findings: everything that differs.
        distrusted: the hashes of texts whose cached vector is wrong; `repair` encodes them again.

    """

    generation: int
    checked: int
    newer: int
    pending: int
    findings: tuple[Finding, ...]
    distrusted: frozenset[bytes] = frozenset()


def verify(
    feed: ChangeFeed,
    generations: Generations,
    cache: EmbeddingCache | None,
    encoder: Encoder | None,
    *,
    sample: int = SAMPLE_TEXTS,
    on_progress: Callable[[int, int], None] = lambda _done, _head: None,
) -> VerifyReport:
    """Compare the published generation with the whole feed. Reads only; beside a server it may run at any time.

    Args:
        feed: the catalog's changes.
        generations: the home's.
        cache: the embedding cache of the encoder's model; None leaves vectors unproven.
        encoder: encodes a sample again; None leaves that out.
        sample: how many texts.
        on_progress: called after each page with the sequence number reached and the newest one.

    Raises:
        ServiceUnavailable: the catalog or the database does not answer; nothing is known then.

    """
    findings: list[Finding] = []
    manifest = _published(generations, findings)
    newest = feed.head()
    if manifest is None:
        return VerifyReport(0, 0, _count_live(feed), 0, tuple(findings))
    findings += (Finding(None, "", problem) for problem in _manifest_problems(manifest, newest, encoder))
    if manifest.documents != DOCUMENT_VERSION or manifest.words != word_list():
        return VerifyReport(manifest.number, 0, _count_live(feed), 0, tuple(findings))
    opened = inspect(generations, manifest)
    findings += opened.findings
    vectors = None
    if cache is not None and cache.model == manifest.model:
        vectors = VectorCheck(cache, sample if encoder is not None else 0, manifest.dimension)
    reading = _Reading(manifest, opened, vectors)
    for page in _pages(feed):
        findings += reading.compare(page)
        on_progress(page[-1].seq, max(newest, page[-1].seq))
    findings += reading.orphans()
    if vectors is not None and encoder is not None and encoder.model_id == manifest.model:
        findings += (_of(held, problem) for held, problem in vectors.again(encoder))
    pending, distrusted = (len(vectors.pending), frozenset(vectors.distrusted)) if vectors else (0, frozenset[bytes]())
    return VerifyReport(manifest.number, reading.checked, len(reading.newer), pending, tuple(findings), distrusted)


def repair(
    feed: ChangeFeed,
    generations: Generations,
    lease: Lease,
    cache: EmbeddingCache | None,
    encoder: Encoder | None,
    report: VerifyReport,
    *,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> None:
    """Forget wrong vectors and publish a generation made of nothing but the feed and the cache.

    Raises:
        Conflict: another process indexes this home; it must be stopped first.
        ServiceUnavailable: the catalog, the database or the disk does not answer; trying again helps.
        ModelUnavailable: the model cannot encode what is missing.

    """
    if not lease.acquire():
        role = lease.state().role or "another process"
        raise Conflict(f"the index of this home is held by `headwater {role}`; stop it before the repair")
    try:
        if cache is not None:
            cache.forget(report.distrusted)
        lookup = cache.lookup if cache is not None else no_vectors
        model = encoder.model_id if encoder is not None else None
        keeper = Keeper(feed, generations, lookup, model=model, dimension=encoder.dimension if encoder is not None else 1)
        IndexWorker(keeper, generations, lease, encoder, cache).rebuild(feed.head(), on_progress)
    finally:
        lease.release()


class _Reading:
    """The comparison of the feed's assets with an opened generation."""

    def __init__(self, manifest: Manifest, opened: Inspected, vectors: VectorCheck | None) -> None:
        self._manifest = manifest
        self._opened = opened
        self._vectors = vectors
        self._met: set[AssetId] = set()
        self.checked = 0
        self.newer: set[AssetId] = set()

    def compare(self, page: Sequence[Change]) -> Iterator[Finding]:
        """What differs for the assets of one page."""
        held: list[Held] = []
        for change in page:
            self._met.add(change.id)
            if change.seq > self._manifest.seq:
                self.newer.add(change.id)
                continue
            place = self._opened.where.get(change.id)
            if change.asset is None:
                if place is not None:
                    yield self._row_finding(change.id, "is gone from the store and still in the index")
                continue
            self.checked += 1
            name = change.asset.name.qualified
            if place is not None:
                part, row = place
                _, compared = self._opened.parts[part]
                document = document_of(change.asset)
                yield from (Finding(change.id, name, problem) for problem in compared.differences(row, document))
                held += held_of(change.id, name, document, compared.segment, row)
            elif self._opened.complete:
                yield Finding(change.id, name, "is missing from the index")
        if self._vectors is not None:
            yield from (_of(one, problem) for one, problem in self._vectors.page(held))

    def orphans(self) -> Iterator[Finding]:
        """Rows of assets that the store has never had."""
        for asset in self._opened.where:
            if asset not in self._met:
                yield self._row_finding(asset, "is in the index and not in the store")

    def _row_finding(self, asset: AssetId, problem: str) -> Finding:
        part, row = self._opened.where[asset]
        parts = self._opened.parts[part][0].segment.records[row].parts
        return Finding(asset, ".".join(parts), problem)


def _published(generations: Generations, findings: list[Finding]) -> Manifest | None:
    try:
        manifest = generations.current()
    except IndexDamaged as error:
        findings.append(Finding(None, "", error.detail))
        return None
    if manifest is None and generations.highest():
        findings.append(Finding(None, "", "index/CURRENT is missing: there are generations, and none is published"))
    return manifest


def _manifest_problems(manifest: Manifest, head: int, encoder: Encoder | None) -> Iterator[str]:
    number = manifest.number
    if manifest.documents != DOCUMENT_VERSION:
        yield f"generation {number} was made by version {manifest.documents} of the document code, not {DOCUMENT_VERSION}"
    if manifest.words != word_list():
        yield f"generation {number} split glued names with the word list {manifest.words}, not {word_list()}"
    if encoder is not None and manifest.model != encoder.model_id:
        yield f"generation {number} belongs to the model {manifest.model or '(none)'}, not to {encoder.model_id}"
    if manifest.seq > head:
        yield f"generation {number} covers change {manifest.seq}, and the newest in the store is {head}"


def _pages(feed: ChangeFeed) -> Iterator[Sequence[Change]]:
    """The whole feed, the current state of each asset."""
    seq = START
    while True:
        page = feed.after(seq, limit=PAGE)
        if page.changes:
            yield page.changes
        if page.upto == seq:
            return
        seq = page.upto


def _count_live(feed: ChangeFeed) -> int:
    return len({change.id for page in _pages(feed) for change in page if change.asset is not None})


def _of(held: Held, problem: str) -> Finding:
    return Finding(held.asset, held.name, f"{held.what}: {problem}")
