"""One SQL definition to the tables that it reads. Pure, and run in the worker process only: it may be slow or deep.

Journey 3, step "definition → references". The one module besides `references` that knows sqlglot; nothing of it leaves,
not even its error messages, because they quote the text.
"""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import Token, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError

from services.lineage.sql.parsing import dialect_named, split_create, trees
from services.lineage.sql.places import parse_place, token_place
from services.lineage.sql.references import named, references
from services.lineage.sql.statement import MAX_NESTING, Problem, Reading, Statement
from services.lineage.sql.tokens import nesting

_NO_NAME = re.compile(r"[^\w*]+")


def read_tables(statement: Statement) -> Reading:
    """The tables that one query, CREATE VIEW or CREATE TABLE … AS reads, and what it creates.

    Names are as written: CTEs, subqueries, table functions, files and literals are no tables, and are left out.
    """
    dialect = dialect_named(statement.dialect)
    try:
        tokens = dialect.tokenize(statement.sql)
        if nesting(tokens) > MAX_NESTING:
            return Reading(problem=Problem.TOO_NESTED)
        reading = _read(tokens, statement.sql, dialect)
    except TokenError as error:
        return _at(Problem.SYNTAX, *token_place(error, statement.sql))
    except ParseError as error:
        return _at(Problem.SYNTAX, *parse_place(error))
    except SqlglotError:
        return Reading(problem=Problem.SYNTAX)
    except RecursionError:
        return Reading(problem=Problem.TOO_NESTED)
    # a quote that the dialect does not have is read as a name: `Presto` and backticks
    strange = any(not part.quoted and _NO_NAME.fullmatch(part.text) for ref in reading.reads for part in ref)
    return Reading(problem=Problem.SYNTAX) if strange else reading


def _read(tokens: list[Token], sql: str, dialect: Dialect) -> Reading:
    try:
        statements = trees(tokens, sql, dialect)
    except ParseError:
        split = split_create(tokens)
        if split is None:
            raise
        return _read_split(*split, sql, dialect)
    queries = [root for root in statements if not _is_prelude(root)]
    if len(queries) != 1:
        return Reading(problem=Problem.SEVERAL if queries else Problem.NOT_A_QUERY if statements else Problem.EMPTY)
    root = queries[0]
    split = split_create(tokens) if isinstance(root, exp.Command) else None
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


def _read_split(name: list[Token], query: list[Token], sql: str, dialect: Dialect) -> Reading:
    statements = trees(query, sql, dialect)
    if len(statements) != 1:
        return Reading(problem=Problem.SEVERAL if statements else Problem.EMPTY)
    target = dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse_into(exp.Table, name, sql)[0]
    read = _read_statement(statements[0], dialect)
    return Reading(reads=read.reads, target=named(target) if target is not None else None, problem=read.problem)


def _at(problem: Problem, line: int | None, column: int | None) -> Reading:
    return Reading(problem=problem, line=line, column=column)
