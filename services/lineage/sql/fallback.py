"""The tables in a text that cannot be parsed, told by the words before their names.

Journey 3, step "SQL → edges", where there is no tree: no columns, and no certainty, but better than nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token, TokenType

from services.lineage.sql.tokens import CLOSING, OPENING, word

Name = tuple[str, ...]
_READS = frozenset({"FROM", "JOIN", "USING"})
_FUNCTIONS_WITH_FROM = frozenset({"EXTRACT", "TRIM", "SUBSTRING", "SUBSTR", "OVERLAY", "POSITION"})
_SKIPPED = frozenset({"LATERAL", "ONLY", "TABLE", "IF", "NOT", "EXISTS", "INTO", "OVERWRITE", "LOW_PRIORITY", "IGNORE"})
_NO_NAME = frozenset(["SELECT", "VALUES", "UNNEST", "WITH", "SET", "WHERE", "ON", "(", "GENERATE_SERIES", "TABLE"])
_ENDS_FROM = frozenset(
    [
        "WHERE",
        "GROUP",
        "ORDER",
        "ON",
        "SELECT",
        "HAVING",
        "LIMIT",
        "UNION",
        "WINDOW",
        "QUALIFY",
        "OUTPUT",
        "SET",
        "MAP",
        "REDUCE",
    ]
)
_MADE = frozenset({"TABLE", "VIEW"})


def tables_in(tokens: Sequence[Token]) -> tuple[list[Name], list[Name]]:
    """The names that are read and those that are written, each once, without those that WITH defines."""
    ctes = _defined(tokens)
    reads: dict[Name, None] = {}
    writes: dict[Name, None] = {}
    brackets: list[str] = []
    commas: list[bool] = [False]
    for at, token in enumerate(tokens):
        text = word(token)
        before = word(tokens[at - 1]) if at else ""
        if token.token_type in OPENING:
            brackets.append(before)
            commas.append(False)
        elif token.token_type in CLOSING and brackets:
            brackets.pop()
            commas.pop()
        elif (
            (text in _READS or (text == "CLONE" and word(tokens[0]) == "CREATE"))
            and not _is_of_function(brackets, before)
            and not (text == "USING" and (_follows(tokens, at, "(") or word(tokens[0]) == "CREATE"))
        ):
            commas[-1] = text == "FROM"
            _add(reads, tokens, at + 1)
        elif token.token_type is TokenType.COMMA and commas[-1]:
            _add(reads, tokens, at + 1)
        elif text in _ENDS_FROM:
            commas[-1] = False
        _add_written(writes, tokens, at, text, before)
    return [name for name in reads if name not in ctes and not _is_number(name)], list(writes)


def _add_written(writes: dict[Name, None], tokens: Sequence[Token], at: int, text: str, before: str) -> None:
    begins = at == 0 or before in (";", ")", "BEGIN", "THEN", "ELSE", "AS")
    into = text in ("INTO", "OVERWRITE") and before in ("INSERT", "MERGE", "REPLACE", "UPSERT", "COPY")
    made = text in _MADE and any(word(one) == "CREATE" for one in tokens[max(0, at - 6) : at])
    if (
        (text == "TABLE" and before == "INTO")
        or into
        or made
        or (text == "UPDATE" and begins)
        or (text == "FROM" and before == "DELETE")
    ):
        _add(writes, tokens, at + 1)


def _follows(tokens: Sequence[Token], at: int, text: str) -> bool:
    """Whether a bracket that holds no query comes next: USING (id)."""
    return at + 2 < len(tokens) and tokens[at + 1].text == text and word(tokens[at + 2]) not in ("SELECT", "WITH")


def _is_of_function(brackets: list[str], before: str) -> bool:
    """FROM of EXTRACT(… FROM …) and of IS DISTINCT FROM."""
    return before == "DISTINCT" or (bool(brackets) and brackets[-1] in _FUNCTIONS_WITH_FROM)


def _add(into: dict[Name, None], tokens: Sequence[Token], at: int) -> None:
    while at < len(tokens) and word(tokens[at]) in _SKIPPED and at + 1 < len(tokens) and tokens[at + 1].text != ".":
        at += 1
    name: list[str] = []
    while at < len(tokens) and _is_name(tokens[at]):
        name.append(tokens[at].text)
        if at + 1 < len(tokens) and tokens[at + 1].token_type is TokenType.DOT:
            at += 2
            continue
        at += 1
        break
    is_call = at < len(tokens) and tokens[at].text == "(" and tokens[at].start == tokens[at - 1].end + 1
    if name and not is_call:
        into.setdefault(tuple(name))


def _is_name(token: Token) -> bool:
    if token.token_type in (TokenType.IDENTIFIER, TokenType.VAR):
        return True
    return token.text[:1].isalpha() and word(token) not in _NO_NAME and token.token_type is not TokenType.STRING


def _is_number(name: Name) -> bool:
    return name[0].isdigit()


def _defined(tokens: Sequence[Token]) -> set[Name]:
    """The names that WITH defines: a name before AS and a bracket."""
    found: set[Name] = set()
    for at in range(len(tokens) - 2):
        opens = word(tokens[at + 1]) == "AS" and tokens[at + 2].text == "("
        if opens and at and (tokens[at - 1].text == "," or word(tokens[at - 1]) in ("WITH", "RECURSIVE")):
            found.add((tokens[at].text,))
    return found
