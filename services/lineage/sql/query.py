"""A query of any kind: WITH, brackets, set operations, rows of values, SELECT.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.expression import condition
from services.lineage.sql.facts import Kind
from services.lineage.sql.pivot import pivoted
from services.lineage.sql.relation import Indirect, Item, OutColumn, Relation, Star, add, as_kind, origins
from services.lineage.sql.scope import SCALAR, Ctes, Env, Scope, Source
from services.lineage.sql.select import read_select
from services.lineage.sql.sources import add_sources, rows_of
from services.lineage.sql.stars import expanded
from services.lineage.sql.table_names import name_parts, renamed, table_key, table_relation

_ROUNDS = 3
"""Of a recursive query: what its columns read is complete after as many, but for swaps of three columns or more."""
_NEW = "__new_rows"
_UNSAID = frozenset({"tsql", "fabric", "oracle", "snowflake", "teradata", "sqlite"})
"""Let a body of WITH name itself without the keyword RECURSIVE."""


def read_query(node: exp.Expr, env: Env, ctes: Ctes, outer: Scope | None = None) -> Relation:
    """What a query gives.

    Args:
        node: the query; a bracket around one, a table or rows of values count as such.
        env: the statement's.
        ctes: what WITH defines around it.
        outer: the query around it, whose rows it may name.

    """
    ctes = with_ctes(node, env, ctes, outer)
    if isinstance(node, exp.Select):
        return read_select(node, env, ctes, outer)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, env, ctes, outer)
    if isinstance(node, exp.Subquery):
        relation = read_query(node.this, env, ctes, outer)
        if node.args.get("pivots"):
            relation = pivoted(node.args["pivots"], relation, (), env, Scope(env, ctes, outer))
        return _ordered(node, relation, env, ctes, outer)
    scope = Scope(env, ctes, outer)
    if isinstance(node, exp.Values):
        return renamed(rows_of(node, scope), node.args.get("alias"))
    if isinstance(node, exp.Pivot) and node.this is not None:
        inner = Scope(env, ctes, outer)
        indirect = add_sources(node.this, inner)
        items = [item for source in inner.sources for item in expanded(source, inner)]
        return pivoted([node], Relation(items, indirect), (), env, scope)
    indirect = add_sources(node, scope)
    return Relation([item for source in scope.sources for item in expanded(source, scope)], indirect)


def with_ctes(node: exp.Expr, env: Env, ctes: Ctes, outer: Scope | None = None) -> Ctes:
    """What is defined inside a node that may have a WITH clause; every body is read, used or not."""
    clause = node.args.get("with_")
    if clause is None:
        return ctes
    found = dict(ctes)
    recursive = bool(clause.args.get("recursive"))
    for cte in clause.expressions:
        if not isinstance(cte, exp.CTE) or cte.args.get("alias") is None:
            continue
        name = cte.alias.lower()
        body = cte.this
        if (recursive or env.traits.name in _UNSAID) and isinstance(body, exp.SetOperation) and _names(body, name):
            found[name] = _recursive(body, cte, name, env, found, outer)
        elif isinstance(body, exp.Query | exp.Values | exp.Table | exp.DML):
            found[name] = renamed(_body(body, env, found, outer), cte.args.get("alias"))
            if cte.args.get("scalar"):  # ClickHouse: WITH (SELECT max(a) FROM t) AS m SELECT m
                found[SCALAR + name] = found[name]
        else:  # ClickHouse: WITH expression AS name
            scope = Scope(env, found, outer)
            found[name] = Relation([], condition(body, scope, Kind.FILTER))
    return found


def _body(body: exp.Expr, env: Env, ctes: Ctes, outer: Scope | None) -> Relation:
    if not isinstance(body, exp.DML) or isinstance(body, exp.Query):
        return read_query(body, env, ctes, outer)
    if not any(body is node for node, _ in env.changes):
        env.changes.append((body, ctes))
    returning = body.args.get("returning")  # PostgreSQL: WITH moved AS (DELETE … RETURNING …)
    scope = Scope(env, ctes, outer)
    table = body.this.this if isinstance(body.this, exp.Schema) else body.this
    select = exp.Select(expressions=list(returning.expressions) if returning is not None else [])
    if isinstance(body, exp.Insert) and isinstance(table, exp.Table) and isinstance(body.expression, exp.Query):
        ctes = {**ctes, _NEW: _new_rows(body, env, ctes, outer)}
        table = exp.Table(this=exp.to_identifier(_NEW), alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))
    indirect = add_sources(table, Scope(env, ctes, outer)) if isinstance(table, exp.Table) else set()
    select.set("from_", exp.From(this=table))
    relation = read_select(select, env, ctes, outer)
    if isinstance(body.this, exp.Table) and not isinstance(body, exp.Insert):
        add_sources(body.this, scope)
    relation.indirect |= indirect | condition(body.args.get("where"), scope, Kind.FILTER)
    return relation


def _new_rows(insert: exp.Expr, env: Env, ctes: Ctes, outer: Scope | None) -> Relation:
    """The rows that an INSERT adds, under the names of the columns that it lists, with those that the table fills by itself."""
    table = insert.this.this if isinstance(insert.this, exp.Schema) else insert.this
    own = table_relation(table_key(list(name_parts(table)), table, env), env)
    listed = insert.this.expressions if isinstance(insert.this, exp.Schema) else own.columns if own.closed else []
    names = [exp.to_identifier(part.name, quoted=True) for part in listed if part.name]
    relation = renamed(read_query(insert.expression, env, ctes, outer), exp.TableAlias(columns=names))
    if not relation.closed:
        return relation
    given = frozenset(column.key for column in relation.columns)
    rest = [Star(item.tables, item.without | given) if isinstance(item, Star) else item for item in own.items]
    rest = [item for item in rest if isinstance(item, Star) or item.key not in given]
    return Relation([*relation.items, *rest], relation.indirect)


def _names(body: exp.Expr, name: str) -> bool:
    return any(table.name.lower() == name and table.args.get("db") is None for table in body.find_all(exp.Table))


def _recursive(body: exp.Expr, cte: exp.Expr, name: str, env: Env, ctes: Ctes, outer: Scope | None) -> Relation:
    """A body that names itself: read first without itself, then again with what that gave, until nothing is new."""
    alias = cte.args.get("alias")
    anchors = [branch for _, branch in _branches(body) if not _names(branch, name)]
    start = anchors[0] if anchors else body
    relation = renamed(read_query(start, env, {**ctes, name: Relation()}, outer), alias)
    for _ in range(_ROUNDS):
        again = renamed(read_query(body, env, {**ctes, name: relation}, outer), alias)
        same = [c.direct for c in again.columns] == [c.direct for c in relation.columns]
        relation = again
        if same:
            break
    return relation


def _branches(node: exp.Expr) -> list[tuple[exp.Expr | None, exp.Expr]]:
    """The queries of a chain of set operations in their order, each with the operation before it."""
    found: list[tuple[exp.Expr | None, exp.Expr]] = []
    while isinstance(node, exp.SetOperation):
        found.append((node, node.expression))
        node = node.this
        if isinstance(node, exp.SetOperation) and node.args.get("with_") is not None:
            break
    found.append((None, node))
    found.reverse()
    return found


def _set_operation(node: exp.Expr, env: Env, ctes: Ctes, outer: Scope | None) -> Relation:
    relation: Relation | None = None
    for operation, branch in _branches(node):
        right = read_query(branch, env, ctes, outer)
        relation = right if relation is None or operation is None else _combined(operation, relation, right)
    assert relation is not None
    return _ordered(node, relation, env, ctes, outer)


def _combined(operation: exp.Expr, left: Relation, right: Relation) -> Relation:
    indirect = left.indirect | right.indirect
    if isinstance(operation, exp.Except):
        indirect |= {(origin, Kind.FILTER) for origin in (*origins(left.items), *origins(right.items))}
        return Relation(left.items, indirect)
    if operation.args.get("distinct") or isinstance(operation, exp.Intersect):
        indirect |= {(origin, Kind.GROUP) for origin in (*origins(left.items), *origins(right.items))}
    if operation.args.get("by_name"):
        return Relation(_by_name(left, right), indirect)
    if left.closed and right.closed:
        pairs = zip(left.items, right.items, strict=False)
        more = left.items[len(right.items) :] or right.items[len(left.items) :]
        return Relation([*(_both(*pair) for pair in pairs), *more], indirect)
    return Relation(_open(left, right), indirect)


def _both(left: Item, right: Item) -> Item:
    assert isinstance(left, OutColumn)
    assert isinstance(right, OutColumn)
    made = OutColumn(left.name, dict(left.direct), left.indirect | right.indirect, named=left.named, starred=left.starred)
    add(made.direct, right.direct.items())
    return made


def _by_name(left: Relation, right: Relation) -> list[Item]:
    items: list[Item] = []
    for item in left.items:
        other = right.find(item.key) if isinstance(item, OutColumn) else None
        items.append(item if other is None else _both(item, other))
    known = {item.key for item in left.columns}
    return [*items, *(item for item in right.items if isinstance(item, Star) or item.key not in known)]


def _open(left: Relation, right: Relation) -> list[Item]:
    """Where columns of a branch are not known: those of one name are one, as far as names are there."""
    stars = [*left.stars, *right.stars]
    items: list[Item] = []
    for item in (*left.columns, *(column for column in right.columns if left.find(column.key) is None)):
        made = OutColumn(item.name, dict(item.direct), set(item.indirect), named=item.named, starred=True)
        other = right.find(item.key)
        if other is not None and other is not item:
            add(made.direct, other.direct.items())
        elif left.find(item.key) is None or right.find(item.key) is None:
            for star in left.stars if left.find(item.key) is None else right.stars:
                add(made.direct, star.column(item.key).direct.items())
        items.append(made)
    tables = tuple(dict.fromkeys(table for star in stars for table in star.tables))
    without = frozenset.intersection(*(star.without for star in stars))
    star = Star(tables, without, max((star.given for star in stars), key=len), max(star.kind for star in stars))
    return [*items, star]


def _ordered(node: exp.Expr, relation: Relation, env: Env, ctes: Ctes, outer: Scope | None) -> Relation:
    """With ORDER BY after brackets or a set operation, which names columns of the result."""
    order = node.args.get("order")
    if order is None:
        return relation
    scope = Scope(env, ctes, outer)
    scope.sources.append(Source("", relation))
    indirect: Indirect = set()
    for part in order.expressions:
        by = part.this if isinstance(part, exp.Ordered) else part
        if isinstance(by, exp.Literal) and by.name.isdigit():
            at = int(by.name) - 1
            found = origins(relation.items[at : at + 1]) if relation.closed else iter(())
            indirect |= as_kind(found, set(), Kind.SORT)
        else:
            indirect |= condition(by, scope, Kind.SORT)
    return Relation(relation.items, relation.indirect | indirect)
