"""What BigQuery is asked, and how the rows of its answers become `Found` values; date shards are folded into one table.

Journey 1, step 1; used by `bigquery` alone, and pure. Columns: Google's reference of the INFORMATION_SCHEMA views TABLES,
COLUMNS, COLUMN_FIELD_PATHS, TABLE_OPTIONS, VIEWS, TABLE_STORAGE, KEY_COLUMN_USAGE, CONSTRAINT_COLUMN_USAGE, SCHEMATA.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.common.model.assets import SQL_UNREADABLE, Column, ForeignKey, Found, Kind
from services.common.model.names import Namespace, from_catalog
from services.indexer.sources.bigquery_literals import labels_of, text_of

Row = Mapping[str, Any]
"""A row of an answer, its columns by their names in lower case."""
TableKey = tuple[str, str]
"""Dataset and name of a table in the project that is being read."""

SCHEMATA = "SELECT schema_name FROM {scope}.INFORMATION_SCHEMA.SCHEMATA WHERE TRUE"
TABLES = """SELECT table_schema, table_name, table_type, creation_time, base_table_catalog, base_table_schema,
 base_table_name, snapshot_time_ms, IF(table_type = 'MATERIALIZED VIEW', ddl, NULL) AS ddl
 FROM {scope}.INFORMATION_SCHEMA.TABLES WHERE TRUE"""
# asked once more at the end: what was made or dropped in between has columns and keys of different moments
AGAIN = "SELECT table_schema, table_name, creation_time FROM {scope}.INFORMATION_SCHEMA.TABLES WHERE TRUE"
COLUMNS = """SELECT table_schema, table_name, column_name, ordinal_position, is_nullable, data_type, column_default,
 is_partitioning_column, clustering_ordinal_position
 FROM {scope}.INFORMATION_SCHEMA.COLUMNS WHERE NOT is_hidden = 'YES'"""
FIELDS = """SELECT table_schema, table_name, column_name, field_path, data_type, description
 FROM {scope}.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS WHERE TRUE"""
OPTIONS = """SELECT table_schema, table_name, option_name, option_value
 FROM {scope}.INFORMATION_SCHEMA.TABLE_OPTIONS
 WHERE option_name IN ('description', 'labels', 'friendly_name', 'format', 'require_partition_filter')"""
VIEWS = "SELECT table_schema, table_name, view_definition FROM {scope}.INFORMATION_SCHEMA.VIEWS WHERE TRUE"
# of a region alone; what was deleted is still listed while it is billed
STORAGE = """SELECT table_schema, table_name, total_rows, total_logical_bytes, total_partitions, storage_last_modified_time
 FROM {region}.INFORMATION_SCHEMA.TABLE_STORAGE WHERE NOT deleted"""
# of a dataset alone: one statement asks many
KEYS = """SELECT table_schema, table_name, constraint_name, column_name, ordinal_position, position_in_unique_constraint
 FROM {scope}.INFORMATION_SCHEMA.KEY_COLUMN_USAGE"""
REFERENCES = """SELECT DISTINCT constraint_schema, constraint_name, table_catalog, table_schema, table_name
 FROM {scope}.INFORMATION_SCHEMA.CONSTRAINT_COLUMN_USAGE"""

_KINDS = {
    "VIEW": Kind.VIEW,
    "MATERIALIZED VIEW": Kind.MATERIALIZED_VIEW,
    "EXTERNAL": Kind.EXTERNAL_TABLE,
    "OBJECT TABLE": Kind.EXTERNAL_TABLE,
}
_NAMED = {"CLONE": "clone_of", "SNAPSHOT": "snapshot_of"}
_SHARD = re.compile(r"(?P<stem>.+?)(?P<day>[0-9]{8})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Facts:
    """What hangs on the tables of a project, by dataset and table."""

    project: str
    columns: Mapping[TableKey, tuple[Column, ...]]
    properties: Mapping[TableKey, Mapping[str, Any]]
    options: Mapping[TableKey, Mapping[str, str]]
    views: Mapping[TableKey, str | None]
    storage: Mapping[TableKey, Row]
    primary: Mapping[TableKey, tuple[str, ...]] = field(default_factory=dict)
    foreign: Mapping[TableKey, tuple[ForeignKey, ...]] = field(default_factory=dict)


def facts_from(project: str, rows: Mapping[str, Sequence[Row]]) -> Facts:
    """Rows of the views, by the name of the statement (`COLUMNS`, `FIELDS`, …), sorted out by table."""
    options: dict[TableKey, dict[str, str]] = {}
    for row in rows["OPTIONS"]:
        options.setdefault(_key(row), {})[row["option_name"]] = row["option_value"]
    primary, foreign = _keys(rows["KEYS"], rows["REFERENCES"])
    return Facts(
        project,
        _columns(rows["COLUMNS"], rows["FIELDS"]),
        _layout(rows["COLUMNS"]),
        options,
        {_key(row): row["view_definition"] for row in rows["VIEWS"]},
        {_key(row): row for row in rows["STORAGE"]},
        primary,
        foreign,
    )


def times_from(rows: Iterable[Row]) -> dict[TableKey, dt.datetime | None]:
    """Rows of TABLES or AGAIN: when each table was made."""
    return {_key(row): row["creation_time"] for row in rows}


def found_from(row: Row, facts: Facts, namespace: Namespace) -> Found:
    """A row of TABLES as a table or view."""
    key = _key(row)
    kind = _KINDS.get(row["table_type"], Kind.TABLE)
    options, storage = facts.options.get(key, {}), facts.storage.get(key, {})
    properties = dict(facts.properties.get(key, {}))
    if row["table_type"] in _NAMED and row["base_table_name"]:
        base = (row["base_table_catalog"], row["base_table_schema"], row["base_table_name"])
        properties[_NAMED[row["table_type"]]] = ".".join(base)
    for name in ("friendly_name", "format"):
        if options.get(name):
            properties[name] = text_of(options[name])
    if options.get("require_partition_filter", "").lower() == "true":
        properties["require_partition_filter"] = True
    sql = (facts.views.get(key) if kind is Kind.VIEW else row["ddl"]) or None
    if sql is None and kind in (Kind.VIEW, Kind.MATERIALIZED_VIEW):
        properties[SQL_UNREADABLE] = f"needs bigquery.tables.get on {facts.project}.{key[0]}.{key[1]}"
    partitions = storage.get("total_partitions")
    return Found(
        name=from_catalog(namespace, (facts.project, *key)),
        kind=kind,
        description=text_of(options["description"]) if options.get("description") else None,
        columns=facts.columns.get(key, ()),
        primary_key=facts.primary.get(key, ()),
        foreign_keys=facts.foreign.get(key, ()),
        sql=sql,
        rows=storage.get("total_rows"),
        bytes=storage.get("total_logical_bytes"),
        partitions=partitions if "partitioned_by" in properties else None,
        last_altered=storage.get("storage_last_modified_time"),
        tags=labels_of(options["labels"]) if options.get("labels") else (),
        properties=properties,
    )


def folded(tables: Iterable[Found]) -> list[Found]:
    """Tables of one dataset, those named by day (`events_20240101`, …) as one `events_*`, in the order of their names.

    Only where two or more share what stands before the day; the newest gives the schema and the words, rows and bytes
    are summed, `partitions` counts them.
    """
    shards: dict[str, list[tuple[str, Found]]] = {}
    kept: list[Found] = []
    for table in tables:
        match = _SHARD.fullmatch(table.name.parts[-1]) if table.kind is Kind.TABLE else None
        if match is not None and _is_day(match["day"]):
            shards.setdefault(match["stem"], []).append((match["day"], table))
        else:
            kept.append(table)
    for stem, days in shards.items():
        days.sort(key=lambda item: item[0])
        kept += [_one_of(stem, [table for _, table in days])] if len(days) > 1 else [days[0][1]]
    return sorted(kept, key=lambda table: table.name.parts[-1])


def _one_of(stem: str, shards: Sequence[Found]) -> Found:
    newest = shards[-1]
    altered = [shard.last_altered for shard in shards if shard.last_altered is not None]
    return replace(
        newest,
        name=from_catalog(newest.name.namespace, (*newest.name.parts[:-1], f"{stem}*")),
        rows=_sum(shard.rows for shard in shards),
        bytes=_sum(shard.bytes for shard in shards),
        partitions=len(shards),
        last_altered=max(altered, default=None),
        properties={**newest.properties, "newest_shard": newest.name.parts[-1]},
    )


def _is_day(text: str) -> bool:
    try:
        dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def _sum(figures: Iterable[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


def _key(row: Row) -> TableKey:
    return row["table_schema"], row["table_name"]


def _columns(columns: Iterable[Row], fields: Iterable[Row]) -> dict[TableKey, tuple[Column, ...]]:
    """Columns in their order, each followed by the fields nested in it, by path and in the order of their paths."""
    nested: dict[tuple[TableKey, str], list[Row]] = {}
    for row in fields:
        nested.setdefault((_key(row), row["column_name"]), []).append(row)
    gathered: dict[TableKey, list[Column]] = {}
    for row in sorted(columns, key=lambda row: (_key(row), row["ordinal_position"])):
        paths = sorted(nested.get((_key(row), row["column_name"]), ()), key=lambda field: str(field["field_path"]))
        words = {field["field_path"]: field["description"] or None for field in paths}
        default = row["column_default"]
        out = gathered.setdefault(_key(row), [])
        out.append(
            Column(
                row["column_name"],
                row["data_type"],
                nullable=row["is_nullable"] == "YES",
                default=None if default in (None, "NULL") else default,
                description=words.get(row["column_name"]),
            )
        )
        inner = (field for field in paths if field["field_path"] != row["column_name"])
        out += [Column(field["field_path"], field["data_type"], description=words[field["field_path"]]) for field in inner]
    return {key: tuple(items) for key, items in gathered.items()}


def _layout(columns: Iterable[Row]) -> dict[TableKey, dict[str, Any]]:
    layout: dict[TableKey, dict[str, Any]] = {}
    clusters: dict[TableKey, list[tuple[int, str]]] = {}
    for row in columns:
        if row["is_partitioning_column"] == "YES":
            layout.setdefault(_key(row), {})["partitioned_by"] = row["column_name"]
        if row["clustering_ordinal_position"] is not None:
            clusters.setdefault(_key(row), []).append((row["clustering_ordinal_position"], row["column_name"]))
    for key, items in clusters.items():
        layout.setdefault(key, {})["clustered_by"] = [name for _, name in sorted(items)]
    return layout


def _keys(
    keys: Iterable[Row], references: Iterable[Row]
) -> tuple[dict[TableKey, tuple[str, ...]], dict[TableKey, tuple[ForeignKey, ...]]]:
    """Primary keys have no position in another key; a foreign key's positions count the columns of the one it means."""
    primary: dict[TableKey, list[str]] = {}
    named: dict[tuple[TableKey, str], list[Row]] = {}
    for row in sorted(keys, key=lambda row: row["ordinal_position"]):
        if row["position_in_unique_constraint"] is None:
            primary.setdefault(_key(row), []).append(row["column_name"])
        else:
            named.setdefault((_key(row), row["constraint_name"]), []).append(row)
    targets = {(row["constraint_schema"], row["constraint_name"]): row for row in references}
    foreign: dict[TableKey, list[ForeignKey]] = {}
    for (key, name), rows in sorted(named.items()):
        target = targets.get((key[0], name))
        if target is None:
            continue
        columns = primary.get(_key(target), [])
        places = [row["position_in_unique_constraint"] for row in rows]
        whole = all(0 < place <= len(columns) for place in places)
        reference = ForeignKey(
            tuple(row["column_name"] for row in rows),
            (target["table_catalog"], *_key(target)),
            tuple(columns[place - 1] for place in places) if whole else (),
        )
        foreign.setdefault(key, []).append(reference)
    return (
        {key: tuple(columns) for key, columns in primary.items()},
        {key: tuple(items) for key, items in foreign.items()},
    )
