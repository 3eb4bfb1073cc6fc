"""Probes and metrics: whether this process lives, has started, and answers with everything that was committed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog.api.caller import Reader
from services.common.errors import Forbidden, HeadwaterError
from services.common.model.access import Principal, Role
from services.common.model.changes import Seq
from services.common.ports import ChangeFeed, Search

WORKERS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which prometheus_client keeps the counters of several processes; it reads it when it is imported."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What readiness is measured against: everything committed before the start must be found by its words."""

    search: Search
    feed: ChangeFeed
    started_at: Callable[[], Seq | None]
    about: Callable[[], Mapping[str, object]] = dict
    """Told to every probe beside the state, such as a bundle's age: nothing of the catalog's content."""


class Metrics:
    """Counters in a registry of its own, so that several applications can live beside each other.

    Where several workers serve together, prometheus_client keeps them in files of a folder: counts are then those of all
    workers, and gauges those of the one that was asked last.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._workers = os.environ.get(WORKERS_FOLDER)
        labels = ("method", "route", "status")
        self.requests = Counter("headwater_requests_total", "Requests answered", labels, registry=self.registry)
        self.seconds = Histogram(
            "headwater_request_seconds",
            "Time to the end of the answer",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.documents = self._gauge("headwater_index_documents", "Tables and views in the index")
        self.vectors = self._gauge("headwater_index_vectors", "Texts that have their vector")
        self.texts = self._gauge("headwater_index_texts", "Texts in the index")
        self.behind = self._gauge("headwater_index_behind", "Changes not yet found by their words")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode="mostrecent")

    def told(self) -> bytes:
        """All figures, as Prometheus reads them."""
        if self._workers is None:
            return generate_latest(self.registry)
        every = CollectorRegistry()
        MultiProcessCollector(every, path=self._workers)  # type: ignore[no-untyped-call]
        return generate_latest(every)


class Measured:
    """ASGI layer that counts and times requests by route, never by path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = _route_of(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - begun)


def _route_of(scope: Scope) -> str:
    """The path of the route that answered, `/api/v1/assets/{asset_id}`; `other` where none did."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return "other"
    # a router's own route does not know the prefix that it was included under; only whole paths hold `:path}`
    prefix = [] if ":path}" in path else scope["path"].split("/")[: -path.count("/")]
    return "/".join(prefix) + path


def create_router(readiness: Readiness, metrics: Metrics) -> APIRouter:
    """The routes that Kubernetes and Prometheus ask."""
    router = APIRouter(tags=["operations"])

    @router.get("/livez", operation_id="livez", summary="Whether the process lives")
    def livez() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @router.get("/startupz", operation_id="startupz", summary="Whether the process has started")
    def startupz(request: Request) -> JSONResponse:
        return _state(readiness, request)

    @router.get("/readyz", operation_id="readyz", summary="Whether everything committed before the start is found")
    def readyz(request: Request) -> JSONResponse:
        return _state(readiness, request)

    @router.get("/metrics", operation_id="metrics", summary="Figures for Prometheus")
    def metrics_route(caller: Reader) -> Response:
        if not caller.scope.is_full:
            raise Forbidden("the figures count everything; this needs a scope that hides nothing")
        try:
            status = readiness.search.status()
            metrics.documents.set(status.documents)
            metrics.vectors.set(status.vectors)
            metrics.texts.set(status.texts)
            metrics.behind.set(max(0, readiness.feed.head() - status.lexical_seq))
        except HeadwaterError:
            metrics.behind.set(float("nan"))
        return Response(metrics.told(), media_type=CONTENT_TYPE_LATEST)

    return router


def _state(readiness: Readiness, request: Request) -> JSONResponse:
    """Ready, or what is missing; vectors may still be pending, which is told to those who may see everything."""
    target = readiness.started_at()
    if target is None:
        return JSONResponse({"status": "starting"}, status_code=503, headers={"Retry-After": "1"})
    try:
        status = readiness.search.status()
    except HeadwaterError as error:
        return JSONResponse({"status": "unavailable", "code": error.code}, status_code=503, headers={"Retry-After": "1"})
    ready = status.lexical_seq >= target and status.problem != "starting"
    body: dict[str, object] = {"status": "ready" if ready else "indexing", **readiness.about()}
    if _sees_all(request):
        body |= {
            "generation": status.generation,
            "lexical_seq": status.lexical_seq,
            "vector_seq": status.vector_seq,
            "documents": status.documents,
            "texts": status.texts,
            "vectors": status.vectors,
            "model": status.model,
            "outside_model_language": round(status.foreign / status.documents, 4) if status.documents else 0.0,
            "problem": status.problem,
        }
    return JSONResponse(body, status_code=200 if ready else 503)


def _sees_all(request: Request) -> bool:
    """Whether counts tell the caller of a probe nothing that it may not know."""
    principal = getattr(request.state, "principal", None)
    return isinstance(principal, Principal) and principal.scope.is_full and principal.role is not Role.PRODUCER
