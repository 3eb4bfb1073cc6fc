"""What a serving process is: the application of its role, how uvicorn serves it, and the line that says where.

Used by `serve`, and by each of its workers where it has several.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from services.common.errors import WrongSettings
from services.common.runtime.memory import keep_one_heap
from services.common.runtime.settings import NO_BUNDLE, Settings
from services.common.runtime.threads import requests_at_once

GRACE_S = 10
"""Requests that are being answered when the process is told to stop get so long; event streams are then cut."""


def configured() -> dict[str, Any]:
    """How uvicorn serves."""
    return {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACE_S,
        "timeout_keep_alive": 30,
    }


def application(settings: Settings, role: str, server: str | None = None) -> ASGIApp:
    """The application of a role; what a role does not need is not imported.

    Args:
        settings: of the process.
        role: which.
        server: whose worker this process is, where it is one of several.

    Raises:
        HeadwaterError: as `serve` does.

    """
    keep_one_heap()
    return _Bounded(_made(settings, role, server), requests_at_once(settings.n_threads))


def _made(settings: Settings, role: str, server: str | None) -> ASGIApp:
    if role == "sidecar":
        from services.bundle.check import begin_check

        if settings.bundle is None:
            raise WrongSettings(NO_BUNDLE)
        checking = begin_check(settings.bundle)  # in a process of its own, while this one imports what serves
        from services.bundle.sidecar import create_sidecar

        return create_sidecar(settings, checking)
    from services import compose

    factories: dict[str, Callable[[Settings, str | None], ASGIApp]] = {
        "all": compose.create_all,
        "catalog": compose.create_catalog,
        "indexer": compose.create_indexer,
        "lineage": compose.create_lineage,
    }
    return factories[role](settings, server)


def announced(role: str, listening: socket.socket, workers: int = 1) -> str:
    """The line that says where a server listens."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    by = "" if workers == 1 else f", {workers} workers"
    return f"serving ({role}{by}) at http://{shown}:{port}"


class _Bounded:
    """ASGI layer: the process works on so many requests at once."""

    def __init__(self, app: ASGIApp, at_once: int) -> None:
        self._app = app
        self._at_once = at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            anyio.to_thread.current_default_thread_limiter().total_tokens = self._at_once
        await self._app(scope, receive, send)
