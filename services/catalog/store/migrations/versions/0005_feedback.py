"""Answers that were given, and what people did with them."""

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
        "search_answer",
        sa.Column("principal", KEY, nullable=False),
        sa.Column("query_id", KEY, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("words_key", KEY, nullable=False),
        sa.Column("words", sa.Text),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Text, nullable=False),
        sa.Column("seen", sa.JSON),
        sa.Column("opened_at", TIME),
        sa.Column("shown", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("principal", "query_id"),
    )
    op.create_index("search_answer_by_time", "search_answer", ["at"])
    op.create_table(
        "search_feedback",
        sa.Column("principal", KEY, nullable=False),
        sa.Column("query_id", KEY, nullable=False),
        sa.Column("hit_id", KEY, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("principal", "query_id", "hit_id", "what"),
    )
    op.create_index("search_feedback_by_time", "search_feedback", ["at"])


def downgrade() -> None:
    op.drop_table("search_feedback")
    op.drop_table("search_answer")
