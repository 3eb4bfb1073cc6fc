"""The names of dialects as people use them, and what dialects do differently where that decides lineage.

Journey 3, step "SQL → edges".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot.dialects.dialect import Dialect

from services.lineage.sql.aliases import ALIASES

_LATERAL_ALIASES = frozenset({"snowflake", "redshift", "databricks", "spark", "duckdb", "teradata", "clickhouse"})
"""A select list may name the columns before it, and does not need the table to lack such a column."""
_DOTTED = frozenset(
    {"bigquery", "spark", "spark2", "databricks", "hive", "duckdb", "presto", "trino", "athena", "clickhouse", "redshift"}
)
"""`a.b` may be the field `b` of a column `a`."""
_NUMBERED = frozenset({"postgres", "materialize", "risingwave"})
"""Call every expression without a name alike (`?column?`), so that they are numbered here: `_0`, `_1`, …"""
_LOOKING_UP = re.compile(r"^(?:dict(?:get|has|isin)\w*|joinget\w*)$")
_PSEUDO = frozenset(
    {
        "sysdate", "systimestamp", "rownum", "level", "current_date", "current_time", "current_timestamp", "current_user",
        "session_user", "user", "localtime", "localtimestamp", "getdate", "default", "$action",
    }
)  # fmt: skip
"""Words that look like columns and are none, wherever no column is called so."""


@dataclass(frozen=True, slots=True)
class Traits:
    """A dialect's answers to the questions that lineage asks."""

    name: str
    lateral_aliases: bool
    dotted_structs: bool
    numbered_columns: bool

    @property
    def assigns_variables(self) -> bool:
        """Whether `SELECT @v = x` puts `x` into a variable, and is no comparison."""
        return self.name in ("tsql", "fabric")

    def looks_up(self, function: str) -> bool:
        """Whether a function's first argument names a dictionary or a table that it looks something up in."""
        return self.name == "clickhouse" and _LOOKING_UP.match(function.lower()) is not None

    def pseudo(self, name: str) -> bool:
        """Whether an unquoted word may stand for a value of the moment or the session."""
        return name in _PSEUDO


def dialect_of(name: str) -> tuple[str, bool]:
    """The parser's name for a dialect, and whether there is one; the generic dialect (empty) where there is none."""
    low = name.strip().lower()
    low = ALIASES.get(low, low)
    if low == "":
        return "", True
    return (low, True) if Dialect.get(low) is not None else ("", False)


def traits_of(name: str) -> Traits:
    """The traits of one of the parser's dialects."""
    return Traits(name, name in _LATERAL_ALIASES, name in _DOTTED, name in _NUMBERED)
