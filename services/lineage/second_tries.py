"""Definitions that took too long to read have a second try, with more time, when the feed has nothing new.

Journey 3, behind the follower. One at a time: a page that comes meanwhile waits for no more than one.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

from sqlalchemy import Connection

from services.common.model.assets import Asset
from services.common.model.changes import Change
from services.common.model.names import AssetId, Namespaces
from services.common.ports import ChangeFeed
from services.common.runtime.db import Database
from services.lineage.column_follow import ColumnFollower, SqlReader, read_definitions
from services.lineage.merge import digest_of, merge
from services.lineage.sql.statement import Statement
from services.lineage.store import checkpoint, column_readings, definitions, edges, intervals

LOOK_EVERY_S = 60.0
"""Between looks where there was nothing: a look goes through all definitions."""
_LOOKED_AT = 20
"""Definitions that the catalog is asked for at once."""


class SecondTries:
    """Reads again what took too long, each text once: the patient reader says so where it takes too long again.

    Args:
        feed: tells the texts.
        database: the lineage service's own.
        patient: reads them; see `SqlParser`'s `again`.
        namespaces: whose sources own the datasets that only SQL names.
        clock: gives the time, with an offset.

    """

    def __init__(
        self,
        feed: ChangeFeed,
        database: Database,
        patient: SqlReader,
        namespaces: Callable[[], Namespaces],
        *,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._feed = feed
        self._database = database
        self._patient = patient
        self._namespaces = namespaces
        self._clock = clock
        self._columns = ColumnFollower(feed, database, patient, namespaces, clock=clock)
        self._not_before = 0.0

    def step(self) -> bool:
        """Read one definition again, or its columns. Returns whether there was one.

        Raises:
            ServiceUnavailable: the catalog, the database or the reader does not answer; nothing was stored.

        """
        if time.monotonic() < self._not_before:
            return False
        if (asset := self._first(definitions.late)) is not None:
            self._read(asset)
        elif (asset := self._first(column_readings.late)) is not None:
            with self._database.write() as connection:
                at = intervals.newest(connection, edges.LEDGER.level, {asset.id}).get(asset.id, self._clock())
                column_readings.ask(connection, {asset.id: at}, checkpoint.read(connection, lock=True).seq)
        else:
            self._not_before = time.monotonic() + LOOK_EVERY_S
            return False
        return self._columns.step()

    def _first(self, late: Callable[[Connection, str, int], list[AssetId]]) -> Asset | None:
        """The first of which the catalog still has the text that took too long; a new one is news of its own, and some are gone."""
        after = ""
        while True:
            with self._database.read() as connection:
                ids = late(connection, after, _LOOKED_AT)
                stored = definitions.get(connection, ids)
            found = {asset.id: asset for asset in self._feed.states(ids)} if ids else {}
            same = (id_ for id_ in ids if id_ in found and id_ in stored and digest_of(found[id_]) == stored[id_].sha256)
            if (id_ := next(same, None)) is not None:
                return found[id_]
            if len(ids) < _LOOKED_AT:
                return None
            after = ids[-1]

    def _read(self, asset: Asset) -> None:
        statement = Statement(asset.sql or "", asset.platform.dialect)
        (reading,) = read_definitions(self._patient, [statement])
        with self._database.write() as connection:
            seq = checkpoint.read(connection, lock=True).seq
            if definitions.get(connection, [asset.id])[asset.id].sha256 != statement.sha256:
                return  # it has another text by now
            change = Change(seq, asset.id, asset)
            if merge(connection, [change], {asset.id: (statement, reading)}, self._namespaces(), self._clock()):
                checkpoint.raise_version(connection)
