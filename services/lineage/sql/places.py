"""Where reading stopped: the only part of a parser's error that is passed on, because its message quotes the text.

Used by `parse` and `extract`.
"""

from __future__ import annotations

from sqlglot.errors import ParseError, SqlglotError, TokenError

_CONTEXT_CHARS = 50
"""How much text sqlglot's tokenizer puts before and after the place of an error."""

Place = tuple[int | None, int | None]
"""Line and column, from 1; None where they are not known."""


def place_of(error: SqlglotError, sql: str) -> Place:
    """Where an error of the parser or its tokenizer stands in a text."""
    if isinstance(error, TokenError):
        return token_place(error, sql)
    return parse_place(error) if isinstance(error, ParseError) else (None, None)


def parse_place(error: ParseError) -> Place:
    """Line and column where the token begins that the parser did not expect; it names the column where that ends."""
    first = error.errors[0] if error.errors else {}
    line, end = first.get("line"), first.get("col")
    if not isinstance(line, int) or not isinstance(end, int):
        return None, None
    return line, max(1, end - len(first.get("highlight") or " ") + 1)


def token_place(error: TokenError, sql: str) -> Place:
    """Line and column where the tokenizer stopped: it says which text it shows, and the place is that text's middle."""
    if error.start:
        at = error.start + _CONTEXT_CHARS
    elif error.end is not None and error.end < len(sql) - 1:
        at = error.end - _CONTEXT_CHARS
    else:
        return None, None
    before = sql[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
