"""The client of a service that runs apart: what the ports of the other services are asked through.

The routes that it asks are each service's internal ones; see `http` for the key.
"""

from __future__ import annotations

from typing import Any

import httpx2
import structlog

from services.common.errors import ServiceUnavailable
from services.common.runtime.http import KEY_HEADER, REQUEST_ID_HEADER
from services.common.runtime.problems import is_unknown_route, problem_error

INTERNAL_TIMEOUT_S = 30.0
"""How long one service waits for another: longer than any bounded answer takes, shorter than a person's patience."""


class ServiceClient:
    """Calls another service's internal routes; its failures come back as the errors that it raised.

    Args:
        name: what the service is called in error messages.
        base_url: where it serves, such as `http://127.0.0.1:8643`.
        key: `HEADWATER_INTERNAL_KEY`.
        transport: for tests only, an ASGI or mock transport.

    """

    def __init__(self, name: str, base_url: str, key: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        self._name = name
        self._client = httpx2.Client(
            base_url=base_url, headers={KEY_HEADER: key}, timeout=INTERNAL_TIMEOUT_S, transport=transport, trust_env=False
        )

    def get(self, path: str, **params: Any) -> bytes:
        """The body of a GET. Raises what the service raised, or ServiceUnavailable."""
        return self._call("GET", path, params=params)

    def post(self, path: str, body: bytes = b"{}", *, timeout_s: float = INTERNAL_TIMEOUT_S) -> bytes:
        """The body of a POST of JSON. Raises what the service raised, or ServiceUnavailable."""
        return self._call("POST", path, content=body, headers={"Content-Type": "application/json"}, timeout=timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, method: str, path: str, **options: Any) -> bytes:
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            options["headers"] = {**options.get("headers", {}), REQUEST_ID_HEADER: request_id}
        try:
            answer = self._client.request(method, path, **options)
        except httpx2.HTTPError as error:
            raise ServiceUnavailable(f"the {self._name} service does not answer ({type(error).__name__})") from error
        if answer.is_success:
            return answer.content
        try:
            body = answer.json()
        except ValueError:
            body = None
        if is_unknown_route(answer.status_code, body):
            # while an upgrade rolls, one service may be older than the other
            raise ServiceUnavailable(f"the {self._name} service has no {method} {path}: it is of another version")
        raise problem_error(answer.status_code, body)
