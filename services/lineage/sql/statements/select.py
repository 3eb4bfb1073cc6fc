"""A bare query, and SELECT … INTO.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.query import read_query
from services.lineage.sql.scope import Env
from services.lineage.sql.statements.naming import written
from services.lineage.sql.writes import ANSWER, APPEND, CREATE, Facts, Write, mapped

_MOVING = {
    "swap_partitions_between_tables": (0, 3),
    "move_partitions_to_table": (0, 3),
    "copy_partitions_to_table": (0, 3),
    "copy_table": (0, 1),
}
"""Vertica's functions that move rows between tables whose names are their arguments: the places of source and target."""


def read(node: exp.Expr, env: Env) -> Facts:
    """A query: what it hands out, or the table that INTO makes of it."""
    moved = _moves(node, env)
    if moved is not None:
        return moved
    relation = read_query(node, env, env.given)
    into = _first(node).args.get("into")
    named = into.this if isinstance(into, exp.Expr) and env.keeps_into else None
    target = None if named is None or isinstance(named.this, exp.Parameter) else written(named, env)
    columns = mapped(relation, None, env)
    how = ANSWER if target is None else CREATE
    write = Write(target, columns, relation.indirect, tuple(env.reads), how, relation.closed)
    return Facts("SELECT" if target is None else "SELECT_INTO", [write], tuple(env.reads))


def _first(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.SetOperation | exp.Subquery):
        node = node.this
    return node


def _moves(node: exp.Expr, env: Env) -> Facts | None:
    call = node.expressions[0] if isinstance(node, exp.Select) and len(node.expressions) == 1 else None
    if not isinstance(call, exp.Anonymous) or call.name.lower() not in _MOVING or node.args.get("from_") is not None:
        return None
    source_at, target_at = _MOVING[call.name.lower()]
    texts = [part.name if isinstance(part, exp.Literal) else "" for part in call.expressions]
    if len(texts) <= target_at or not (texts[source_at] and texts[target_at]):
        return None
    source, target = (env.tables.key(texts[at].split(".")) for at in (source_at, target_at))
    return Facts("MOVE", [Write(target, sources=(source,), how=APPEND)], (source,))
