"""The first tables: embedding cache, pending texts, lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "embedding",
        sa.Column("model", sa.String(200), primary_key=True),
        sa.Column("text_hash", sa.LargeBinary(16), primary_key=True),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "pending",
        sa.Column("model", sa.String(200), primary_key=True),
        sa.Column("text_hash", sa.LargeBinary(16), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "lease",
        sa.Column("home", sa.String(64), primary_key=True),
        sa.Column("holder", sa.String(200)),
        sa.Column("role", sa.String(20)),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("beat_at", sa.Float, nullable=False),
        sa.Column("lexical_seq", sa.BigInteger, nullable=False),
        sa.Column("vector_seq", sa.BigInteger, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    for table in ("lease", "pending", "embedding"):
        op.drop_table(table)
