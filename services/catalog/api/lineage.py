"""`GET /assets/{id}/lineage`: where an asset comes from and what depends on it. Journey 3, reading."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.catalog.api.caller import AssetPath, Reader, Strict, answer, known_id
from services.catalog.api.schemas import LineageShape, lineage_shape
from services.common.model.lineage import Direction, LineageRequest
from services.common.ports import LineageQuery


class LineageParameters(Strict):
    """How far to walk."""

    direction: Direction = Field(
        default=Direction.BOTH, description="upstream, downstream or both", examples=["upstream", "downstream"]
    )
    depth: int = Field(default=3, ge=1, le=100, description="Dataset hops at most", examples=[1, 10])
    limit: int = Field(default=200, ge=1, le=5_000, description="Nodes at most", examples=[3])


def create_router(lineage: LineageQuery) -> APIRouter:
    """The route over the lineage service's port."""
    router = APIRouter(tags=["lineage"])

    @router.get(
        "/assets/{asset_id}/lineage",
        response_model=LineageShape,
        operation_id="get_lineage",
        summary="What an asset is made from, and what is made from it",
    )
    def lineage_route(caller: Reader, asset_id: AssetPath, asked: Annotated[LineageParameters, Query()]) -> Response:
        request = LineageRequest(known_id(asset_id), caller.scope, asked.direction, asked.depth, asked.limit)
        return answer(lineage_shape(lineage.walk(request)))

    return router
