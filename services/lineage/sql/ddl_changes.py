"""What one parsed statement of DDL changes, and what in it is not understood. Pure; runs in the worker process.

Beside journey 3: the first step of a check before the change. What is not known here is a problem, never nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from services.common.model.schema_changes import ChangeKind, SchemaChange
from services.lineage.sql.table_names import name_parts

Found = SchemaChange | str
"""A change, or a sentence on what was not understood; never with text of the statement."""
_NOT_KNOWN = "it has a part that is not understood"
_WHOLE = ("SCHEMA", "DATABASE")
_TABLES = ("TABLE", "VIEW")
_BESIDE = frozenset(
    ["INDEX", "SEQUENCE", "FUNCTION", "PROCEDURE", "TRIGGER", "ROLE", "USER", "TASK", "STREAM", "STAGE", "PIPE", "TAG"]
)
"""Kinds whose end takes no column and no table away, where nothing goes along by CASCADE."""
_DATA = (
    *(exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Copy, exp.LoadData, exp.TruncateTable, exp.Refresh),
    *(exp.Set, exp.Use, exp.Declare, exp.Transaction, exp.Commit, exp.Rollback, exp.Describe, exp.Analyze, exp.Show),
    *(
        exp.Pragma,
        exp.Attach,
        exp.Detach,
        exp.Cache,
        exp.Uncache,
        exp.Kill,
        exp.Summarize,
        exp.AlterSession,
        exp.EndStatement,
    ),
)
_RIGHTS = (exp.Grant, exp.Revoke, exp.Comment)
_KEPT_BY = (
    *(exp.Schema, exp.AddConstraint, exp.AddPartition, exp.DropPartition, exp.DropPrimaryKey),
    *(exp.AlterSet, exp.AlterDistStyle, exp.AlterSortKey, exp.AlterIndex, exp.ClusterProperty),
)
"""Actions of an ALTER that leave every column as it is: keys that are added, properties, partitions' rows."""
_KEPT_WITHOUT = frozenset(["CONSTRAINT", "INDEX", "KEY", "FOREIGN KEY", "PRIMARY KEY", "CHECK"])


def is_statement(root: exp.Expr) -> bool:
    """Whether the parser took it for one: words that it does not know become a command, or a value with an alias."""
    if isinstance(root, exp.Execute):
        return any(_renamed(root))
    return not isinstance(root, exp.Condition | exp.Alias) and root.find(exp.Command) is None


def is_data(root: exp.Expr) -> bool:
    """Whether it only reads, fills or sets something: a word like DROP has no place in it."""
    return isinstance(root, _DATA)


def changes_of(root: exp.Expr, dialect: Dialect) -> Iterator[Found]:
    """What one statement changes, and what of it is not understood."""
    if isinstance(root, exp.Alter):
        yield from _of_alter(root, dialect)
    elif isinstance(root, exp.Drop):
        yield from _of_drop(root)
    elif isinstance(root, exp.Create):
        yield from _of_create(root, dialect)
    elif isinstance(root, exp.Execute):
        yield from _renamed(root)
    elif isinstance(root, exp.Block | exp.IfBlock | exp.WhileBlock):
        inner = (root.args.get(key) for key in ("true", "false", "body"))
        for one in (*root.expressions, *inner):
            if isinstance(one, exp.Expr):
                yield from changes_of(one, dialect)
    elif not isinstance(root, (*_DATA, *_RIGHTS)):
        yield _NOT_KNOWN


def query_of(root: exp.Expr) -> exp.Query | None:
    """The query that a statement makes a table or a view from; None where there is none."""
    parts = [root.args.get("expression")] if isinstance(root, exp.Create) else []
    parts += root.args.get("actions") or [] if isinstance(root, exp.Alter) else []
    return next((one for one in parts if isinstance(one, exp.Query)), None)


