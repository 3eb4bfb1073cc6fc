"""Assets that only events name, and how far what events say of datasets was followed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("asset", sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.true()))
    checkpoint = op.create_table(
        "event_checkpoint",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(checkpoint, [{"id": 1, "seq": 0}])


def downgrade() -> None:
    op.drop_table("event_checkpoint")
    op.execute(sa.text("DELETE FROM asset WHERE NOT listed"))
    op.drop_column("asset", "listed")
