"""The lineage routes: where an asset comes from and what depends on it, in time; coverage; edges that people declare.

Journey 3, reading.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from services.catalog.api.caller import ORDERS, REVENUE, AssetPath, Editor, Reader, Strict, answer, known_id
from services.catalog.api.lineage_shapes import (
    CoveragesShape,
    DeclaredShape,
    DiffShape,
    LineageShape,
    coverage_shape,
    diff_shape,
    lineage_shape,
)
from services.catalog.assets import AssetReader
from services.common.errors import BadRequest, NotFound
from services.common.model.instants import instant
from services.common.model.lineage import Declaration, DiffRequest, Direction, LineageNode, LineageRequest, Subgraph
from services.common.ports import LineageService

EdgeKind = Literal[
    "view",
    "query",
    "exposure",
    "run",
    "log",
    "manual",
    "key",
    "direct",
    "indirect",
    "identity",
    "transformation",
    "aggregation",
    "window",
    "conditional",
    "filter",
    "join",
    "group",
    "sort",
]
"""What an edge rests on, and between columns how the one gets into the other."""


def _shown(example: str) -> WithJsonSchema:
    """What the API's description says of an instant; it takes the place of all that a field says."""
    forms = [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]
    return WithJsonSchema({"anyOf": forms, "examples": [example]})


Asked = Annotated[dt.datetime, BeforeValidator(instant), _shown("2031-05-01T12:00:00Z")]
"""An instant with an offset, or a day, which begins at midnight UTC."""
Later = Annotated[dt.datetime, BeforeValidator(instant), _shown("2031-06-01T12:00:00Z")]
"""The same, with another example."""


class LineageParameters(Strict):
    """How far to walk, and along what."""

    direction: Direction = Field(
        default=Direction.BOTH, description="upstream, downstream or both", examples=["upstream", "downstream"]
    )
    depth: int = Field(default=3, ge=1, le=100, description="Dataset hops at most", examples=[1, 10])
    limit: int = Field(default=200, ge=1, le=5_000, description="Nodes at most", examples=[3])
    column: str | None = Field(
        default=None,
        min_length=1,
        max_length=1_000,
        description="Walk from this column, between columns",
        examples=["net_amt"],
    )
    as_of: Asked | None = Field(default=None, description="The lineage as it was then", examples=["2031-05-01T12:00:00Z"])
    kinds: tuple[EdgeKind, ...] = Field(
        default=(),
        max_length=20,
        description="Only edges of these kinds: what they rest on, and between columns also how the one gets into the other",
        examples=[["view"], ["key"]],
    )
    stale: bool = Field(default=False, description="Also edges that runs and logs have not shown for long", examples=[True])
    fan_out: int = Field(
        default=1_000, ge=1, le=10_000, description="Neighbours of one asset in a direction at most", examples=[2]
    )
    max_bytes: int = Field(
        default=4_000_000, ge=10_000, le=16_000_000, description="About how large the answer may be", examples=[20_000]
    )
    cursor: str | None = Field(default=None, max_length=200, description="Of the page before; ask else as for that one")


class DiffParameters(Strict):
    """Two instants."""

    from_: Asked = Field(alias="from", description="The earlier instant")
    to: Later = Field(description="The later instant")
    asset: str | None = Field(default=None, description="Only edges at this asset", examples=[ORDERS])
    limit: int = Field(default=1_000, ge=1, le=10_000, description="Edges at most", examples=[5])


class DeclaredEdge(Strict):
    """An edge that a person declares."""

    from_: str = Field(alias="from", description="The id of the asset that the data comes from", examples=[ORDERS])
    to: str = Field(description="The id of the asset that it gets into", examples=[REVENUE])


def create_router(lineage: LineageService, reader: AssetReader, *, opaque: bool = False) -> APIRouter:
    """The routes over the lineage service's ports; with `opaque` a mark stands in the place of what a caller may not see.

    What the catalog's reader shows and lineage has not followed yet is `pending`.
    """
    router = APIRouter(tags=["lineage"])

    def walked(request: LineageRequest) -> Subgraph:
        try:
            return lineage.walk(request)
        except NotFound:
            if request.column is not None or request.as_of is not None:
                raise  # it may be the column, or the time, that is not known
            asset = reader.get(request.asset, request.scope)
            return _pending(LineageNode(asset.id, asset.name, asset.kind, 0, asset.listed))

    @router.get(
        "/assets/{asset_id}/lineage",
        response_model=LineageShape,
        operation_id="get_lineage",
        summary="What an asset is made from, and what is made from it",
    )
    def lineage_route(caller: Reader, asset_id: AssetPath, asked: Annotated[LineageParameters, Query()]) -> Response:
        request = LineageRequest(
            known_id(asset_id),
            caller.scope,
            asked.direction,
            asked.depth,
            asked.limit,
            column=asked.column,
            as_of=asked.as_of,
            kinds=asked.kinds,
            stale=asked.stale,
            fan_out=asked.fan_out,
            max_bytes=asked.max_bytes,
            cursor=asked.cursor,
            opaque=opaque,
        )
        if not request.is_plain and "fan_out" in asked.model_fields_set:
            raise BadRequest("fan_out: a walk with column, as_of, kinds or stale goes to all neighbours; leave it out")
        return answer(lineage_shape(walked(request)))

    _add_telling(router, lineage)
    _add_declaring(router, lineage)
    return router


def _add_telling(router: APIRouter, lineage: LineageService) -> None:
    """What changed, and how far lineage is known."""

    @router.get(
        "/lineage/diff",
        response_model=DiffShape,
        operation_id="get_lineage_diff",
        summary="The edges that opened and closed between two instants",
    )
    def diff_route(caller: Reader, asked: Annotated[DiffParameters, Query()]) -> Response:
        asset = None if asked.asset is None else known_id(asked.asset)
        found = lineage.diff(DiffRequest(caller.scope, asked.from_, asked.to, asset, asked.limit))
        return answer(diff_shape(found, asked.from_, asked.to))

    @router.get(
        "/lineage/coverage",
        response_model=CoveragesShape,
        operation_id="get_lineage_coverage",
        summary="How far definitions are understood, by source",
    )
    def coverage_route(caller: Reader) -> Response:
        return answer(coverage_shape(lineage.coverage(caller.scope)))


def _add_declaring(router: APIRouter, lineage: LineageService) -> None:
    """Edges that people declare, and take back."""

    @router.post(
        "/lineage/edges",
        response_model=DeclaredShape,
        operation_id="declare_edge",
        summary="Say that data flows from one asset to another",
    )
    def declare_route(caller: Editor, body: DeclaredEdge) -> Response:
        said = Declaration(known_id(body.from_), known_id(body.to), caller.name)
        changed = lineage.declare(said, caller.scope)
        return answer(_declared(said, changed=changed), status=201 if changed else 200)

    @router.delete(
        "/lineage/edges",
        response_model=DeclaredShape,
        operation_id="retract_edge",
        summary="Take back what a person said of an edge",
    )
    def retract_route(caller: Editor, asked: Annotated[DeclaredEdge, Query()]) -> Response:
        said = Declaration(known_id(asked.from_), known_id(asked.to), caller.name)
        return answer(_declared(said, changed=lineage.retract(said, caller.scope)))


def _pending(node: LineageNode) -> Subgraph:
    problem = "the catalog has it, and its lineage is still being read; ask again in a moment"
    return Subgraph((node,), (), total=1, truncated=False, state="pending", problem=problem)


def _declared(said: Declaration, *, changed: bool) -> DeclaredShape:
    return DeclaredShape(from_=said.source, to=said.target, kind="manual", changed=changed)
