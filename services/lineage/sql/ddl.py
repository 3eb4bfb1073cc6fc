"""What DDL would change: ALTER, DROP, RENAME, and views and tables that are made anew. Pure; runs in the worker process.

Beside journey 3: the first step of a check before the change. A script is cut as the extractor cuts it: batches without
semicolons, blocks, and texts that are executed. A word like DROP that no understood statement has is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from services.common.model.schema_changes import ChangeKind, MadeBy, Need, PlannedChanges, SchemaChange
from services.lineage.sql.ddl_changes import Found, changes_of, is_data, is_statement, own_tables, query_of
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.dialects import dialect_of
from services.lineage.sql.parsing import dialect_named, trees
from services.lineage.sql.routines import DATA_WORDS, cut, inner_statements
from services.lineage.sql.statement import MAX_NESTING, MAX_SQL_BYTES, Problem
from services.lineage.sql.tokens import is_routine, nesting, split, word
from services.lineage.sql.trees import opened, without_client_commands
from services.lineage.sql.uses import needs_of

_DATA = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "COPY", "TRUNCATE")
_HARMLESS = frozenset(
    [
        *_DATA,
        *("GRANT", "REVOKE", "SET", "RESET", "USE", "COMMENT", "BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT"),
        *("ANALYZE", "VACUUM", "EXPLAIN", "SHOW", "DESCRIBE", "REFRESH", "OPTIMIZE", "LOCK", "UNLOCK", "PRAGMA"),
        *("DECLARE", "END", "PRINT", "RAISERROR", "THROW", "RETURN"),
    ]
)
"""First words of statements that take no column and no table away where none of `_DANGER` follows."""
_BLOCKS = frozenset({"BEGIN", "DECLARE", "IF", "WHILE", "LOOP", "FOR", "REPEAT"})
_FRAME = _BLOCKS | {"END", "TRY", "CATCH", "THEN", "ELSE", "DO", "TRAN", "TRANSACTION", ";"}
"""Words around statements: a piece of nothing else does nothing."""
_RUNS = frozenset({"EXEC", "EXECUTE", "DO"})
"""First words of statements that run a text."""
_RUNS_BESIDE = frozenset({"(", ")", "IMMEDIATE", "SP_EXECUTESQL", "LANGUAGE", "PLPGSQL"})
"""What may stand beside that text."""
_DANGER = re.compile(r"(?i)\b(?:DROP|ALTER|RENAME|TRUNCATE|SWAP|EXCHANGE|UNDROP|SP_RENAME|REPLACE(?!\s*\())\b")
_CALLS = re.compile(r"(?i)\b(?:EXEC|EXECUTE|CALL)\b")
_TEXTS = (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING, TokenType.NATIONAL_STRING)
_MAX_DEPTH = 5
"""Of blocks in texts that are executed."""
_RENAME_TABLE = re.compile(r"\s*RENAME\s+TABLE\s+(.+)", re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(r"\s*(\S+)\s+TO\s+(\S+)\s*", re.IGNORECASE)


def read_ddl(script: Ddl) -> PlannedChanges:
    """The changes in a script; a statement that is not understood is a problem and takes nothing away from the others."""
    if len(script.sql) > MAX_SQL_BYTES:
        return PlannedChanges((), 0, (f"the script: {Problem.TOO_LARGE}",))
    return _Reader(dialect_of(script.dialect)[0]).read(without_client_commands(script.sql))


class _Reader:
    """One script being read."""

    def __init__(self, dialect: str) -> None:
        self._name = dialect
        self._dialect = dialect_named(dialect)
        self._found: list[SchemaChange] = []
        self._problems: dict[str, None] = {}
        self._own: dict[str, None] = {}
        self._needs: list[Need] = []
        self._number = 0

    def read(self, sql: str) -> PlannedChanges:
        """All of it."""
        parts = self._parts(sql)
        for number, part in enumerate(parts, 1):
            self._number = number
            self._statement(part, sql, 0)
        kept = _made_again(self._found)
        needs = tuple(replace(one, after=sum(kept[: one.after])) for one in self._needs)
        changes = tuple(one for one, is_kept in zip(self._found, kept, strict=True) if is_kept)
        return PlannedChanges(changes, len(parts), tuple(self._problems), tuple(self._own), needs)

    def _parts(self, sql: str) -> list[list[Token]]:
        try:
            return split(opened(self._dialect.tokenize(sql), sql, self._dialect))
        except (SqlglotError, ValueError):
            self._problem(Problem.SYNTAX)
            return []

    def _problem(self, why: str) -> None:
        place = f"statement {self._number}" if self._number else "the script"
        self._problems[f"{place}: {why}"] = None

    def _statement(self, tokens: Sequence[Token], sql: str, depth: int) -> None:
        head = word(tokens[0])
        if depth > _MAX_DEPTH or nesting(tokens) > MAX_NESTING:
            self._problem(Problem.TOO_NESTED)
        elif is_routine(tokens):
            if any(_DANGER.search(token.text) for token in tokens[3:]):
                self._problem("it makes a routine, whose statements are not looked into")
        elif (roots := self._parsed(tokens, sql)) is not None:
            text = sql[tokens[0].start : tokens[-1].end + 1]
            for root in roots:
                self._take(root, text if len(roots) == 1 else None)
        elif head in _RUNS:
            self._executed(sql[tokens[0].end + 1 : tokens[-1].end + 1], depth)
        elif head == "CALL":
            self._problem("it calls a procedure, which is not looked into")
        elif renamed := _renamed_by_words(" ".join(token.text for token in tokens)):
            self._found += renamed
        else:
            self._several(tokens, sql, depth)

    def _take(self, root: exp.Expr, text: str | None) -> None:
        # IF NOT EXISTS makes a table only where the script has dropped it before
        may_stay = isinstance(root, exp.Create) and root.args.get("exists")
        if may_stay:
            root.set("exists", None)
        self._own |= dict.fromkeys(own_tables(root))
        begin = len(self._found)
        for found in changes_of(root, self._dialect):
            one = self._made_by(found, root, text)
            if isinstance(one, str):
                self._problem(one)
            elif not may_stay or any(_drops(before, one.table) for before in self._found):
                self._found.append(one)
            else:
                self._own[one.table] = None
        made = tuple(one.table for one in self._found[begin:] if one.made_by is not None)
        # what an ALTER brings is there for the keys beside it
        at = len(self._found) if isinstance(root, exp.Alter) else begin
        self._needs += [Need(self._number, at, *one, made) for one in needs_of(root, self._dialect)]

    def _made_by(self, found: Found, root: exp.Expr, text: str | None) -> Found:
        """With the query that a table is made from, where there is one: as it is written, if it is the whole statement."""
        query = query_of(root)
        if query is None or not isinstance(found, SchemaChange) or found.kind is not ChangeKind.REPLACE:
            return found
        sql = text if text is not None and isinstance(root, exp.Create) else query.sql(dialect=self._dialect)
        return replace(found, made_by=MadeBy(sql, self._name))

    def _several(self, tokens: Sequence[Token], sql: str, depth: int) -> None:
        """What is not one statement: a batch without semicolons, a block, or words that nobody understands."""
        pieces = cut(tokens, lambda part: self._stands(part, sql))
        if len(pieces) > 1:
            for piece in pieces:
                self._statement(piece, sql, depth + 1)
            return
        head = word(tokens[0])
        inner = [] if head in DATA_WORDS else inner_statements(tokens)
        for piece in inner:
            self._statement(piece, sql, depth + 1)
        covered = {id(token) for piece in inner for token in piece}
        around = [token for token in tokens if id(token) not in covered]
        known = head in _HARMLESS or (inner and head in _BLOCKS) or all(word(token) in _FRAME for token in tokens)
        if not known or _is_dangerous(around, sql):
            self._problem(Problem.SYNTAX)

    def _stands(self, tokens: Sequence[Token], sql: str) -> bool:
        """Whether some tokens are a statement, so that another may follow them."""
        head = word(tokens[0])
        if head in _HARMLESS and head not in (*_DATA, "GRANT", "REVOKE") and not _is_dangerous(tokens, sql):
            return True
        return self._parsed(tokens, sql) is not None

    def _parsed(self, tokens: Sequence[Token], sql: str) -> list[exp.Expr] | None:
        """The trees of some tokens; None where they are not understood, or have a DROP or ALTER beside what they say."""
        try:
            roots = trees(tokens, sql, self._dialect)
        except (SqlglotError, RecursionError):
            return None
        if not roots or not all(map(is_statement, roots)):
            return None
        strange = any(token.token_type in (TokenType.DROP, TokenType.ALTER) for token in tokens)
        return None if strange and all(map(is_data, roots)) else roots

    def _executed(self, text: str, depth: int) -> None:
        """EXEC, EXECUTE IMMEDIATE and DO: the script in their one string; anything else is not known."""
        try:
            tokens = [one for one in self._dialect.tokenize(text) if word(one) not in _RUNS_BESIDE]
        except (SqlglotError, ValueError):
            tokens = []
        if len(tokens) != 1 or tokens[0].token_type not in _TEXTS:
            self._problem("it runs a procedure or a text that is not looked into")
            return
        for part in self._parts(tokens[0].text):
            self._statement(part, tokens[0].text, depth + 1)


def _is_dangerous(tokens: Sequence[Token], sql: str) -> bool:
    """Whether a word that takes something away, or runs what may, stands behind the first one; texts in quotes aside."""
    shown = [sql[one.start : one.end + 1].lstrip()[:1] in "'$\"" for one in tokens[1:]]
    words = [one.text for one, quoted in zip(tokens[1:], shown, strict=True) if not quoted or one.token_type not in _TEXTS]
    text = " ".join(words)
    calls = word(tokens[0]) not in ("GRANT", "REVOKE") and _CALLS.search(text) is not None
    return calls or _DANGER.search(text) is not None


def _renamed_by_words(text: str) -> list[SchemaChange]:
    """`RENAME TABLE a TO b, c TO d`, which the parser leaves as it is; nothing where it is anything else."""
    whole = _RENAME_TABLE.fullmatch(text)
    pairs = [_PAIR.fullmatch(part) for part in whole[1].split(",")] if whole else []
    found = [SchemaChange(ChangeKind.RENAME, pair[1].replace("`", '"'), to=pair[2]) for pair in pairs if pair]
    return found if len(found) == len(pairs) else []


def _made_again(changes: list[SchemaChange]) -> list[bool]:
    """Which of the changes are told: a table that is dropped and made later in the same script is replaced."""
    kept = []
    for at, change in enumerate(changes):
        later = (one for one in changes[at + 1 :] if one.kind is ChangeKind.REPLACE)
        kept.append(not any(_drops(change, one.table) for one in later))
    return kept


def _drops(change: SchemaChange, table: str) -> bool:
    """Whether it takes away the table of that name, as both are written."""
    return change.kind is ChangeKind.DROP and change.column is None and change.table.lower() == table.lower()
