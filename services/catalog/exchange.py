"""What people say of tables and columns as rows that can leave the catalog and come back: one a table, one a column.

Beside journey 1: `headwater export` writes these rows to a file (`exchange_lines`), `headwater import` reads them back
(`exchange_import`). A row shows what a reader sees, and says which of it people wrote.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.catalog.assets import MAX_PAGE, AssetReader
from services.catalog.store.hydrate import COLUMN_FIELDS, TABLE_FIELDS
from services.common.model.access import AccessScope
from services.common.model.assets import Asset, Column
from services.common.model.names import AssetId

LISTS = ("owners", "tags")
"""Fields that are lists of labels; the others are texts."""
_DIGEST_CHARS = 12
"""48 bits: two different words of one field are taken for the same once in 3 * 10**14."""


@dataclass(frozen=True, slots=True)
class Row:
    """One table (`column` is None) or column.

    Attributes:
        source, namespace: narrow `name` where it fits several; empty for any.
        name: the qualified name; the end of one may do.
        said: the fields that the row speaks of, by name; None takes people's word back.
        people: which of them are people's words as of the export, the others being the crawl's; None where nobody says.
        exported: a digest of each field as it was exported; None where the row was written by hand.
        revision: of the table when it was exported, for people to look at.

    """

    name: str
    column: str | None = None
    source: str = ""
    namespace: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    people: frozenset[str] | None = None
    exported: Mapping[str, str] | None = None
    revision: int | None = None

    @property
    def shown(self) -> str:
        """What people call it."""
        return self.name if self.column is None else f"{self.name}.{self.column}"


def rows_of(reader: AssetReader, scope: AccessScope) -> Iterator[tuple[tuple[Row, ...], int]]:
    """Every table that the scope shows with its columns, in order of name; beside it how many tables there are in all.

    A table that comes or changes while this runs may be in it or not.
    """
    cursor: str | None = None
    while True:
        page = reader.page(scope, cursor=cursor, limit=MAX_PAGE)
        names = successor_names(reader, [asset.successor for asset in page.assets if asset.successor], scope)
        for asset in page.assets:
            yield (_table_row(asset, names), *(_column_row(asset, column) for column in asset.columns)), page.total
        cursor = page.cursor
        if cursor is None:
            return


def successor_names(reader: AssetReader, ids: Sequence[AssetId], scope: AccessScope) -> dict[AssetId, str]:
    """What a row calls the tables of some ids: namespace and qualified name."""
    held = reader.many(sorted(set(ids)), scope)
    return {asset_id: full_name(asset) for asset_id, asset in held.items()}


def full_name(asset: Asset) -> str:
    """`namespace/qualified name`: one table, wherever the file is read."""
    return f"{asset.name.namespace}/{asset.name.qualified}"


def digest(name: str, value: Any) -> str:
    """A short text that is equal for equal values of a field. How lines end does not count: spreadsheets change it."""
    plain = labels(value) if name in LISTS else str(value).replace("\r\n", "\n").replace("\r", "\n")
    text = json.dumps(plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]


def labels(values: Sequence[str]) -> list[str]:
    """Labels as people's layer holds them: without blanks around, each once, in their order."""
    return list(dict.fromkeys(stripped for value in values if (stripped := value.strip())))


def _table_row(asset: Asset, names: Mapping[AssetId, str]) -> Row:
    successor = names.get(asset.successor) if asset.successor else None
    values = {
        "description": asset.description,
        "owners": list(asset.owners),
        "tags": list(asset.tags),
        "status": asset.status.value if asset.status else None,
        "successor": successor,
    }
    people = [name for name in asset.curated if name in TABLE_FIELDS and values[name] is not None]
    return _row(asset, None, values, people)


def _column_row(asset: Asset, column: Column) -> Row:
    values = {
        "description": column.description,
        "tags": list(column.tags),
        "status": column.status.value if column.status else None,
        "successor": column.successor,
    }
    return _row(asset, column.name, values, [name for name in column.curated if name in COLUMN_FIELDS])


def _row(asset: Asset, column: str | None, values: Mapping[str, Any], people: Sequence[str]) -> Row:
    # what is empty and nobody wrote is left out: there is nothing to keep
    said = {name: value for name, value in values.items() if value or (name in people and value is not None)}
    return Row(
        name=asset.name.qualified,
        column=column,
        source=asset.source,
        namespace=asset.name.namespace,
        said=said,
        people=frozenset(people),
        exported={name: digest(name, value) for name, value in said.items()},
        revision=asset.revision,
    )
