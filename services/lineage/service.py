"""The lineage service as a running thing: a follower that keeps the graph, and a walker that answers, started and stopped.

Journey 3, as `serve` and the commands use it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from services.common.model.names import Namespaces
from services.common.ports import ChangeFeed
from services.common.runtime.db import Database
from services.lineage.follow import LineageFollower
from services.lineage.graph import LineageGraph
from services.lineage.sql.worker import SqlParser
from services.lineage.statements.service import Statements
from services.lineage.walk import LineageWalker


class Lineage:
    """One process's lineage.

    Args:
        database: its own.
        feed: the catalog's changes.
        namespaces: whose sources own the datasets that only SQL names.
        key: of the home; lines of query logs are recognised by hashes under it.

    """

    def __init__(
        self,
        database: Database,
        feed: ChangeFeed,
        namespaces: Callable[[], Namespaces],
        *,
        key: Callable[[], bytes],
    ) -> None:
        self._parser = SqlParser()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        graph = LineageGraph(database)
        self.follower = LineageFollower(feed, database, self._parser, namespaces, graph)
        self.walker = LineageWalker(graph, database)
        self.statements = Statements(database, self._parser, namespaces, key=key)

    def start(self) -> None:
        """Follow the feed in the background until `close`."""
        self._thread = threading.Thread(target=self.follower.run_until, args=(self._stop,), name="lineage", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following; end the parser's process."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
        self._parser.close()
