"""What every route needs of its request: who asks, and query parameters that are known.

Journey 2, step 1, on the route's side; `gate` has already let the caller in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.catalog.access import require
from services.catalog.assets import AssetReader
from services.catalog.near_names import no_such_id
from services.common.errors import Forbidden, NotFound, Renamed, Unauthenticated
from services.common.model.access import Principal, Role
from services.common.model.assets import Kind
from services.common.model.names import AssetId, parse_asset_id
from services.common.model.search import Filters
from services.common.ports import Search


class Strict(BaseModel):
    """Parameters and bodies: what is not known is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_Values = Annotated[tuple[str, ...], Field(max_length=100)]


class Narrowed(Strict):
    """What to narrow an answer by: within a filter any of its values, between filters all; compared without case."""

    kind: tuple[Kind, ...] = Field(
        default=(),
        description="table, view, materialized_view, exposure, job; column where columns are searched too",
        examples=[["view"], ["table", "view"]],
    )
    platform: _Values = Field(default=(), description="duckdb, postgres, …", examples=[["duckdb"]])
    source: _Values = Field(default=(), description="Names of sources", examples=[["demo"]])
    database: _Values = Field(default=(), description="Outermost parts of names", examples=[["retail"]])
    schema_: _Values = Field(default=(), alias="schema", description="Middle parts of names", examples=[["sales", "crm"]])
    tag: _Values = Field(default=(), description="Tags that people or the source gave", examples=[["pii"]])
    owner: _Values = Field(default=(), description="Owners that people or the source named", examples=[["sales-data"]])
    status: _Values = Field(default=(), description="endorsed, warned, deprecated", examples=[["endorsed"]])

    @property
    def filters(self) -> Filters:
        """The same as the journeys take it."""
        return Filters(
            kind=self.kind,
            platform=self.platform,
            source=self.source,
            database=self.database,
            schema=self.schema_,
            tag=self.tag,
            owner=self.owner,
            status=self.status,
        )


def _with_role(role: Role) -> Callable[[Request], Awaitable[Principal]]:
    # async, else it would be called in a thread: it waits for nothing
    async def caller(request: Request) -> Principal:
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
_SENDERS = frozenset({Role.PRODUCER, Role.EDITOR, Role.ADMIN})


async def _sender(request: Request) -> Principal:
    principal = getattr(request.state, "principal", None)
    if not isinstance(principal, Principal):
        raise Unauthenticated("send a token: Authorization: Bearer TOKEN")
    if principal.role not in _SENDERS:
        raise Forbidden(f"{principal.name} is {principal.role.value}; events are sent by a producer, an editor or an admin")
    return principal


Sender = Annotated[Principal, Depends(_sender)]
"""A caller who may send events; a producer may do nothing else."""
Admin = Annotated[Principal, Depends(_with_role(Role.ADMIN))]
"""A caller who may have sources crawled."""


ORDERS, REVENUE = "dpum2mg7xb7yfsx45wsjfymo52d", "dgpfjqvwg4o37oka7ayv2owky6n"
"""Ids of `retail.sales.orders` and `retail.mart.cust_revenue_mth` in the sample warehouse, for the examples of parameters."""
AssetPath = Annotated[
    str,
    Path(
        description="An asset's id, as every answer gives it",
        examples=[ORDERS, REVENUE],
    ),
]
"""An asset's id in a path. The examples, here and elsewhere, are of the sample warehouse that `headwater demo` crawls."""


def known_id(text: str) -> AssetId:
    """The id in a path.

    Raises:
        NotFound: it has not the form of an id; the same answer as for one that does not exist.

    """
    asset = parse_asset_id(text)
    if asset is None:
        raise NotFound(f"there is no asset {text[:64]}, or you may not see it")
    return asset


def by_id(reader: AssetReader, search: Search) -> Callable[[Request, Reader], None]:
    """A dependency for routes of one asset: an id that was given up for another is answered with that one.

    Raises (as a dependency):
        Renamed: the asset has another id, and the caller may see the old name and the new one.
        NotFound: it is no id, but a name; the detail says whose, or which names are near, of those that the caller may see.

    """

    def check(request: Request, caller: Reader) -> None:
        given = request.path_params.get("asset_id")
        if given is None:
            return
        old = parse_asset_id(given)
        if old is None:
            raise no_such_id(given, caller.scope, reader, search)
        now = reader.renamed(old, caller.scope)
        if now is not None:
            raise Renamed(f"the asset {old} has another name now and is {now}", old=old, now=now)

    return check


def answer(model: BaseModel, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A model as JSON. Answers depend on who asks, so nothing in between may keep them."""
    kept = {"Cache-Control": "private, no-store", "Vary": "Authorization", **(headers or {})}
    return Response(model.model_dump_json(by_alias=True), status_code=status, headers=kept, media_type="application/json")


def request_id() -> str:
    """The id of the request being answered."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
