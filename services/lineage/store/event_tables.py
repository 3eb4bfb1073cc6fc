"""The tables of OpenLineage events: what was sent, and the jobs, runs and datasets that it tells of.

Every row is the same whatever the order of the events: times are minima and maxima, the rest is the newest word by the
event's own time.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from services.lineage.store.tables import UtcDateTime, metadata

_Key = Text().with_variant(Text(collation="C"), "postgresql")
_BigKey = BigInteger().with_variant(Integer, "sqlite")

event = Table(
    "event",
    metadata,
    Column("id", _BigKey, primary_key=True, autoincrement=True),
    Column("sha256", _Key, nullable=False),  # of the canonical text: an event that comes twice is one
    Column("at", UtcDateTime, nullable=False),
    Column("arrived", UtcDateTime, nullable=False),
    Column("by", Text, nullable=False),  # the token's name
    Column("body", LargeBinary),  # deflated JSON without secrets and literals; NULL once it is older than it is kept
    Index("event_by_hash", "sha256", unique=True),
    Index("event_by_time", "at"),
    Index("event_by_arrival", "arrived"),
)

job = Table(
    "job",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sort_key", _Key, nullable=False),  # namespace and name, cut: an order, not an identity
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("facets", JSON, nullable=False),  # name → [when, hash of the event, value]
    Index("job_in_order", "sort_key", "id"),
)

run = Table(
    "run",
    metadata,
    Column("id", _Key, primary_key=True),  # of job and run together: producers have given one run id to two jobs
    Column("job_id", _Key, nullable=False),
    Column("run_id", _Key, nullable=False),  # as the producer gave it, '' for what a job's own events say
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),  # the first START, else the first event
    Column("started_at", UtcDateTime),  # the first START
    Column("ended_at", UtcDateTime),
    Column("state", Text, nullable=False),
    Column("state_at", UtcDateTime, nullable=False),
    Column("facets", JSON, nullable=False),  # those that are read of a run, as in `job`
    Index("run_by_job", "job_id", "began_at", "id"),
    Index("run_by_run_id", "run_id"),
)

run_dataset = Table(
    "run_dataset",
    metadata,
    Column("run", _Key, primary_key=True),
    Column("dataset", _Key, primary_key=True),  # a key of `event_dataset`
    Column("output", Boolean, primary_key=True),
)

job_dataset = Table(
    "job_dataset",
    metadata,
    Column("job_id", _Key, primary_key=True),
    Column("dataset", _Key, primary_key=True),
    Column("output", Boolean, primary_key=True),
    Index("job_dataset_by_dataset", "dataset"),
)

job_column = Table(
    "job_column",
    metadata,
    Column("job_id", _Key, primary_key=True),
    Column("source", _Key, primary_key=True),
    Column("column", _Key, primary_key=True),
    Column("target", _Key, primary_key=True),
    Column("into", _Key, primary_key=True),  # `*` where it decides about the whole of the target
    Column("kind", _Key, primary_key=True),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("count", BigInteger, nullable=False),  # events that said so
    Index("job_column_by_source", "source"),
    Index("job_column_by_target", "target"),
)

job_statement = Table(
    "job_statement",
    metadata,
    Column("job_id", _Key, primary_key=True),
    Column("fingerprint", _Key, primary_key=True),  # of a statement that an event says the job ran, without literals
    Column("dialect", Text, nullable=False),
    Column("state", Text, nullable=False),  # parsed | partly | unparsed
    Column("problem", Text),  # a kind of problem and a place
    Column("said", JSON, nullable=False),  # what it does to tables as it names them, as in `log_statement`
    Column("told", JSON, nullable=False),  # the same tables as datasets; null for one that stands for none
    Column("seen", Text, nullable=False),  # a hash of what its reading rested on
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)

event_dataset = Table(
    "event_dataset",
    metadata,
    Column("id", _Key, primary_key=True),  # the id of the name as it was sent
    Column("namespace", Text, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("rank", Integer, nullable=False),  # how it was named: 0 as a symlink to a table, 1 as a dataset, 2 otherwise
    Column("asset_id", _Key, nullable=False),  # the dataset that it is: of several names that mean one, the strongest
    Column("asset_namespace", Text, nullable=False),
    Column("asset_parts", JSON, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("facets", JSON, nullable=False),
    Column("seq", BigInteger, nullable=False),  # the number of its last change that the catalog should hear of
    Index("event_dataset_by_asset", "asset_id"),
    Index("event_dataset_by_seq", "seq"),
)

symlink = Table(
    "symlink",
    metadata,
    Column("one", _Key, primary_key=True),  # keys of `event_dataset`, the smaller first
    Column("other", _Key, primary_key=True),
    Index("symlink_by_other", "other"),
)

event_head = Table(
    "event_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("seq", BigInteger, nullable=False),
)
