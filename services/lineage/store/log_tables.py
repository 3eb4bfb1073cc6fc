"""The tables of query logs: statements without their text, who ran them when, and what was counted already.

Journey 3, step "log → facts". No column ever holds a literal of a statement, or a hash of one that has no key.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table, Text

from services.lineage.store.tables import UtcDateTime, metadata

_Key = Text().with_variant(Text(collation="C"), "postgresql")
_BigKey = BigInteger().with_variant(Integer, "sqlite")

log_statement = Table(
    "log_statement",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("fingerprint", _Key, nullable=False, unique=True),
    Column("source", Text, nullable=False),  # whose tables it names
    Column("namespace", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),  # parsed | partly | unparsed
    Column("problem", Text),  # a kind of problem and a place
    Column("around", JSON, nullable=False),  # what completes short names, and the names that the log itself gave
    Column("said", JSON, nullable=False),  # what it does to tables as it names them, so that they can be resolved again
    Column("told", JSON, nullable=False),  # the same tables as datasets; null for one that stands for none
)

log_mention = Table(
    "log_mention",
    metadata,
    Column("statement_id", _BigKey, primary_key=True),
    Column("dataset_id", _Key, primary_key=True),  # may be meant
    Column("last", _Key, nullable=False),  # the name's last part in lower case
    Column("open", Boolean, nullable=False),  # whether no crawl has shown what is meant
    Index("log_mention_by_dataset", "dataset_id"),
    Index("log_mention_open", "open", "last"),
)

log_run = Table(
    "log_run",
    metadata,
    Column("seq", _BigKey, primary_key=True, autoincrement=False),
    Column("statement_id", _BigKey, nullable=False),
    Column("person", _Key),  # a stand-in, or a name where the settings say so
    Column("count", BigInteger, nullable=False),  # 0: news of the statement alone
    Column("first_at", UtcDateTime),
    Column("at", UtcDateTime),  # the last one
    Column("minute", SmallInteger),  # of `at`'s day in UTC, 0 to 1439
    Index("log_run_by_person", "person", "statement_id"),
)

log_seen = Table(
    "log_seen",
    metadata,
    Column("key", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),  # a keyed hash
    Column("n", BigInteger, nullable=False),  # how many lines like it one file had, or the engine's own total
)

log_window = Table(
    "log_window",
    metadata,
    Column("source", _Key, primary_key=True),
    Column("first_at", UtcDateTime),
    Column("last_at", UtcDateTime),
    Column("arrived_at", UtcDateTime, nullable=False),
    Column("executions", BigInteger, nullable=False),
    Column("relinked", BigInteger, nullable=False),  # the catalog's number up to which open names were looked for
)
