"""Which of several tables a column in an expression is of, told without the names that the text gives them. Pure; in the worker.

Beside journey 3: a check before the change. `coalesce(a.name, b.name)` and `coalesce(b.name, a.name)` read the same columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlglot import exp

_SIDE = "side"


class Sources:
    """The tables behind each query of a text; marks its columns by what they are of and writes named windows out.

    A query's tables are those that it reads at last, through subqueries and WITH, so that wrapping one changes nothing.
    """

    def __init__(self, root: exp.Query) -> None:
        self._around: dict[int, exp.Query | None] = {}
        self._ctes: dict[int, dict[str, exp.Query]] = {}
        self._tables: dict[int, list[exp.Table]] = defaultdict(list)
        self._inner: dict[int, list[exp.Query]] = defaultdict(list)
        self._known: dict[int, frozenset[str]] = {}
        columns = self._walked(root)
        scopes: dict[int, dict[str, tuple[str, int]]] = {}
        for column, query in columns:
            self._mark(column, query, scopes)

    def _walked(self, root: exp.Query) -> list[tuple[exp.Column, exp.Query]]:
        """Every column with the query that it stands in; gathers queries and tables on the way."""
        columns: list[tuple[exp.Column, exp.Query]] = []
        todo: list[tuple[exp.Expr, exp.Query | None, bool]] = [(root, None, False)]
        while todo:
            node, query, is_named = todo.pop()
            if isinstance(node, exp.Query):
                self._enter(node, query, is_named=is_named)
                query = node
            elif isinstance(node, exp.Table) and query is not None:
                self._around[id(node)] = query
                self._tables[id(query)].append(node)
            elif isinstance(node, exp.Column) and query is not None:
                columns.append((node, query))
            inner = [(one, query, isinstance(node, exp.CTE)) for one in node.iter_expressions()]
            todo += inner
        return columns

    def _enter(self, node: exp.Query, around: exp.Query | None, *, is_named: bool) -> None:
        self._around[id(node)] = around
        if around is not None and not is_named:
            self._inner[id(around)].append(node)
        with_ = node.args.get("with_")
        named = with_.expressions if isinstance(with_, exp.Expr) else []
        self._ctes[id(node)] = {one.alias.lower(): one.this for one in named if isinstance(one.this, exp.Query)}
        _write_out_windows(node)

    def of(self, node: object) -> str:
        """The tables of a query, or of one of FROM, in one text; empty where there is none."""
        return ",".join(sorted(self._reached(node)))

    def _reached(self, node: object) -> frozenset[str]:
        if isinstance(node, exp.Lateral):
            node = node.this
        if isinstance(node, exp.Table):
            named = self._named(node)
            return frozenset({node.name.lower()}) if named is None else self._reached(named)
        if not isinstance(node, exp.Query):
            return frozenset()
        if id(node) not in self._known:
            self._known[id(node)] = frozenset()  # a query that reads itself adds nothing
            parts = [*self._tables[id(node)], *self._inner[id(node)]]
            self._known[id(node)] = frozenset().union(*map(self._reached, parts))
        return self._known[id(node)]

    def _named(self, table: exp.Table) -> exp.Query | None:
        """The query of WITH that a name stands for."""
        if table.db or not table.name:
            return None
        query = self._around.get(id(table))
        while query is not None:
            if (found := self._ctes[id(query)].get(table.name.lower())) is not None:
                return found
            query = self._around[id(query)]
        return None

    def _mark(self, column: exp.Column, query: exp.Query, scopes: dict[int, dict[str, tuple[str, int]]]) -> None:
        name, steps = column.table.lower(), 0
        at: exp.Query | None = query
        while at is not None:
            if isinstance(at, exp.Select):
                if id(at) not in scopes:
                    scopes[id(at)] = self._scope(at)
                scope = scopes[id(at)]
                if not name and len(scope) == 1:
                    name = next(iter(scope))
                if name in scope or not name:
                    tables, again = scope.get(name, ("", 0))
                    column.meta[_SIDE] = (tables, again, min(steps, 1)) if name else None
                    return
                steps += 1
            at = self._around[id(at)]

    def _scope(self, select: exp.Select) -> dict[str, tuple[str, int]]:
        """What each name of FROM stands for: its tables, and which of several of the same tables it is."""
        seen: dict[str, int] = defaultdict(int)
        found: dict[str, tuple[str, int]] = {}
        for source in _sources(select):
            tables = self.of(source)
            found[source.alias_or_name.lower()] = (tables, seen[tables] if self._is_table(source) else -seen[tables])
            seen[tables] += 1
        return found

    def _is_table(self, source: exp.Expr) -> bool:
        """Whether it is a table, or gives out a table's columns as they are: of two such every column must be named with one."""
        if isinstance(source, exp.Table):
            named = self._named(source)
            if named is None:
                return True
            source = named
        while isinstance(source, exp.Subquery):
            source = source.this
        if not isinstance(source, exp.Select):
            return isinstance(source, exp.Table)
        inner = list(_sources(source))
        plain = all(isinstance(one, exp.Star) or type(one) is exp.Column for one in source.expressions)
        return plain and len(inner) == 1 and inner[0] is not source and self._is_table(inner[0])


