"""Statements that the parser does not know, written as ones that it knows and that move the same data.

Journey 3, step "SQL → edges", on tokens; `repair` applies them in order, each leaves alone what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import Token, TokenType

from services.lineage.sql.modifiers import without_modifiers
from services.lineage.sql.tokens import CLOSING, OPENING, word

PART = "\x1f"
"""Between the parts of a name that is one token: no name has it in it."""
_STREAMED = frozenset({"TABLE", "VIEW"})
_CLAUSES = frozenset({"FROM", "WHERE", "SELECT", "VALUES", "OPTION", "DEFAULT", "EXEC", "EXECUTE", "WITH", "INTO"})
"""What may come after the columns that OUTPUT lists."""


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


def _name(tokens: Sequence[Token], at: int) -> int:
    """The place behind a dotted name."""
    if at < len(tokens) and tokens[at].text in ("#", "@"):
        at += 1
    end = min(at + 1, len(tokens))
    while end + 1 < len(tokens) and tokens[end].token_type is TokenType.DOT:
        end += 2
    return end


def _find(tokens: Sequence[Token], *words: str, start: int = 0) -> int:
    """The place of some words in a row outside of brackets; the number of tokens where they do not stand."""
    depth = 0
    for at in range(start, len(tokens)):
        if depth == 0 and all(at + by < len(tokens) and word(tokens[at + by]) == one for by, one in enumerate(words)):
            return at
        depth += (tokens[at].token_type in OPENING) - (tokens[at].token_type in CLOSING)
    return len(tokens)


def _from(token: Token, name: Sequence[Token]) -> list[Token]:
    """`SELECT * FROM name`."""
    words = [like(token, TokenType.SELECT, "SELECT"), like(token, TokenType.STAR, "*"), like(token, TokenType.FROM, "FROM")]
    return [*words, *name]


def _stream(tokens: list[Token]) -> list[Token]:
    """Snowflake's CREATE STREAM s ON TABLE t …: the rows of `t` that have changed."""
    at = next((at for at, one in enumerate(tokens[:4]) if word(one) == "STREAM"), 0)
    on = _find(tokens, "ON")
    if not tokens or word(tokens[0]) != "CREATE" or not at or not at < on < len(tokens):
        return tokens
    start = at + 4 if word(tokens[at + 1]) == "IF" else at + 1
    kind = next((place for place in range(on + 1, min(on + 3, len(tokens))) if word(tokens[place]) in _STREAMED), None)
    if kind is None:
        return tokens
    head = [tokens[0], like(tokens[at], TokenType.VIEW, "VIEW"), *tokens[start : _name(tokens, start)]]
    return [*head, like(tokens[at], TokenType.ALIAS, "AS"), *_from(tokens[at], tokens[kind + 1 : _name(tokens, kind + 1)])]


def _clone(tokens: list[Token]) -> list[Token]:
    """BigQuery's CREATE SNAPSHOT TABLE, DEEP CLONE of Databricks, and the moment that a clone is of."""
    at = _find(tokens, "CLONE")
    if not tokens or word(tokens[0]) != "CREATE" or at == len(tokens):
        return tokens
    head = [one for one in tokens[:at] if word(one) not in ("SNAPSHOT", "DEEP", "SHALLOW")]
    return [*head, *tokens[at : _name(tokens, at + 1)]]


def _changes(tokens: list[Token]) -> list[Token]:
    """Databricks' APPLY CHANGES INTO t FROM s …, AUTO CDC INTO t FROM s …: the rows of `s` get into `t`."""
    words = [word(token) for token in tokens[:12]]
    if words[:2] != ["APPLY", "CHANGES"] and not ("AUTO" in words and "CDC" in words):
        return tokens
    into, source = _find(tokens, "INTO"), _find(tokens, "FROM") + 1
    if max(into, source) >= len(tokens):
        return tokens
    source += word(tokens[source]) == "STREAM"
    source += source < len(tokens) and tokens[source].text == "("
    if source >= len(tokens):
        return tokens
    head = [like(tokens[0], TokenType.INSERT, "INSERT"), *tokens[into : _name(tokens, into + 1)]]
    return [*head, *_from(tokens[0], tokens[source : _name(tokens, source)])]


