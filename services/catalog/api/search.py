"""`GET /search` and `GET /suggest`: questions and completions. Journey 2, its first and its last step."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.catalog.api.caller import Narrowed, Reader, Strict, answer, request_id
from services.catalog.api.schemas import (
    CorrectionShape,
    HighlightShape,
    HitShape,
    ReasonShape,
    SearchShape,
    SuggestionShape,
    SuggestShape,
    UnderstoodShape,
)
from services.catalog.api.search_jobs import job_hit_shape
from services.catalog.api.search_sets import answer_shape
from services.catalog.assets import AssetReader
from services.catalog.feedback import FeedbackLog
from services.catalog.job_hits import find_with_jobs
from services.catalog.search import WholeAnswer, WholeHit, question
from services.catalog.vocabulary import Vocabulary
from services.common.model.conditions import told
from services.common.model.quality import Quality
from services.common.model.search import SearchQuery
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


def search_shape(query: SearchQuery, whole: WholeAnswer, query_id: str) -> SearchShape:
    """An answer as the API and `headwater search --json` show it."""
    found = whole.answer
    return SearchShape(
        query_id=query_id,
        understood=UnderstoodShape(
            words=query.text,
            where=told(query.where) if query.where is not None else None,
            corrections=[CorrectionShape(word=one.word, read_as=one.read_as) for one in found.corrections],
        ),
        mode=found.mode,
        degraded=list(found.degraded),
        answerable=found.answerable,
        generation=found.generation,
        coverage=found.coverage,
        total=found.total,
        hits=hit_shapes(whole),
        facets={field: dict(values) for field, values in found.facets.items()},
        cursor=found.cursor,
        answer=answer_shape(whole.together) if whole.together is not None else None,
    )


def hit_shapes(whole: WholeAnswer) -> list[HitShape]:
    """Datasets with the jobs around them; a job scores no less than what it stands before, and no more than what it stands behind."""
    scores = [hit.hit.score for hit in whole.hits]
    named = [job_hit_shape(hit, max((hit.score, *scores[:1]))) for hit in whole.named]
    others = [job_hit_shape(hit, min((hit.score, *scores[-1:]))) for hit in whole.jobs]
    return [*named, *map(_hit_shape, whole.hits), *others]


def _hit_shape(whole: WholeHit) -> HitShape:
    asset, column, hit = whole.asset, whole.column, whole.hit
    shown = column or asset
    return HitShape(
        id=hit.id,
        asset=asset.id,
        kind=hit.kind,
        name=column.name if column else asset.table,
        qualified_name=f"{asset.name.qualified}.{column.name}" if column else asset.name.qualified,
        namespace=asset.name.namespace,
        platform=asset.platform.name,
        source=asset.source,
        description=shown.description,
        tags=list(shown.tags),
        owners=list(asset.owners),
        status=shown.status,
        score=hit.score,
        why=[ReasonShape(feature=r.feature, text=r.text, contribution=r.contribution) for r in hit.why],
        columns=list(hit.columns),
        folded=list(hit.folded),
        n_folded=hit.n_folded,
        highlights=[HighlightShape(field=h.field, text=h.text, start=h.start, end=h.end) for h in whole.highlights],
    )
