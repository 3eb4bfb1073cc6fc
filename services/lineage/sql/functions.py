"""Functions in FROM that give rows: of an array, of files, of a query in brackets, of another table.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from services.lineage.sql.expression import condition, reads
from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.known import split_name
from services.lineage.sql.relation import Direct, Indirect, Item, OutColumn, Relation, Star, add, as_kind
from services.lineage.sql.scope import Scope, Source, star_of
from services.lineage.sql.table_names import alias_of, name_parts, renamed, table_key, table_relation

_READING = re.compile(r"^(?:read\w+|\w+_scan|s3|gcs|hdfs|url|file|azureblobstorage|openrowset|cloud_files)$")
"""Functions that read files whose names are their arguments."""
_ELSEWHERE = frozenset({"external_query", "openquery", "dblink", "postgres_query", "mysql_query", "remote_query"})
"""Functions of BigQuery, T-SQL, PostgreSQL, DuckDB and Databricks that send a query to another system and give its rows."""
_WINDOWS = frozenset({"tumble", "hop", "cumulate", "session"})
_WINDOW_COLUMNS = ("window_start", "window_end", "window_time")
_FORWARDING = {"remote": 1, "remotesecure": 1, "cluster": 1, "clusterallreplicas": 1}
"""ClickHouse's functions that read a table, whose name is the argument at this place or those from there on."""


def table_function(node: exp.Expr, scope: Scope) -> Source:
    """A function that gives rows; every column of it reads its arguments."""
    inner = node.this if isinstance(node, exp.Table | exp.TableFromRows | exp.Lateral) else node
    if isinstance(inner, exp.Subquery) or (inner is not None and isinstance(inner, exp.Query)):
        relation = scope.env.query(inner, scope.env, scope.ctes, scope)
        return Source(alias_of(node), renamed(relation, node.args.get("alias")))
    parts = [inner] if inner is not None else list(node.expressions)
    if _asks_elsewhere(inner):
        scope.env.elsewhere = True
        return Source(alias_of(node), renamed(Relation([Star()]), node.args.get("alias")))
    named = _named_table(node, inner, scope)
    if named is not None:
        scope.env.reads.setdefault(named)
        return Source(alias_of(node), renamed(table_relation(named, scope.env), node.args.get("alias")), named)
    windowed = _windowed(inner, scope)
    if windowed is not None:
        return Source(alias_of(node), renamed(windowed, node.args.get("alias")))
    direct: Direct = {}
    indirect: Indirect = set()
    for part in parts:
        found, besides = reads(part, scope, Kind.TRANSFORMATION)
        add(direct, found.items())
        indirect |= besides
    _read_tables(parts, scope)
    files = [scope.env.tables.path(name) for part in parts for name in _files(part)]
    for file in files:
        scope.env.reads.setdefault(file)
    if len(files) == 1 and not direct:
        return Source(alias_of(node), renamed(Relation([star_of(files[0])]), node.args.get("alias")), files[0])
    # how long an array is decides how often the row beside it comes
    return Source(alias_of(node), Relation(given_columns(node, direct), as_kind(direct, indirect, Kind.JOIN)))


def _asks_elsewhere(call: object) -> bool:
    """Whether another system runs what a function is given; OPENROWSET also reads files, then its second argument is no text."""
    if not isinstance(call, exp.Anonymous):
        return False
    name = call.name.lower()
    texts = [isinstance(one, exp.Literal) and one.is_string for one in call.expressions[:2]]
    return name in _ELSEWHERE or (name == "openrowset" and texts == [True, True])


def _named_table(node: exp.Expr, inner: object, scope: Scope) -> TableKey | None:
    """The table that is all there is: Snowflake's TABLE('t'), ClickHouse's remote('host', d, t) and cluster('c', d.t)."""
    if isinstance(node, exp.TableFromRows) and isinstance(inner, exp.Literal):
        return scope.env.tables.key(split_name(inner.name))
    if not isinstance(inner, exp.Anonymous) or inner.name.lower() not in _FORWARDING:
        return None
    arguments = inner.expressions[_FORWARDING[inner.name.lower()] :][:2]
    parts = [part for one in arguments for part in _parts(one)]
    return scope.env.tables.key(parts[:2]) if parts else None


