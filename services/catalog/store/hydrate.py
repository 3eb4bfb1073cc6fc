"""Rows as assets: what was crawled with people's words laid over it. The last step of every read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from services.common.model.assets import Asset, Column, ForeignKey, Index, Kind, Status
from services.common.model.names import AssetId, DatasetName, Namespace

Said = Mapping[str, Any]
TABLE = ""
"""The `column_id` of what people say about the table itself."""
TABLE_FIELDS = ("description", "tags", "owners", "status", "successor")
"""What people may write about a table."""
COLUMN_FIELDS = ("description", "tags", "status", "successor")
"""What people may write about a column."""


def asset_from(row: RowMapping, curation: Iterable[RowMapping]) -> Asset:
    """The asset of a row of `tables.asset`, with its rows of `tables.curation` (any order) laid over."""
    name = DatasetName(Namespace(row["namespace"]), tuple(row["parts"]))
    written = {entry["column_id"]: entry for entry in curation}
    words = written.pop(TABLE, None)
    mine = {} if words is None else {field: words[field] for field in TABLE_FIELDS if words[field] is not None}
    return Asset(
        name=name,
        source=row["source"],
        kind=Kind(row["kind"]),
        description=mine.get("description", row["description"]),
        crawled_description=row["description"] if "description" in mine else None,
        columns=_columns(name, row["columns"], written),
        primary_key=tuple(row["primary_key"]),
        foreign_keys=tuple(_foreign_key(key) for key in row["foreign_keys"]),
        indexes=tuple(Index(index["name"], tuple(index["columns"]), index["unique"]) for index in row["indexes"]),
        sql=row["sql"],
        rows=row["rows"],
        bytes=row["bytes"],
        partitions=row["partitions"],
        last_altered=row["last_altered"],
        tags=tuple(mine.get("tags", row["tags"])),
        owners=tuple(mine.get("owners", row["owners"])),
        status=Status(mine["status"]) if "status" in mine else None,
        successor=AssetId(mine["successor"]) if "successor" in mine else None,
        curated=tuple(mine),
        properties=row["properties"],
        version=row["version"],
        revision=row["revision"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        gone_at=row["gone_at"],
    )


def crawled_columns(stored: Iterable[Said]) -> tuple[Column, ...]:
    """Columns as the source showed them, from their JSON."""
    return tuple(
        Column(
            name=column["name"],
            type=column.get("type"),
            nullable=column.get("nullable"),
            default=column.get("default"),
            description=column.get("description"),
            tags=tuple(column.get("tags", ())),
        )
        for column in stored
    )


def _columns(name: DatasetName, stored: Iterable[Said], written: Mapping[str, RowMapping]) -> tuple[Column, ...]:
    columns = crawled_columns(stored)
    if not written:
        return columns
    return tuple(_with_words(column, written.get(name.column_id(column.name))) for column in columns)


def _with_words(column: Column, words: RowMapping | None) -> Column:
    curated = tuple(field for field in COLUMN_FIELDS if words is not None and words[field] is not None)
    if words is None or not curated:
        return column
    return Column(
        name=column.name,
        type=column.type,
        nullable=column.nullable,
        default=column.default,
        description=words["description"] if "description" in curated else column.description,
        tags=tuple(words["tags"]) if "tags" in curated else column.tags,
        status=Status(words["status"]) if "status" in curated else None,
        successor=words["successor"],
        curated=curated,
    )


def _foreign_key(key: Said) -> ForeignKey:
    return ForeignKey(tuple(key["columns"]), tuple(key["ref_table"]), tuple(key["ref_columns"]))
