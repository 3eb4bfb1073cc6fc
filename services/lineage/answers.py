"""Both ports of the lineage service in one process: walks of the graph in memory, and of the store where that does not do.

Journey 3, step "answer".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from services.common.errors import BadRequest, NotFound
from services.common.model.access import AccessScope
from services.common.model.lineage import (
    Declaration,
    DiffRequest,
    LineageCoverage,
    LineageDiff,
    LineageRequest,
    Paths,
    PathsRequest,
    Subgraph,
)
from services.common.runtime.db import Database
from services.lineage.coverage import coverage
from services.lineage.diff import diff
from services.lineage.graph import LineageGraph
from services.lineage.queries import LineageQueries
from services.lineage.redefined import TextReader
from services.lineage.store import checkpoint, declared, edges, observed
from services.lineage.store.edges import Edge
from services.lineage.store.flows import When
from services.lineage.store_walk import StoreWalker
from services.lineage.visible import Visible
from services.lineage.walk import MAX_LIMIT, check_bounds

_LOOK_EVERY = dt.timedelta(minutes=1)


class LineageAnswers(LineageQueries):
    """`LineageService` on the graph and the store of this process.

    Args:
        graph: the graph in memory.
        database: the lineage service's own.
        reader: reads scripts of DDL and definitions, in the worker process.
        clock: the time of asking, with an offset.

    """

    def __init__(
        self,
        graph: LineageGraph,
        database: Database,
        reader: TextReader,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        super().__init__(graph, database, reader)
        self._store = StoreWalker(database, graph.current, clock)
        self._clock = clock
        self._fresh_until: tuple[int, dt.datetime] | None = None

    def walk(self, request: LineageRequest) -> Subgraph:
        """See `LineageQuery.walk`."""
        check_bounds(request)
        if not request.is_plain:
            return self._store.walk(request)
        found = super().walk(request)
        if not self._may_be_stale():
            return found
        return replace(found, stale=self._store.stale_at(request, [node.id for node in found.nodes if not node.opaque]))

    def _may_be_stale(self) -> bool:
        """Whether any edge is stale; that none is, is looked up once a state of the graph and minute."""
        version, now = self._graph.current().version, self._clock()
        if self._fresh_until is not None and self._fresh_until[0] == version and now < self._fresh_until[1]:
            return False
        if self._store.has_stale():
            return True
        self._fresh_until = (version, now + _LOOK_EVERY)
        return False

    def paths(self, request: PathsRequest) -> Paths:
        """See `LineageQuery.paths`: between datasets on the graph in memory, between columns on the store."""
        if request.from_column is None and request.to_column is None:
            return super().paths(request)
        from services.lineage.column_paths import column_paths  # noqa: PLC0415 - networkx: .08 s and 12 MB that no start should cost

        with self._database.read() as connection:
            when = When(None, self._clock(), observed.stale_after(connection))
            return column_paths(Visible(connection, request.scope, when, stale=False), request)

    def diff(self, request: DiffRequest) -> LineageDiff:
        """See `LineageRecord.diff`."""
        if not request.since < request.until:
            raise BadRequest("the later instant of a difference comes after the earlier one")
        if not 1 <= request.limit <= MAX_LIMIT:
            raise BadRequest(f"a difference has a limit of 1 to {MAX_LIMIT}")
        now = self._clock()
        with self._database.read() as connection:
            if request.asset is not None:
                when = When(None, now, observed.stale_after(connection))
                seen = Visible(connection, request.scope, when, stale=True)
                then = Visible(connection, request.scope, replace(when, at=request.since), stale=True)
                if not seen.exists(request.asset) and not then.exists(request.asset):
                    raise NotFound(f"there is no lineage of {request.asset}, or you may not see it")
            return diff(connection, request, now)

    def coverage(self, scope: AccessScope) -> LineageCoverage:
        """See `LineageRecord.coverage`."""
        with self._database.read() as connection:
            return coverage(connection, scope)

    def declare(self, said: Declaration, scope: AccessScope) -> bool:
        """See `LineageRecord.declare`."""
        return self._say(said, scope, holds=True)

    def retract(self, said: Declaration, scope: AccessScope) -> bool:
        """See `LineageRecord.retract`."""
        return self._say(said, scope, holds=False)

    def _say(self, said: Declaration, scope: AccessScope, *, holds: bool) -> bool:
        if said.source == said.target:
            raise BadRequest("an edge leads from one asset to another one")
        at = self._clock()
        with self._database.write() as connection:
            seen = Visible(connection, scope, When(None, at, observed.stale_after(connection)), stale=True)
            for end in (said.source, said.target):
                if not seen.exists(end):
                    raise NotFound(f"there is no asset {end} in the lineage, or you may not see it")
            edge = Edge(said.source, said.target, observed.MANUAL, (f"said by {said.by}",), 1.0)
            changed = edges.say(connection, edge, at, holds=holds)
            if changed:
                declared.record(connection, said, declared.ADDED if holds else declared.REMOVED, at)
                checkpoint.raise_version(connection)
        if changed:
            self._graph.refresh()
        return changed
