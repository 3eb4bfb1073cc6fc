"""Every table of the lineage service. No schema is named here: on PostgreSQL the engine translates it.

Journey 3, step "store". Edges carry validity intervals from the first day; SQL text is never stored, only its hash.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Dialect, Float, Index, Integer, MetaData, Table, Text
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A time with an offset, kept and read back in UTC on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - the interface
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - the interface
        if value is None:
            return None
        # SQLite keeps no offset, PostgreSQL answers in the session's time zone
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


_Key = Text().with_variant(Text(collation="C"), "postgresql")
_BigKey = BigInteger().with_variant(Integer, "sqlite")  # SQLite's INTEGER is its row id

metadata = MetaData()


def _ends() -> tuple[SchemaItem, ...]:
    """Both ends of an edge between columns; `*` as target column = every column of it."""
    return (
        Column("source_id", _Key, nullable=False),
        Column("source_column", _Key, nullable=False),
        Column("target_id", _Key, nullable=False),
        Column("target_column", _Key, nullable=False),
        Column("kind", Text, nullable=False),  # identity | transformation | … | key
        Column("basis", Text, nullable=False),  # what it rests on: view | query | run | log | …
    )


def _sightings() -> tuple[SchemaItem, ...]:
    """What runs and logs say of an edge, in time."""
    return (
        Column("origin", _Key, nullable=False),  # a job's id, a statement's fingerprint, a person
        Column("first_seen", UtcDateTime, nullable=False),  # of the events' own times
        Column("last_seen", UtcDateTime, nullable=False),
        Column("arrived_at", UtcDateTime, nullable=False),  # when we were first told
        Column("count", BigInteger, nullable=False),
        Column("confidence", Float, nullable=False),
    )


node = Table(
    "node",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("source", Text, nullable=False),
    Column("scope_path", Text, nullable=False),
    Column("kind", Text),  # NULL where only SQL named it
    Column("listed", Boolean, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("told", Boolean, nullable=False),  # an event named it
)

edge = Table(
    "edge",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("source_id", _Key, nullable=False),
    Column("target_id", _Key, nullable=False),
    Column("kind", Text, nullable=False),
    Column("evidence", JSON, nullable=False),  # lines of text that name nothing but the target
    Column("confidence", Float, nullable=False),
    Column("guards", JSON, nullable=False),  # scope paths that one must be allowed to see besides both ends
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime),  # NULL while it holds
    Column("arrived_at", UtcDateTime),  # when we were told; NULL for what was told before that was kept
    Index("edge_by_target", "target_id", "valid_to"),
    Index("edge_by_source", "source_id", "valid_to"),
)

definition = Table(
    "definition",
    metadata,
    Column("asset_id", _Key, primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("state", Text, nullable=False),  # parsed | unparsed
    Column("problem", Text),
    Column("reads", JSON, nullable=False),  # the references as written, so that they can be resolved again
)

mention = Table(
    "mention",
    metadata,
    Column("asset_id", _Key, primary_key=True),  # whose definition names it
    Column("dataset_id", _Key, primary_key=True),
    Column("scope_path", Text, nullable=False),
    Column("told", Boolean, nullable=False),  # whether it counts as read; the others are only looked up first
    Index("mention_by_dataset", "dataset_id"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("seq", BigInteger, nullable=False),  # of the catalog's feed
    Column("version", BigInteger, nullable=False),  # raised whenever the graph changes
)

node_columns = Table(
    "node_columns",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("columns", JSON, nullable=False),  # names in order, as the source spells them
)

state = Table(
    "state",
    metadata,
    Column("target_id", _Key, primary_key=True),
    Column("level", _Key, primary_key=True),  # table | column | key
    Column("at", UtcDateTime, primary_key=True),  # from when on what it is made from is what was said then
)

column_edge = Table(
    "column_edge",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    *_ends(),
    Column("confidence", Float, nullable=False),
    Column("guards", JSON, nullable=False),
    Column("valid_from", UtcDateTime, nullable=False),
    Column("valid_to", UtcDateTime),
    Column("arrived_at", UtcDateTime, nullable=False),
    Index("column_edge_by_target", "target_id", "target_column"),
    Index("column_edge_by_source", "source_id", "source_column"),
)

observed = Table(
    "observed",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("source_id", _Key, nullable=False),
    Column("target_id", _Key, nullable=False),
    Column("kind", _Key, nullable=False),
    *_sightings(),
    Index("observed_once", "target_id", "source_id", "kind", "origin", unique=True),
    Index("observed_by_source", "source_id"),
    Index("observed_by_last_seen", "last_seen"),
)

observed_column = Table(
    "observed_column",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    *_ends(),
    *_sightings(),
    Index(
        "observed_column_once",
        *("target_id", "target_column", "source_id", "source_column", "kind", "basis", "origin"),
        unique=True,
    ),
    Index("observed_column_by_source", "source_id", "source_column"),
)

column_reading = Table(
    "column_reading",
    metadata,
    Column("asset_id", _Key, primary_key=True),  # whose definition
    Column("state", Text, nullable=False),  # parsed | partly | unparsed
    Column("problem", Text),
    Column("columns", Integer, nullable=False),  # of the target
    Column("resolved", Integer, nullable=False),  # of which it is known what they are made from
    Column("unresolved", Integer, nullable=False),  # names of columns whose table could not be told
)

column_todo = Table(
    "column_todo",
    metadata,
    Column("asset_id", _Key, primary_key=True),  # whose definition is to be read for its columns
    Column("at", UtcDateTime, nullable=False),  # from when on what it says holds
    Column("mark", BigInteger, nullable=False),  # the feed's number that asked for it
)

declared = Table(
    "declared",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("source_id", _Key, nullable=False),
    Column("target_id", _Key, nullable=False),
    Column("action", Text, nullable=False),  # added | removed
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("name", _Key, primary_key=True),
    Column("value", Text, nullable=False),
)
