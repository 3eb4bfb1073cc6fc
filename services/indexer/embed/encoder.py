"""What an encoder is: texts in, unit vectors out. The index, the query path and the tests know only this.

Implementations: `onnx_encoder` (the default), `worker` (models that the converter does not know), `hashing` (no model).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

import numpy as np
import numpy.typing as npt

ModelId = NewType("ModelId", str)
"""`NAME@DIGEST`: two encoders with one id give comparable vectors; vectors of two ids never mix."""

Vectors = npt.NDArray[np.float32]
"""Rows or one row of float32, each of Euclidean length 1, so that an inner product is the cosine."""


@dataclass(frozen=True, slots=True)
class EncoderCounts:
    """What an encoder has read since it was opened, queries that its cache answered not included."""

    texts: int
    truncated: int

    @property
    def truncated_share(self) -> float:
        """The share of texts, 0 to 1, that were longer than the model reads; 0 before the first text."""
        return self.truncated / self.texts if self.texts else 0.0


class Encoder(Protocol):
    """Makes vectors of texts. Safe to call from several threads at once."""

    @property
    def model_id(self) -> ModelId:
        """The model that the vectors belong to: part of every cache key and of every generation's manifest."""
        ...

    @property
    def weights(self) -> str:
        """The SHA-256 of the model's weights, in hexadecimal; empty for an encoder without any."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    @property
    def counts(self) -> EncoderCounts:
        """How many texts were read so far, and how many of them were cut."""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of what is searched, shape (len(texts), dimension), in the texts' order; (0, dimension) for none.

        A text's vector does not depend on the texts beside it. Texts longer than the model reads are cut and counted.

        Raises:
            ModelUnavailable: the model cannot answer; a later call may work.

        """
        ...

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        """Vectors of a question's words and pairs, shape as of `encode_documents`: nearly the same vectors, where that takes less time.

        Nearly: cosines with them are some .997. Never kept in an index.

        Raises:
            ModelUnavailable: the model cannot answer; a later call may work.

        """
        ...

    def encode_query(self, text: str) -> Vectors:
        """The vector of a question, shape (dimension,), read-only. The last ones asked are remembered.

        Raises:
            ModelUnavailable: the model cannot answer; a later call may work.

        """
        ...

    def close(self) -> None:
        """Let go of memory and processes; encoding afterwards raises `ModelUnavailable`. Closing twice is fine."""
        ...


def well_formed(text: str) -> str:
    """`text` as UTF-8 can carry it: a lone half of a surrogate pair becomes `?`, all else stays."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
