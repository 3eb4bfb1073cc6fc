"""`POST /feedback` and `GET /search/analytics`: what people did with answers, and what can be learned from all of it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator

from services.catalog.api.caller import Admin, Reader, Strict, answer
from services.catalog.api.schemas import Shape
from services.catalog.feedback import FeedbackLog
from services.catalog.feedback_events import Event
from services.catalog.search_history import MAX_WEEKS, Asked, SearchFigures, SearchHistory, Week
from services.common.errors import Forbidden
from services.common.model.feedback import Judged

MAX_EVENTS = 200
"""As many as an answer has hits at most."""
MAX_ID_CHARS = 200


class EventRequest(Strict):
    """One thing that somebody did with an answer."""

    kind: Literal["impression", "click", "verdict"] = Field(
        description="impression: the hit was before somebody's eyes; click: it was opened; verdict: something was said of it"
    )
    id: str | None = Field(default=None, min_length=1, max_length=MAX_ID_CHARS, description="The hit's id")
    position: int | None = Field(default=None, ge=1, le=100_000, description="Where it was shown, from 1; checked if given")
    verdict: Judged | None = Field(default=None, description="Of a verdict: good or bad; null takes one back")

    @model_validator(mode="after")
    def _is_whole(self) -> EventRequest:
        if self.kind != "verdict" and self.id is None:
            raise ValueError(f"a {self.kind} names the hit that it is about: id")
        if self.kind != "verdict" and self.verdict is not None:
            raise ValueError(f"a {self.kind} has no verdict")
        return self


class FeedbackRequest(Strict):
    """What was done with one answer."""

    query_id: str = Field(min_length=1, max_length=MAX_ID_CHARS, description="As the answer said")
    events: tuple[EventRequest, ...] = Field(min_length=1, max_length=MAX_EVENTS)


class FeedbackShape(Shape):
    """How many events said something new; the others were known already."""

    recorded: int


class AnalyticsParameters(Strict):
    """Which time to look at."""

    weeks: int = Field(default=8, ge=1, le=MAX_WEEKS, description="How many weeks back", examples=[4])
    limit: int = Field(default=20, ge=1, le=200, description="Questions of each kind at most", examples=[3])


class AskedShape(Shape):
    """A question; `words` are null where only hashes are kept. `key` is equal for equal questions."""

    key: str
    words: str | None
    times: int
    people: int
    last: dt.datetime | None


class WeekShape(Shape):
    """One week, from its Monday on; `clicks_by_rank` holds rank → clicks, the last rank for all beyond it."""

    week: dt.date
    answers: int
    zero_results: int
    seen: int
    opened: int
    clicks_by_rank: dict[int, int]


class FirstOpenShape(Shape):
    """Seconds from an answer to the first hit that was opened."""

    median_s: float
    p90_s: float


class AnalyticsShape(Shape):
    """What was asked, and what came of it."""

    since: dt.datetime
    until: dt.datetime
    answers: int
    people: int
    seen: int
    opened: int
    zero_results: list[AskedShape]
    abandoned: list[AskedShape]
    weeks: list[WeekShape]
    first_open: FirstOpenShape | None


def create_router(log: FeedbackLog, history: SearchHistory) -> APIRouter:
    """The routes over the log."""
    router = APIRouter(tags=["search"])

    @router.post(
        "/feedback", response_model=FeedbackShape, operation_id="send_feedback", summary="Say what was done with an answer"
    )
    def feedback_route(caller: Reader, sent: FeedbackRequest) -> Response:
        events = [Event(one.kind, one.id, one.position, one.verdict) for one in sent.events]
        return answer(FeedbackShape(recorded=log.receive(sent.query_id, events, caller)))

    @router.get(
        "/search/analytics",
        response_model=AnalyticsShape,
        operation_id="search_analytics",
        summary="What was asked, found and opened",
    )
    def analytics_route(caller: Admin, asked: Annotated[AnalyticsParameters, Query()]) -> Response:
        if not caller.scope.is_full:
            # others' questions, and figures that count answers about what this caller may not see
            raise Forbidden(
                "these figures tell of everybody's questions about everything; they need a scope that hides nothing"
            )
        log.flush()
        return answer(analytics_shape(history.figures(weeks=asked.weeks, limit=asked.limit)))

    return router


def analytics_shape(found: SearchFigures) -> AnalyticsShape:
    """Figures as the API and `headwater searches --json` show them."""
    return AnalyticsShape(
        since=found.since,
        until=found.until,
        answers=found.answers,
        people=found.people,
        seen=found.seen,
        opened=found.opened,
        zero_results=[_asked(one) for one in found.zero_results],
        abandoned=[_asked(one) for one in found.abandoned],
        weeks=[_week(one) for one in found.weeks],
        first_open=FirstOpenShape(median_s=found.first_open_s[0], p90_s=found.first_open_s[1])
        if found.first_open_s
        else None,
    )


def _asked(one: Asked) -> AskedShape:
    return AskedShape(key=one.key, words=one.words, times=one.times, people=one.people, last=one.last)


def _week(one: Week) -> WeekShape:
    return WeekShape(
        week=one.monday,
        answers=one.answers,
        zero_results=one.zero_results,
        seen=one.seen,
        opened=one.opened,
        clicks_by_rank=dict(sorted(one.clicks_by_rank.items())),
    )
