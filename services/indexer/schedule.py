"""Crawls that are due by their sources' `schedule`: asked for as a person would, by whoever holds the index lease.

Before journey 1. A time that passed while nobody served is made up for once, however many were missed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from cronsim import CronSim
from sqlalchemy import select, update

from services.common.errors import HeadwaterError
from services.common.ports import AssetSink
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.common.runtime.source_settings import SourceSettings
from services.indexer.store.tables import insert_new, schedule

BY = "schedule"
"""Who asked, in the crawl's record."""
JUMP_S = 3_600.0
"""A time of asking that lies further ahead than this was written while the clock went wrong: the schedule begins anew. Below it
nothing is due until the clock has caught up, so that machines whose clocks differ a little do not ask twice."""
_log = get_logger("indexer.schedule")


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Scheduler:
    """Asks for due crawls. Several on one database ask once: the one whose update of the row comes first.

    Args:
        sources: by name; those without a `schedule` are left alone.
        database: the indexer's.
        sink: the catalog, where the crawl is asked for; one that is asked for already, or runs, is not asked for twice.
        clock: gives the time, with an offset.

    """

    def __init__(
        self,
        sources: Mapping[str, SourceSettings],
        database: Database,
        sink: AssetSink,
        *,
        clock: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        self._sources = {name: source for name, source in sources.items() if source.schedule}
        self._database = database
        self._sink = sink
        self._clock = clock

    def ask(self) -> list[str]:
        """Ask for what is due; returns the sources' names. Cheap where nothing is: one SELECT.

        Raises:
            ServiceUnavailable: the catalog or the database does not answer; it is tried again with the next call.

        """
        if not self._sources:
            return []
        now = self._clock()
        with self._database.read() as connection:
            rows = connection.execute(select(schedule.c.source, schedule.c.asked_at)).all()
        asked = {row.source: row.asked_at for row in rows}
        found = []
        for name, source in self._sources.items():
            if name not in asked:
                self._begin(name, now)
            elif asked[name] > now.timestamp() + JUMP_S:
                _log.warning("the clock was ahead when this was asked for last; its schedule begins anew", source=name)
                self._mark(name, asked[name], now)
            elif latest(source, now).timestamp() > asked[name] and self._mark(name, asked[name], now):
                try:
                    self._sink.request(name, by=BY)
                except HeadwaterError:
                    self._unmark(name, asked[name], now)
                    raise
                _log.info("a crawl is due", source=name)
                found.append(name)
        return found

    def _begin(self, name: str, now: dt.datetime) -> None:
        """A source that is new here is first crawled at its next time, not at once."""
        with self._database.write() as connection:
            connection.execute(insert_new(connection, schedule), [{"source": name, "asked_at": now.timestamp()}])

    def _mark(self, name: str, before: float, now: dt.datetime) -> bool:
        mine = (schedule.c.source == name) & (schedule.c.asked_at == before)
        with self._database.write() as connection:
            return connection.execute(update(schedule).where(mine).values(asked_at=now.timestamp())).rowcount == 1

    def _unmark(self, name: str, before: float, now: dt.datetime) -> None:
        """Nobody could be asked: it is still due."""
        mine = (schedule.c.source == name) & (schedule.c.asked_at == now.timestamp())
        with self._database.write() as connection:
            connection.execute(update(schedule).where(mine).values(asked_at=before))


def latest(source: SourceSettings, now: dt.datetime) -> dt.datetime:
    """The newest time of a source's schedule that is not after `now`, in the source's timezone."""
    local = now.astimezone(ZoneInfo(source.timezone)) + dt.timedelta(minutes=1)
    for at in CronSim(str(source.schedule), local, reverse=True):
        if at <= now:
            return at
    return dt.datetime.fromtimestamp(0, dt.UTC)


def following(source: SourceSettings, now: dt.datetime) -> dt.datetime | None:
    """The next time of a source's schedule after `now`; None where it has no schedule, or one that never comes."""
    if not source.schedule:
        return None
    return next(CronSim(source.schedule, now.astimezone(ZoneInfo(source.timezone))), None)
