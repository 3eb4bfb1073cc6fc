"""Whether a table is written in words that the model knows. Pure once the word list is read.

Journey 1, step "document text". The model was made for English; tables in other languages are found by their words, and less by
their meaning, which `/readyz` and `headwater doctor` say with the share of such tables.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.indexer.text.segmenter import segmenter
from services.indexer.text.tokens import distinct_parts

KNOWN_SHARE = 0.45
"""A table of whose words less than this share is known is outside the model's language. Of 6,853 English tables of the open
schemas 0.7 % are below (codes, names of genes), half have 0.93; of small German and French schemas 11 of 12 are, with 0 to 0.38
(`tests/unit/test_languages.py` has some of them)."""
MIN_WORDS = 3
"""Fewer words say nothing of a language."""
MIN_LETTERS = 4
"""Shorter ones are abbreviations as often as words."""


def outside_model(texts: Iterable[str]) -> bool:
    """Whether the names and descriptions of a table are in another language than the model's, or in another script."""
    found = segmenter()
    words = [part for part in distinct_parts(texts) if part.isalpha() and (len(part) >= MIN_LETTERS or not part.isascii())]
    if len(words) < MIN_WORDS:
        return False
    known = sum(word.isascii() and (found is None or found.is_english(word)) for word in words)
    return known < KNOWN_SHARE * len(words)
