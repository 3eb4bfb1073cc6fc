"""Columns of datasets, edges between columns, edges that runs and logs show, and the times of what definitions said.

What is known of columns stands in the feed, which is followed from its start again; the edges stay as they are.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TIME = sa.DateTime(timezone=True)


def _ends() -> list[sa.Column[Any]]:
    return [
        *(sa.Column(name, KEY, nullable=False) for name in ("source_id", "source_column", "target_id", "target_column")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "basis")),
    ]


def _sightings() -> list[sa.Column[Any]]:
    return [
        sa.Column("origin", KEY, nullable=False),
        *(sa.Column(name, TIME, nullable=False) for name in ("first_seen", "last_seen", "arrived_at")),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
    ]


def _id() -> sa.Column[Any]:
    return sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True)


def upgrade() -> None:
    op.add_column("edge", sa.Column("arrived_at", TIME))
    op.create_table("node_columns", sa.Column("id", KEY, primary_key=True), sa.Column("columns", sa.JSON, nullable=False))
    op.create_table(
        "state",
        sa.Column("target_id", KEY, primary_key=True),
        sa.Column("level", KEY, primary_key=True),
        sa.Column("at", TIME, primary_key=True),
    )
    _column_edges()
    _observed()
    _readings()
    op.create_table("setting", sa.Column("name", KEY, primary_key=True), sa.Column("value", sa.Text, nullable=False))
    _carry_on()


def _column_edges() -> None:
    op.create_table(
        "column_edge",
        _id(),
        *_ends(),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("guards", sa.JSON, nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_to", TIME),
        sa.Column("arrived_at", TIME, nullable=False),
    )
    op.create_index("column_edge_by_target", "column_edge", ["target_id", "target_column"])
    op.create_index("column_edge_by_source", "column_edge", ["source_id", "source_column"])


def _observed() -> None:
    op.create_table(
        "observed",
        _id(),
        *(sa.Column(name, KEY, nullable=False) for name in ("source_id", "target_id", "kind")),
        *_sightings(),
    )
    op.create_index("observed_once", "observed", ["target_id", "source_id", "kind", "origin"], unique=True)
    op.create_index("observed_by_source", "observed", ["source_id"])
    op.create_index("observed_by_last_seen", "observed", ["last_seen"])
    op.create_table("observed_column", _id(), *_ends(), *_sightings())
    once = ["target_id", "target_column", "source_id", "source_column", "kind", "basis", "origin"]
    op.create_index("observed_column_once", "observed_column", once, unique=True)
    op.create_index("observed_column_by_source", "observed_column", ["source_id", "source_column"])


def _readings() -> None:
    op.create_table(
        "column_reading",
        sa.Column("asset_id", KEY, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("problem", sa.Text),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("columns", "resolved", "unresolved")),
    )
    op.create_table(
        "column_todo",
        sa.Column("asset_id", KEY, primary_key=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("mark", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "declared",
        _id(),
        *(sa.Column(name, KEY, nullable=False) for name in ("source_id", "target_id")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("action", "by")),
        sa.Column("at", TIME, nullable=False),
    )


def _carry_on() -> None:
    """The times of what definitions said so far, and the feed again from its start: it tells the columns."""
    edge = sa.table("edge", *map(sa.column, ("target_id", "valid_from", "valid_to")))
    state = sa.table("state", *map(sa.column, ("target_id", "level", "at")))
    begun = sa.select(edge.c.target_id, sa.literal("table"), edge.c.valid_from)
    ended = sa.select(edge.c.target_id, sa.literal("table"), edge.c.valid_to).where(edge.c.valid_to.is_not(None))
    op.execute(state.insert().from_select(["target_id", "level", "at"], begun.union(ended)))
    op.execute(sa.table("checkpoint", sa.column("seq")).update().values(seq=0))


def downgrade() -> None:
    for table in (
        *("setting", "declared", "column_todo", "column_reading"),
        *("observed_column", "observed", "column_edge", "state", "node_columns"),
    ):
        op.drop_table(table)
    op.drop_column("edge", "arrived_at")
