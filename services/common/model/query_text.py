"""A question cut into pieces with their places: words, quoted phrases, typed filters, operators, parentheses. Pure.

Journey 2, step "query text understood", before `query_parse` makes a tree of the pieces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from services.common.model.sentence_words import SENTENCE_WORDS

FIELDS = (
    "name",
    "column",
    "kind",
    "platform",
    "source",
    "database",
    "schema",
    "tag",
    "owner",
    "status",
    "quality",
    "updated",
)
"""The words that may stand before a colon."""
MAX_PIECES = 2_000
"""A text of more pieces is words, whatever it looks like: nobody writes such a query, somebody pasted a page."""

_FIELD = re.compile(r"([A-Za-z][A-Za-z_]*):")
_NO_FIELDS = ("//", ":", "\\")  # what follows the colon of a URL, of a cast, of a drive
_OPERATORS = frozenset({"AND", "OR", "NOT"})
_QUOTES = {'"': '"', "“": "”", "„": "“"}


class Sort(StrEnum):
    """What a piece of a question is."""

    WORD = "word"
    PHRASE = "phrase"
    FILTER = "filter"
    UNKNOWN = "unknown"  # looks like a filter, of a field that there is not
    OPERATOR = "operator"
    MINUS = "minus"
    OPEN = "open"
    CLOSE = "close"
    UNCLOSED = "unclosed"  # a quote that has no end


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece.

    Attributes:
        text: as typed; of a phrase what is between the quotes, of a filter what follows the colon.
        start, end: its place in the question, in code points, `end` behind its last.
        field: of a filter, what stands before the colon, in lower case.

    """

    sort: Sort
    text: str
    start: int
    end: int
    field: str = ""


def pieces(text: str) -> list[Piece]:
    """The pieces of a question in order; as many as there are, but no more than `MAX_PIECES` and one."""
    out: list[Piece] = []
    at = 0
    while at < len(text) and len(out) <= MAX_PIECES:
        if text[at].isspace():
            at += 1
            continue
        piece = _piece(text, at)
        out.append(piece)
        at = piece.end
    return out


def is_prose(found: list[Piece], text: str) -> bool:
    """Whether a question is a sentence, whose quotes, capitals and parentheses mean nothing: it has no filter of a known
    field, and a word that only sentences have, or a question mark at its end.
    """
    if any(piece.sort is Sort.FILTER and piece.text for piece in found):
        return False
    said = (piece.text.strip(".,;!?'\"").lower() for piece in found if piece.sort is Sort.WORD)
    return text.rstrip().endswith("?") or any(word in SENTENCE_WORDS for word in said)


def _piece(text: str, at: int) -> Piece:
    char = text[at]
    if char == "(":
        return Piece(Sort.OPEN, char, at, at + 1)
    if char == ")":
        return Piece(Sort.CLOSE, char, at, at + 1)
    if char == "-" and _negates(text, at + 1):
        return Piece(Sort.MINUS, char, at, at + 1)
    if char in _QUOTES:
        return _quoted(text, at)
    field = _FIELD.match(text, at)
    if field is not None:
        filter_ = _filter(text, field)
        if filter_ is not None:
            return filter_
    end = _word_end(text, at)
    word = text[at:end]
    return Piece(Sort.OPERATOR if word in _OPERATORS else Sort.WORD, word, at, end)


def _negates(text: str, at: int) -> bool:
    """A minus takes away what it touches, if that is a phrase, a group or a filter; before a word it may be anything."""
    if text[at : at + 1] in ("(", '"', "“"):
        return True
    field = _FIELD.match(text, at)
    return field is not None and field[1].lower() in FIELDS


def _quoted(text: str, at: int) -> Piece:
    close = text.find(_QUOTES[text[at]], at + 1)
    if close < 0:
        return Piece(Sort.UNCLOSED, text[at + 1 :], at, len(text))
    if close + 1 < len(text) and not text[close + 1].isspace() and text[close + 1] not in "()":
        end = _word_end(text, at)  # `"shop"."orders"`: a name with quotes
        return Piece(Sort.WORD, text[at:end], at, end)
    return Piece(Sort.PHRASE, text[at + 1 : close], at, close + 1)


def _filter(text: str, field: re.Match[str]) -> Piece | None:
    """A typed filter, or None where the colon is part of a word: a URL, a namespace, a cast, a path, a name."""
    name, start = field[1].lower(), field.end()
    if text.startswith(_NO_FIELDS, start):
        return None
    if name in FIELDS:
        end = _value_end(text, start)
        return Piece(Sort.FILTER, text[start:end], field.start(), end, name)
    end = _word_end(text, start)
    value = text[start:end]
    # `urn:li:x`, `project:dataset.table`, `{"a":1}`, `note:` and `C:` are no filters that somebody got wrong
    if len(name) < 2 or not value or not (value[0].isalnum() or value[0] in '"<>=*@') or set(value) & set(":./\\"):
        return None
    return Piece(Sort.UNKNOWN, value, field.start(), end, field[1])


def _value_end(text: str, at: int) -> int:
    """Where a filter's value ends: at white space or a closing parenthesis outside of quotes."""
    while at < len(text) and not text[at].isspace() and text[at] != ")":
        if text[at] == '"':
            close = text.find('"', at + 1)
            if close < 0:
                return len(text)
            at = close
        at += 1
    return at


def _word_end(text: str, at: int) -> int:
    """Where a word ends: at white space outside of a quoted part, or at a parenthesis that it did not open itself."""
    opened, start = 0, at
    while at < len(text) and not text[at].isspace():
        char = text[at]
        if char == '"' and (at == start or text[at - 1] == "."):
            close = text.find('"', at + 1)
            at = close if close > 0 else at
        elif char == "(":
            opened += 1
        elif char == ")":
            if not opened:
                break
            opened -= 1
        at += 1
    return at
