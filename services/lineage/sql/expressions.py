"""The expressions and conditions of a definition in one spelling, so that two texts of it can be compared. Pure; in the worker.

Beside journey 3: a check before the change. Tables are left to the edges between columns: here a column is its name alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.errors import SqlglotError

from services.lineage.sql.ddl_changes import query_of
from services.lineage.sql.dialects import dialect_of
from services.lineage.sql.extract import facts_of
from services.lineage.sql.plain import plain
from services.lineage.sql.relation import ALL
from services.lineage.sql.sides import Sources, is_of_another, mixed_in, side_of
from services.lineage.sql.statement import Problem, Reading, is_template
from services.lineage.sql.template import rendered
from services.lineage.sql.tokens import split
from services.lineage.sql.trees import Trees, without_client_commands
from services.lineage.sql.wording import LIMIT, Worded, Wording, counted, hashed

_ANY_ORDER = (exp.And, exp.Or, exp.Add, exp.Mul, exp.EQ, exp.NEQ)
_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE}
_NO_PART = frozenset({"alias", "comments", "quoted", "safe", "typed", "only_json_types"})
_CONSTANTS = (exp.Literal, exp.RawString, exp.National, exp.Heredoc)
_TRIVIAL = (exp.Column, exp.Star, exp.Identifier, exp.Dot)


def read_wording(asked: Wording) -> Worded | Reading:
    """The expressions of the one definition in a text."""
    try:
        return _read(asked)
    except SqlglotError:
        return Reading(problem=Problem.SYNTAX)
    except RecursionError:
        return Reading(problem=Problem.TOO_NESTED)


def _read(asked: Wording) -> Worded | Reading:
    sql = rendered(asked.sql).sql if is_template(asked.sql) else asked.sql
    sql = without_client_commands(sql)
    trees = Trees(dialect_of(asked.dialect)[0])
    roots = [root for part in split(trees.tokens(sql)) for root in trees.parse(part, sql)]
    queries = [query for root in roots if (query := root if isinstance(root, exp.Query) else query_of(root)) is not None]
    return _worded(queries[0], _outputs(asked)) if len(queries) == 1 else Reading(problem=Problem.NOT_A_QUERY)


def _outputs(asked: Wording) -> tuple[str, ...] | None:
    """The names of the columns of what the text makes; None where they are not all known."""
    writes = [write for facts in facts_of(asked)[0] for write in facts.writes]
    names = tuple(column.name for column in writes[0].columns) if len(writes) == 1 else ()
    return names if names and ALL not in names and all(names) else None


@dataclass
class _Found:
    """What is gathered of one definition; `group` is what is said in the query that is being gathered."""

    sources: Sources
    columns: dict[str, list[str]] = field(default_factory=dict)
    inner: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    row_words: list[str] = field(default_factory=list)
    queries: int = 1
    group: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    using: set[str] = field(default_factory=set)

    def value(self, member: exp.Expr, name: str | None) -> None:
        value = member.unalias()
        if isinstance(value, exp.Paren):
            value = value.unnest()
        for one in (value.args.get("replace") or []) if isinstance(value, exp.Star) else []:
            self.value(one, None if name is None else one.alias.lower())
        if isinstance(value, _TRIVIAL) and not is_of_another(value):
            return
        text = spelled(value)
        self.group.append(text)
        if name is None:
            self.inner.append(text)
        else:
            self.columns.setdefault(name, []).append(text)
        self.words += words_of(value)

    def row(self, mark: str, node: exp.Expr | None = None, beside: str = "") -> None:
        """`beside` is told of the row and is no word of it."""
        text = f"{mark}{beside}" if node is None else f"{mark} {spelled(node)}"
        self.rows.append(text)
        self.group.append(text)
        self.row_words += [mark] if node is None else [mark, *words_of(node)]

    def grouped(self, query: exp.Query, around: list[str]) -> None:
        """All that is said in a query is known, and with the tables that it reads; the one around goes on."""
        if self.group:
            self.groups.append("\n".join([self.sources.of(query), *sorted(self.group)]))
        self.group = around


def _worded(query: exp.Query, outputs: tuple[str, ...] | None) -> Worded:
    found = _Found(Sources(query))
    names = [one.output_name.lower() for one in query.selects]
    _gather(query, found, names)
    return Worded(
        {name: hashed("\n".join(dict.fromkeys(texts))) for name, texts in sorted(found.columns.items())},
        tuple(sorted(map(hashed, found.inner))),
        tuple(sorted(map(hashed, found.rows))),
        tuple(sorted(map(hashed, found.groups))),
        counted(found.words),
        counted(found.row_words),
        found.queries,
        tuple(sorted(map(hashed, found.using))),
        outputs,
    )


def _gather(node: exp.Expr, found: _Found, names: list[str] | None) -> None:
    """A query of FROM, of WITH or the definition itself; `names` are what it gives out, where those are the definition's."""
    for cte in node.args["with_"].expressions if node.args.get("with_") else []:
        _gather(cte.this, found, None)
        found.queries += bool(cte.args["alias"].columns)
    around, found.group = found.group, []
    if isinstance(node, exp.Subquery):
        _gather(node.this, found, names)
        found.queries += names is None and bool(node.alias_column_names)
        _ends(node, found, [])
    elif isinstance(node, exp.SetOperation):
        found.row(f"{type(node).__name__} {'distinct' if node.args.get('distinct') else 'all'}")
        _gather(node.this, found, names)
        _gather(node.expression, found, names)
        _ends(node, found, [])
    elif isinstance(node, exp.Select):
        _select(node, found, names)
    elif isinstance(node, exp.Query):
        found.value(node, None)
    if isinstance(node, exp.Query):
        found.grouped(node, around)
    else:
        found.group = around


