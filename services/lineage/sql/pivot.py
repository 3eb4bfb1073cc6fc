"""PIVOT and UNPIVOT: rows to columns and back.

Journey 3, step "SQL → edges", on a source that is read.
"""

from __future__ import annotations

from sqlglot import exp

from services.lineage.sql.expression import children, reads
from services.lineage.sql.facts import Kind
from services.lineage.sql.relation import Direct, Indirect, Item, OutColumn, Relation, Star, add, as_kind
from services.lineage.sql.scope import Env, Scope, Source


def pivoted(pivots: list[exp.Expr], relation: Relation, table: tuple[str, ...], env: Env, outer: Scope) -> Relation:
    """A source with its PIVOTs and UNPIVOTs applied, one after the other."""
    for pivot in pivots:
        scope = Scope(env, outer.ctes, outer)
        scope.sources.append(Source(_alias(pivot), relation, table))
        relation = (_unpivot if pivot.args.get("unpivot") else _pivot)(pivot, relation, scope)
        table = ()
        relation = _renamed(pivot, relation)
    return relation


def _pivot(pivot: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    aggregates = list(pivot.expressions)
    fields = [field for field in pivot.args.get("fields") or () if isinstance(field, exp.In)]
    if pivot.this is not None or not fields:
        return _simplified(pivot, relation, scope)
    used: set[str] = set()
    chosen: Direct = {}
    indirect: Indirect = set(relation.indirect)
    for field in fields:
        direct, besides = reads(field.this, scope, Kind.CONDITIONAL)
        add(chosen, direct.items())
        indirect |= besides | as_kind(direct, set(), Kind.GROUP)
    values: list[Direct] = []
    for aggregate in aggregates:
        direct, besides = reads(aggregate, scope, Kind.AGGREGATION)
        indirect |= besides
        values.append({**chosen, **direct})
    for part in (*aggregates, *(field.this for field in fields)):
        used.update(column.name.lower() for column in part.find_all(exp.Column))
    names = [name.name for name in pivot.args.get("columns") or ()]
    made = [OutColumn(name, dict(values[at % len(values)])) for at, name in enumerate(names)] if values else []
    kept = [_without(item, used | {column.key for column in made}) for item in relation.items]
    left: list[Item] = [item for item in kept if item is not None]
    indirect |= {(origin, Kind.GROUP) for item in left if isinstance(item, OutColumn) for origin in item.direct}
    if not made:
        everything: Direct = {}
        for one in values:
            add(everything, one.items())
        return Relation([*left, Star(given=everything)], indirect)
    return Relation([*left, *made], indirect)


def _simplified(pivot: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    """DuckDB's `PIVOT t ON k USING sum(v) GROUP BY g`: which columns come out lies in the data."""
    given: Direct = {}
    indirect: Indirect = set(relation.indirect)
    for part, kind in [(p, Kind.CONDITIONAL) for p in pivot.expressions] + [
        (p, Kind.AGGREGATION) for p in pivot.args.get("using") or ()
    ]:
        direct, besides = reads(part, scope, kind)
        add(given, direct.items())
        indirect |= besides
    group = pivot.args.get("group")
    if group is None:
        return Relation([*relation.items, Star(given=given)], indirect)
    items: list[Item] = []
    for part in group.expressions:
        direct, besides = reads(part, scope)
        items.append(OutColumn(part.alias_or_name, dict(direct), set(besides)))
        indirect |= as_kind(direct, besides, Kind.GROUP)
    return Relation([*items, Star(given=given)], indirect)


def _unpivot(pivot: exp.Expr, relation: Relation, scope: Scope) -> Relation:
    values: Direct = {}
    indirect: Indirect = set(relation.indirect)
    used: set[str] = set()
    names: list[str] = []
    for field in pivot.args.get("fields") or ():
        names.extend(name.name for name in _identifiers(field.this))
        for listed in field.expressions:
            for column in listed.find_all(exp.Column):
                direct, besides = scope.resolve(column)
                add(values, direct.items())
                indirect |= besides
                used.add(column.name.lower())
    for part in pivot.expressions if pivot.this is not None else ():  # DuckDB's UNPIVOT t ON a, b
        direct, besides = reads(part, scope)
        add(values, direct.items())
        used.update(column.name.lower() for column in part.find_all(exp.Column))
    indirect |= as_kind(values, set(), Kind.FILTER)  # rows whose value is NULL are left out
    kept = [_without(item, used) for item in relation.items]
    value_names = (
        [name.name for part in pivot.expressions for name in _identifiers(part)] if pivot.this is None else ["value"]
    )
    made = [OutColumn(name, dict.fromkeys(values, Kind.CONDITIONAL)) for name in names]
    made.extend(OutColumn(name, dict(values)) for name in value_names)
    return Relation([*(item for item in kept if item is not None), *made], indirect)


def _identifiers(node: exp.Expr | None) -> list[exp.Expr]:
    if node is None:
        return []
    if isinstance(node, exp.Identifier):
        return [node]
    if isinstance(node, exp.Column):
        return [node.this]
    return [found for child in children(node) for found in _identifiers(child)]


def _without(item: Item, keys: set[str]) -> Item | None:
    if isinstance(item, OutColumn):
        return None if item.key in keys else item
    return Star(item.tables, item.without | keys, item.given, item.kind, item.indirect)


def _alias(pivot: exp.Expr) -> str:
    alias = pivot.args.get("alias")
    return alias.name.lower() if alias is not None else ""


def _renamed(pivot: exp.Expr, relation: Relation) -> Relation:
    """With the names that `AS p (a, b, …)` gives, first to first."""
    alias = pivot.args.get("alias")
    names = [name.name for name in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    if not names or not relation.closed:
        return relation
    columns = relation.columns
    items = [OutColumn(name, column.direct, column.indirect) for name, column in zip(names, columns, strict=False)]
    return Relation([*items, *columns[len(items) :]], relation.indirect)
