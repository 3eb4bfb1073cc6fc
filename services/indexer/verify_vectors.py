"""Vectors in the index against the embedding cache, and some of the cache against the model itself.

For `verify`: a text's vector must be the cached one bit by bit, which finds vectors that were swapped or are stale; a
sample is encoded again, which finds a cache that is wrong itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.indexer.embed.encoder import Encoder
from services.indexer.index.segment import Segment
from services.indexer.index.texts import Texts
from services.indexer.store.cache import EmbeddingCache, storable
from services.indexer.text.document import Document, text_hash

SAME_COSINE = 0.999
"""Two runs of one model differ by float16 and the batch around a text; measured never below 0.9999."""
MAX_SUSPECTS = 256
"""So many differing texts are encoded again to see whether cache or index is wrong; more are taken to be the index's."""
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Held:
    """A text of an asset, and where its vector is in a segment.

    Attributes:
        what: `its text` or `column NAME`.
        row: of the vector, -1 while there is none.

    """

    asset: AssetId
    name: str
    what: str
    text: str
    hash: bytes
    texts: Texts
    row: int

    @property
    def key(self) -> tuple[int, bytes]:
        """What is compared only once: a text in one shelf of one segment."""
        return id(self.texts), self.hash


def held_of(asset: AssetId, name: str, document: Document, segment: Segment, row: int) -> Iterator[Held]:
    """The texts of a row whose hashes are those of its document; the others are another finding."""
    start = int(segment.column_start[row])
    places = [
        ("its text", document.text, segment.texts, int(segment.text[row])),
        ("the text of its name", document.name_text, segment.texts, int(segment.name_text[row])),
    ]
    used = segment.column_text[start : int(segment.column_start[row + 1])].tolist()
    columns = zip(document.record.columns, document.column_texts, used, strict=False)
    places += [(f"column {column}", text, segment.column_texts, at) for column, text, at in columns]
    for what, text, texts, at in places:
        known = text_hash(text)
        if texts.hash(at) == known:
            yield Held(asset, name, what, text, known, texts, int(texts.row[at]))


@dataclass
class VectorCheck:
    """Compares vectors page by page.

    Attributes:
        cache: of the model that the generation's vectors are from.
        sample: how many texts are encoded again in the end.
        pending: texts without a vector.
        distrusted: texts whose cached vector is wrong.

    """

    cache: EmbeddingCache
    sample: int
    dimension: int
    pending: set[bytes] = field(default_factory=set)
    distrusted: set[bytes] = field(default_factory=set)
    _verdicts: dict[tuple[int, bytes], str | None] = field(default_factory=dict)
    _suspects: dict[bytes, Held] = field(default_factory=dict)
    _drawn: list[tuple[float, int, Held]] = field(default_factory=list)
    _order: np.random.Generator = field(default_factory=np.random.default_rng)

    def page(self, held: Sequence[Held]) -> Iterator[tuple[Held, str]]:
        """What is wrong with the vectors of a page of assets."""
        fresh = {one.key: one for one in held if one.row >= 0 and one.key not in self._verdicts}
        cached = self.cache.lookup([one.hash for one in fresh.values()])
        for one in fresh.values():
            self._verdicts[one.key] = self._judged(one, cached.get(one.hash))
        for one in held:
            if one.row < 0:
                self.pending.add(one.hash)
            elif problem := self._verdicts[one.key]:
                yield one, problem

    def again(self, encoder: Encoder) -> Iterator[tuple[Held, str]]:
        """Encode what differed, and the sample, again; the cached vectors that the model would not make."""
        chosen = list({**{one.hash: one for _, _, one in self._drawn}, **self._suspects}.values())
        for start in range(0, len(chosen), _BATCH):
            batch = chosen[start : start + _BATCH]
            cached = self.cache.lookup([one.hash for one in batch])
            vectors = encoder.encode_documents([storable(one.text) for one in batch])
            for one, vector in zip(batch, vectors, strict=True):
                known = cached.get(one.hash)
                if known is not None and not _same(known, vector):
                    self.distrusted.add(one.hash)
                    yield one, "the cached vector is not what the model makes of the text"

    def _judged(self, one: Held, known: NDArray[np.float16] | None) -> str | None:
        if known is None:
            return "has a vector that the embedding cache does not know"
        if known.shape != (self.dimension,):
            self.distrusted.add(one.hash)
            return "the cached vector has another length"
        self._draw(one)
        if one.texts.vectors.rows[one.row].tobytes() == known.tobytes():
            return None
        if len(self._suspects) < MAX_SUSPECTS:
            self._suspects[one.hash] = one
        return "the vector is not the one that the embedding cache has for the text"

    def _draw(self, one: Held) -> None:
        """Keep the `sample` texts with the highest random numbers: each text of all has the same chance."""
        ticket = (float(self._order.random()), len(self._verdicts), one)
        if len(self._drawn) < self.sample:
            heapq.heappush(self._drawn, ticket)
        elif self.sample and ticket[:2] > self._drawn[0][:2]:
            heapq.heapreplace(self._drawn, ticket)


def _same(known: NDArray[np.float16], vector: NDArray[np.float32]) -> bool:
    if known.shape != vector.shape:
        return False
    old = known.astype(np.float64)
    length = float(np.linalg.norm(old) * np.linalg.norm(vector))
    return length > 0 and float(old @ vector) / length >= SAME_COSINE
