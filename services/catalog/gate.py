"""The layer in front of every request: the Host header, the caller, the key between services. Before any body is read.

Journey 2, step 1. Pure ASGI, so that an unknown caller reaches neither a parser nor a route.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from services.catalog.access import LOCAL, Access, is_loopback
from services.common.errors import Forbidden, HeadwaterError, Unauthenticated, WrongHost
from services.common.runtime.http import KEY_HEADER
from services.common.runtime.problems import problem_response

INTERNAL = "/internal/v1/"
PUBLIC = frozenset({"/livez", "/readyz", "/startupz"})
"""Exact paths that anybody may ask: they tell nothing of the catalog's content, but to those who may see all of it."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """ASGI layer.

    Args:
        app: what is behind it.
        access: turns callers into principals.
        hosts: Host headers accepted besides loopback's own names; None accepts any (a proxy in front checks).
        internal_key: lets other services reach internal routes; None closes them.
        open_paths: exact paths of static files, which hold nothing of the catalog.
        origins: origins of pages that may write in the name of a local caller, besides those of this machine.

    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        *,
        hosts: Iterable[str] | None,
        internal_key: str | None,
        open_paths: Iterable[str] = (),
        origins: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._access = access
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)
        self._key = internal_key
        self._open = frozenset(open_paths)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            self._check_host(connection)
            if scope["path"].startswith(INTERNAL):
                self._check_key(connection)
            elif scope["path"] not in self._open:
                self._let_in(connection, probe=scope["path"] in PUBLIC)
        except HeadwaterError as error:
            await problem_response(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _let_in(self, connection: HTTPConnection, *, probe: bool) -> None:
        """Put the caller into the request's state; a probe is answered without one."""
        client = connection.client.host if connection.client else None
        try:
            principal = self._access.principal(_single(connection), client)
        except Unauthenticated:
            if probe:
                return
            raise
        if principal is LOCAL and connection.scope["method"] not in _READING:
            self._check_origin(connection)
        connection.scope.setdefault("state", {})["principal"] = principal

    def _check_host(self, connection: HTTPConnection) -> None:
        """Refuse names that are not ours on loopback: a page elsewhere may have rebound its name to this machine."""
        if self._hosts is not None and not self._is_ours(connection.headers.get("host", "")):
            raise WrongHost("the Host header names another machine; set allowed_hosts if this name is meant")

    def _check_origin(self, connection: HTTPConnection) -> None:
        """Refuse a write that a browser sends for a page elsewhere, where no token shows that a person meant it."""
        for origin in connection.headers.getlist("origin"):
            if origin not in self._origins and not self._is_ours(origin.partition("://")[2]):
                raise Forbidden("a page of another origin sent this; configure a token, so that callers show who they are")

    def _is_ours(self, host: str) -> bool:
        """Whether `name` or `name:port` is this machine or an allowed host."""
        name, _, port = host.rpartition(":")
        name = (name if port.isdigit() and name else host).lower()
        return name in (self._hosts or ()) or is_loopback(name)

    def _check_key(self, connection: HTTPConnection) -> None:
        shown = connection.headers.get(KEY_HEADER, "")
        if self._key is None or not hmac.compare_digest(shown.encode(), self._key.encode()):
            raise Unauthenticated("internal routes need the key that the services share")


def _single(connection: HTTPConnection) -> str | None:
    values = connection.headers.getlist("authorization")
    if len(values) > 1:
        raise Unauthenticated("two Authorization headers were sent; send one")
    return values[0] if values else None
