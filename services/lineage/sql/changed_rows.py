"""Rows that a statement has changed, handed on by it: OUTPUT … INTO of T-SQL, FINAL TABLE (…) of Db2, as the parser knows them.

Journey 3, step "SQL → edges", on tokens; part of `rewrites`, each leaves alone what it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token, TokenType

from services.lineage.sql.runs import find, like, name_end, past
from services.lineage.sql.tokens import CLOSING, OPENING, word

PART = "\x1f"
"""Between the parts of a name that is one token: no name has it in it."""
_CLAUSES = frozenset({"FROM", "WHERE", "SELECT", "VALUES", "OPTION", "DEFAULT", "EXEC", "EXECUTE", "WITH", "INTO"})
"""What may come after the columns that OUTPUT lists."""
_RESULTS = frozenset({"FINAL", "NEW", "OLD"})
_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_ROWS = "__changed_rows"
"""What the rows of a FINAL TABLE are called in WITH, with a number behind it."""


def output(tokens: list[Token]) -> list[Token]:
    """T-SQL's OUTPUT … INTO t (a, b): the name as one token, the columns as aliases; in a DELETE at its end."""
    at = find(tokens, "OUTPUT")
    if not tokens or at == len(tokens) or word(tokens[0]) not in ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH"):
        return tokens
    end = _behind_output(tokens, at)
    listed, rest = tokens[at + 1 : end], end
    names: list[Token] = []
    into: list[Token] = []
    if end < len(tokens) and word(tokens[end]) == "INTO":
        rest = name_end(tokens, end + 1)
        text = "".join(PART if one.token_type is TokenType.DOT else one.text for one in tokens[end + 1 : rest])
        into = [tokens[end], like(tokens[end], TokenType.IDENTIFIER, text)]
        if rest < len(tokens) and tokens[rest].text == "(" and word(tokens[min(rest + 1, len(tokens) - 1)]) != "SELECT":
            closed = past(tokens, rest)
            names = [one for one in tokens[rest + 1 : closed - 1] if one.token_type is not TokenType.COMMA]
            rest = closed
    clause = [tokens[at], *_aliased(listed, names), *into]
    if word(tokens[0]) == "DELETE":
        return [*tokens[:at], *tokens[rest:], *clause]
    return [*tokens[:at], *clause, *tokens[rest:]]


def _behind_output(tokens: Sequence[Token], start: int) -> int:
    """The place of the first clause behind OUTPUT, outside of brackets."""
    depth = 0
    for at in range(start + 1, len(tokens)):
        if depth == 0 and word(tokens[at]) in _CLAUSES:
            return at
        depth += (tokens[at].token_type in OPENING) - (tokens[at].token_type in CLOSING)
    return len(tokens)


def _aliased(listed: list[Token], names: list[Token]) -> list[Token]:
    """Expressions between commas, each called by the name at its place where there is one."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in listed:
        depth += (token.token_type in OPENING) - (token.token_type in CLOSING)
        if depth == 0 and token.token_type is TokenType.COMMA:
            parts.append([])
        else:
            parts[-1].append(token)
    found: list[Token] = []
    for at, part in enumerate(parts):
        if found and part:
            found.append(like(part[0], TokenType.COMMA, ","))
        if at < len(names) and part:
            bare = part[:-2] if len(part) > 2 and word(part[-2]) == "AS" else part
            part = [*bare, like(part[-1], TokenType.ALIAS, "AS"), names[at]]  # noqa: PLW2901 - the same part, renamed
        found.extend(part)
    return found


def result_tables(tokens: list[Token]) -> list[Token]:
    """Db2's SELECT … FROM FINAL TABLE (INSERT …) is WITH r AS (INSERT … RETURNING *) SELECT … FROM r."""
    found: list[Token] = []
    defined: list[list[Token]] = []
    at = 0
    while at < len(tokens):
        if _is_result_table(tokens, at):
            end, one = past(tokens, at + 2), tokens[at]
            name = like(one, TokenType.VAR, f"{_ROWS}{len(defined) + 1}")
            returning = [like(one, TokenType.RETURNING, "RETURNING"), like(one, TokenType.STAR, "*")]
            defined.append([name, like(one, TokenType.ALIAS, "AS"), *tokens[at + 2 : end - 1], *returning, tokens[end - 1]])
            found.append(name)
            at = end
            continue
        found.append(tokens[at])
        at += 1
    start = find(found, "SELECT")
    if not defined or start == len(found):
        return tokens
    comma = like(found[start], TokenType.COMMA, ",")
    is_with = any(word(token) == "WITH" for token in found[:start])
    listed = [comma if is_with else like(found[start], TokenType.WITH, "WITH"), *defined[0]]
    for more in defined[1:]:
        listed.extend((comma, *more))
    return [*found[:start], *listed, *found[start:]]


def _is_result_table(tokens: Sequence[Token], at: int) -> bool:
    words = [word(token) for token in tokens[at : at + 4]]
    is_one = len(words) == 4 and words[0] in _RESULTS and words[1:3] == ["TABLE", "("] and words[3] in _CHANGES
    return is_one and at > 0 and word(tokens[at - 1]) in ("FROM", "JOIN", ",")
