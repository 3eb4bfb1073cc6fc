"""Statements that events say a job ran, without their text, and the edges that they show beside the job's own.

Journey 3, step "SQL of events". An edge's origin is the job and the statement's fingerprint; one that the job's events show by
themselves has the job alone, and stands in place of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from services.common.model.events import JobId
from services.common.model.names import AssetId, DatasetName, Namespace
from services.lineage.store import column_edges, event_datasets, observed
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.event_tables import event_dataset, job, job_column, job_dataset, job_statement
from services.lineage.store.lookup import dicts_with, rows_with, write_with
from services.lineage.store.observed import RUN, Observation
from services.lineage.store.tables import observed as observed_table
from services.lineage.store.tables import observed_column
from services.lineage.store.upserts import replacing

CONFIDENCE = 0.9
"""Of an edge from a statement that a job says it ran, as of one in a log: it may have failed, or moved no row."""
Ends = tuple[tuple[DatasetName, bool], ...]
"""Datasets, each with whether it is written, in order of name."""
Since = tuple[str, dt.datetime, dt.datetime]
"""The origin of an edge, and when it was first and last seen."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobStatement:
    """One statement of a job.

    Attributes:
        fingerprint: of its words without literals.
        said: JSON of its `Usage`.
        told: what its tables stand for, by their places.
        seen: a hash of all that its reading rested on.
        first, last: the times of the first and the last event that had it.

    """

    job: JobId
    fingerprint: str
    dialect: str
    state: str
    problem: str | None
    said: list[Any]
    told: tuple[AssetId | None, ...]
    seen: str
    first: dt.datetime
    last: dt.datetime

    @property
    def origin(self) -> str:
        """What its edges have as their origin."""
        return f"{self.job}/{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a job's statements show: by edge the statement that counts as its origin, and the first and the last time."""

    tables: Mapping[tuple[AssetId, AssetId], Since]
    columns: Mapping[ColumnEdge, Since]


def of_jobs(connection: Connection, jobs: Collection[JobId]) -> dict[JobId, dict[str, JobStatement]]:
    """The statements of jobs, by fingerprint."""
    found: dict[JobId, dict[str, JobStatement]] = {}
    for row in rows_with(connection, select(job_statement), job_statement.c.job_id, jobs):
        one = JobStatement(
            JobId(row.job_id),
            row.fingerprint,
            row.dialect,
            row.state,
            row.problem,
            row.said,
            tuple(None if id_ is None else AssetId(id_) for id_ in row.told),
            row.seen,
            row.first_at,
            row.last_at,
        )
        found.setdefault(one.job, {})[one.fingerprint] = one
    return found


def jobs_with(connection: Connection, after: str, limit: int) -> list[JobId]:
    """The next jobs that have statements, in order of their ids."""
    query = select(job_statement.c.job_id).where(job_statement.c.job_id > after).distinct()
    return [JobId(row.job_id) for row in connection.execute(query.order_by(job_statement.c.job_id).limit(limit))]


def put(connection: Connection, statements: Iterable[JobStatement]) -> None:
    """Store statements, each in place of what was there."""
    rows = [
        {
            "job_id": one.job,
            "fingerprint": one.fingerprint,
            "dialect": one.dialect,
            "state": one.state,
            "problem": one.problem,
            "said": one.said,
            "told": list(one.told),
            "seen": one.seen,
            "first_at": one.first,
            "last_at": one.last,
        }
        for one in statements
    ]
    if rows:
        connection.execute(replacing(connection, job_statement, ("job_id", "fingerprint")), rows)


def forget(connection: Connection, one: JobId, fingerprints: Collection[str]) -> None:
    """Drop statements of a job."""
    write_with(
        connection, delete(job_statement).where(job_statement.c.job_id == one), job_statement.c.fingerprint, fingerprints
    )


def forget_renamed(connection: Connection, ids: AbstractSet[AssetId]) -> None:
    """Drop the statements that mean any of these, which have other ids now: their edges have followed, and their words would undo it."""
    place = job_statement.c
    found: dict[JobId, set[str]] = {}
    for row in connection.execute(select(place.job_id, place.fingerprint, place.told)) if ids else ():
        if not ids.isdisjoint(row.told):
            found.setdefault(JobId(row.job_id), set()).add(row.fingerprint)
    for one, fingerprints in found.items():
        forget(connection, one, fingerprints)


def ends(connection: Connection, jobs: Collection[JobId]) -> dict[JobId, Ends]:
    """What the events of jobs say that they read and write; jobs of which they say nothing are left out."""
    asset = event_dataset.c
    query = select(job_dataset.c.job_id, job_dataset.c.output, asset.asset_namespace, asset.asset_parts)
    query = query.join(event_dataset, event_dataset.c.id == job_dataset.c.dataset)
    found: dict[JobId, set[tuple[DatasetName, bool]]] = {}
    for row in rows_with(connection, query, job_dataset.c.job_id, jobs):
        name = DatasetName(Namespace(row.asset_namespace), tuple(row.asset_parts))
        found.setdefault(JobId(row.job_id), set()).add((name, row.output))
    return {id_: tuple(sorted(some)) for id_, some in found.items()}


