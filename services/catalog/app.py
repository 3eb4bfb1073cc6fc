"""The catalog's application: the public API behind its gate, given ports and journeys by `compose`.

Every journey that a person sees begins and ends here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, params
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from services import __version__
from services.catalog import api_pages, pages
from services.catalog.api import assets, crawls, health, impact, lineage, related, search, vocabulary
from services.catalog.api.caller import by_id
from services.catalog.api.health import Measured, Metrics, Readiness
from services.catalog.api.schemas import ProblemShape
from services.catalog.app_parts import EVENTS_BODY_TIMES, CatalogParts
from services.catalog.gate import Gate
from services.common.runtime.http import create_service_app
from services.common.runtime.problems import PROBLEM_JSON

API = "/api/v1"
MAX_INTERNAL_BODY_BYTES = 256_000_000
"""A batch of 500 tables of 2,000 columns with long comments, as services apart send it."""
_PROBLEM = {"schema": {"$ref": f"#/components/schemas/{ProblemShape.__name__}"}}
# named, not given as a model: FastAPI would make twelve fields a route of it, which is half of what making the routes takes
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"content": {PROBLEM_JSON: _PROBLEM}, "description": description}
    for status, description in {
        308: "The asset has another name, and with it another id: see Location",
        401: "No token, or one that nobody issued",
        403: "The role may not do this",
        404: "It does not exist, or you may not see it",
        409: "Something else is in the way",
        412: "It was changed in the meantime",
        413: "The body is too large",
        421: "The Host header names another machine",
        422: "The request cannot be understood",
        428: "The write must say what it changes",
        429: "Too much in a short time; try again later",
        503: "A service or the database does not answer; try again",
    }.items()
}


def create_app(parts: CatalogParts) -> FastAPI:
    """The application. Nothing is opened before its lifespan begins."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if parts.lifespan is None:
            yield
            return
        async with parts.lifespan():
            parts.log.start()
            if parts.told is not None:
                parts.told.start()
            try:
                yield
            finally:
                if parts.told is not None:
                    await run_in_threadpool(parts.told.close)
                await run_in_threadpool(parts.log.close)

    app = create_service_app(
        "Headwater",
        __version__,
        max_body_bytes=MAX_INTERNAL_BODY_BYTES if parts.internal_key else parts.max_body_bytes * EVENTS_BODY_TIMES,
        lifespan=lifespan,
        description="A metadata catalog in one small service: find, understand, trust and safely change data together.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    metrics = Metrics()
    readiness = Readiness(parts.search, parts.feed, parts.started_at, parts.about)
    public = APIRouter(prefix=API, responses=_PROBLEMS)
    limit = parts.max_body_bytes
    asked = search.create_router(parts.search, parts.reader, parts.vocabulary, parts.log, parts.events)
    public.include_router(asked, max_body_size=limit)
    public.include_router(vocabulary.create_router(parts.vocabulary, parts.search), max_body_size=limit)
    one_asset = [Depends(by_id(parts.reader, parts.search))]
    public.include_router(
        assets.create_router(parts.reader, parts.curator, parts.lineage, parts.related),
        max_body_size=limit,
        dependencies=one_asset,
    )
    _include_lineage(public, parts, one_asset)
    together = related.create_router(parts.related, parts.reader, parts.search, parts.log, least=parts.min_people)
    public.include_router(together, max_body_size=limit, dependencies=one_asset)
    crawled = crawls.create_router(parts.reader, parts.sink, parts.history, parts.renaming, parts.configured)
    public.include_router(crawled, max_body_size=limit)
    _include_public(app, public, parts, one_asset)
    app.include_router(health.create_router(readiness, metrics))
    app.include_router(pages.create_router(), include_in_schema=False)
    app.include_router(api_pages.create_router(), include_in_schema=False)
    if parts.internal_key is not None:
        from services.catalog import routes_beyond as beyond  # noqa: PLC0415 - as above

        beyond.include_internal(app, parts)
    _describe_problems(app)
    _guard(app, parts, metrics)
    return app


def _include_public(app: FastAPI, public: APIRouter, parts: CatalogParts, one_asset: list[params.Depends]) -> None:
    """The public routes, and those that a bundle does not answer where something is written."""
    events, told = parts.events, parts.told
    if events is None or told is None:
        app.include_router(public)
        return
    from services.catalog import routes_beyond as beyond  # noqa: PLC0415 - a sidecar starts without them

    beyond.include_public(public, parts, one_asset)
    beyond.include_events(public, parts, events, told)
    app.include_router(public)
    beyond.include_marquez(app, parts, events, told, prefix=API)


def _describe_problems(app: FastAPI) -> None:
    """Put what `_PROBLEMS` names into the API's description, once it is asked for."""
    of_routes = app.openapi

    def whole() -> dict[str, Any]:
        described = of_routes()
        shapes = described.setdefault("components", {}).setdefault("schemas", {})
        shapes.setdefault(ProblemShape.__name__, ProblemShape.model_json_schema(mode="serialization"))
        return described

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's own way to add to it


def _guard(app: FastAPI, parts: CatalogParts, metrics: Metrics) -> None:
    """The layers in front of the routes."""
    # the last one added is the outermost: requests get their id first, then the gate, then CORS and measuring
    app.add_middleware(Measured, metrics=metrics)
    app.add_middleware(
        Gate,
        access=parts.access,
        hosts=parts.hosts,
        internal_key=parts.internal_key,
        open_paths=pages.OPEN_PATHS,
        origins=parts.cors_origins,
    )
    if parts.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(parts.cors_origins),
            allow_methods=["GET", "POST", "PATCH", "PUT"],
            allow_headers=["Authorization", "Content-Type", "If-Match"],
            expose_headers=["ETag", "X-Request-ID"],
        )


def _include_lineage(public: APIRouter, parts: CatalogParts, one_asset: list[params.Depends]) -> None:
    limit = parts.max_body_bytes
    walks = lineage.create_router(parts.lineage, parts.reader, opaque=parts.opaque)
    public.include_router(walks, max_body_size=limit, dependencies=one_asset)
    affected = impact.create_router(parts.lineage, parts.reader)
    public.include_router(affected, max_body_size=limit, dependencies=one_asset)
    public.include_router(impact.create_lineage_router(parts.lineage, parts.reader, parts.search), max_body_size=limit)
