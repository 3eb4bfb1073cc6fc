"""`/assets`: one asset, lists of them, what people say of them, and taking it back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, model_validator

from services.catalog.api.caller import AssetPath, Editor, Narrowed, Reader, Strict, answer, known_id
from services.catalog.api.related_shapes import UsageShape
from services.catalog.api.schemas import (
    AssetPageShape,
    AssetShape,
    ChangeShape,
    ChangesShape,
    VersionShape,
    VersionsShape,
    asset_shape,
)
from services.catalog.assets import AssetReader, SchemaVersion
from services.catalog.curation import Curator
from services.catalog.definitions import definition_for
from services.catalog.patches import parse_patch
from services.catalog.related import usage_of
from services.catalog.store.curated import AuditEntry
from services.common.errors import BadRequest, NotFound, PreconditionFailed, PreconditionRequired
from services.common.model.access import AccessScope, Principal
from services.common.model.assets import Asset
from services.common.model.names import AssetId
from services.common.ports import LineageQuery, Recommendations
from services.common.runtime.wire import plain

_Telling = Callable[[Asset, Principal], Response]
"""Answers with an asset, whole, as a caller may see it."""
_ETAG = re.compile(r'"(?P<id>[^"]+)\.(?P<revision>[0-9]{1,18})"')
_PATCH_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/merge-patch+json": {
                "schema": {"type": "object"},
                "example": {
                    "description": "One row an order, cancelled ones included.",
                    "owners": ["sales-data"],
                    "columns": [{"name": "net_amt", "description": "Euro, without tax"}],
                },
            }
        },
    }
}


class PageParameters(Narrowed):
    """What to list; by name and then id."""

    limit: int = Field(default=50, ge=1, le=200, description="Assets at most", examples=[2])
    cursor: str | None = Field(default=None, max_length=2_000, description="Where the page before ended")
    name: str | None = Field(
        default=None,
        max_length=1_000,
        description="Only what this name, full or its end, stands for",
        examples=["retail.sales.orders", "payments"],
    )

    @model_validator(mode="after")
    def _name_stands_alone(self) -> Self:
        if self.name is not None and (self.cursor is not None or self.kind or self.filters.any):
            raise ValueError("a name is not combined with filters or a cursor")
        return self


class HistoryParameters(Strict):
    """How much of a history, and where it goes on."""

    limit: int = Field(default=100, ge=1, le=500, description="Entries at most", examples=[10])
    before: int | None = Field(default=None, ge=1, description="Only entries older than this one", examples=[100])


def create_router(
    reader: AssetReader, curator: Curator, lineage: LineageQuery, recommendations: Recommendations
) -> APIRouter:
    """The routes over the catalog's reader and curator; lineage says which definitions a caller may read, and usage is asked for."""
    router = APIRouter(tags=["assets"])

    def told(asset: Asset, caller: Principal) -> Response:
        usage = usage_of(asset.id, caller, recommendations)
        whole = asset_shape(asset, definition_for(asset, caller.scope, lineage), UsageShape.of(usage) if usage else None)
        return answer(whole, headers={"ETag": etag(asset)})

    _add_listing(router, reader, lineage)
    _add_asset(router, reader, curator, told)
    _add_changes(router, reader, curator, told)
    return router


def _add_listing(router: APIRouter, reader: AssetReader, lineage: LineageQuery) -> None:
    """Assets by their names and by filters."""

    def shape(asset: Asset, scope: AccessScope) -> AssetShape:
        return asset_shape(asset, definition_for(asset, scope, lineage))

    @router.get("/assets", response_model=AssetPageShape, operation_id="list_assets", summary="List assets by name")
    def list_route(caller: Reader, asked: Annotated[PageParameters, Query()]) -> Response:
        if asked.name is not None:
            named = reader.by_name(asked.name, caller.scope)
            assets = [shape(asset, caller.scope) for asset in named[: asked.limit]]
            return answer(AssetPageShape(assets=assets, total=len(named), cursor=None))
        page = reader.page(caller.scope, asked.filters, cursor=asked.cursor, limit=asked.limit)
        assets = [shape(asset, caller.scope) for asset in page.assets]
        return answer(AssetPageShape(assets=assets, total=page.total, cursor=page.cursor))


