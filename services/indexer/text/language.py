"""Whether a table is written in words that the model knows. Pure once the word list is read.

Journey 1, step "document text". The model was made for English; tables in other languages are found by their words, and less by
their meaning, which `/readyz` and `headwater doctor` say with the share of such tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

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
    known: set[str] = set()
    others: set[str] = set()
    for text in texts:
        of_text = _judged(text)
        known |= of_text[0]
        others |= of_text[1]
    n = len(known) + len(others)
    return n >= MIN_WORDS and len(known) < KNOWN_SHARE * n


@lru_cache(maxsize=32_768)
def _judged(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words of a text that say something of its language: those that the model knows, and the others."""
    found = segmenter()
    words = {part for part in distinct_parts([text]) if part.isalpha() and (len(part) >= MIN_LETTERS or not part.isascii())}
    known = frozenset(word for word in words if word.isascii() and (found is None or found.is_english(word)))
    return known, frozenset(words - known)
