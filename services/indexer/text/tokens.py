"""Identifiers and prose to tokens: the same code for documents and questions, so that both meet.

Journey 1, step "document text", and journey 2, step "query text understood".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

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


def words(text: str) -> list[str]:
    """The words of a text in order, identifiers split into theirs, lower case and stemmed, stop words kept.

    Scripts written without spaces (Chinese, Japanese, Korean) become overlapping pairs of characters.
    """
    return [word for whole in _WORD.findall(_normalised(text)) for word in _words_of(whole)]


def tokens(text: str) -> list[str]:
    """What is indexed of a text: its words without stop words, and each compound identifier whole besides its parts."""
    out: list[str] = []
    compounds: list[str] = []
    for whole in _WORD.findall(_normalised(text)):
        parts = _words_of(whole)
        out.extend(word for word in parts if word not in STOP_WORDS)
        if len(parts) > 1 and not _has_wide(whole):
            compounds.append(joined(whole))
    return out + compounds


def content_words(text: str) -> list[str]:
    """The words of a question that say what it is about: without stop words unless nothing else is left."""
    every = words(text)
    return [word for word in every if word not in STOP_WORDS] or every


def split_identifier(name: str) -> list[str]:
    """`fct_ordLineItems` → fct, ord, Line, Items. Digits stand alone; a word without any break stays one."""
    return _HUMPS.findall(name.replace("_", " ")) or [name]


def joined(name: str) -> str:
    """An identifier as one token, in the spelling that all its conventions share: `ORDER_items` → orderitems."""
    return re.sub(r"[\W_]+", "", name.lower())[:MAX_TOKEN_CHARS]


@lru_cache(maxsize=65_536)
def spaced(name: str) -> str:
    """An identifier as people would say it, for the text that is embedded: `fct_ordLineItems` → fct ord line items."""
    return " ".join(part.lower() for match in _WORD.finditer(_normalised(name)) for part in split_identifier(match[0]))


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


def _words_of(whole: str) -> list[str]:
    if not _has_wide(whole):
        return [_word(part) for part in split_identifier(whole)]
    out: list[str] = []
    for run in _RUNS.findall(whole):
        out.extend(_pairs(run) if _has_wide(run) else map(_word, split_identifier(run)))
    return out


def _word(part: str) -> str:
    return stem(part.lower()[:MAX_TOKEN_CHARS])


def _has_wide(text: str) -> bool:
    return not text.isascii() and _WIDE.search(text) is not None


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def _normalised(text: str) -> str:
    read = text[:MAX_TEXT_CHARS]
    return read if read.isascii() else unicodedata.normalize("NFKC", read)
