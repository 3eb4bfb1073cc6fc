"""What people did with answers: answers are noted beside the hot path, and clicks and verdicts joined to them.

Beside journey 2. Nothing here moves a ranking: the log is read by `headwater train-ranker` and by analytics alone.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.catalog.assets import AssetReader
from services.catalog.feedback_events import Event, check, last_words, rows_of, says_something_new, shown_of
from services.catalog.search import WholeAnswer
from services.catalog.store import feedback, renames
from services.catalog.store.text import clean
from services.catalog.store.types import utc_now
from services.common.errors import HeadwaterError, NotFound, TooMany
from services.common.model.access import Principal
from services.common.model.names import AssetId
from services.common.runtime.db import Database
from services.common.runtime.logs import get_logger
from services.common.runtime.pseudonyms import Pseudonyms, home_key
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import mask

FLUSH_S = 1.0
"""How long an answer waits to be written; feedback on it that comes sooner writes it at once."""
QUEUE = 20_000
"""Answers that may wait: those of a minute at 300 a second. Beyond them new ones are not recorded, and that is logged."""
MAX_ANSWERS = 1_000_000
"""Kept at most, some 500 MB; the oldest make room."""
MAX_SHOWN = 200
MAX_WORDS_CHARS = 300
FORGET_EVERY_S = 3_600.0
NEWEST_ANSWERS = 20_000
"""Of so many answers it is told what others opened: looking through them takes some 50 ms, and older ones say less."""
BURST, PER_S = 120.0, 4.0
"""Reports of one caller: so many at once, and so many a second after that. A person does not click faster."""
_log = get_logger("feedback")
Keeping = Literal["words", "hashes", "off"]


@dataclass(frozen=True, slots=True)
class _Noted:
    query_id: str
    at: dt.datetime
    principal: str
    text: str
    first: int
    total: int
    generation: str
    hits: tuple[tuple[str, AssetId], ...]


class FeedbackLog:
    """The log of answers and of what came of them.

    Args:
        database: the catalog's.
        reader: says what a caller may see now.
        pseudonyms: makes the stand-ins; asked for when first needed.
        keeping: questions in words, as hashes, or nothing at all.
        days: how long it is kept.
        clock: gives the time.

    """

    def __init__(
        self,
        database: Database,
        reader: AssetReader,
        pseudonyms: Callable[[], Pseudonyms],
        *,
        keeping: Keeping = "words",
        days: int = 90,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._database = database
        self._reader = reader
        self._make = pseudonyms
        self._made: Pseudonyms | None = None
        self._keeping = keeping
        self._days = days
        self._clock = clock
        self._waiting: deque[_Noted] = deque()
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._forgot_at = -FORGET_EVERY_S
        self._allowances: dict[str, tuple[float, float]] = {}

    def note(self, whole: WholeAnswer, text: str, caller: Principal, query_id: str) -> None:
        """Remember an answer, to be written soon. Takes microseconds and never fails; a listing without words is none."""
        if self._keeping == "off" or not text.strip() or not query_id:
            return
        if len(self._waiting) >= QUEUE:
            self._lost += 1
            return
        hits = tuple((hit.hit.id, hit.asset.id) for hit in whole.hits[:MAX_SHOWN])
        found = whole.answer
        first = found.offset + whole.n_named + 1  # jobs that are named stand before, and are not recorded
        self._waiting.append(_Noted(query_id, self._clock(), caller.name, text, first, found.total, found.generation, hits))

    def receive(self, query_id: str, events: Sequence[Event], caller: Principal) -> int:
        """Join events to the answer that they are about, all of them or none; how many said something new.

        Saying the same again changes nothing.

        Raises:
            NotFound: no such answer was given to this caller, or it is forgotten already, or nothing is recorded here.
            BadRequest: an event names a hit that the answer does not have, or that the caller may not see, or another place.
            TooMany: the caller has sent a lot in a short time.

        """
        if self._keeping == "off":
            raise NotFound("searches are not recorded here (search_log is off), so no answer is known")
        self._spend(caller.name)
        self.flush()
        principal = self._pseudonyms.principal(caller.name)
        with self._database.write() as connection:
            row = feedback.answer(connection, principal, clean(query_id))
            if row is None:
                raise NotFound(f"no answer {query_id[:64]!r} was given to you in the last {self._days} days")
            shown = shown_of(row)
            check(events, shown, self._seen_now(events, shown, caller))
            known = feedback.said(connection, row)
            new = [event for event in last_words(events) if says_something_new(event, row, known)]
            at = self._clock()
            seen = [event.id for event in new if event.what == "impression" and event.id is not None]
            if seen:
                feedback.mark_seen(connection, row, sorted({*(row["seen"] or ()), *seen}))
            if any(event.what == "click" for event in new):
                feedback.mark_opened(connection, row, at)
            feedback.write(connection, rows_of(new, row, shown, at))
            feedback.retract(connection, row, [event.id or feedback.WHOLE for event in new if event.retracts])
        return len(new)

    def opened_by_others(self, text: str, caller: Principal, least: int) -> list[tuple[AssetId, int]]:
        """The tables that others opened after asking the same, inside the caller's scope, and how many people each.

        Most people first, ties in order of id. What fewer than `least` people did is not told, and nothing where searches
        are not recorded. Renamed tables are told under the id that they have now.

        Raises:
            ServiceUnavailable: the database does not answer.

        """
        if self._keeping == "off":
            return []
        self.flush()
        me, words = self._pseudonyms.principal(caller.name), self._pseudonyms.words(folded(text))
        people: dict[AssetId, set[str]] = {}
        with self._database.read() as connection:
            rows = feedback.opened_after(connection, words, NEWEST_ANSWERS)
            now = renames.led_on(connection, sorted({asset for _, asset in rows}))
        for principal, asset in rows:
            if principal != me:
                people.setdefault(now.get(asset, asset), set()).add(principal)
        enough = {asset: len(who) for asset, who in people.items() if len(who) >= least}
        shown = self._reader.many(sorted(enough), caller.scope)
        return sorted(((asset, enough[asset]) for asset in shown), key=lambda pair: (-pair[1], pair[0]))

    def flush(self) -> None:
        """Write what waits.

        Raises:
            ServiceUnavailable: the database does not take it; what waits goes on waiting.

        """
        with self._flushing:
            batch = list(self._waiting)
            if batch:
                rows = {(row["principal"], row["query_id"]): row for row in map(self._row, reversed(batch))}
                with self._database.write() as connection:
                    feedback.add(connection, list(rows.values()))
                for _ in batch:
                    self._waiting.popleft()
            if self._lost:
                _log.warning("answers were not recorded: too many were waiting", lost=self._lost)
                self._lost = 0

    def forget(self) -> int:
        """Delete what is older than the days that it is kept, and the oldest beyond `MAX_ANSWERS`; how many answers went."""
        with self._database.write() as connection:
            return feedback.forget(connection, self._clock() - dt.timedelta(days=self._days), MAX_ANSWERS)

    def start(self) -> None:
        """Begin writing in the background."""
        if self._keeping != "off" and self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._keep_writing, name="feedback", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write what waits, and stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
            self._thread = None

    def _keep_writing(self) -> None:
        while True:
            last = self._stop.wait(FLUSH_S)
            try:
                self.flush()
                if not last and time.monotonic() - self._forgot_at >= FORGET_EVERY_S:
                    self._forgot_at = time.monotonic()
                    self.forget()
            except HeadwaterError as error:
                _log.warning("recording answers waits", code=error.code, detail=error.detail)
            except Exception as error:  # noqa: BLE001 - a thread's edge; its message may hold what people asked
                _log.error("recording answers failed", error=type(error).__name__)
            if last:
                return

    @property
    def _pseudonyms(self) -> Pseudonyms:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _row(self, noted: _Noted) -> dict[str, Any]:
        words = folded(noted.text)
        return {
            "principal": self._pseudonyms.principal(noted.principal),
            "query_id": clean(noted.query_id),
            "at": noted.at,
            "words_key": self._pseudonyms.words(words),
            "words": words if self._keeping == "words" else None,
            "first": noted.first,
            "total": noted.total,
            "generation": noted.generation,
            "seen": None,
            "opened_at": None,
            "shown": [hit if hit == asset else [hit, asset] for hit, asset in noted.hits],
        }

    def _seen_now(
        self, events: Sequence[Event], shown: Mapping[str, tuple[AssetId, int]], caller: Principal
    ) -> frozenset[AssetId]:
        """The tables of the events that the caller may see at this moment."""
        asked = {shown[event.id][0] for event in events if event.id is not None and event.id in shown}
        return frozenset(self._reader.many(sorted(asked), caller.scope))

    def _spend(self, name: str) -> None:
        now = time.monotonic()
        left, at = self._allowances.get(name, (BURST, now))
        left = min(BURST, left + (now - at) * PER_S)
        if left < 1:
            raise TooMany("too much feedback in a short time; send the events of an answer together")
        self._allowances[name] = (left - 1, now)


def folded(text: str) -> str:
    """A question as it is recorded: lower case, blanks collapsed, passwords in URLs masked, cut."""
    return clean(mask(" ".join(text.split())).lower()[:MAX_WORDS_CHARS])


def log_of(settings: Settings, database: Database, reader: AssetReader) -> FeedbackLog:
    """The log as the settings want it; the home's key is made when first needed."""
    return FeedbackLog(
        database,
        reader,
        lambda: Pseudonyms(home_key(settings.home)),
        keeping=settings.search_log,
        days=settings.search_log_days,
    )
