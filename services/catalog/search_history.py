"""What the log of answers tells: records to learn from, and figures for those who look after the catalog.

Beside journey 2. Figures count everybody's questions about everything, so they are for administrators who may see everything.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import RowMapping

from services.catalog.feedback_events import shown_of
from services.catalog.store import feedback, renames
from services.catalog.store.types import utc_now
from services.common.errors import BadRequest
from services.common.model.feedback import AnswerRecord, Judged, Opened, Shown
from services.common.model.names import AssetId
from services.common.runtime.db import Database

MAX_WEEKS = 530
ABANDONED_S = 600.0
"""An answer that was seen and of which nothing was opened for so long is abandoned."""
DEEPEST_RANK = 20
"""Clicks further down are counted together, as this rank and beyond."""


@dataclass(slots=True)
class Asked:
    """One question, asked by anybody: how often, by how many, when last. `words` are None where only hashes are kept."""

    key: str
    words: str | None
    times: int = 0
    principals: set[str] = field(default_factory=set)
    last: dt.datetime | None = None

    @property
    def people(self) -> int:
        """How many different callers asked it."""
        return len(self.principals)


@dataclass(slots=True)
class Week:
    """The answers given in one week from its Monday on, and the clicks on them by rank, from 1."""

    monday: dt.date
    answers: int = 0
    zero_results: int = 0
    seen: int = 0
    opened: int = 0
    clicks_by_rank: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """What was asked in some weeks, further pages of an answer not counted.

    Attributes:
        answers, people: how many, and by how many callers.
        seen: answers that a client said somebody had before their eyes; only those can be abandoned.
        zero_results, abandoned: questions, most asked first.
        opened: answers of which something was opened.
        first_open_s: median and 90th percentile of the seconds to the first opened hit; None where nothing was opened.

    """

    since: dt.datetime
    until: dt.datetime
    answers: int
    people: int
    seen: int
    opened: int
    zero_results: tuple[Asked, ...]
    abandoned: tuple[Asked, ...]
    weeks: tuple[Week, ...]
    first_open_s: tuple[float, float] | None


class SearchHistory:
    """Reads the log.

    Args:
        database: the catalog's.
        clock: gives the time.

    """

    def __init__(self, database: Database, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def records(self, since: dt.datetime) -> Iterator[AnswerRecord]:
        """Every answer given since, oldest first, with what came of it; renamed tables under the id that they have now.

        For the services themselves: what any scope hides is in it.
        """
        with self._database.read() as connection:
            told = feedback.of_answers(connection, since)
            now: dict[AssetId, AssetId] = {}
            for row in feedback.between(connection, since, self._clock()):
                shown = shown_of(row)
                new = sorted({asset for asset, _ in shown.values()} - now.keys())
                now |= dict(zip(new, new, strict=True)) | renames.led_on(connection, new)
                yield _record(row, told.get((row["principal"], row["query_id"]), []), shown, now)

    def figures(self, *, weeks: int, limit: int) -> SearchFigures:
        """What was asked in the last weeks, `limit` questions of each kind.

        Raises:
            BadRequest: fewer than one week, or more than `MAX_WEEKS`.

        """
        if not 1 <= weeks <= MAX_WEEKS:
            raise BadRequest(f"weeks are 1 to {MAX_WEEKS}")
        until = self._clock()
        since = until - dt.timedelta(weeks=weeks)
        gathered = _Gathered(until)
        with self._database.read() as connection:
            told = feedback.of_answers(connection, since)
            for row in feedback.between(connection, since, until):
                gathered.add(row, told.get((row["principal"], row["query_id"]), []))
        return gathered.figures(since, limit)


class _Gathered:
    def __init__(self, until: dt.datetime) -> None:
        self._until = until
        self._people: set[str] = set()
        self._zero: dict[str, Asked] = {}
        self._abandoned: dict[str, Asked] = {}
        self._weeks: dict[dt.date, Week] = {}
        self._waits_s: list[float] = []

    def add(self, row: RowMapping, told: list[RowMapping]) -> None:
        """Count an answer; a page after the first only lends its clicks."""
        day = row["at"].date()
        monday = day - dt.timedelta(days=day.weekday())
        week = self._weeks.setdefault(monday, Week(monday))
        week.clicks_by_rank.update(min(one["position"], DEEPEST_RANK) for one in told if one["what"] == feedback.OPENED)
        if row["first"] > 1:
            return
        self._people.add(row["principal"])
        week.answers += 1
        seen = row["seen"] is not None or row["opened_at"] is not None
        week.seen += seen
        if row["opened_at"] is not None:
            week.opened += 1
            self._waits_s.append((row["opened_at"] - row["at"]).total_seconds())
        elif not row["total"]:
            week.zero_results += 1
            _note(self._zero, row)
        elif seen and (self._until - row["at"]).total_seconds() >= ABANDONED_S:
            _note(self._abandoned, row)

    def figures(self, since: dt.datetime, limit: int) -> SearchFigures:
        weeks = [self._weeks[monday] for monday in sorted(self._weeks)]
        return SearchFigures(
            since=since,
            until=self._until,
            answers=sum(week.answers for week in weeks),
            people=len(self._people),
            seen=sum(week.seen for week in weeks),
            opened=sum(week.opened for week in weeks),
            zero_results=_most_asked(self._zero, limit),
            abandoned=_most_asked(self._abandoned, limit),
            weeks=tuple(weeks),
            first_open_s=_middle_and_slow(self._waits_s),
        )


def _note(asked: dict[str, Asked], row: RowMapping) -> None:
    one = asked.setdefault(row["words_key"], Asked(row["words_key"], row["words"]))
    one.times += 1
    one.principals.add(row["principal"])
    one.last = row["at"]  # rows come oldest first


def _most_asked(asked: dict[str, Asked], limit: int) -> tuple[Asked, ...]:
    """By how many people first: one person's repeated question is one person's."""
    return tuple(sorted(asked.values(), key=lambda one: (-one.people, -one.times, one.words or one.key))[:limit])


def _middle_and_slow(waits_s: list[float]) -> tuple[float, float] | None:
    if not waits_s:
        return None
    ordered = sorted(waits_s)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]


def _record(
    row: RowMapping, told: list[RowMapping], shown: dict[str, tuple[AssetId, int]], now: dict[AssetId, AssetId]
) -> AnswerRecord:
    return AnswerRecord(
        query_id=row["query_id"],
        at=row["at"],
        principal=row["principal"],
        words=row["words"],
        words_key=row["words_key"],
        shown=tuple(Shown(hit, now.get(asset, asset), position) for hit, (asset, position) in shown.items()),
        total=row["total"],
        generation=row["generation"],
        seen=None if row["seen"] is None else frozenset(row["seen"]),
        opened=tuple(Opened(one["hit_id"], one["at"]) for one in told if one["what"] == feedback.OPENED),
        judged=tuple((one["hit_id"], Judged(one["value"])) for one in told if one["what"] == feedback.JUDGED),
    )
