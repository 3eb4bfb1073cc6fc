"""The edges that the runs of jobs show, as `observed` and `column_edges` keep them: added to, or made anew for a job.

Journey 3, step "store". An edge of a job counts the runs that showed it, and its times are those of these runs.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from services.common.model.events import JobId
from services.common.model.names import AssetId
from services.lineage.store import column_edges, event_datasets, observed
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.event_tables import event_dataset, job_column, run, run_dataset
from services.lineage.store.lookup import dicts_with, rows_with, write_with
from services.lineage.store.observed import RUN, Observation
from services.lineage.store.tables import observed as observed_table
from services.lineage.store.tables import observed_column
from services.lineage.store.upserts import widening

Ends = frozenset[tuple[AssetId, bool]]
"""Datasets, each with whether it was written."""
MAX_PAIRS = 20_000
"""Inputs times outputs of one run: each pair is an edge, so a run with more of them makes none between its datasets."""
_ONCE = ("job_id", "source", "column", "target", "into", "kind")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a run showed: from `first` to `last`, `before` of which was known, `now` in all."""

    job: JobId
    first: dt.datetime
    last: dt.datetime
    before: Ends
    now: Ends

    @property
    def outgrown(self) -> bool:
        """Whether it made edges before, and has too many pairs for any now: the job's edges are then to be made anew."""
        return is_truncated(self.now) and any(True for _ in _pairs(self.before))


def is_truncated(ends: Ends) -> bool:
    """Whether these are over `MAX_PAIRS` pairs, of which no edge is made."""
    outputs = sum(output for _, output in ends)
    return outputs * (len(ends) - outputs) > MAX_PAIRS


def put(connection: Connection, shown: Iterable[Shown], arrived: dt.datetime) -> bool:
    """Add the edges of runs; returns whether the graph is another."""
    return observed.put(connection, [one for run in shown for one in _observations(run)], arrived)


def keep_columns(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep what events say of columns, by the names that they use, so that edges can be made anew."""
    gathered = _gathered(rows)
    if not gathered:
        return
    once = widening(connection, job_column, _ONCE, least=("first_at",), most=("last_at",), summed=("count",))
    connection.execute(once, gathered)


def put_columns(
    connection: Connection, rows: Iterable[Mapping[str, Any]], assets: Mapping[AssetId, AssetId], arrived: dt.datetime
) -> bool:
    """Add the edges between columns that `rows` of `job_column` show; returns whether there are any."""
    found = False
    for (job, at, count), edges in _by_time(_gathered(rows), assets).items():
        found = True
        column_edges.put_observed(connection, edges, kind=RUN, origin=job, at=at, arrived=arrived, count=count)
    return found


def rebuild(connection: Connection, jobs: Collection[JobId], arrived: dt.datetime) -> bool:
    """Make the edges of jobs anew, because names that they use stand for others now; returns whether there was any job."""
    if not jobs:
        return False
    write_with(connection, delete(observed_table).where(observed_table.c.kind == RUN), observed_table.c.origin, jobs)
    write_with(connection, delete(observed_column).where(observed_column.c.basis == RUN), observed_column.c.origin, jobs)
    put(connection, _runs(connection, jobs), arrived)
    rows = list(dicts_with(connection, select(job_column), job_column.c.job_id, jobs))
    names = {row[end] for row in rows for end in ("source", "target")}
    put_columns(connection, rows, event_datasets.assets(connection, names), arrived)
    return True


def _runs(connection: Connection, jobs: Collection[JobId]) -> Iterator[Shown]:
    query = (
        select(run.c.id, run.c.job_id, run.c.first_at, run.c.last_at, event_dataset.c.asset_id, run_dataset.c.output)
        .join(run_dataset, run_dataset.c.run == run.c.id)
        .join(event_dataset, event_dataset.c.id == run_dataset.c.dataset)
    )
    found: dict[tuple[str, JobId, dt.datetime, dt.datetime], set[tuple[AssetId, bool]]] = defaultdict(set)
    for row in rows_with(connection, query, run.c.job_id, jobs):
        found[row.id, JobId(row.job_id), row.first_at, row.last_at].add((AssetId(row.asset_id), row.output))
    for (_, job, first, last), ends in found.items():
        yield Shown(job, first, last, frozenset(), frozenset(ends))


def _observations(run: Shown) -> Iterator[Observation]:
    known = set(_pairs(run.before))
    for source, target in _pairs(run.now):
        count = 0 if (source, target) in known else 1
        yield Observation(source, target, RUN, run.job, run.first, count)
        if run.last != run.first:
            yield Observation(source, target, RUN, run.job, run.last, 0)


def _pairs(ends: Ends) -> Iterator[tuple[AssetId, AssetId]]:
    if is_truncated(ends):
        return iter(())
    inputs = [dataset for dataset, output in ends if not output]
    outputs = [dataset for dataset, output in ends if output]
    return ((source, target) for source in inputs for target in outputs if source != target)


def _gathered(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in _ONCE)
        before = found.get(key)
        if before is None:
            found[key] = dict(row)
            continue
        before["first_at"] = min(before["first_at"], row["first_at"])
        before["last_at"] = max(before["last_at"], row["last_at"])
        before["count"] += row["count"]
    return list(found.values())


def _by_time(
    rows: Iterable[Mapping[str, Any]], assets: Mapping[AssetId, AssetId]
) -> dict[tuple[JobId, dt.datetime, int], list[ColumnEdge]]:
    """Edges by job, time and count: one at the first time with the count, and one that moves the last time."""
    found: dict[tuple[JobId, dt.datetime, int], list[ColumnEdge]] = defaultdict(list)
    merged: dict[tuple[JobId, ColumnEdge], list[Any]] = {}
    for row in rows:
        ends = (assets.get(row[end], row[end]) for end in ("source", "target"))
        source, target = ends
        edge = ColumnEdge(source, row["column"], target, row["into"], row["kind"])
        held = merged.setdefault((row["job_id"], edge), [row["first_at"], row["last_at"], 0])
        held[0], held[1] = min(held[0], row["first_at"]), max(held[1], row["last_at"])
        held[2] += row["count"]
    for (job, edge), (first, last, count) in merged.items():
        found[job, first, count].append(edge)
        if last != first:
            found[job, last, 0].append(edge)
    return found
