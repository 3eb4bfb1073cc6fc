"""What every route needs of its request: who asks, and query parameters that are known.

Journey 2, step 1, on the route's side; `gate` has already let the caller in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from services.catalog.access import require
from services.common.errors import NotFound, Unauthenticated
from services.common.model.access import Principal, Role
from services.common.model.names import AssetId, parse_asset_id


class Strict(BaseModel):
    """Parameters and bodies: what is not known is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _with_role(role: Role) -> Callable[[Request], Principal]:
    def caller(request: Request) -> Principal:
        principal = getattr(request.state, "principal", None)
        if not isinstance(principal, Principal):
            raise Unauthenticated("send a token: Authorization: Bearer TOKEN")
        require(principal, role)
        return principal

    return caller


Reader = Annotated[Principal, Depends(_with_role(Role.READER))]
"""A caller who may read."""
Editor = Annotated[Principal, Depends(_with_role(Role.EDITOR))]
"""A caller who may say things about assets."""
Admin = Annotated[Principal, Depends(_with_role(Role.ADMIN))]
"""A caller who may have sources crawled."""


def known_id(text: str) -> AssetId:
    """The id in a path.

    Raises:
        NotFound: it has not the form of an id; the same answer as for one that does not exist.

    """
    asset = parse_asset_id(text)
    if asset is None:
        raise NotFound(f"there is no asset {text[:64]}, or you may not see it")
    return asset


def answer(model: BaseModel, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A model as JSON. Answers depend on who asks, so nothing in between may keep them."""
    kept = {"Cache-Control": "private, no-store", "Vary": "Authorization", **(headers or {})}
    return Response(model.model_dump_json(by_alias=True), status_code=status, headers=kept, media_type="application/json")


def request_id() -> str:
    """The id of the request being answered."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