def _add_asset(router: APIRouter, reader: AssetReader, curator: Curator, told: _Telling) -> None:
    """One asset, read and written."""

    @router.get("/assets/{asset_id}", response_model=AssetShape, operation_id="get_asset", summary="One asset, whole")
    def get_route(caller: Reader, asset_id: AssetPath) -> Response:
        return told(reader.get(known_id(asset_id), caller.scope), caller)

    @router.patch(
        "/assets/{asset_id}",
        response_model=AssetShape,
        operation_id="patch_asset",
        summary="Say what an asset is",
        openapi_extra=_PATCH_BODY,
    )
    async def patch_route(
        caller: Editor,
        asset_id: AssetPath,
        request: Request,
        if_match: Annotated[str | None, Header(description="The ETag of the asset as it was read")] = None,
    ) -> Response:
        body = await _merge_patch(request)
        asset = known_id(asset_id)
        revision = _revision(asset, if_match)
        await run_in_threadpool(lambda: curator.patch(asset, parse_patch(body), caller, if_match=revision))
        # the curator has the whole asset; what of it the writer may see is the reader's to say
        return await run_in_threadpool(lambda: told(reader.get(asset, caller.scope), caller))


def _add_changes(router: APIRouter, reader: AssetReader, curator: Curator, told: _Telling) -> None:
    """What people changed, and the schemas that there were."""

    @router.get(
        "/assets/{asset_id}/changes", response_model=ChangesShape, operation_id="list_changes", summary="Who said what, when"
    )
    def changes_route(caller: Reader, asset_id: AssetPath, asked: Annotated[HistoryParameters, Query()]) -> Response:
        entries = reader.history(known_id(asset_id), caller.scope, before=asked.before, limit=asked.limit)
        return answer(ChangesShape(changes=[_change(entry) for entry in entries]))

    @router.post(
        "/changes/{change_id}/undo", response_model=AssetShape, operation_id="undo_change", summary="Take a change back"
    )
    def undo_route(
        caller: Editor, change_id: Annotated[int, Path(description="As a history gives it", examples=[1])]
    ) -> Response:
        return told(reader.get(_undone(curator, change_id, caller), caller.scope), caller)

    @router.get(
        "/assets/{asset_id}/versions",
        response_model=VersionsShape,
        operation_id="list_versions",
        summary="The schemas that a table has had",
    )
    def versions_route(caller: Reader, asset_id: AssetPath) -> Response:
        versions = reader.versions(known_id(asset_id), caller.scope)
        return answer(VersionsShape(versions=[_version(version) for version in versions]))


def _change(entry: AuditEntry) -> ChangeShape:
    return ChangeShape(
        id=entry.id,
        at=entry.at,
        by=entry.by,
        column=entry.column,
        field=entry.field,
        before=entry.before,
        after=entry.after,
        undoes=entry.undoes,
    )


def _version(version: SchemaVersion) -> VersionShape:
    columns = [plain(column) for column in version.columns]
    return VersionShape(version=version.version, at=version.at, columns=columns, primary_key=list(version.primary_key))


def etag(asset: Asset) -> str:
    """The strong `ETag` of an asset: it changes with everything that anybody can see of it."""
    return f'"{asset.id}.{asset.revision}"'


def _revision(asset: AssetId, if_match: str | None) -> int:
    if if_match is None:
        raise PreconditionRequired("send If-Match with the ETag of the asset as you read it")
    match = _ETAG.fullmatch(if_match.strip())
    if match is None or match["id"] != asset:
        raise PreconditionFailed("this If-Match is not an ETag of the asset; read it again")
    return int(match["revision"])


def _undone(curator: Curator, change_id: int, caller: Principal) -> AssetId:
    try:
        return curator.undo(change_id, caller).id
    except NotFound as error:  # which asset a hidden change is of is not told
        raise NotFound(f"there is no change {change_id}, or you may not see it") from error


async def _merge_patch(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/merge-patch+json", "application/json"):
        raise BadRequest("send application/merge-patch+json or application/json")
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