def _windowed(call: object, scope: Scope) -> Relation | None:
    """TUMBLE(TABLE t, DESCRIPTOR(time), …) and its like: the rows of `t`, each with the window that its time falls into."""
    if isinstance(call, exp.Anonymous) and call.name.upper() == "TABLE" and len(call.expressions) == 1:
        call = call.expressions[0]
    if not isinstance(call, exp.Anonymous) or call.name.lower() not in _WINDOWS:
        return None
    arguments = [one.expression if isinstance(one, exp.Kwarg | exp.PropertyEQ) else one for one in call.expressions]
    query = next((one for one in arguments if isinstance(one, exp.Query)), None)
    if query is None:
        return None
    relation = scope.env.query(query, scope.env, scope.ctes, scope)
    inner = Scope(scope.env, scope.ctes)
    inner.sources.append(Source("", relation))
    time = next((one for one in arguments if isinstance(one, exp.Anonymous) and one.name.upper() == "DESCRIPTOR"), None)
    direct, _ = reads(time, inner, Kind.TRANSFORMATION) if time is not None else ({}, set())
    return Relation([*relation.items, *(OutColumn(name, dict(direct)) for name in _WINDOW_COLUMNS)], relation.indirect)


def _parts(argument: exp.Expr) -> list[str]:
    if isinstance(argument, exp.Column):
        return [part.name for part in argument.parts]
    return split_name(argument.name) if isinstance(argument, exp.Literal) else []


def _files(part: exp.Expr) -> Iterator[str]:
    """The files that a function reads: those of its texts that look like a path."""
    name = part.name.lower() if isinstance(part, exp.Anonymous) else part.key
    if isinstance(part, exp.Func) and _READING.match(name):
        for text in part.find_all(exp.Literal):
            if text.is_string and re.search(r"[/\\.]", text.name):
                yield text.name


def _read_tables(parts: list[exp.Expr], scope: Scope) -> None:
    """Tables that are arguments: `TABLE(f(TABLE t))`, `ML.PREDICT(MODEL m, TABLE t)`, `f(input => TABLE(t))`."""
    for part in parts:
        around = part.find_ancestor(exp.Select)
        for table in part.find_all(exp.Table):
            if not isinstance(table.this, exp.Func | exp.Null) and table.find_ancestor(exp.Select) is around:
                names = list(name_parts(table))
                if names and (len(names) > 1 or names[0].lower() not in scope.ctes):
                    scope.env.reads.setdefault(table_key(names, table, scope.env))


def semantic_view(node: exp.Expr, scope: Scope) -> Source:
    """Snowflake's SEMANTIC_VIEW(v METRICS … DIMENSIONS …): the view's columns that it names."""
    clause, alias = node.this, node.args.get("alias")
    key = table_key(list(name_parts(clause.this)), clause.this, scope.env)
    scope.env.reads.setdefault(key)
    inner = Scope(scope.env, scope.ctes)
    inner.sources.append(Source("", Relation([star_of(key)]), key))
    items: list[Item] = []
    for kind in ("dimensions", "facts", "metrics"):
        for part in clause.args.get(kind) or ():
            plain = exp.column(part.name) if isinstance(part, exp.Column) else part
            items.append(OutColumn(part.alias_or_name, *reads(_of_view(plain), inner)))
    where = clause.args.get("where")
    indirect = condition(_of_view(where), inner, Kind.FILTER) if isinstance(where, exp.Expr) else set()
    return Source(alias_of(node), renamed(Relation(items, indirect), alias), key)


def _of_view(part: exp.Expr) -> exp.Expr:
    """With columns that are named by the view's logical tables as columns of the view."""
    return part.copy().transform(lambda one: exp.column(one.name) if isinstance(one, exp.Column) else one)


def given_columns(node: exp.Expr, direct: Direct) -> list[Item]:
    """The columns that an alias names, each of which reads all that the function reads; `*` where it names none."""
    alias = node.args.get("alias")
    names = [name.name for name in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    items: list[Item] = [OutColumn(name, dict(direct)) for name in names]
    offset = node.args.get("offset")
    if isinstance(offset, exp.Identifier):
        items.append(OutColumn(offset.name))
    if not names:
        if alias is not None and alias.name:
            items.append(OutColumn(alias.name, dict(direct)))
        items.append(Star(given=dict(direct), kind=Kind.TRANSFORMATION))
    return items
