"""Which reader a statement's tree goes to.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from services.lineage.sql.scope import Env
from services.lineage.sql.statements import alter, copy, create, delete, insert, merge, other, select, update
from services.lineage.sql.writes import Facts

READERS: tuple[tuple[type[exp.Expr], Callable[[exp.Expr, Env], Facts]], ...] = (
    (exp.Select, select.read),
    (exp.Insert, insert.read),
    (exp.MultitableInserts, insert.read_many),
    (exp.Create, create.read),
    (exp.Update, update.read),
    (exp.Merge, merge.read),
    (exp.Delete, delete.read),
    (exp.Copy, copy.read),
    (exp.LoadData, copy.read_load),
    (exp.Export, copy.read_export),
    (exp.Drop, alter.read_drop),
    (exp.Alter, alter.read),
    (exp.TruncateTable, delete.read_truncate),
    (exp.Cache, create.read_cache),
    (exp.Use, other.read_use),
    (exp.Command, other.read_command),
    (exp.Query, select.read),
    (exp.Values, select.read),
    (exp.Pivot, select.read),
)
"""In order: the first that fits reads it."""


def read_statement(root: exp.Expr, env: Env) -> Facts:
    """What one statement does to tables; nothing where its kind moves no data."""
    for kind, read in READERS:
        if isinstance(root, kind):
            return read(root, env)
    return Facts(root.key.upper())
