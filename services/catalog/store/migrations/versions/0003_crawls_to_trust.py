"""What a crawl read and with which rights, what it changed, renames, proposals, and what artifacts say of tables."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _sources()
    _assets()
    _history()
    _renames()
    _layers()
    _crawls()


def downgrade() -> None:
    for table in ("crawl_change", "crawl_container", "layer", "proposal", "renamed"):
        op.drop_table(table)
    op.drop_column("crawl", "costs")
    op.add_column("crawl", sa.Column("databases", sa.JSON, nullable=False, server_default=sa.text("'[]'")))
    op.add_column("crawl", sa.Column("unread", sa.JSON, nullable=False, server_default=sa.text("'[]'")))
    for column in ("event", "qualified", "previous", "description"):
        op.drop_column("version", column)
    op.drop_index("asset_by_object", "asset")
    for column in ("told_by", "unseen_since", "unseen_why", "held_by", "object_id"):
        op.drop_column("asset", column)
    op.drop_index("source_by_namespace", "source")
    for column in ("database", "into", "hold_share"):
        op.drop_column("source", column)


def _sources() -> None:
    # the unique constraint has another name on each database: a new table has none
    columns = ("name", "namespace", "platform", "aliases", "last_crawl")
    op.create_table(
        "source_new",
        sa.Column("name", KEY, nullable=False),
        sa.Column("namespace", KEY, nullable=False),
        sa.Column("database", KEY, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("aliases", sa.JSON, nullable=False),
        sa.Column("into", sa.Text),
        sa.Column("hold_share", sa.Float, nullable=False),
        sa.Column("last_crawl", sa.Text),
        sa.PrimaryKeyConstraint("name"),
    )
    old, new = sa.table("source", *map(sa.column, columns)), sa.table("source_new", *map(sa.column, _SOURCE))
    rows = sa.select(*(old.c[name] for name in columns), sa.literal(""), sa.literal(0.5))
    op.execute(new.insert().from_select([*columns, "database", "hold_share"], rows))
    op.drop_table("source")
    op.rename_table("source_new", "source")
    op.create_index("source_by_namespace", "source", ["namespace", "database"], unique=True)


_SOURCE = ("name", "namespace", "database", "platform", "aliases", "into", "hold_share", "last_crawl")


def _assets() -> None:
    op.add_column("asset", sa.Column("told_by", KEY, nullable=False, server_default=sa.text("''")))
    asset = sa.table("asset", sa.column("source"), sa.column("told_by"))
    op.execute(asset.update().values(told_by=asset.c.source))
    for column in (
        sa.Column("unseen_since", TIME),
        sa.Column("unseen_why", sa.Text),
        sa.Column("held_by", sa.Text),
        sa.Column("object_id", KEY),
    ):
        op.add_column("asset", column)
    op.create_index("asset_by_object", "asset", ["source", "object_id"])


def _history() -> None:
    op.add_column("version", sa.Column("event", sa.Text, nullable=False, server_default=sa.text("'changed'")))
    op.add_column("version", sa.Column("qualified", sa.Text, nullable=False, server_default=sa.text("''")))
    op.add_column("version", sa.Column("previous", sa.Text))
    op.add_column("version", sa.Column("description", sa.Text))
    version = sa.table("version", sa.column("version"), sa.column("event"))
    op.execute(version.update().where(version.c.version == 1).values(event="created"))


def _renames() -> None:
    op.create_table(
        "renamed",
        sa.Column("old_id", KEY, nullable=False),
        sa.Column("new_id", KEY, nullable=False),
        sa.Column("scope_path", KEY, nullable=False),
        sa.Column("qualified", sa.Text, nullable=False),
        sa.Column("crawl", sa.Text),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("old_id"),
    )
    op.create_index("renamed_by_new", "renamed", ["new_id"])
    op.create_table(
        "proposal",
        sa.Column("id", KEY, nullable=False),
        sa.Column("old_id", KEY, nullable=False),
        sa.Column("new_id", KEY, nullable=False),
        sa.Column("crawl", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", TIME),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("proposal_by_old", "proposal", ["old_id"])
    op.create_index("proposal_by_new", "proposal", ["new_id"])


def _layers() -> None:
    op.create_table(
        "layer",
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("origin", KEY, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("crawl", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("asset_id", "origin"),
    )
    op.create_index("layer_by_origin", "layer", ["origin", "crawl"])


def _crawls() -> None:
    op.drop_column("crawl", "unread")
    op.drop_column("crawl", "databases")
    op.add_column("crawl", sa.Column("costs", sa.JSON, nullable=False, server_default=sa.text("'{}'")))
    op.create_table(
        "crawl_container",
        sa.Column("crawl", KEY, nullable=False),
        sa.Column("container", KEY, nullable=False),
        sa.Column("lists", sa.Boolean, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("grants", sa.JSON),
        sa.Column("rebuilding", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("crawl", "container", "lists"),
    )
    op.create_table(
        "crawl_change",
        sa.Column("crawl", KEY, nullable=False),
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("crawl", "asset_id"),
    )
    op.create_index("crawl_change_by_asset", "crawl_change", ["asset_id"])