def _files(tokens: list[Token]) -> list[Token]:
    """BULK INSERT, EXPORT TABLE, IMPORT TABLE, and LOAD DATA as MySQL has it."""
    words = [word(token) for token in tokens[:8]]
    copy = [like(tokens[0], TokenType.COPY, "COPY")] if tokens else []
    into = [like(tokens[0], TokenType.INTO, "INTO")] if tokens else []
    if words[:2] == ["BULK", "INSERT"]:
        at = _find(tokens, "FROM")
        return [*copy, *into, *tokens[2 : at + 2]]
    if words[:2] == ["EXPORT", "TABLE"]:
        at = _find(tokens, "TO")
        return [*copy, *tokens[2 : _name(tokens, 2)], *tokens[at : at + 2]]
    if words[:1] == ["IMPORT"] and "TABLE" in words[:3]:
        start, at = words.index("TABLE") + 1, _find(tokens, "FROM")
        return [*copy, *into, *tokens[start : _name(tokens, start)], *tokens[at : at + 2]]
    if words[:2] == ["LOAD", "DATA"] and "INFILE" in words and words[-1] != "INFILE":
        path, at = words.index("INFILE") + 1, _find(tokens, "INTO", "TABLE")
        inpath = like(tokens[0], TokenType.VAR, "INPATH")
        return [*tokens[:2], inpath, tokens[path], *tokens[at : _name(tokens, at + 2)]]
    return tokens


def _option_names(tokens: list[Token]) -> list[Token]:
    """Snowflake's COPY … FILE_FORMAT = schema.name: what an option names is no table, its last part is enough."""
    if not tokens or word(tokens[0]) != "COPY":
        return tokens
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        found.append(tokens[at])
        at += 1
        if found[-1].token_type is TokenType.EQ and at < len(tokens):
            at = _name(tokens, at) - 1
    return found


def _outfile(tokens: list[Token]) -> list[Token]:
    """MySQL's SELECT … INTO OUTFILE 'path' …."""
    at = min(_find(tokens, "INTO", "OUTFILE"), _find(tokens, "INTO", "DUMPFILE"))
    if at + 2 >= len(tokens):
        return tokens
    path, rest = tokens[at + 2], tokens[_find(tokens, "FROM", start=at) :]
    one = tokens[0]
    query = [like(one, TokenType.L_PAREN, "("), *tokens[:at], *rest, like(one, TokenType.R_PAREN, ")")]
    return [like(one, TokenType.COPY, "COPY"), *query, like(one, TokenType.VAR, "TO"), path]


def _merge(tokens: list[Token]) -> list[Token]:
    """WITH SCHEMA EVOLUTION of Databricks, and Oracle's DELETE WHERE behind what a MERGE sets."""
    if not tokens or word(tokens[0]) != "MERGE":
        return tokens
    if [word(one) for one in tokens[1:4]] == ["WITH", "SCHEMA", "EVOLUTION"]:
        tokens = [tokens[0], *tokens[4:]]
    at = _find(tokens, "DELETE", "WHERE")
    return [*tokens[:at], *tokens[_find(tokens, "WHEN", start=at) :]] if at < len(tokens) else tokens


def _words(tokens: list[Token]) -> list[Token]:
    """UPDATE TOP (n), Oracle's LOG ERRORS …, OPENROWSET(BULK …): a word or a clause that says nothing of where data goes."""
    words = [word(token) for token in tokens[:2]]
    if len(words) == 2 and words[0] in ("UPDATE", "DELETE", "INSERT") and words[1] == "TOP":
        end = past(tokens, 2)
        tokens = [tokens[0], *tokens[end + (end < len(tokens) and word(tokens[end]) == "PERCENT") :]]
    tokens = _without_only(tokens[: _find(tokens, "LOG", "ERRORS")])
    return [
        token
        for at, token in enumerate(tokens)
        if not (word(token) == "BULK" and at > 1 and word(tokens[at - 2]) == "OPENROWSET")
    ]


def _within(tokens: list[Token]) -> list[Token]:
    """Flink's PATTERN (…) WITHIN INTERVAL '1' HOUR: how long a match may last."""
    at = next((at for at, one in enumerate(tokens) if word(one) == "WITHIN" and tokens[at - 1].text == ")"), None)
    if at is None or at + 1 == len(tokens) or word(tokens[at + 1]) != "INTERVAL":
        return tokens
    end = next((end for end in range(at, len(tokens)) if word(tokens[end]) == "DEFINE" or tokens[end].text == ")"), at)
    return [*tokens[:at], *tokens[end:]]


def _without_only(tokens: list[Token]) -> list[Token]:
    """PostgreSQL's `ONLY (t)` is `t`."""
    found: list[Token] = []
    end = 0
    while (at := _find(tokens, "ONLY", "(", start=end)) < len(tokens):
        found.extend(tokens[end:at])
        end = past(tokens, at + 1)
        found.extend(tokens[at + 2 : end - 1])
    return [*found, *tokens[end:]]


