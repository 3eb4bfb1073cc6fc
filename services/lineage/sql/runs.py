"""Runs of a statement's tokens: where a bracket, a name or some words end, and tokens at the place of others.

Journey 3, step "SQL → edges", on tokens: what repairs and rewrites are made with.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token, TokenType

from services.lineage.sql.tokens import CLOSING, OPENING, word


def like(token: Token, kind: TokenType, text: str) -> Token:
    """Another token at the place of one."""
    return Token(kind, text, token.line, token.col, token.start, token.end, [])


def past(tokens: Sequence[Token], at: int) -> int:
    """The place behind the bracket that closes the one at `at`."""
    depth = 0
    for end in range(at, len(tokens)):
        depth += (tokens[end].token_type in OPENING) - (tokens[end].token_type in CLOSING)
        if depth == 0:
            return end + 1
    return len(tokens)


def name_end(tokens: Sequence[Token], at: int) -> int:
    """The place behind the dotted name that begins at `at`."""
    if at < len(tokens) and tokens[at].text in ("#", "@"):
        at += 1
    end = min(at + 1, len(tokens))
    while end + 1 < len(tokens) and tokens[end].token_type is TokenType.DOT:
        end += 2
    return end


def find(tokens: Sequence[Token], *words: str, start: int = 0) -> int:
    """The place of some words in a row outside of brackets; the number of tokens where they do not stand."""
    depth = 0
    for at in range(start, len(tokens)):
        if depth == 0 and all(at + by < len(tokens) and word(tokens[at + by]) == one for by, one in enumerate(words)):
            return at
        depth += (tokens[at].token_type in OPENING) - (tokens[at].token_type in CLOSING)
    return len(tokens)