def own_tables(root: exp.Expr) -> Iterator[str]:
    """The tables that a query makes (`SELECT … INTO`), and those of which a statement says that they may not be there."""
    if isinstance(root, exp.Drop | exp.Alter) and root.args.get("exists"):
        listed = [*(root.args.get("tables") or []), root.this]
        yield from (written(one) for one in listed if isinstance(one, exp.Table))
    into = root.find(exp.Into) if isinstance(root, exp.Query) else None
    if into is not None and isinstance(into.this, exp.Table):
        yield written(into.this)


def _of_alter(root: exp.Alter, dialect: Dialect) -> Iterator[Found]:
    actions = root.args.get("actions") or []
    if not isinstance(root.this, exp.Table) or not actions:
        yield _NOT_KNOWN
        return
    for action in actions:
        yield from _altered(written(root.this), action, root.args.get("options") or [], dialect)


def _altered(table: str, action: exp.Expr, options: list[exp.Expr], dialect: Dialect) -> Iterator[Found]:
    if isinstance(action, exp.Drop):
        yield from _dropped(table, action)
    elif isinstance(action, exp.RenameColumn):
        yield SchemaChange(ChangeKind.RENAME, table, action.this.name, action.args["to"].name)
    elif isinstance(action, exp.AlterRename):
        target = next((one for one in options if isinstance(one, exp.ToTableProperty)), None)
        # with a target it is `RENAME a TO b`, without the word COLUMN
        column, to = (None, action.this.name) if target is None else (action.this.name, target.this.name)
        yield SchemaChange(ChangeKind.RENAME, table, column, to)
    elif isinstance(action, exp.AlterColumn):
        yield from _column(table, action.name, action.args.get("rename_to"), action.args.get("dtype"), dialect)
    elif isinstance(action, exp.ModifyColumn) and isinstance(action.this, exp.ColumnDef):
        before, now = action.args.get("rename_from"), action.this
        old = before.name if before is not None else now.name
        yield from _column(table, old, now.this, now.args.get("kind"), dialect)
    elif isinstance(action, exp.ColumnDef | exp.Schema):
        yield from _added(table, action, dialect)
    elif isinstance(action, exp.SwapTable):
        yield SchemaChange(ChangeKind.REPLACE, table)
        yield SchemaChange(ChangeKind.REPLACE, written(action.this))
    elif isinstance(action, exp.ReplaceColumns | exp.Query):  # a query is that of ALTER VIEW … AS SELECT …
        yield _replaced(table, _outputs(action) if isinstance(action, exp.Query) else action.expressions, dialect)
    elif not isinstance(action, _KEPT_BY):
        yield _NOT_KNOWN


def _dropped(table: str, action: exp.Drop) -> Iterator[Found]:
    kind = action.args.get("kind")
    if kind in ("COLUMN", "COLUMNS"):
        listed = action.args.get("tables") or []
        columns = [name for one in listed for name in (one.expressions if isinstance(one, exp.Schema) else [one])]
        if not columns:
            yield _NOT_KNOWN
        for column in columns:
            yield SchemaChange(ChangeKind.DROP, table, column.name)
    elif kind not in _KEPT_WITHOUT:
        yield _NOT_KNOWN


def _added(table: str, action: exp.ColumnDef | exp.Schema, dialect: Dialect) -> Iterator[SchemaChange]:
    """The columns of `ADD COLUMN a …` and of `ADD (a …, b …)`; what else stands among them leaves every column as it is."""
    for one in action.expressions if isinstance(action, exp.Schema) else [action]:
        if isinstance(one, exp.ColumnDef):
            yield SchemaChange(ChangeKind.ADD, table, one.name, _type(one, dialect))


def _column(
    table: str, column: str, name: exp.Expr | None, type_: exp.Expr | None, dialect: Dialect
) -> Iterator[SchemaChange]:
    if name is not None and name.name != column:
        yield SchemaChange(ChangeKind.RENAME, table, column, name.name)
    elif type_ is not None:
        yield SchemaChange(ChangeKind.RETYPE, table, column, type_.sql(dialect=dialect))


