"""What events say of datasets, followed from lineage into the catalog: unlisted assets, and words beside a crawl's.

Journey 3, the crossing to the catalog: page → rows → one commit with the checkpoint, the feed's numbers last.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
import traceback
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, RowMapping

from services.catalog.store import changes, crawled, renames, unlisted
from services.catalog.store.rows import Prepared, prepare
from services.catalog.store.types import utc_now
from services.common.errors import HeadwaterError
from services.common.model.assets import Container, Found
from services.common.model.events import DatasetFact
from services.common.model.names import AssetId, DatasetName, Namespaces
from services.common.ports import LineageEvents
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger

PAGE = 500
"""Facts of one commit."""
POLL_S = 0.5
"""Between looks when there was nothing new: half of the second in which a dataset should be found."""
RETRY_S = 2.0
"""After a failure: about as long as a database or a service takes to come back."""

_log = get_logger("catalog.events")


class EventDatasets:
    """Follows what events say of datasets. One runs in a process; several on one database take turns.

    Args:
        events: the lineage service.
        database: the catalog's own.
        namespaces: whose sources own datasets, asked anew for each page.
        clock: gives the time, with an offset.

    """

    def __init__(
        self,
        events: LineageEvents,
        database: Database,
        namespaces: Callable[[], Namespaces],
        *,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._events = events
        self._database = database
        self.namespaces = namespaces
        self._clock = clock
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Follow in the background until `close`."""
        self._thread = threading.Thread(target=self.run_until, args=(self._stop,), name="event-datasets", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def poke(self) -> None:
        """Say that there may be something new, so that nobody waits for the next look."""
        self._wake.set()

    def step(self) -> bool:
        """Store one page, in one commit; returns whether there may be more.

        Raises:
            ServiceUnavailable: lineage or the database does not answer; nothing was stored.

        """
        with self._database.read() as connection:
            seq = unlisted.checkpoint(connection)
        page = self._events.datasets(seq, limit=PAGE)
        again = page.head < seq  # lineage was made anew: its numbers are given out a second time
        if again:
            page = self._events.datasets(0, limit=PAGE)
        elif page.upto == seq:
            return False
        namespaces = self.namespaces()
        with self._database.write() as connection:
            if unlisted.checkpoint(connection, lock=True) != seq:
                return True  # another process was here first
            now = self._clock()
            changed = _store(connection, page.facts, namespaces, now)
            unlisted.advance(connection, page.upto)
            changes.append(connection, changed, now)
        return page.upto < page.head

    def catch_up(self) -> None:
        """Follow until there is nothing new."""
        while self.step():
            pass

    def run_until(self, stop: threading.Event) -> None:
        """Follow until `stop` is set; failures are logged and tried again."""
        while not stop.is_set():
            pause_s = 0.0
            self._wake.clear()
            try:
                if not self.step():
                    pause_s = POLL_S
            except HeadwaterError as error:
                _log.warning("what events say cannot be followed for now", code=error.code, detail=error.detail)
                pause_s = RETRY_S
            except Exception as error:  # noqa: BLE001 - a thread's edge: the next try may work
                where = traceback.format_tb(error.__traceback__)[-3:]
                _log.error("following what events say failed", error=type(error).__name__, at=where)
                pause_s = RETRY_S
            self._wake.wait(pause_s)


def _store(connection: Connection, facts: Sequence[DatasetFact], namespaces: Namespaces, now: dt.datetime) -> list[AssetId]:
    """Write a page's facts; returns every asset that looks different, each once."""
    own: dict[AssetId, DatasetFact | None] = {fact.name.id: fact for fact in facts if fact.is_now is None}
    left = {fact.name.id: fact for fact in facts if fact.is_now is not None}
    for fact in left.values():  # where a name leads must be there before it does
        if fact.is_now is not None and fact.is_now.id not in own:
            own[fact.is_now.id] = None
    names = {fact.name.id: fact.name for fact in facts} | {f.is_now.id: f.is_now for f in left.values() if f.is_now}
    rows = unlisted.held(connection, {*own, *left})
    prepared = {id_: _row(names[id_], fact) for id_, fact in own.items()}
    new = [(prepared[id_], _source(names[id_], namespaces)) for id_ in own if id_ not in rows]
    unlisted.add(connection, new, now)
    changed = [one.id for one, _ in new]
    for id_, told in own.items():
        row = rows.get(id_)
        if row is not None and not row["listed"] and told is not None:
            source = _source(names[id_], namespaces)
            changed += [id_] if unlisted.change(connection, prepared[id_], row, source, now) else []
    said = {id_: one for id_, one in own.items() if one is not None}
    words = [prepare(_words(fact), _container(fact.name)) for fact in said.values() if _says(fact)]
    news = unlisted.say(connection, words, [id_ for id_, fact in said.items() if not _says(fact)], now)
    crawled.revise(connection, sorted(news.difference(changed)))
    moved = [one for id_, fact in left.items() for one in _move(connection, rows.get(id_), fact, now)]
    return list(dict.fromkeys([*changed, *sorted(news), *moved]))


def _move(connection: Connection, row: RowMapping | None, fact: DatasetFact, now: dt.datetime) -> list[AssetId]:
    """Let an unlisted asset that turned out to be another one's name lead there, with what people said of it."""
    if row is None or row["listed"] or fact.is_now is None:
        return []
    return renames.move(connection, fact.name.id, fact.is_now.id, crawl=None, at=now)


def _row(name: DatasetName, fact: DatasetFact | None) -> Prepared:
    """The asset itself: its columns without what is said of them, which is kept apart."""
    if fact is None:
        return prepare(Found(name), _container(name))
    columns = tuple(dataclasses.replace(column, description=None) for column in fact.columns)
    return prepare(Found(name, kind=fact.kind, columns=columns), _container(name))


def _words(fact: DatasetFact) -> Found:
    columns = tuple(column for column in fact.columns if column.description)
    return Found(fact.name, fact.kind, None, fact.description, columns, tags=fact.tags, owners=fact.owners)


def _says(fact: DatasetFact) -> bool:
    described = any(column.description for column in fact.columns)
    return bool(fact.description or fact.tags or fact.owners or described)


def _container(name: DatasetName) -> Container:
    return Container(name.namespace, name.parts[:-1])


def _source(name: DatasetName, namespaces: Namespaces) -> str:
    return namespaces.source_of(name.namespace, name.parts[0] if len(name.parts) > 1 else None)
