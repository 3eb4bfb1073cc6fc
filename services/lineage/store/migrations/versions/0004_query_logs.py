"""Statements of query logs without their text, what they name, who ran them when, and what was counted already."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "log_statement",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True),
        sa.Column("fingerprint", KEY, nullable=False, unique=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "namespace", "dialect", "kind", "state")),
        sa.Column("problem", sa.Text),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("around", "said", "told")),
    )
    op.create_table(
        "log_mention",
        sa.Column("statement_id", BIG_KEY, primary_key=True),
        sa.Column("dataset_id", KEY, primary_key=True),
        sa.Column("last", KEY, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
    )
    op.create_index("log_mention_by_dataset", "log_mention", ["dataset_id"])
    op.create_index("log_mention_open", "log_mention", ["open", "last"])
    op.create_table(
        "log_run",
        sa.Column("seq", BIG_KEY, primary_key=True, autoincrement=False),
        sa.Column("statement_id", BIG_KEY, nullable=False),
        sa.Column("person", KEY),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_at", TIME),
        sa.Column("at", TIME),
        sa.Column("minute", sa.SmallInteger),
    )
    op.create_index("log_run_by_person", "log_run", ["person", "statement_id"])
    op.create_table(
        "log_seen",
        sa.Column("key", BIG_KEY, primary_key=True, autoincrement=False),
        sa.Column("n", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "log_window",
        sa.Column("source", KEY, primary_key=True),
        sa.Column("first_at", TIME),
        sa.Column("last_at", TIME),
        sa.Column("arrived_at", TIME, nullable=False),
        sa.Column("executions", sa.BigInteger, nullable=False),
        sa.Column("relinked", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for table in ("log_window", "log_seen", "log_run", "log_mention", "log_statement"):
        op.drop_table(table)
