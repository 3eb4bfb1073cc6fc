"""What an expression reads, and how: as it is, changed, aggregated, or only to decide which value is given.

Journey 3, step "SQL → edges". The tree is walked with a stack of its own, because a chain of ORs is as deep as it is long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from services.lineage.sql.facts import Kind
from services.lineage.sql.relation import ALL, Direct, Indirect, Origin, OutColumn, Relation, add, as_kind, origins, passed
from services.lineage.sql.scope import Reads, Scope

_LEAVES = (exp.Literal, exp.Identifier, exp.DataType, exp.Var, exp.Null, exp.Boolean, exp.Placeholder, exp.Parameter)
_SAME = (exp.Paren, exp.Alias, exp.Aliases, exp.Ordered, exp.Tuple, exp.Where, exp.Having, exp.Qualify, exp.Order, exp.Group)
"""Give what is in them as it is."""
_SECOND_ONLY = (exp.PropertyEQ, exp.Kwarg)
"""`name := value`: the name is none of a column."""
_PICKING = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue, exp.First, exp.Last)
"""The parser counts them among the aggregates; they pick one row's value."""
_UNITS = frozenset(
    [
        "year",
        "years",
        "yyyy",
        "yy",
        "quarter",
        "qq",
        "month",
        "months",
        "mm",
        "mon",
        "week",
        "weeks",
        "isoweek",
        "day",
        "days",
        "dd",
        "dayofyear",
        "hour",
        "hours",
        "hh",
        "minute",
        "minutes",
        "mi",
        "second",
        "seconds",
        "ss",
        "millisecond",
        "ms",
        "microsecond",
        "nanosecond",
        "epoch",
        "dow",
        "doy",
        "isodow",
    ]
)
_UNIT_FUNCTIONS = ("date", "time", "trunc", "last_day", "extract")
_Part = tuple[exp.Expr, Kind]


def reads(root: exp.Expr, scope: Scope, kind: Kind = Kind.IDENTITY) -> Reads:
    """What an expression reads.

    Returns:
        The columns that get into its value, each with the kind of its way; and those that only decide about rows of the
        subqueries in it.

    """
    if type(root) is exp.Column and kind is Kind.IDENTITY and not isinstance(root.this, exp.Star):
        return scope.resolve(root)
    direct: Direct = {}
    indirect: Indirect = set()
    rows: list[Kind] = []
    stack: list[_Part] = [(root, kind)]
    while stack:
        node, way = stack.pop()
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            found, besides = scope.resolve(node)
            add(direct, found.items(), way)
            indirect |= besides
        elif isinstance(node, _LEAVES):
            _by_place(node, scope, way, direct)
        elif isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            rows.append(way)
        elif isinstance(node, exp.Query) or type(node) is exp.Subquery:
            _add_query(node, scope, way, direct, indirect)
        elif isinstance(node, exp.Anonymous) and scope.env.traits.looks_up(node.name):
            stack.extend((part, passed(way, Kind.TRANSFORMATION)) for part in _looked_up(node, scope, way, direct))
        elif isinstance(node, exp.Exists):
            indirect |= _decided(node.this, scope)
        else:
            stack.extend(reversed([*_parts(node, way, scope)]))
    if rows and not direct:
        add(direct, ((origin, Kind.IDENTITY) for origin in _rows(scope)), max(rows))
    return direct, indirect


def condition(root: exp.Expr | None, scope: Scope, kind: Kind) -> Indirect:
    """What an expression reads that decides which rows there are, or how they are put together."""
    if root is None:
        return set()
    direct, indirect = reads(root, scope)
    return as_kind(direct, indirect, kind)


def _by_place(node: exp.Expr, scope: Scope, way: Kind, direct: Direct) -> None:
    """Snowflake's `$1`: a column of a file, by its place."""
    if isinstance(node, exp.Parameter) and scope.sources and node.name.isdigit() and scope.env.traits.name == "snowflake":
        add(direct, scope.resolve(exp.column(node.name))[0].items(), way)


def _add_query(node: exp.Expr, scope: Scope, way: Kind, direct: Direct, indirect: Indirect) -> None:
    relation = scope.env.query(node, scope.env, scope.ctes, scope)
    for item in relation.items:
        column = item if isinstance(item, OutColumn) else item.column(ALL)
        add(direct, column.direct.items(), way)
        indirect |= column.indirect
    indirect |= relation.indirect


def _decided(node: exp.Expr, scope: Scope) -> Indirect:
    """What EXISTS looks at: the rows of a query, whatever it selects."""
    if not isinstance(node, exp.Query):
        return condition(node, scope, Kind.FILTER)
    relation: Relation = scope.env.query(node, scope.env, scope.ctes, scope)
    return relation.indirect | {(origin, Kind.FILTER) for origin in origins(relation.items) if origin[1] != ALL}


def _looked_up(node: exp.Anonymous, scope: Scope, way: Kind, direct: Direct) -> list[exp.Expr]:
    """ClickHouse's dictGet('d', 'attribute', key): the dictionary is read like a table.

    Returns:
        The arguments that are left to read.

    """
    first, *rest = node.expressions or [exp.null()]
    parts = [part.name for part in first.parts] if isinstance(first, exp.Column) else first.name.split(".")
    if not (isinstance(first, exp.Column) or first.is_string) or not any(parts):  # its name is put together
        return list(node.expressions)
    table = scope.env.tables.key(parts)
    scope.env.reads.setdefault(table)
    names = rest[0].find_all(exp.Literal) if rest and node.name.lower().startswith(("dictget", "joinget")) else ()
    found: list[tuple[Origin, Kind]] = [((table, text.name.lower()), Kind.IDENTITY) for text in names if text.is_string]
    add(direct, found, passed(way, Kind.TRANSFORMATION))
    return rest


