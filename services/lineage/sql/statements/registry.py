"""Which reader a statement's tree goes to.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from services.lineage.sql.scope import Env
from services.lineage.sql.statements import alter, copy, create, delete, insert, merge, other, select, update
from services.lineage.sql.statements.output import add_output
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
    """What one statement does to tables, with those inside its WITH; nothing where its kind moves no data."""
    facts = _read(root, env)
    for node, ctes in env.changes:
        inner = _read(node, Env(env.traits, env.tables, env.query, given=ctes))
        facts.writes.extend(inner.writes)
        facts.reads = tuple(dict.fromkeys((*facts.reads, *inner.reads)))
    return facts


def _read(root: exp.Expr, env: Env) -> Facts:
    if isinstance(root, exp.LockingStatement):  # Teradata's LOCKING TABLE t FOR ACCESS SELECT …
        return _read(root.expression, env)
    for kind, read in READERS:
        if isinstance(root, kind):
            facts = read(root, env)
            add_output(root, facts, env)
            return facts
    return Facts(root.key.upper())
