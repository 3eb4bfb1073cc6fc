"""Statements inside procedures, blocks and batches without semicolons: what moves data, cut out of what controls it.

Journey 3, step "SQL → edges", on tokens, for texts that the parser does not take as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import Token, TokenType

from services.lineage.sql.tokens import CLOSING, OPENING, word

DATA_WORDS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "WITH",
        "CREATE",
        "TRUNCATE",
        "COPY",
        "UNLOAD",
        "REPLACE",
        "DROP",
        "ALTER",
        "UPSERT",
        "FROM",
        "LOAD",
        "EXPORT",
    ]
)
"""Words that a statement about data begins with."""
_STARTS = DATA_WORDS - {"FROM", "REPLACE", "LOAD"}
_BREAKS = _STARTS | frozenset(
    [
        "SET",
        "DECLARE",
        "IF",
        "WHILE",
        "EXEC",
        "EXECUTE",
        "PRINT",
        "RETURN",
        "BEGIN",
        "END",
        "GO",
        "USE",
        "COMMIT",
        "ROLLBACK",
        "RAISERROR",
        "THROW",
        "FETCH",
        "OPEN",
        "CLOSE",
    ]
)
_STOPS = frozenset(["END", "ELSE", "ELSEIF", "ELSIF", "EXCEPTION", "LOOP"])
"""Words that end a statement in a block where no CASE is open."""
_BEFORE = frozenset(
    [
        ";",
        "BEGIN",
        "ROW",
        "STATEMENT",
        "THEN",
        "ELSE",
        "LOOP",
        "DO",
        "AS",
        "IS",
        "TRY",
        "CATCH",
        "END",
        "FOR",
        "REPEAT",
        "(",
        "DECLARE",
    ]
)
"""What may stand before the first word of a statement in a block."""
_NOT_BEFORE = frozenset(["UPDATE"]) | frozenset(
    [
        "(",
        ",",
        ".",
        "AS",
        "UNION",
        "ALL",
        "EXCEPT",
        "INTERSECT",
        "MINUS",
        "THEN",
        "INTO",
        "ON",
        "OR",
        "AND",
        "NOT",
        "IN",
        "EXISTS",
        "=",
        "AFTER",
        "BEFORE",
        "FOR",
    ]
)
QUIET = frozenset(
    [
        "ADD",
        "ANALYZE",
        "ATTACH",
        "BEGIN",
        "CACHE",
        "CALL",
        "CHECKPOINT",
        "CLOSE",
        "CLUSTER",
        "COLLECT",
        "COMMENT",
        "COMMIT",
        "CONNECT",
        "DEALLOCATE",
        "DECLARE",
        "DEFINE",
        "DESC",
        "DESCRIBE",
        "DETACH",
        "DISCARD",
        "DO",
        "ECHO",
        "EXEC",
        "EXECUTE",
        "EXIT",
        "EXPLAIN",
        "FETCH",
        "FLUSH",
        "GET",
        "GO",
        "GRANT",
        "HELP",
        "IMPORT",
        "INSTALL",
        "INVALIDATE",
        "KILL",
        "LIST",
        "LISTEN",
        "LOCK",
        "LS",
        "MSCK",
        "NOTIFY",
        "OPEN",
        "OPTIMIZE",
        "PRAGMA",
        "PREPARE",
        "PRINT",
        "PUT",
        "QUIT",
        "RAISERROR",
        "REASSIGN",
        "REFRESH",
        "REINDEX",
        "RELEASE",
        "REMOVE",
        "RENAME",
        "REPAIR",
        "RESET",
        "RESTORE",
        "RETURN",
        "REVOKE",
        "RM",
        "ROLLBACK",
        "SAVEPOINT",
        "SET",
        "SHOW",
        "SPOOL",
        "START",
        "SUMMARIZE",
        "SUSPEND",
        "THROW",
        "UNCACHE",
        "UNDROP",
        "UNLISTEN",
        "UNLOCK",
        "UNSET",
        "USE",
        "USING",
        "VACUUM",
        "WHENEVER",
        "ADMIN",
        "COPY_HISTORY",
        "END",
        "LEAVE",
        "ITERATE",
        "SIGNAL",
        "RAISE",
    ]
)
"""Words that statements begin with that move no data between tables."""
_MAX_CUTS = 200


def inner_statements(tokens: Sequence[Token]) -> list[list[Token]]:
    """The statements in a block or a routine, in order; the code around them is left out.

    A cursor's query counts; a condition's does not.
    """
    found: list[list[Token]] = []
    current: list[Token] = []
    depth = base = cases = 0
    for at, token in enumerate(tokens):
        text = word(token)
        if not current:
            if at and (text in _STARTS or _runs_text(tokens, at)) and _may_start(tokens, at):
                current, base, cases = [token], depth, 0
        elif depth == base and _ends(token, text, cases, current):
            found.append(current)
            current = []
        else:
            current.append(token)
            cases += (token.token_type is TokenType.CASE) - (token.token_type is TokenType.END)
        depth += (token.token_type in OPENING) - (token.token_type in CLOSING)
    if current:
        found.append(current)
    return found


def _runs_text(tokens: Sequence[Token], at: int) -> bool:
    """EXECUTE IMMEDIATE '…', EXEC ('…'), EXEC sp_executesql '…', which the tokenizer may keep as two tokens."""
    if word(tokens[at]) not in ("EXECUTE", "EXEC") or at + 1 == len(tokens):
        return False
    return word(tokens[at + 1]).lstrip().startswith(("IMMEDIATE", "(", "SP_EXECUTESQL"))


def _may_start(tokens: Sequence[Token], at: int) -> bool:
    before, text = word(tokens[at - 1]), word(tokens[at])
    if before in ("AFTER", "BEFORE", "OF", "OR", ","):  # what a trigger waits for
        return False
    if before == "IN" and at > 2:
        return text in ("SELECT", "WITH") and word(tokens[at - 3]) == "FOR"
    if before in ("FOR", "IS", "("):
        return text in ("SELECT", "WITH") and (before != "(" or (at > 2 and word(tokens[at - 2]) == "IN"))
    if text == "COPY":
        return before == "AS"
    return before in _BEFORE or tokens[at - 1].token_type is TokenType.SEMICOLON or tokens[at].line > tokens[at - 1].line


def _ends(token: Token, text: str, cases: int, current: list[Token]) -> bool:
    if token.token_type is TokenType.SEMICOLON or token.token_type in CLOSING:
        return True
    return (text in _STOPS and cases <= 0 and not (text == "END" and cases > 0) and word(current[0]) != "MERGE") or (
        text in ("END", "ELSE") and cases <= 0 and token.line > current[-1].line
    )


def cut(tokens: Sequence[Token], parses: Callable[[Sequence[Token]], bool]) -> list[list[Token]]:
    """A batch without semicolons, cut before words that begin a statement, where what stands before can be parsed.

    What is left at the end stands last, whether it can be parsed or not; empty where nothing can be cut off.
    """
    found: list[list[Token]] = []
    rest = list(tokens)
    tries = 0
    while rest and tries < _MAX_CUTS:
        for at in _candidates(rest):
            tries += 1
            if parses(rest[:at]):
                found.append(rest[:at])
                rest = rest[at:]
                break
            if tries >= _MAX_CUTS:
                break
        else:
            break
    return [*found, rest] if found and rest else found


def _candidates(tokens: list[Token]) -> list[int]:
    """Places where a new statement may begin."""
    depth = 0
    found = []
    first = word(tokens[0])
    has_rows = first not in ("INSERT", "WITH", "CREATE", "UPDATE")
    for at, token in enumerate(tokens):
        text = word(token)
        if at and depth == 0 and text in _BREAKS and word(tokens[at - 1]) not in _NOT_BEFORE and has_rows:
            found.append(at)
        if depth == 0 and at and text in ("SELECT", "VALUES", "EXEC", "EXECUTE", "DELETE", "UPDATE", "MERGE", "SET"):
            has_rows = True
        depth += (token.token_type in OPENING) - (token.token_type in CLOSING)
    return found