def namespaces(connection: Connection, jobs: Collection[JobId]) -> dict[JobId, str]:
    """The namespaces of jobs."""
    query = select(job.c.id, job.c.namespace)
    return {JobId(row.id): row.namespace for row in rows_with(connection, query, job.c.id, jobs)}


def show(connection: Connection, one: JobId, shown: Shown, statements: Iterable[JobStatement], arrived: dt.datetime) -> bool:
    """Bring the edges that rest on a job's statements in line with `shown`; returns whether the graph is another.

    Args:
        connection: inside a unit of work.
        one: the job.
        shown: what its statements show now.
        statements: those of the job as they were and as they are: their edges end where no one shows them any more.
        arrived: when we were told.

    """
    every = list(statements)
    origins = {each.origin for each in every}
    targets = {id_ for each in every for id_ in each.told if id_ is not None}
    own = _own_pairs(connection, one, targets)
    tables = {pair: what for pair, what in shown.tables.items() if pair not in own}
    held = _held(connection, observed_table, origins, targets, _pair)
    changed = _drop(connection, observed_table, held, {(*pair, what[0]) for pair, what in tables.items()})
    observations = [
        Observation(*pair, RUN, origin, at, 0, CONFIDENCE)
        for pair, (origin, first, last) in tables.items()
        for at in dict.fromkeys((first, last))
    ]
    changed |= observed.put(connection, observations, arrived)
    said = _said_by_facets(connection, one)
    columns = {edge: what for edge, what in shown.columns.items() if _place(edge) not in said}
    return (
        _show_columns(connection, columns, _held(connection, observed_column, origins, targets, _column), arrived) | changed
    )


def _show_columns(
    connection: Connection, columns: Mapping[ColumnEdge, Since], held: Mapping[Any, int], arrived: dt.datetime
) -> bool:
    keys = {(*_place(edge), edge.kind, what[0]) for edge, what in columns.items()}
    changed = _drop(connection, observed_column, held, keys)
    grouped: dict[Since, list[ColumnEdge]] = {}
    for edge, what in columns.items():
        grouped.setdefault(what, []).append(edge)
    for (origin, first, last), edges in grouped.items():
        column_edges.put_observed(connection, edges, kind=RUN, origin=origin, first=first, at=last, arrived=arrived, count=0)
    return changed or not keys <= held.keys()


def _own_pairs(connection: Connection, one: JobId, targets: Collection[AssetId]) -> set[tuple[AssetId, AssetId]]:
    """Between which datasets the job's events show edges by themselves."""
    table = observed_table.c
    query = select(table.source_id, table.target_id).where(table.kind == RUN, table.origin == one)
    return {
        (AssetId(row.source_id), AssetId(row.target_id)) for row in rows_with(connection, query, table.target_id, targets)
    }


def _said_by_facets(connection: Connection, one: JobId) -> set[tuple[str, ...]]:
    """Between which columns the job's facets show edges: what they say of how is the stronger word."""
    rows = list(dicts_with(connection, select(job_column), job_column.c.job_id, [one]))
    assets = event_datasets.assets(connection, {row[end] for row in rows for end in ("source", "target")})
    return {
        (
            *(assets.get(row["source"], row["source"]), row["column"].lower()),
            *(assets.get(row["target"], row["target"]), row["into"].lower()),
        )
        for row in rows
    }


def _held(
    connection: Connection, table: Table, origins: set[str], targets: Collection[AssetId], key: Callable[[Row], Hashable]
) -> dict[Hashable, int]:
    """The rows of these origins by what they are."""
    rows = dicts_with(connection, select(table), table.c.target_id, targets)
    return {key(row): row["id"] for row in rows if row["origin"] in origins}


def _drop(connection: Connection, table: Table, held: Mapping[Hashable, int], wanted: Collection[Hashable]) -> bool:
    """Take away the rows that are not wanted any more; returns whether there were any."""
    left = [id_ for key, id_ in held.items() if key not in wanted]
    write_with(connection, delete(table), table.c.id, left)
    return bool(left)


def _pair(row: Row) -> Hashable:
    return row["source_id"], row["target_id"], row["origin"]


def _column(row: Row) -> Hashable:
    place = row["source_id"], row["source_column"], row["target_id"], row["target_column"]
    return (*place, row["kind"], row["origin"])


def _place(edge: ColumnEdge) -> tuple[str, ...]:
    return edge.source, edge.column.lower(), edge.target, edge.into.lower()
