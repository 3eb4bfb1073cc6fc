"""`headwater serve`: one role, or all, over HTTP until it is told to stop."""

from __future__ import annotations

import argparse
import errno
import signal
import socket
from collections.abc import Callable

import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp

from services.cli.exits import DONE, FAILED
from services.cli.terminal import say, settings_of
from services.common.errors import Conflict, WrongSettings
from services.common.runtime.settings import DEFAULT_PORT, Settings
from services.common.runtime.threads import requests_at_once

GRACE_S = 10
"""Requests that are being answered when the process is told to stop get so long; event streams are then cut."""
_PORTS = {
    "all": DEFAULT_PORT,
    "catalog": DEFAULT_PORT,
    "indexer": DEFAULT_PORT + 1,
    "lineage": DEFAULT_PORT + 2,
    "sidecar": DEFAULT_PORT,
}


def run(arguments: argparse.Namespace) -> int:
    """Serve one role."""
    settings = settings_of(arguments)
    port = settings.port
    if arguments.role != "all" and arguments.port is None and port == DEFAULT_PORT:
        port = _PORTS[arguments.role]
    return serve(settings, arguments.role, bound(settings.host, port))


def serve(settings: Settings, role: str, listening: socket.socket) -> int:
    """Serve a role on a bound socket until SIGTERM or SIGINT; 0 when it stopped as it was told.

    Raises:
        Conflict: another server serves this home.
        WrongSettings: the address can be reached from elsewhere and no token is configured.
        IndexDamaged: the bundle of role `sidecar` is damaged.

    """
    with listening:
        config = uvicorn.Config(
            _application(settings, role),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=30,
        )
        server = _Announced(config, role, requests_at_once(settings.n_threads))
        for told in (signal.SIGTERM, signal.SIGINT):
            # the server raises again what stopped it, which would end this process by the signal, not by its exit code
            signal.signal(told, server.handle_exit)
        server.run(sockets=[listening])
    return DONE if server.started else FAILED


def _application(settings: Settings, role: str) -> ASGIApp:
    """The application of a role; what a role does not need is not imported."""
    if role == "sidecar":
        from services.bundle.check import begin_check

        if settings.bundle is None:
            raise WrongSettings("role sidecar answers from a bundle: name its folder with --bundle or HEADWATER_BUNDLE")
        checking = begin_check(settings.bundle)  # in a process of its own, while this one imports what serves
        from services.bundle.sidecar import create_sidecar

        return create_sidecar(settings, checking)
    from services import compose

    factories: dict[str, Callable[[Settings], ASGIApp]] = {
        "all": compose.create_all,
        "catalog": compose.create_catalog,
        "indexer": compose.create_indexer,
        "lineage": compose.create_lineage,
    }
    return factories[role](settings)


def bound(host: str, port: int, *, tries: int = 1) -> socket.socket:
    """A socket bound to a port, or to one of the next `tries - 1`.

    Raises:
        Conflict: all of them are taken.
        WrongSettings: the address is not one of this machine, or the port may not be used.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + tries, 65_536)):
        # asyncio sends small packets at once only where the protocol is named; without it each answer waits 40 ms for the
        # client's delayed acknowledgement, because its head and its body are two packets
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen()  # two may be bound to one port, but only one may listen
        except OSError as error:
            listening.close()
            if error.errno == errno.EADDRINUSE:
                continue
            raise WrongSettings(f"cannot listen on {host} port {candidate}: {error.strerror}") from error
        return listening
    raise Conflict(f"port {port} on {host} is taken; use --port, or stop what uses it")


class _Announced(uvicorn.Server):
    """A server that says where it listens once it does, and works on so many requests at once."""

    def __init__(self, config: uvicorn.Config, role: str, at_once: int) -> None:
        super().__init__(config)
        self._role = role
        self._at_once = at_once

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = self._at_once
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            say(f"serving ({self._role}) at http://{shown}:{port}")
