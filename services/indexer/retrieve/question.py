"""A question as the steps of an answer read it. Journey 2, the result of the step "understood"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.indexer.retrieve.lexical import Alternatives
from services.indexer.retrieve.spans import Spans


@dataclass(frozen=True)
class Question:
    """A question's words, and its vectors where there is an encoder.

    Attributes:
        text: what was asked.
        terms: the words that are looked up.
        alternatives: what else they are called.
        vector: of the whole question, a unit vector, float32 (dimension,); None in lexical mode.
        spans: its words and pairs with theirs; None in lexical mode, and where it says nothing but function words.
        popular: how much the asker's scope shows each table to be used, 0 to 1; absent where no log tells.

    """

    text: str
    terms: tuple[str, ...]
    alternatives: Alternatives
    vector: NDArray[np.float32] | None
    spans: Spans | None = None
    popular: Mapping[AssetId, float] = field(default_factory=dict)
