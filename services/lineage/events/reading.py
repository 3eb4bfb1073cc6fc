"""Jobs and runs inside a scope. A job is shown where everything that it reads or writes is; one without datasets to full scopes.

Journey 3, step "answer". What is hidden is left out before anything is counted, so a page is as long and a total as great as if
it did not exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, true

from services.common.errors import BadRequest, NotFound
from services.common.model.access import AccessScope
from services.common.model.events import Job, JobId, JobPage, JobsRequest, Run, RunPage, RunsRequest
from services.common.model.names import DatasetName, Namespace, ScopePath
from services.common.runtime.cursors import cursor_of, refused, values_of
from services.lineage.events import facets
from services.lineage.store import jobs, newest, runs
from services.lineage.store.event_rows import JobRow, RunRow
from services.lineage.store.event_tables import event_dataset, job, job_dataset, run
from services.lineage.store.lookup import beyond_ascii, rows_with
from services.lineage.store.tables import node

MAX_LIMIT = 1_000
"""Jobs or runs of one page."""
_Ends = Mapping[JobId, list[tuple[DatasetName, bool]]]


def jobs_page(connection: Connection, request: JobsRequest) -> JobPage:
    """The jobs that a request asks for.

    Raises:
        BadRequest: the cursor is not one that a page gave, or `limit` is out of its bounds.

    """
    check_bounds(request.limit, request.offset)
    wanted = _fitting(connection, request)
    after = _position(request.after)
    keys = [(row.sort_key, JobId(row.id)) for row in wanted]
    visible = shown(connection, [id_ for _, id_ in keys], request.scope)
    keys = [key for key in keys if key[1] in visible]
    ahead = [key for key in keys if after is None or key > after][request.offset :]
    page = ahead[: request.limit]
    found = jobs_of(connection, [id_ for _, id_ in page], request.scope)
    cursor = cursor_of(*page[-1]) if page and len(ahead) > len(page) else None
    return JobPage(tuple(found), len(keys), cursor)


def runs_page(connection: Connection, request: RunsRequest) -> RunPage:
    """The runs that a request asks for.

    Raises:
        BadRequest: the cursor is not one that a page gave, or `limit` is out of its bounds.
        NotFound: the job that is asked for does not exist, or the scope hides it.

    """
    check_bounds(request.limit, request.offset)
    mine: ColumnElement[bool] = run.c.run_id != ""
    theirs: Job | None = None
    if request.job is not None:
        theirs = _one(connection, request.job, request.scope)
        mine &= run.c.job_id == request.job
    if request.run is not None:
        named = {JobId(row.job_id) for row in connection.execute(select(run.c.job_id).where(run.c.run_id == request.run))}
        mine &= (run.c.run_id == request.run) & run.c.job_id.in_(shown(connection, named, request.scope))
    if request.job is None and request.run is None:
        raise BadRequest("runs are of a job, or of one name")
    total = int(connection.execute(select(func.count()).select_from(run).where(mine)).scalar_one())
    query = select(run).where(mine).order_by(run.c.began_at.desc(), run.c.id.desc())
    if (after := _position(request.after)) is not None:
        at = facets.time(after[0])
        if at is None or not facets.is_storable(after[1]):
            raise refused()
        query = query.where(or_(run.c.began_at < at, and_(run.c.began_at == at, run.c.id < after[1])))
    rows = list(map(runs.row_of, connection.execute(query.offset(request.offset).limit(request.limit + 1))))
    page = rows[: request.limit]
    cursor = cursor_of(page[-1].began_at.isoformat(), page[-1].id) if len(rows) > len(page) else None
    cut = runs.truncated(connection, [row.id for row in page])
    return RunPage(tuple(_run(row, request.scope, cut) for row in page), total, cursor, theirs)


def _fitting(connection: Connection, request: JobsRequest) -> Sequence[Any]:
    """Order and id of every job that fits but for the scope, in order."""
    fits: ColumnElement[bool] = true()
    if request.namespace is not None:
        fits &= job.c.namespace == request.namespace
    if request.text:
        said = func.lower(job.c.name).contains(request.text.lower(), autoescape=True)
        fits &= or_(said, beyond_ascii(connection, job.c.name))
    query = select(job.c.sort_key, job.c.id, job.c.name).where(fits).order_by(job.c.sort_key, job.c.id)
    rows = [row for row in connection.execute(query) if (request.text or "").lower() in row.name.lower()]
    if not request.datasets:
        return rows
    theirs = jobs.of_assets(connection, request.datasets)
    return [row for row in rows if row.id in theirs]


def shown(connection: Connection, ids: Collection[JobId], scope: AccessScope) -> frozenset[JobId]:
    """Those of `ids` of which the scope shows every dataset; in a full scope all of them."""
    if scope.is_full:
        return frozenset(ids)
    query = (
        select(job_dataset.c.job_id, node.c.scope_path)
        .join(event_dataset, event_dataset.c.id == job_dataset.c.dataset)
        .join(node, node.c.id == event_dataset.c.asset_id)
        .distinct()
    )
    permitted: dict[str, bool] = {}
    verdict: dict[JobId, bool] = {}
    for row in rows_with(connection, query, job_dataset.c.job_id, ids):
        path = row.scope_path
        if path not in permitted:
            permitted[path] = scope.permits(ScopePath(path))
        verdict[JobId(row.job_id)] = verdict.get(JobId(row.job_id), True) and permitted[path]
    return frozenset(id_ for id_, permits in verdict.items() if permits)


def _one(connection: Connection, id_: JobId, scope: AccessScope) -> Job:
    found = jobs_of(connection, [id_], scope) if shown(connection, [id_], scope) else []
    if not found:
        raise NotFound(f"there is no job {id_}, or you may not see it")
    return found[0]


def jobs_of(connection: Connection, ids: Sequence[JobId], scope: AccessScope) -> list[Job]:
    """Jobs that the scope shows (`shown` said so), in the order of `ids`."""
    held = jobs.get(connection, ids)
    ends = _ends(connection, ids)
    latest = _latest(connection, ids)
    cut = runs.truncated(connection, [row.id for row in latest.values()])
    last = {id_: _run(row, scope, cut) for id_, row in latest.items()}
    return [_job(held[id_], ends, last.get(id_), scope) for id_ in ids if id_ in held]


def _job(row: JobRow, ends: _Ends, latest: Run | None, scope: AccessScope) -> Job:
    said = newest.values(row.facets)
    inputs, outputs = (
        tuple(sorted({name for name, output in ends.get(row.id, ()) if output is wanted})) for wanted in (False, True)
    )
    return Job(
        id=row.id,
        namespace=row.namespace,
        name=row.name,
        type=facets.job_type(said),
        # whoever wrote it may have named anything; like a facet it is for those who may see all
        description=facets.description(said) if scope.is_full else None,
        inputs=inputs,
        outputs=outputs,
        first_seen=row.first_at,
        last_seen=row.last_at,
        latest=latest,
        facets=said if scope.is_full else {},
    )


def _run(row: RunRow, scope: AccessScope, truncated: Collection[str]) -> Run:
    said = newest.values(row.facets)
    return Run(
        id=row.run_id,
        job=row.job_id,
        state=row.state,
        started_at=row.began_at,
        ended_at=row.ended_at if row.state.ended else None,
        updated_at=row.last_at,
        nominal_start=facets.nominal(said, "nominalStartTime"),
        nominal_end=facets.nominal(said, "nominalEndTime"),
        error=facets.error_message(said) if scope.is_full else None,
        truncated=row.id in truncated,
    )


def _ends(connection: Connection, ids: Collection[JobId]) -> _Ends:
    query = select(
        job_dataset.c.job_id, job_dataset.c.output, event_dataset.c.asset_namespace, event_dataset.c.asset_parts
    ).join(event_dataset, event_dataset.c.id == job_dataset.c.dataset)
    found: dict[JobId, list[tuple[DatasetName, bool]]] = defaultdict(list)
    for row in rows_with(connection, query, job_dataset.c.job_id, ids):
        name = DatasetName(Namespace(row.asset_namespace), tuple(row.asset_parts))
        found[JobId(row.job_id)].append((name, row.output))
    return found


def _latest(connection: Connection, ids: Collection[JobId]) -> dict[JobId, RunRow]:
    """The run of each job that began last."""
    place = func.row_number().over(partition_by=run.c.job_id, order_by=(run.c.began_at.desc(), run.c.id.desc()))
    ranked = select(run.c.id, run.c.job_id, place.label("place")).where(run.c.run_id != "")
    inner = ranked.where(run.c.job_id.in_(sorted(ids))).subquery()
    query = select(run).join(inner, inner.c.id == run.c.id).where(inner.c.place == 1)
    return {row.job_id: row for row in map(runs.row_of, connection.execute(query))}


def check_bounds(limit: int, offset: int) -> None:
    """Refuse what no page has.

    Raises:
        BadRequest: `limit` or `offset` is out of its bounds.

    """
    if not 1 <= limit <= MAX_LIMIT or offset < 0:
        raise BadRequest(f"a page holds 1 to {MAX_LIMIT} and begins at 0 or later")


def _position(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    key, id_ = values_of(cursor, str, str)
    return key, id_
