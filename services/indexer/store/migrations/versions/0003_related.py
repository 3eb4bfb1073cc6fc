"""What people run: statements, who ran them when, and how far the facts were followed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage_statement",
        sa.Column("fingerprint", sa.String(80), primary_key=True),
        sa.Column("source", sa.String(400), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "usage_run",
        sa.Column("fingerprint", sa.String(80), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("user", sa.String(200), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
    )
    op.create_table(
        "usage_position",
        sa.Column("line", sa.String(20), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("usage_position")
    op.drop_table("usage_run")
    op.drop_table("usage_statement")
