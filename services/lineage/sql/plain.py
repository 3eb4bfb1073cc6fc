"""Expressions as people write them: without what databases add when they write a view out (`pg_get_viewdef`). Pure; in the worker.

Beside journey 3: a check before the change.
"""

from __future__ import annotations

import re

from sqlglot import exp

_TEXTS = frozenset({"TEXT", "VARCHAR", "CHAR", "NVARCHAR", "NCHAR", "BPCHAR", "NAME"})
_SPAN = re.compile(r"([+-]?\d+) ?([A-Za-z]+)")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)$")
_UNITS = {"mon": "month", "min": "minute", "sec": "second", "hr": "hour", "yr": "year"}
_BIGGER = {"year": (12, "month"), "week": (7, "day"), "hour": (3_600, "second"), "minute": (60, "second")}


def plain(node: exp.Expr) -> exp.Expr:
    """Without brackets, names, and casts that only say what a text is, as databases write them out (`'paid'::text`)."""
    while True:
        inner = _within(node)
        if inner is None:
            return node
        node = inner


def _within(node: exp.Expr) -> exp.Expr | None:
    """What stands for the same and is plainer; None where nothing is."""
    if isinstance(node, exp.Paren | exp.Alias | exp.TableAlias):
        return node.this if isinstance(node.this, exp.Expr) else None
    if isinstance(node, exp.Subquery):
        return _handed_on(node.this)
    if isinstance(node, exp.Cast | exp.Interval) and (span := _span(node)) is not None:
        return span
    found: exp.Expr | None = None
    if isinstance(node, exp.Cast):
        found = node.this if _says_nothing(node) else None
    elif isinstance(node, exp.JSONPath):
        found = _key(node)
    elif isinstance(node, exp.EQ | exp.NEQ):
        found = _among(node)
    elif isinstance(node, exp.Func):
        found = _called(node)
    return found


def _called(node: exp.Expr) -> exp.Expr | None:
    """A function, CASE or EXISTS that is said in a plainer way."""
    found: exp.Expr | None = None
    if isinstance(node, exp.TimestampTrunc | exp.TimeToStr):
        found = _of_a_day(node)
    elif isinstance(node, exp.Case) and isinstance(node.this, exp.Expr) and isinstance(node.this.unnest(), exp.Column):
        found = _searched(node)  # of a long expression, each branch would repeat it
    elif isinstance(node, exp.Exists) and isinstance(node.this, exp.Expr) and _is_one(node.this.args.get("limit")):
        found = node.copy()
        found.this.set("limit", None)
    elif _counts_rows(node):
        found = exp.Count(this=exp.Star(), big_int=True)
    elif isinstance(node, exp.Anonymous) and node.name.lower() == "now" and not node.expressions:
        found = exp.CurrentTimestamp()
    return found


def _is_one(limit: object) -> bool:
    """`LIMIT 1`, which says nothing behind EXISTS."""
    said = limit.expression if isinstance(limit, exp.Limit) else None
    return isinstance(said, exp.Literal) and said.name == "1"


def _counts_rows(node: exp.Expr) -> bool:
    """`count(0)` of MySQL and MariaDB, `count(1)` of people, `count_star()` of DuckDB."""
    if isinstance(node, exp.Count):
        return isinstance(node.this, exp.Literal) and not node.this.is_string and not node.expressions
    return isinstance(node, exp.Anonymous) and node.name.lower() == "count_star" and not node.expressions


def _searched(case: exp.Case) -> exp.Expr:
    """`CASE a WHEN 1 …` as `CASE WHEN a = 1 …`."""
    ifs = [
        exp.If(this=exp.EQ(this=case.this.copy(), expression=one.this.copy()), true=one.args["true"].copy())
        for one in case.args["ifs"]
    ]
    default = case.args.get("default")
    return exp.Case(ifs=ifs, default=None if default is None else default.copy())


def _handed_on(query: exp.Expr) -> exp.Expr | None:
    """The one table or query of which `SELECT *` gives out all; None for any other query."""
    if not isinstance(query, exp.Select) or [type(one) for one in query.expressions] != [exp.Star]:
        return None
    said = {key for key, value in query.args.items() if value and key not in ("expressions", "from_")}
    source = query.args.get("from_")
    return source.this if isinstance(source, exp.From) and not said else None


