"""The indexer's internal routes: the `Search` port for a catalog that runs apart. `client` is the other end.

Journey 2, the crossing. Whoever mounts them asks for the services' key; the scope is the caller's word.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.common.model.access import AccessScope
from services.common.model.search import SearchQuery, Suggestion
from services.common.model.vocabulary import Proposal
from services.common.ports import Search
from services.common.runtime.wire import dump
from services.indexer.client import PREFIX, SuggestRequest

_JSON = "application/json"


def create_router(search: Search) -> APIRouter:
    """The routes of `search`: bodies and answers are `wire` JSON of the port's own values."""
    router = APIRouter(prefix=PREFIX, tags=["internal"])

    @router.post("/search")
    def ask(query: SearchQuery) -> Response:
        return Response(dump(search.search(query)), media_type=_JSON)

    @router.post("/suggest")
    def suggest(request: SuggestRequest) -> Response:
        found = tuple(search.suggest(request.prefix, request.scope, limit=request.limit))
        return Response(dump(found, tuple[Suggestion, ...]), media_type=_JSON)

    @router.post("/vocabulary")
    def vocabulary(scope: AccessScope) -> Response:
        return Response(dump(tuple(search.vocabulary(scope)), tuple[Proposal, ...]), media_type=_JSON)

    @router.get("/status")
    def status() -> Response:
        return Response(dump(search.status()), media_type=_JSON)

    return router
