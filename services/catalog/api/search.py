"""`GET /search` and `GET /suggest`: questions and completions. Journey 2, its first and its last step."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.catalog.api.caller import Reader, Strict, answer, request_id
from services.catalog.api.schemas import HitShape, ReasonShape, SearchShape, SuggestionShape, SuggestShape
from services.catalog.assets import AssetReader
from services.catalog.search import WholeAnswer, WholeHit, find
from services.common.model.assets import Kind
from services.common.model.search import Filters, SearchQuery
from services.common.ports import Search

MAX_QUESTION_CHARS = 4_000
_Values = Annotated[tuple[str, ...], Field(max_length=100)]


class SearchParameters(Strict):
    """A question and what to narrow it by; within a filter any of its values, between filters all."""

    q: str = Field(
        default="", max_length=MAX_QUESTION_CHARS, description="Words, a question, or a name; may be empty with a filter"
    )
    limit: int = Field(default=10, ge=1, le=200, description="Hits at most")
    cursor: str | None = Field(default=None, max_length=1_000, description="Where the answer before ended")
    kind: tuple[Kind, ...] = Field(
        default=(), description="table, view, materialized_view, column, job; all but columns by default"
    )
    platform: _Values = ()
    source: _Values = ()
    database: _Values = ()
    schema_: _Values = Field(default=(), alias="schema")
    tag: _Values = ()
    owner: _Values = ()
    status: _Values = ()


class SuggestParameters(Strict):
    """What is being typed."""

    q: str = Field(max_length=MAX_QUESTION_CHARS, description="The beginning of a name or of a word in it")
    limit: int = Field(default=8, ge=1, le=50, description="Completions at most")


def create_router(search: Search, reader: AssetReader) -> APIRouter:
    """The routes over the indexer's port and the catalog's reader."""
    router = APIRouter(tags=["search"])

    @router.get("/search", response_model=SearchShape, operation_id="search", summary="Find tables, views and columns")
    def search_route(caller: Reader, asked: Annotated[SearchParameters, Query()]) -> Response:
        query = SearchQuery(
            text=asked.q,
            scope=caller.scope,
            limit=asked.limit,
            cursor=asked.cursor,
            filters=Filters(
                kind=asked.kind,
                platform=asked.platform,
                source=asked.source,
                database=asked.database,
                schema=asked.schema_,
                tag=asked.tag,
                owner=asked.owner,
                status=asked.status,
            ),
        )
        return answer(search_shape(find(query, search, reader), request_id()))

    @router.get("/suggest", response_model=SuggestShape, operation_id="suggest", summary="Complete a name while typing")
    def suggest_route(caller: Reader, asked: Annotated[SuggestParameters, Query()]) -> Response:
        found = search.suggest(asked.q, caller.scope, limit=asked.limit)
        shapes = [SuggestionShape(text=item.text, kind=item.kind, asset=item.asset) for item in found]
        return answer(SuggestShape(suggestions=shapes))

    return router


def search_shape(whole: WholeAnswer, query_id: str) -> SearchShape:
    """An answer as the API and `headwater search --json` show it."""
    found = whole.answer
    return SearchShape(
        query_id=query_id,
        mode=found.mode,
        degraded=list(found.degraded),
        answerable=found.answerable,
        generation=found.generation,
        coverage=found.coverage,
        total=found.total,
        hits=[_hit_shape(hit) for hit in whole.hits],
        facets={field: dict(values) for field, values in found.facets.items()},
        cursor=found.cursor,
    )


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
    )
