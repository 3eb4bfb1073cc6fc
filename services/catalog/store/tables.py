"""Every table of the catalog. No schema is named here: on PostgreSQL the engine translates it, in SQLite the file is it.

What a crawl says (`asset`) and what people say (`curation`) never share a row, so that neither can overwrite the other.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text

from services.catalog.store.types import BigKey, Json, Key, UtcDateTime

metadata = MetaData()

KEY_CHARS = 400
"""Where indexed names are cut. An entry of a PostgreSQL B-tree holds 2,704 bytes; a character takes up to four."""

source = Table(
    "source",
    metadata,
    Column("name", Key, primary_key=True),
    Column("namespace", Key, nullable=False),
    Column("database", Key, nullable=False),  # '' = what of the namespace no other source has; "\n" and name with `into`
    Column("platform", Text, nullable=False),
    Column("aliases", Json, nullable=False),
    Column("into", Text),  # whose tables it describes, for artifacts such as dbt's
    Column("hold_share", Float, nullable=False),
    Column("last_crawl", Text),
    Index("source_by_namespace", "namespace", "database", unique=True),
)

asset = Table(
    "asset",
    metadata,
    Column("id", Key, primary_key=True),
    Column("source", Key, nullable=False),
    Column("told_by", Key, nullable=False),  # whose crawl showed it last: the source, or artifacts that describe it
    Column("source_lower", Key, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("container", Text, nullable=False),  # JSON text of namespace and parts: what is read as a whole
    Column("scope_path", Key, nullable=False),
    Column("gone_at", UtcDateTime),
    Column("unseen_since", UtcDateTime),  # not shown, and not known to be gone
    Column("unseen_why", Text),
    Column("held_by", Text),  # the crawl that no longer found it and waits for a person's yes
    Column("object_id", Key),
    Column("qualified_lower", Key, nullable=False),  # cut at KEY_CHARS: an order, not an identity
    Column("table_lower", Key, nullable=False),  # cut at KEY_CHARS, as above
    Column("kind", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("database_lower", Text),
    Column("schema_lower", Text),
    Column("last_crawl", Text, nullable=False),
    Column("listed", Boolean, nullable=False),  # whether a crawl has shown it; `told_by` is empty where none has
    Column("fingerprint", Text, nullable=False),  # of all that was crawled but rows, bytes and last_altered
    Column("schema_fingerprint", Text, nullable=False),  # of columns, primary key and comments: what a history tells
    Column("version", Integer, nullable=False),  # entries of its history
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
    Index("asset_by_object", "source", "object_id"),
)

renamed = Table(
    "renamed",
    metadata,
    Column("old_id", Key, primary_key=True),
    Column("new_id", Key, nullable=False),  # where it went; that one may have been renamed again
    Column("scope_path", Key, nullable=False),  # of the old name: whoever may not see it is told nothing
    Column("qualified", Text, nullable=False),
    Column("crawl", Text),
    Column("at", UtcDateTime, nullable=False),
    Index("renamed_by_new", "new_id"),
)

proposal = Table(
    "proposal",
    metadata,
    Column("id", Key, primary_key=True),
    Column("old_id", Key, nullable=False),
    Column("new_id", Key, nullable=False),
    Column("crawl", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),  # open | accepted | rejected
    Column("decided_by", Text),
    Column("decided_at", UtcDateTime),
    Index("proposal_by_old", "old_id"),
    Index("proposal_by_new", "new_id"),
)

layer = Table(
    "layer",
    metadata,
    Column("asset_id", Key, primary_key=True),
    Column("origin", Key, primary_key=True),  # the source that describes it
    Column("platform", Text, nullable=False),
    Column("crawl", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("facts", Json, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("layer_by_origin", "origin", "crawl"),
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
    Column("event", Text, nullable=False),  # created | changed | dropped | returned | renamed
    Column("qualified", Text, nullable=False),
    Column("previous", Text),  # the name before, where that changed
    Column("description", Text),
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

vocabulary = Table(
    "vocabulary",
    metadata,
    Column("key", Key, primary_key=True),  # the term as names are compared
    Column("term", Text, nullable=False),
    Column("synonyms", Json, nullable=False),
    Column("rejected", Json, nullable=False),
    Column("definition", Text),
    Column("tables", Json, nullable=False),  # ids; empty = it is of no table, and everybody may read it
    Column("revision", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

vocabulary_name = Table(
    "vocabulary_name",
    metadata,
    Column("name", Key, primary_key=True),  # a term or a synonym, as names are compared
    Column("key", Key, primary_key=True),  # of the term
)

vocabulary_audit = Table(
    "vocabulary_audit",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("key", Key, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index("vocabulary_audit_by_key", "key", "id"),
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
    Column("costs", Json, nullable=False),
    Index("crawl_by_source", "source", "requested_at"),
    Index("crawl_by_state", "state", "requested_at"),
)

crawl_container = Table(
    "crawl_container",
    metadata,
    Column("crawl", Key, primary_key=True),
    Column("container", Key, primary_key=True),
    Column("lists", Boolean, primary_key=True),  # whether it is about the containers below, not about tables
    Column("complete", Boolean, nullable=False),
    Column("failure", Text),
    Column("grants", Json),  # NULL: the engine shows what exists, whatever the role may do
    Column("rebuilding", Json, nullable=False),  # ids of tables that something was replacing
)

crawl_change = Table(
    "crawl_change",
    metadata,
    Column("crawl", Key, primary_key=True),
    Column("asset_id", Key, primary_key=True),
    Column("what", Text, nullable=False),  # added | returned | changed | gone | unseen | held | renamed
    Column("detail", Text),
    Index("crawl_change_by_asset", "asset_id"),
)


search_answer = Table(
    "search_answer",
    metadata,
    Column("principal", Key, primary_key=True),  # a keyed hash: who asked, and nobody can be told from it
    Column("query_id", Key, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("words_key", Key, nullable=False),
    Column("words", Text),
    Column("first", Integer, nullable=False),  # the position of its first hit
    Column("total", BigInteger, nullable=False),
    Column("generation", Text, nullable=False),
    Column("seen", Json),  # ids of the hits that a person had before their eyes; NULL: the client did not say
    Column("opened_at", UtcDateTime),  # when the first hit was opened
    Column("shown", Json, nullable=False),  # [id, asset] of its hits, or one text where they are equal
    Index("search_answer_by_time", "at"),
)

search_feedback = Table(
    "search_feedback",
    metadata,
    Column("principal", Key, primary_key=True),
    Column("query_id", Key, primary_key=True),
    Column("hit_id", Key, primary_key=True),  # '' for the answer as a whole
    Column("what", Text, primary_key=True),  # opened | judged
    Column("value", Text, nullable=False),  # good | bad, or '' where it was opened
    Column("position", Integer, nullable=False),  # 0 for the answer as a whole
    Column("at", UtcDateTime, nullable=False),
    Index("search_feedback_by_time", "at"),
)

event_checkpoint = Table(
    "event_checkpoint",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("seq", BigInteger, nullable=False),  # of what events say of datasets
)
