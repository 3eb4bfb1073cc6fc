"""Keeps one process's snapshot up to date: the published generation underneath, the feed's changes since then on top.

Journey 1, step "the indexer follows the feed": a write is found by its words as soon as its page was read, and by its
meaning as soon as its vectors are in the cache; what is gone is gone at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.common.errors import HeadwaterError, IndexDamaged
from services.common.model.changes import START, ChangePage, Seq
from services.common.model.names import AssetId
from services.common.ports import ChangeFeed
from services.common.runtime.logs import get_logger
from services.indexer.index.generation import Generations
from services.indexer.index.manifest import Manifest, SegmentEntry
from services.indexer.index.segment import Lookup, build_segment, merge_segments, with_vectors
from services.indexer.index.snapshot import EMPTY, Live, Snapshot
from services.indexer.text.document import DOCUMENT_VERSION, Document, document_of, text_hash
from services.indexer.text.segmenter import word_list

PAGE = 500
"""Changes read at once: one commit's worth."""
MAX_DELTA_PARTS = 8
"""More unpublished segments than this are merged, so that a query never walks a long list of them."""
RETRY_S = 10.0
"""A generation that could not be opened is tried again after so long."""
_log = get_logger("index")


@dataclass(frozen=True)
class Part:
    """A live segment, and its place on disk where it is published."""

    live: Live
    entry: SegmentEntry | None


