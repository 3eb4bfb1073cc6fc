"""The lineage service's internal routes: `LineageQuery` and `LineageRecord` over HTTP, one route a verb.

Journey 3, the crossing back to the catalog. Whoever mounts them asks for the services' key; the scope is the caller's word.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from services.common.model.access import AccessScope
from services.common.model.lineage import Declaration, DiffRequest, LineageRequest, PathsRequest
from services.common.model.names import AssetId, ScopePath
from services.common.model.schema_changes import RedefinitionRequest
from services.common.ports import LineageService
from services.common.runtime.wire import dump

PREFIX = "/internal/v1/lineage"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """The body of `POST …/planned`."""

    sql: str
    dialect: str


@dataclass(frozen=True, slots=True)
class MentionedRequest:
    """The body of `POST …/mentioned`."""

    asset: AssetId
    sha256: str


@dataclass(frozen=True, slots=True)
class MentionedAnswer:
    """The answer of `POST …/mentioned`; None where it is not known what the text reads."""

    paths: tuple[ScopePath, ...] | None


@dataclass(frozen=True, slots=True)
class SayRequest:
    """The body of `POST …/declare` and of `POST …/retract`."""

    said: Declaration
    scope: AccessScope


def create_router(lineage: LineageService) -> APIRouter:
    """The routes of `lineage`: bodies and answers are `wire` JSON of the port's own values."""
    router = APIRouter(prefix=PREFIX, tags=["internal"])
    _add_texts(router, lineage)

    @router.post("/walk")
    def walk(request: LineageRequest) -> Response:
        return Response(dump(lineage.walk(request)), media_type=_JSON)

    @router.post("/paths")
    def paths(request: PathsRequest) -> Response:
        return Response(dump(lineage.paths(request)), media_type=_JSON)

    @router.get("/status")
    def status() -> Response:
        return Response(dump(lineage.status()), media_type=_JSON)

    @router.post("/diff")
    def diff(request: DiffRequest) -> Response:
        return Response(dump(lineage.diff(request)), media_type=_JSON)

    @router.post("/coverage")
    def coverage(scope: AccessScope) -> Response:
        return Response(dump(lineage.coverage(scope)), media_type=_JSON)

    @router.post("/declare")
    def declare(request: SayRequest) -> Response:
        return Response(dump(lineage.declare(request.said, request.scope)), media_type=_JSON)

    @router.post("/retract")
    def retract(request: SayRequest) -> Response:
        return Response(dump(lineage.retract(request.said, request.scope)), media_type=_JSON)

    return router


def _add_texts(router: APIRouter, lineage: LineageService) -> None:
    """The routes that are about texts of SQL."""

    @router.post("/planned")
    def planned(request: PlannedRequest) -> Response:
        return Response(dump(lineage.planned(request.sql, request.dialect)), media_type=_JSON)

    @router.post("/redefinition")
    def redefinition(request: RedefinitionRequest) -> Response:
        return Response(dump(lineage.redefinition(request)), media_type=_JSON)

    @router.post("/mentioned")
    def mentioned(request: MentionedRequest) -> Response:
        found = lineage.mentioned(request.asset, request.sha256)
        return Response(dump(MentionedAnswer(None if found is None else tuple(found))), media_type=_JSON)
