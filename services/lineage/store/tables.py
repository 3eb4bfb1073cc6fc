"""Every table of the lineage service. No schema is named here: on PostgreSQL the engine translates it.

Journey 3, step "store". Edges carry validity intervals from the first day; SQL text is never stored, only its hash.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Dialect, Float, Index, Integer, MetaData, Table, Text
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
