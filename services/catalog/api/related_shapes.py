"""The shapes of used together and of usage in the public API. The last step of journey 2; `schemas` has all others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel

from services.catalog.related import WholeItem, WholeRelated
from services.catalog.store.listing import Heading
from services.common.model.related import AssetUsage, Basis, Duplicate, SimilarItem
from services.common.model.search import Evidence


class JoinOnShape(BaseModel, frozen=True):
    """Columns to join on: `on` holds pairs of a column of `asset`, a table of the basket, and one of the item."""

    asset: str
    on: list[tuple[str, str]]
    evidence: Evidence
    confidence: float
    sql: str


class RelatedItemShape(BaseModel, frozen=True):
    """A table that goes with a basket.

    `basis` is `observed` where queries that were read use both, `inferred` where names, texts, columns or lineage say so;
    `probability` is how likely the table is the one that goes with the basket; `listed` is false for one that only logs know.
    """

    id: str
    qualified_name: str
    listed: bool
    score: float
    basis: Basis
    probability: float
    queries: int
    people: int
    last: dt.date | None
    reasons: list[str]
    join_on: list[JoinOnShape]


class StartShape(BaseModel, frozen=True):
    """A table that an answer goes out from, `why` in words.

    One that a person used so often, that so many people opened, or that a short or ambiguous name was taken for.
    """

    id: str
    qualified_name: str
    listed: bool
    why: str
    queries: int
    people: int


class RelatedShape(BaseModel, frozen=True):
    """What goes with a basket, best first.

    `unknown` are the names of it that nobody knows; `basket` is what a person, a search, or a name that is not a table's full
    one was taken for; `near` has the names that an unknown one may be a slip for, where there are any.
    """

    items: list[RelatedItemShape]
    unknown: list[str]
    near: dict[str, list[str]]
    basket: list[StartShape]

    @classmethod
    def of(cls, whole: WholeRelated) -> Self:
        """An answer as the API and `headwater related --json` show it."""
        starts = [
            StartShape(
                id=one.asset,
                qualified_name=one.name.qualified,
                listed=one.listed,
                why=one.why,
                queries=one.queries,
                people=one.people,
            )
            for one in whole.basket
        ]
        near = {text: list(names) for text, names in whole.near.items()}
        return cls(items=[_item(one) for one in whole.items], unknown=list(whole.unknown), near=near, basket=starts)


class SimilarItemShape(BaseModel, frozen=True):
    """A table that is like another.

    `probability` is how likely one is a copy, shard or version of the other or was made from its columns; `duplicate` says
    which where their columns are the same. `shared` counts columns of one name, `only_here` and `only_there` the others.
    """

    id: str
    qualified_name: str
    probability: float
    duplicate: Duplicate | None
    shared: int
    only_here: int
    only_there: int
    reasons: list[str]


class SimilarShape(BaseModel, frozen=True):
    """Tables like one, likeliest first."""

    items: list[SimilarItemShape]

    @classmethod
    def of(cls, found: Sequence[tuple[SimilarItem, Heading]]) -> Self:
        """An answer as the API and `headwater similar --json` show it."""
        return cls(
            items=[
                SimilarItemShape(
                    id=heading.id,
                    qualified_name=heading.name.qualified,
                    probability=item.probability,
                    duplicate=item.duplicate,
                    shared=item.shared,
                    only_here=item.only_here,
                    only_there=item.only_there,
                    reasons=[reason.text for reason in item.why],
                )
                for item, heading in found
            ]
        )


class ColumnUsageShape(BaseModel, frozen=True):
    """Executions that use a column: at all, to filter, to join, to group; and by how many people, when last, and the trend.

    `last_written` is the last day on which a statement filled it that names its columns.
    """

    name: str
    queries: int
    filters: int
    joins: int
    groups: int
    people: int
    last: dt.date | None
    last_written: dt.date | None
    trend: float | None


class JoinUsageShape(BaseModel, frozen=True):
    """A pair of columns that queries compare; `queries` counts distinct statements, `declared` says whether a key does so.

    `runs` counts executions. `cardinality` is what keys make likely, this table's side first; null where none says anything.
    """

    asset: str
    qualified_name: str
    on: list[tuple[str, str]]
    kind: str
    queries: int
    people: int
    last: dt.date | None
    declared: bool
    runs: int
    cardinality: str | None


class UserUsageShape(BaseModel, frozen=True):
    """A user as logs are kept, and how often they read the table; `program` where they behave as one."""

    user: str
    queries: int
    last: dt.date | None
    program: bool


class StatementUsageShape(BaseModel, frozen=True):
    """A statement that reads the table, by its fingerprint; `reads` names what else it reads."""

    fingerprint: str
    queries: int
    people: int
    last: dt.date | None
    reads: list[str]


class UsageShape(BaseModel, frozen=True):
    """What query logs say of an asset, from `since` to `until`; see `AssetUsage` for the figures."""

    queries: int
    statements: int
    people: int
    last_read: dt.date | None
    last_written: dt.date | None
    popularity: float
    trend: float | None
    weeks: list[int]
    columns: list[ColumnUsageShape]
    joins: list[JoinUsageShape]
    declared_share: float | None
    users: list[UserUsageShape]
    top: list[StatementUsageShape]
    since: dt.date | None
    until: dt.date | None

    @classmethod
    def of(cls, usage: AssetUsage) -> Self:
        """Usage as the API shows it."""
        return cls(
            queries=usage.queries,
            statements=usage.statements,
            people=usage.people,
            last_read=usage.last_read,
            last_written=usage.last_written,
            popularity=usage.popularity,
            trend=usage.trend,
            weeks=list(usage.weeks),
            columns=[
                ColumnUsageShape(
                    name=one.name,
                    queries=one.queries,
                    filters=one.filters,
                    joins=one.joins,
                    groups=one.groups,
                    people=one.people,
                    last=one.last,
                    last_written=one.last_written,
                    trend=one.trend,
                )
                for one in usage.columns
            ],
            joins=[
                JoinUsageShape(
                    asset=one.asset,
                    qualified_name=one.name.qualified,
                    on=list(one.on),
                    kind=one.kind,
                    queries=one.queries,
                    people=one.people,
                    last=one.last,
                    declared=one.declared,
                    runs=one.runs,
                    cardinality=one.cardinality,
                )
                for one in usage.joins
            ],
            declared_share=usage.declared_share,
            users=[
                UserUsageShape(user=one.user, queries=one.queries, last=one.last, program=one.program) for one in usage.users
            ],
            top=[
                StatementUsageShape(
                    fingerprint=one.fingerprint,
                    queries=one.queries,
                    people=one.people,
                    last=one.last,
                    reads=[name.qualified for name in one.reads],
                )
                for one in usage.top
            ],
            since=usage.since,
            until=usage.until,
        )


def _item(whole: WholeItem) -> RelatedItemShape:
    item = whole.item
    return RelatedItemShape(
        id=item.asset,
        qualified_name=item.name.qualified,
        listed=item.listed,
        score=round(item.score, 4),
        basis=item.basis,
        probability=item.probability,
        queries=item.queries,
        people=item.people,
        last=item.last,
        reasons=[reason.text for reason in item.why],
        join_on=[
            JoinOnShape(asset=join.one, on=list(join.on), evidence=join.evidence, confidence=join.confidence, sql=sql)
            for join, sql in zip(item.join_on, whole.sql, strict=False)
        ],
    )
