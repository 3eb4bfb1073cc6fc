"""Jobs: what events say of them, what they read and write, and which of them a scope shows.

Journey 3, step "store".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, select

from services.common.model.events import JobId
from services.common.model.names import AssetId
from services.lineage.store.event_rows import JobRow
from services.lineage.store.event_tables import event_dataset, job, job_column, job_dataset
from services.lineage.store.lookup import keyed, rows_of, rows_with
from services.lineage.store.upserts import adding, replacing

_KEY_CHARS = 400
"""Where the name to be found by is cut: an entry of a PostgreSQL B-tree holds 2,704 bytes."""
_BY_ID = keyed(select(job), job.c.id)


def get(connection: Connection, ids: Collection[JobId]) -> dict[JobId, JobRow]:
    """The jobs among `ids`."""
    return {found.id: found for found in map(row_of, rows_of(connection, _BY_ID, ids))}


def put(connection: Connection, jobs: Collection[JobRow]) -> None:
    """Store jobs, each in place of what was there."""
    if not jobs:
        return
    rows = [
        {
            "id": one.id,
            "namespace": one.namespace,
            "name": one.name,
            "sort_key": sort_key(one),
            "first_at": one.first_at,
            "last_at": one.last_at,
            "facets": one.facets,
        }
        for one in jobs
    ]
    connection.execute(replacing(connection, job, ("id",), kept=("namespace", "name", "sort_key")), rows)


def add_ends(connection: Connection, ends: Iterable[tuple[JobId, AssetId, bool]]) -> None:
    """Add names that jobs read (False) or write (True)."""
    rows = [{"job_id": one, "dataset": dataset, "output": output} for one, dataset, output in sorted(set(ends))]
    if rows:
        connection.execute(adding(connection, job_dataset), rows)


def naming(connection: Connection, datasets: Collection[AssetId]) -> frozenset[JobId]:
    """The jobs that read or write one of these names, or a column of one."""
    found = {row.job_id for row in rows_with(connection, select(job_dataset.c.job_id), job_dataset.c.dataset, datasets)}
    for column in (job_column.c.source, job_column.c.target):
        found |= {row.job_id for row in rows_with(connection, select(job_column.c.job_id).distinct(), column, datasets)}
    return frozenset(map(JobId, found))


def of_assets(connection: Connection, assets: Collection[AssetId]) -> frozenset[JobId]:
    """The jobs that read or write one of these datasets, under whatever name."""
    query = select(job_dataset.c.job_id).join(event_dataset, event_dataset.c.id == job_dataset.c.dataset)
    return frozenset(JobId(row.job_id) for row in rows_with(connection, query, event_dataset.c.asset_id, assets))


def sort_key(one: JobRow) -> str:
    """What jobs are listed in the order of: namespace and name, cut where an index ends."""
    return f"{one.namespace}\n{one.name}"[:_KEY_CHARS]


def row_of(row: Row[Any]) -> JobRow:
    """A row of `event_tables.job` as a value."""
    return JobRow(JobId(row.id), row.namespace, row.name, row.first_at, row.last_at, row.facets)
