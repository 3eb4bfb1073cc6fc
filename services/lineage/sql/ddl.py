"""What DDL would change: ALTER, DROP, RENAME, and views and tables that are made anew. Pure; runs in the worker process.

Beside journey 3: the first step of a check before the change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError

from services.common.model.schema_changes import ChangeKind, PlannedChanges, SchemaChange
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.dialects import dialect_of
from services.lineage.sql.parsing import dialect_named, trees
from services.lineage.sql.statement import MAX_SQL_BYTES, Problem
from services.lineage.sql.tokens import split

_HARMLESS = frozenset(
    [
        "SELECT",
        "WITH",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "VALUES",
        "COPY",
        "GRANT",
        "REVOKE",
        "SET",
        "USE",
        "COMMENT",
        "BEGIN",
        "START",
        "COMMIT",
        "ROLLBACK",
        "ANALYZE",
        "VACUUM",
        "EXPLAIN",
        "SHOW",
        "DESCRIBE",
        "REFRESH",
        "OPTIMIZE",
        "TRUNCATE",
        "LOCK",
        "CALL",
    ]
)
"""First words of statements that take no column and no table away: it does not matter where they are not understood."""
_WHOLE = ("SCHEMA", "DATABASE")
_RENAME_TABLE = re.compile(r"\s*RENAME\s+TABLE\s+(.+)", re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(r"\s*(\S+)\s+TO\s+(\S+)\s*", re.IGNORECASE)


def read_ddl(script: Ddl) -> PlannedChanges:
    """The changes in a script; a statement that is not understood is a problem and takes nothing away from the others."""
    if len(script.sql) > MAX_SQL_BYTES:
        return PlannedChanges((), 0, (f"the script: {Problem.TOO_LARGE}",))
    dialect = dialect_named(dialect_of(script.dialect)[0])
    try:
        tokens = dialect.tokenize(script.sql)
    except (TokenError, ValueError):
        return PlannedChanges((), 0, (f"the script: {Problem.SYNTAX}",))
    found: list[SchemaChange] = []
    problems: list[str] = []
    parts = split(tokens)
    for number, part in enumerate(parts, 1):
        first = part[0].text.upper()
        try:
            roots = trees(part, script.sql, dialect)
        except ParseError:
            roots = []
        if not roots or not all(map(_is_statement, roots)):
            renamed = _renamed_by_words(" ".join(token.text for token in part))
            found += renamed
            if not renamed and first not in _HARMLESS:
                problems.append(f"statement {number}: {Problem.SYNTAX}")
            continue
        for root in roots:
            found += _changes(root, dialect)
            if isinstance(root, exp.Drop) and root.args.get("kind") in _WHOLE:
                problems.append(
                    f"statement {number}: it drops a whole {root.args['kind'].lower()}, which is not looked into"
                )
    return PlannedChanges(tuple(_made_again(found)), len(parts), tuple(problems))


def _is_statement(root: exp.Expr) -> bool:
    """Whether the parser took it for one: words that it does not know become a command, or a value with an alias."""
    return not isinstance(root, exp.Condition | exp.Alias) and root.find(exp.Command) is None


def _changes(root: exp.Expr, dialect: Dialect) -> Iterator[SchemaChange]:
    if isinstance(root, exp.Alter) and isinstance(root.this, exp.Table):
        options = root.args.get("options") or []
        for action in root.args.get("actions") or []:
            yield from _altered(_name(root.this), action, options, dialect)
    elif isinstance(root, exp.Drop) and root.args.get("kind") in ("TABLE", "VIEW"):
        for table in root.args.get("tables") or []:
            if isinstance(table, exp.Table):
                yield SchemaChange(ChangeKind.DROP, _name(table))
    elif isinstance(root, exp.Create) and root.args.get("kind") in ("TABLE", "VIEW"):
        made = root.this.this if isinstance(root.this, exp.Schema) else root.this
        if isinstance(made, exp.Table) and not root.args.get("exists"):
            yield SchemaChange(ChangeKind.REPLACE, _name(made), columns=_made_columns(root))
    elif isinstance(root, exp.Execute) and isinstance(root.this, exp.Table) and root.this.name.lower() == "sp_rename":
        yield from _sp_rename([one.name for one in root.expressions if isinstance(one, exp.Literal)])


def _altered(table: str, action: exp.Expr, options: list[exp.Expr], dialect: Dialect) -> Iterator[SchemaChange]:
    if isinstance(action, exp.Drop) and action.args.get("kind") == "COLUMN":
        for column in action.args.get("tables") or []:
            yield SchemaChange(ChangeKind.DROP, table, column.name)
    elif isinstance(action, exp.RenameColumn):
        yield SchemaChange(ChangeKind.RENAME, table, action.this.name, action.args["to"].name)
    elif isinstance(action, exp.AlterRename):
        target = next((one for one in options if isinstance(one, exp.ToTableProperty)), None)
        if target is None:
            yield SchemaChange(ChangeKind.RENAME, table, to=action.this.name)
        else:  # `RENAME a TO b`, without the word COLUMN
            yield SchemaChange(ChangeKind.RENAME, table, action.this.name, target.this.name)
    elif isinstance(action, exp.AlterColumn):
        yield from _column(table, action.name, action.args.get("rename_to"), action.args.get("dtype"), dialect)
    elif isinstance(action, exp.ModifyColumn) and isinstance(action.this, exp.ColumnDef):
        before, now = action.args.get("rename_from"), action.this
        old = before.name if before is not None else now.name
        yield from _column(table, old, now.this, now.args.get("kind"), dialect)
    elif isinstance(action, exp.SwapTable):
        yield SchemaChange(ChangeKind.REPLACE, table)
        yield SchemaChange(ChangeKind.REPLACE, _name(action.this))


def _column(
    table: str, column: str, name: exp.Expr | None, type_: exp.Expr | None, dialect: Dialect
) -> Iterator[SchemaChange]:
    if name is not None and name.name != column:
        yield SchemaChange(ChangeKind.RENAME, table, column, name.name)
    elif type_ is not None:
        yield SchemaChange(ChangeKind.RETYPE, table, column, type_.sql(dialect=dialect))


def _made_columns(root: exp.Create) -> tuple[str, ...] | None:
    """The columns of what is made; None where a star or an expression without a name is among them."""
    if isinstance(root.this, exp.Schema):
        named = [one for one in root.this.expressions if isinstance(one, exp.ColumnDef | exp.Identifier | exp.Column)]
        if named:
            return tuple(one.name for one in named)
    query = root.args.get("expression")
    if not isinstance(query, exp.Query):
        return None
    outputs = query.selects
    if not outputs or any(one.is_star or not one.output_name for one in outputs):
        return None
    return tuple(one.output_name for one in outputs)


def _sp_rename(words: list[str]) -> Iterator[SchemaChange]:
    if len(words) >= 3 and words[2].upper() == "COLUMN":
        table, _, column = words[0].rpartition(".")
        yield SchemaChange(ChangeKind.RENAME, table, column.strip("[]"), words[1])
    elif len(words) == 2:
        yield SchemaChange(ChangeKind.RENAME, words[0], to=words[1])


def _renamed_by_words(text: str) -> list[SchemaChange]:
    """`RENAME TABLE a TO b, c TO d`, which the parser leaves as it is; nothing where it is anything else."""
    whole = _RENAME_TABLE.fullmatch(text)
    pairs = [_PAIR.fullmatch(part) for part in whole[1].split(",")] if whole else []
    found = [SchemaChange(ChangeKind.RENAME, pair[1].replace("`", '"'), to=pair[2]) for pair in pairs if pair]
    return found if len(found) == len(pairs) else []


def _made_again(changes: list[SchemaChange]) -> Iterator[SchemaChange]:
    """A table that is dropped and made later in the same script is replaced."""
    for at, change in enumerate(changes):
        later = (one for one in changes[at + 1 :] if one.kind is ChangeKind.REPLACE)
        whole = change.kind is ChangeKind.DROP and change.column is None
        if not whole or all(one.table.lower() != change.table.lower() for one in later):
            yield change


def _name(table: exp.Table) -> str:
    parts = (part.name for part in table.parts)
    return ".".join(part if part.replace("_", "").isalnum() else '"' + part.replace('"', '""') + '"' for part in parts)
