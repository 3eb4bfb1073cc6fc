"""Vendors' oddities that the parser does not know, turned into what it knows, on tokens.

Journey 3, step "SQL → edges": the steps of `REPAIRS` in order, each of which leaves alone what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlglot import Token, TokenType

from services.lineage.sql.modifiers import without_modifiers
from services.lineage.sql.rewrites import REWRITES
from services.lineage.sql.runs import like, past
from services.lineage.sql.tokens import word

_PHRASES = frozenset({"TITLE", "FORMAT", "NAMED", "CASESPECIFIC", "COMPRESS"})
_COMPOUND = frozenset({"+", "-", "*", "/", "%", "||", "&", "|", "^"})


def repaired(tokens: Sequence[Token], *, of_mysql: bool) -> list[Token] | None:
    """The tokens after all repairs; None where none of them had anything to do."""
    found = list(tokens)
    for repair in (*((without_modifiers,) if of_mysql else ()), *REPAIRS, *REWRITES):
        with suppress(IndexError):  # a text that ends too early for it: as if it had not matched
            found = repair(found)
    same = [(token.token_type, token.text) for token in found] == [(token.token_type, token.text) for token in tokens]
    return None if same else found


def _phrases(tokens: list[Token]) -> list[Token]:
    """Teradata's `column (TITLE 'text')`, `(FORMAT '…')`: how a column is shown, not what it is."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        opens = tokens[at].text == "(" and at + 1 < len(tokens) and word(tokens[at + 1]) in _PHRASES
        if opens and at + 2 < len(tokens) and tokens[at + 2].text != ",":
            at = past(tokens, at)
            continue
        found.append(tokens[at])
        at += 1
    return found


def _compound(tokens: list[Token]) -> list[Token]:
    """T-SQL's `SET a += b` is `SET a = b` here, with `a` read too: `SET a = a + b`."""
    found: list[Token] = []
    for at, token in enumerate(tokens):
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        touches = after is not None and after.text == "=" and after.start == token.end + 1
        if token.text in _COMPOUND and touches and found and found[-1].token_type in (TokenType.VAR, TokenType.IDENTIFIER):
            name = _name_before(found)
            found.extend([like(token, TokenType.EQ, "="), *name, token])
        elif not (found and token.text == "=" and at and tokens[at - 1].text in _COMPOUND and found[-1] is tokens[at - 1]):
            found.append(token)
    return found


def _name_before(tokens: list[Token]) -> list[Token]:
    start = len(tokens) - 1
    while start >= 2 and tokens[start - 1].token_type is TokenType.DOT:
        start -= 2
    return tokens[start:]


def _replace_into(tokens: list[Token]) -> list[Token]:
    """REPLACE INTO and UPSERT INTO write like INSERT INTO."""
    if len(tokens) > 1 and word(tokens[0]) in ("REPLACE", "UPSERT") and word(tokens[1]) in ("INTO", "INSERT"):
        return [like(tokens[0], TokenType.INSERT, "INSERT"), *tokens[1:]]
    return tokens


def _directory_format(tokens: list[Token]) -> list[Token]:
    """INSERT OVERWRITE DIRECTORY 'x' USING parquet OPTIONS (…): in which form the files are written."""
    words = [word(token) for token in tokens[:8]]
    if "DIRECTORY" not in words or "USING" not in words:
        return tokens
    at = words.index("USING")
    end = at + 2
    if end < len(tokens) and word(tokens[end]) == "OPTIONS":
        end = past(tokens, end + 1)
    return [*tokens[:at], *tokens[end:]]


def _table_hints(tokens: list[Token]) -> list[Token]:
    """T-SQL's `table(NOLOCK)` without WITH."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        if (
            tokens[at].text == "("
            and at + 2 < len(tokens)
            and word(tokens[at + 1]) in ("NOLOCK", "READPAST", "UPDLOCK", "TABLOCK")
        ):
            at = past(tokens, at)
            continue
        found.append(tokens[at])
        at += 1
    return found


def _virtual_data_set(tokens: list[Token]) -> list[Token]:
    """Dremio's CREATE VDS is a view."""
    if tokens and word(tokens[0]) == "CREATE":
        head = [like(one, TokenType.VIEW, "VIEW") if word(one) == "VDS" else one for one in tokens[:5]]
        return [*head, *tokens[5:]]
    return tokens


def _delete_table(tokens: list[Token]) -> list[Token]:
    """Oracle's and others' INSERT hints, `DELETE FROM TABLE t`, `TRUNCATE t`: a word more or less before the name."""
    words = [word(token) for token in tokens[:3]]
    if words[:2] == ["DELETE", "FROM"] and len(tokens) > 3 and words[2] == "TABLE":
        return [*tokens[:2], *tokens[3:]]
    if words[:1] == ["DELETE"] and len(tokens) > 1 and words[1] not in ("FROM", "TOP") and "FROM" not in map(word, tokens):
        return [tokens[0], like(tokens[0], TokenType.FROM, "FROM"), *tokens[1:]]
    return tokens


def _tails(tokens: list[Token]) -> list[Token]:
    """`WITH UR` of Db2, `WITH DATA` and `ON COMMIT …` of others at the end: how it is read or kept."""
    words = [word(token) for token in tokens]
    for tail in (["WITH", "UR"], ["WITH", "CS"], ["WITH", "RS"], ["WITH", "RR"], ["WITH", "DATA"], ["WITH", "NO", "DATA"]):
        if words[-len(tail) :] == tail:
            return tokens[: -len(tail)]
    for at in range(len(words) - 1, max(0, len(words) - 12), -1):
        if words[at : at + 2] == ["OPTION", "("] and at > 1:
            return tokens[:at]
    return tokens


REPAIRS: tuple[Callable[[list[Token]], list[Token]], ...] = (
    _phrases,
    _compound,
    _replace_into,
    _table_hints,
    _directory_format,
    _delete_table,
    _virtual_data_set,
    _tails,
)
"""Each takes a statement's tokens and gives them back as they are or mended."""
