"""An HTTP server on the loopback that answers JSON, and what a recorded warehouse says through it; it can be disturbed.

Used by the recorded Snowflake and BigQuery; the clients that speak with them are the real ones.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; with `missing` bytes that are announced and never come, after which the connection ends."""

    body: bytes
    status: int = 200
    missing: int = 0

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Self:
        """A value as JSON."""
        return cls(json.dumps(value).encode(), status)


class AnsweringServer:
    """Answers each request with what `respond` makes of it, on `port`, until it is left as a context.

    Attributes:
        disturb: is shown path and body of every request, one at a time, and may answer in the server's place.

    """

    def __init__(self) -> None:
        self.disturb: Callable[[str, dict[str, Any]], Reply | None] = self.undisturbed
        self._one_at_a_time = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @staticmethod
    def undisturbed(_path: str, _body: dict[str, Any]) -> None:
        """The server answers for itself."""

    def respond(self, path: str, body: dict[str, Any]) -> Reply:
        """What the server says; `body` is empty where none was sent."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the server; called once."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: in two, each answer takes 40 ms longer

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
                self._answer(json.loads(raw) if raw.strip() else {})

            def _answer(self, body: dict[str, Any]) -> None:
                with owner._one_at_a_time:
                    reply = owner.disturb(self.path, body) or owner.respond(self.path, body)
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply.body) + reply.missing))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = self.close_connection or reply.missing > 0

        return Handler
