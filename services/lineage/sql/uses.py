"""The tables and columns that one statement needs to be there, whatever it makes of them. Pure; runs in the worker process.

Beside journey 3: a check before a change. A column is told of a table only where nothing else in sight can have it: where a
source's columns cannot be told, or a name may be an alias, a row or a field, nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from services.lineage.sql.ddl_changes import written
from services.lineage.sql.dialects import traits_of
from services.lineage.sql.table_names import alias_of, name_parts

Need = tuple[tuple[str, ...], str | None]
"""Tables, named as they are written, and a column that one of them must have; with None the one table itself."""
_CATALOGS = frozenset(
    {
        *(
            "information_schema",
            "pg_catalog",
            "sys",
            "performance_schema",
            "mysql",
            "system",
            "account_usage",
            "sqlite_master",
        ),
        *(
            "sqlite_schema",
            "sqlite_temp_master",
            "sqlite_sequence",
            "dual",
            "duckdb_tables",
            "duckdb_columns",
            "duckdb_views",
        ),
    }
)
"""What engines keep about themselves: schemas, and tables without one. No crawl lists them."""
_PREFIXES = ("pg_", "svv_", "svl_", "stl_", "stv_", "v$", "gv$", "__")
_OF_ORACLE = ("dba_", "all_", "user_")
"""The same of tables without a schema, by how their names begin (PostgreSQL, Redshift, Oracle, BigQuery's `__TABLES__`)."""
_PSEUDO = frozenset(
    {
        *("ctid", "oid", "xmin", "xmax", "cmin", "cmax", "tableoid", "rowid", "_rowid_", "rownum", "rowscn", "ora_rowscn"),
        *("_partitiontime", "_partitiondate", "_table_suffix", "_file_name", "_change_type", "excluded", "value", "values"),
        *("metadata$filename", "metadata$row_id", "metadata$action", "metadata$isupdate", "_metadata", "filename", "key"),
        *("next_day", "nextval", "currval", "connect_by_root", "column_value", "object_value", "true", "false", "null"),
    }
)
"""Columns that tables have without listing them, and words that look like columns."""
_NO_NAME = re.compile(r"[/\\\\*?.@${]")
"""In what stands for a file, a stage, a variable or a template."""
_SOURCES = ("with_", "this", "from_", "using", "tables")
"""Parts of UPDATE, DELETE and MERGE that are tables."""
_Names = frozenset[str] | None
"""Columns of a source in lower case; None where they cannot be told."""


def needs_of(root: exp.Expr, dialect: Dialect) -> tuple[Need, ...]:
    """What a statement reads, fills or points at, each once and in order. Empty for one that is not looked into."""
    found = _Needs(dialect)
    try:
        found.statement(root)
    except (AttributeError, KeyError, TypeError, ValueError):  # a form of the tree that is not known here: nothing is said
        return ()
    return tuple(found.told)


@dataclass(slots=True)
class _Place:
    """What a place in a statement sees.

    Attributes:
        ctes: names of WITH, with their columns.
        tables: tables in sight by what they go by.
        others: other sources in sight, with their columns.
        words: names that may be an alias of a column.
        outer: the query around.

    """

    ctes: Mapping[str, _Names] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    others: dict[str, _Names] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    outer: _Place | None = None

    def __iter__(self) -> Iterator[_Place]:
        """The place and those around it, the nearest first."""
        at: _Place | None = self
        while at is not None:
            yield at
            at = at.outer


class _Needs:
    """The needs of one statement, as they are found."""

    def __init__(self, dialect: Dialect) -> None:
        self.told: dict[Need, None] = {}
        self._filled: set[int] = set()
        self._traits = traits_of(dialect.__class__.__name__.lower())
        # elsewhere "a" may be a text
        self._quotes = self._traits.name not in ("", "dialect", "sqlite", "mysql", "bigquery", "clickhouse")

    def statement(self, root: exp.Expr) -> None:
        """All of one statement."""
        if isinstance(root, exp.Create):
            self._created(root)
        elif isinstance(root, exp.Alter):
            self._altered(root)
        elif isinstance(root, exp.Query):
            self._query(root, _Place())
        elif isinstance(root, exp.Insert):
            self._inserted(root)
        elif isinstance(root, exp.Update | exp.Delete | exp.Merge):
            self._changed(root)

    def _created(self, root: exp.Create) -> None:
        query = root.args.get("expression")
        if isinstance(query, exp.Query):
            self._query(query, self._with(root, _Place()))
        self._references(root)
        if isinstance(root.this, exp.Index) and isinstance(table := root.this.args.get("table"), exp.Table):
            place = _Place()
            self._source(table, place)
            self._columns_in([root.this.args.get("params")], place)

    def _altered(self, root: exp.Alter) -> None:
        for query in (one for one in root.args.get("actions") or [] if isinstance(one, exp.Query)):
            self._query(query, _Place())
        self._references(root)
        if not isinstance(root.this, exp.Table):
            return
        place = _Place()
        place.tables[""] = written(root.this)
        keys = [one for action in root.args.get("actions") or [] for one in action.find_all(exp.AddConstraint)]
        self._columns_in(keys, place)

    def _references(self, root: exp.Expr) -> None:
        """Keys that point at other tables."""
        for one in root.find_all(exp.Reference):
            schema = one.this
            table = schema.this if isinstance(schema, exp.Schema) else schema
            if isinstance(table, exp.Table) and (name := self._table(table)):
                self._listed(schema.expressions if isinstance(schema, exp.Schema) else [], name)

    def _listed(self, columns: Iterable[exp.Expr], table: str) -> None:
        for one in columns:
            if isinstance(one, exp.Identifier | exp.Column) and not _qualifier(one) and one.name:
                self._need((table,), one)

    def _inserted(self, root: exp.Insert) -> None:
        place = self._with(root, _Place())
        target = root.this.this if isinstance(root.this, exp.Schema) else root.this
        name = self._table(target) if isinstance(target, exp.Table) else None
        if name is not None and isinstance(root.this, exp.Schema):
            self._listed(root.this.expressions, name)
        query = root.args.get("expression")
        if isinstance(query, exp.Query):
            self._query(query, place)

    def _changed(self, root: exp.Update | exp.Delete | exp.Merge) -> None:
        """UPDATE, DELETE and MERGE: one target, and what stands beside it."""
        place = self._with(root, _Place())
        beside = [root.args.get("from_"), root.args.get("using"), *(root.args.get("joins") or [])]
        sources = [one.this if isinstance(one, exp.From | exp.Join) else one for one in _flat(beside)]
        for source in sources:
            self._source(source, place)
        named = {alias_of(one) or one.name.lower() for one in sources if isinstance(one, exp.Table)}
        target = root.this
        if isinstance(target, exp.Table):
            alias = isinstance(root, exp.Update) and not target.args.get("db") and target.name.lower() in named
            if not alias:  # `UPDATE o … FROM orders AS o` names a source
                self._source(target, place)
            only = self._only(target, place)
            whens = root.args.get("whens")
            parts = [one.args.get("then") for one in whens.expressions] if whens is not None else [root]
            for part in parts:
                self._set(part, only, joined=bool(target.args.get("joins")))
        self._columns_in([value for key, value in root.args.items() if key not in _SOURCES], place)

    def _only(self, target: exp.Table, place: _Place) -> str | None:
        return place.tables.get(alias_of(target) or target.name.lower())

    def _set(self, part: exp.Expr | None, target: str | None, *, joined: bool) -> None:
        """The columns that are filled: those without a table in front are the target's."""
        if target is None or part is None or joined:
            return
        if isinstance(part, exp.Update):
            filled = [one.this for one in part.expressions if isinstance(one, exp.EQ)]
        else:
            filled = part.this.expressions if isinstance(part, exp.Insert) and isinstance(part.this, exp.Tuple) else []
        plain = [one for one in filled if isinstance(one, exp.Column) and not _qualifier(one)]
        self._filled.update(map(id, plain))
        self._listed(plain, target)

    def _with(self, root: exp.Expr, outer: _Place) -> _Place:
        """What a WITH clause brings into sight."""
        clause = root.args.get("with_")
        ctes = dict(outer.ctes)
        if clause is not None:
            every = {one.alias.lower() for one in clause.expressions}
            for cte in clause.expressions:
                # a body may name itself, and in some engines those that come later
                names = self._query(cte.this, _Place({**dict.fromkeys(every), **ctes}, outer=outer.outer))
                columns = cte.args["alias"].args.get("columns") if cte.args.get("alias") is not None else None
                ctes[cte.alias.lower()] = frozenset(one.name.lower() for one in columns) if columns else names
        return _Place(ctes, outer.tables, outer.others, outer.words, outer.outer)

    def _query(self, query: exp.Expr, place: _Place) -> _Names:
        """Look into a query; the columns that it gives out."""
        inside = self._with(query, place)
        if isinstance(query, exp.SetOperation):
            return self._both(query, inside)
        if isinstance(query, exp.Subquery):
            names = self._query(query.this, inside) if isinstance(query.this, exp.Query) else None
            return None if query.args.get("joins") or query.args.get("pivots") else names
        if not isinstance(query, exp.Select):
            return None
        here = _Place(inside.ctes, outer=_Place(inside.ctes, place.tables, place.others, place.words, place.outer))
        for source in _sources_of(query):
            self._source(source, here)
        here.words |= {one.alias.lower() for one in query.selects if one.alias}
        here.words |= {one.alias.lower() for one in query.args.get("laterals") or [] if one.alias}
        read = [value for key, value in query.args.items() if key not in ("with_", "from_", "joins", "laterals", "into")]
        joins = query.args.get("joins") or []
        self._columns_in([*read, *(one.args.get("on") for one in joins)], here)
        outputs = query.selects
        if any(one.is_star or not one.alias_or_name for one in outputs):
            return None
        return frozenset(one.alias_or_name.lower() for one in outputs)

    def _both(self, query: exp.SetOperation, place: _Place) -> _Names:
        """A chain of UNIONs may be as long as a script: it is walked, not descended."""
        names: _Names = None
        left: exp.Expr = query
        sides: list[exp.Expr] = []
        while isinstance(left, exp.SetOperation):
            sides.append(left.expression)
            left = left.this
            if isinstance(left, exp.SetOperation):
                place = self._with(left, place)
        names = self._query(left, place)
        for side in reversed(sides):
            self._query(side, place)
        return None if any(query.args.get(key) for key in ("by_name", "on")) else names

    def _source(self, source: exp.Expr | None, place: _Place) -> None:
        """One member of a FROM."""
        if source is None:
            return
        alias = alias_of(source)
        columns = source.args["alias"].args.get("columns") if isinstance(source.args.get("alias"), exp.TableAlias) else None
        shaped = bool(columns or source.args.get("pivots"))
        if isinstance(source, exp.Table):
            self._named(source, place, alias, shaped=shaped)
        elif isinstance(source, exp.Subquery):
            inner = _Place(place.ctes, outer=place.outer)
            names = self._query(source.this, inner) if isinstance(source.this, exp.Query) else None
            place.others[alias or f" {len(place.others)}"] = None if shaped or source.args.get("joins") else names
            if isinstance(source.this, exp.Table):
                self._source(source.this, place)
        else:
            place.others[alias or f" {len(place.others)}"] = None
            if isinstance(source, exp.Lateral) and isinstance(source.this, exp.Subquery):
                self._query(source.this, place)
        for join in source.args.get("joins") or []:
            self._source(join.this, place)
            self._columns_in([join.args.get("on")], place)

    def _named(self, table: exp.Table, place: _Place, alias: str, *, shaped: bool) -> None:
        plain = isinstance(table.this, exp.Identifier | exp.Dot) and not table.args.get("laterals")
        own = alias or table.name.lower()
        if plain and not table.args.get("db") and table.name.lower() in place.ctes:
            place.others[own] = None if shaped else place.ctes[table.name.lower()]
            return
        if table.args.get("db") is not None and _first(table) in {*place.tables, *place.others}:
            place.others[own] = None  # `FROM t, t.items` is an array of the row
            return
        name = self._table(table) if plain else None
        if name is None or shaped or table.args.get("laterals"):
            place.others[own or f" {len(place.others)}"] = None
        else:
            place.tables[own] = name

    def _table(self, table: exp.Table) -> str | None:
        """Its name as it is written; None for what is no table that anybody lists."""
        parts = [part.lower() for part in name_parts(table)]
        if not parts or not isinstance(table.this, exp.Identifier | exp.Dot):
            return None
        prefixes = (*_PREFIXES, *_OF_ORACLE) if self._traits.name == "oracle" else _PREFIXES
        own = parts[-1]
        hidden = (len(parts) == 1 and own.startswith(prefixes)) or not _CATALOGS.isdisjoint(parts)
        if hidden or own[:1] in ("", "#") or _NO_NAME.search(own) is not None:
            return None
        name = written(table)
        self.told[(name,), None] = None
        return name

    def _columns_in(self, parts: Iterable[object], place: _Place) -> None:
        """The columns in some clauses; queries inside them see this place as the one around theirs."""
        stack = list(_flat(parts))[::-1]
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Query):
                self._query(node, _Place(place.ctes, place.tables, place.others, place.words, place.outer))
            elif isinstance(node, exp.Column):
                self._column(node, place)
            elif isinstance(node, exp.ForeignKey | exp.PrimaryKey | exp.UniqueColumnConstraint):
                inner = node.this.expressions if isinstance(node.this, exp.Schema) else node.expressions
                stack.extend(exp.column(one.copy()) if isinstance(one, exp.Identifier) else one for one in inner[::-1])
            elif isinstance(node, exp.IndexParameters):
                included = [
                    exp.column(one.copy()) for one in node.args.get("include") or [] if isinstance(one, exp.Identifier)
                ]
                stack.extend((*_flat((node.args.get("columns"), node.args.get("where"))), *included))
            elif not isinstance(node, exp.Lambda | exp.JSONTable | exp.Reference | exp.Window | exp.Table):
                stack.extend(node.iter_expressions(reverse=True))
            elif isinstance(node, exp.Window):
                stack.extend(one for one in node.iter_expressions(reverse=True) if not isinstance(one, exp.Identifier))

    def _column(self, column: exp.Column, place: _Place) -> None:
        if not isinstance(column.this, exp.Identifier) or id(column) in self._filled:
            return
        if column.args.get("db") is not None:
            return  # a table's name in front that is written in full, or a field
        qualifier = _qualifier(column)
        if not qualifier:
            self._unqualified(column, place)
            return
        for at in place:
            if qualifier in at.others:
                return
            if qualifier in at.tables:
                self._need((at.tables[qualifier],), column.this)
                return

    def _unqualified(self, column: exp.Column, place: _Place) -> None:
        name = column.name.lower()
        quoted = bool(column.this.args.get("quoted"))
        if (quoted and not self._quotes) or (not quoted and self._traits.pseudo(name)) or name.startswith(("@", ":", "$")):
            return
        tables: list[str] = []
        for at in place:
            if name in at.words or name in at.tables or name in at.others:
                return
            for names in at.others.values():
                if names is None or name in names:
                    return
            tables += at.tables.values()
        if tables:
            self._need(tuple(dict.fromkeys(tables)), column.this)

    def _need(self, tables: Sequence[str], column: exp.Expr) -> None:
        if column.name.lower() not in _PSEUDO:
            self.told[tuple(tables), column.name] = None


def _flat(parts: Iterable[object]) -> Iterator[exp.Expr]:
    for part in parts:
        for one in part if isinstance(part, list) else (part,):
            if isinstance(one, exp.Expr):
                yield one


def _sources_of(query: exp.Select) -> Iterator[exp.Expr]:
    first = query.args.get("from_")
    if first is not None:
        yield first.this
    for join in query.args.get("joins") or []:
        yield join.this
    yield from query.args.get("laterals") or []


def _qualifier(node: exp.Expr) -> str:
    table = node.args.get("table")
    return table.name.lower() if isinstance(table, exp.Expr) else ""


def _first(table: exp.Table) -> str:
    return next(name_parts(table), "").lower()
