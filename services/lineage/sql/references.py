"""Which names in a parsed query are tables: scoping of CTEs, array paths, functions and files.

Journey 3, step "definition → references", called by `parse`. The tree is walked with a stack of its own, because a long
chain of ORs or UNIONs is a tree as deep as it is long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy

from services.common.model.names import SqlPart
from services.lineage.sql.statement import TableRef

_FORWARD = frozenset({"sqlite"})
"""Every WITH lets a body name itself and later ones (SQLite: the keyword RECURSIVE changes nothing)."""
_FORWARD_IF_RECURSIVE = frozenset({"postgres", "materialize", "risingwave", "bigquery"})
"""WITH RECURSIVE lets a body name later ones too; elsewhere it may name itself and earlier ones."""
_RECURSIVE_UNSAID = frozenset({"tsql", "fabric", "oracle", "snowflake"})
"""Have no keyword RECURSIVE or do not need it: a body that is a UNION may name itself."""
_ARRAY_PATHS = frozenset({"bigquery", "redshift"})
"""`FROM t.items` inside a query over `t` is an array of t's row, not table `items` in `t`."""
_DUAL = frozenset({"oracle", "mysql", "doris", "starrocks", "snowflake", "exasol", "redshift", "databricks", "clickhouse"})
"""`dual` is the engine's table of one row."""
_FILE = re.compile(r"://|[*?]|\.(?:parquet|csv|tsv|jsonl?|ndjson|xlsx|arrow|db|duckdb)(?:\.\w+)?$", re.IGNORECASE)
_FORMATS = frozenset({"parquet", "csv", "json", "delta", "orc", "text", "avro", "binaryfile"})
_MODEL_FUNCTIONS = (exp.Predict, exp.MLForecast, exp.MLTranslate, exp.GenerateEmbedding)
"""BigQuery's functions whose first argument is a model, which sqlglot holds as a table."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What a place in a query sees: names of CTEs, and names of rows of the queries around it, both normalised."""

    ctes: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()


def references(root: exp.Expr, dialect: Dialect) -> tuple[TableRef, ...]:
    """Every table that the query or CREATE statement `root` reads, each spelling once."""
    name = dialect.__class__.__name__.lower()
    found: dict[TableRef, None] = {}
    stack = [(root, _Around())]
    while stack:
        node, around = stack.pop()
        ref = _table(node, around, dialect, name)
        if ref is not None:
            found.setdefault(ref)
        inner, below = _with(node, around, dialect, name)
        below.extend((child, inner) for child in _children(node))
        if name in _ARRAY_PATHS and isinstance(node, exp.Select):
            below = _with_rows(below, _row_names(node, dialect))
        stack.extend(reversed(below))
    return tuple(found)


def named(table: exp.Expr) -> TableRef | None:
    """The parts of a table's name; None where `table` is named by a function, a variable or text."""
    if not isinstance(table, exp.Table):
        return None
    chain = [table.args[key] for key in ("catalog", "db") if table.args.get(key) is not None]
    last: object = table.args.get("this")
    tail: list[object] = []
    while isinstance(last, exp.Dot):
        tail.insert(0, last.expression)
        last = last.this
    parts = [_part(part) for part in (*chain, last, *tail)]
    known = tuple(part for part in parts if part is not None)
    return known if len(known) == len(parts) else None


def _part(part: object) -> SqlPart | None:
    if isinstance(part, exp.Identifier):
        return SqlPart(part.name, bool(part.args.get("quoted")))
    return SqlPart("") if part == "" else None  # `db..t` leaves the schema out


def _table(node: exp.Expr, around: _Around, dialect: Dialect, name: str) -> TableRef | None:
    ref = named(node)
    if ref is None or not ref[-1].text or _is_no_table(ref, name):
        return None
    first = _normal(ref[0], dialect)
    if len(ref) == 1:
        return None if first in around.ctes else ref
    if name in _ARRAY_PATHS and first in around.rows:
        return None
    return ref


def _is_no_table(ref: TableRef, name: str) -> bool:
    if len(ref) == 1 and not ref[0].quoted and ref[0].text.lower() == "dual":
        return name in _DUAL
    if name == "duckdb":
        return len(ref) == 1 and ref[0].quoted and _FILE.search(ref[0].text) is not None
    if name == "oracle":
        return "@" in ref[-1].text and not ref[-1].quoted  # a table of another database, through a link
    return name in ("spark", "databricks") and len(ref) == 2 and ref[0].text.lower() in _FORMATS and "/" in ref[1].text


def _with(node: exp.Expr, around: _Around, dialect: Dialect, name: str) -> tuple[_Around, list[tuple[exp.Expr, _Around]]]:
    """What is seen inside a node with a WITH clause, and its bodies, each with what that body sees."""
    clause = node.args.get("with_")
    if clause is None:
        return around, []
    recursive = bool(clause.args.get("recursive"))
    forward = name in _FORWARD or (recursive and name in _FORWARD_IF_RECURSIVE)
    own = [_cte_name(cte, dialect) for cte in clause.expressions]
    bodies, seen = [], around.ctes
    for cte, own_name in zip(clause.expressions, own, strict=True):
        if forward:
            visible = seen.union(own)
        elif recursive or (name in _RECURSIVE_UNSAID and isinstance(cte.this, exp.SetOperation)):
            visible = seen | {own_name}
        else:
            visible = seen
        bodies.append((cte.this, replace(around, ctes=visible)))
        seen = seen | {own_name}
    return replace(around, ctes=seen), bodies


def _cte_name(cte: exp.Expr, dialect: Dialect) -> str:
    alias = cte.args["alias"].this
    return _normal(SqlPart(alias.name, bool(alias.args.get("quoted"))), dialect)


def _with_rows(below: list[tuple[exp.Expr, _Around]], rows: frozenset[str]) -> list[tuple[exp.Expr, _Around]]:
    """The parts of a SELECT, all but its FROM and joins now also seeing its rows."""
    return [
        (part, around if isinstance(part, exp.From | exp.Join) else replace(around, rows=around.rows | rows))
        for part, around in below
    ]


def _row_names(select: exp.Select, dialect: Dialect) -> frozenset[str]:
    sources = [part.this for part in (select.args.get("from_"), *(select.args.get("joins") or ())) if part is not None]
    return frozenset(
        _normal(SqlPart(source.alias_or_name), dialect) for source in sources if isinstance(source, exp.Table | exp.Subquery)
    )


def _children(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a node that may hold tables that are read."""
    for key, value in node.args.items():
        if isinstance(node, exp.Create) and key not in ("expression", "clone"):
            continue  # its columns, keys and properties name tables that it does not read
        if key in ("with_", "into", "locks") or (key == "this" and isinstance(node, _MODEL_FUNCTIONS)):
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, exp.Expr):
                yield child


def _normal(part: SqlPart, dialect: Dialect) -> str:
    """A name as the engine compares it."""
    strategy = dialect.normalization_strategy
    if strategy is NormalizationStrategy.CASE_SENSITIVE:
        return part.text
    if strategy in (NormalizationStrategy.LOWERCASE, NormalizationStrategy.UPPERCASE) and part.quoted:
        return part.text
    return part.text.upper() if strategy is NormalizationStrategy.UPPERCASE else part.text.lower()
