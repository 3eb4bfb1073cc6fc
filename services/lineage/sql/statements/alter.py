"""ALTER, RENAME, SWAP, DROP: tables that get another name, another content, other columns, or go.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.relation import ALL, OutColumn
from services.lineage.sql.scope import Env
from services.lineage.sql.statements.naming import written
from services.lineage.sql.writes import CHANGE, REPLACE, Facts, Write


def read(node: exp.Expr, env: Env) -> Facts:
    """ALTER TABLE: a rename moves a name, a swap moves content, anything else changes the table."""
    target = written(node.this, env)
    if target is None or str(node.args.get("kind") or "").upper() not in ("TABLE", "VIEW"):
        return Facts("ALTER")
    for action in node.args.get("actions") or ():
        if isinstance(action, exp.AlterRename):
            new = written(_beside(node.this, action.this), env)
            return Facts("RENAME", renamed=[(target, new)] if new is not None else [])
        if isinstance(action, exp.SwapTable):
            other = written(action.this, env)
            return swap(target, other, "SWAP") if other is not None else Facts("SWAP")
        if isinstance(action, exp.ReplacePartition) and (source := written(action.args.get("source"), env)) is not None:
            facts = swap(target, source, "SWAP")
            facts.swapped = None
            return facts
    return Facts("ALTER_TABLE", [Write(target, how=CHANGE)])


def swap(target: TableKey, source: TableKey, kind: str) -> Facts:
    """The content of `source` gets into `target`, and what was there gets into `source`."""
    column = OutColumn(ALL, {(source, ALL): Kind.IDENTITY})
    facts = Facts(kind, [Write(target, [column], sources=(source,), how=REPLACE, closed=False)], (source,))
    facts.swapped = (target, source)
    return facts


def read_drop(node: exp.Expr, env: Env) -> Facts:
    """DROP TABLE and VIEW."""
    kind = str(node.args.get("kind") or "").upper()
    if kind not in ("TABLE", "VIEW"):
        return Facts("DROP")
    tables = [node.this, *(node.args.get("tables") or ()), *node.expressions]
    dropped = [key for table in tables if (key := written(table, env)) is not None]
    return Facts(
        f"DROP_{kind}", dropped=list(dict.fromkeys(dropped)), views=kind == "VIEW" or bool(node.args.get("materialized"))
    )


def _beside(old: exp.Expr, new: exp.Expr) -> exp.Expr:
    """The new name of a table stays in the schema of the old one where it names none."""
    if isinstance(old, exp.Table) and isinstance(new, exp.Table) and new.args.get("db") is None:
        new = new.copy()
        for key in ("db", "catalog"):
            part = old.args.get(key)
            if part is not None:
                new.set(key, part.copy())
    return new
