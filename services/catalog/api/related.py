"""`GET /assets/{id}/related` and `POST /related`: what is used together with one table, or with a basket of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.catalog.api.caller import AssetPath, Reader, Strict, answer, known_id
from services.catalog.api.related_shapes import RelatedShape
from services.catalog.assets import AssetReader
from services.catalog.related import related_to
from services.common.model.related import MAX_BASKET
from services.common.ports import Recommendations


class RelatedParameters(Strict):
    """How many."""

    limit: int = Field(default=10, ge=1, le=200, description="Tables at most", examples=[3])


class BasketBody(Strict):
    """A basket of tables."""

    assets: list[Annotated[str, Field(min_length=1, max_length=1_000)]] = Field(
        min_length=1,
        max_length=MAX_BASKET,
        description="Ids or names, full or their ends; a name that nobody knows is told in `unknown`, and its words still count",
        examples=[["retail.sales.orders"], ["retail.sales.orders", "retail.crm.customers"]],
    )
    limit: int = Field(default=10, ge=1, le=200, description="Tables at most", examples=[3])


def create_router(recommendations: Recommendations, reader: AssetReader) -> APIRouter:
    """The routes over the indexer's port and the catalog's reader."""
    router = APIRouter(tags=["used together"])

    @router.get(
        "/assets/{asset_id}/related",
        response_model=RelatedShape,
        operation_id="get_related",
        summary="Tables that are used together with one",
    )
    def one_route(caller: Reader, asset_id: AssetPath, asked: Annotated[RelatedParameters, Query()]) -> Response:
        asset = reader.get(known_id(asset_id), caller.scope)
        return answer(RelatedShape.of(related_to([asset.id], asked.limit, caller.scope, recommendations, reader)))

    @router.post(
        "/related",
        response_model=RelatedShape,
        operation_id="post_related",
        summary="Tables that are used together with a basket of tables",
    )
    def basket_route(caller: Reader, body: BasketBody) -> Response:
        return answer(RelatedShape.of(related_to(body.assets, body.limit, caller.scope, recommendations, reader)))

    return router
