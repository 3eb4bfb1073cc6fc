"""DELETE and TRUNCATE: other tables decide which rows stay.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql import pairs
from services.lineage.sql.expression import condition
from services.lineage.sql.facts import Kind
from services.lineage.sql.query import with_ctes
from services.lineage.sql.relation import ALL, OutColumn
from services.lineage.sql.scope import Env, Scope
from services.lineage.sql.sources import add_sources
from services.lineage.sql.statements.naming import read_for, written
from services.lineage.sql.statements.update import targeted
from services.lineage.sql.writes import CHANGE, Facts, Write


def read(node: exp.Expr, env: Env) -> Facts:
    """Rows go; what decides which is read for it, the table itself left out."""
    scope = Scope(env, with_ctes(node, env, env.given))
    indirect, target = targeted(node, scope)
    named = [table for table in node.args.get("tables") or () if isinstance(table, exp.Table)]
    targets = []
    for table in named:
        source = scope.source((table.name.lower(),)) if table.args.get("db") is None else None
        key = source.table if source is not None and source.table else written(table, env)
        if all(
            one.table != key for one in scope.sources
        ):  # T-SQL: a table that FROM does not name stands beside those it names
            indirect |= add_sources(table, scope)
        targets.append(key)
    pairs.note(node.args.get("where"), scope, pairs.INNER)
    indirect |= condition(node.args.get("where"), scope, Kind.FILTER)
    writes = [
        Write(one, [OutColumn(ALL)], indirect, read_for(env, one, own=False), CHANGE)
        for one in dict.fromkeys(targets or [target])
        if one is not None
    ]
    used = dict.fromkeys(key for write in writes for key in write.sources)
    return Facts("DELETE", writes, tuple(used) if writes else read_for(env, target, own=False))


def read_truncate(node: exp.Expr, env: Env) -> Facts:
    """All rows go."""
    targets = [] if node.args.get("is_database") else [written(table, env) for table in node.expressions]
    return Facts("TRUNCATE", [Write(one, how=CHANGE) for one in targets if one is not None])
