"""What people decide about words: terms with their synonyms, the names that they are found by, and who said so."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "vocabulary",
        sa.Column("key", KEY, nullable=False),
        sa.Column("term", sa.Text, nullable=False),
        sa.Column("synonyms", sa.JSON, nullable=False),
        sa.Column("rejected", sa.JSON, nullable=False),
        sa.Column("definition", sa.Text),
        sa.Column("tables", sa.JSON, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "vocabulary_name",
        sa.Column("name", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("name", "key"),
    )
    op.create_table(
        "vocabulary_audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("vocabulary_audit_by_key", "vocabulary_audit", ["key", "id"])


def downgrade() -> None:
    for table in ("vocabulary_audit", "vocabulary_name", "vocabulary"):
        op.drop_table(table)
