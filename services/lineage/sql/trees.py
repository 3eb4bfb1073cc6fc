"""A statement's tokens to its tree: as they are, mended, or read as another dialect has it.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError

from services.lineage.sql.modifiers import may_have_modifiers
from services.lineage.sql.parsing import dialect_named, split_create, trees
from services.lineage.sql.repair import repaired
from services.lineage.sql.rewrites import plain_delete
from services.lineage.sql.tokens import word

_OTHERS = (
    "",
    "databricks",
    "snowflake",
    "bigquery",
    "postgres",
    "tsql",
    "oracle",
    "mysql",
    "duckdb",
    "teradata",
    "clickhouse",
)
"""Tried in this order where a statement is not of the dialect that was named: texts are often of a relative of it."""
_MUST_BE_TREES = frozenset(["COPY", "CREATE", "REPLACE", "INSERT", "MERGE", "UPDATE", "DELETE", "SELECT", "WITH"])
_OPENS = frozenset({"BEGIN", "DECLARE", "IF", "LOOP", "WHILE", "FOR"})
_STRANGE = frozenset("`\"'")
"""A quote that is a token by itself is one that the dialect does not have."""
_COMMANDS_OF_CLIENTS = re.compile(
    r"^[ \t]*(?:\\\w.*|DELIMITER\s+\S+[ \t]*|SET\s+DEFINE\s+OFF[ \t]*|PROMPT\s.*)$", re.IGNORECASE | re.MULTILINE
)
_PARAMETERS = re.compile(r"##\w+(?:[:?][^#\n]*)?##")
"""`##name:type##`: what a web page asks for before it runs a query."""
_DOLLARS = re.compile(r"^\s*(?:LANGUAGE\s+\w+\s*)?(\$\w*\$)(.*)\1.*$", re.IGNORECASE | re.DOTALL)
"""`$$ … $$` around the text of a block, where the tokenizer leaves it there."""
_TEXTS = (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING, TokenType.NATIONAL_STRING)
_BEFORE_TEXTS = frozenset({"ALTER", "CREATE", "DO", "IMMEDIATE", "STATEMENT", "FORMAT", "CONCAT", "REPLACE"})
"""What a statement, or what follows EXECUTE, begins with where a text in it is run."""
_DELIMITER = re.compile(r"^[ \t]*DELIMITER\s+(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)


_NO_STATEMENTS = (exp.Condition, exp.Alias, exp.Identifier, exp.Tuple)
"""What the parser makes of words that begin no statement that it knows."""


class Trees:
    """Parses the statements of one text.

    Args:
        dialect: the parser's name of it.

    """

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect_named(dialect)
        self._others: list[Dialect] | None = None

    def tokens(self, sql: str) -> list[Token]:
        """The tokens of a text. What a dialect cannot read even as tokens may still be read as another's.

        Raises:
            TokenError: nobody can.

        """
        try:
            return opened(self._dialect.tokenize(sql), sql, self._dialect)
        except TokenError as first:
            for other in self._alternatives():
                try:
                    return opened(other.tokenize(sql), sql, other)
                except TokenError:
                    continue
            raise first from None

    def parse(self, tokens: Sequence[Token], sql: str) -> list[exp.Expr]:
        """The trees of a statement, mostly one.

        Raises:
            SqlglotError: nothing that was tried understands it; the error is that of the first try.

        """
        first: SqlglotError | None = None
        tokens = plain_delete(list(tokens), of_mysql=may_have_modifiers(self._dialect))
        for attempt in self._attempts(tokens, sql):
            try:
                return attempt()
            except SqlglotError as error:
                first = first or error
        raise first or ParseError("")

    def parses(self, tokens: Sequence[Token], sql: str) -> bool:
        """Whether the tokens are a statement of the dialect as they are or mended."""
        try:
            self._as_is(_mended(tokens, self._dialect) or tokens, sql, self._dialect)
        except SqlglotError:
            return False
        return True

    def _attempts(self, tokens: Sequence[Token], sql: str) -> Iterator[_Attempt]:
        yield _Attempt(self, tokens, sql, self._dialect)
        mended = _mended(tokens, self._dialect)
        if mended is not None:
            yield _Attempt(self, mended, sql, self._dialect)
        yield _Attempt(self, tokens, sql, None)
        text = sql[tokens[0].start : tokens[-1].end + 1]
        for other in self._alternatives():
            try:
                again = other.tokenize(text)
            except SqlglotError:
                continue
            yield _Attempt(self, _mended(again, other) or again, text, other)

    def _alternatives(self) -> list[Dialect]:
        if self._others is None:
            own = type(self._dialect)
            self._others = [other for name in _OTHERS if type(other := dialect_named(name)) is not own]
        return self._others

    def _as_is(self, tokens: Sequence[Token], sql: str, dialect: Dialect) -> list[exp.Expr]:
        if any(token.text in _STRANGE and token.end - token.start == 0 for token in tokens):
            raise ParseError("")
        found = trees(tokens, sql, dialect)
        if any(isinstance(root, exp.Command) and str(root.this).upper() in _MUST_BE_TREES for root in found):
            raise ParseError("")
        if any(isinstance(root, _NO_STATEMENTS) and not isinstance(root, exp.Query) for root in found):
            first = tokens[0]
            raise ParseError.new("", line=first.line, col=first.col, highlight=first.text)
        return found

    def _made(self, tokens: Sequence[Token], sql: str) -> list[exp.Expr]:
        """A CREATE whose head or tail is not known: its name and its query."""
        parts = split_create(tokens)
        if parts is None:
            raise ParseError("")
        name, query = parts
        queries = self._as_is(query, sql, self._dialect)
        parser = self._dialect.parser(error_level=ErrorLevel.IMMEDIATE)
        target = parser.parse_into(exp.Table, name, sql)[0]
        if len(queries) != 1 or target is None:
            raise ParseError("")
        columns = _columns_after(tokens, name[-1])
        this = exp.Schema(this=target, expressions=columns) if columns else target
        words = [word(token) for token in tokens[:12]]
        return [exp.Create(this=this, kind="VIEW" if "VIEW" in words else "TABLE", expression=queries[0])]


def _mended(tokens: Sequence[Token], dialect: Dialect) -> list[Token] | None:
    return repaired(tokens, of_mysql=may_have_modifiers(dialect))


def opened(tokens: list[Token], sql: str, dialect: Dialect) -> list[Token]:
    """With the statement after BEGIN, and what is behind FETCH, as tokens, where the tokenizer takes all of that for one text."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        found.append(token)
        at += 1
        opens = token.token_type is TokenType.COMMAND and word(token) in _OPENS
        if (opens or token.token_type is TokenType.FETCH) and at < len(tokens):
            start, end = token.end + 1, tokens[at].end + 1
            if tokens[at].token_type is TokenType.STRING:
                inner = dialect.tokenize(sql[start:end])
                inner = opened(inner, sql[start:end], dialect) if opens else inner
                found.extend(_moved(one, start, token.line - 1) for one in inner)
                at += 1
    return found


