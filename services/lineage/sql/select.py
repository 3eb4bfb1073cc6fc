"""One SELECT: its sources, its columns, and what decides about its rows.

Journey 3, step "SQL → edges". The steps stand in `STEPS`, in the order in which a query is understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from services.lineage.sql import pairs
from services.lineage.sql.expression import condition, reads
from services.lineage.sql.facts import Kind
from services.lineage.sql.relation import Indirect, Item, OutColumn, Relation, as_kind, origins
from services.lineage.sql.scope import Ctes, Env, Scope
from services.lineage.sql.sources import add_join, add_sources
from services.lineage.sql.stars import matching, star_items

_EXPLODING = (exp.Explode, exp.Unnest, exp.Posexplode, exp.Inline, exp.UDTF)
"""Give several rows for one."""
_UNNAMED = ("key", "value")
"""What Hive and Spark call the columns of a program whose columns are not listed."""


def read_select(select: exp.Expr, env: Env, ctes: Ctes, outer: Scope | None) -> Relation:
    """What a SELECT gives."""
    scope = Scope(env, ctes, outer)
    relation = Relation()
    for step in STEPS:
        step(select, scope, relation)
    return relation


def _from(select: exp.Expr, scope: Scope, relation: Relation) -> None:
    clause = select.args.get("from_")
    if clause is not None:
        relation.indirect |= add_sources(clause.this, scope)
    for lateral in select.args.get("laterals") or ():
        relation.indirect |= add_sources(lateral, scope)
    for join in select.args.get("joins") or ():
        relation.indirect |= add_join(join, scope)
    for table in select.args.get("from_tables") or ():
        relation.indirect |= add_sources(table, scope)


def _match(select: exp.Expr, scope: Scope, relation: Relation) -> None:
    """MATCH_RECOGNIZE: its measures are columns, its pattern decides about rows."""
    match = select.args.get("match")
    if not isinstance(match, exp.MatchRecognize):
        return
    items: list[Item] = []
    match = _without_symbols(match)
    for part in match.args.get("partition_by") or ():
        items.append(OutColumn(part.alias_or_name, *reads(part, scope)))
        relation.indirect |= condition(part, scope, Kind.GROUP)
    relation.indirect |= condition(match.args.get("order"), scope, Kind.SORT)
    for symbol in match.args.get("define") or ():
        relation.indirect |= condition(symbol.this, scope, Kind.FILTER)
    for measure in match.args.get("measures") or ():
        direct, indirect = reads(measure.this, scope, Kind.TRANSFORMATION)
        items.append(OutColumn(measure.this.alias_or_name, direct, indirect))
    rows = match.args.get("rows")
    if isinstance(rows, exp.Expr) and rows.name.upper().startswith("ALL"):  # else a match is one row of those columns
        known = {item.name.lower() for item in items if isinstance(item, OutColumn)}
        given = [item for source in scope.sources for item in source.relation.items]
        items.extend(item for item in given if not isinstance(item, OutColumn) or item.key not in known)
    scope.sources[-1].relation = Relation(items)
    scope.sources[-1].table = ()
    alias = match.args.get("alias")
    scope.sources[-1].alias = alias.name.lower() if alias is not None else scope.sources[-1].alias
    scope.forget_names()


def _without_symbols(match: exp.MatchRecognize) -> exp.Expr:
    """With `symbol.column` as `column`: a symbol of the pattern stands for rows of the table."""
    symbols = (
        {name.lower() for name in re.findall(r"\w+", match.args["pattern"].name)} if match.args.get("pattern") else set()
    )
    found = match.copy()
    for column in found.find_all(exp.Column):
        if column.table.lower() in symbols:
            column.set("table", None)
    return found


def _windows(select: exp.Expr, scope: Scope, _relation: Relation) -> None:
    for window in select.args.get("windows") or ():
        base = window.args.get("alias")
        if isinstance(base, exp.Expr) and base.name.lower() not in scope.windows:
            window.set("alias", None)  # only those before may be named, and none itself
        scope.windows.setdefault(window.name.lower(), window)


def _columns(select: exp.Expr, scope: Scope, relation: Relation) -> None:
    for part in select.expressions:
        if isinstance(part, exp.Star) or (isinstance(part, exp.Column) and isinstance(part.this, exp.Star)):
            relation.items.extend(star_items(part, scope))
        elif isinstance(part, exp.Columns) and isinstance(part.this, exp.Literal | exp.Star):
            found = star_items(part.this, scope) if isinstance(part.this, exp.Star) else matching(part.this.name, scope)
            relation.items.extend(found)
        elif isinstance(part, exp.EQ) and isinstance(part.this, exp.Parameter) and scope.env.traits.assigns_variables:
            reads(part.expression, scope)  # T-SQL's SELECT @v = …: nothing is given out
        elif isinstance(part, exp.QueryTransform):
            relation.items.extend(_of_program(part, scope))
        elif isinstance(part, exp.Aliases):
            direct, indirect = reads(part.this, scope)
            relation.items.extend(OutColumn(str(name), dict(direct), set(indirect)) for name in part.aliases)
        else:
            relation.items.append(_column(part, scope))
            if isinstance(part.unalias(), _EXPLODING):
                relation.indirect |= condition(part, scope, Kind.JOIN)


def _of_program(part: exp.Expr, scope: Scope) -> Iterator[OutColumn]:
    """What the program that Hive's and Spark's TRANSFORM runs gives: each column may be made of all that it is given."""
    direct, indirect = reads(part, scope, Kind.TRANSFORMATION)
    schema = part.args.get("schema")
    names = [one.name for one in schema.expressions] if isinstance(schema, exp.Schema) else _UNNAMED
    for name in names:
        yield OutColumn(name, dict(direct), set(indirect))


def _column(part: exp.Expr, scope: Scope) -> OutColumn:
    direct, indirect = reads(part, scope)
    name = output_name(part)
    if not name:
        return OutColumn(_engines_name(part, scope), direct, indirect, named=False, made_by=part)
    column = OutColumn(name, direct, indirect)
    if isinstance(part, exp.Alias) and name.lower() not in scope.aliases:
        scope.aliases[name.lower()] = column
        scope.forget_names()
    return column


def output_name(part: exp.Expr) -> str:
    """The name of a select list's member; empty where it has none of its own."""
    while isinstance(part, exp.Paren) and isinstance(part.this, exp.Column | exp.Dot):
        part = part.this
    if isinstance(part, exp.Dot):
        return part.expression.name if isinstance(part.expression, exp.Identifier) else ""
    if isinstance(part, exp.Subquery) and not part.alias:
        inner = part.this
        single = isinstance(inner, exp.Select) and len(inner.expressions) == 1
        return output_name(inner.expressions[0]) if single and isinstance(inner.expressions[0], exp.Alias) else ""
    return part.alias_or_name if isinstance(part, exp.Alias | exp.Column | exp.Identifier | exp.Subquery) else ""


