"""Statements as a log would tell them, over assets of `feeds`, and what recommendations read from both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Asset
from services.common.model.names import DatasetName, Namespaces
from services.common.model.related import RelatedItem
from services.common.model.usage import ColumnUse, FactSeq, JoinFact, StatementFact
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.usage.basket import basket_of
from services.indexer.usage.known import known_of
from services.indexer.usage.reading import Reading, reading_of
from services.indexer.usage.recommend import items, rank
from services.indexer.usage.store import statements_of
from services.indexer.usage.weights import shipped
from tests.support.feeds import NAMESPACE
from tests.support.indexes import DIMENSION, snapshot_of

DAY = dt.datetime(2031, 5, 1, 12, 0, tzinfo=dt.UTC)
NAMESPACES = Namespaces(sources={NAMESPACE: "wh"})


def name(text: str) -> DatasetName:
    return DatasetName(NAMESPACE, tuple(text.split(".")))


def fact(
    number: int,
    *reads: str,
    writes: Sequence[str] = (),
    user: str | None = "ann",
    at: dt.datetime | None = DAY,
    count: int = 1,
    joins: Sequence[tuple[str, str, str, str]] = (),
    uses: Sequence[tuple[str, str, str]] = (),
    fingerprint: str | None = None,
    weight: float = 1.0,
) -> StatementFact:
    """Somebody read some tables, named by dots; `joins` are (table, column, table, column), `uses` (table, column, how)."""
    names = {name(one).id: name(one) for one in (*reads, *writes)}
    return StatementFact(
        seq=FactSeq(number),
        fingerprint=fingerprint or f"s{number}",
        at=at,
        user=user,
        reads=tuple(name(one).id for one in reads),
        writes=tuple(name(one).id for one in writes),
        joins=tuple(JoinFact(name(a).id, x, name(b).id, y, "inner") for a, x, b, y in joins),
        uses=tuple(ColumnUse(name(one).id, column, how) for one, column, how in uses),
        count=count,
        source="wh",
        names=names,
        weight=weight,
    )


def reading(
    assets: Sequence[Asset], facts: Sequence[StatementFact], scope: AccessScope = FULL_SCOPE, *, min_people: int = 1
) -> Reading:
    """What a scope shows of some assets and a log."""
    statements = statements_of(facts)
    known = known_of(snapshot_of(assets, encoder=HashingEncoder(DIMENSION)), statements, NAMESPACES)
    return reading_of(known, statements, scope, min_people=min_people)


def related(made: Reading, *texts: str, limit: int = 10) -> list[RelatedItem]:
    """What goes with tables named by dots."""
    basket = basket_of(made, [name(text).id for text in texts], ())
    return items(made, basket.rows, rank(made, basket.rows, shipped(), keep=basket.stand_ins), limit)


def named(found: Sequence[RelatedItem]) -> list[str]:
    """The last parts of names."""
    return [one.name.parts[-1] for one in found]
