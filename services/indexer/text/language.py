"""Whether a table is written in words that the model knows. Pure once the word list is read.

Journey 1, step "document text". The model was made for English; tables in other languages are found by their words, and less by
their meaning, which `/readyz` and `headwater doctor` say with the share of such tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from services.indexer.text.segmenter import segmenter
from services.indexer.text.tokens import parts_of, whole_words

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
    for whole in {whole for text in texts for whole in whole_words(text)}:
        of_word = _judged(whole)
        known.update(of_word[0])
        others.update(of_word[1])
    n = len(known) + len(others)
    return n >= MIN_WORDS and len(known) < KNOWN_SHARE * n


@lru_cache(maxsize=65_536)
def _judged(whole: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parts of a word that say something of a language: those that the model knows, and the others."""
    found = segmenter()
    words = {part for part in parts_of(whole) if part.isalpha() and (len(part) >= MIN_LETTERS or not part.isascii())}
    known = {word for word in words if word.isascii() and (found is None or found.is_english(word))}
    return tuple(known), tuple(words - known)
