"""How far the statements of query logs are understood, by source, and the time that the logs cover.

Journey 3, step "answer". Only for a scope that hides nothing.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, distinct, func, select

from services.common.model.lineage import LogCoverage
from services.lineage.store import log_runs
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
