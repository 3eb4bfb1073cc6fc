"""`LineageQuery` in one process: walks, paths, and what DDL would change.

Journey 3, step "answer". `walk` and `paths` are the answers; here they get the graph of this process.
"""

from __future__ import annotations

from services.common.model.lineage import Paths, PathsRequest
from services.common.model.schema_changes import PlannedChanges, Redefinition, RedefinitionRequest
from services.common.runtime.db import Database
from services.lineage.graph import LineageGraph
from services.lineage.paths import paths
from services.lineage.redefined import TextReader, redefinition
from services.lineage.sql.ddl_script import Ddl
from services.lineage.walk import LineageWalker


class LineageQueries(LineageWalker):
    """Walks, and what needs more than a walk.

    Args:
        graph: of this process.
        database: the lineage service's own.
        reader: reads scripts of DDL and definitions, in the worker process.

    """

    def __init__(self, graph: LineageGraph, database: Database, reader: TextReader) -> None:
        super().__init__(graph, database)
        self._texts = reader

    def paths(self, request: PathsRequest) -> Paths:
        """See `LineageQuery.paths`."""
        return paths(self._graph.current(), request)

    def planned(self, sql: str, dialect: str) -> PlannedChanges:
        """See `LineageQuery.planned`.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        return self._texts.read_ddl(Ddl(sql, dialect))

    def redefinition(self, request: RedefinitionRequest) -> Redefinition:
        """See `LineageQuery.redefinition`.

        Raises:
            ServiceUnavailable: no worker process can be started; trying again may help.

        """
        return redefinition(self._database, self._texts, request)
