"""Which reader a statement's tree goes to.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from services.lineage.sql.facts import TableKey
from services.lineage.sql.relation import origins
from services.lineage.sql.scope import Ctes, Env
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
        own = Env(env.traits, env.tables, env.query, _behind(node, ctes), given=ctes, rows=env.rows)
        inner = _read(node, own)
        env.elsewhere = env.elsewhere or own.elsewhere
        facts.writes.extend(inner.writes)
        facts.reads = tuple(dict.fromkeys((*facts.reads, *inner.reads)))
    for write in facts.writes if env.changes else ():  # a key that one statement makes and another takes
        used = [key for column in write.columns for key, _ in column.direct if key is not None and key != write.table]
        write.sources = tuple(dict.fromkeys((*write.sources, *used)))
        facts.reads = tuple(dict.fromkeys((*facts.reads, *used)))
    return facts


def _behind(node: exp.Expr, ctes: Ctes) -> dict[TableKey, None]:
    """The tables that a statement inside WITH reads by the names that are defined before it."""
    named = [ctes[name] for table in node.find_all(exp.Table) if not table.db and (name := table.name.lower()) in ctes]
    found = ((*origins(one.items), *(origin for origin, _ in one.indirect)) for one in named)
    return {key: None for keys in found for key, _ in keys if key is not None}


def _read(root: exp.Expr, env: Env) -> Facts:
    if isinstance(root, exp.LockingStatement):  # Teradata's LOCKING TABLE t FOR ACCESS SELECT …
        return _read(root.expression, env)
    for kind, read in READERS:
        if isinstance(root, kind):
            facts = read(root, env)
            add_output(root, facts, env)
            return facts
    return Facts(root.key.upper())
