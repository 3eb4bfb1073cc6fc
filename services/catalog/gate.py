"""The layer in front of every request: the Host header, the caller, the key between services. Before any body is read.

Journey 2, step 1. Pure ASGI, so that an unknown caller reaches neither a parser nor a route.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from services.catalog.access import Access, is_loopback
from services.common.errors import HeadwaterError, Unauthenticated, WrongHost
from services.common.runtime.http import KEY_HEADER
from services.common.runtime.problems import problem_response

INTERNAL = "/internal/v1/"
PUBLIC = frozenset({"/livez", "/readyz", "/startupz"})
"""Exact paths that anybody may ask: they tell nothing of the catalog's content."""


class Gate:
    """ASGI layer.

    Args:
        app: what is behind it.
        access: turns callers into principals.
        hosts: Host headers accepted besides loopback's own names; None accepts any (a proxy in front checks).
        internal_key: lets other services reach internal routes; None closes them.
        open_paths: exact paths and prefixes (ending with `/`) of static files, which hold nothing of the catalog.

    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        *,
        hosts: Iterable[str] | None,
        internal_key: str | None,
        open_paths: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._access = access
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._key = internal_key
        self._open = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            self._check_host(connection)
            if scope["path"].startswith(INTERNAL):
                self._check_key(connection)
            elif not self._is_open(scope["path"]):
                client = connection.client.host if connection.client else None
                scope.setdefault("state", {})["principal"] = self._access.principal(_single(connection), client)
        except HeadwaterError as error:
            await problem_response(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return (
            path in PUBLIC
            or path in self._open
            or any(p.endswith("/") and len(p) > 1 and path.startswith(p) for p in self._open)
        )

    def _check_host(self, connection: HTTPConnection) -> None:
        """Refuse names that are not ours on loopback: a page elsewhere may have rebound its name to this machine."""
        if self._hosts is None:
            return
        host = connection.headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
        if name.lower() not in self._hosts and not is_loopback(name.lower()):
            raise WrongHost("the Host header names another machine; set allowed_hosts if this name is meant")

    def _check_key(self, connection: HTTPConnection) -> None:
        shown = connection.headers.get(KEY_HEADER, "")
        if self._key is None or not hmac.compare_digest(shown.encode(), self._key.encode()):
            raise Unauthenticated("internal routes need the key that the services share")


def _single(connection: HTTPConnection) -> str | None:
    values = connection.headers.getlist("authorization")
    if len(values) > 1:
        raise Unauthenticated("two Authorization headers were sent; send one")
    return values[0] if values else None
