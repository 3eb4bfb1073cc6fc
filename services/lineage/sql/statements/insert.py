"""INSERT from a query or from rows, into one table, several, or a folder.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from services.lineage.sql.expression import condition, reads
from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.query import read_query, with_ctes
from services.lineage.sql.relation import Indirect, OutColumn, Relation
from services.lineage.sql.scope import Ctes, Env, Scope, Source
from services.lineage.sql.sources import add_join, add_sources, rows_of
from services.lineage.sql.statements.naming import listed, read_for, written
from services.lineage.sql.statements.update import assignments, column_name
from services.lineage.sql.writes import APPEND, REPLACE, Facts, Write, mapped


def read(node: exp.Expr, env: Env) -> Facts:
    """One INSERT."""
    return Facts("INSERT", [_write(node, env, with_ctes(node, env, env.given))], tuple(env.reads))


def read_many(node: exp.Expr, env: Env) -> Facts:
    """Several targets of one source: Hive's FROM … INSERT … INSERT, INSERT ALL and INSERT FIRST of Oracle and Snowflake."""
    ctes = with_ctes(node, env, env.given)
    source = node.args.get("source")
    facts = Facts("INSERT")
    inserts = [part.this if isinstance(part, exp.ConditionalInsert) else part for part in node.expressions]
    if isinstance(source, exp.Subquery) and any(isinstance(part, exp.ConditionalInsert) for part in node.expressions):
        source = source.this
    if isinstance(source, exp.Query) and not isinstance(source, exp.Subquery):
        relation = read_query(source, env, ctes)
        scope = Scope(env, ctes)
        scope.sources.append(Source("", relation))
        for insert, rows in zip(inserts, _conditions(node, scope), strict=True):
            write = _from_rows(insert, relation, scope)
            if write is not None:
                write.rows |= rows
                facts.writes.append(write)
    else:
        facts.writes = [_write(_with_source(insert, source), env, ctes) for insert in inserts]
    for write in facts.writes:
        write.sources = tuple(env.reads)
    facts.reads = tuple(env.reads)
    return facts


def _conditions(node: exp.Expr, scope: Scope) -> Iterator[Indirect]:
    """What decides which rows each target gets: its WHEN, with FIRST those before it, and all of them for ELSE."""
    is_first = str(node.args.get("kind") or "").upper() == "FIRST"
    before: Indirect = set()
    own: Indirect = set()
    for part in node.expressions:
        said = part.args.get("expression") if isinstance(part, exp.ConditionalInsert) else None
        if isinstance(said, exp.Expr):
            found = condition(said, scope, Kind.FILTER)
            own = found | before if is_first else found
            before = before | found
        elif part.args.get("else_"):
            own = before
        yield own


def _with_source(insert: exp.Expr, source: exp.Expr | None) -> exp.Expr:
    query = insert.args.get("expression")
    if isinstance(query, exp.Select) and query.args.get("from_") is None and source is not None:
        query.set("from_", exp.From(this=source.copy()))
    return insert


def _from_rows(insert: exp.Expr, relation: Relation, scope: Scope) -> Write | None:
    target = written(insert.this, scope.env)
    if target is None:
        return None
    rows = insert.args.get("expression")
    given = _called(rows_of(rows, scope), rows) if isinstance(rows, exp.Values) else relation
    columns = mapped(given, _names(insert, target, given, scope.env), scope.env)
    return Write(target, columns, relation.indirect | given.indirect)


def _called(relation: Relation, rows: exp.Values) -> Relation:
    """With the names of the columns that VALUES lists, for a table whose own nobody knows."""
    first = rows.expressions[0] if rows.expressions else None
    for column, value in zip(relation.columns, first.expressions if isinstance(first, exp.Tuple) else (), strict=False):
        if isinstance(value, exp.Column):
            column.name, column.named = value.name, True
    return relation


def _write(node: exp.Expr, env: Env, ctes: Ctes) -> Write:
    target = written(node.this, env) or _elsewhere(node, env)
    query = node.args.get("expression") or node.args.get("source") or None
    relation = Relation() if query is None else _given(query, env, ctes)
    names = _names(node, target, relation, env) if target is not None else None
    columns = mapped(relation, names, env, own_names=bool(node.args.get("by_name")))
    how = REPLACE if node.args.get("overwrite") else APPEND
    write = Write(target, columns, set(relation.indirect), how=how, closed=relation.closed)
    _on_conflict(node, write, env, ctes)
    write.sources = read_for(env, target, own=True)
    return write


