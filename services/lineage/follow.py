"""The follower: the catalog's feed, page by page, into the store and the graph.

Journey 3, from the crossing to the swap: page → definitions read → one commit with the checkpoint → a new snapshot.
"""

from __future__ import annotations

import datetime as dt
import threading
import traceback
from collections.abc import Callable

from services.common.errors import HeadwaterError
from services.common.model.changes import START, ChangePage, Seq
from services.common.model.names import AssetId, Namespaces
from services.common.ports import ChangeFeed
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.lineage.column_follow import ColumnFollower, SqlReader, read_definitions
from services.lineage.graph import LineageGraph
from services.lineage.merge import merge, to_read
from services.lineage.sql.statement import Reading, Statement
from services.lineage.store import checkpoint, observed

PAGE = 500
"""Changes a commit: the feed's own default."""
POLL_S = 0.5
"""Between looks at the feed's head when there was nothing new: half of the second in which a write should be found."""
RETRY_S = 2.0
"""After a failure: about as long as a database or a catalog takes to come back."""
LOOK_EVERY = dt.timedelta(hours=1)
"""Between looks for edges that have become stale: a day's delay would show, an hour's does not."""

_log = get_logger("lineage.follow")


class LineageFollower:
    """Keeps the store and the graph up to the feed. One runs in a process; several on one database take turns.

    Args:
        feed: the catalog's changes.
        database: the lineage service's own, with its tables made.
        reader: reads the definitions.
        namespaces: whose sources own the datasets that only SQL names, asked anew for each page.
        graph: what walks are made on.
        clock: gives the time, with an offset; edges begin and end at it.
        page: changes a commit.
        stale_days: after how many days an edge that runs and logs no longer show is stale.

    """

    def __init__(
        self,
        feed: ChangeFeed,
        database: Database,
        reader: SqlReader,
        namespaces: Callable[[], Namespaces],
        graph: LineageGraph,
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        page: int = PAGE,
        stale_days: float = observed.STALE_DAYS,
    ) -> None:
        self._feed = feed
        self._database = database
        self._reader = reader
        self._namespaces = namespaces
        self._graph = graph
        self._clock = clock
        self._page = page
        self._stale_days = stale_days
        self._looked: dt.datetime | None = None
        self._columns = ColumnFollower(feed, database, reader, namespaces, clock=clock)

    def step(self) -> bool:
        """Store one page, in one commit, and then read what it asks for of columns. Returns whether there may be more.

        Raises:
            ServiceUnavailable: the catalog, the database or the reader does not answer; nothing was stored.

        """
        self._notice_stale()
        with self._database.read() as connection:
            seq = checkpoint.read(connection).seq
        page = self._feed.after(self._start(seq), limit=self._page)
        if page.upto == seq:
            return self._columns.step()
        readings = self._read(page)
        namespaces = self._namespaces()
        with self._database.write() as connection:
            if checkpoint.read(connection, lock=True).seq != seq:
                return True  # another follower was here first
            changed = merge(connection, page.changes, readings, namespaces, self._clock())
            checkpoint.advance(connection, page.upto, graph_changed=changed)
        if page.upto < page.head:
            return True  # columns wait until all is there that definitions name: each is then read once and not once a page
        return self._columns.step()

    def catch_up(self, seq: Seq | None = None) -> Seq:
        """Follow until everything up to `seq` (by default all there is) is in the graph. Returns how far that is.

        It is less than `seq` only where the feed has no change of that number yet.
        """
        while self.step() or (seq is not None and self._reached() < seq <= self._feed.head()):
            pass
        return self._graph.refresh().seq

    def run_until(
        self,
        stop: threading.Event,
        leads: Callable[[], bool] = lambda: True,
        *,
        idle: Callable[[], bool] = lambda: False,
    ) -> None:
        """Follow the feed until `stop` is set. Failures are logged and tried again; the graph stays as it was.

        Args:
            stop: when to end.
            leads: while it does not, only the graph is brought to what another process stores.
            idle: done while the feed has nothing new; returns whether there was anything to do.

        """
        while not stop.is_set():
            pause_s = 0.0
            try:
                if not leads() or (not self.step() and not idle()):
                    pause_s = POLL_S
                self._graph.refresh_if_due(settled=pause_s > 0)
            except HeadwaterError as error:
                _log.warning("the feed cannot be followed for now", code=error.code, detail=error.detail)
                pause_s = RETRY_S
            except Exception as error:  # noqa: BLE001 - a thread's edge: the next try may work, and `status` shows the lag
                # the message may hold names and parts of statements; where it happened does not
                where = traceback.format_tb(error.__traceback__)[-3:]
                _log.error("following the feed failed", error=type(error).__name__, at=where)
                pause_s = RETRY_S
            stop.wait(pause_s)

    def _notice_stale(self) -> None:
        """Now and then, have the graph made anew without what has become stale since."""
        now = self._clock()
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return
        with self._database.write() as connection:
            reset = observed.set_stale_days(connection, self._stale_days)
            if reset or (self._looked is not None and observed.turned_stale(connection, self._looked, now)):
                checkpoint.raise_version(connection)
        self._looked = now

    def _start(self, seq: Seq) -> Seq:
        head = self._feed.head()
        if head >= seq:
            return seq
        # the catalog was restored from an older copy: its numbers are given out a second time
        _log.warning("the catalog's feed is behind what was followed; following it from the start", seq=seq, head=head)
        return START

    def _read(self, page: ChangePage) -> dict[AssetId, tuple[Statement, Reading]]:
        with self._database.read() as connection:
            wanted = to_read(connection, page.changes)
        read = read_definitions(self._reader, [one.statement for one in wanted])
        return {one.asset_id: (one.statement, reading) for one, reading in zip(wanted, read, strict=True)}

    def _reached(self) -> Seq:
        with self._database.read() as connection:
            return checkpoint.read(connection).seq
