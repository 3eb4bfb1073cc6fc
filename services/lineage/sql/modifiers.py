"""How MySQL is to go about a statement: words behind its verb, which others would take for names of tables and columns.

Journey 3, step "SQL → edges", on tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token, TokenType
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.mysql import MySQL

from services.lineage.sql.tokens import CLOSING, OPENING, word

_OF_VERBS = {
    "DELETE": frozenset({"LOW_PRIORITY", "QUICK", "IGNORE"}),
    "INSERT": frozenset({"LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "IGNORE"}),
    "REPLACE": frozenset({"LOW_PRIORITY", "DELAYED"}),
    "SELECT": frozenset({"HIGH_PRIORITY", "SQL_CACHE", "SQL_NO_CACHE", "SQL_CALC_FOUND_ROWS", "SQL_BUFFER_RESULT"}),
    "UPDATE": frozenset({"LOW_PRIORITY", "IGNORE"}),
}
"""https://dev.mysql.com/doc/refman/8.4/en/sql-data-manipulation-statements.html, and SQL_CACHE of MariaDB."""
_KEPT = frozenset({"ALL", "DISTINCT", "DISTINCTROW"})
"""What may stand among the modifiers of a SELECT."""
_MOST = 8
"""Words from the start, among which the modifiers stand."""
_NEXT_TO_A_NAME = frozenset(
    {"AS", "SET", "WHERE", "SELECT", "VALUES", "VALUE", "USING", "WITH", "ORDER", "LIMIT", "OUTPUT", "UNION"}
)
"""What comes behind a table or a column, and behind no modifier."""


def may_have_modifiers(dialect: Dialect) -> bool:
    """Whether a text may be MySQL's: in that dialect, one of its family, or none that is known."""
    return isinstance(dialect, MySQL) or type(dialect) is Dialect


def without_modifiers(tokens: list[Token]) -> list[Token]:
    """A statement without the modifiers in the unbroken run behind its verb; a word that can be a name there stays."""
    verb = word(tokens[0]) if tokens else ""
    known = _OF_VERBS.get(verb, frozenset())
    end = 1
    while end < min(_MOST, len(tokens)) and (
        _is_one(tokens[end], known) or (verb == "SELECT" and word(tokens[end]) in _KEPT)
    ):
        end += 1
    while end > 1 and _is_one(tokens[end - 1], known) and _is_name(tokens, end - 1, verb):
        end -= 1
    if not any(_is_one(token, known) for token in tokens[1:end]):
        return tokens
    return [token for at, token in enumerate(tokens) if not (0 < at < end and _is_one(token, known))]


def _is_one(token: Token, known: frozenset[str]) -> bool:
    return word(token) in known and token.token_type not in (TokenType.IDENTIFIER, TokenType.STRING)


def _is_name(tokens: Sequence[Token], at: int, verb: str) -> bool:
    """Whether a word behind the verb is what is changed or read, told by what follows it."""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if after is None or word(after) in _NEXT_TO_A_NAME:
        return True
    if verb == "DELETE":
        return not _is_of_delete(tokens, at)
    if verb == "SELECT" and (after.text == "*" or after.token_type in OPENING):
        return False
    begins = after.text[:1].isalnum() or after.text[:1] in ("_", "@", "'", '"') or after.token_type is TokenType.IDENTIFIER
    return not begins or (verb == "SELECT" and word(after) in ("FROM", "INTO"))


def _is_of_delete(tokens: Sequence[Token], at: int) -> bool:
    """Whether FROM comes next, or names of tables and then FROM, among whose tables there is none of this name."""
    depth = 0
    start = None
    for place in range(at + 1, len(tokens)):
        if depth == 0 and start is None and word(tokens[place]) == "FROM":
            start = place
        if start is not None and word(tokens[place]) == word(tokens[at]) and _names_a_table(tokens, place):
            return False
        depth += (tokens[place].token_type in OPENING) - (tokens[place].token_type in CLOSING)
    return start is not None and tokens[at + 1].text not in (",", ".")


def _names_a_table(tokens: Sequence[Token], at: int) -> bool:
    """Whether a word is the last part of a table's name, its alias, or stands before a dot."""
    start = at
    while start > 2 and tokens[start - 1].token_type is TokenType.DOT:
        start -= 2
    before = tokens[start - 1]
    is_alias = start == at and before.token_type in (TokenType.VAR, TokenType.IDENTIFIER, TokenType.R_PAREN, TokenType.ALIAS)
    stands_before_dot = at + 1 < len(tokens) and tokens[at + 1].token_type is TokenType.DOT
    return is_alias or stands_before_dot or word(before) in ("FROM", "JOIN", ",")
