"""`GET /search` and `GET /suggest`: questions and completions. Journey 2, its first and its last step."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.catalog.api.caller import Narrowed, Reader, Strict, answer, request_id
from services.catalog.api.schemas import SearchShape, SuggestionShape, SuggestShape
from services.catalog.api.search_shapes import search_shape
from services.catalog.assets import AssetReader
from services.catalog.feedback import FeedbackLog
from services.catalog.job_hits import find_with_jobs
from services.catalog.search import question
from services.catalog.vocabulary import Vocabulary
from services.common.model.quality import Quality
from services.common.ports import LineageEvents, Search

MAX_QUESTION_CHARS = 4_000


class SearchParameters(Narrowed):
    """A question and what to narrow it by."""

    q: str = Field(
        default="",
        max_length=MAX_QUESTION_CHARS,
        description="Words, a question, or a name, with typed filters; may be empty with a filter",
        examples=["which table has monthly revenue per customer?", "late deliveries", "sales.orders", "orders schema:sales"],
    )
    quality: tuple[Quality, ...] = Field(
        default=(),
        description="pass, warn, fail, unknown: the worst outcome of a table's tests",
        examples=[["fail", "warn"]],
    )
    fold: bool = Field(
        default=False, examples=[True], description="Copies, backups, date shards and near-duplicates under one hit"
    )
    answer: Literal["tables"] | None = Field(
        default=None,
        description="`tables`: also the small set of tables that answers the question together, with its joins",
        examples=["tables"],
    )
    limit: int = Field(default=10, ge=1, le=200, description="Hits at most", examples=[3])
    cursor: str | None = Field(default=None, max_length=1_000, description="Where the answer before ended")


class SuggestParameters(Strict):
    """What is being typed."""

    q: str = Field(
        max_length=MAX_QUESTION_CHARS,
        description="The beginning of a name or of a word in it",
        examples=["cust", "sales.ord"],
    )
    limit: int = Field(default=8, ge=1, le=50, description="Completions at most", examples=[3])


def create_router(
    search: Search, reader: AssetReader, vocabulary: Vocabulary, log: FeedbackLog, events: LineageEvents | None = None
) -> APIRouter:
    """The routes over the indexer's port, the catalog's reader and its vocabulary; answers are noted in the log.

    Jobs are found through `events`; where there is None, as over a bundle, there are none.
    """
    router = APIRouter(tags=["search"])

    @router.get("/search", response_model=SearchShape, operation_id="search", summary="Find tables, views, columns and jobs")
    def search_route(caller: Reader, asked: Annotated[SearchParameters, Query()]) -> Response:
        typed = question(asked.q, me=caller.name, scope=caller.scope)
        filters = replace(asked.filters, quality=tuple(asked.quality))
        query = replace(
            typed,
            limit=asked.limit,
            cursor=asked.cursor,
            filters=filters,
            fold=asked.fold,
            answer_set=asked.answer == "tables",
        )
        found = find_with_jobs(query, search, reader, vocabulary, events)
        # a listing by filters alone is no question
        log.note(found, asked.q if query.text.strip() else "", caller, request_id())
        return answer(search_shape(query, found, request_id()))

    @router.get("/suggest", response_model=SuggestShape, operation_id="suggest", summary="Complete a name while typing")
    def suggest_route(caller: Reader, asked: Annotated[SuggestParameters, Query()]) -> Response:
        found = search.suggest(asked.q, caller.scope, limit=asked.limit)
        shapes = [SuggestionShape(text=item.text, kind=item.kind, asset=item.asset, of=item.of) for item in found]
        return answer(SuggestShape(suggestions=shapes))

    return router
