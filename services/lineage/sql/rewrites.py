"""Statements that the parser does not know, written as ones that it knows and that move the same data.

Journey 3, step "SQL → edges", on tokens; `repair` applies them in order, each leaves alone what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import Token, TokenType

from services.lineage.sql.changed_rows import output, result_tables
from services.lineage.sql.modifiers import without_modifiers
from services.lineage.sql.runs import find, like, name_end, past
from services.lineage.sql.tokens import word

_STREAMED = frozenset({"TABLE", "VIEW"})


def _from(token: Token, name: Sequence[Token]) -> list[Token]:
    """`SELECT * FROM name`."""
    words = [like(token, TokenType.SELECT, "SELECT"), like(token, TokenType.STAR, "*"), like(token, TokenType.FROM, "FROM")]
    return [*words, *name]


def _stream(tokens: list[Token]) -> list[Token]:
    """Snowflake's CREATE STREAM s ON TABLE t …: the rows of `t` that have changed."""
    at = next((at for at, one in enumerate(tokens[:4]) if word(one) == "STREAM"), 0)
    on = find(tokens, "ON")
    if not tokens or word(tokens[0]) != "CREATE" or not at or not at < on < len(tokens):
        return tokens
    start = at + 4 if word(tokens[at + 1]) == "IF" else at + 1
    kind = next((place for place in range(on + 1, min(on + 3, len(tokens))) if word(tokens[place]) in _STREAMED), None)
    if kind is None:
        return tokens
    head = [tokens[0], like(tokens[at], TokenType.VIEW, "VIEW"), *tokens[start : name_end(tokens, start)]]
    return [
        *head,
        like(tokens[at], TokenType.ALIAS, "AS"),
        *_from(tokens[at], tokens[kind + 1 : name_end(tokens, kind + 1)]),
    ]


def _clone(tokens: list[Token]) -> list[Token]:
    """BigQuery's CREATE SNAPSHOT TABLE, DEEP CLONE of Databricks, and the moment that a clone is of."""
    at = find(tokens, "CLONE")
    if not tokens or word(tokens[0]) != "CREATE" or at == len(tokens):
        return tokens
    head = [one for one in tokens[:at] if word(one) not in ("SNAPSHOT", "DEEP", "SHALLOW")]
    return [*head, *tokens[at : name_end(tokens, at + 1)]]


def _changes(tokens: list[Token]) -> list[Token]:
    """Databricks' APPLY CHANGES INTO t FROM s …, AUTO CDC INTO t FROM s …: the rows of `s` get into `t`."""
    words = [word(token) for token in tokens[:12]]
    if words[:2] != ["APPLY", "CHANGES"] and not ("AUTO" in words and "CDC" in words):
        return tokens
    into, source = find(tokens, "INTO"), find(tokens, "FROM") + 1
    if max(into, source) >= len(tokens):
        return tokens
    source += word(tokens[source]) == "STREAM"
    source += source < len(tokens) and tokens[source].text == "("
    if source >= len(tokens):
        return tokens
    head = [like(tokens[0], TokenType.INSERT, "INSERT"), *tokens[into : name_end(tokens, into + 1)]]
    return [*head, *_from(tokens[0], tokens[source : name_end(tokens, source)])]


def _files(tokens: list[Token]) -> list[Token]:
    """BULK INSERT, EXPORT TABLE, IMPORT TABLE, and LOAD DATA as MySQL has it."""
    words = [word(token) for token in tokens[:8]]
    copy = [like(tokens[0], TokenType.COPY, "COPY")] if tokens else []
    into = [like(tokens[0], TokenType.INTO, "INTO")] if tokens else []
    if words[:2] == ["BULK", "INSERT"]:
        at = find(tokens, "FROM")
        return [*copy, *into, *tokens[2 : at + 2]]
    if words[:2] == ["EXPORT", "TABLE"]:
        at = find(tokens, "TO")
        return [*copy, *tokens[2 : name_end(tokens, 2)], *tokens[at : at + 2]]
    if words[:1] == ["IMPORT"] and "TABLE" in words[:3]:
        start, at = words.index("TABLE") + 1, find(tokens, "FROM")
        return [*copy, *into, *tokens[start : name_end(tokens, start)], *tokens[at : at + 2]]
    if words[:2] == ["LOAD", "DATA"] and "INFILE" in words and words[-1] != "INFILE":
        path, at = words.index("INFILE") + 1, find(tokens, "INTO", "TABLE")
        inpath = like(tokens[0], TokenType.VAR, "INPATH")
        return [*tokens[:2], inpath, tokens[path], *tokens[at : name_end(tokens, at + 2)]]
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
            at = name_end(tokens, at) - 1
    return found


