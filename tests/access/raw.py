"""Requests as a server hands them to the application, byte for byte: what no HTTP client would send."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

HOST = ("host", "127.0.0.1:8642")


@dataclass
class Sent:
    """An answer, and how many times the request's body was asked for."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    body_reads: int = 0

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


def send(
    app: Any,
    method: str,
    target: str,
    *headers: tuple[str, str],
    body: bytes = b"",
    client: str = "127.0.0.1",
    host: tuple[str, str] | None = HOST,
) -> Sent:
    """Call an ASGI application once. `target` is the path as it stands in the request line, `?query` behind it."""
    path, _, query = target.partition("?")
    every = [host, *headers] if host else list(headers)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in every],
        "client": (client, 1),
        "server": ("127.0.0.1", 8642),
        "state": {},
    }
    answer = Sent()

    async def receive() -> dict[str, Any]:
        answer.body_reads += 1
        if answer.body_reads > 1:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def take(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in message["headers"]]
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    asyncio.run(app(scope, receive, take))
    return answer