class Keeper:
    """One process's snapshot. One thread drives it; any thread may read `snapshot`.

    Args:
        feed: the catalog's changes.
        generations: the home's published generations.
        lookup: the embedding cache, or `no_vectors`.
        model: the encoder's id, None while there is none: any generation is then opened, and searched by words.
        dimension: length of the vectors.
        on_shown: is given every snapshot once it is shown; None where nobody cares.

    """

    def __init__(
        self,
        feed: ChangeFeed,
        generations: Generations,
        lookup: Lookup,
        *,
        model: str | None,
        dimension: int,
        on_shown: Callable[[Snapshot], None] | None = None,
    ) -> None:
        self._feed = feed
        self._generations = generations
        self._lookup = lookup
        self._model = model
        self._dimension = dimension
        self._on_shown = on_shown
        self._manifest: Manifest | None = None
        self._parts: list[Part] = []
        self._seq: Seq = START
        self._wanting: dict[bytes, str] = {}
        self._shown = True
        self._passed: int | None = None
        self._failed: tuple[int, float] = (0, 0.0)
        self.fell_back = False
        """Whether the published generation, or the pointer to it, is damaged and it stands on another: to be published anew."""
        self.snapshot: Snapshot = EMPTY

    @property
    def parts(self) -> Sequence[Part]:
        """The parts of the snapshot, oldest first; published ones first."""
        return tuple(self._parts)

    @property
    def published(self) -> Manifest | None:
        """The generation underneath, None before the first."""
        return self._manifest

    @property
    def seq(self) -> Seq:
        """Every change up to here is in the snapshot, by its words at least."""
        return self._seq

    @property
    def dimension(self) -> int:
        """The length of the vectors."""
        return self._dimension

    def reopen(self) -> bool:
        """Take up a newer published generation; True if there was one.

        What the feed brought since is read again on top of it before the snapshot changes, so that no reader ever sees
        less than before. A damaged generation, or one of another model, document version or word list, is left alone;
        where nothing stands yet the one before a damaged one is taken up instead, and `fell_back` says so.
        """
        pointed = True
        try:
            number = self._generations.number()
        except IndexDamaged:
            pointed = False
            number = self._generations.highest()
        stands = self._manifest.number if self._manifest is not None else 0
        if number is None or number in {stands, self._passed} or self._failed_lately(number):
            return False
        if not pointed:
            _log.warning("generation not opened", detail="index/CURRENT cannot be read")
        for candidate in self._generations.down_from(number):
            if candidate <= stands:
                break
            found = self._opened(candidate)
            if found is None:
                continue
            manifest, parts = found
            # what had no vector is the publisher's to encode
            self._stand_on(manifest, parts, {})
            self._passed = number
            self.fell_back = candidate != number or not pointed
            return True
        self._failed = number, time.monotonic() + RETRY_S
        return False

    def _failed_lately(self, number: int) -> bool:
        """Whether a generation was found damaged or unfit a moment ago: looking again means reading all of its files."""
        failed, until = self._failed
        return failed == number and time.monotonic() < until

    def _opened(self, number: int) -> tuple[Manifest, list[Part]] | None:
        """A generation and its parts; None where it is damaged or does not fit this process."""
        try:
            manifest = self._generations.manifest(number)
            if not self._fits(manifest):
                return None
            opened = self._generations.open(manifest)
        except IndexDamaged as error:
            _log.warning("generation not opened", number=number, detail=error.detail)
            return None
        return manifest, [Part(live, entry) for live, entry in zip(opened, manifest.segments, strict=True)]

    def adopt(self, manifest: Manifest, parts: Sequence[Part]) -> None:
        """Stand on `manifest`, whose segments are `parts`, and on what the feed brought since.

        Raises:
            ServiceUnavailable: the feed does not answer; everything is as it was before.

        """
        self._stand_on(manifest, parts, dict(self._wanting))
        self.fell_back = False

    def restart(self) -> None:
        """Forget everything, to read the feed from its beginning; the snapshot stays until the new one knows as much."""
        self._manifest, self._parts, self._seq = None, [], START
        self._wanting, self._shown, self.fell_back = {}, False, False

    def catch_up(self, *, most: int | None = None, between: Callable[[], object] = lambda: None) -> int:
        """Read the feed to its head, or at least `most` changes of it; the snapshot changes once, at the end.

        Args:
            most: None reads all.
            between: called after each page, for a holder that must say that it lives.

        Returns:
            How many changes were read.

        """
        start = self._seq
        finished = False
        try:
            changes, finished = self._read(most, between)
        finally:
            # also what was read before the feed broke off; never less than the snapshot had
            if (self._seq != start or not self._shown) and (finished or self._seq >= self.snapshot.seq):
                self._show()
        return changes

    def claim(self) -> dict[bytes, str]:
        """The texts, by their hash, that were read since the last call and had no vector."""
        texts, self._wanting = self._wanting, {}
        return texts

    def fill(self, *, published: bool) -> None:
        """Take up vectors that have come into the cache, for unpublished parts and, if asked, for published ones."""
        changed = False
        for at, part in enumerate(self._parts):
            if part.entry is not None and not published:
                continue
            fresh = with_vectors(part.live.segment, self._lookup)
            if fresh is not part.live.segment:
                self._parts[at] = Part(Live(fresh, part.live.mask), None)
                changed = True
        if changed and self._shown:
            self._show()
        if not published:
            missing = self.missing(published=False)
            self._wanting = {known: text for known, text in self._wanting.items() if known in missing}

    def missing(self, *, published: bool) -> set[bytes]:
        """The texts of the unpublished, or of all, parts that have no vector, by their hash."""
        parts = [part for part in self._parts if published or part.entry is None]
        return {text for part in parts for text in part.live.segment.missing()}

    def _fits(self, manifest: Manifest) -> bool:
        # without a word list any generation is opened, as without a model: what others made of it is worth more
        words = word_list() in {None, manifest.words}
        return manifest.documents == DOCUMENT_VERSION and words and self._model in {None, manifest.model}

    def _stand_on(self, manifest: Manifest, parts: Sequence[Part], wanting: dict[bytes, str]) -> None:
        before = (self._manifest, self._dimension, self._parts, self._seq, self._wanting)
        self._manifest, self._dimension = manifest, manifest.dimension
        self._parts = list(parts)
        self._seq, self._wanting = manifest.seq, wanting
        try:
            self._read(None, lambda: None)
        except HeadwaterError:
            self._manifest, self._dimension, self._parts, self._seq, self._wanting = before
            raise
        self._show()

    def _read(self, most: int | None, between: Callable[[], object]) -> tuple[int, bool]:
        """How many changes were read, and whether the head was reached."""
        changes = 0
        while most is None or changes < most:
            page = self._feed.after(self._seq, limit=PAGE)
            if page.upto == self._seq:
                return changes, True
            self._apply(page)
            changes += len(page.changes)
            between()
        return changes, False

    def _apply(self, page: ChangePage) -> None:
        """Take up a page whole or, where the cache does not answer, nothing of it: it is then read again."""
        documents = [document_of(change.asset) for change in page.changes if change.asset is not None]
        segment = build_segment(documents, self._lookup, self._dimension) if documents else None
        self._retire([change.id for change in page.changes])
        self._seq = page.upto
        if segment is None:
            return
        self._parts.append(Part(Live(segment, np.ones(len(segment), dtype=np.bool_)), None))
        self._merge_delta()
        self._wanting |= _texts_of(documents, set(segment.missing()))

    def _retire(self, ids: Sequence[AssetId]) -> None:
        """Mark the rows of some assets as no longer current; masks are replaced, since snapshots share them."""
        by_part: dict[int, list[int]] = {}
        for asset in ids:
            place = self._place(asset)
            if place is not None:
                by_part.setdefault(place[0], []).append(place[1])
        for at, rows in by_part.items():
            part = self._parts[at]
            mask = part.live.mask.copy()
            mask[rows] = False
            self._parts[at] = replace(part, live=Live(part.live.segment, mask))

    def _place(self, asset: AssetId) -> tuple[int, int] | None:
        """The part that has the current row of an asset, and that row. Segments know their rows for as long as they live."""
        for at, part in enumerate(self._parts):
            row = part.live.segment.row_of(asset)
            if row is not None and part.live.mask[row]:
                return at, row
        return None

    def _merge_delta(self) -> None:
        base = [part for part in self._parts if part.entry is not None]
        delta = [part for part in self._parts if part.entry is None]
        if len(delta) <= MAX_DELTA_PARTS:
            return
        # neighbours of like size are merged first, so that each table is copied a logarithmic number of times
        while len(delta) > MAX_DELTA_PARTS // 2:
            at = min(range(len(delta) - 1), key=lambda i: len(delta[i].live.segment) + len(delta[i + 1].live.segment))
            delta[at : at + 2] = [merged_part(delta[at : at + 2])]
        self._parts = [*base, *delta]

    def _show(self) -> None:
        self._shown = True
        number = self._manifest.number if self._manifest else 0
        parts = tuple(part.live for part in self._parts)
        self.snapshot = Snapshot(parts, number, self._seq, self._dimension, self._model)
        if self._on_shown is not None:
            self._on_shown(self.snapshot)


def merged_part(parts: Sequence[Part]) -> Part:
    """Some parts as one unpublished one, rows that no longer count left out."""
    segment = merge_segments([part.live.segment for part in parts], [part.live.mask for part in parts])
    return Part(Live(segment, np.ones(len(segment), dtype=np.bool_)), None)


def _texts_of(documents: Sequence[Document], hashes: set[bytes]) -> dict[bytes, str]:
    if not hashes:
        return {}
    every = (text for document in documents for text in document.texts)
    by_hash = {text_hash(text): text for text in every}
    return {known: by_hash[known] for known in hashes}
