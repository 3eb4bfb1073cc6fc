"""Texts that may be SQL, without what may be a literal: where that cannot be told for sure, nothing of the text is kept. Pure.

Journey 3, before the store. Nobody says in which dialect a text of a custom facet is, so any reading of it is a guess.
"""

from __future__ import annotations

import hashlib
import re

from services.common.model.secret_text import MASK

# words of statements and of pieces of them, anywhere in a text: prose with one loses no more than its numbers and quotes
_WORDS = re.compile(
    r"\b(?:select|insert|update|delete|merge|replace|create|alter|drop|truncate|copy|call|exec|execute|explain|with|set|begin|"
    r"declare|values|value|where|having|from|into|grant|use|using|show|describe|analyze|load|unload|put|kill|prepare|do|let|if|"
    r"return|print|raise|pivot|qualify|limit|offset|between|like|ilike|rlike|in|and|or|not|case|when|then|else|on|join|as|is)\b"
    r"|[=<>]\s*+['\"$(\d-]",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"['\"$#\d]|--|/\*|\bstdin\b|(?:\A|;)\s*+set\s++[\w.@]++\s*+(?:=|to\b)", re.IGNORECASE)
# escapes, triple and dollar quotes, comments, q'…' and what follows a COPY: read one way they end here, read another there
_DOUBT = re.compile(
    r"\\|\"\"\"|'''|\$\w*+\$|--|/\*|#|(?<!:)//|\[[^\]'\"]*+['\"]|\bq'|\bstdin\b|\A\s*+set\b|;\s*+set\b", re.IGNORECASE
)
_QUOTED = re.compile(r"'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"")
_BACKTICKS = re.compile(r"`[^`'\"]*+`")
_NUMBER = re.compile(r"(?<!\w)\.?\d[\w.]*+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"();]++", re.IGNORECASE)


def without_sql(text: str) -> str:
    """A text of any kind as it may be kept: as it is where nothing in it looks like SQL with literals.

    Otherwise strings and numbers are `***`; where it cannot be told where they end, all that is kept is the length and the hash.
    """
    if _URL.fullmatch(text) or not _LITERAL.search(text) or not _WORDS.search(text):
        return text
    if _DOUBT.search(text) or "`" in _BACKTICKS.sub("", text):
        return dropped(text)
    masked = _QUOTED.sub(MASK, text)
    if "'" in masked or '"' in masked:
        return dropped(text)
    return _NUMBER.sub(MASK, masked)


def dropped(text: str) -> str:
    """What is kept of a text of which nothing may be kept."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{MASK} ({len(text)} characters, sha256:{digest})"
