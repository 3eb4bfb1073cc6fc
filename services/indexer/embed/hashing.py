"""An encoder without a model: words and character trigrams hashed into a fixed number of places.

For `model = "hashing"` (nothing to install, no meaning understood: only shared words and spellings) and for fast tests.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from threading import Lock

import numpy as np

from services.common.errors import ModelUnavailable
from services.indexer.embed.encoder import EncoderCounts, ModelId, Vectors, well_formed

HASHING_MODEL = "hashing"
HASHING_DIMENSION = 384
"""That of the default model, so that sizes and times of an index are comparable."""

MAX_WORDS = 2048
"""Words read of a text; the rest is cut."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_TRIGRAM_WEIGHT = 0.5
"""A word's trigrams together say less than the word itself."""


class HashingEncoder:
    """An `Encoder` by signed feature hashing (Weinberger et al. 2009, arXiv:0902.2206).

    The same text gives the same bytes in every process and on every machine.
    """

    def __init__(self, dimension: int = HASHING_DIMENSION) -> None:
        """`dimension` is at least 8; raises ValueError below."""
        if dimension < 8:
            raise ValueError("a hashing encoder needs at least 8 dimensions")
        self._dimension = dimension
        self._counts = EncoderCounts(0, 0)
        self._counts_lock = Lock()
        self._closed = False

    @property
    def model_id(self) -> ModelId:
        return ModelId(f"{HASHING_MODEL}@{self._dimension}")

    @property
    def weights(self) -> str:
        return ""

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def counts(self) -> EncoderCounts:
        return self._counts

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            self._fill(row, text)
        return vectors

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        return self.encode_documents(texts)

    def encode_query(self, text: str) -> Vectors:
        vector = np.zeros(self._dimension, dtype=np.float32)
        self._fill(vector, text)
        vector.setflags(write=False)
        return vector

    def close(self) -> None:
        self._closed = True

    def _fill(self, row: Vectors, text: str) -> None:
        """Write the text's vector into `row`, which is all zeros."""
        if self._closed:
            raise ModelUnavailable(f"The encoder of {self.model_id} is closed")
        words = [word.lower() for word in _WORD.findall(well_formed(text))]
        with self._counts_lock:
            self._counts = EncoderCounts(self._counts.texts + 1, self._counts.truncated + (len(words) > MAX_WORDS))
        for word, count in Counter(words[:MAX_WORDS]).items():
            for place, value in _features(word, self._dimension):
                row[place] += value * (1 + math.log(count))
        # added up exactly: what BLAS gives differs in its last bit between processors
        length = math.sqrt(math.fsum(value * value for value in row[np.flatnonzero(row)].tolist()))
        if length > 0:
            row /= length
        else:  # a text without a word, or whose features cancel out, still has a place
            row[0] = 1.0


@lru_cache(maxsize=65_536)
def _features(word: str, dimension: int) -> tuple[tuple[int, float], ...]:
    """Places and signed weights of a word: itself, and the trigrams of the word between two marks."""
    marked = f"^{word}$"
    trigrams = [marked[begin : begin + 3] for begin in range(len(marked) - 2)]
    weight = _TRIGRAM_WEIGHT / math.sqrt(len(trigrams))
    return (_place(f"w:{word}", 1.0, dimension), *(_place(f"t:{trigram}", weight, dimension) for trigram in trigrams))


def _place(feature: str, weight: float, dimension: int) -> tuple[int, float]:
    digest = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "little")
    return (digest >> 1) % dimension, weight if digest & 1 else -weight