def _of_drop(root: exp.Drop) -> Iterator[Found]:
    kind = root.args.get("kind")
    if kind in _TABLES:
        tables = root.args.get("tables") or []
        if not tables or not all(isinstance(one, exp.Table) for one in tables):
            yield _NOT_KNOWN
        yield from (SchemaChange(ChangeKind.DROP, written(one)) for one in tables if isinstance(one, exp.Table))
    elif kind in _WHOLE:
        yield f"it drops a whole {str(kind).lower()}, which is not looked into"
    elif kind not in _BESIDE or root.args.get("cascade"):
        yield _NOT_KNOWN


def _of_create(root: exp.Create, dialect: Dialect) -> Iterator[Found]:
    kind, again = root.args.get("kind"), root.args.get("replace")
    made = root.this.this if isinstance(root.this, exp.Schema) else root.this
    if kind in _TABLES and isinstance(made, exp.Table):
        if not root.args.get("exists"):
            yield _replaced(written(made), _made(root), dialect)
    elif kind in _WHOLE and again:
        yield f"it replaces a whole {str(kind).lower()}, which is not looked into"
    elif kind in _TABLES or (again and kind not in _BESIDE):
        yield _NOT_KNOWN


def _made(root: exp.Create) -> list[exp.Expr]:
    """The columns of what is made as definitions, names or values; empty where they cannot be told."""
    if isinstance(root.this, exp.Schema):
        kinds = (exp.ColumnDef, exp.Identifier, exp.Column)
        named: list[exp.Expr] = [one for one in root.this.expressions if isinstance(one, kinds)]
        if named:
            return named
    query = root.args.get("expression")
    return _outputs(query) if isinstance(query, exp.Query) else []


def _outputs(query: exp.Query) -> list[exp.Expr]:
    """Its select list; empty where a star or an expression without a name is among them."""
    outputs = query.selects
    return [] if any(one.is_star or not one.output_name for one in outputs) else list(outputs)


def _replaced(table: str, columns: Iterable[exp.Expr], dialect: Dialect) -> SchemaChange:
    members = list(columns)
    if not members:
        return SchemaChange(ChangeKind.REPLACE, table)
    types = tuple(_type(one, dialect) for one in members)
    return SchemaChange(
        ChangeKind.REPLACE,
        table,
        columns=tuple(one.name if isinstance(one, exp.ColumnDef) else one.output_name or one.name for one in members),
        types=types if any(types) else None,
    )


def _type(column: exp.Expr, dialect: Dialect) -> str | None:
    """The type that a definition states, or that a value is cast to; None where nothing says one."""
    value = column.unalias()
    kind = column.args.get("kind") if isinstance(column, exp.ColumnDef) else value.args.get("to")
    said = isinstance(column, exp.ColumnDef) or type(value) is exp.Cast
    return kind.sql(dialect=dialect) if said and isinstance(kind, exp.DataType) else None


def _renamed(root: exp.Execute) -> Iterator[SchemaChange]:
    """SQL Server's `sp_rename`; nothing for any other procedure."""
    if not isinstance(root.this, exp.Table) or root.this.name.lower() != "sp_rename":
        return
    words = [one.name for one in root.expressions if isinstance(one, exp.Literal)]
    if len(words) >= 3 and words[2].upper() == "COLUMN":
        table, _, column = words[0].rpartition(".")
        yield SchemaChange(ChangeKind.RENAME, table, column.strip("[]"), words[1])
    elif len(words) == 2:
        yield SchemaChange(ChangeKind.RENAME, words[0], to=words[1])


def written(table: exp.Table) -> str:
    """A table's name as it is written, parts in quotes where they must be."""
    return ".".join(
        part if part.replace("_", "").removeprefix("#").isalnum() else '"' + part.replace('"', '""') + '"'
        for part in name_parts(table)
    )
