"""Rows as assets: what was crawled with people's words laid over it. The last step of every read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping

from services.catalog.store.layers import merged
from services.common.model.assets import Asset, Column, Description, ForeignKey, Index, Kind, Status
from services.common.model.names import AssetId, DatasetName, Namespace

Said = Mapping[str, Any] | RowMapping
TABLE = ""
"""The `column_id` of what people say about the table itself."""
TABLE_FIELDS = ("description", "tags", "owners", "status", "successor")
"""What people may write about a table."""
COLUMN_FIELDS = ("description", "tags", "status", "successor")
"""What people may write about a column."""


def asset_from(row: RowMapping, curation: Iterable[RowMapping], layers: Sequence[Said] = ()) -> Asset:
    """The asset of a row of `tables.asset`, with its rows of `tables.layer` and then of `tables.curation` laid over."""
    name = DatasetName(Namespace(row["namespace"]), tuple(row["parts"]))
    written = {entry["column_id"]: entry for entry in curation}
    words = written.pop(TABLE, None)
    written_text = words["description"] if words is not None else None
    said = _descriptions(row["description"], row["told_by"], row["platform"], layers, written_text)
    properties = dict(row["properties"])
    for one in layers:
        properties |= one["facts"]["properties"]
    mine = {} if words is None else {field: words[field] for field in TABLE_FIELDS if words[field] is not None}
    return Asset(
        name=name,
        source=row["source"],
        kind=Kind(row["kind"]),
        description=said[0].text if said else None,
        crawled_description=row["description"] if "description" in mine else None,
        descriptions=said,
        columns=_columns(name, row, written, layers),
        primary_key=tuple(row["primary_key"]),
        foreign_keys=tuple(_foreign_key(key) for key in row["foreign_keys"]),
        indexes=tuple(Index(index["name"], tuple(index["columns"]), index["unique"]) for index in row["indexes"]),
        sql=row["sql"] or next((one["facts"]["sql"] for one in layers if one["facts"]["sql"]), None),
        rows=row["rows"],
        bytes=row["bytes"],
        partitions=row["partitions"],
        last_altered=row["last_altered"],
        tags=tuple(mine.get("tags", merged(row["tags"], layers, "tags"))),
        owners=tuple(mine.get("owners", merged(row["owners"], layers, "owners"))),
        status=Status(mine["status"]) if "status" in mine else None,
        successor=AssetId(mine["successor"]) if "successor" in mine else None,
        curated=tuple(mine),
        properties=properties,
        version=row["version"],
        revision=row["revision"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        gone_at=row["gone_at"],
        unseen_since=row["unseen_since"],
        unseen_why=row["unseen_why"],
        held=row["held_by"] is not None,
        object_id=row["object_id"],
        listed=row["listed"],
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


def _descriptions(
    crawled: str | None, told_by: str, platform: str, layers: Iterable[Said], written: str | None
) -> tuple[Description, ...]:
    """All that is said, strongest first: a person's words, what artifacts say, what the warehouse says."""
    said = [Description("person", None, written)] if written is not None else []
    origins = set()
    for one in layers:
        if one["facts"]["description"]:
            said.append(Description(one["platform"], one["origin"], one["facts"]["description"]))
            origins.add(one["origin"])
    if crawled and told_by not in origins:
        said.append(Description(platform, told_by, crawled))
    return tuple(said)


def _columns(
    name: DatasetName, row: RowMapping, written: Mapping[str, RowMapping], layers: Iterable[Said]
) -> tuple[Column, ...]:
    columns = crawled_columns(row["columns"])
    said: dict[str, list[tuple[Said, Said]]] = {}
    for one in layers:
        for column in one["facts"]["columns"]:
            said.setdefault(name.column_id(column["name"]), []).append((one, column))
    if not written and not said:
        return columns
    found = []
    for column in columns:
        id_ = name.column_id(column.name)
        described = _with_artifacts(column, row, said.get(id_, ()), written.get(id_))
        found.append(_with_words(described, written.get(id_)))
    return tuple(found)


def _with_artifacts(column: Column, row: RowMapping, said: Iterable[tuple[Said, Said]], words: RowMapping | None) -> Column:
    pairs = list(said)
    if not pairs:
        return column
    layers = [
        {"platform": one["platform"], "origin": one["origin"], "facts": {"description": item.get("description")}}
        for one, item in pairs
    ]
    written = words["description"] if words is not None else None
    descriptions = _descriptions(column.description, row["told_by"], row["platform"], layers, written)
    tags = dict.fromkeys([*column.tags, *(tag for _, item in pairs for tag in item.get("tags", ()))])
    text = next((one.text for one in descriptions if one.origin != "person"), None)
    kind = column.type or next((item.get("type") for _, item in pairs if item.get("type")), None)
    return replace(column, type=kind, description=text, descriptions=descriptions, tags=tuple(tags))


def _with_words(column: Column, words: RowMapping | None) -> Column:
    curated = tuple(field for field in COLUMN_FIELDS if words is not None and words[field] is not None)
    if words is None or not curated:
        return column
    return replace(
        column,
        description=words["description"] if "description" in curated else column.description,
        tags=tuple(words["tags"]) if "tags" in curated else column.tags,
        status=Status(words["status"]) if "status" in curated else None,
        successor=words["successor"],
        curated=curated,
    )


def _foreign_key(key: Said) -> ForeignKey:
    return ForeignKey(tuple(key["columns"]), tuple(key["ref_table"]), tuple(key["ref_columns"]))
