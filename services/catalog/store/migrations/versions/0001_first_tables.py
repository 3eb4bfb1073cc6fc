"""The first tables: sources, assets, what people say of them, their history, and the change feed.

Written out rather than taken from `tables`, which moves on while this stays.
"""

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, DateTime, Integer, PrimaryKeyConstraint, Text, UniqueConstraint

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = Text().with_variant(Text(collation="C"), "postgresql")
BIG_KEY = BigInteger().with_variant(Integer, "sqlite")
TIME = DateTime(timezone=True)


def upgrade() -> None:
    _sources_and_crawls()
    _assets()
    _people()
    _history()
    _feed()


def _sources_and_crawls() -> None:
    op.create_table(
        "source",
        Column("name", KEY, nullable=False),
        Column("namespace", KEY, nullable=False),
        Column("platform", Text, nullable=False),
        Column("aliases", JSON, nullable=False),
        Column("last_crawl", Text),
        PrimaryKeyConstraint("name"),
        UniqueConstraint("namespace"),
    )
    op.create_table(
        "crawl",
        Column("id", KEY, nullable=False),
        Column("source", KEY, nullable=False),
        Column("state", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("requested_at", TIME, nullable=False),
        Column("started_at", TIME),
        Column("ended_at", TIME),
        Column("heard_at", TIME, nullable=False),
        Column("done", BigInteger, nullable=False),
        Column("expected", BigInteger),
        Column("counts", JSON, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("failures", JSON, nullable=False),
        Column("unread", JSON, nullable=False),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("crawl_by_source", "crawl", ["source", "requested_at"])
    op.create_index("crawl_by_state", "crawl", ["state", "requested_at"])


def _assets() -> None:
    op.create_table(
        "asset",
        Column("id", KEY, nullable=False),
        Column("source", KEY, nullable=False),
        Column("source_lower", KEY, nullable=False),
        Column("namespace", Text, nullable=False),
        Column("container", Text, nullable=False),
        Column("scope_path", KEY, nullable=False),
        Column("gone_at", TIME),
        Column("qualified_lower", KEY, nullable=False),
        Column("table_lower", KEY, nullable=False),
        Column("kind", Text, nullable=False),
        Column("platform", Text, nullable=False),
        Column("database_lower", Text),
        Column("schema_lower", Text),
        Column("last_crawl", Text, nullable=False),
        Column("fingerprint", Text, nullable=False),
        Column("schema_fingerprint", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("revision", Integer, nullable=False),
        Column("first_seen", TIME, nullable=False),
        Column("last_seen", TIME, nullable=False),
        Column("rows", BigInteger),
        Column("bytes", BigInteger),
        Column("partitions", BigInteger),
        Column("last_altered", TIME),
        Column("tags_key", Text, nullable=False),
        Column("owners_key", Text, nullable=False),
        Column("parts", JSON, nullable=False),
        Column("tags", JSON, nullable=False),
        Column("owners", JSON, nullable=False),
        Column("primary_key", JSON, nullable=False),
        Column("foreign_keys", JSON, nullable=False),
        Column("indexes", JSON, nullable=False),
        Column("description", Text),
        Column("columns", JSON, nullable=False),
        Column("properties", JSON, nullable=False),
        Column("sql", Text),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("asset_by_name", "asset", ["qualified_lower", "id"])
    op.create_index("asset_by_table", "asset", ["table_lower"])
    op.create_index("asset_by_source", "asset", ["source", "gone_at"])


def _people() -> None:
    op.create_table(
        "curation",
        Column("asset_id", KEY, nullable=False),
        Column("column_id", KEY, nullable=False),
        Column("column_name", Text, nullable=False),
        Column("description", Text),
        Column("tags", JSON),
        Column("owners", JSON),
        Column("status", Text),
        Column("successor", Text),
        Column("tags_key", Text),
        Column("owners_key", Text),
        Column("updated_at", TIME, nullable=False),
        Column("updated_by", Text, nullable=False),
        PrimaryKeyConstraint("asset_id", "column_id"),
    )
    op.create_table(
        "audit",
        Column("id", BIG_KEY, nullable=False, autoincrement=True),
        Column("at", TIME, nullable=False),
        Column("by", Text, nullable=False),
        Column("asset_id", KEY, nullable=False),
        Column("column_id", KEY, nullable=False),
        Column("column_name", Text, nullable=False),
        Column("field", Text, nullable=False),
        Column("before", JSON),
        Column("after", JSON),
        Column("undoes", BigInteger),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_by_asset", "audit", ["asset_id", "id"])


def _history() -> None:
    op.create_table(
        "version",
        Column("asset_id", KEY, nullable=False),
        Column("version", Integer, nullable=False, autoincrement=False),
        Column("at", TIME, nullable=False),
        Column("crawl", Text, nullable=False),
        Column("columns", JSON, nullable=False),
        Column("primary_key", JSON, nullable=False),
        PrimaryKeyConstraint("asset_id", "version"),
    )
    op.create_table(
        "observation",
        Column("asset_id", KEY, nullable=False),
        Column("crawl", KEY, nullable=False),
        Column("at", TIME, nullable=False),
        Column("rows", BigInteger),
        Column("bytes", BigInteger),
        Column("last_altered", TIME),
        PrimaryKeyConstraint("asset_id", "crawl"),
    )


def _feed() -> None:
    op.create_table(
        "change",
        Column("seq", BIG_KEY, nullable=False, autoincrement=False),
        Column("asset_id", KEY, nullable=False),
        Column("at", TIME, nullable=False),
        PrimaryKeyConstraint("seq"),
    )
    op.create_index("change_by_asset", "change", ["asset_id", "seq"])
    head = op.create_table(
        "feed_head",
        Column("id", Integer, nullable=False, autoincrement=False),
        Column("seq", BigInteger, nullable=False),
        PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0}])


def downgrade() -> None:
    for table in ("feed_head", "change", "observation", "version", "audit", "curation", "asset", "crawl", "source"):
        op.drop_table(table)
