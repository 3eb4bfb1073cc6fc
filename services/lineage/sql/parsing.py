"""Tokens to trees, with more patience than the parser has by itself.

Used by `parse` and `extract`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError

from services.lineage.sql.tokens import CLOSING, OPENING

_QUERY_STARTS = (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.FROM, TokenType.VALUES, TokenType.TABLE)
_OPENS = (*OPENING, TokenType.CASE)
_CLOSES = (*CLOSING, TokenType.END)
_TAILS = frozenset({"DATA", "OPTION", "ONLY"})
"""Last words of the clauses that may follow a view's query: WITH NO DATA, WITH CHECK OPTION, WITH READ ONLY."""


_STUMBLES = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What the parser raises by mistake on some texts that it should refuse."""


def dialect_named(name: str) -> Dialect:
    """One of the parser's dialects; the generic one where it has none of that name."""
    try:
        return Dialect.get_or_raise(name)
    except ValueError:
        return Dialect.get_or_raise("")


def trees(tokens: Sequence[Token], sql: str, dialect: Dialect) -> list[exp.Expr]:
    """The statements in some tokens. Functions that are called with too few arguments are taken for the user's own.

    Raises:
        ParseError: something is not understood.

    """
    try:
        parsed = dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(list(tokens), sql)
    except _STUMBLES as error:
        raise ParseError("") from error
    except ParseError as error:
        lenient = dialect.parser(error_level=ErrorLevel.IGNORE)
        try:
            parsed = lenient.parse(list(tokens), sql)
        except _STUMBLES:
            raise error from None
        if lenient.errors or not all(_is_whole(root) for root in parsed if root is not None):
            raise
    return [root for root in parsed if root is not None and not isinstance(root, exp.Semicolon)]


def _is_whole(root: exp.Expr) -> bool:
    """Whether nothing is missing but arguments of functions: `dbo.split(x)` is the user's own, not the one sqlglot knows."""
    return not any(node.error_messages() for node in root.walk() if not isinstance(node, exp.Func))


def split_create(tokens: Sequence[Token]) -> tuple[list[Token], list[Token]] | None:
    """The name and the query of a CREATE whose head or tail sqlglot does not know; None for anything else."""
    if not tokens or tokens[0].token_type is not TokenType.CREATE:
        return None
    depth, kind_at = 0, None
    for at, token in enumerate(tokens[:-1]):
        depth += (token.token_type in _OPENS) - (token.token_type in _CLOSES)
        if kind_at is None and token.token_type in (TokenType.VIEW, TokenType.TABLE):
            kind_at = at
        starts = token.token_type is TokenType.ALIAS and tokens[at + 1].token_type in _QUERY_STARTS
        if kind_at is not None and depth == 0 and starts:
            return _name_tokens(list(tokens[kind_at + 1 : at])), _without_tail(list(tokens[at + 1 :]))
    return None


def _name_tokens(head: list[Token]) -> list[Token]:
    """The dotted name that a CREATE's head begins with, after IF NOT EXISTS."""
    at = 3 if [token.text.upper() for token in head[:3]] == ["IF", "NOT", "EXISTS"] else 0
    end = at + 1
    while end + 1 < len(head) and head[end].token_type is TokenType.DOT:
        end += 2
    return head[at:end]


def _without_tail(query: list[Token]) -> list[Token]:
    end = len(query)
    while end and query[end - 1].token_type is TokenType.SEMICOLON:
        end -= 1
    if end and query[end - 1].text.upper() in _TAILS:
        starts = [at for at in range(max(0, end - 5), end) if query[at].token_type is TokenType.WITH]
        end = starts[-1] if starts else end
    return query[:end]
