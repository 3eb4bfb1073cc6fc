"""`*` and `t.*`: the columns that they stand for, with what EXCEPT, REPLACE and RENAME change.

Journey 3, step "SQL → edges", on a select list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from services.lineage.sql.expression import reads
from services.lineage.sql.facts import Kind
from services.lineage.sql.relation import Item, OutColumn, Star, add
from services.lineage.sql.scope import Scope, Source


def star_items(node: exp.Expr, scope: Scope) -> list[Item]:
    """The columns of `*`, `t.*`, `t.struct.*` or `COLUMNS(…)`."""
    star = node.this if isinstance(node, exp.Column) else node
    if isinstance(node, exp.Column):
        qualifier = tuple(
            part.name.lower() for key in ("catalog", "db", "table") if (part := node.args.get(key)) is not None
        )
        source = scope.source(qualifier)
        items = expanded(source, scope, alone=True) if source is not None else _fields(node, scope)
    else:
        items = [item for source in scope.sources if not source.hidden for item in expanded(source, scope)]
    return _changed(items, star, scope)


def matching(pattern: str, scope: Scope) -> list[Item]:
    """DuckDB's `COLUMNS('regular expression')`: the known columns that match; what is not known may match too."""
    items = [item for source in scope.sources for item in expanded(source, scope)]
    try:
        found = re.compile(pattern, re.IGNORECASE)
    except re.error:
        return items
    return [item for item in items if isinstance(item, Star) or found.search(item.name)]


def expanded(source: Source, scope: Scope, *, alone: bool = False) -> list[Item]:
    """All columns of a source; of a column that USING shares only one, unless the source is asked for `alone`."""
    marks = not source.relation.closed
    items: list[Item] = []
    for item in source.relation.items:
        if isinstance(item, Star):
            later = frozenset(key for key, holders in scope.shared.items() if holders and holders[0] is not source)
            without = item.without if alone else item.without | later
            items.append(Star(item.tables, without, item.given, item.kind, item.indirect))
            continue
        holders = [] if alone else scope.shared.get(item.key, [])
        if holders and source in holders and holders[0] is not source:
            continue
        direct, indirect = item.direct, item.indirect
        if holders:
            direct, indirect = scope.resolve(exp.column(item.key))
        items.append(OutColumn(item.name, direct, indirect, named=item.named, starred=marks))
    return items


def _fields(node: exp.Expr, scope: Scope) -> list[Item]:
    """`column.*`: the fields of a struct, which are not known."""
    parts = [part for key in ("catalog", "db", "table") if (part := node.args.get(key)) is not None]
    column = exp.Column(**dict(zip(("this", "table", "db"), [part.copy() for part in reversed(parts)], strict=False)))
    direct, indirect = reads(column, scope, Kind.TRANSFORMATION)
    return [Star(given=dict(direct), kind=Kind.TRANSFORMATION, indirect=set(indirect))]


def _changed(items: list[Item], star: exp.Expr, scope: Scope) -> list[Item]:
    left_out = {column.name.lower() for column in _listed(star, "except_")}
    replaced = {part.alias_or_name.lower(): part for part in _listed(star, "replace")}
    names = {part.this.name.lower(): part.alias for part in _listed(star, "rename") if isinstance(part, exp.Alias)}
    if not (left_out or replaced or names):
        return items
    found: list[Item] = []
    for item in items:
        if isinstance(item, Star):
            gone = left_out | replaced.keys() | names.keys()
            found.append(Star(item.tables, item.without | gone, item.given, item.kind, item.indirect))
            found.extend(_replacement(part, scope) for part in replaced.values())
            found.extend(OutColumn(new, *scope.resolve(exp.column(old))) for old, new in names.items())
            replaced, names = {}, {}
        elif item.key in replaced:
            found.append(_replacement(replaced[item.key], scope))
        elif item.key not in left_out:
            new = names.get(item.key)
            found.append(item if new is None else OutColumn(new, item.direct, item.indirect))
    return found


def _listed(star: exp.Expr, key: str) -> Iterator[exp.Expr]:
    value = star.args.get(key)
    for part in value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else []:
        yield from part.expressions if isinstance(part, exp.Tuple) else (part,)


def _replacement(part: exp.Expr, scope: Scope) -> OutColumn:
    direct, indirect = reads(part, scope)
    made = OutColumn(part.alias_or_name, indirect=set(indirect))
    add(made.direct, direct.items())
    return made
