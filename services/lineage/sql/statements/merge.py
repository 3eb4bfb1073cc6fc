"""MERGE: what each WHEN sets or inserts, from the source and the target.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql import pairs
from services.lineage.sql.expression import condition, reads
from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.query import with_ctes
from services.lineage.sql.relation import ALL, OutColumn, Relation
from services.lineage.sql.scope import Env, Scope, Source
from services.lineage.sql.sources import add_sources
from services.lineage.sql.statements.naming import read_for, written
from services.lineage.sql.statements.update import assignments, column_name
from services.lineage.sql.writes import CHANGE, Facts, Write


def read(node: exp.Expr, env: Env) -> Facts:
    """Which columns get what. What VALUES names without a table is the source's."""
    ctes = with_ctes(node, env, env.given)
    source_scope = Scope(env, ctes)
    indirect = add_sources(node.args["using"], source_scope)
    scope = Scope(env, ctes)
    scope.sources.extend(source_scope.sources)
    before = set(env.reads)
    if isinstance(node.this, exp.Table):
        indirect |= add_sources(node.this, scope)
    target = written(node.this, env)
    if target is not None and target not in before:
        env.reads.pop(target, None)
    pairs.note(node.args.get("on"), scope, pairs.INNER)
    indirect |= condition(node.args.get("on"), scope, Kind.JOIN)
    write = Write(target, how=CHANGE)
    whens = node.args.get("whens")
    for when in whens.expressions if whens is not None else ():
        indirect |= condition(when.args.get("condition"), scope, Kind.FILTER)
        then = when.args.get("then")
        if isinstance(then, exp.Update):
            _update(then, write, scope, source_scope.sources)
        elif isinstance(then, exp.Insert):
            _insert(then, write, source_scope, target)
        if isinstance(then, exp.Update | exp.Insert):
            indirect |= condition(then.args.get("where"), scope, Kind.FILTER)
    write.rows = indirect
    write.sources = read_for(env, target, own=target in before)
    return Facts("MERGE", [write], write.sources)


def _update(then: exp.Expr, write: Write, scope: Scope, sources: list[Source]) -> None:
    parts = then.args.get("expressions")
    parts = parts if isinstance(parts, list) else [parts]
    if any(isinstance(part, exp.Star) for part in parts):
        write.columns.extend(_all(sources))
    for name, value, _ in assignments(parts):
        direct, indirect = reads(value, scope)
        write.columns.append(OutColumn(column_name(name), direct, indirect))


def _insert(then: exp.Expr, write: Write, scope: Scope, target: TableKey | None) -> None:
    values = then.args.get("expression")
    if not isinstance(values, exp.Expr):
        write.columns.extend(_all(scope.sources))  # INSERT ROW, INSERT *
        return
    rows = values.expressions if isinstance(values, exp.Tuple | exp.Values) else [values]
    if rows and isinstance(rows[0], exp.Tuple):
        rows = rows[0].expressions
    names = [part.name for part in then.this.expressions] if isinstance(then.this, exp.Tuple | exp.Schema) else None
    if names is None and target is not None:
        names = list(scope.env.tables.columns(target) or ()) or None
    for at, value in enumerate(rows):
        direct, indirect = reads(value, scope)
        name = names[at] if names is not None and at < len(names) else value.name if isinstance(value, exp.Column) else ""
        if name:
            write.columns.append(OutColumn(name, direct, indirect))


def _all(sources: list[Source]) -> list[OutColumn]:
    """Every column of the source, each into the one that is called so."""
    relations: list[Relation] = [source.relation for source in sources]
    items = [item for relation in relations for item in relation.items]
    return [item if isinstance(item, OutColumn) else item.column(ALL) for item in items]
