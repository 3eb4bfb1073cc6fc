"""Runs: when they began and ended, how, and what each read and wrote.

Journey 3, step "store".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, func, select

from services.common.model.events import JobId, RunState
from services.common.model.names import AssetId
from services.lineage.store.event_rows import RunRow
from services.lineage.store.event_tables import event_dataset, run, run_dataset
from services.lineage.store.job_edges import MAX_PAIRS
from services.lineage.store.lookup import keyed, rows_of, rows_with
from services.lineage.store.upserts import adding, replacing

End = tuple[AssetId, bool]
"""A name, and whether it was written."""

_BY_ID = keyed(select(run), run.c.id)
_ENDS = keyed(select(run_dataset), run_dataset.c.run)


def get(connection: Connection, ids: Collection[str]) -> dict[str, RunRow]:
    """The runs among `ids`, which are keys of runs."""
    return {found.id: found for found in map(row_of, rows_of(connection, _BY_ID, ids))}


def put(connection: Connection, runs: Collection[RunRow]) -> None:
    """Store runs, each in place of what was there."""
    if not runs:
        return
    connection.execute(replacing(connection, run, ("id",), kept=("job_id", "run_id")), list(map(_row, runs)))


def ends(connection: Connection, ids: Collection[str]) -> dict[str, set[End]]:
    """What runs read and wrote, by the runs' keys; those of which nothing is known are left out."""
    found: dict[str, set[End]] = {}
    for row in rows_of(connection, _ENDS, ids):
        found.setdefault(row.run, set()).add((AssetId(row.dataset), row.output))
    return found


def add_ends(connection: Connection, ends: Iterable[tuple[str, End]]) -> None:
    """Add what runs read and wrote that is not stored yet."""
    rows = [{"run": key, "dataset": dataset, "output": output} for key, (dataset, output) in sorted(ends)]
    if rows:
        connection.execute(adding(connection, run_dataset), rows)


def truncated(connection: Connection, ids: Collection[str]) -> frozenset[str]:
    """Those of the runs `ids` that read and write too much for edges between their datasets."""
    found: dict[str, list[int]] = {}
    for key, output, count in _sizes(connection, ids):
        found.setdefault(key, [0, 0])[output] = count
    return frozenset(key for key, (inputs, outputs) in found.items() if inputs * outputs > MAX_PAIRS)


def _sizes(connection: Connection, ids: Collection[str]) -> Iterator[tuple[str, bool, int]]:
    query = (
        select(run_dataset.c.run, run_dataset.c.output, func.count(event_dataset.c.asset_id.distinct()).label("count_"))
        .join(event_dataset, event_dataset.c.id == run_dataset.c.dataset)
        .group_by(run_dataset.c.run, run_dataset.c.output)
    )
    for row in rows_with(connection, query, run_dataset.c.run, ids):
        yield row.run, row.output, row.count_


def row_of(row: Row[Any]) -> RunRow:
    """A row of `event_tables.run` as a value."""
    return RunRow(
        id=row.id,
        job_id=JobId(row.job_id),
        run_id=row.run_id,
        first_at=row.first_at,
        last_at=row.last_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        state=RunState(row.state),
        state_at=row.state_at,
        facets=row.facets,
    )


def _row(one: RunRow) -> dict[str, Any]:
    return {
        "id": one.id,
        "job_id": one.job_id,
        "run_id": one.run_id,
        "first_at": one.first_at,
        "last_at": one.last_at,
        "began_at": one.began_at,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "state": one.state.value,
        "state_at": one.state_at,
        "facets": one.facets,
    }
