"""How far the feed was followed, and which state of the graph that made. One row, written with what it speaks of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from services.common.model.changes import Seq
from services.lineage.store.tables import checkpoint


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to `seq` is stored; `version` is another number whenever the graph is another."""

    seq: Seq
    version: int


def read(connection: Connection, *, lock: bool = False) -> Checkpoint:
    """The checkpoint; with `lock`, no other follower stores a page before this unit of work ends."""
    query = select(checkpoint.c.seq, checkpoint.c.version)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return Checkpoint(Seq(row.seq), row.version)


def advance(connection: Connection, seq: Seq, *, graph_changed: bool) -> None:
    """Everything up to `seq` is stored now."""
    version = checkpoint.c.version + (1 if graph_changed else 0)
    connection.execute(update(checkpoint).values(seq=seq, version=version))


def raise_version(connection: Connection) -> None:
    """The graph is another than before: the snapshot is made anew. For writers that do not follow the feed."""
    connection.execute(update(checkpoint).values(version=checkpoint.c.version + 1))
