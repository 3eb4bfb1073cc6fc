"""`/assets/{id}/history`: the schemas that a table has had, what changed between them, and whether that breaks its readers.

Beside journey 1, reading. The shapes of the answer are here too; `headwater history --json` prints the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator, Field

from services.catalog.api.caller import AssetPath, Reader, Strict, answer, known_id
from services.catalog.api.schemas import Shape
from services.catalog.assets import AssetReader
from services.catalog.history import (
    Breaking,
    Difference,
    Event,
    Placed,
    Recorded,
    Removed,
    Turned,
    difference,
    since_drop,
)
from services.common.errors import NotFound
from services.common.model import instants
from services.common.model.access import AccessScope
from services.common.model.assets import Column
from services.common.model.names import AssetId

MAX_VERSIONS = 200
"""Versions in one answer."""
_AT_ONCE = 20
"""Versions read at once where one of them is looked for: each brings all its columns."""


def instant(value: object) -> dt.datetime:
    """An ISO 8601 instant with its offset.

    Raises:
        ValueError: it is none, has no offset, or is before 1970 or after 9998.

    """
    at = instants.instant(value)
    if ":" not in str(value):
        raise ValueError("write the offset, such as 2031-05-01T12:00:00Z")
    return at


class ShownColumn(Shape):
    """A column as the source showed it."""

    name: str
    type: str | None
    nullable: bool | None
    default: str | None
    description: str | None


class PlacedShape(ShownColumn):
    """A column that is new, or gone; `position` counts from 0, among the columns after or before."""

    position: int
    breaking: Breaking


class TurnedShape(Shape):
    """One fact of a column before and after."""

    name: str
    before: Any
    after: Any
    breaking: Breaking


class RenamedShape(Shape):
    """A column that is likely the same under another name; both names are in `removed` and `added` too."""

    before: str
    after: str
    likely: bool
    breaking: Breaking


class WholeShape(Shape):
    """One fact of the table itself before and after."""

    before: Any
    after: Any
    breaking: Breaking


class DifferenceShape(Shape):
    """What changed from one version to the next; lists are empty and values null where nothing did."""

    added: list[PlacedShape]
    removed: list[PlacedShape]
    retyped: list[TurnedShape]
    nullability: list[TurnedShape]
    renamed: list[RenamedShape]
    reordered: list[TurnedShape]
    commented: list[TurnedShape]
    described: WholeShape | None
    primary_key: WholeShape | None
    table_renamed: WholeShape | None
    breaking: Breaking


class RecordedShape(Shape):
    """A version of a schema; `since_drop` compares a table that returned with what it was before it was dropped."""

    number: int
    at: dt.datetime
    event: Event
    breaking: Breaking
    name: str
    previous_name: str | None
    crawl: str
    column_count: int
    difference: DifferenceShape
    since_drop: DifferenceShape | None


class SchemaShape(Shape):
    """The schema that was valid at an instant; `number` says which version it is."""

    as_of: dt.datetime
    number: int
    at: dt.datetime
    name: str
    description: str | None
    columns: list[ShownColumn]
    primary_key: list[str]


class HistoryShape(Shape):
    """Versions, newest first. With `as_of`, the one that was valid then, and its schema."""

    versions: list[RecordedShape]
    cursor: str | None
    schema_: SchemaShape | None = Field(default=None, serialization_alias="schema")


class HistoryParameters(Strict):
    """How much of a history, or which moment of it."""

    limit: int = Field(default=50, ge=1, le=MAX_VERSIONS, description="Versions at most", examples=[5])
    cursor: str | None = Field(
        default=None, pattern=r"^[0-9]{1,15}$", description="Where the page before ended", examples=["3"]
    )
    as_of: Annotated[dt.datetime, BeforeValidator(instant)] | None = Field(
        default=None,
        description="The schema that was valid at this instant, with its offset",
        examples=["2124-05-01T12:00:00Z"],
    )


def create_router(reader: AssetReader) -> APIRouter:
    """The route over the catalog's reader."""
    router = APIRouter(tags=["assets"])

    @router.get(
        "/assets/{asset_id}/history",
        response_model=HistoryShape,
        operation_id="list_history",
        summary="What changed in a table's schema, and whether that breaks its readers",
    )
    def history_route(caller: Reader, asset_id: AssetPath, asked: Annotated[HistoryParameters, Query()]) -> Response:
        asset = known_id(asset_id)
        if asked.as_of is not None:
            return answer(schema_as_of(reader, asset, caller.scope, asked.as_of))
        before = int(asked.cursor) if asked.cursor is not None else None
        return answer(history_of(reader, asset, caller.scope, limit=asked.limit, before=before))

    return router


