"""UPDATE, alone, from other tables, or over a join.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from services.lineage.sql import pairs
from services.lineage.sql.expression import condition, reads
from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.query import read_query, with_ctes
from services.lineage.sql.relation import OutColumn, origins
from services.lineage.sql.scope import Env, Scope
from services.lineage.sql.sources import add_join, add_sources
from services.lineage.sql.statements.naming import read_for, written
from services.lineage.sql.writes import CHANGE, Facts, Write


def read(node: exp.Expr, env: Env) -> Facts:
    """Which columns are set from what. The table itself is no source of its own."""
    scope = Scope(env, with_ctes(node, env, env.given))
    indirect, target = targeted(node, scope)
    for join in node.args.get("joins") or ():
        indirect |= add_join(join, scope)
    writes: dict[TableKey | None, Write] = {}
    for name, value, at in assignments(node.expressions):
        table = _of(name, scope) or target
        write = writes.setdefault(table, Write(table, how=CHANGE))
        write.columns.append(_set(name, value, at, scope))
    if not writes:
        writes[target] = Write(target, how=CHANGE)
    pairs.note(node.args.get("where"), scope, pairs.INNER)
    indirect |= condition(node.args.get("where"), scope, Kind.FILTER)
    for table, write in writes.items():
        write.rows = indirect
        write.sources = read_for(env, table, own=False)
    return Facts("UPDATE", list(writes.values()), read_for(env, target, own=False))


def targeted(node: exp.Expr, scope: Scope) -> tuple[set[tuple[tuple[TableKey | None, str], Kind]], TableKey | None]:
    """Put the table that is changed and those of FROM into the scope; T-SQL names the first by an alias of the second."""
    clause = node.args.get("from_")
    found: set[tuple[tuple[TableKey | None, str], Kind]] = set()
    members = [clause.this] if isinstance(clause, exp.From) else []
    members.extend(node.args.get("using") or ())
    for member in members:
        found |= add_sources(member, scope)
    name = node.this.name.lower() if isinstance(node.this, exp.Table) else ""
    plain = isinstance(node.this, exp.Table) and node.this.args.get("db") is None
    alias = next((source for source in scope.sources if plain and source.alias == name and source.table), None)
    if alias is not None:
        return found, alias.table
    target = written(node.this, scope.env)
    if plain and name in scope.ctes:
        return found | add_sources(node.this, scope), _behind(name, scope) or target
    if isinstance(node.this, exp.Table):
        found |= add_sources(node.this, scope)
    return found, target


def _behind(name: str, scope: Scope) -> TableKey | None:
    """The one table that a WITH is made from: T-SQL changes it by the name of the WITH."""
    tables = {origin[0] for origin in origins(scope.ctes[name].items)}
    return tables.pop() if len(tables) == 1 else None


def assignments(parts: list[exp.Expr]) -> Iterator[tuple[exp.Expr, exp.Expr, int | None]]:
    """Pairs of a column and its value; a list of columns set by one query gives its place in that."""
    for part in parts:
        if not isinstance(part, exp.EQ | exp.PropertyEQ):
            continue
        if isinstance(part.this, exp.Parameter):  # T-SQL: SET @v = a, SET @v = column = a
            yield from assignments([part.expression])
            continue
        left = part.this.this if isinstance(part.this, exp.Paren) else part.this
        if not isinstance(left, exp.Tuple):
            yield left, part.expression, None
            continue
        right = part.expression
        values = right.expressions if isinstance(right, exp.Tuple) else []
        for at, name in enumerate(left.expressions):
            yield (name, values[at], None) if at < len(values) else (name, right, at)


def _set(name: exp.Expr, value: exp.Expr, at: int | None, scope: Scope) -> OutColumn:
    column = column_name(name)
    if at is not None and isinstance(value, exp.Query):
        relation = read_query(value, scope.env, scope.ctes, scope)
        if relation.closed and at < len(relation.items):
            found = relation.columns[at]
            return OutColumn(column, found.direct, found.indirect | relation.indirect)
    direct, indirect = reads(value, scope)
    return OutColumn(column, direct, indirect)


def column_name(node: exp.Expr) -> str:
    """The column that is set; of `a.b.c` the last part, and of an element or a field the column that has it."""
    while isinstance(node, exp.Bracket | exp.Dot):
        node = node.this
    return node.name


def _of(name: exp.Expr, scope: Scope) -> TableKey | None:
    """Whose column it is, where an UPDATE over a join names several tables."""
    if not isinstance(name, exp.Column) or name.args.get("table") is None:
        return None
    source = scope.source((name.args["table"].name.lower(),))
    return source.table if source is not None and source.table else None
