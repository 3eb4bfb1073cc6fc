"""How far the statements of query logs and of events are understood, by source, and the time that the logs cover.

Journey 3, step "answer". Only for a scope that hides nothing.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, distinct, func, select

from services.common.model.lineage import JobCoverage, LogCoverage
from services.lineage.store import log_runs
from services.lineage.store.event_tables import job, job_statement
from services.lineage.store.log_statements import PARSED, PARTLY, UNPARSED
from services.lineage.store.log_tables import log_mention, log_statement
from services.lineage.store.tables import node


def logs(connection: Connection) -> tuple[LogCoverage, ...]:
    """The coverage of every source that has a log, by name."""
    statement = log_statement.c
    query = select(statement.source, statement.state, statement.problem, func.count()).group_by(
        statement.source, statement.state, statement.problem
    )
    states: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for source, state, problem, count in connection.execute(query):
        states.setdefault(source, Counter())[state] += count
        if problem is not None:
            reasons.setdefault(source, Counter())[problem.split(" at line ")[0]] += count
    missing = _missing(connection)
    found = []
    for one in log_runs.windows(connection):
        counts = states.get(one.source, Counter())
        found.append(
            LogCoverage(
                source=one.source,
                statements=counts.total(),
                parsed=counts[PARSED],
                partly=counts[PARTLY],
                unparsed=counts[UNPARSED],
                reasons=dict(reasons.get(one.source, {})),
                unresolved_names=missing.get(one.source, 0),
                first_at=one.first_at,
                last_at=one.last_at,
                executions=one.executions,
            )
        )
    return tuple(found)


def jobs(connection: Connection) -> tuple[JobCoverage, ...]:
    """The coverage of the SQL that events bring, by the namespace of the jobs, in order of it."""
    query = select(job.c.namespace, job_statement.c.state, job_statement.c.problem, job_statement.c.told)
    known = {row.id for row in connection.execute(select(node.c.id).where(node.c.listed, ~node.c.gone))}
    states: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    missing: dict[str, set[str]] = {}
    for row in connection.execute(query.join(job, job.c.id == job_statement.c.job_id)):
        states.setdefault(row.namespace, Counter())[row.state] += 1
        missing.setdefault(row.namespace, set()).update(id_ for id_ in row.told if id_ is not None and id_ not in known)
        if row.problem is not None:
            reasons.setdefault(row.namespace, Counter())[row.problem.split(" at line ")[0]] += 1
    return tuple(
        JobCoverage(
            namespace,
            counts.total(),
            counts[PARSED],
            counts[PARTLY],
            counts[UNPARSED],
            dict(reasons.get(namespace, {})),
            len(missing[namespace]),
        )
        for namespace, counts in sorted(states.items())
    )


def _missing(connection: Connection) -> dict[str, int]:
    """Datasets that statements name and no crawl has shown; of names that may be several, those that are kept as nodes."""
    query = (
        select(log_statement.c.source, func.count(distinct(log_mention.c.dataset_id)))
        .join(log_statement, log_statement.c.id == log_mention.c.statement_id)
        .join(node, node.c.id == log_mention.c.dataset_id)
        .where(log_mention.c.open, ~node.c.listed)
        .group_by(log_statement.c.source)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
