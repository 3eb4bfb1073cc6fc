"""A question's content words and pairs of neighbouring ones, each with a vector of its own.

Journey 2, step "understood": a table answers a question if its columns, taken together, say what the words say.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from services.common.model.words import stem
from services.indexer.embed.encoder import Encoder
from services.indexer.text.tokens import STOP_WORDS, raw_words

MAX_WORDS = 24
"""Content words that get a vector; what a longer question says after them changes little."""
CACHED = 4_096
"""Vectors of words and pairs that are remembered: 7 MB at 384 dimensions. Questions share most of their words."""


@dataclass(frozen=True)
class Spans:
    """What a question says piece by piece.

    Attributes:
        words: its content words, lower case, in order, each once.
        pairs: neighbouring content words with nothing between them, joined by a space.
        vectors: unit vectors of words and pairs, float32 (words + pairs, dimension).

    """

    words: tuple[str, ...]
    pairs: tuple[str, ...]
    vectors: NDArray[np.float32]


class SpanVectors:
    """Vectors of words and pairs, the last ones asked for remembered. Safe to call from several threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    def of(self, text: str, encoder: Encoder) -> Spans | None:
        """The spans of a question; None where it has no content word.

        They are encoded as documents are, without the question's prompt: it is names that they are compared with.

        Raises:
            ModelUnavailable: the encoder cannot answer.

        """
        words, pairs = pieces(text)
        return Spans(words, pairs, self._vectors((*words, *pairs), encoder)) if words else None

    def _vectors(self, texts: Sequence[str], encoder: Encoder) -> NDArray[np.float32]:
        keys = [(encoder.model_id, text) for text in texts]
        with self._lock:
            known = {key: self._known[key] for key in keys if key in self._known}
        missing = [key for key in keys if key not in known]
        if missing:
            known |= zip(missing, encoder.encode_words([text for _, text in missing]), strict=True)
        with self._lock:
            for key in keys:
                self._known[key] = known[key]
                self._known.move_to_end(key)
            while len(self._known) > CACHED:
                self._known.popitem(last=False)
        return np.stack([known[key] for key in keys])


def pieces(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The content words of a text and the pairs of neighbours among them, each once."""
    kept = [(at, word) for at, word in enumerate(raw_words(text)) if _says_something(word)]
    words = tuple(dict.fromkeys(word for _, word in kept))[:MAX_WORDS]
    pairs = (f"{one} {other}" for (at, one), (after, other) in pairwise(kept) if after == at + 1)
    return words, tuple(dict.fromkeys(pairs))[: MAX_WORDS - 1]


def _says_something(word: str) -> bool:
    return word not in STOP_WORDS and stem(word) not in STOP_WORDS
