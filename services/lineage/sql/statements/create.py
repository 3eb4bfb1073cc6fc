"""CREATE TABLE and VIEW: from a query, like another table, as its clone, or with columns written out.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.facts import TableKey
from services.lineage.sql.query import read_query, with_ctes
from services.lineage.sql.relation import ALL, OutColumn, Relation
from services.lineage.sql.scope import Env
from services.lineage.sql.statements.naming import listed, read_for, written
from services.lineage.sql.table_names import table_relation
from services.lineage.sql.writes import CACHE, CREATE, Facts, Write, mapped

_MAKES = ("TABLE", "VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "STREAM", "SYNONYM", "EXTERNAL TABLE")


def read(node: exp.Expr, env: Env) -> Facts:
    """What is made, and from what."""
    kind = str(node.args.get("kind") or "").upper()
    if (
        kind == "MODEL" and (training := _query(node)) is not None
    ):  # BigQuery's models are no tables, what they learn from is
        read_query(training, env, {})
        return Facts("CREATE_MODEL", reads=tuple(env.reads))
    if kind not in _MAKES:
        return Facts(f"CREATE_{kind.replace(' ', '_')}" if kind else "CREATE")
    target = written(node.this, env)
    facts = Facts("CREATE_VIEW" if "VIEW" in kind else "CREATE_TABLE")
    if target is None:
        return facts
    query = _query(node)
    if query is not None:
        ctes = with_ctes(node, env, {})
        relation = read_query(query, env, ctes)
        columns = mapped(relation, listed(node.this), env)
        facts.writes.append(
            Write(target, columns, relation.indirect, read_for(env, target, own=True), CREATE, relation.closed)
        )
        facts.writes.extend(_fed(node, columns, relation, env))
    else:
        facts.writes.append(_without_query(node, target, env))
    facts.reads = tuple(env.reads)
    return facts


def read_cache(node: exp.Expr, env: Env) -> Facts:
    """Spark's CACHE TABLE: a name for a query's result until the session ends. Nothing is moved before it is used."""
    target = written(node.this, env)
    query = node.args.get("expression")
    if target is None or not isinstance(query, exp.Query):
        return Facts("CACHE")
    relation = read_query(query, env, {})
    columns = mapped(relation, None, env)
    return Facts("CACHE", [Write(target, columns, relation.indirect, tuple(env.reads), CACHE, relation.closed)])


def _query(node: exp.Expr) -> exp.Expr | None:
    query = node.args.get("expression")
    return query if isinstance(query, exp.Query | exp.Values | exp.Table | exp.Pivot) else None


def _fed(node: exp.Expr, columns: list[OutColumn], relation: Relation, env: Env) -> list[Write]:
    """ClickHouse's `CREATE MATERIALIZED VIEW mv TO t AS …`: what is selected goes into `t`."""
    properties = node.args.get("properties")
    found = []
    for one in properties.expressions if properties is not None else ():
        if isinstance(one, exp.ToTableProperty):
            target = written(one.this, env)
            if target is not None:
                found.append(Write(target, columns, relation.indirect, tuple(env.reads), closed=relation.closed))
    return found


def _without_query(node: exp.Expr, target: TableKey, env: Env) -> Write:
    model = _model(node)
    source = written(model, env)
    if source is not None:
        env.reads.setdefault(source)
        relation = table_relation(source, env)
        columns = [item if isinstance(item, OutColumn) else item.column(ALL) for item in relation.items]
        return Write(target, columns, set(), (source,), CREATE, relation.closed)
    names = listed(node.this)
    return Write(target, [OutColumn(name) for name in names or ()], how=CREATE, closed=bool(names))


def _model(node: exp.Expr) -> exp.Expr | None:
    """The table that LIKE or CLONE names."""
    clone = node.args.get("clone")
    if isinstance(clone, exp.Clone):
        found: exp.Expr = clone.this
        return found
    properties = node.args.get("properties")
    parts = list(properties.expressions) if properties is not None else []
    if isinstance(node.this, exp.Schema):
        parts.extend(node.this.expressions)
    for part in parts:
        if isinstance(part, exp.LikeProperty):
            model: exp.Expr = part.this
            return model
    return None
