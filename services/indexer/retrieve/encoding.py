"""A question's vectors, made beside the thread that answers it: its words are looked up meanwhile.

Journey 2, step "query vector". The question comes first, since candidates wait for it, and as it was typed, before it is known
whether its words are read as others; its words and pairs are needed after the candidates.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.errors import ModelUnavailable
from services.indexer.embed.encoder import Encoder
from services.indexer.retrieve.spans import Spans, SpanVectors

AT_ONCE = 16
"""Threads that encode for one retriever: one question uses two, of which one waits; more questions than that wait for each other."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A text that is being encoded as a question: its vector is awaited."""

    text: str
    vector: Future[NDArray[np.float32]]


def begin(pool: Executor, encoder: Encoder, text: str) -> Begun:
    """Have a text encoded as a question by a thread of a pool."""
    return Begun(text, pool.submit(encoder.encode_query, text))


class Encoding:
    """The vectors of one question, begun when this is made, or before.

    Args:
        pool: whose threads encode; it begins work in the order in which it was given.
        encoder: the encoder.
        text: the question.
        spelled_out: the same with people's short forms spelled out.
        spans: knows words and pairs.
        begun: what was begun before it was known how the question is read; of no use where it is another text.

    """

    def __init__(
        self,
        pool: Executor,
        encoder: Encoder,
        text: str,
        spelled_out: str,
        spans: SpanVectors,
        begun: Begun,
    ) -> None:
        written = begun if begun.text == text else begin(pool, encoder, text)
        self._whole: Future[NDArray[np.float32]] = (
            written.vector if spelled_out == text else pool.submit(_between, written.vector, encoder, spelled_out)
        )
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


def _between(written: Future[NDArray[np.float32]], encoder: Encoder, spelled_out: str) -> NDArray[np.float32]:
    """The vector half way between the question as written and as spelled out, short forms said in words."""
    mean = written.result() + encoder.encode_query(spelled_out)
    return (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
