"""COPY, LOAD, UNLOAD and EXPORT: between tables and files or folders.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.query import read_query
from services.lineage.sql.relation import OutColumn, Relation
from services.lineage.sql.scope import Env
from services.lineage.sql.statements.naming import listed, read_for, written
from services.lineage.sql.table_names import table_relation
from services.lineage.sql.writes import APPEND, REPLACE, Facts, Write, mapped


def read(node: exp.Expr, env: Env) -> Facts:
    """COPY: into a table where the parser says so, else out of one or of a query."""
    files = [key for part in node.args.get("files") or () if (key := _file(part, env)) is not None]
    queries = [part for part in node.args.get("files") or () if isinstance(part, exp.Query)]
    if not node.args.get("kind"):
        return unloaded(node.this, files, env)
    target = written(node.this, env)
    if target is None:
        return Facts("COPY")
    names = listed(node.this)
    for part in node.args.get("files") or ():
        table = part if isinstance(part, exp.Table) else None
        if table is not None and isinstance(table.this, exp.Identifier) and (key := written(table, env)) is not None:
            return _copied(target, table_relation(key, env), (key,), names, env)
    if queries:
        relation = read_query(queries[0], env, {})
        return _copied(target, relation, tuple(env.reads), names, env)
    return Facts("COPY", [Write(target, sources=tuple(files), how=APPEND)], tuple(files))


def read_export(node: exp.Expr, env: Env) -> Facts:
    """BigQuery's EXPORT DATA OPTIONS (uri = '…') AS SELECT …."""
    options = node.args.get("options")
    texts = options.find_all(exp.Literal) if isinstance(options, exp.Expr) else ()
    files = [env.tables.path(text.name) for text in texts if "://" in text.name]
    return unloaded(node.this, files, env, "EXPORT")


def read_load(node: exp.Expr, env: Env) -> Facts:
    """Hive's LOAD DATA INPATH, BigQuery's LOAD DATA … FROM FILES."""
    target = written(node.this, env)
    path = node.args.get("inpath")
    files = [env.tables.path(path.name)] if isinstance(path, exp.Literal) else []
    files.extend(
        env.tables.path(part.name)
        for clause in (node.args.get("files"),)
        if isinstance(clause, exp.Expr)
        for part in clause.find_all(exp.Literal)
        if "/" in part.name
    )
    if target is None:
        return Facts("LOAD")
    how = REPLACE if node.args.get("overwrite") else APPEND
    return Facts("LOAD", [Write(target, sources=tuple(files), how=how)], tuple(files))


def unloaded(source: exp.Expr, files: list[TableKey], env: Env, kind: str = "COPY") -> Facts:
    """A table or a query into files."""
    if isinstance(source, exp.Query):
        relation = read_query(source, env, {})
    else:
        key = written(source, env)
        if key is None:
            return Facts(kind)
        env.reads.setdefault(key)
        relation = _chosen(table_relation(key, env), listed(source), key)
    reads = read_for(env, None, own=True)
    columns = mapped(relation, None, env)
    return Facts(kind, [Write(file, columns, relation.indirect, reads, REPLACE) for file in files], reads)


def _copied(target: TableKey, relation: Relation, reads: tuple[TableKey, ...], names: list[str] | None, env: Env) -> Facts:
    names = names or list(env.tables.columns(target) or ()) or None
    return Facts("COPY", [Write(target, mapped(relation, names, env), relation.indirect, reads)], reads)


def _chosen(relation: Relation, names: list[str] | None, key: TableKey) -> Relation:
    if not names:
        return relation
    found = []
    for name in names:
        column = relation.find(name.lower())
        star = relation.star_for(name.lower())
        made = column or (star.column(name.lower()) if star is not None else OutColumn(name))
        found.append(OutColumn(name, made.direct or {(key, name.lower()): Kind.IDENTITY}, made.indirect))
    return Relation(found)


def _file(part: exp.Expr, env: Env) -> TableKey | None:
    if isinstance(part, exp.Literal):
        return env.tables.path(part.name)
    if isinstance(part, exp.Table) and isinstance(part.this, exp.Literal | exp.Var):
        return env.tables.path(part.this.name)
    return None