def _select(node: exp.Select, found: _Found, names: list[str] | None) -> None:
    members = node.expressions
    found.queries += names is None and any(not isinstance(one, exp.Star) and _names_anew(one) for one in members)
    for at, member in enumerate(members):
        found.value(member, names[at] if names is not None and at < len(names) else None)
    if node.args.get("distinct"):
        found.row("distinct", node.args["distinct"])
    is_first = bool(node.args.get("distinct") and node.args["distinct"].args.get("on"))
    for part in (node.args.get("from_"), *(node.args.get("joins") or []), *(node.args.get("laterals") or [])):
        if part is not None:
            _source(part, found)
    for key in ("where", "having", "qualify", "connect", "prewhere"):
        clause = node.args.get(key)
        for condition in (
            _conjuncts(clause.this) if isinstance(clause, exp.Expr) and isinstance(clause.this, exp.Expr) else ()
        ):
            found.row("where" if key == "prewhere" else key, condition)
    group = node.args.get("group")
    for one in _grouped(group, members) if isinstance(group, exp.Expr) else ():
        found.row("group", one)
    _ends(node, found, members, is_first=is_first)


def _names_anew(member: exp.Expr) -> bool:
    """Whether a subquery gives something out under another name than that of the column which it is."""
    value = member.unalias()
    return not isinstance(value, exp.Column) or member.output_name.lower() != value.name.lower()


def _ends(node: exp.Expr, found: _Found, members: list[exp.Expr], *, is_first: bool = False) -> None:
    """A limit, and the order where it decides what a limit leaves, or which row is the first of those alike (DISTINCT ON)."""
    limits = [one for key in ("limit", "offset") if isinstance(one := node.args.get(key), exp.Expr)]
    for one in limits:
        found.row(LIMIT, _bare(one))
    if is_first:
        found.row(LIMIT)
    order = node.args.get("order")
    for at, one in enumerate(order.expressions if (limits or is_first) and isinstance(order, exp.Expr) else ()):
        way = f"{one.args.get('desc') or ''} {one.args.get('nulls_first') or ''}"
        found.row(f"order {at} {way}", _meant(one.this, members))


def _bare(limit: exp.Expr) -> exp.Expr:
    """`FETCH FIRST 3 ROWS ONLY` as `LIMIT 3`."""
    options = limit.args.get("limit_options")
    if any(options.args.get(key) for key in ("percent", "with_ties")) if isinstance(options, exp.Expr) else False:
        return limit
    count = limit.args.get("count") if isinstance(limit, exp.Fetch) else None
    return exp.Limit(expression=count.copy()) if isinstance(count, exp.Expr) else limit


def _grouped(group: exp.Expr, members: list[exp.Expr]) -> Iterator[exp.Expr]:
    for one in group.expressions:
        yield _meant(one, members)
    for key in ("cube", "rollup", "grouping_sets"):
        yield from group.args.get(key) or []


def _meant(one: exp.Expr, members: list[exp.Expr]) -> exp.Expr:
    """What a number, or an alias, in GROUP BY or ORDER BY stands for in the select list."""
    if isinstance(one, exp.Literal) and one.name.isdigit() and 0 < int(one.name) <= len(members):
        return members[int(one.name) - 1].unalias()
    if isinstance(one, exp.Column) and not one.table:
        named = [member for member in members if isinstance(member, exp.Alias) and member.alias.lower() == one.name.lower()]
        return named[0].unalias() if len(named) == 1 else one
    return one


def _source(part: exp.Expr, found: _Found) -> None:
    """One FROM, JOIN or LATERAL. An inner join's conditions are like those of WHERE."""
    words = " ".join(str(part.args.get(key) or "") for key in ("method", "side", "kind")).upper().split()
    outer = [word for word in words if word not in ("INNER", "CROSS", "OUTER")]
    mark = "where" if not outer else "join " + " ".join(outer)
    if outer:  # which of both sides keeps all of its rows
        found.row(mark, beside="" if "FULL" in outer else f" {found.sources.of(part.this)}")
    on = part.args.get("on")
    for condition in _conjuncts(on) if isinstance(on, exp.Expr) else ():
        found.row(mark, condition)
        if mark in ("where", "join LEFT") and (name := _shared(condition)):
            found.using.add(name)
    for name in part.args.get("using") or []:
        if mark in ("where", "join LEFT"):
            found.using.add(name.name.lower())
        found.row(mark, exp.EQ(this=exp.column(name.name), expression=exp.column(name.name)))
    if isinstance(part.this, exp.Expr):
        _from(part.this, found)


