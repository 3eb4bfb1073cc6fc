"""How far definitions are understood, by source, inside a scope: what lineage does not know is said, not left out.

Journey 3, step "answer". What is counted of a definition's columns follows from the columns of all that it names, so it is
only counted where the scope shows all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection, func, select

from services.common.model.access import AccessScope
from services.common.model.lineage import LineageCoverage, SourceCoverage
from services.common.model.names import AssetId, ScopePath
from services.lineage.statements import coverage as log_coverage
from services.lineage.store import column_readings, definitions, observed
from services.lineage.store.column_readings import ColumnReading
from services.lineage.store.edges import FROM_DEFINITIONS
from services.lineage.store.tables import column_todo, definition, edge, mention, node


def coverage(connection: Connection, scope: AccessScope) -> LineageCoverage:
    """The coverage of every source that has definitions inside the scope, by name."""
    shown = {
        AssetId(row.id): row
        for row in connection.execute(
            select(node.c.id, node.c.source, node.c.scope_path, definition.c.state, definition.c.problem)
            .join(definition, definition.c.asset_id == node.c.id)
            .where(~node.c.gone)
        )
        if scope.permits(ScopePath(row.scope_path))
    }
    paths = {} if scope.is_full else _paths(connection)
    strangers = _strangers(connection, scope)
    readings = column_readings.get(connection)
    waiting = {AssetId(asset) for asset in connection.execute(select(column_todo.c.asset_id)).scalars()}
    found: dict[str, SourceCoverage] = {}
    reasons: dict[str, Counter[str]] = {}
    missing: dict[str, set[AssetId]] = {}
    for asset, row in shown.items():
        one = found.get(row.source, SourceCoverage(row.source))
        missing.setdefault(row.source, set()).update(strangers.get(asset, ()))
        if row.state == definitions.UNPARSED:
            reasons.setdefault(row.source, Counter())[_reason(row.problem)] += 1
        counted = {row.state: getattr(one, row.state) + 1}
        one = replace(one, definitions=one.definitions + 1, waiting=one.waiting + (asset in waiting), **counted)
        untold = not (scope.is_full or all(map(scope.permits, paths.get(asset, ()))))
        found[row.source] = _with_columns(one, readings.get(asset), untold=untold)
    return LineageCoverage(
        tuple(
            replace(one, reasons=dict(reasons.get(name, {})), unresolved_names=len(missing[name]))
            for name, one in sorted(found.items())
        ),
        observed.stale_after(connection).total_seconds() / 86_400,
        log_coverage.logs(connection) if scope.is_full else (),
        log_coverage.jobs(connection) if scope.is_full else (),
    )


def _with_columns(one: SourceCoverage, reading: ColumnReading | None, *, untold: bool) -> SourceCoverage:
    if untold:
        return replace(one, columns_untold=one.columns_untold + 1)
    if reading is None:
        return one
    return replace(
        one,
        columns=one.columns + reading.columns,
        columns_resolved=one.columns_resolved + reading.resolved,
        column_names_unresolved=one.column_names_unresolved + reading.unresolved,
    )


def _paths(connection: Connection) -> Mapping[AssetId, list[ScopePath]]:
    """Where all stands that each definition names or may name."""
    path = func.coalesce(node.c.scope_path, mention.c.scope_path).label("path")
    query = select(mention.c.asset_id, path).select_from(mention.outerjoin(node, node.c.id == mention.c.dataset_id))
    found: dict[AssetId, list[ScopePath]] = {}
    for row in connection.execute(query):
        found.setdefault(AssetId(row.asset_id), []).append(ScopePath(row.path))
    return found


def _strangers(connection: Connection, scope: AccessScope) -> Mapping[AssetId, set[AssetId]]:
    """What each definition names, as far as edges tell it inside the scope, and no crawl shows."""
    query = (
        select(edge.c.target_id, edge.c.source_id, edge.c.guards, node.c.scope_path)
        .join(node, node.c.id == edge.c.source_id)
        .where(edge.c.valid_to.is_(None), edge.c.kind.in_(FROM_DEFINITIONS), ~node.c.listed | node.c.gone)
    )
    found: dict[AssetId, set[AssetId]] = {}
    for row in connection.execute(query):
        if all(map(scope.permits, (ScopePath(row.scope_path), *map(ScopePath, row.guards)))):
            found.setdefault(AssetId(row.target_id), set()).add(AssetId(row.source_id))
    return found


def _reason(problem: str | None) -> str:
    """The kind of problem, without the place."""
    return (problem or "").split(" at line ")[0].split(": ")[0]
