"""Whether a caller may read a view's SQL: only where it may see every table that the SQL names.

Journey 2 and the asset page: names that a scope hides stay hidden even where only SQL mentions them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from services.common.errors import ServiceUnavailable
from services.common.model.access import AccessScope
from services.common.model.assets import SQL_UNREADABLE, Asset
from services.common.model.names import ScopePath
from services.common.ports import LineageQuery


@dataclass(frozen=True, slots=True)
class Definition:
    """The SQL that a caller may read, and why there is none: `shown`, `none`, `withheld`, or `unreadable`.

    `problem` says what the source would need to show it, where it would not.
    """

    sql: str | None
    state: str
    problem: str | None = None


def definition_for(asset: Asset, scope: AccessScope, lineage: LineageQuery) -> Definition:
    """The definition of an asset as a caller may read it; withheld whenever it is not known what it names."""
    if asset.sql is None:
        problem = asset.properties.get(SQL_UNREADABLE)
        return Definition(None, "none") if problem is None else Definition(None, "unreadable", str(problem))
    if scope.is_full:
        return Definition(asset.sql, "shown")
    try:
        read = lineage.mentioned(asset.id, sql_digest(asset.sql))
    except ServiceUnavailable:
        read = None
    if read is None or not all(scope.permits(ScopePath(path)) for path in read):
        return Definition(None, "withheld")
    return Definition(asset.sql, "shown")


def sql_digest(sql: str) -> str:
    """The SHA-256 of a definition's text, in hexadecimal: how catalog and lineage agree on which text was read."""
    return hashlib.sha256(sql.encode("utf-8", "surrogatepass")).hexdigest()