def _shared(condition: exp.Expr) -> str:
    """The column that is called alike on both sides, as USING has it; empty where there is none."""
    sides = (condition.this, condition.expression) if isinstance(condition, exp.EQ) else ()
    names = {one.name.lower() for one in map(plain, sides) if isinstance(one, exp.Column)}
    return names.pop() if len(names) == 1 and all(isinstance(one, exp.Column) for one in map(plain, sides)) else ""


def _from(source: exp.Expr, found: _Found) -> None:
    """What stands behind FROM or JOIN. Joins in brackets are joins like others."""
    if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Subquery | exp.Table):
        _from(source.this, found)
    elif isinstance(source, exp.Query):
        _gather(source, found, None)
    elif isinstance(source, exp.Table):
        _table(source, found)
    else:
        found.row("from", source)
    for join in source.args.get("joins") or [] if isinstance(source, exp.Table | exp.Subquery) else ():
        _source(join, found)


def _table(table: exp.Table, found: _Found) -> None:
    """What is said of a table besides its name: a sample, a pivot, a version, joins in brackets."""
    if not isinstance(table.this, exp.Identifier):
        found.row("from", table.this)
    for key in ("sample", "pivots", "version", "when"):
        extra = table.args.get(key)
        for one in extra if isinstance(extra, list) else [extra]:
            if isinstance(one, exp.Expr):
                found.row(key, one)


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.this)
        yield from _conjuncts(condition.expression)
    elif isinstance(condition, exp.Between) and not condition.args.get("symmetric"):
        yield exp.GTE(this=condition.this.copy(), expression=condition.args["low"].copy())
        yield exp.LTE(this=condition.this.copy(), expression=condition.args["high"].copy())
    else:
        yield condition


def spelled(node: exp.Expr) -> str:
    """An expression in one spelling: operands of what has no order sorted, comparisons one way round.

    Columns are told without tables, but for those that are called alike and are of several.
    """
    return _spelled(node, mixed_in(node))


def _spelled(node: exp.Expr, mixed: frozenset[str]) -> str:
    node = plain(node)
    if isinstance(node, exp.Column):
        return _column(node, mixed)
    if isinstance(node, _CONSTANTS):
        return _constant(node)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return "table"
    name, parts = _called(node), _parts(node)
    if type(node) in _TURNED:
        parts = parts[::-1]
    if isinstance(node, exp.Connector | exp.Add | exp.Mul):
        parts = list(node.flatten())
    texts = [_spelled(one, mixed) if isinstance(one, exp.Expr) else str(one) for one in parts]
    if isinstance(node, _ANY_ORDER) and not _puts_texts_together(node, parts):
        texts.sort()
    if isinstance(node, exp.In):
        texts = texts[:1] + sorted(texts[1:])
    return f"{name}({', '.join(texts)})"


def _column(node: exp.Column, mixed: frozenset[str]) -> str:
    name, side = node.name.lower(), side_of(node)
    if side is None or not (name in mixed or is_of_another(node)):
        return f"column {name}"
    return f"column {name} of {side}" if name in mixed else f"column {name} of number {side[1]}"


def _puts_texts_together(node: exp.Expr, parts: list[object]) -> bool:
    """`first + ' ' + last`, as SQL Server has it."""
    return isinstance(node, exp.Add) and any(isinstance(one, exp.Literal) and one.is_string for one in parts)


def words_of(node: exp.Expr) -> list[str]:
    """The functions, operators and constants in an expression, without columns and tables."""
    node = plain(node)
    if isinstance(node, exp.Column | exp.Table | exp.Star):
        return []
    if isinstance(node, _CONSTANTS):
        return [_constant(node)]
    found = [] if isinstance(node, exp.Identifier | exp.From | exp.Select | exp.Subquery | exp.And) else [_called(node)]
    for one in _parts(node):
        found += words_of(one) if isinstance(one, exp.Expr) else [str(one)]
    return found


def _constant(node: exp.Expr) -> str:
    is_number = isinstance(node, exp.Literal) and not node.is_string
    return f"{'number' if is_number else 'text'} {node.this!s}"


def _called(node: exp.Expr) -> str:
    if isinstance(node, exp.Identifier | exp.Var | exp.Anonymous):
        return f"{type(node).__name__} {node.name.lower()}"
    return _TURNED.get(type(node), type(node)).__name__


def _parts(node: exp.Expr) -> list[object]:
    """What an expression is made of, in order; flags with their names."""
    found: list[object] = []
    for key, value in node.args.items():
        follows = isinstance(node, exp.Pivot) and key == "columns"  # from the rest, with its comments
        if (
            key in _NO_PART
            or (isinstance(node, exp.Trim) and value == "BOTH")
            or follows
            or value is None
            or value is False
            or value == []
        ):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, exp.Expr):
                found.append(one)
            elif not (isinstance(node, exp.Identifier | exp.Var | exp.Anonymous) and key == "this"):
                found.append(f"{key} {one if key == 'this' else str(one).lower()}")
    return found
