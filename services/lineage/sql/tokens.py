"""Tokens of a text: cut into statements, and turned back into text in one spelling.

Journey 3, step "SQL → edges", before anything is parsed.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token, TokenType

OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
_ROUTINES = frozenset({"PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "PACKAGE", "TASK", "PIPE", "EVENT"})
_BLOCK_ENDS = frozenset({"IF", "LOOP", "WHILE", "REPEAT", "FOR"})
_BODY_STARTS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "WITH",
        "SET",
        "RETURN",
        "EXEC",
        "EXECUTE",
        "IF",
        "WHILE",
        "EXTERNAL",
        "LANGUAGE",
        "PRINT",
    ]
)
_DECLARED = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.PROCEDURE, TokenType.FUNCTION)
"""What Oracle's declarations begin with: a name, CURSOR, TYPE, an inner procedure."""
_COMMANDS = frozenset(
    [
        "CALL",
        "CLOSE",
        "DEALLOCATE",
        "DECLARE",
        "DO",
        "EXEC",
        "EXECUTE",
        "GET",
        "IF",
        "LET",
        "LOOP",
        "OPEN",
        "PRINT",
        "RAISE",
        "RAISERROR",
        "RETURN",
        "START",
        "THROW",
        "UNSET",
        "WHILE",
    ]
)
"""Words that statements begin with and the tokenizer takes for names."""
_TIGHT_BEFORE = frozenset({",", ")", "]", ".", "::", ";", "["})
_TIGHT_AFTER = frozenset({"(", "[", ".", "::"})
_SPACED = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IN",
        "WHEN",
        "THEN",
        "ELSE",
        "CASE",
        "END",
        "OVER",
        "BY",
        "AS",
        "BETWEEN",
        "LIKE",
        "ILIKE",
        "SELECT",
        "FROM",
        "WHERE",
        "ON",
        "USING",
        "EXISTS",
        "FILTER",
        "GROUP",
        "VALUES",
        "IS",
        "DISTINCT",
        "ANY",
        "ALL",
        "UNION",
        "PARTITION",
        "ORDER",
    ]
)
"""Words before which a bracket keeps its space: they are no functions."""


def word(token: Token) -> str:
    """A token's text in upper case."""
    return token.text.upper()


def split(tokens: Sequence[Token]) -> list[list[Token]]:
    """The statements of a script. A procedure with its body is one; blocks outside of a routine are not opened here."""
    found: list[list[Token]] = []
    current: list[Token] = []
    blocks = 0
    block = 0
    for at, token in enumerate(tokens):
        if is_batch_end(tokens, at):
            if current:
                found.append(current)
            current, blocks = [], 0
            continue
        if not current and word(token) == "DECLARE":
            block = _declared_block(tokens, at)
        if token.token_type is TokenType.SEMICOLON and blocks == 0 and at > block and not _waits_for_body(current):
            if current:
                found.append(current)
            current = []
            continue
        if current or token.token_type is not TokenType.SEMICOLON:
            current.append(token)
        blocks = max(0, blocks + _block_step(tokens, at, current))
    return [*found, current] if current else found


def _declared_block(tokens: Sequence[Token], at: int) -> int:
    """The place of the BEGIN before which the declarations stand that begin with a DECLARE; 0 where they lead to none.

    PL/pgSQL, PL/SQL and Snowflake say DECLARE once: `DECLARE a int; b text; BEGIN …`.
    """
    begins = True
    for place in range(at + 1, len(tokens)):
        if begins and word(tokens[place]) == "BEGIN":
            return place
        if begins and (tokens[place].token_type not in _DECLARED or word(tokens[place]) in _COMMANDS):
            return 0
        begins = tokens[place].token_type is TokenType.SEMICOLON
    return 0


def _block_step(tokens: Sequence[Token], at: int, current: list[Token]) -> int:
    """Whether a token opens or closes a block of statements."""
    text = word(tokens[at])
    before = word(tokens[at - 1]) if at else ""
    after = word(tokens[at + 1]) if at + 1 < len(tokens) else ""
    if text == "BEGIN" and tokens[at].token_type is not TokenType.IDENTIFIER:
        alone = len(current) == 1 and after in ("", ";", "TRANSACTION", "TRAN", "WORK", "DEFERRED", "IMMEDIATE")
        return 0 if alone or after in ("TRANSACTION", "TRAN") else 1
    if text == "CASE" and before != "END":
        return 1
    if text == "END" and tokens[at].token_type is TokenType.END and before != ".":
        return 0 if after in _BLOCK_ENDS and not _closes(tokens, at) else -1
    return 0


