"""Ways to reach a port: in this process, over HTTP without a network, and over HTTP on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import httpx2
import uvicorn
from anyio.from_thread import start_blocking_portal
from fastapi import APIRouter, FastAPI

from services.catalog.access import Access
from services.catalog.gate import Gate
from services.common.runtime.http import create_service_app
from services.common.runtime.service_client import ServiceClient
from tests.support.commands import until

Port = TypeVar("Port")
KEY = "a key that the services share"
WIRES = ("asgi", "uvicorn")
WAYS = ("in process", *WIRES)
MAX_BODY_BYTES = 50_000_000


class InProcess(httpx2.BaseTransport):
    """A synchronous transport into an ASGI application, which runs in a thread with a loop of its own."""

    def __init__(self, app: FastAPI) -> None:
        self._asgi = httpx2.ASGITransport(app=app)
        self._opened = start_blocking_portal()
        self._portal = self._opened.__enter__()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer, body = self._portal.call(self._asked, request)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=body)

    def close(self) -> None:
        self._opened.__exit__(None, None, None)

    async def _asked(self, request: httpx2.Request) -> tuple[httpx2.Response, bytes]:
        answer = await self._asgi.handle_async_request(request)
        return answer, await answer.aread()


def internal_app(*routers: APIRouter) -> FastAPI:
    """Internal routes as a service apart mounts them: behind the gate that asks for the key."""
    app = create_service_app("ports", "0", max_body_bytes=MAX_BODY_BYTES)
    for router in routers:
        app.include_router(router)
    app.add_middleware(Gate, access=Access({}), hosts=None, internal_key=KEY)
    return app


@contextmanager
def client_of(app: FastAPI, wire: str, *, key: str = KEY) -> Iterator[ServiceClient]:
    """A client of an application over one of `WIRES`."""
    if wire == "asgi":
        client = ServiceClient("other", "http://other", key, transport=InProcess(app))
        yield client
        client.close()
        return
    with listening(app) as url:
        client = ServiceClient("other", url, key)
        yield client
        client.close()


@contextmanager
def reached(
    made: Port, way: str, router: Callable[[Port], APIRouter], client: Callable[[ServiceClient], Port]
) -> Iterator[Port]:
    """A port by one of `WAYS`: itself, or a client of an application with its routes."""
    if way == "in process":
        yield made
        return
    with client_of(internal_app(router(made)), way) as calls:
        yield client(calls)


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The application on a free port of loopback; gives its URL and is gone afterwards."""
    # the protocol is named, as `headwater serve` does: otherwise each answer waits 40 ms for an acknowledgement
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        until(lambda: server.started, "the server")
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
