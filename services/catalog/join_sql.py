"""The FROM clause of an answer set: its tables joined as told, ready to put a SELECT before. Pure.

Journey 2, after the answer. What nothing joins is said in a comment, never joined with everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.common.model.names import AssetId, DatasetName
from services.common.model.platforms import Platform
from services.common.model.search import Evidence, Join

_BACKTICKS, _BRACKETS, _DOUBLE = ("`", "`"), ("[", "]"), ('"', '"')
_QUOTES = {
    "mysql": _BACKTICKS,
    "bigquery": _BACKTICKS,
    "databricks": _BACKTICKS,
    "hive": _BACKTICKS,
    "spark": _BACKTICKS,
    "mssql": _BRACKETS,
}


class Called(Protocol):
    """What a clause says of a table: an asset, or a heading."""

    @property
    def name(self) -> DatasetName:
        """Its name."""

    @property
    def platform(self) -> Platform:
        """The naming rules of its engine."""


def from_clause(tables: Sequence[AssetId], joins: Sequence[Join], assets: Mapping[AssetId, Called]) -> str:
    """`FROM … AS t1 JOIN … AS t2 ON …`, every name quoted as its engine does; empty where there is no table.

    Args:
        tables: the set, likeliest first: the first is `t1`.
        joins: a tree over each piece of it; one that does not know its columns is left out.
        assets: the tables by id.

    """
    if not tables:
        return ""
    alias = {table: f"t{number}" for number, table in enumerate(tables, 1)}
    joined = {tables[0]}
    lines = [f"FROM {_named(assets[tables[0]])} AS t1"]
    waiting = [join for join in joins if join.on]
    while following := next((join for join in waiting if (join.one in joined) != (join.other in joined)), None):
        waiting.remove(following)
        new = following.other if following.one in joined else following.one
        joined.add(new)
        lines.append(f"JOIN {_named(assets[new])} AS {alias[new]} ON {_condition(following, assets, alias)}")
    lines += (f"-- no known join: {_named(assets[table])} AS {alias[table]}" for table in tables if table not in joined)
    return "\n".join(lines)


def _condition(join: Join, assets: Mapping[AssetId, Called], alias: Mapping[AssetId, str]) -> str:
    def column(table: AssetId, name: str) -> str:
        return f"{alias[table]}.{_quoted(name, assets[table])}"

    pairs = " AND ".join(f"{column(join.one, one)} = {column(join.other, other)}" for one, other in join.on)
    doubt = "" if join.evidence is Evidence.DECLARED else f"  -- {join.evidence.value}, {join.confidence:.0%} sure"
    return pairs + doubt


def _named(asset: Called) -> str:
    # inside a query SQLite calls the file `main`, whatever its name is
    parts = asset.name.parts[-1:] if asset.platform.name == "sqlite" else asset.name.parts
    return ".".join(_quoted(part, asset) for part in parts)


def _quoted(name: str, asset: Called) -> str:
    opening, closing = _QUOTES.get(asset.platform.name, _DOUBLE)
    # a name may hold a line break, and what follows it must not become a statement of its own
    return f"{opening}{' '.join(name.splitlines()).replace(closing, closing * 2)}{closing}"