def _closes(tokens: Sequence[Token], at: int) -> bool:
    """`END` before an IF that begins a new statement on a later line, as T-SQL allows."""
    return tokens[at + 1].line > tokens[at].line


def is_batch_end(tokens: Sequence[Token], at: int) -> bool:
    """`GO` or `/` alone on its line: what clients, not engines, take as the end of a batch."""
    token = tokens[at]
    if word(token) not in ("GO", "/"):
        return False
    if word(token) == "/" and at and word(tokens[at - 1]) not in (";", "END"):
        return False  # a division, alone on its line
    before = at == 0 or tokens[at - 1].line < token.line
    return before and (at + 1 == len(tokens) or tokens[at + 1].line > token.line)


def _waits_for_body(current: list[Token]) -> bool:
    """Whether a routine has begun whose BEGIN is still to come: Oracle's declarations stand before it."""
    if not current or not is_routine(current):
        return False
    words = [word(token) for token in current]
    if "BEGIN" in words:
        return False
    at = next((at for at, one in enumerate(words) if one in ("AS", "IS") and at > 1), None)
    if at is None or at + 1 == len(words):
        return "DECLARE" in words or at is not None
    return words[at + 1] == "DECLARE" or (words[at + 1] not in _BODY_STARTS and current[at + 1].token_type in _DECLARED)


def is_routine(tokens: Sequence[Token]) -> bool:
    """Whether a statement makes a procedure or a function."""
    words = [word(token) for token in tokens[:8]]
    if not words or words[0] not in ("CREATE", "ALTER"):
        return False
    kind = next((one for one in words[1:] if one in _ROUTINES or one in ("TABLE", "VIEW")), None)
    return kind in _ROUTINES


def routine_kind(tokens: Sequence[Token]) -> str:
    """What kind of routine a statement makes, in upper case."""
    return next((one for one in map(word, tokens[:8]) if one in _ROUTINES), "ROUTINE")


def nesting(tokens: Sequence[Token]) -> int:
    """How deep brackets and CASEs stand inside each other."""
    depth = deepest = 0
    for token in tokens:
        if token.token_type in OPENING or token.token_type is TokenType.CASE:
            depth += 1
            deepest = max(deepest, depth)
        elif token.token_type in CLOSING or token.token_type is TokenType.END:
            depth = max(0, depth - 1)
    return deepest


def members(tokens: Sequence[Token], sql: str) -> list[str]:
    """The texts of the outermost select list's members; empty where there is no such list."""
    start = _outermost_select(tokens)
    if start is None:
        return []
    depth = 0
    current: list[Token] = []
    found: list[list[Token]] = []
    for token in tokens[start + 1 :]:
        if token.token_type in OPENING or token.token_type is TokenType.CASE:
            depth += 1
        elif token.token_type in CLOSING or (token.token_type is TokenType.END and depth):
            depth -= 1
        text = word(token)
        if depth < 0 or (depth == 0 and _ends_list(token, text)):
            break
        if depth == 0 and token.token_type is TokenType.COMMA:
            found.append(current)
            current = []
        elif current or text not in ("DISTINCT", "ALL"):
            current.append(token)
    return [one_line(part, sql) for part in [*found, current] if part]


def _ends_list(token: Token, text: str) -> bool:
    ends = (TokenType.FROM, TokenType.WHERE, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.INTO)
    return token.token_type in ends or token.token_type is TokenType.SEMICOLON or text in ("LIMIT", "QUALIFY", "MINUS")


def _outermost_select(tokens: Sequence[Token]) -> int | None:
    depth, best, best_depth = 0, None, 1 << 30
    for at, token in enumerate(tokens):
        if token.token_type in OPENING:
            depth += 1
        elif token.token_type in CLOSING:
            depth -= 1
        elif token.token_type is TokenType.SELECT and depth < best_depth:
            best, best_depth = at, depth
    return best


def one_line(tokens: Sequence[Token], sql: str) -> str:
    """Tokens as text in one spelling, whatever spaces, lines and comments stood between them."""
    text = ""
    before: Token | None = None
    for token in tokens:
        written = sql[token.start : token.end + 1]
        if before is not None and _spaced(before, token):
            text += " "
        text += written
        before = token
    return text


def _spaced(before: Token, token: Token) -> bool:
    if token.text in _TIGHT_BEFORE or before.text in _TIGHT_AFTER:
        return False
    if token.text == "(":
        is_name = before.token_type in (TokenType.VAR, TokenType.IDENTIFIER) or before.text[:1].isalpha()
        return not is_name or word(before) in _SPACED
    return True
