"""The members of FROM: tables, subqueries, lateral views, arrays, rows of values, functions.

Journey 3, step "SQL → edges": each becomes a source of the scope, in the order of the text, so that later ones may look at
earlier ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sqlglot import exp

from services.lineage.sql import pairs
from services.lineage.sql.expression import condition, reads
from services.lineage.sql.facts import Kind, TableKey
from services.lineage.sql.pivot import pivoted
from services.lineage.sql.relation import Direct, Indirect, Item, OutColumn, Relation, Star, add, as_kind
from services.lineage.sql.scope import PLACEHOLDER, Env, Scope, Source, column_of, star_of
from services.lineage.sql.stars import expanded

_FORMATS = frozenset({"parquet", "csv", "json", "delta", "orc", "text", "avro", "binaryfile", "iceberg"})
_NO_TABLES = frozenset({"dual"})
"""The engine's table of one row."""
_READING = re.compile(r"^(?:read\w+|\w+_scan|s3|gcs|hdfs|url|file|azureblobstorage|openrowset)$")
"""Functions that read files whose names are their arguments."""
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
        return Source(_alias(node), renamed(relation, node.args.get("alias")))
    inner = node.args.get("this")  # FINAL of ClickHouse, STREAM of Databricks: a word around a table
    if not isinstance(inner, exp.Table | exp.Query | exp.Final):
        return Source(_alias(node), Relation([Star()]))
    source = _source(inner, scope)
    source.alias = _alias(node) or source.alias
    return source


def _table(node: exp.Expr, scope: Scope) -> Source:
    if isinstance(node.this, exp.Func) and not isinstance(node.this, exp.Identifier):
        return _function(node, scope)
    parts = list(name_parts(node))
    named = _by_one_word(parts, node, scope) if len(parts) < 2 else None
    if named is not None:
        return named
    if len(parts) > 1 and scope.env.traits.dotted_structs and _is_row_path(parts, scope):
        return _array(node, exp.column(parts[1], table=parts[0]), scope)
    key = table_key(parts, node, scope.env)
    scope.env.reads.setdefault(key)
    return Source(_alias(node) or parts[-1].lower(), renamed(table_relation(key, scope.env), node.args.get("alias")), key)


def _by_one_word(parts: list[str], node: exp.Expr, scope: Scope) -> Source | None:
    """What a name of one part may be before it is a table: one of WITH, a macro's, the engine's row."""
    if not parts:
        return Source(_alias(node), Relation())
    single = parts[0].lower()
    alias = node.args.get("alias")
    if single in scope.ctes:
        return Source(_alias(node) or single, renamed(scope.ctes[single], alias))
    if single in _NO_TABLES and not node.this.args.get("quoted"):
        return Source(_alias(node) or single, Relation())
    if single.startswith(PLACEHOLDER):
        return Source(_alias(node) or single, renamed(Relation([Star()]), alias))
    return None


def table_key(parts: list[str], node: exp.Expr, env: Env) -> TableKey:
    """The key of a table, or of the file or folder that stands in its place."""
    if len(parts) == 2 and parts[0].lower() in _FORMATS and ("/" in parts[1] or ":" in parts[1]):
        return env.tables.path(parts[1])
    if len(parts) == 1 and re.search(r"[/\\]|\.(?:parquet|csv|json|ndjson|tsv)(?:\.gz)?$", parts[0]):
        return env.tables.path(parts[0])
    if isinstance(node.this, exp.Var):
        return env.tables.path(parts[-1])
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
    if isinstance(part, exp.Parameter):
        yield f"@{part.name}"
    elif isinstance(part, exp.Identifier | exp.Var | exp.Literal) and part.name:
        temporary = isinstance(part, exp.Identifier) and (part.args.get("temporary") or part.args.get("global_"))
        yield f"#{part.name}" if temporary and not part.name.startswith("#") else part.name
        yield from tail


def _is_row_path(parts: list[str], scope: Scope) -> bool:
    """`FROM t, t.items`: an array in the rows of `t`."""
    return any(source.alias == parts[0].lower() for source in scope.sources)


def _array(node: exp.Expr, column: exp.Expr, scope: Scope) -> Source:
    direct, indirect = reads(column, scope, Kind.TRANSFORMATION)
    return Source(_alias(node), Relation(_given(node, direct), as_kind(direct, indirect, Kind.JOIN)))


def _function(node: exp.Expr, scope: Scope) -> Source:
    """A function that gives rows; every column of it reads its arguments."""
    direct: Direct = {}
    indirect: Indirect = set()
    inner = node.this if isinstance(node, exp.Table | exp.TableFromRows | exp.Lateral) else node
    if isinstance(inner, exp.Subquery) or (inner is not None and isinstance(inner, exp.Query)):
        relation = scope.env.query(inner, scope.env, scope.ctes, scope)
        return Source(_alias(node), renamed(relation, node.args.get("alias")))
    parts = [inner] if inner is not None else list(node.expressions)
    for part in parts:
        found, besides = reads(part, scope, Kind.TRANSFORMATION)
        add(direct, found.items())
        indirect |= besides
    indirect |= _tables_inside(parts, scope)
    for part in parts:
        name = part.name.lower() if isinstance(part, exp.Anonymous) else part.key
        if isinstance(part, exp.Func) and _READING.match(name):
            for text in part.find_all(exp.Literal):
                if text.is_string and re.search(r"[/\\.]", text.name):
                    scope.env.reads.setdefault(scope.env.tables.path(text.name))
    # how long an array is decides how often the row beside it comes
    return Source(_alias(node), Relation(_given(node, direct), as_kind(direct, indirect, Kind.JOIN)))


def _tables_inside(parts: list[exp.Expr], scope: Scope) -> Indirect:
    """Tables that are arguments: `TABLE(f(TABLE t))`, `ML.PREDICT(MODEL m, TABLE t)`."""
    for part in parts:
        for table in part.find_all(exp.Table):
            if not isinstance(table.this, exp.Func) and table.find_ancestor(exp.Select) is part.find_ancestor(exp.Select):
                names = list(name_parts(table))
                if names and (len(names) > 1 or names[0].lower() not in scope.ctes):
                    scope.env.reads.setdefault(table_key(names, table, scope.env))
    return set()


def _given(node: exp.Expr, direct: Direct) -> list[Item]:
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


def _values(node: exp.Expr, scope: Scope) -> Source:
    return Source(_alias(node), renamed(rows_of(node, scope), node.args.get("alias")))


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


def _alias(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    return alias.name.lower() if isinstance(alias, exp.Expr) else ""


_READERS: dict[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[exp.Expr, Scope], Source]] = {
    exp.Table: _table,
    exp.Values: _values,
    (exp.Unnest, exp.Lateral, exp.TableFromRows): _function,
    exp.Func: _function,
}