def _sources(select: exp.Select) -> Iterator[exp.Expr]:
    """What FROM names, in order, joins in brackets too."""
    parts = [select.args.get("from_"), *(select.args.get("joins") or []), *(select.args.get("laterals") or [])]
    todo = [one for one in parts if isinstance(one, exp.Expr)][::-1]
    while todo:
        one = todo.pop()
        if isinstance(one, exp.From | exp.Join):
            todo.append(one.this)
            continue
        todo += (one.args.get("joins") or [])[::-1]
        if isinstance(one, exp.Subquery) and isinstance(one.this, exp.Subquery | exp.Table) and not one.alias:
            todo.append(one.this)
        else:
            yield one


def _write_out_windows(query: exp.Query) -> None:
    """`OVER w` as what WINDOW says of `w`."""
    named: dict[str, exp.Expr] = {}
    for window in query.args.get("windows") or []:
        _filled(window, named)
        named[window.name.lower()] = window
    if named:
        for window in query.find_all(exp.Window):
            _filled(window, named)


def _filled(window: exp.Expr, named: dict[str, exp.Expr]) -> None:
    said = window.args.get("alias")
    known = named.get(said.name.lower()) if isinstance(said, exp.Expr) else None
    if known is None:
        return
    for key in ("partition_by", "order", "spec", "alias", "over"):  # in the order in which they are read
        value = window.args.pop(key, None) or (known.args.get(key) if key in ("partition_by", "order", "spec") else None)
        if value:
            window.set(key, value if value.__class__ is str else _copied(value))


def _copied(value: exp.Expr | list[exp.Expr]) -> exp.Expr | list[exp.Expr]:
    return [one.copy() for one in value] if isinstance(value, list) else value.copy()


def side_of(column: exp.Column) -> tuple[str, int, int] | None:
    """Its tables, which of several of the same, and whether it is of a query around; None where that is not known."""
    side: tuple[str, int, int] | None = column.meta.get(_SIDE)
    return side


def is_of_another(column: exp.Expr) -> bool:
    """Whether it is of the second, or a later one, of two sources that are the same table."""
    side = side_of(column) if isinstance(column, exp.Column) else None
    return side is not None and side[1] > 0


def mixed_in(node: exp.Expr) -> frozenset[str]:
    """The columns, in lower case, that an expression has of more than one table."""
    if isinstance(node, exp.EQ) and all(type(one) is exp.Column for one in (node.this, node.expression)):
        return frozenset()
    sides: dict[str, set[tuple[str, int, int]]] = defaultdict(set)
    for column in node.find_all(exp.Column):
        side = side_of(column)
        if side is not None:
            sides[column.name.lower()].add(side)
    return frozenset(name for name, found in sides.items() if len(found) > 1)