def _outfile(tokens: list[Token]) -> list[Token]:
    """MySQL's SELECT … INTO OUTFILE 'path' …."""
    at = min(find(tokens, "INTO", "OUTFILE"), find(tokens, "INTO", "DUMPFILE"))
    if at + 2 >= len(tokens):
        return tokens
    path, rest = tokens[at + 2], tokens[find(tokens, "FROM", start=at) :]
    one = tokens[0]
    query = [like(one, TokenType.L_PAREN, "("), *tokens[:at], *rest, like(one, TokenType.R_PAREN, ")")]
    return [like(one, TokenType.COPY, "COPY"), *query, like(one, TokenType.VAR, "TO"), path]


def _merge(tokens: list[Token]) -> list[Token]:
    """WITH SCHEMA EVOLUTION of Databricks, and Oracle's DELETE WHERE behind what a MERGE sets."""
    if not tokens or word(tokens[0]) != "MERGE":
        return tokens
    if [word(one) for one in tokens[1:4]] == ["WITH", "SCHEMA", "EVOLUTION"]:
        tokens = [tokens[0], *tokens[4:]]
    at = find(tokens, "DELETE", "WHERE")
    if at == len(tokens):
        return tokens
    end = min(find(tokens, "WHEN", start=at), find(tokens, "LOG", "ERRORS", start=at))
    return [*tokens[:at], *_deleting(tokens[at], tokens[at + 2 : end]), *tokens[end:]]


def _deleting(one: Token, condition: Sequence[Token]) -> list[Token]:
    """`DELETE WHERE c` behind what is set, as `WHEN MATCHED AND (c) THEN DELETE`."""
    if not condition:
        return []
    head = [(TokenType.WHEN, "WHEN"), (TokenType.VAR, "MATCHED"), (TokenType.AND, "AND"), (TokenType.L_PAREN, "(")]
    tail = [(TokenType.R_PAREN, ")"), (TokenType.THEN, "THEN"), (TokenType.DELETE, "DELETE")]
    before, after = ([like(one, kind, text) for kind, text in words] for words in (head, tail))
    return [*before, *condition, *after]


def _words(tokens: list[Token]) -> list[Token]:
    """UPDATE TOP (n), Oracle's LOG ERRORS …, OPENROWSET(BULK …): a word or a clause that says nothing of where data goes."""
    words = [word(token) for token in tokens[:2]]
    if len(words) == 2 and words[0] in ("UPDATE", "DELETE", "INSERT") and words[1] == "TOP":
        end = past(tokens, 2)
        tokens = [tokens[0], *tokens[end + (end < len(tokens) and word(tokens[end]) == "PERCENT") :]]
    tokens = _without_only(tokens[: find(tokens, "LOG", "ERRORS")])
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
    while (at := find(tokens, "ONLY", "(", start=end)) < len(tokens):
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
            end, one = name_end(tokens, at + 1), tokens[at]
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
    using = find(tokens, "USING")
    if [word(one) for one in tokens[:2]] != ["DELETE", "FROM"] or using == len(tokens) or find(tokens[:using], ",") == using:
        return tokens
    return [tokens[0], *tokens[2:using], tokens[1], *tokens[using + 1 :]]


def _twice(tokens: list[Token]) -> list[Token]:
    """T-SQL's DELETE FROM t FROM s … is DELETE t FROM s …."""
    end = name_end(tokens, 2)
    if [word(one) for one in tokens[:2]] != ["DELETE", "FROM"] or end >= len(tokens) or word(tokens[end]) != "FROM":
        return tokens
    return [tokens[0], *tokens[2:]]


def plain_delete(tokens: list[Token], *, of_mysql: bool) -> list[Token]:
    """A DELETE of MySQL's or T-SQL's in the words of others, which the parser would not take, or take for names."""
    if not tokens or word(tokens[0]) != "DELETE":
        return tokens
    return _several(_twice(without_modifiers(tokens) if of_mysql else tokens))


def _into_variables(tokens: list[Token]) -> list[Token]:
    """MySQL's SELECT … INTO @a, @b gives nothing out but values."""
    at = find(tokens, "INTO")
    if not tokens or word(tokens[0]) != "SELECT" or at + 1 >= len(tokens) or not tokens[at + 1].text.startswith("@"):
        return tokens
    return [*tokens[:at], *tokens[min(find(tokens, "FROM", start=at), len(tokens)) :]]


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
    output,
    result_tables,
)
"""Each takes a statement's tokens and gives them back as they are or written anew."""
