"""Names in statements: the table that is written, the columns that are listed, the tables that were read for it.

Journey 3, step "SQL → edges": shared by the readers beside it.
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.facts import TableKey
from services.lineage.sql.scope import Env
from services.lineage.sql.table_names import name_parts, table_key


def written(node: exp.Expr | None, env: Env) -> TableKey | None:
    """The key of a table that is written; None where it has no name that can be told."""
    if isinstance(node, exp.Schema):
        node = node.this
    if not isinstance(node, exp.Table):
        return None
    if isinstance(node.this, exp.Literal):
        return env.tables.path(node.this.name)
    parts = list(name_parts(node))
    return table_key(parts, node, env) if parts else None


def listed(node: exp.Expr | None) -> list[str] | None:
    """The columns that stand in brackets behind a table's name; None where there are no such brackets."""
    if not isinstance(node, exp.Schema):
        return None
    columns = [part for part in node.expressions if isinstance(part, exp.ColumnDef | exp.Identifier | exp.Column)]
    return [part.name for part in columns] or None


def read_for(env: Env, target: TableKey | None, *, own: bool) -> tuple[TableKey, ...]:
    """The tables that were read; without the target itself where the statement changes it in place (`own` is False)."""
    return tuple(key for key in env.reads if own or key != target)
