"""Datasets, edges, definitions, mentions and the checkpoint."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "node",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("namespace", sa.Text, nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("scope_path", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
    )
    op.create_table(
        "edge",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True),
        sa.Column("source_id", KEY, nullable=False),
        sa.Column("target_id", KEY, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("guards", sa.JSON, nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_to", TIME),
    )
    op.create_index("edge_by_target", "edge", ["target_id", "valid_to"])
    op.create_index("edge_by_source", "edge", ["source_id", "valid_to"])
    op.create_table(
        "definition",
        sa.Column("asset_id", KEY, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("reads", sa.JSON, nullable=False),
    )
    op.create_table(
        "mention",
        sa.Column("asset_id", KEY, primary_key=True),
        sa.Column("dataset_id", KEY, primary_key=True),
        sa.Column("scope_path", sa.Text, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
    )
    op.create_index("mention_by_dataset", "mention", ["dataset_id"])
    checkpoint = op.create_table(
        "checkpoint",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(checkpoint, [{"id": 1, "seq": 0, "version": 0}])


def downgrade() -> None:
    for table in ("checkpoint", "mention", "definition", "edge", "node"):
        op.drop_table(table)