def _given(query: exp.Expr, env: Env, ctes: Ctes) -> Relation:
    if isinstance(query, exp.Values):
        scope = Scope(env, with_ctes(query, env, ctes))
        return rows_of(query, scope)
    return read_query(query, env, ctes)


def _elsewhere(node: exp.Expr, env: Env) -> TableKey | None:
    """INSERT OVERWRITE DIRECTORY 'path', INSERT INTO FUNCTION s3('path')."""
    this = node.this
    if isinstance(this, exp.Directory):
        return env.tables.path(this.this.name)
    if isinstance(this, exp.Func):
        text = next((part.name for part in this.find_all(exp.Literal) if part.is_string), None)
        return env.tables.path(text) if text else None
    return None


def _names(node: exp.Expr, target: TableKey, relation: Relation, env: Env) -> list[str] | None:
    """The columns that are filled, in order: as listed, else as known, without partitions that the statement sets."""
    names = listed(node.this)
    if names is not None:
        return names
    known = env.tables.columns(target)
    if known is None or "*" in known:
        return None
    fixed, open_ones = _partitions(node)
    left = [name for name in known if name.lower() not in fixed and name.lower() not in open_ones]
    left.extend(name for name in known if name.lower() in open_ones)
    return left if not relation.closed or len(relation.items) <= len(left) else None


def _partitions(node: exp.Expr) -> tuple[set[str], set[str]]:
    """The partition columns with a value, and those that the query fills: PARTITION (a = 1, b)."""
    table = node.this.this if isinstance(node.this, exp.Schema) else node.this
    clause = table.args.get("partition") if isinstance(table, exp.Table) else None
    clause = clause or node.args.get("partition")
    parts = clause.expressions if isinstance(clause, exp.Expr) else []
    fixed = {part.this.name.lower() for part in parts if isinstance(part, exp.EQ)}
    return fixed, {part.name.lower() for part in parts if isinstance(part, exp.Column | exp.Identifier)}


def _on_conflict(node: exp.Expr, write: Write, env: Env, ctes: Ctes) -> None:
    """ON CONFLICT DO UPDATE and ON DUPLICATE KEY UPDATE: what is set, from the new row, the old one, and the query's tables.

    A WHERE there decides about what is set alone: the row comes in any case.
    """
    clause = node.args.get("conflict")
    if write.table is None or clause is None or not clause.expressions:
        return
    own = dict(env.reads)
    scope = _conflict_scope(node, write, env, ctes)
    if write.table not in own:
        env.reads.pop(write.table, None)
    rows = condition(clause.args.get("where"), scope, Kind.FILTER)
    for name, value, _ in assignments(clause.expressions):
        direct, indirect = reads(value.transform(_new_value) if clause.args.get("duplicate") else value, scope)
        direct = {origin: kind for origin, kind in direct.items() if origin[0] is not None}
        write.columns.append(OutColumn(column_name(name), direct, indirect | rows))


def _conflict_scope(node: exp.Expr, write: Write, env: Env, ctes: Ctes) -> Scope:
    """The old row first, then the tables of the query, which MySQL lets the clause name, then the new row by its names."""
    new_row = Scope(env, ctes)
    new = Relation(list(write.columns))
    new_row.sources.extend([Source("excluded", new), Source("new", new), Source("inserted", new)])
    around = new_row
    query = node.args.get("expression")
    if node.args["conflict"].args.get("duplicate") and isinstance(query, exp.Select):
        around = Scope(env, with_ctes(query, env, ctes), new_row)
        clause = query.args.get("from_")
        if clause is not None:
            add_sources(clause.this, around)
        for join in query.args.get("joins") or ():
            add_join(join, around)
    scope = Scope(env, ctes, around)
    add_sources(node.this.this if isinstance(node.this, exp.Schema) else node.this, scope)
    return scope


def _new_value(part: exp.Expr) -> exp.Expr:
    """MySQL's VALUES(c) is the new row's `c`."""
    if isinstance(part, exp.Anonymous) and part.name.upper() == "VALUES" and len(part.expressions) == 1:
        return exp.column(part.expressions[0].name, table="excluded")
    return part
