"""A text of SQL to its lineage. Pure, and run in the worker process only: it may be slow or deep.

Journey 3, step "SQL → edges", from the first token to the answer: the text's template, tokens, statements, each statement's
tree, what it does to tables, and all of it put together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from services.lineage.sql.compose import Composer, lineage_of
from services.lineage.sql.dialects import dialect_of, traits_of
from services.lineage.sql.expression import reads as read_expression
from services.lineage.sql.facts import Lineage, ScriptLineage, StatementLineage
from services.lineage.sql.fallback import tables_in
from services.lineage.sql.known import Tables, split_name
from services.lineage.sql.places import place_of
from services.lineage.sql.query import read_query
from services.lineage.sql.routines import DATA_WORDS, QUIET, cut, inner_statements
from services.lineage.sql.row_names import RowNames, looped_cursors, trigger_table
from services.lineage.sql.scope import PLACEHOLDER, Env, Scope
from services.lineage.sql.script import Script
from services.lineage.sql.statement import MAX_NESTING, Problem, Reading, is_template
from services.lineage.sql.statements.registry import read_statement
from services.lineage.sql.table_names import table_relation
from services.lineage.sql.template import rendered
from services.lineage.sql.tokens import is_routine, members, nesting, routine_kind, split, word
from services.lineage.sql.trees import Trees, literal_scripts, without_client_commands
from services.lineage.sql.writes import ANSWER, CACHE, CHANGE, CREATE, REPLACE, Facts, Write

_BLOCKS = frozenset({"BEGIN", "DECLARE", "IF", "WHILE", "LOOP", "FOR", "REPEAT", "DO"})
_LOOPS = _BLOCKS - {"BEGIN", "DECLARE"}
_MAX_DEPTH = 5
"""Of blocks in routines in texts that are executed."""
_RUNS_TEXT = frozenset({"UNLOAD", "EXECUTE", "EXEC"})
"""Statements that run another one, which is written in a string."""
_FILLS_VARIABLES = frozenset({"oracle", "postgres", "mysql", "bigquery", "snowflake", "db2", ""})
"""SELECT … INTO in a routine fills variables."""


def read_script(script: Script) -> ScriptLineage:
    """The lineage of a text: of each statement, and of all of it.

    A statement that cannot be parsed has its reason and, as far as words tell, its tables; the others are read all the same.
    """
    return _Reader(script).read()


def facts_of(script: Script) -> tuple[list[Facts], Tables]:
    """The statements of a text before they are put together, and the names in it."""
    return _Reader(script).statements()


class _Reader:
    """One text being read."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._dialect = dialect_of(script.dialect)[0]
        self._traits = traits_of(self._dialect)
        self._tables = Tables(script.schema, script.default_database, script.default_schema)
        self._trees = Trees(self._dialect)
        self._in_routine = False
        self._rows = self._left = RowNames()

    def read(self) -> ScriptLineage:
        """All of it."""
        composer = Composer(self._tables)
        statements = []
        for facts in self.statements()[0]:
            statements.append(StatementLineage(facts.type, self._lineage(facts), facts.error))
            composer.take(facts)
        return ScriptLineage(tuple(statements), lineage_of(composer.writes(), composer.reads(), self._tables))

    def statements(self) -> tuple[list[Facts], Tables]:
        """Each by itself."""
        sql, named = self._text()
        found = list(self._facts(sql, 0))
        if named:
            _add_named(found, [self._tables.key(split_name(name)) for name in named])
        return found, self._tables

    def _text(self) -> tuple[str, list[str]]:
        """The SQL, and tables that a template names beside it: in macros, and in the branches that are not taken."""
        sql = self._script.sql
        if not is_template(sql):
            return without_client_commands(sql), []
        first, other = rendered(sql), rendered(sql, otherwise=True)
        named = [*first.named, *other.named]
        if other.sql != first.sql:
            named.extend(read_script(replace(self._script, sql=other.sql)).whole.sources)
        return first.sql, list(dict.fromkeys(named))

    def _facts(self, sql: str, depth: int) -> Iterator[Facts]:
        """The statements of a text, in order; what they make is known to those after them."""
        try:
            tokens = self._trees.tokens(sql)
        except SqlglotError as error:
            yield Facts("UNPARSED", error=_reason(Problem.SYNTAX, *place_of(error, sql)))
            return
        chunks = split(tokens)
        if not chunks and depth == 0:
            yield Facts("UNPARSED", error=_reason(Problem.EMPTY))
        for chunk in chunks:
            self._left = self._rows
            for facts in self._statement(chunk, sql, depth):
                self._learn(facts)
                yield facts
            self._pass(chunk)

    def _pass(self, chunk: Sequence[Token]) -> None:
        """Go on behind a statement: a loop outside of a block is cut where it has semicolons, and ends in a later one."""
        if word(chunk[0]) == "END":
            self._rows.walk(chunk)
        elif word(chunk[0]) in _LOOPS:
            self._rows = self._left

    def _statement(self, tokens: Sequence[Token], sql: str, depth: int) -> Iterator[Facts]:
        head = word(tokens[0])
        if nesting(tokens) > MAX_NESTING:
            yield Facts(head if head in DATA_WORDS else "UNPARSED", error=_reason(Problem.TOO_NESTED))
        elif depth < _MAX_DEPTH and is_routine(tokens):
            yield self._routine(tokens, sql, depth)
        elif depth < _MAX_DEPTH and head in _BLOCKS and (inner := [*self._inner(tokens, sql, depth)]):
            yield from inner
        else:
            yield from self._parsed(tokens, sql, depth)

    def _parsed(self, tokens: Sequence[Token], sql: str, depth: int) -> Iterator[Facts]:
        head = word(tokens[0])
        try:
            if head in _RUNS_TEXT:
                yield from self._executed(self._trees.tokens(sql[tokens[0].end + 1 : tokens[-1].end + 1]), head, depth)
                return
            roots = self._trees.parse(tokens, sql)
        except SqlglotError as error:
            yield from self._unparsed(tokens, sql, depth, _reason(Problem.SYNTAX, *place_of(error, sql)))
            return
        except RecursionError:
            yield Facts(head if head in DATA_WORDS else "UNPARSED", error=_reason(Problem.TOO_NESTED))
            return
        for root in roots:
            yield self._read(root, tokens, sql)

    def _read(self, root: exp.Expr, tokens: Sequence[Token], sql: str) -> Facts:
        env = self._env()
        env.rows, env.given = self._rows.relations, self._rows.tables
        env.keeps_into = not (self._in_routine and self._dialect in _FILLS_VARIABLES)
        env.members = _outermost(root)
        env.texts = cache(lambda: members(tokens, sql))
        try:
            facts = read_statement(root, env)
        except RecursionError:
            return Facts(word(tokens[0]), error=_reason(Problem.TOO_NESTED))
        except (AttributeError, AssertionError, IndexError, KeyError, TypeError, ValueError):
            # a tree of a shape that nobody has met: it costs this statement its columns, not the others theirs
            return self._guessed(tokens, _reason(Problem.COLUMNS))
        facts.pairs = tuple(env.pairs)
        if env.elsewhere:
            facts.error = facts.error or _reason(Problem.ELSEWHERE)
        self._rows.note(facts)
        return facts

    def _env(self) -> Env:
        return Env(self._traits, self._tables, read_query)

    def _unparsed(self, tokens: Sequence[Token], sql: str, depth: int, reason: str | None) -> Iterator[Facts]:
        """What is not one statement may be several without semicolons, or code around some; else its words tell tables."""
        head = word(tokens[0])
        if depth < _MAX_DEPTH:
            pieces = cut(tokens, lambda part: self._trees.parses(part, sql))
            if len(pieces) > 1:
                for piece in pieces:
                    yield from self._statement(piece, sql, depth + 1)
                return
            if head not in DATA_WORDS and (inner := [*self._inner(tokens, sql, depth)]):
                yield from inner
                return
        if head in DATA_WORDS or head == "(":
            yield self._guessed(tokens, reason)
        else:
            known = head.isalpha() and head not in ("SELEC", "INSRT")
            yield Facts(head if known and head in QUIET else "UNPARSED", error=None if head in QUIET else reason)

    def _guessed(self, tokens: Sequence[Token], reason: str | None) -> Facts:
        reads, writes = tables_in(tokens)
        marked = {token.text for token in tokens if token.token_type is TokenType.IDENTIFIER}
        keys = {name: self._tables.key(name, [part in marked for part in name]) for name in (*reads, *writes)}
        sources = tuple(dict.fromkeys(keys[name] for name in reads if not name[0].lower().startswith(PLACEHOLDER)))
        targets = list(dict.fromkeys(keys[name] for name in writes))
        head = word(tokens[0])
        how = CREATE if head == "CREATE" else CHANGE
        sources = tuple(source for source in sources if source not in targets or head == "INSERT")
        found = [Write(target, sources=sources, how=how, closed=False) for target in targets]
        if not found:
            found = [Write(None, sources=sources, how=ANSWER)]
        return Facts(head if head in DATA_WORDS else "SELECT", found, sources, error=reason)

    def _inner(self, tokens: Sequence[Token], sql: str, depth: int) -> Iterator[Facts]:
        """The statements in a block."""
        for text in literal_scripts(tokens) if word(tokens[0]) == "DO" else ():
            yield from self._facts(text, depth + 1)
        outside, looped, at = self._rows, looped_cursors(tokens), 0
        rows = self._rows = outside.inside()
        for piece in inner_statements(tokens):
            start = next(place for place in range(at, len(tokens)) if tokens[place] is piece[0])
            rows.walk(tokens[at:start])
            at = start + len(piece)
            for facts in self._statement(piece, sql, depth + 1):
                rows.take(facts, looped)
                self._learn(facts)
                yield facts
        rows.walk(tokens[at:])
        self._rows, self._left = outside, rows

    def _routine(self, tokens: Sequence[Token], sql: str, depth: int) -> Facts:
        """A procedure: what its statements do together. They are read, not run: what they fill is not thought away."""
        if routine_kind(tokens) == "FUNCTION" and (found := self._function(tokens, sql)) is not None:
            return found
        before, self._in_routine, rows = self._in_routine, True, self._rows
        on = trigger_table(tokens) if routine_kind(tokens) == "TRIGGER" else None
        if on:
            self._rows = rows.of_trigger(tokens, table_relation(self._tables.key(on), self._env()))
        try:
            inner = [*self._inner(tokens, sql, depth)]
            if not inner:
                inner = [facts for text in literal_scripts(tokens) for facts in self._facts(text, depth + 1)]
        finally:
            self._in_routine, self._rows = before, rows
        composer = Composer(self._tables, as_one=True)
        for facts in inner:
            composer.take(facts)
        kind = "PROCEDURE" if (kind := routine_kind(tokens)) == "PROC" else kind
        error = next((facts.error for facts in inner if facts.error), None)
        return Facts(f"CREATE_{kind}", composer.writes(), composer.reads(), error=error)

    def _function(self, tokens: Sequence[Token], sql: str) -> Facts | None:
        """A function that is an expression or a query: the tables in it. None where its body is code."""
        try:
            roots = self._trees.parse(tokens, sql)
        except (SqlglotError, RecursionError):
            return None
        body = roots[0].args.get("expression") if len(roots) == 1 and isinstance(roots[0], exp.Create) else None
        if not isinstance(body, exp.Expr) or isinstance(body, exp.Literal | exp.RawString | exp.Heredoc):
            return None
        env = self._env()
        read_expression(body, Scope(env, {}))
        return Facts("CREATE_FUNCTION", reads=tuple(env.reads), error=_reason(Problem.ELSEWHERE) if env.elsewhere else None)

    def _executed(self, tokens: Sequence[Token], head: str, depth: int) -> Iterator[Facts]:
        """UNLOAD and EXECUTE: the statement in the string, and where UNLOAD puts its result."""
        texts = literal_scripts(tokens)
        inner = [facts for text in texts[:1] if depth < _MAX_DEPTH for facts in self._facts(text, depth + 1)]
        if head != "UNLOAD":
            yield from inner or [Facts(head)]
            return
        words = [word(token) for token in tokens]
        at = words.index("TO") if "TO" in words else len(words)
        target = self._tables.path(tokens[at + 1].text) if at + 1 < len(tokens) else None
        for facts in inner:
            for write in facts.writes:
                write.table, write.how = target, REPLACE
            facts.type = "UNLOAD"
            yield facts

    def _learn(self, facts: Facts) -> None:
        """What later statements know of tables after this one."""
        for write in facts.writes:
            if write.table is not None and write.how in (CREATE, CACHE):
                names = list(dict.fromkeys(column.name for column in write.columns if column.name != "*"))
                if not write.closed:
                    names.append("*")
                if write.columns:
                    self._tables.learn(write.table, names)
                else:
                    self._tables.forget(write.table)
        for old, new in facts.renamed:
            columns = self._tables.columns(old)
            self._tables.forget(old)
            if columns is not None:
                self._tables.learn(new, columns)
        if facts.use is not None:
            database, schema = facts.use
            self._tables.database = database or self._tables.database
            self._tables.default_schema = schema or (None if database else self._tables.default_schema)

    def _lineage(self, facts: Facts) -> Lineage:
        lineage = lineage_of(facts.writes, facts.reads, self._tables)
        if facts.renamed:
            pairs = [(self._tables.spelled(old), self._tables.spelled(new)) for old, new in facts.renamed]
            return Lineage(tuple(old for old, _ in pairs), tuple(new for _, new in pairs), tuple(pairs))
        if facts.dropped:
            return replace(lineage, targets=tuple(map(self._tables.spelled, facts.dropped)))
        return lineage


def _outermost(root: exp.Expr) -> Sequence[exp.Expr]:
    """The select list whose columns a statement gives out."""
    node: exp.Expr | None = root if isinstance(root, exp.Query) else root.args.get("expression")
    while isinstance(node, exp.SetOperation | exp.Subquery):
        node = node.this
    return node.expressions if isinstance(node, exp.Select) else ()


def _add_named(found: list[Facts], keys: list[tuple[str, ...]]) -> None:
    """Give tables that only a template names to the statement that the template makes: its last one."""
    facts = found[-1]
    facts.reads = tuple(dict.fromkeys((*facts.reads, *keys)))
    if not facts.writes:
        facts.writes.append(Write(None, how=ANSWER))
    for write in facts.writes:
        write.sources = tuple(dict.fromkeys((*write.sources, *keys)))


def _reason(problem: Problem, line: int | None = None, column: int | None = None) -> str | None:
    return Reading(problem=problem, line=line, column=column).reason
