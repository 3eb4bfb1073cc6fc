"""`headwater serve`: one role, or all, over HTTP until it is told to stop."""

from __future__ import annotations

import argparse
import errno
import signal
import socket
from collections.abc import Callable

import uvicorn

from services.cli.exits import DONE, FAILED
from services.cli.serving import announcing, application, configured
from services.cli.terminal import settings_of
from services.common.errors import Conflict, WrongSettings
from services.common.runtime.settings import DEFAULT_PORT, Settings

_PORTS = {
    "all": DEFAULT_PORT,
    "catalog": DEFAULT_PORT,
    "indexer": DEFAULT_PORT + 1,
    "lineage": DEFAULT_PORT + 2,
    "sidecar": DEFAULT_PORT,
}


def run(arguments: argparse.Namespace) -> int:
    """Serve one role."""
    settings = settings_of(arguments, begins=True)
    port = settings.port
    if arguments.role != "all" and arguments.port is None and port == DEFAULT_PORT:
        port = _PORTS[arguments.role]
    listening = bound(settings.host, port)
    if settings.workers == 1:
        return serve(settings, arguments.role, listening)
    from services.cli.workers import serve_many

    return serve_many(settings, arguments.role, listening)


def serve(settings: Settings, role: str, listening: socket.socket) -> int:
    """Serve a role on a bound socket until SIGTERM or SIGINT; 0 when it stopped as it was told.

    Raises:
        Conflict: another server serves this home.
        WrongSettings: the address can be reached from elsewhere and no token is configured.
        IndexDamaged: the bundle of role `sidecar` is damaged.

    """
    with listening:
        served = application(settings, role)
        with announcing(settings, role, listening) as announce:
            server = _Announced(uvicorn.Config(served, **configured()), announce)
            for told in (signal.SIGTERM, signal.SIGINT):
                # the server raises again what stopped it, which would end this process by the signal, not by its exit code
                signal.signal(told, server.handle_exit)
            server.run(sockets=[listening])
    return DONE if server.started else FAILED


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
    """A server that says where it listens once it does."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._announce()
