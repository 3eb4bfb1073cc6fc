"""What a serving process is: the application of its role, how uvicorn serves it, and the line that says where.

Used by `serve`, and by each of its workers where it has several.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from services.cli.terminal import say
from services.common.errors import WrongSettings
from services.common.runtime.garbage import nothing_collected
from services.common.runtime.memory import give_back, keep_one_heap
from services.common.runtime.once import replace_whole
from services.common.runtime.settings import NO_BUNDLE, Settings
from services.common.runtime.threads import requests_at_once

ADDRESS = "address"
"""The file of a home that says where its server listens."""
GRACE_S = 10
"""Requests that are being answered when the process is told to stop get so long; event streams are then cut."""


_CONNECT_S = 1.0
"""A server of this machine takes a connection within milliseconds."""


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
    with nothing_collected(kept=True):
        made = _made(settings, role, server)
    give_back()  # what importing and opening took for a moment
    return _Bounded(made, requests_at_once(settings.n_threads))


def _made(settings: Settings, role: str, server: str | None) -> ASGIApp:
    if role == "sidecar":
        if settings.bundle is None:
            raise WrongSettings(NO_BUNDLE)
        from services.bundle.check import begin_check, begin_sums

        try:
            folder = settings.bundle.resolve()
        except (OSError, RuntimeError):
            raise WrongSettings(f"{settings.bundle} cannot be followed: its links lead back to themselves") from None
        sums = begin_sums(folder)  # while this one imports what reads a bundle
        import services.bundle.parts  # noqa: F401 - before the next fork, which reads it

        checking = begin_check(folder, sums)  # while this one imports what serves
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


@contextmanager
def announcing(settings: Settings, role: str, listening: socket.socket) -> Iterator[Callable[[], None]]:
    """Gives what says where a server listens, to be called once it does; other commands of its home know it until it ends.

    Roles that answer people alone are remembered: `indexer` and `lineage` are asked by services. Entered once the home is this
    server's: what one that was killed has left is forgotten.
    """
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    by = "" if settings.workers == 1 else f", {settings.workers} workers"
    kept = settings.home / ADDRESS if role in ("all", "catalog") else None
    if role == "catalog" and listens(address_of(settings)):
        kept = None  # of several that answer for one home the first stays known
    if kept is not None:
        with suppress(OSError):
            kept.unlink()

    def announce() -> None:
        if kept is not None:
            with suppress(OSError):  # that a home takes no file is no reason not to serve it
                replace_whole(kept, url)
        say(f"serving ({role}{by}) at {url}")

    try:
        yield announce
    finally:
        if kept is not None and address_of(settings) == url:
            with suppress(OSError):
                kept.unlink()


def address_of(settings: Settings) -> str | None:
    """Where the home's server said that it listens; None where none did, or it ended as it was told. One that was killed leaves it."""
    try:
        return (settings.home / ADDRESS).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def listens(url: str | None) -> bool:
    """Whether something takes connections at an address that a server left."""
    parts = urlsplit(url or "")
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_CONNECT_S):
            return True
    except (OSError, ValueError):
        return False


class _Bounded:
    """ASGI layer: the process works on so many requests at once."""

    def __init__(self, app: ASGIApp, at_once: int) -> None:
        self._app = app
        self._at_once = at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            anyio.to_thread.current_default_thread_limiter().total_tokens = self._at_once
        await self._app(scope, receive, send)
