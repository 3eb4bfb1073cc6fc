"""Identifiers and prose to tokens: the same code for documents and questions, so that both meet.

Journey 1, step "document text", and journey 2, step "query text understood".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from services.common.model.words import stem
from services.indexer.text.segmenter import segmenter

MAX_TOKEN_CHARS = 64
"""Longer words are cut: nobody types them, and a hostile name must not fill the vocabulary."""
MAX_TEXT_CHARS = 20_000
"""Of one text, only so much is read: a comment of a megabyte is not what anybody searches by its end."""

_WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*", re.UNICODE)
# aB → a B, HTMLPage → HTML Page, userIDs → user IDs, x2y → x 2 y; underscores split anyway
_HUMPS = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+", re.UNICODE)
_WIDE_CHARS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WIDE = re.compile(f"[{_WIDE_CHARS}]")
_RUNS = re.compile(rf"[{_WIDE_CHARS}]+|[^{_WIDE_CHARS}_]+")

_UMLAUTS = frozenset("äöü")
_WITH_E = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})

# function words of English questions, and the words that mean only "find me data"; closed classes, from no data set
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "get",
        "give",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "list",
        "many",
        "may",
        "me",
        "much",
        "my",
        "of",
        "on",
        "or",
        "our",
        "shall",
        "she",
        "should",
        "show",
        "so",
        "some",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "please",
        "find",
        "need",
        "want",
        "tell",
        "know",
        "using",
        "used",
        "use",
        "all",
        "each",
        "every",
        "per",
        "vs",
        "via",
        "about",
        "contain",
        "contains",
        "containing",
        "hold",
        "holds",
        "holding",
        "data",
        "table",
        "tables",
        "column",
        "columns",
        "dataset",
        "datasets",
        "view",
        "views",
        "store",
        "stored",
        "stores",
    ]
)


NOWHERE: frozenset[str] = frozenset()
"""No words are known to be used nearby."""


def words(text: str) -> list[str]:
    """The words of a text in order, identifiers split into theirs, lower case and stemmed, stop words kept.

    Scripts written without spaces (Chinese, Japanese, Korean) become overlapping pairs of characters. Glued words stay whole.
    """
    return [word for whole in _WORD.findall(_normalised(text)) for word in map(_word, parts_of(whole))]


def raw_words(text: str) -> list[str]:
    """The words of a text as written, lower case: identifiers and glued words stay whole, nothing is stemmed."""
    return [whole.lower()[:MAX_TOKEN_CHARS] for whole in _WORD.findall(_normalised(text))]


def tokens(text: str, nearby: frozenset[str] = NOWHERE) -> list[str]:
    """What is indexed of a text: its words without stop words, and whole besides their parts: compounds and glued words.

    Args:
        text: any.
        nearby: what `evidence` gives, so that glued words break where the rest of their table breaks them.

    """
    out: list[str] = []
    compounds: list[str] = []
    for whole in whole_words(text):
        found, compound = _indexed(whole, nearby)
        out += found
        if compound:
            compounds.append(compound)
    return out + compounds


@lru_cache(maxsize=65_536)
def _indexed(whole: str, nearby: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """What is indexed of one word as written, and it as one token where it is compound: descriptions share most of their words."""
    parts = parts_of(whole)
    found = [word for part in parts for word in (*_spellings(part), *map(stem, _unglued(part, nearby)))]
    compound = joined(whole) if len(parts) > 1 and not _has_wide(whole) else ""
    return tuple(word for word in found if word not in STOP_WORDS), compound


def whole_words(text: str) -> list[str]:
    """The words of a text as written, in order: identifiers and glued words stay whole."""
    return _WORD.findall(_normalised(text))


def glued_words(text: str) -> dict[str, tuple[str, ...]]:
    """The glued words of a question with their words, both as they are indexed; empty mostly."""
    out: dict[str, tuple[str, ...]] = {}
    for whole in _WORD.findall(_normalised(text)):
        for part in parts_of(whole):
            found = tuple(stem(word) for word in _unglued(part, NOWHERE) if word not in STOP_WORDS)
            if found:
                out[_word(part)] = found
    return out


def content_words(text: str) -> list[str]:
    """The words of a question that say what it is about: without stop words unless nothing else is left."""
    every = words(text)
    return [word for word in every if word not in STOP_WORDS] or every


def split_identifier(name: str) -> list[str]:
    """`fct_ordLineItems` → fct, ord, Line, Items. Digits stand alone; a word without any break stays one."""
    return _HUMPS.findall(name.replace("_", " ")) or [name]


def joined(name: str) -> str:
    """An identifier as one token, in the spelling that all its conventions share: `ORDER_items` → orderitems."""
    return _without_marks(re.sub(r"[\W_]+", "", name.lower()))[:MAX_TOKEN_CHARS]


@lru_cache(maxsize=65_536)
def spaced(name: str, nearby: frozenset[str] = NOWHERE) -> str:
    """An identifier as people would say it, for the text that is embedded: `fct_ordLineItems` → fct ord line items.

    Glued words are split where they have three words or more, or the model's own tokenizer would cut them into more pieces
    than they have words: `workflow` and its like are better known to the model as they are.
    """
    parts = (part.lower() for match in _WORD.finditer(_normalised(name)) for part in split_identifier(match[0]))
    return " ".join(word for part in parts for word in _said(part, nearby))


def broken_words(names: Iterable[str], prose: str) -> frozenset[str]:
    """The words that a table is known to use: parts of its names where they have breaks, and words of its description."""
    found: set[str] = set()
    for name in names:
        parts = split_identifier(name)
        found.update(part.lower() for part in parts if len(parts) > 1)
    found.update(word.lower() for word in _WORD.findall(_normalised(prose)))
    return frozenset(word for word in found if len(word) > 2 and word.isascii() and word.isalpha())


def evidence(name: str, used: frozenset[str]) -> frozenset[str]:
    """Of the words that a table uses (`broken_words`), those that may be inside a glued word of a name; mostly none."""
    glued = _glued(name)
    return frozenset([word for word in used if word in glued]) if glued else NOWHERE


@lru_cache(maxsize=65_536)
def _glued(name: str) -> str:
    """The parts of a name that may be glued words, a line each; empty mostly."""
    found = segmenter()
    if found is None:
        return ""
    parts = (part for whole in _WORD.findall(_normalised(name)) for part in parts_of(whole))
    return "\n".join(part for part in parts if found.is_glued(part))


def parts_of(whole: str) -> list[str]:
    """The parts of one word as written, in lower case."""
    if not _has_wide(whole):
        return [part.lower() for part in split_identifier(whole)]
    out: list[str] = []
    for run in _RUNS.findall(whole):
        out.extend(_pairs(run) if _has_wide(run) else (part.lower() for part in split_identifier(run)))
    return out


def _unglued(part: str, nearby: frozenset[str]) -> tuple[str, ...]:
    """The words of a glued word; nothing where it is one word."""
    found = segmenter()
    parts = found.parts(part, nearby) if found is not None else ()
    return parts if len(parts) > 1 else ()


def _said(part: str, nearby: frozenset[str]) -> tuple[str, ...]:
    found = segmenter()
    if found is None:
        return (part,)
    parts = found.parts(part, nearby)
    return parts if len(parts) > 2 or len(parts) < found.pieces(part) else (part,)


def _word(part: str) -> str:
    return stem(_without_marks(part)[:MAX_TOKEN_CHARS])


def _spellings(part: str) -> tuple[str, ...]:
    """A word without its marks; a German umlaut is its vowel, and with an e behind: both are typed for it."""
    if part.isascii() or _UMLAUTS.isdisjoint(part):
        return (_word(part),)
    return (_word(part), stem(part.translate(_WITH_E)[:MAX_TOKEN_CHARS]))


@lru_cache(maxsize=65_536)
def _without_marks(text: str) -> str:
    """Letters without accents, so that `prénom` and `prenom` are one, and `ß`, `æ`, `ø`, `ł` as they are typed without them."""
    if text.isascii():
        return text
    bare = unicodedata.normalize("NFD", text.translate(_LETTERS))
    # only marks of European scripts: those of kana make another syllable
    return unicodedata.normalize("NFC", "".join(char for char in bare if not "\u0300" <= char <= "\u036f"))


def _has_wide(text: str) -> bool:
    return not text.isascii() and _WIDE.search(text) is not None


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def _normalised(text: str) -> str:
    read = text[:MAX_TEXT_CHARS]
    return read if read.isascii() else unicodedata.normalize("NFKC", read)
