"""What is used together with a table, a basket, what somebody uses or what a question leads to; and what is like a table."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator

from services.catalog.access import require
from services.catalog.api.caller import AssetPath, Reader, Strict, answer, known_id
from services.catalog.api.related_shapes import RelatedShape, SimilarShape
from services.catalog.assets import AssetReader
from services.catalog.feedback import FeedbackLog
from services.catalog.related import (
    MAX_RECENT,
    related_to,
    related_to_person,
    related_to_search,
    similar_to,
    with_near_names,
)
from services.common.model.access import Principal, Role
from services.common.model.related import MAX_BASKET, RecentQuery
from services.common.ports import Recommendations, Search


class RelatedParameters(Strict):
    """How many."""

    limit: int = Field(default=10, ge=1, le=200, description="Tables at most", examples=[3])


ME = "me"
"""The person who asks."""


class BasketBody(Strict):
    """One of three: a basket of tables, a person, or a question."""

    assets: list[Annotated[str, Field(min_length=1, max_length=1_000)]] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_BASKET,
        description="Ids or names, full or their ends; a name that nobody knows is told in `unknown`, and its words still count",
        examples=[["retail.sales.orders"], ["retail.sales.orders", "retail.crm.customers"]],
    )
    person: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="`me`, for what goes with the tables that you used lately; administrators may name a user as logs are kept",
        examples=["me"],
    )
    search: str | None = Field(
        default=None,
        min_length=1,
        max_length=1_000,
        description="A question, for what goes with the tables that others opened after asking it",
        examples=["revenue of customers by month"],
    )
    limit: int = Field(default=10, ge=1, le=200, description="Tables at most", examples=[3])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(one is not None for one in (self.assets, self.person, self.search)) != 1:
            raise ValueError("give one of assets, person and search")
        return self


def create_router(
    recommendations: Recommendations, reader: AssetReader, search: Search, log: FeedbackLog, *, least: int
) -> APIRouter:
    """The routes over the indexer's ports, the catalog's reader and the log of answers.

    `least` is of how many people what they opened is told.
    """
    router = APIRouter(tags=["used together"])

    @router.get(
        "/assets/{asset_id}/related",
        response_model=RelatedShape,
        operation_id="get_related",
        summary="Tables that are used together with one",
    )
    def one_route(caller: Reader, asset_id: AssetPath, asked: Annotated[RelatedParameters, Query()]) -> Response:
        asset = reader.heading(known_id(asset_id), caller.scope)
        return answer(RelatedShape.of(related_to([asset.id], asked.limit, caller.scope, recommendations, reader)))

    @router.get(
        "/assets/{asset_id}/similar",
        response_model=SimilarShape,
        operation_id="get_similar",
        summary="Tables that are like one in structure and text, copies and shards marked",
    )
    def similar_route(caller: Reader, asset_id: AssetPath, asked: Annotated[RelatedParameters, Query()]) -> Response:
        asset = reader.heading(known_id(asset_id), caller.scope)
        return answer(SimilarShape.of(similar_to(asset.id, asked.limit, caller.scope, recommendations, reader)))

    @router.post(
        "/related",
        response_model=RelatedShape,
        operation_id="post_related",
        summary="Tables that are used together with a basket of tables, with what somebody uses, or with what a question leads to",
    )
    def basket_route(caller: Reader, body: BasketBody) -> Response:
        if body.person is not None:
            whole = related_to_person(_recent(body.person, caller), body.limit, recommendations, reader)
        elif body.search is not None:
            whole = related_to_search(
                body.search, body.limit, caller, recommendations, reader, search=search, log=log, least=least
            )
        else:
            found = related_to(body.assets or [], body.limit, caller.scope, recommendations, reader)
            whole = with_near_names(found, caller.scope, search)
        return answer(RelatedShape.of(whole))

    return router


def _recent(person: str, caller: Principal) -> RecentQuery:
    """Whose tables are asked for.

    Raises:
        Forbidden: they are another person's, and the caller is no administrator.

    """
    if person == ME:
        return RecentQuery(caller.name, caller.scope, limit=MAX_RECENT)
    require(caller, Role.ADMIN)
    return RecentQuery(person, caller.scope, as_kept=True, limit=MAX_RECENT)
