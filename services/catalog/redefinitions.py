"""What a table that is made anew means: the definition that the caller may read, compared with the one that a script brings.

Beside journey 3: a check before the change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from services.catalog.definitions import definition_for
from services.common.model.access import AccessScope
from services.common.model.assets import Asset
from services.common.model.names import AssetId
from services.common.model.schema_changes import (
    ColumnMeaning,
    MadeBy,
    Origin,
    Redefinition,
    RedefinitionRequest,
    SchemaChange,
)
from services.common.ports import LineageQuery

_WORDS = re.compile(r"\w+")
SOME = "*"
"""In place of a column's name: some columns, it is not known which."""
_NAMED = 5
"""Columns, origins and readers that a sentence names."""


def redefined(
    change: SchemaChange,
    asset: Asset,
    scope: AccessScope,
    lineage: LineageQuery,
    brought: Iterable[tuple[AssetId, str]] = (),
) -> Redefinition | None:
    """What means something else in an asset that is made anew from a query; None where it is made from none, or keeps no column.

    `brought` are columns that the script has given to tables before. The same answer for a definition that the scope withholds as for one that nobody has.

    Raises:
        ServiceUnavailable: the lineage service does not answer; trying again helps.

    """
    own = [column.name for column in asset.columns]
    kept = {name.lower() for name in (own if change.columns is None else change.columns)}
    columns = tuple(name for name in own if name.lower() in kept)
    if change.made_by is None or (own and not columns):
        return None
    before = change.was_made_by
    if before is None:
        known = definition_for(asset, scope, lineage)
        if known.sql is None:
            return Redefinition(problem="what it is made from now is not known")
        before = MadeBy(known.sql, asset.platform.dialect)
    after = change.made_by
    after = MadeBy(after.sql, after.dialect or before.dialect)
    return lineage.redefinition(
        RedefinitionRequest(asset.name, before, after, scope, columns or None, tuple(sorted(brought)))
    )


def may_read(sql: str, column: str) -> bool:
    """Whether a definition may read a column of some table: it says the name somewhere, or a `*` that may stand for it."""
    text = sql.lower().replace("count(*)", "")
    name = column.lower()
    said = name in _WORDS.findall(text) if _WORDS.fullmatch(name) else name in text
    return said or "*" in text


def what_changes(found: Redefinition) -> str:
    """One sentence, without its end, on what means something else; of one that is not known, why."""
    named = [one.column for one in found.columns if one.column != SOME]
    some = ["some of its columns"] if len(named) < len(found.columns) else []
    parts = []
    if found.columns:
        parts.append(f"values change in {listed([*named, *some])}")
    if found.rows:
        parts.append("other rows are in it" if parts else "only which rows are in it changes")
    if found.problem is not None:
        parts.append(f"{'whether more does' if parts else 'whether its values stay the same'} is not known: {found.problem}")
    return ", and ".join(parts)


def details(found: Redefinition) -> Iterator[str]:
    """A line for each column that is made otherwise, and for what decides about rows."""
    for column in found.columns:
        yield f"{'some columns' if column.column == SOME else column.column}: {_made(column)}"
    if found.rows_was:
        yield f"rows: no longer decided by {_origins(found.rows_was)}"
    if found.rows_now:
        yield f"rows: decided by {_origins(found.rows_now)} now"
    if found.rows and not (found.rows_was or found.rows_now):
        yield "rows: other conditions or tables, over the same columns"


def _made(one: ColumnMeaning) -> str:
    if one.was and one.now:
        return f"from {_origins(one.now)} instead of {_origins(one.was)}"
    if one.now:
        return f"now also from {_origins(one.now)}"
    if one.was:
        return f"no longer from {_origins(one.was)}"
    return "from the same columns, by another expression"


def _origins(found: Sequence[Origin]) -> str:
    return listed([f"{one.table.qualified}.{one.column} ({one.kind})" for one in found])


def listed(names: Sequence[str]) -> str:
    """Names for a sentence; of many the first few, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
