"""What every HTTP service of ours has: request ids, body limits, and the key between services.

The problem documents are in `problems`; routes are in each service's `app`; who asks another service is in `service_client`.
"""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.errors import TooLarge, Unauthenticated
from services.common.runtime.problems import (
    BODY_TOO_LARGE,
    PROBLEM_JSON,
    install_problem_handlers,
    problem_response,
)

KEY_HEADER = "X-Headwater-Key"
"""Carries `HEADWATER_INTERNAL_KEY` between the services."""
REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")


class RequestId:
    """ASGI layer: every request gets an id, in its log lines and in the answer; a sane one from the caller is kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"x-request-id"), "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        await self._app(scope, receive, with_id)


_DRAINED_BYTES = 256_000_000
"""Of a body that is refused: so much is read and thrown away. A server that closes while its client still sends resets the
connection, and the client never sees the answer."""


class _Body:
    """A request's body, of which one knows whether all has come."""

    def __init__(self, receive: Receive, *, waits: bool) -> None:
        self._receive = receive
        self._ended = waits

    async def receive(self) -> Message:
        """The next part."""
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what is left, up to a limit; nothing of a client that waits to be told to send."""
        left = _DRAINED_BYTES
        while not self._ended and left > 0:
            left -= len((await self.receive()).get("body", b""))


class _BodyLimitProblem:
    """ASGI layer: FastAPI's body limit refuses a declared length in plain text; the caller gets the problem instead."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        replaced = False
        body = _Body(receive, waits="expect" in Headers(scope=scope))

        async def translated(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == 413:
                await body.drain()
                replaced = Headers(raw=message["headers"]).get("content-type") != PROBLEM_JSON
            if replaced and message["type"] == "http.response.start":
                await problem_response(TooLarge(BODY_TOO_LARGE))(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, body.receive, translated)


class _ServiceApp(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        # outside everything that FastAPI puts around its middleware: its body limit and its last resort answer there
        return RequestId(_BodyLimitProblem(super().build_middleware_stack()))


def create_service_app(title: str, version: str, *, max_body_bytes: int, **options: Any) -> FastAPI:
    """A FastAPI application with problems, request ids and a body limit; routes are the caller's, FastAPI's own pages are none."""
    options |= {"docs_url": None, "redoc_url": None}  # they load what they show from another server
    app = _ServiceApp(title=title, version=version, max_body_size=max_body_bytes, **options)
    install_problem_handlers(app)
    return app


def probes(ready: Callable[[], bool]) -> APIRouter:
    """What an orchestrator asks a service apart: whether it lives, and whether it is ready."""
    router = APIRouter()

    @router.get("/livez")
    def livez() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @router.get("/readyz")
    @router.get("/startupz")
    def readyz() -> JSONResponse:
        is_ready = ready()
        return JSONResponse({"status": "ready" if is_ready else "starting"}, status_code=200 if is_ready else 503)

    return router


def require_key(key: str) -> Callable[[Request], None]:
    """A dependency for internal routes: the caller must show the key.

    Raises (when called):
        Unauthenticated: the header is missing or wrong.
    """

    def check(request: Request) -> None:
        shown = request.headers.get(KEY_HEADER, "")
        if not hmac.compare_digest(shown.encode(), key.encode()):
            raise Unauthenticated("internal routes need the key that the services share")

    return check


__all__ = [
    "KEY_HEADER",
    "REQUEST_ID_HEADER",
    "RequestId",
    "create_service_app",
    "probes",
    "require_key",
]
