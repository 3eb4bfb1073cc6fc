"""The indexer's tables. Nothing in them is a source of truth: all of it can be made again from the catalog and the model."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Executable,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from services.common.runtime.inserts import insert_into

METADATA = MetaData()

embedding = Table(
    "embedding",
    METADATA,
    Column("model", String(200), primary_key=True),
    Column("text_hash", LargeBinary(16), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
"""The vector of each text that was ever encoded, float16, by model: equal texts are encoded once."""

pending = Table(
    "pending",
    METADATA,
    Column("model", String(200), primary_key=True),
    Column("text_hash", LargeBinary(16), primary_key=True),
    Column("text", Text, nullable=False),
)
"""Texts that are in the index by their words and wait for their vector."""

lease = Table(
    "lease",
    METADATA,
    Column("home", String(64), primary_key=True),
    Column("holder", String(200)),
    Column("role", String(20)),
    Column("fence", Integer, nullable=False),
    Column("beat_at", Float, nullable=False),
    Column("lexical_seq", BigInteger, nullable=False),
    Column("vector_seq", BigInteger, nullable=False),
    Column("waiting", Integer, nullable=False),
)
"""The one index worker of each home, and how far it is: `waiting` texts want a vector."""


schedule = Table(
    "schedule",
    METADATA,
    Column("source", String(400), primary_key=True),
    Column("asked_at", Float, nullable=False),
)
"""When a crawl of each source was last asked for by its schedule, in seconds since 1970."""

usage_statement = Table(
    "usage_statement",
    METADATA,
    Column("fingerprint", String(80), primary_key=True),
    Column("source", String(400), nullable=False),
    Column("body", Text, nullable=False),
)
"""What a statement does to tables and columns, as `usage.store` writes it: no text of SQL, no literal."""

usage_run = Table(
    "usage_run",
    METADATA,
    Column("fingerprint", String(80), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("user", String(200), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("weight", Float, nullable=False),
)
"""Who ran a statement how often on which day (`date.toordinal`, UTC; 0 where no log says; user empty where nobody says)."""

usage_position = Table(
    "usage_position",
    METADATA,
    Column("line", String(20), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
"""How far the statement facts were followed."""


def insert_or_add(connection: Connection, table: Table, added: str, *replaced: str) -> Executable:
    """An insert that adds one column to rows which are there already and replaces others, in the connection's dialect."""
    insert = insert_into(connection.dialect.name, table)
    values = {added: table.c[added] + insert.excluded[added]} | {name: insert.excluded[name] for name in replaced}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)


def insert_new(connection: Connection, table: Table) -> Executable:
    """An insert that leaves rows which are there already as they are, in the connection's dialect."""
    return insert_into(connection.dialect.name, table).on_conflict_do_nothing()
