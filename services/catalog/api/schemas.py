"""The shapes of the public API, and how values become them. Every field that a page or a client may rely on is here.

The last step of every journey.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.catalog.api.answer_shapes import AnswerSetShape
from services.catalog.api.related_shapes import UsageShape
from services.catalog.definitions import Definition
from services.common.model.assets import Asset, Column, Description, ForeignKey, Kind, Status
from services.common.model.search import Mode, SuggestionOf


class Shape(BaseModel):
    """An answer's part; unknown attributes never slip out."""

    model_config = ConfigDict(frozen=True)


class ProblemShape(Shape):
    """An error, by RFC 9457; `code` is stable and meant for programs."""

    type: str = Field(examples=["urn:headwater:problem:not_found"])
    title: str = Field(examples=["There is no such thing, or you may not see it"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no asset dqsohjdzydf7sy4wkt2tj6bynyd, or you may not see it"])
    code: str = Field(examples=["not_found"])
    request_id: str | None = None
    errors: list[dict[str, str | int]] | None = None
    candidates: list[str] | None = None


class ReasonShape(Shape):
    """One thing that moved a hit; the contributions of a hit add up to its score."""

    feature: str
    text: str
    contribution: float


class HighlightShape(Shape):
    """A place to mark: `start` and `end` in code points of `name` or `description`, or of `text`, a column's name."""

    field: str
    text: str | None
    start: int
    end: int


class HitShape(Shape):
    """One asset found; for `kind` = column, `id` is the column's and `asset` the table's; for `job`, both are the job's.

    `folded` are the ids of the `n_folded` tables that stand under it with `fold=true`, the first 50 of them.
    `listed` is false for a dataset that only events tell of, or a column of one: no crawl has shown it.
    """

    id: str
    asset: str
    kind: Kind
    name: str
    qualified_name: str
    namespace: str
    platform: str
    source: str
    description: str | None
    tags: list[str]
    owners: list[str]
    status: Status | None
    listed: bool
    score: float
    why: list[ReasonShape]
    columns: list[str]
    folded: list[str]
    n_folded: int
    highlights: list[HighlightShape]


class CorrectionShape(Shape):
    """A word of a question that was taken for a typing mistake, in lower case, and the word that it was read as."""

    word: str
    read_as: str


class UnderstoodShape(Shape):
    """How a question was read: its words, the conditions, null where it has none, and words that were read as others."""

    words: str
    where: str | None
    corrections: list[CorrectionShape]


class SearchShape(Shape):
    """Hits, best first. `degraded` says what was missing, `answerable` how likely an answer is among them."""

    query_id: str
    understood: UnderstoodShape
    mode: Mode
    degraded: list[str]
    answerable: float
    generation: str
    coverage: float
    total: int
    hits: list[HitShape]
    facets: dict[str, dict[str, int]]
    cursor: str | None
    answer: AnswerSetShape | None


class SuggestionShape(Shape):
    """A completion: `name` of an asset, or a concept (`column`, `tag`, `value`) whose text is a filter, without an asset."""

    text: str
    kind: Kind | None
    asset: str | None
    of: SuggestionOf


class SuggestShape(Shape):
    """Completions, best first."""

    suggestions: list[SuggestionShape]


class DescriptionShape(Shape):
    """One of several descriptions: `origin` is `person` or a platform such as `dbt`, `source` the source that said it."""

    origin: str
    source: str | None
    text: str


class ColumnShape(Shape):
    """One column, people's words laid over what the crawl says; `curated` names the fields that people wrote."""

    id: str
    name: str
    type: str | None
    nullable: bool | None
    default: str | None
    description: str | None
    tags: list[str]
    status: Status | None
    successor: str | None
    curated: list[str]
    descriptions: list[DescriptionShape]


class ForeignKeyShape(Shape):
    """Columns that refer to another table; `ref_asset` is its id, whether it was crawled or not."""

    columns: list[str]
    ref_table: str
    ref_asset: str
    ref_columns: list[str]


class IndexShape(Shape):
    """An index of the table."""

    name: str
    columns: list[str]
    unique: bool


class AssetShape(Shape):
    """One dataset.

    `listed` is false for one that only events name. `definition` is `shown`, `none`, or `withheld` where the view's SQL may name what the caller may not see.
    `usage` is null where no query log that was read names the asset, in lists, and while the indexer does not answer.
    """

    id: str
    kind: Kind
    name: str
    qualified_name: str
    namespace: str
    platform: str
    source: str
    database: str | None
    schema_: str | None = Field(serialization_alias="schema")
    description: str | None
    crawled_description: str | None
    columns: list[ColumnShape]
    primary_key: list[str]
    foreign_keys: list[ForeignKeyShape]
    indexes: list[IndexShape]
    sql: str | None
    definition: str
    definition_problem: str | None
    rows: int | None
    bytes: int | None
    partitions: int | None
    last_altered: dt.datetime | None
    tags: list[str]
    owners: list[str]
    status: Status | None
    successor: str | None
    curated: list[str]
    properties: dict[str, Any]
    usage: UsageShape | None = None
    descriptions: list[DescriptionShape]
    unseen_since: dt.datetime | None
    unseen_why: str | None
    held: bool
    version: int
    revision: int
    first_seen: dt.datetime | None
    last_seen: dt.datetime | None
    listed: bool


class AssetPageShape(Shape):
    """Assets in order of name."""

    assets: list[AssetShape]
    total: int
    cursor: str | None


class ChangeShape(Shape):
    """One field that somebody changed; `before` and `after` are null where the crawl's word was or is shown."""

    id: int
    at: dt.datetime
    by: str
    column: str | None
    field: str
    before: Any
    after: Any
    undoes: int | None


class ChangesShape(Shape):
    """Changes, newest first; `before` in the query continues."""

    changes: list[ChangeShape]


class VersionShape(Shape):
    """A schema that the table has had."""

    version: int
    at: dt.datetime
    columns: list[dict[str, Any]]
    primary_key: list[str]


class VersionsShape(Shape):
    """Schemas, newest first."""

    versions: list[VersionShape]


def asset_shape(asset: Asset, definition: Definition, usage: UsageShape | None = None) -> AssetShape:
    """An asset as the API shows it; what may be seen of it was decided before."""
    return AssetShape(
        id=asset.id,
        kind=asset.kind,
        name=asset.table,
        qualified_name=asset.name.qualified,
        namespace=asset.name.namespace,
        platform=asset.platform.name,
        source=asset.source,
        database=asset.database,
        schema_=asset.schema,
        description=asset.description,
        crawled_description=asset.crawled_description,
        columns=[_column(asset, column) for column in asset.columns],
        primary_key=list(asset.primary_key),
        foreign_keys=[_foreign_key(asset, key) for key in asset.foreign_keys],
        indexes=[IndexShape(name=index.name, columns=list(index.columns), unique=index.unique) for index in asset.indexes],
        sql=definition.sql,
        definition=definition.state,
        definition_problem=definition.problem,
        rows=asset.rows,
        bytes=asset.bytes,
        partitions=asset.partitions,
        last_altered=asset.last_altered,
        tags=list(asset.tags),
        owners=list(asset.owners),
        status=asset.status,
        successor=asset.successor,
        curated=list(asset.curated),
        properties=dict(asset.properties),
        usage=usage,
        descriptions=[_description(one) for one in asset.descriptions],
        unseen_since=asset.unseen_since,
        unseen_why=asset.unseen_why,
        held=asset.held,
        version=asset.version,
        revision=asset.revision,
        first_seen=asset.first_seen,
        last_seen=asset.last_seen,
        listed=asset.listed,
    )


def _column(asset: Asset, column: Column) -> ColumnShape:
    return ColumnShape(
        id=asset.column_id(column.name),
        name=column.name,
        type=column.type,
        nullable=column.nullable,
        default=column.default,
        description=column.description,
        tags=list(column.tags),
        status=column.status,
        successor=column.successor,
        curated=list(column.curated),
        descriptions=[_description(one) for one in column.descriptions],
    )


def _description(one: Description) -> DescriptionShape:
    return DescriptionShape(origin=one.origin, source=one.source, text=one.text)


def _foreign_key(asset: Asset, key: ForeignKey) -> ForeignKeyShape:
    other = asset.referred(key)
    return ForeignKeyShape(
        columns=list(key.columns), ref_table=other.qualified, ref_asset=other.id, ref_columns=list(key.ref_columns)
    )
