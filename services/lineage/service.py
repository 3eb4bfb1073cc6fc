"""The lineage service as a running thing: a follower that keeps the graph, and a walker that answers, started and stopped.

Journey 3, as `serve` and the commands use it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from services.common.model.names import Namespaces
from services.common.ports import ChangeFeed
from services.common.runtime.db import Database
from services.lineage.answers import LineageAnswers
from services.lineage.events.intake import KEEP_DAYS, EventIntake
from services.lineage.follow import LineageFollower
from services.lineage.graph import LineageGraph
from services.lineage.second_tries import SecondTries
from services.lineage.sql.worker import PATIENT, SqlParser
from services.lineage.statements.jobs import JobSql
from services.lineage.statements.service import Statements
from services.lineage.store.observed import STALE_DAYS


class Lineage:
    """One process's lineage.

    Args:
        database: its own.
        feed: the catalog's changes.
        key: of the home; lines of query logs are recognised by hashes under it.
        namespaces: whose sources own the datasets that only SQL and events name.
        keep_events_days: how long the texts of events are kept.
        stale_days: after how many days an edge that runs and logs no longer show is stale.

    """

    def __init__(
        self,
        database: Database,
        feed: ChangeFeed,
        namespaces: Callable[[], Namespaces],
        *,
        key: Callable[[], bytes],
        keep_events_days: int = KEEP_DAYS,
        stale_days: float = STALE_DAYS,
    ) -> None:
        self._parser = SqlParser()
        self._patient = SqlParser(PATIENT, again=True)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        graph = LineageGraph(database)
        self.follower = LineageFollower(feed, database, self._parser, namespaces, graph, stale_days=stale_days)
        self.second_tries = SecondTries(feed, database, self._patient, namespaces)
        self.walker = LineageAnswers(graph, database, self._parser)
        self.statements = Statements(database, self._parser, namespaces, key=key)
        self.job_sql = JobSql(database, self._parser, namespaces, key=key, patient=self._patient)
        self.events = EventIntake(database, namespaces, keep_days=keep_events_days, sql=self.job_sql)

    def start(self, leads: Callable[[], bool] = lambda: True) -> None:
        """Follow the feed and keep the names of events aligned, in the background until `close`.

        Args:
            leads: whether this process is to read and store what the feed brings. Beside one that does, the graph is taken over
                from the store, and no SQL is read but that of events which this process took.

        """
        works: dict[str, Callable[[threading.Event, Callable[[], bool]], None]] = {
            "lineage": partial(self.follower.run_until, idle=self.second_tries.step),
            "lineage-events": self.events.run_until,
            "lineage-event-sql": self.job_sql.run_until,
        }
        for name, work in works.items():
            thread = threading.Thread(target=work, args=(self._stop, leads), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop following; end the parser's process."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
        self._parser.close()
        self._patient.close()
