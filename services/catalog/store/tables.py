"""Every table of the catalog. No schema is named here: on PostgreSQL the engine translates it, in SQLite the file is it.

What a crawl says (`asset`) and what people say (`curation`) never share a row, so that neither can overwrite the other.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

from services.catalog.store.types import BigKey, Json, Key, UtcDateTime

metadata = MetaData()

KEY_CHARS = 400
"""Where indexed names are cut. An entry of a PostgreSQL B-tree holds 2,704 bytes; a character takes up to four."""

source = Table(
    "source",
    metadata,
    Column("name", Key, primary_key=True),
    Column("namespace", Key, nullable=False, unique=True),
    Column("platform", Text, nullable=False),
    Column("aliases", Json, nullable=False),
    Column("last_crawl", Text),
)

asset = Table(
    "asset",
    metadata,
    Column("id", Key, primary_key=True),
    Column("source", Key, nullable=False),
    Column("source_lower", Key, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("container", Text, nullable=False),  # JSON text of namespace and parts: what is read as a whole
    Column("scope_path", Key, nullable=False),
    Column("gone_at", UtcDateTime),
    Column("qualified_lower", Key, nullable=False),  # cut at KEY_CHARS: an order, not an identity
    Column("table_lower", Key, nullable=False),  # cut at KEY_CHARS, as above
    Column("kind", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("database_lower", Text),
    Column("schema_lower", Text),
    Column("last_crawl", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of all that was crawled but rows, bytes and last_altered
    Column("schema_fingerprint", Text, nullable=False),  # of the columns' names, types, nullability, order; primary key
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    Column("rows", BigInteger),
    Column("bytes", BigInteger),
    Column("partitions", BigInteger),
    Column("last_altered", UtcDateTime),
    Column("tags_key", Text, nullable=False),  # lower case, a line each: what filters look for
    Column("owners_key", Text, nullable=False),
    # what is long comes last: SQLite then scans the rest without reading it
    Column("parts", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("owners", Json, nullable=False),
    Column("primary_key", Json, nullable=False),
    Column("foreign_keys", Json, nullable=False),
    Column("indexes", Json, nullable=False),
    Column("description", Text),
    Column("columns", Json, nullable=False),  # in the source's order; ADR 0009 says why they are not rows
    Column("properties", Json, nullable=False),
    Column("sql", Text),
    Index("asset_by_name", "qualified_lower", "id"),
    Index("asset_by_table", "table_lower"),
    Index("asset_by_source", "source", "gone_at"),
)

curation = Table(
    "curation",
    metadata,
    Column("asset_id", Key, primary_key=True),
    Column("column_id", Key, primary_key=True),  # '' for the table itself; NULL below = nobody wrote anything
    Column("column_name", Text, nullable=False),
    Column("description", Text),
    Column("tags", Json),
    Column("owners", Json),
    Column("status", Text),
    Column("successor", Text),
    Column("tags_key", Text),
    Column("owners_key", Text),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", Text, nullable=False),
)

version = Table(
    "version",
    metadata,
    Column("asset_id", Key, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("crawl", Text, nullable=False),
    Column("columns", Json, nullable=False),
    Column("primary_key", Json, nullable=False),
)

observation = Table(
    "observation",
    metadata,
    Column("asset_id", Key, primary_key=True),
    Column("crawl", Key, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("rows", BigInteger),
    Column("bytes", BigInteger),
    Column("last_altered", UtcDateTime),
)

change = Table(
    "change",
    metadata,
    Column("seq", BigKey, primary_key=True, autoincrement=False),
    Column("asset_id", Key, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("change_by_asset", "asset_id", "seq"),
)

feed_head = Table(
    "feed_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("seq", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("asset_id", Key, nullable=False),
    Column("column_id", Key, nullable=False),
    Column("column_name", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Column("undoes", BigInteger),
    Index("audit_by_asset", "asset_id", "id"),
)

crawl = Table(
    "crawl",
    metadata,
    Column("id", Key, primary_key=True),
    Column("source", Key, nullable=False),
    Column("state", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("heard_at", UtcDateTime, nullable=False),  # the last sign of life of whoever runs it
    Column("done", BigInteger, nullable=False),
    Column("expected", BigInteger),
    Column("counts", Json, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("failures", Json, nullable=False),
    Column("unread", Json, nullable=False),  # containers that were not read completely
    Column("databases", Json, nullable=False),  # what the containers that were mentioned lie in
    Index("crawl_by_source", "source", "requested_at"),
    Index("crawl_by_state", "state", "requested_at"),
)


def upsert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