def history_of(
    reader: AssetReader, asset: AssetId, scope: AccessScope, *, limit: int = 50, before: int | None = None
) -> HistoryShape:
    """The newest versions that are older than the number `before`, where it is given.

    Raises:
        NotFound: there is no such asset for this caller. One that was dropped still has its history.

    """
    recorded = reader.recorded(asset, scope, limit=limit + 1, before=before)
    more = len(recorded) > limit
    return HistoryShape(
        versions=_versions(recorded, limit),
        cursor=str(recorded[limit - 1].number) if more else None,
    )


def schema_as_of(reader: AssetReader, asset: AssetId, scope: AccessScope, at: dt.datetime) -> HistoryShape:
    """The version that was valid at an instant: the newest that a crawl had stored by then.

    Raises:
        NotFound: as `history_of`; or the catalog did not know the table yet, or it was dropped.

    """
    before: int | None = None
    while True:
        recorded = reader.recorded(asset, scope, limit=_AT_ONCE + 1, before=before)
        for place, one in enumerate(recorded[:_AT_ONCE]):
            if one.at <= at:
                return _valid(recorded[place : place + 2], at)
        if len(recorded) <= _AT_ONCE:
            raise NotFound(f"the catalog did not know this table yet at {at.isoformat()}")
        before = recorded[_AT_ONCE - 1].number


def _valid(recorded: Sequence[Recorded], at: dt.datetime) -> HistoryShape:
    one = recorded[0]
    if one.event is Event.DROPPED:
        raise NotFound(f"there was no such table at {at.isoformat()}: a crawl at {one.at.isoformat()} found it dropped")
    schema = SchemaShape(
        as_of=at,
        number=one.number,
        at=one.at,
        name=one.name,
        description=one.description,
        columns=[ShownColumn(**_column(column)) for column in one.columns],
        primary_key=list(one.primary_key),
    )
    return HistoryShape(versions=_versions(recorded, 1), cursor=None, schema_=schema)


def _versions(recorded: Sequence[Recorded], limit: int) -> list[RecordedShape]:
    """The first `limit` of some states, newest first, each compared with the one behind it."""
    shown = []
    for one, older in zip(recorded[:limit], [*recorded[1 : limit + 1], None], strict=False):
        found, again = difference(older, one), since_drop(older, one)
        shown.append(
            RecordedShape(
                number=one.number,
                at=one.at,
                event=one.event,
                breaking=found.breaking,
                name=one.name,
                previous_name=one.previous_name,
                crawl=one.crawl,
                column_count=0 if one.event is Event.DROPPED else len(one.columns),
                difference=_difference(found),
                since_drop=_difference(again) if again is not None else None,
            )
        )
    return shown


def _difference(found: Difference) -> DifferenceShape:
    return DifferenceShape(
        added=[_placed(item) for item in found.added],
        removed=[_placed(item) for item in found.removed],
        retyped=[_turned(item) for item in found.retyped],
        nullability=[_turned(item) for item in found.nullability],
        renamed=[
            RenamedShape(before=item.before, after=item.after, likely=True, breaking=item.breaking) for item in found.renamed
        ],
        reordered=[_turned(item) for item in found.reordered],
        commented=[_turned(item) for item in found.commented],
        described=_whole(found.described),
        primary_key=_whole(found.keyed),
        table_renamed=_whole(found.table_renamed),
        breaking=found.breaking,
    )


def _placed(item: Placed | Removed) -> PlacedShape:
    return PlacedShape(**_column(item.column), position=item.position, breaking=item.breaking)


def _column(column: Column) -> dict[str, Any]:
    return {name: getattr(column, name) for name in ShownColumn.model_fields}


def _turned(item: Turned[Any]) -> TurnedShape:
    return TurnedShape(name=item.name, before=item.before, after=item.after, breaking=item.breaking)


def _whole(item: Turned[Any] | None) -> WholeShape | None:
    return None if item is None else WholeShape(before=item.before, after=item.after, breaking=item.breaking)
