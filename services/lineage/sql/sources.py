"""The members of FROM: tables, subqueries, lateral views, arrays, rows of values, functions.

Journey 3, step "SQL → edges": each becomes a source of the scope, in the order of the text, so that later ones may look at
earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from services.lineage.sql import pairs
from services.lineage.sql.expression import condition, reads
from services.lineage.sql.facts import Kind
from services.lineage.sql.functions import given_columns, semantic_view, table_function
from services.lineage.sql.pivot import pivoted
from services.lineage.sql.relation import Indirect, OutColumn, Relation, Star, add, as_kind
from services.lineage.sql.scope import PLACEHOLDER, Scope, Source, column_of
from services.lineage.sql.stars import expanded
from services.lineage.sql.table_names import alias_of, name_parts, renamed, table_key, table_relation

_NO_TABLES = frozenset({"dual"})
"""The engine's table of one row."""
_HIDING = frozenset({"SEMI", "ANTI"})


def add_sources(node: exp.Expr, scope: Scope) -> Indirect:
    """Put a FROM or a join's member, and what hangs on it, into the scope.

    Returns:
        What decides about its rows: join conditions and what decides inside of it.

    """
    if isinstance(node, exp.Subquery | exp.Table) and _is_bracket(node):
        return _bracket(node, scope)
    source = _source(node, scope)
    pivots = node.args.get("pivots")
    if pivots:
        if not isinstance(node, exp.Subquery):  # those of a query in brackets are part of it
            source.relation = pivoted(pivots, source.relation, source.table, scope.env, scope)
        source.table = ()
        alias = pivots[-1].args.get("alias")
        source.alias = alias.name.lower() if alias is not None and alias.name else source.alias
    scope.sources.append(source)
    scope.forget_names()
    found = set(source.relation.indirect)
    for lateral in node.args.get("laterals") or ():
        found |= add_sources(lateral, scope)
    for join in node.args.get("joins") or ():
        found |= add_join(join, scope)
    return found


def add_join(join: exp.Expr, scope: Scope) -> Indirect:
    """A join: its member becomes a source, its condition decides about rows."""
    before = list(scope.sources)
    if str(join.args.get("kind") or "").upper() == "ARRAY":
        return _array_join(join, scope)
    found = add_sources(join.this, scope)
    added = scope.sources[len(before) :]
    if str(join.args.get("kind") or "").upper() in _HIDING or str(join.args.get("side") or "").upper() in _HIDING:
        for source in added:
            source.hidden = True
    keys = [name.name.lower() for name in join.args.get("using") or ()]
    if str(join.args.get("method") or "").upper() == "NATURAL":
        keys = [key for key in _keys(before) if key in _keys(added)]
    for key in keys:
        left, right = scope.shared.get(key, before and _holders(before, key)), _holders(added, key)
        _note_shared(key, left, right, join, scope)
        holders = [*left, *right]
        scope.shared[key] = holders
        scope.forget_names()
        column = exp.column(key)
        found |= condition(column, scope, Kind.JOIN)
    pairs.note(join.args.get("on"), scope, pairs.kind_of(join))
    found |= condition(join.args.get("on"), scope, Kind.JOIN)
    found |= condition(join.args.get("match_condition"), scope, Kind.JOIN)
    return found


def _note_shared(key: str, left: list[Source], right: list[Source], join: exp.Expr, scope: Scope) -> None:
    """What USING compares: the column of the member, and that of the first one before it."""
    ends = [pairs.only(column_of(side[0], key)[0]) for side in (left, right) if side]
    if len(ends) == 2 and ends[0] is not None and ends[1] is not None:
        pairs.add(scope, ends[0], ends[1], pairs.kind_of(join))


def _array_join(join: exp.Expr, scope: Scope) -> Indirect:
    """ClickHouse's ARRAY JOIN a AS x, b: the elements of columns of the row, beside it."""
    found: Indirect = set()
    for part in [join.this, *(join.args.get("expressions") or ())]:
        direct, indirect = reads(part, scope, Kind.TRANSFORMATION)
        found |= as_kind(direct, indirect, Kind.JOIN)
        scope.sources.append(Source("", Relation([OutColumn(part.alias_or_name, dict(direct))])))
    scope.forget_names()
    return found


def _keys(sources: list[Source]) -> list[str]:
    return [column.key for source in sources for column in source.relation.columns]


def _holders(sources: list[Source], key: str) -> list[Source]:
    """The sources that have a column: those that are known to, else the first that may."""
    known = [source for source in sources if source.relation.find(key) is not None]
    return known[:1] or [source for source in sources if source.relation.star_for(key) is not None][:1]


