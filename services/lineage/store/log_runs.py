"""Who ran which statement when, in the order in which it was told; what was counted before; and each log's time.

Journey 3, step "log → facts". Rows are only added: a reader that has seen a number never needs to look below it again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, insert, select

from services.common.model.changes import Seq
from services.common.model.usage import NO_FACTS, FactSeq, LogWindow
from services.common.runtime.inserts import insert_into
from services.lineage.store.log_tables import log_run, log_seen, log_window
from services.lineage.store.lookup import rows_with


@dataclass(frozen=True, slots=True)
class Run:
    """A statement that somebody ran, once or several times within an hour. `count` 0: news of the statement alone."""

    statement: int
    person: str | None
    count: int
    first_at: dt.datetime | None
    at: dt.datetime | None


def head(connection: Connection) -> FactSeq:
    """The newest number; 0 where there is none."""
    return FactSeq(connection.execute(select(func.max(log_run.c.seq))).scalar() or NO_FACTS)


def add(connection: Connection, runs: Iterable[Run]) -> None:
    """Add rows. The caller holds the checkpoint's lock, so that numbers come in their order."""
    start = head(connection)
    rows = [
        {
            "seq": start + at,
            "statement_id": run.statement,
            "person": run.person,
            "count": run.count,
            "first_at": run.first_at,
            "at": run.at,
            "minute": None if run.at is None else _minute(run.at),
        }
        for at, run in enumerate(runs, 1)
    ]
    if rows:
        connection.execute(insert(log_run), rows)


def after(connection: Connection, seq: FactSeq, limit: int) -> list[tuple[FactSeq, Run]]:
    """Rows after `seq` in order."""
    query = select(log_run).where(log_run.c.seq > seq).order_by(log_run.c.seq).limit(limit)
    return [
        (FactSeq(row["seq"]), Run(row["statement_id"], row["person"], row["count"], row["first_at"], row["at"]))
        for row in connection.execute(query).mappings()
    ]


def counted(connection: Connection, keys: Collection[int]) -> dict[int, int]:
    """How many were counted of each of those lines that were seen before."""
    return {row.key: row.n for row in rows_with(connection, select(log_seen), log_seen.c.key, keys)}


def count(connection: Connection, seen: Mapping[int, int]) -> None:
    """From now on so many are counted."""
    if seen:
        statement = insert_into(connection.dialect.name, log_seen)
        statement = statement.on_conflict_do_update(index_elements=["key"], set_={"n": statement.excluded.n})
        connection.execute(statement, [{"key": key, "n": n} for key, n in seen.items()])


def put_windows(connection: Connection, found: Iterable[LogWindow]) -> None:
    """Widen the times that sources' logs cover."""
    rows = [
        {
            "source": one.source,
            "first_at": one.first_at,
            "last_at": one.last_at,
            "arrived_at": one.arrived_at,
            "executions": one.executions,
            "relinked": 0,
        }
        for one in found
    ]
    if not rows:
        return
    statement = insert_into(connection.dialect.name, log_window)
    old, new = log_window.c, statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["source"],
            set_={
                "first_at": case(
                    (old.first_at < new.first_at, old.first_at), else_=func.coalesce(new.first_at, old.first_at)
                ),
                "last_at": case((old.last_at > new.last_at, old.last_at), else_=func.coalesce(new.last_at, old.last_at)),
                "arrived_at": new.arrived_at,
                "executions": old.executions + new.executions,
            },
        ),
        rows,
    )


def windows(connection: Connection) -> list[LogWindow]:
    """The time that each source's log covers."""
    query = select(log_window).order_by(log_window.c.source)
    return [
        LogWindow(row.source, row.first_at, row.last_at, row.arrived_at, row.executions) for row in connection.execute(query)
    ]


def relinked(connection: Connection) -> Seq | None:
    """The catalog's number up to which open names were looked for; None where no log was read yet."""
    return connection.execute(select(func.min(log_window.c.relinked))).scalar()


def set_relinked(connection: Connection, seq: Seq) -> None:
    """Open names were looked for up to this number."""
    connection.execute(log_window.update().values(relinked=seq))


def _minute(at: dt.datetime) -> int:
    utc = at.astimezone(dt.UTC)
    return utc.hour * 60 + utc.minute
