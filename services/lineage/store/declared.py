"""What people say of edges and take back: a record that is only added to.

Journey 3, step "store".
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, insert, select

from services.common.model.lineage import Declaration
from services.common.model.names import AssetId
from services.lineage.store.tables import declared

ADDED = "added"
REMOVED = "removed"


def record(connection: Connection, said: Declaration, action: str, at: dt.datetime) -> None:
    """Write down who said or took back what, and when."""
    row = {"source_id": said.source, "target_id": said.target, "action": action, "by": said.by, "at": at}
    connection.execute(insert(declared), row)


def history(connection: Connection, target: AssetId) -> list[tuple[Declaration, str, dt.datetime]]:
    """What was said of the edges into a dataset, oldest first, with the action and when."""
    query = select(declared).where(declared.c.target_id == target).order_by(declared.c.id)
    rows = connection.execute(query)
    return [(Declaration(AssetId(row.source_id), target, row.by), row.action, row.at) for row in rows]
