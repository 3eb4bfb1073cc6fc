"""Statements that events say jobs ran, without their text."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "job_statement",
        sa.Column("job_id", KEY, primary_key=True),
        sa.Column("fingerprint", KEY, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("dialect", "state")),
        sa.Column("problem", sa.Text),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("said", "told")),
        sa.Column("seen", sa.Text, nullable=False),
        *(sa.Column(name, TIME, nullable=False) for name in ("first_at", "last_at")),
    )


def downgrade() -> None:
    op.drop_table("job_statement")
