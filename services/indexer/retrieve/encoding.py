"""A question's vectors, made beside the thread that answers it: its words are looked up meanwhile.

Journey 2, step "query vector". The question comes first, since candidates wait for it; its words and pairs are needed after them.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.errors import ModelUnavailable
from services.indexer.embed.encoder import Encoder
from services.indexer.retrieve.spans import Spans, SpanVectors

AT_ONCE = 16
"""Threads that encode for one retriever: one question uses two, of which one waits; more questions than that wait for each other."""


class Encoding:
    """The vectors of one question, begun when this is made.

    Args:
        pool: whose threads encode; it begins work in the order in which it was given.
        encoder: the encoder.
        text: the question.
        spelled_out: the same with people's short forms spelled out.
        spans: knows words and pairs.

    """

    def __init__(self, pool: Executor, encoder: Encoder, text: str, spelled_out: str, spans: SpanVectors) -> None:
        self._whole: Future[NDArray[np.float32]] = pool.submit(_encoded, encoder, text, spelled_out)
        self._pieces: Future[Spans | None] = pool.submit(self._of_pieces, spans, spelled_out, encoder)
        self.failed = False

    @cached_property
    def vector(self) -> NDArray[np.float32] | None:
        """Of the whole question, a unit vector, float32 (dimension,), once it is there; None where the encoder cannot answer."""
        try:
            return self._whole.result()
        except ModelUnavailable:
            self.failed = True
            return None

    @cached_property
    def spans(self) -> Spans | None:
        """The question's words and pairs; None where it has no content word, or the encoder cannot answer."""
        try:
            return self._pieces.result()
        except ModelUnavailable:
            self.failed = True
            return None

    def _of_pieces(self, spans: SpanVectors, text: str, encoder: Encoder) -> Spans | None:
        self._whole.result()
        return spans.of(text, encoder)


def _encoded(encoder: Encoder, text: str, spelled_out: str) -> NDArray[np.float32]:
    """A question's vector; where short forms were spelled out, half way between it as written and as spelled out."""
    vector = encoder.encode_query(text)
    if spelled_out == text:
        return vector
    mean = vector + encoder.encode_query(spelled_out)
    return (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