def _rows(scope: Scope) -> Iterator[tuple[tuple[str, ...] | None, str]]:
    """What `count(*)` counts: the rows of the tables here, as far as no list of columns stands between."""
    for source in scope.sources:
        if source.table:
            yield (source.table, ALL)
        else:
            for star in source.relation.stars:
                yield from star.column(ALL).direct


def _parts(node: exp.Expr, way: Kind, scope: Scope) -> Iterator[_Part]:
    """The parts of an expression, each with the kind of its way."""
    special = _SPECIAL.get(type(node))
    if special is not None:
        yield from special(node, way, scope)
        return
    if isinstance(node, _SECOND_ONLY):
        yield node.expression, passed(way, Kind.TRANSFORMATION)
        return
    if isinstance(node, exp.AggFunc) and not isinstance(node, _PICKING):
        way = passed(way, Kind.AGGREGATION)
    elif not isinstance(node, _SAME):
        way = passed(way, Kind.TRANSFORMATION)
    takes_unit = isinstance(node, exp.Func) and _takes_unit(node) and not _says_unit(node)
    for child in children(node):
        if not (takes_unit and _is_unit(child)):
            yield child, way


def children(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes right below one."""
    for value in node.args.values():
        if isinstance(value, exp.Expr):
            yield value
        elif isinstance(value, list):
            for child in value:
                if isinstance(child, exp.Expr):
                    yield child


def _takes_unit(node: exp.Func) -> bool:
    name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key
    return any(word in name for word in _UNIT_FUNCTIONS)


def _says_unit(node: exp.Func) -> bool:
    """Whether its unit is told already, or only one of its parts can be a column: then a column called `day` is one."""
    parts = [one.this if isinstance(one, exp.Cast) and isinstance(one.this, exp.Literal) else one for one in children(node)]
    constants = [one for one in parts if isinstance(one, exp.Literal | exp.Var)]
    return any(one.name.lower() in _UNITS for one in constants) or len(parts) - len(constants) == 1


def _is_unit(node: exp.Expr) -> bool:
    return (
        type(node) is exp.Column
        and node.args.get("table") is None
        and isinstance(node.this, exp.Identifier)
        and not node.this.args.get("quoted")
        and node.name.lower() in _UNITS
    )


def _case(node: exp.Expr, way: Kind, _scope: Scope) -> Iterator[_Part]:
    value = passed(way, Kind.TRANSFORMATION)
    if node.this is not None:
        yield node.this, passed(way, Kind.CONDITIONAL)
    for branch in node.args.get("ifs") or ():
        yield branch, way
    if node.args.get("default") is not None:
        yield node.args["default"], value


def _if(node: exp.Expr, way: Kind, _scope: Scope) -> Iterator[_Part]:
    value = passed(way, Kind.TRANSFORMATION)
    yield node.this, passed(way, Kind.CONDITIONAL)
    for key in ("true", "false"):
        if node.args.get(key) is not None:
            yield node.args[key], value


def _filter(node: exp.Expr, way: Kind, _scope: Scope) -> Iterator[_Part]:
    yield node.this, way
    yield node.expression, passed(way, Kind.CONDITIONAL)


def _window(node: exp.Expr, way: Kind, scope: Scope) -> Iterator[_Part]:
    beside = passed(way, Kind.WINDOW)
    if not isinstance(node.this, exp.Identifier):
        yield node.this, passed(way, Kind.TRANSFORMATION)
    named = node.args.get("alias")
    if isinstance(named, exp.Identifier) and named.name.lower() in scope.windows:
        yield scope.windows[named.name.lower()], way
    elif isinstance(node.this, exp.Identifier) and node is not scope.windows.get(node.this.name.lower()):
        base = scope.windows.get(node.this.name.lower())
        if base is not None:
            yield base, way
    for part in (*(node.args.get("partition_by") or ()), node.args.get("order"), node.args.get("spec")):
        if isinstance(part, exp.Expr):
            yield part, beside


def _dot(node: exp.Expr, way: Kind, scope: Scope) -> Iterator[_Part]:
    inner = passed(way, Kind.TRANSFORMATION)
    if isinstance(node.this, exp.Placeholder) and node.this.name.lower() in scope.env.rows:  # Oracle's :new.column
        yield exp.column(node.expression.name, table=node.this.name), way
        return
    if not isinstance(node.this, exp.Identifier):
        yield node.this, inner
    if isinstance(node.expression, exp.Func):
        yield node.expression, inner


def _lambda(node: exp.Expr, way: Kind, _scope: Scope) -> Iterator[_Part]:
    if isinstance(node.this, exp.Literal):  # f(doc -> 'key'): a path into JSON, which only looks like a lambda
        for name in node.expressions:
            if isinstance(name, exp.Identifier):
                yield exp.Column(this=name.copy()), passed(way, Kind.TRANSFORMATION)
    yield node.this, passed(way, Kind.TRANSFORMATION)


_SPECIAL: dict[type[exp.Expr], Callable[[exp.Expr, Kind, Scope], Iterator[_Part]]] = {
    exp.Case: _case,
    exp.If: _if,
    exp.Filter: _filter,
    exp.Window: _window,
    exp.Dot: _dot,
    exp.Lambda: _lambda,
}
