"""One SQL definition to the tables that it reads. Pure, and run in the worker process only: it may be slow or deep.

Journey 3, step "definition → references". The one module besides `references` that knows sqlglot; nothing of it leaves,
not even its error messages, because they quote the text.
"""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError

from services.lineage.sql.references import named, references
from services.lineage.sql.statement import MAX_NESTING, Problem, Reading, Statement

_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END)
_QUERY_STARTS = (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.FROM, TokenType.VALUES, TokenType.TABLE)
_NO_NAME = re.compile(r"[^\w*]+")
_CONTEXT_CHARS = 50
"""How much text sqlglot's tokenizer puts before and after the place of an error."""
_TAILS = frozenset({"DATA", "OPTION", "ONLY"})
"""Last words of the clauses that may follow a view's query: WITH NO DATA, WITH CHECK OPTION, WITH READ ONLY."""


def read_tables(statement: Statement) -> Reading:
    """The tables that one query, CREATE VIEW or CREATE TABLE … AS reads, and what it creates.

    Names are as written: CTEs, subqueries, table functions, files and literals are no tables, and are left out.
    """
    dialect = _dialect(statement.dialect)
    try:
        tokens = dialect.tokenize(statement.sql)
        if _nesting(tokens) > MAX_NESTING:
            return Reading(problem=Problem.TOO_NESTED)
        reading = _read(tokens, statement.sql, dialect)
    except TokenError as error:
        return _at(Problem.SYNTAX, *_token_place(error, statement.sql))
    except ParseError as error:
        return _at(Problem.SYNTAX, *_parse_place(error))
    except SqlglotError:
        return Reading(problem=Problem.SYNTAX)
    except RecursionError:
        return Reading(problem=Problem.TOO_NESTED)
    # a quote that the dialect does not have is read as a name: `Presto` and backticks
    strange = any(not part.quoted and _NO_NAME.fullmatch(part.text) for ref in reading.reads for part in ref)
    return Reading(problem=Problem.SYNTAX) if strange else reading


def _dialect(name: str) -> Dialect:
    try:
        return Dialect.get_or_raise(name)
    except ValueError:
        return Dialect.get_or_raise("")


def _read(tokens: list[Token], sql: str, dialect: Dialect) -> Reading:
    try:
        statements = _statements(tokens, sql, dialect)
    except ParseError:
        split = _split_create(tokens)
        if split is None:
            raise
        return _read_split(*split, sql, dialect)
    queries = [root for root in statements if not _is_prelude(root)]
    if len(queries) != 1:
        return Reading(problem=Problem.SEVERAL if queries else Problem.NOT_A_QUERY if statements else Problem.EMPTY)
    root = queries[0]
    split = _split_create(tokens) if isinstance(root, exp.Command) else None
    if split is not None:
        return _read_split(*split, sql, dialect)
    read = _read_statement(root, dialect)
    functions = [
        ref
        for other in statements
        if isinstance(other, exp.Create) and other is not root
        for ref in references(other, dialect)
    ]
    return read if read.problem else replace(read, reads=tuple(dict.fromkeys((*functions, *read.reads))))


def _is_prelude(root: exp.Expr) -> bool:
    """Whether a statement only prepares the query after it: functions, variables, settings, comments."""
    if isinstance(root, exp.Create):
        return root.kind in ("FUNCTION", "MACRO", "PROCEDURE")
    return isinstance(root, exp.Set | exp.Declare | exp.Use | exp.Comment)


def _statements(tokens: list[Token], sql: str, dialect: Dialect) -> list[exp.Expr]:
    try:
        parsed = dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, sql)
    except ParseError:
        lenient = dialect.parser(error_level=ErrorLevel.IGNORE)
        parsed = lenient.parse(tokens, sql)
        if lenient.errors or not all(_is_whole(root) for root in parsed if root is not None):
            raise
    return [root for root in parsed if root is not None and not isinstance(root, exp.Semicolon)]


def _is_whole(root: exp.Expr) -> bool:
    """Whether nothing is missing but arguments of functions: `dbo.split(x)` is the user's own, not the one sqlglot knows."""
    return not any(node.error_messages() for node in root.walk() if not isinstance(node, exp.Func))


def _read_statement(root: exp.Expr, dialect: Dialect) -> Reading:
    if isinstance(root, exp.Create) and root.kind in ("VIEW", "TABLE"):
        named_by = root.this.this if isinstance(root.this, exp.Schema) else root.this
        return Reading(reads=references(root, dialect), target=named(named_by))
    if isinstance(root, exp.Query | exp.Values):
        into = _first(root).args.get("into")
        return Reading(reads=references(root, dialect), target=named(into.this) if into else None)
    return Reading(problem=Problem.NOT_A_QUERY)


def _first(root: exp.Expr) -> exp.Expr:
    """The first SELECT of set operations, where INTO stands."""
    while isinstance(root, exp.SetOperation):
        root = root.this
    return root


def _split_create(tokens: list[Token]) -> tuple[list[Token], list[Token]] | None:
    """The name and the query of a CREATE whose head or tail sqlglot does not know; None for anything else."""
    if not tokens or tokens[0].token_type is not TokenType.CREATE:
        return None
    depth, kind_at = 0, None
    for at, token in enumerate(tokens[:-1]):
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if kind_at is None and token.token_type in (TokenType.VIEW, TokenType.TABLE):
            kind_at = at
        starts = token.token_type is TokenType.ALIAS and tokens[at + 1].token_type in _QUERY_STARTS
        if kind_at is not None and depth == 0 and starts:
            return _name_tokens(tokens[kind_at + 1 : at]), _without_tail(tokens[at + 1 :])
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


def _read_split(name: list[Token], query: list[Token], sql: str, dialect: Dialect) -> Reading:
    statements = _statements(query, sql, dialect)
    if len(statements) != 1:
        return Reading(problem=Problem.SEVERAL if statements else Problem.EMPTY)
    target = dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse_into(exp.Table, name, sql)[0]
    read = _read_statement(statements[0], dialect)
    return Reading(reads=read.reads, target=named(target) if target is not None else None, problem=read.problem)


def _nesting(tokens: list[Token]) -> int:
    depth = deepest = 0
    for token in tokens:
        if token.token_type in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif token.token_type in _CLOSING:
            depth = max(0, depth - 1)
    return deepest


def _parse_place(error: ParseError) -> tuple[int | None, int | None]:
    """Line and column where the token begins that the parser did not expect; it names the column where that ends."""
    first = error.errors[0] if error.errors else {}
    line, end = first.get("line"), first.get("col")
    if not isinstance(line, int) or not isinstance(end, int):
        return None, None
    return line, max(1, end - len(first.get("highlight") or " ") + 1)


def _token_place(error: TokenError, sql: str) -> tuple[int | None, int | None]:
    """Line and column where the tokenizer stopped: it says which text it shows, and the place is that text's middle."""
    if error.start:
        at = error.start + _CONTEXT_CHARS
    elif error.end is not None and error.end < len(sql) - 1:
        at = error.end - _CONTEXT_CHARS
    else:
        return None, None
    before = sql[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _at(problem: Problem, line: int | None, column: int | None) -> Reading:
    return Reading(problem=problem, line=line, column=column)
