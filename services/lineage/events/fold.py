"""A delivery's events into the store, in one unit of work: jobs, runs, datasets, and the edges that follow from them.

Journey 3, step "merge". Whatever the order, the grouping and the number of times that events arrive, the rows become the
same: what is folded are minima, maxima, unions and newest words.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from services.common.model.events import JobId
from services.common.model.names import AssetId, Namespaces
from services.lineage.events import rows
from services.lineage.events.event import Event
from services.lineage.events.identity import Aligned, align, give_up, realign
from services.lineage.store import checkpoint, event_datasets, job_edges, jobs, runs
from services.lineage.store.job_edges import Shown
from services.lineage.store.runs import End


def fold(connection: Connection, events: Sequence[Event], namespaces: Namespaces, arrived: dt.datetime) -> frozenset[JobId]:
    """Store what events say that were not stored before.

    Args:
        connection: inside a unit of work that no other writer of lineage shares.
        events: in any order, each once.
        namespaces: which namespace a raw one stands for, and whose sources own datasets.
        arrived: when we were told.

    Returns:
        The jobs whose datasets are others than before, because names stand for others now.

    """
    of_jobs = [(event, event.job) for event in events if event.job is not None]
    _put_jobs(connection, of_jobs)
    told = rows.gathered(row for event in events for row in rows.dataset_rows(event))
    pairs = {pair for event in events for pair in rows.symlink_pairs(event)}
    aligned = align(connection, list(told.values()), pairs, namespaces)
    moved = jobs.naming(connection, aligned.moved)
    changed, outgrown = _put_runs(connection, of_jobs, aligned, arrived, without=moved)
    moved |= outgrown
    columns = [row for event, job in of_jobs for row in rows.column_rows(event, job)]
    job_edges.keep_columns(connection, columns)
    shown = [row for row in columns if row["job_id"] not in moved]
    changed |= job_edges.put_columns(connection, shown, aligned.assets, arrived)
    changed |= job_edges.rebuild(connection, moved, arrived)
    give_up(connection, aligned.left)
    if changed or aligned.changed:
        checkpoint.raise_version(connection)
    return moved


def _put_jobs(connection: Connection, of_jobs: Sequence[tuple[Event, JobId]]) -> None:
    told = rows.gathered(rows.job_row(event, job) for event, job in of_jobs)
    held = jobs.get(connection, {job for _, job in of_jobs})
    jobs.put(connection, [row.with_other(held[row.id]) if row.id in held else row for row in told.values()])


def _put_runs(
    connection: Connection,
    of_jobs: Sequence[tuple[Event, JobId]],
    aligned: Aligned,
    arrived: dt.datetime,
    *,
    without: frozenset[JobId],
) -> tuple[bool, frozenset[JobId]]:
    """Runs, what they read and wrote, and the edges between; those of the jobs in `without` are left to a rebuild.

    Returns whether the graph is another, and further jobs that are left to a rebuild.
    """
    told = rows.gathered(rows.run_row(event, job) for event, job in of_jobs)
    held = runs.get(connection, told.keys())
    now = {key: row.with_other(held[key]) if key in held else row for key, row in told.items()}
    runs.put(connection, list(now.values()))
    before = runs.ends(connection, told.keys())
    said: dict[str, set[End]] = defaultdict(set)
    for event, job in of_jobs:
        said[rows.run_key(job, event.run)].update(rows.ends(event))
    new = [(key, end) for key, ends in said.items() for end in ends - before.get(key, set())]
    runs.add_ends(connection, new)
    jobs.add_ends(connection, [(now[key].job_id, *end) for key, end in new])
    fuller = {key for key, _ in new}
    touched = [
        (key, row)
        for key, row in now.items()
        if row.job_id not in without and (key in fuller or key not in held or row.extent != held[key].extent)
    ]
    named = {dataset for key, _ in touched for dataset, _ in before.get(key, ())}
    assets = {**event_datasets.assets(connection, named - aligned.assets.keys()), **aligned.assets}
    shown = [
        Shown(row.job_id, *row.extent, _resolved(was := before.get(key, set()), assets), _resolved(was | said[key], assets))
        for key, row in touched
    ]
    outgrown = frozenset(one.job for one in shown if one.outgrown)
    return job_edges.put(connection, (one for one in shown if one.job not in outgrown), arrived), outgrown


def _resolved(ends: Iterable[End], assets: Mapping[AssetId, AssetId]) -> frozenset[End]:
    return frozenset((assets[dataset], output) for dataset, output in ends)


def refold(connection: Connection, namespaces: Namespaces, arrived: dt.datetime) -> bool:
    """Bring what is stored in line with what namespaces stand for now; returns whether any name is another dataset's."""
    aligned = realign(connection, namespaces)
    moved = jobs.naming(connection, aligned.moved)
    changed = job_edges.rebuild(connection, moved, arrived)
    give_up(connection, aligned.left)
    if changed or aligned.changed:
        checkpoint.raise_version(connection)
    return bool(aligned.moved)
