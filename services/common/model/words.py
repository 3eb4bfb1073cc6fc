"""Words with their places in a text, identifiers split: for marking what a question's words met. Pure.

Journey 2, the last step. The index has its own, finer, way to read words (`indexer/text/tokens`); here only places matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_WIDE_CHARS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# a run of a script without spaces, an acronym, a word with or without its capital, a number; an underscore is a break
_PIECE = re.compile(
    rf"(?P<wide>[{_WIDE_CHARS}]+)|[A-Z]{{2,}}s(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z{_WIDE_CHARS}]+|[A-Z]+|\d+"
)


class Place(NamedTuple):
    """A word of a text, in lower case and singular, and where it stands: code points, `end` behind its last."""

    word: str
    start: int
    end: int


def places(text: str) -> Iterator[Place]:
    """The words of a text in order. A script without spaces gives overlapping pairs of characters."""
    for match in _PIECE.finditer(text):
        start, end = match.span()
        if match["wide"] is None:
            yield Place(_plain(match[0]), start, end)
        elif end - start == 1:
            yield Place(match[0], start, end)
        else:
            yield from (Place(text[at : at + 2], at, at + 2) for at in range(start, end - 1))


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Plural to singular by Harman's S-stemmer (Harman 1991, "How effective is suffixing?"): ies → y, es → e, s → nothing."""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) else word[:-3] + "y"
    if word.endswith("es"):
        return word if word.endswith(("aes", "ees", "oes")) else word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]


def _plain(piece: str) -> str:
    return stem((piece if piece.isascii() else unicodedata.normalize("NFKC", piece)).lower())
