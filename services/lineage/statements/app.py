"""The internal routes of `StatementFacts`, one a verb: for an indexer that is a process of its own.

Journey 3, the crossing from indexer to lineage. Whoever mounts them asks for the services' key.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from services.common.model.usage import FactSeq, LogLine, LogWindow
from services.common.ports import StatementFacts
from services.common.runtime.wire import dump

PREFIX = "/internal/v1/statements"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class PutRequest:
    """The body of `POST …/put`."""

    lines: tuple[LogLine, ...]
    source: str


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """The answer of `GET …/head`."""

    head: FactSeq


@dataclass(frozen=True, slots=True)
class WeightsAnswer:
    """The answer of `GET …/weights`."""

    weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class WindowsAnswer:
    """The answer of `GET …/windows`."""

    windows: tuple[LogWindow, ...]


def create_router(statements: StatementFacts) -> APIRouter:
    """The routes of `statements`: bodies and answers are `wire` JSON of the port's own values."""
    router = APIRouter(prefix=PREFIX, tags=["internal"])

    @router.post("/put")
    def put(request: PutRequest) -> Response:
        return Response(dump(statements.put(request.lines, source=request.source)), media_type=_JSON)

    @router.get("/after")
    def after(seq: int, limit: int = 1000) -> Response:
        return Response(dump(statements.after(FactSeq(seq), limit=limit)), media_type=_JSON)

    @router.get("/head")
    def head() -> Response:
        return Response(dump(HeadAnswer(statements.head())), media_type=_JSON)

    @router.get("/weights")
    def weights() -> Response:
        return Response(dump(WeightsAnswer(dict(statements.weights()))), media_type=_JSON)

    @router.get("/windows")
    def windows() -> Response:
        return Response(dump(WindowsAnswer(tuple(statements.windows()))), media_type=_JSON)

    return router
