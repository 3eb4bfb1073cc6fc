"""A question as the steps of an answer read it. Journey 2, the result of the step "understood"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.common.model.search import Correction
from services.indexer.retrieve.candidates import USUAL
from services.indexer.retrieve.encoding import Encoding
from services.indexer.retrieve.lexical import Alternatives
from services.indexer.retrieve.spans import Spans


@dataclass(frozen=True)
class Question:
    """A question's words, and its vectors where there is an encoder.

    Attributes:
        text: what was asked.
        terms: the words that are looked up.
        alternatives: what else they are called.
        read: what was asked, misspelt words corrected.
        misspelt: the words that were, lower case, with what they are read as.
        encoding: its vectors, which may still be in the making; None in lexical mode.
        popular: how much the asker's scope shows each table to be used, 0 to 1; absent where no log tells.
        depth: how many candidates come from each of words, table vectors and column vectors.

    """

    text: str
    terms: tuple[str, ...]
    alternatives: Alternatives
    read: str = ""
    misspelt: Mapping[str, str] = field(default_factory=dict)
    encoding: Encoding | None = None
    popular: Mapping[AssetId, float] = field(default_factory=dict)
    depth: int = USUAL

    @property
    def names(self) -> tuple[str, ...]:
        """The words that a name may say: those asked for, and single ones that they are also called."""
        return tuple(dict.fromkeys((*self.terms, *self.also)))

    @property
    def also(self) -> tuple[str, ...]:
        """What the words are also called, where that is a single word."""
        others = (one.words[0] for term in self.terms for one in self.alternatives.get(term, ()) if len(one.words) == 1)
        return tuple(dict.fromkeys(others))

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """The misspelt words and what they are read as, for the asker."""
        return tuple(Correction(word, meant) for word, meant in self.misspelt.items())

    @property
    def vector(self) -> NDArray[np.float32] | None:
        """Of the whole question, a unit vector, float32 (dimension,), waited for; None in lexical mode."""
        return self.encoding.vector if self.encoding is not None else None

    @property
    def spans(self) -> Spans | None:
        """Its words and pairs with their vectors, waited for; None in lexical mode, and where it says only function words."""
        return self.encoding.spans if self.encoding is not None else None

    @property
    def failed(self) -> bool:
        """Whether the encoder could not answer after all."""
        return self.encoding is not None and self.encoding.failed
