"""The tables that a tree names: their names' parts, their keys, their columns.

Journey 3, step "SQL → edges": shared by whatever meets a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.known import split_name
from services.lineage.sql.relation import Item, OutColumn, Relation, Star
from services.lineage.sql.scope import Env, star_of

_FORMATS = frozenset({"parquet", "csv", "json", "delta", "orc", "text", "avro", "binaryfile", "iceberg"})


def table_key(parts: list[str], node: exp.Expr, env: Env) -> TableKey:
    """The key of a table, or of the file or folder that stands in its place."""
    if len(parts) == 2 and parts[0].lower() in _FORMATS and ("/" in parts[1] or ":" in parts[1]):
        return env.tables.path(parts[1])
    if len(parts) == 1 and re.search(r"[/\\]|\.(?:parquet|csv|json|ndjson|tsv)(?:\.gz)?$", parts[0]):
        return env.tables.path(parts[0])
    if isinstance(node.this, exp.Var):
        return env.tables.path(parts[-1])
    if env.traits.name == "bigquery":  # `t$20240131` is a partition of `t`
        parts = [*parts[:-1], re.sub(r"(?<=.)\$\w+$", "", parts[-1])]
    return env.tables.key(parts, _quoted(node, parts))


def _quoted(node: exp.Expr, parts: list[str]) -> list[bool] | None:
    """Which parts of a table's name are in quotes; None where a text or a variable names it."""
    names: list[object] = [part for key in ("catalog", "db") if (part := node.args.get(key)) and part.name]
    last = node.args.get("this")
    tail: list[object] = []
    while isinstance(last, exp.Dot):
        tail.insert(0, last.expression)
        last = last.this
    names.extend((last, *tail))
    if len(names) != len(parts) or not all(isinstance(name, exp.Identifier) for name in names):
        return None
    return [bool(name.args.get("quoted")) for name in names if isinstance(name, exp.Identifier)]


def table_relation(key: TableKey, env: Env) -> Relation:
    """The columns of a table, as far as they are known."""
    columns = env.tables.columns(key)
    if columns is None:
        return Relation([star_of(key)])
    items: list[Item] = []
    for name in columns:
        if name == "*":
            items.append(Star((key,), frozenset(item.key for item in items if isinstance(item, OutColumn))))
        else:
            items.append(OutColumn(name, {(key, name.lower()): Kind.IDENTITY}))
    return Relation(items)


def name_parts(node: exp.Expr) -> Iterator[str]:
    """The parts of a table's name; none where it has none that can be told."""
    for key in ("catalog", "db"):
        part = node.args.get(key)
        if isinstance(part, exp.Identifier) and part.name:
            yield part.name
    part = node.args.get("this")
    tail: list[str] = []
    while isinstance(part, exp.Dot):
        tail.insert(0, part.expression.name)
        part = part.this
    if isinstance(part, exp.DynamicIdentifier):  # IDENTIFIER('db.t')
        yield from split_name(part.name) if isinstance(part.this, exp.Literal) else ()
    elif isinstance(part, exp.Parameter):
        yield f"@{part.name}"
    elif isinstance(part, exp.Identifier | exp.Var | exp.Literal) and part.name:
        temporary = isinstance(part, exp.Identifier) and (part.args.get("temporary") or part.args.get("global_"))
        yield f"#{part.name}" if temporary and not part.name.startswith("#") else part.name
        yield from tail


def renamed(relation: Relation, alias: exp.Expr | None) -> Relation:
    """With the names that `AS t (a, b, …)` gives, first to first."""
    names = list(alias.args.get("columns") or ()) if isinstance(alias, exp.TableAlias) else []
    if not names:
        return relation
    items: list[Item] = []
    for at, item in enumerate(relation.items):
        if isinstance(item, Star):
            rest = [OutColumn(name.name, item.column("*").direct) for name in names[at:]]
            return Relation([*items, *rest], relation.indirect)
        name = names[at].name if at < len(names) else item.name
        items.append(OutColumn(name, item.direct, item.indirect, named=at < len(names) or item.named))
    return Relation(items, relation.indirect)


def alias_of(node: exp.Expr) -> str:
    """The name that a member of FROM goes by, in lower case; empty where it has none."""
    alias = node.args.get("alias")
    return alias.name.lower() if isinstance(alias, exp.Expr) else ""