def _is_bracket(node: exp.Expr) -> bool:
    """`(a JOIN b ON …)`: a bracket around members, not a query."""
    inner = node.this
    while isinstance(inner, exp.Subquery):
        if inner.alias or inner.args.get("joins"):
            return isinstance(node, exp.Subquery)  # ((SELECT …) a JOIN b ON …)
        inner = inner.this
    return isinstance(node, exp.Subquery) and isinstance(inner, exp.Table | exp.Unnest | exp.Lateral | exp.Values)


def _bracket(node: exp.Expr, scope: Scope) -> Indirect:
    alias = node.args.get("alias")
    if alias is None or not alias.name:
        found = add_sources(node.this, scope)
        for join in node.args.get("joins") or ():
            found |= add_join(join, scope)
        return found
    inner = Scope(scope.env, scope.ctes, scope.outer)
    found = add_sources(node.this, inner)
    items = [item for source in inner.sources for item in expanded(source, inner)]
    scope.sources.append(Source(alias.name.lower(), renamed(Relation(items, found), alias)))
    scope.forget_names()
    for join in node.args.get("joins") or ():
        found |= add_join(join, scope)
    return found


def _source(node: exp.Expr, scope: Scope) -> Source:
    for kind, read in _READERS.items():
        if isinstance(node, kind):
            return read(node, scope)
    if isinstance(node, exp.Query):
        relation = scope.env.query(node, scope.env, scope.ctes, scope.outer)
        return Source(alias_of(node), renamed(relation, node.args.get("alias")))
    inner = node.args.get("this")  # FINAL of ClickHouse, STREAM of Databricks: a word around a table
    if not isinstance(inner, exp.Table | exp.Query | exp.Final):
        return Source(alias_of(node), Relation([Star()]))
    source = _source(inner, scope)
    source.alias = alias_of(node) or source.alias
    return source


def _table(node: exp.Expr, scope: Scope) -> Source:
    if isinstance(node.this, exp.SemanticView):
        return semantic_view(node, scope)
    if isinstance(node.this, exp.Func) and not isinstance(node.this, exp.Identifier | exp.DynamicIdentifier):
        return table_function(node, scope)
    parts = list(name_parts(node))
    named = _by_one_word(parts, node, scope) if len(parts) < 2 else None
    if named is not None:
        return named
    if len(parts) > 1 and scope.env.traits.dotted_structs and _is_row_path(parts, scope):
        return _array(node, exp.column(parts[1], table=parts[0]), scope)
    key = table_key(parts, node, scope.env)
    scope.env.reads.setdefault(key)
    return Source(alias_of(node) or parts[-1].lower(), renamed(table_relation(key, scope.env), node.args.get("alias")), key)


def _by_one_word(parts: list[str], node: exp.Expr, scope: Scope) -> Source | None:
    """What a name of one part may be before it is a table: one of WITH, a macro's, the engine's row."""
    if not parts:
        return Source(alias_of(node), Relation())
    single = parts[0].lower()
    alias = node.args.get("alias")
    if single in scope.ctes:
        return Source(alias_of(node) or single, renamed(scope.ctes[single], alias))
    if single in _NO_TABLES and not node.this.args.get("quoted"):
        return Source(alias_of(node) or single, Relation())
    if single.startswith(PLACEHOLDER):
        return Source(alias_of(node) or single, renamed(Relation([Star()]), alias))
    return None


def _is_row_path(parts: list[str], scope: Scope) -> bool:
    """`FROM t, t.items`: an array in the rows of `t`."""
    return any(source.alias == parts[0].lower() for source in scope.sources)


def _array(node: exp.Expr, column: exp.Expr, scope: Scope) -> Source:
    direct, indirect = reads(column, scope, Kind.TRANSFORMATION)
    return Source(alias_of(node), Relation(given_columns(node, direct), as_kind(direct, indirect, Kind.JOIN)))


def _values(node: exp.Expr, scope: Scope) -> Source:
    return Source(alias_of(node), renamed(rows_of(node, scope), node.args.get("alias")))


def rows_of(node: exp.Expr, scope: Scope) -> Relation:
    """Rows written out: column by column what the expressions in it read."""
    columns: list[OutColumn] = []
    indirect: Indirect = set()
    for row in node.expressions:
        for at, value in enumerate(row.expressions if isinstance(row, exp.Tuple) else [row]):
            if at == len(columns):
                columns.append(OutColumn(f"col{at}", named=False))
            if not isinstance(value, exp.Literal):
                direct, besides = reads(value, scope)
                add(columns[at].direct, direct.items())
                columns[at].indirect |= besides
    return Relation(columns, indirect)


_READERS: dict[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[exp.Expr, Scope], Source]] = {
    exp.Table: _table,
    exp.Values: _values,
    (exp.Unnest, exp.Lateral, exp.TableFromRows): table_function,
    exp.Func: table_function,
}