def _moved(token: Token, by: int, lines: int) -> Token:
    return Token(
        token.token_type, token.text, token.line + lines, token.col, token.start + by, token.end + by, token.comments
    )


class _Attempt:
    """One way to parse; `dialect` None is by the parts of a CREATE."""

    __slots__ = ("_dialect", "_sql", "_tokens", "_trees")

    def __init__(self, owner: Trees, tokens: Sequence[Token], sql: str, dialect: Dialect | None) -> None:
        self._trees = owner
        self._tokens = tokens
        self._sql = sql
        self._dialect = dialect

    def __call__(self) -> list[exp.Expr]:
        if self._dialect is None:
            return self._trees._made(self._tokens, self._sql)  # noqa: SLF001 - a part of it
        return self._trees._as_is(self._tokens, self._sql, self._dialect)  # noqa: SLF001 - a part of it


def _columns_after(tokens: Sequence[Token], name: Token) -> list[exp.Expr]:
    """The names in the bracket right behind a table's name: the first word of each of its members."""
    at = next((at for at, token in enumerate(tokens) if token is name), None)
    if at is None or at + 1 >= len(tokens) or tokens[at + 1].text != "(":
        return []
    depth = 0
    found: list[exp.Expr] = []
    for before, token in zip(tokens[at + 1 :], tokens[at + 2 :], strict=False):
        depth += (before.text == "(") - (before.text == ")")
        if depth == 0:
            break
        if depth == 1 and before.text in ("(", ","):
            found.append(exp.to_identifier(token.text, quoted=token.token_type is TokenType.IDENTIFIER))
    return found


def without_client_commands(sql: str) -> str:
    """A script without what only clients understand, lines kept: backslash commands, DELIMITER."""
    for match in _DELIMITER.finditer(sql):
        mark = match[1]
        if mark != ";" and len(mark) <= 4:
            sql = re.sub(rf"(?<=\S){re.escape(mark)}[ \t]*$|^[ \t]*{re.escape(mark)}[ \t]*$", ";", sql, flags=re.MULTILINE)
    return _PARAMETERS.sub("1", _COMMANDS_OF_CLIENTS.sub("", sql))


def literal_scripts(tokens: Sequence[Token]) -> list[str]:
    """SQL in the strings of a statement that runs them: UNLOAD ('…'), EXECUTE IMMEDIATE '…', a routine's $$ … $$.

    Of an EXECUTE the tokens are those behind that word. What a procedure is given that it calls by name is a value.
    """
    if _calls_by_name(tokens):
        return []
    return [
        _DOLLARS.sub(r"\2", token.text)
        for token in tokens
        if token.token_type in _TEXTS and re.search(r"(?i)\b(select|insert|merge|update|delete)\b", token.text)
    ]


def _calls_by_name(tokens: Sequence[Token]) -> bool:
    """Whether tokens begin with a procedure's name that does not run the text which it is given: `[@result =] dbo.log`."""
    start = 3 if [token.text for token in tokens[:3:2]] == ["@", "="] else 0
    end = start + 1
    while end + 1 < len(tokens) and tokens[end].token_type is TokenType.DOT:
        end += 1 if tokens[end + 1].token_type is TokenType.DOT else 2
    name = tokens[start:end]
    if not name or word(name[0]) in _BEFORE_TEXTS or word(name[-1]) == "SP_EXECUTESQL" or name[0].token_type in _TEXTS:
        return False
    is_name = name[0].token_type is TokenType.IDENTIFIER or name[0].text.isidentifier()
    return is_name and (end == len(tokens) or tokens[end].text not in ("||", "+"))