def _says_nothing(node: exp.Cast) -> bool:
    kind = node.args.get("to")
    name = kind.this.value if isinstance(kind, exp.DataType) and isinstance(kind.this, exp.DataType.Type) else ""
    sized = isinstance(kind, exp.DataType) and bool(kind.expressions)
    return isinstance(node.this.unnest(), exp.Literal) or (name in _TEXTS and not sized)


def _of_a_day(node: exp.TimestampTrunc | exp.TimeToStr) -> exp.Expr | None:
    """Without the time zone that a date gets where one is cut to its month, or written as a text, and with the unit as a word."""
    value = node.this.unnest() if isinstance(node.this, exp.Expr) else None
    unit = node.args.get("unit")
    is_zoned = isinstance(value, exp.Cast) and value.is_type("timestamptz")
    is_text = isinstance(unit, exp.Cast) and isinstance(unit.this, exp.Literal)
    if value is None or not (is_zoned or is_text):
        return None
    found = node.copy()
    if is_zoned:
        found.set("this", value.this.copy())
    if is_text and isinstance(unit, exp.Expr):
        found.set("unit", exp.var(unit.this.name.upper()))
    return found


def _among(node: exp.EQ | exp.NEQ) -> exp.Expr | None:
    """`= ANY (ARRAY[…])` and `<> ALL (ARRAY[…])` as a list behind IN and NOT IN, `= ANY (SELECT …)` as IN."""
    other = node.expression
    if isinstance(node, exp.EQ) and isinstance(other, exp.Any) and isinstance(other.this, exp.Query):
        inner = other.this if isinstance(other.this, exp.Subquery) else exp.Subquery(this=other.this.copy())
        return exp.In(this=node.this.copy(), query=inner.copy())
    if isinstance(node, exp.EQ) and isinstance(other, exp.Any):
        value: object = other.this
    elif (
        isinstance(node, exp.NEQ) and isinstance(other, exp.Anonymous) and other.name.upper() == "ALL" and other.expressions
    ):
        value = other.expressions[0]
    else:
        value = other.this if isinstance(node, exp.NEQ) and isinstance(other, exp.All) else None
    listed = _listed(value) if isinstance(value, exp.Expr) else []
    if not listed:
        return None
    found = exp.In(this=node.this.copy(), expressions=[one.copy() for one in listed])
    return found if isinstance(node, exp.EQ) else exp.Not(this=found)


def _listed(value: exp.Expr) -> list[exp.Expr]:
    """The members of an array that is written out; empty for anything else."""
    value = value.unnest()
    while isinstance(value, exp.Cast):
        value = value.this.unnest()
    return list(value.expressions) if isinstance(value, exp.Array) else []


def _key(path: exp.JSONPath) -> exp.Expr | None:
    """A path of one key, or place, as the constant behind `->`."""
    if len(path.expressions) != 2 or not isinstance(path.expressions[0], exp.JSONPathRoot):
        return None
    last = path.expressions[1]
    if isinstance(last, exp.JSONPathKey) and isinstance(last.this, str):
        return exp.Literal.string(last.this)
    if isinstance(last, exp.JSONPathSubscript) and isinstance(last.this, int):
        return exp.Literal.number(last.this)
    return None


def _span(node: exp.Cast | exp.Interval) -> exp.Expr | None:
    """A span of time of constants, in months, days and seconds: `interval '1 month'` is written out as `'1 mon'::interval`."""
    value = node.this.unnest() if isinstance(node.this, exp.Expr) else None
    unit = node.args.get("unit")
    if not isinstance(value, exp.Literal):
        return None
    if isinstance(node, exp.Cast):
        if not node.is_type("interval"):
            return None
        text = value.name
    else:
        text = f"{value.name} {unit.name}" if isinstance(unit, exp.Var) else value.name
    spans: dict[str, int] = {}
    clock = _CLOCK.search(text)
    if clock is not None:
        hours, minutes, seconds = map(int, clock.groups())
        spans["second"] = hours * 3_600 + minutes * 60 + seconds
        text = text[: clock.start()]
    if _SPAN.sub("", text).strip():
        return None
    for amount, name in _SPAN.findall(text):
        times, word = _in_words(name)
        spans[word] = spans.get(word, 0) + int(amount) * times
    said = " ".join(f"{word} {amount}" for word, amount in sorted(spans.items()))
    return exp.Literal.string(f"interval {said}") if said else None


def _in_words(unit: str) -> tuple[int, str]:
    word = unit.lower().removesuffix("s")
    return _BIGGER.get(_UNITS.get(word, word), (1, _UNITS.get(word, word)))
