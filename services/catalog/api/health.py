"""Probes and metrics: whether this process lives, has started, and answers with everything that was committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog.api.caller import Reader
from services.common.errors import HeadwaterError
from services.common.model.changes import Seq
from services.common.ports import ChangeFeed, Search

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What readiness is measured against: everything committed before the start must be found by its words."""

    search: Search
    feed: ChangeFeed
    started_at: Callable[[], Seq | None]


class Metrics:
    """Counters of one process, in a registry of its own so that several applications can live beside each other."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("headwater_requests_total", "Requests answered", labels, registry=self.registry)
        self.seconds = Histogram(
            "headwater_request_seconds",
            "Time to the end of the answer",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.documents = Gauge("headwater_index_documents", "Tables and views in the index", registry=self.registry)
        self.vectors = Gauge("headwater_index_vectors", "Texts that have their vector", registry=self.registry)
        self.texts = Gauge("headwater_index_texts", "Texts in the index", registry=self.registry)
        self.behind = Gauge("headwater_index_behind", "Changes not yet found by their words", registry=self.registry)


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
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - begun)


def create_router(readiness: Readiness, metrics: Metrics) -> APIRouter:
    """The routes that Kubernetes and Prometheus ask."""
    router = APIRouter(tags=["operations"])

    @router.get("/livez", operation_id="livez", summary="Whether the process lives")
    def livez() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @router.get("/startupz", operation_id="startupz", summary="Whether the process has started")
    def startupz() -> JSONResponse:
        return _state(readiness)

    @router.get("/readyz", operation_id="readyz", summary="Whether everything committed before the start is found")
    def readyz() -> JSONResponse:
        return _state(readiness)

    @router.get("/metrics", operation_id="metrics", summary="Figures for Prometheus")
    def metrics_route(_caller: Reader, _request: Request) -> Response:
        try:
            status = readiness.search.status()
            metrics.documents.set(status.documents)
            metrics.vectors.set(status.vectors)
            metrics.texts.set(status.texts)
            metrics.behind.set(max(0, readiness.feed.head() - status.lexical_seq))
        except HeadwaterError:
            metrics.behind.set(float("nan"))
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _state(readiness: Readiness) -> JSONResponse:
    """Ready, or what is missing; vectors may still be pending, which is told."""
    target = readiness.started_at()
    if target is None:
        return JSONResponse({"status": "starting"}, status_code=503, headers={"Retry-After": "1"})
    try:
        status = readiness.search.status()
    except HeadwaterError as error:
        return JSONResponse({"status": "unavailable", "code": error.code}, status_code=503, headers={"Retry-After": "1"})
    ready = status.lexical_seq >= target and status.problem != "starting"
    body = {
        "status": "ready" if ready else "indexing",
        "generation": status.generation,
        "lexical_seq": status.lexical_seq,
        "vector_seq": status.vector_seq,
        "documents": status.documents,
        "texts": status.texts,
        "vectors": status.vectors,
        "model": status.model,
        "problem": status.problem,
    }
    return JSONResponse(body, status_code=200 if ready else 503)
