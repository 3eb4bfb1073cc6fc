"""The lineage service's internal routes: `LineageQuery` over HTTP, one route a verb.

Journey 3, the crossing back to the catalog. Whoever mounts them asks for the services' key; the scope is the caller's word.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from services.common.model.lineage import LineageRequest
from services.common.model.names import AssetId, ScopePath
from services.common.ports import LineageQuery
from services.common.runtime.wire import dump

PREFIX = "/internal/v1/lineage"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class MentionedRequest:
    """The body of `POST …/mentioned`."""

    asset: AssetId
    sha256: str


@dataclass(frozen=True, slots=True)
class MentionedAnswer:
    """The answer of `POST …/mentioned`; None where it is not known what the text reads."""

    paths: tuple[ScopePath, ...] | None


def create_router(lineage: LineageQuery) -> APIRouter:
    """The routes of `lineage`: bodies and answers are `wire` JSON of the port's own values."""
    router = APIRouter(prefix=PREFIX, tags=["internal"])

    @router.post("/walk")
    def walk(request: LineageRequest) -> Response:
        return Response(dump(lineage.walk(request)), media_type=_JSON)

    @router.post("/mentioned")
    def mentioned(request: MentionedRequest) -> Response:
        found = lineage.mentioned(request.asset, request.sha256)
        return Response(dump(MentionedAnswer(None if found is None else tuple(found))), media_type=_JSON)

    @router.get("/status")
    def status() -> Response:
        return Response(dump(lineage.status()), media_type=_JSON)

    return router
