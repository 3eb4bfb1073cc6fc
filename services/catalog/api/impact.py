"""The routes before a change: who is affected, which ways lead there, and a check of what somebody is about to run.

Journey 3, reading.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field, model_validator

from services.catalog.api.caller import ORDERS, REVENUE, AssetPath, Reader, Strict, answer, known_id
from services.catalog.api.impact_shapes import (
    ImpactShape,
    PathsShape,
    ReportShape,
    impact_shape,
    paths_shape,
    report_shape,
)
from services.catalog.assets import AssetReader
from services.catalog.check import Checker
from services.catalog.impact import MAX_AFFECTED, Sort, impact_of
from services.catalog.impact_texts import as_csv, as_mermaid
from services.catalog.near_names import NearNames
from services.common.model.lineage import PathsRequest
from services.common.model.schema_changes import ChangeKind, PlannedChanges, SchemaChange
from services.common.ports import LineageQuery, Search

_KEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization"}
_JSON = ("application/json", "application/*", "*/*")
_MAX_SAID = 500
"""Changes in one body; those that are equal count once against `MAX_CHANGES`."""
_Name = Annotated[str, Field(min_length=1, max_length=2_000)]


class ImpactParameters(Strict):
    """What changes, and how to tell who is affected."""

    change: Literal["drop", "retype", "rename"] = Field(default="drop", description="What is done to it", examples=["drop"])
    column: _Name | None = Field(
        default=None, description="The column that changes; none for the whole table", examples=["net_amt"]
    )
    sort: Sort = Field(default=Sort.DEPTH, description="Order of what is affected", examples=["owner"])
    limit: int = Field(default=1_000, ge=1, le=MAX_AFFECTED, description="Datasets at most", examples=[5])
    format: Literal["json", "csv", "mermaid"] | None = Field(
        default=None, description="In place of the Accept header", examples=["json"]
    )


class PathsParameters(Strict):
    """Both ends, and how far to look."""

    from_: _Name = Field(alias="from", description="The id of the asset that the data comes from", examples=[ORDERS])
    to: _Name = Field(description="The id of the asset that it gets into", examples=[REVENUE])
    from_column: _Name | None = Field(
        default=None, description="Ways between columns: the one that the data comes from", examples=["net_amt"]
    )
    to_column: _Name | None = Field(default=None, description="And the one that it gets into", examples=["net_revenue"])
    depth: int = Field(default=20, ge=1, le=100, description="Steps of a path at most", examples=[5])
    limit: int = Field(default=10, ge=1, le=100, description="Paths at most", examples=[3])


class ChangeBody(Strict):
    """One change: `column` is left out where the whole table is meant, `to` is the new name or type."""

    change: ChangeKind
    table: _Name
    column: _Name | None = None
    to: _Name | None = None
    columns: Annotated[tuple[_Name, ...], Field(max_length=10_000)] | None = None


class CheckBody(Strict):
    """A script of DDL, or changes that are said one by one, or both."""

    ddl: str | None = Field(default=None, max_length=1_000_000, description="What is about to be run")
    dialect: str = Field(default="", max_length=100, description="Of the script, such as postgres or snowflake")
    changes: tuple[ChangeBody, ...] = Field(default=(), max_length=_MAX_SAID)

    @model_validator(mode="after")
    def _asks_something(self) -> CheckBody:
        if self.ddl is None and not self.changes:
            raise ValueError("send `ddl`, `changes` or both")
        return self


def create_router(lineage: LineageQuery, reader: AssetReader) -> APIRouter:
    """The routes over the lineage service's port and the catalog's reader, which knows the owners."""
    router = APIRouter(tags=["lineage"])

    @router.get(
        "/assets/{asset_id}/impact",
        response_model=ImpactShape,
        operation_id="get_impact",
        summary="Who is affected when an asset or a column of it changes",
        responses={200: {"content": {"text/csv": {}, "text/vnd.mermaid": {}}}},
    )
    def impact_route(
        caller: Reader,
        asset_id: AssetPath,
        asked: Annotated[ImpactParameters, Query()],
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        impact = impact_of(
            reader,
            lineage,
            caller.scope,
            known_id(asset_id),
            change=ChangeKind(asked.change),
            column=asked.column,
            sort=asked.sort,
            limit=asked.limit,
        )
        match asked.format or _wanted(accept):
            case "csv":
                said = {"Content-Disposition": 'attachment; filename="impact.csv"', "X-Stale-Edges": str(impact.stale)}
                return Response(as_csv(impact), headers=_KEPT | said, media_type="text/csv; charset=utf-8")
            case "mermaid":
                return Response(as_mermaid(impact), headers=_KEPT, media_type="text/vnd.mermaid; charset=utf-8")
            case _:
                return answer(impact_shape(impact))

    return router


def create_lineage_router(lineage: LineageQuery, reader: AssetReader, search: Search) -> APIRouter:
    """Those that belong to no one asset."""
    router = APIRouter(tags=["lineage"])

    @router.get(
        "/lineage/paths",
        response_model=PathsShape,
        operation_id="get_lineage_paths",
        summary="The shortest ways from one asset to another, or from column to column",
    )
    def paths_route(caller: Reader, asked: Annotated[PathsParameters, Query()]) -> Response:
        ends = known_id(asked.from_), known_id(asked.to)
        columns = asked.from_column, asked.to_column
        return answer(paths_shape(lineage.paths(PathsRequest(*ends, caller.scope, asked.depth, asked.limit, *columns))))

    @router.post(
        "/lineage/check",
        response_model=ReportShape,
        operation_id="check_changes",
        summary="What breaks, and who is affected, if this were run",
    )
    def check_route(caller: Reader, body: CheckBody) -> Response:
        planned = PlannedChanges((), 0) if body.ddl is None else lineage.planned(body.ddl, body.dialect)
        said = tuple(SchemaChange(one.change, one.table, one.column, one.to, one.columns) for one in body.changes)
        asked = replace(planned, changes=(*planned.changes, *said))
        near = NearNames(caller.scope, search)
        return answer(report_shape(Checker(reader, lineage, caller.scope, near).check(asked)))

    return router


def _wanted(accept: str) -> str:
    """What an Accept header prefers of our media types, by its weights (RFC 9110, 12.5.1); JSON where it is as welcome."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        type_, *parameters = (one.strip().lower() for one in part.split(";"))
        said = [one.removeprefix("q=").strip() for one in parameters if one.startswith("q=")]
        weights[type_] = _weight(said[0]) if said else 1.0
    json = max(((weights[one], one == "application/json") for one in weights if one in _JSON), default=(0.0, False))
    best, form = json, "json"
    for type_, name in (("text/csv", "csv"), ("text/vnd.mermaid", "mermaid")):
        rank = weights.get(type_, 0.0), True
        if rank[0] > 0 and rank > best:
            best, form = rank, name
    return form


def _weight(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
