"""A loopback proxy between a client and a server that breaks things at an exact byte or before an exact statement.

Used by tests of sources against real servers: what a crawl does with half an answer.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65536
_TRICKLE_S = 0.05


class Break(StrEnum):
    """What happens once a certain number of bytes has come from the server: of those after it, the client gets …"""

    CUT = "cut"  # none, and the connection ends
    RESET = "reset"  # none, and the connection ends with an error
    STALL = "stall"  # none, and the connection stays
    TRICKLE = "trickle"  # one at a time, far too slowly


@dataclass(frozen=True, slots=True)
class Before:
    """Something to do when the client's words contain a marker, before the server hears them; once."""

    marker: bytes
    act: Callable[[], object]


class Proxy:
    """Forwards connections on `port` of the loopback to a server, until it is left as a context.

    Args:
        once: break one connection alone, and forward all that come later.

    Attributes:
        answered: bytes that came from the server and were let through, of all connections together.

    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        kind: Break = Break.CUT,
        after: int | None = None,
        before: Before | None = None,
        once: bool = False,
    ) -> None:
        self.answered = 0
        self._server = (host, port)
        self._kind = kind
        self._after = after
        self._before = before
        self._once = once
        self._ended = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        _end(self._listener)
        for end in self._open:
            _end(end)
        for thread in self._threads:
            thread.join(10)
        for end in (*self._open, self._listener):
            end.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # the end of the test
            self._open.append(client)
            try:
                server = socket.create_connection(self._server, 10)
            except OSError:
                _end(client)  # the server has gone
                continue
            server.settimeout(None)
            self._open.append(server)
            for pump in (self._pump_questions, self._pump_answers):
                thread = threading.Thread(target=pump, args=(client, server), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pump_questions(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(_CHUNK_BYTES):
                if self._before is not None and self._before.marker in data:
                    act, self._before = self._before.act, None
                    act()
                server.sendall(data)
        except OSError:
            pass  # one of the two has gone, the other is told below
        _end(server)

    def _pump_answers(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := server.recv(_CHUNK_BYTES):
                whole = self._after is None or self.answered + len(data) <= self._after
                passed = data if whole else data[: max(0, (self._after or 0) - self.answered)]
                client.sendall(passed)
                self.answered += len(passed)
                if not whole:
                    self._after = None if self._once else self._after
                    self._break(client, data[len(passed) :])
                    break
        except OSError:
            pass  # as above
        _end(client)

    def _break(self, client: socket.socket, rest: bytes) -> None:
        if self._kind is Break.RESET:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.shutdown(socket.SHUT_RD)  # who reads from it holds it open
            client.close()
        if self._kind is Break.STALL:
            self._ended.wait()
        if self._kind is Break.TRICKLE:
            for byte in rest:
                client.sendall(bytes([byte]))
                if self._ended.wait(_TRICKLE_S):
                    break


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already