def _engines_name(part: exp.Expr, scope: Scope) -> str:
    """What an outer query may call a column without a name: PostgreSQL names it after its function, a cast after its column."""
    if isinstance(part, exp.Cast):
        return output_name(part.this)
    if scope.env.traits.numbered_columns and isinstance(part, exp.Func):
        return part.name if isinstance(part, exp.Anonymous) else part.sql_name().lower()
    return ""


def _distinct(select: exp.Expr, scope: Scope, relation: Relation) -> None:
    distinct = select.args.get("distinct")
    if distinct is None:
        return
    on = distinct.args.get("on")
    if on is not None:
        relation.indirect |= condition(on, scope, Kind.GROUP)
    else:
        relation.indirect |= _deciding(relation.items, Kind.GROUP)


def _where(select: exp.Expr, scope: Scope, relation: Relation) -> None:
    pairs.note(select.args.get("where"), scope, pairs.INNER)
    for key in ("where", "having", "qualify", "prewhere"):
        relation.indirect |= condition(select.args.get(key), scope, Kind.FILTER)
    connect = select.args.get("connect")
    if connect is not None:
        relation.indirect |= condition(connect.args.get("start"), scope, Kind.FILTER)
        relation.indirect |= condition(connect.args.get("connect"), scope, Kind.JOIN)
    for key in ("limit", "offset"):
        clause = select.args.get(key)
        if clause is not None and clause.find(exp.Select) is not None:
            relation.indirect |= condition(clause.expression, scope, Kind.FILTER)


def _group(select: exp.Expr, scope: Scope, relation: Relation) -> None:
    group = select.args.get("group")
    if group is None:
        return
    if group.args.get("all"):
        keys = [item for item in relation.columns if Kind.AGGREGATION not in item.direct.values()]
        relation.indirect |= _deciding(keys, Kind.GROUP)
    for key in ("expressions", "rollup", "cube", "grouping_sets"):
        parts = group.args.get(key)
        for part in parts if isinstance(parts, list) else ():
            relation.indirect |= _by(part, scope, relation, Kind.GROUP)


def _sort(select: exp.Expr, scope: Scope, relation: Relation) -> None:
    for key in ("order", "sort", "cluster", "distribute"):
        clause = select.args.get(key)
        for part in clause.expressions if clause is not None else ():
            relation.indirect |= _by(part.this if isinstance(part, exp.Ordered) else part, scope, relation, Kind.SORT)


def _by(part: exp.Expr, scope: Scope, relation: Relation, kind: Kind) -> Indirect:
    """What GROUP BY and ORDER BY name: a column's place in the select list, its alias, or an expression."""
    item: Item | None = None
    if isinstance(part, exp.Literal) and not part.is_string and part.name.isdigit():
        at = int(part.name) - 1
        item = relation.items[at] if 0 <= at < len(relation.items) and relation.closed else None
        return set() if item is None else _deciding([item], kind)
    if isinstance(part, exp.Column) and part.args.get("table") is None and kind is Kind.SORT:
        item = scope.aliases.get(part.name.lower())
    if item is not None:
        return _deciding([item], kind)
    return condition(part, scope, kind)


def _deciding(items: Sequence[Item], kind: Kind) -> Indirect:
    """What decides with these columns: their own sources, and what their subqueries filter by."""
    besides = {found for item in items if isinstance(item, OutColumn) for found in item.indirect}
    return as_kind(origins(items), besides, kind)


STEPS: tuple[Callable[[exp.Expr, Scope, Relation], None], ...] = (
    _from,
    _match,
    _windows,
    _columns,
    _distinct,
    _where,
    _group,
    _sort,
)
"""Sources first, then what is selected from them, then what decides about the rows: the later see what the earlier found."""
