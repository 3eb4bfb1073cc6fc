"""OpenLineage events: what was sent, jobs, runs, and datasets under the names that events use."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("node", sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false()))
    _events()
    _jobs()
    _datasets()


def downgrade() -> None:
    for table in (
        *("event_head", "symlink", "event_dataset", "job_column", "job_dataset", "run_dataset", "run", "job", "event"),
    ):
        op.drop_table(table)
    op.drop_column("node", "told")


def _events() -> None:
    op.create_table(
        "event",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True),
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("arrived", TIME, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("event_by_hash", "event", ["sha256"], unique=True)
    op.create_index("event_by_time", "event", ["at"])
    op.create_index("event_by_arrival", "event", ["arrived"])
    head = op.create_table(
        "event_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0}])


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sort_key", KEY, nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("facets", sa.JSON, nullable=False),
    )
    op.create_index("job_in_order", "job", ["sort_key", "id"])
    op.create_table(
        "run",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("started_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("state_at", TIME, nullable=False),
        sa.Column("facets", sa.JSON, nullable=False),
    )
    op.create_index("run_by_job", "run", ["job_id", "began_at", "id"])
    op.create_index("run_by_run_id", "run", ["run_id"])
    for table, owner in (("run_dataset", "run"), ("job_dataset", "job_id")):
        op.create_table(
            table,
            sa.Column(owner, KEY, nullable=False),
            sa.Column("dataset", KEY, nullable=False),
            sa.Column("output", sa.Boolean, nullable=False),
            sa.PrimaryKeyConstraint(owner, "dataset", "output"),
        )
    op.create_index("job_dataset_by_dataset", "job_dataset", ["dataset"])
    keys = ("job_id", "source", "column", "target", "into", "kind")
    op.create_table(
        "job_column",
        *(sa.Column(name, KEY, nullable=False) for name in keys),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(*keys),
    )
    op.create_index("job_column_by_source", "job_column", ["source"])
    op.create_index("job_column_by_target", "job_column", ["target"])


def _datasets() -> None:
    op.create_table(
        "event_dataset",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("asset_namespace", sa.Text, nullable=False),
        sa.Column("asset_parts", sa.JSON, nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("facets", sa.JSON, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_index("event_dataset_by_asset", "event_dataset", ["asset_id"])
    op.create_index("event_dataset_by_seq", "event_dataset", ["seq"])
    op.create_table(
        "symlink",
        sa.Column("one", KEY, nullable=False),
        sa.Column("other", KEY, nullable=False),
        sa.PrimaryKeyConstraint("one", "other"),
    )
    op.create_index("symlink_by_other", "symlink", ["other"])
