"""The internal routes of `Recommendations`, one a verb, for a catalog that runs apart. `client` is the other end.

Journey 2, the crossing. Whoever mounts them asks for the services' key; the scope is the caller's word.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.common.model.related import AssetUsage, RecentQuery, RecentTable, RelatedQuery, SimilarItem, Unused
from services.common.ports import Recommendations
from services.common.runtime.wire import dump
from services.indexer.usage.client import PREFIX, SimilarRequest, UnusedRequest, UsageRequest

_JSON = "application/json"


def create_router(recommendations: Recommendations) -> APIRouter:
    """The routes of `recommendations`: bodies and answers are `wire` JSON of the port's own values."""
    router = APIRouter(prefix=PREFIX, tags=["internal"])

    @router.post("/related")
    def related(query: RelatedQuery) -> Response:
        return Response(dump(recommendations.related(query)), media_type=_JSON)

    @router.post("/usage")
    def usage(request: UsageRequest) -> Response:
        return Response(dump(recommendations.usage(request.asset, request.scope), AssetUsage | None), media_type=_JSON)

    @router.post("/similar")
    def similar(request: SimilarRequest) -> Response:
        found = tuple(recommendations.similar(request.asset, request.scope, limit=request.limit))
        return Response(dump(found, tuple[SimilarItem, ...]), media_type=_JSON)

    @router.post("/recent")
    def recent(query: RecentQuery) -> Response:
        return Response(dump(tuple(recommendations.recent(query)), tuple[RecentTable, ...]), media_type=_JSON)

    @router.post("/unused")
    def unused(request: UnusedRequest) -> Response:
        found = tuple(recommendations.unused(request.scope, days=request.days))
        return Response(dump(found, tuple[Unused, ...]), media_type=_JSON)

    return router
