"""A question's answer made whole: the indexer's hits, hydrated from the store under the caller's own predicate.

Journey 2, the last steps. The scope went in first, so that nothing is lost at the cut; the store has the last word, so that
a stale index can never show what became hidden or went away.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.catalog.assets import AssetReader
from services.common.errors import BadRequest
from services.common.model.assets import Asset, Column, Kind
from services.common.model.search import Hit, SearchAnswer, SearchQuery
from services.common.ports import Search


@dataclass(frozen=True, slots=True)
class WholeHit:
    """A hit with what it found; `column` is set for a column."""

    hit: Hit
    asset: Asset
    column: Column | None


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer with its hits made whole; those that the store no longer shows are left out."""

    answer: SearchAnswer
    hits: tuple[WholeHit, ...]


def find(query: SearchQuery, search: Search, reader: AssetReader) -> WholeAnswer:
    """Answer a question inside its scope.

    Raises:
        BadRequest: there is neither a word nor a filter, or the cursor is not one that an answer gave.
        ServiceUnavailable: the indexer does not answer.

    """
    if not query.text.strip() and not query.filters.any and not query.filters.kind:
        raise BadRequest(
            "ask something: q needs a word, or a filter must be given", errors=({"pointer": "/query/q", "detail": "empty"},)
        )
    answer = search.search(query)
    assets = reader.many([hit.asset for hit in answer.hits], query.scope)
    whole = (_whole(hit, assets.get(hit.asset)) for hit in answer.hits)
    return WholeAnswer(answer, tuple(hit for hit in whole if hit is not None))


def _whole(hit: Hit, asset: Asset | None) -> WholeHit | None:
    if asset is None:
        return None
    if hit.kind is not Kind.COLUMN:
        return WholeHit(hit, asset, None)
    column = next((column for column in asset.columns if asset.column_id(column.name) == hit.id), None)
    return None if column is None else WholeHit(hit, asset, column)