def _table_arguments(tokens: list[Token]) -> list[Token]:
    """`f(TABLE t, …)` in FROM is `f((SELECT * FROM t), …)`."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        before = tokens[at - 1].text if at > 1 else ""
        names = at + 1 < len(tokens) and tokens[at + 1].token_type in (TokenType.VAR, TokenType.IDENTIFIER)
        if word(tokens[at]) == "TABLE" and before in ("(", ",", "=>") and names and word(tokens[0]) != "CREATE":
            end, one = _name(tokens, at + 1), tokens[at]
            query = _from(one, tokens[at + 1 : end])
            found.extend([like(one, TokenType.L_PAREN, "("), *query, like(one, TokenType.R_PAREN, ")")])
            at = end
            continue
        found.append(tokens[at])
        at += 1
    return found


def _dotted_words(tokens: list[Token]) -> list[Token]:
    """Words of the language that are a part of a name with dots: `load.t`."""
    found: list[Token] = []
    for at, token in enumerate(tokens):
        touches = at + 1 < len(tokens) and tokens[at + 1].token_type is TokenType.DOT
        is_word = token.text.isidentifier() and token.token_type not in (
            TokenType.VAR,
            TokenType.IDENTIFIER,
            TokenType.STRING,
        )
        found.append(like(token, TokenType.VAR, token.text) if touches and is_word else token)
    return found


def _output(tokens: list[Token]) -> list[Token]:
    """T-SQL's OUTPUT … INTO t (a, b): the name as one token, the columns as aliases; in a DELETE at its end."""
    at = _find(tokens, "OUTPUT")
    if not tokens or at == len(tokens) or word(tokens[0]) not in ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH"):
        return tokens
    end = next((place for place in range(at + 1, len(tokens)) if _ends_output(tokens, at, place)), len(tokens))
    listed, rest = tokens[at + 1 : end], end
    names: list[Token] = []
    into: list[Token] = []
    if end < len(tokens) and word(tokens[end]) == "INTO":
        rest = _name(tokens, end + 1)
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


def _ends_output(tokens: Sequence[Token], start: int, at: int) -> bool:
    return word(tokens[at]) in _CLAUSES and _find(tokens, word(tokens[at]), start=start) == at


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


_PHRASES = (["OVERRIDING", "SYSTEM", "VALUE"], ["OVERRIDING", "USER", "VALUE"], ["WHERE", "CURRENT", "OF"])


def _phrases(tokens: list[Token]) -> list[Token]:
    """OVERRIDING … VALUE and WHERE CURRENT OF of PostgreSQL, IF NOT EXISTS behind Hive's PARTITION."""
    words = [word(token) for token in tokens]
    if words[:1] not in (["INSERT"], ["UPDATE"], ["DELETE"], ["SELECT"], ["REPLACE"]):
        return tokens
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        if words[at : at + 3] in _PHRASES:
            at += 3 + (words[at] == "WHERE")
        elif words[at : at + 3] == ["IF", "NOT", "EXISTS"] and words[0] == "INSERT" and tokens[at - 1].text == ")":
            at += 3
        else:
            found.append(tokens[at])
            at += 1
    return found


def _several(tokens: list[Token]) -> list[Token]:
    """MySQL's DELETE FROM a, b USING … is DELETE a, b FROM …."""
    using = _find(tokens, "USING")
    if (
        [word(one) for one in tokens[:2]] != ["DELETE", "FROM"]
        or using == len(tokens)
        or _find(tokens[:using], ",") == using
    ):
        return tokens
    return [tokens[0], *tokens[2:using], tokens[1], *tokens[using + 1 :]]


def plain_delete(tokens: list[Token], *, of_mysql: bool) -> list[Token]:
    """A DELETE of MySQL's in the words of others, which the parser would take for names."""
    if not tokens or word(tokens[0]) != "DELETE":
        return tokens
    return _several(without_modifiers(tokens) if of_mysql else tokens)


def _into_variables(tokens: list[Token]) -> list[Token]:
    """MySQL's SELECT … INTO @a, @b gives nothing out but values."""
    at = _find(tokens, "INTO")
    if not tokens or word(tokens[0]) != "SELECT" or at + 1 >= len(tokens) or not tokens[at + 1].text.startswith("@"):
        return tokens
    return [*tokens[:at], *tokens[min(_find(tokens, "FROM", start=at), len(tokens)) :]]


REWRITES: tuple[Callable[[list[Token]], list[Token]], ...] = (
    _dotted_words,
    _phrases,
    _several,
    _into_variables,
    _stream,
    _clone,
    _changes,
    _files,
    _option_names,
    _outfile,
    _merge,
    _words,
    _within,
    _table_arguments,
    _output,
)
"""Each takes a statement's tokens and gives them back as they are or written anew."""
