"""The layer in front of a bundle's API: what a bundle does not hold is refused, and every answer says how old the bundle is.

Inside the layer that numbers requests, outside the gate: a write is refused before anybody is asked who they are.
"""

from __future__ import annotations

import datetime as dt
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.catalog.app import API
from services.common.errors import ReadOnly
from services.common.runtime.problems import problem_response

CREATED_HEADER, AGE_HEADER = "Headwater-Bundle-Created", "Headwater-Bundle-Age"
"""In every answer: when the bundle's content was read (ISO 8601), and how many seconds ago that was."""
_READ = re.compile(
    rf"{API}/(?:search|suggest|sources|vocabulary|lineage/(?:paths|diff)|assets(?:/[^/]+(?:/(?:lineage|impact|related|similar))?)?)/?"
)
"""What a bundle answers by GET; all that is not under the API, such as probes and pages, is answered too."""
_ASKED = re.compile(rf"{API}/(?:related|lineage/check)/?")
"""Questions whose body is too long for an address: POST, and nothing is written."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class OnlyReading:
    """ASGI layer.

    Args:
        app: what is behind it.
        created: when the bundle's content was read.

    """

    def __init__(self, app: ASGIApp, *, created: dt.datetime) -> None:
        self._app = app
        self._created = created

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a question through, with the bundle's age in its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_age(message: Message) -> None:
            if message["type"] == "http.response.start":
                age_s = max(0, int((dt.datetime.now(dt.UTC) - self._created).total_seconds()))
                told = ((CREATED_HEADER, self._created.isoformat()), (AGE_HEADER, str(age_s)))
                headers = [(name.lower().encode(), value.encode()) for name, value in told]
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        refused = _refusal(scope["method"], scope["path"])
        if refused is None:
            await self._app(scope, receive, with_age)
        else:
            await problem_response(refused)(scope, receive, with_age)


def _refusal(method: str, path: str) -> ReadOnly | None:
    if method not in _READING:
        if method == "POST" and _ASKED.fullmatch(path):
            return None
        return ReadOnly("this is a copy for reading; write at the catalog that the bundle was exported from")
    if not path.startswith(f"{API}/") or _READ.fullmatch(path):
        return None
    return ReadOnly("a bundle does not hold this; ask the catalog that it was exported from")
