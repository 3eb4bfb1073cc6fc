"""A question's answer made whole: the indexer's hits, hydrated from the store under the caller's own predicate.

Journey 2, the last steps. The scope went in first, so that nothing is lost at the cut; the store has the last word, so that
a stale index can never show what became hidden or went away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.catalog.assets import AssetReader
from services.catalog.highlights import Highlight, Words, highlights, question_words
from services.catalog.join_sql import from_clause
from services.catalog.vocabulary import Vocabulary
from services.common.errors import BadRequest
from services.common.model.access import AccessScope
from services.common.model.assets import Asset, Column, Kind
from services.common.model.job_search import JobHit
from services.common.model.names import AssetId
from services.common.model.query_errors import QueryRefused
from services.common.model.query_parse import understand
from services.common.model.search import AnswerSet, Hit, SearchAnswer, SearchQuery
from services.common.ports import Search


@dataclass(frozen=True, slots=True)
class WholeHit:
    """A hit with what it found; `column` is set for a column, `folded` are the tables that stand under it, `highlights` what to mark."""

    hit: Hit
    asset: Asset
    column: Column | None
    folded: tuple[Asset, ...] = ()
    highlights: tuple[Highlight, ...] = ()


@dataclass(frozen=True, slots=True)
class WholeSet:
    """An answer set with its tables; those that the store no longer shows are left out, with the joins to them."""

    answer: AnswerSet
    tables: Mapping[AssetId, Asset]

    @property
    def sql(self) -> str:
        """Its FROM clause."""
        return from_clause(self.answer.tables, self.answer.joins, self.tables)


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer with its hits made whole; those that the store no longer shows are left out.

    Attributes:
        named: jobs that the question names, which stand before the hits.
        jobs: other jobs, which stand behind them.
        n_named: jobs that it names on all pages together.

    """

    answer: SearchAnswer
    hits: tuple[WholeHit, ...]
    together: WholeSet | None = None
    named: tuple[JobHit, ...] = ()
    jobs: tuple[JobHit, ...] = ()
    n_named: int = 0


def question(text: str, *, me: str, scope: AccessScope) -> SearchQuery:
    """A question as somebody typed it, with its filters, phrases and operators read.

    Args:
        text: as typed.
        me: the caller's name, which `owner:me` stands for.
        scope: the caller's.

    Raises:
        BadRequest: it cannot be meant; the error says where and what to do.

    """
    try:
        read = understand(text, me=me)
    except QueryRefused as refused:
        detail = f"{refused.problem}; {refused.advice}"
        place: dict[str, str | int] = {"pointer": "/query/q", "start": refused.start, "end": refused.end, "detail": detail}
        raise BadRequest(str(refused), errors=(place,)) from None
    return SearchQuery(read.words, scope, where=read.where)


def check_asked(query: SearchQuery) -> None:
    """Refuse a question that asks nothing.

    Raises:
        BadRequest: there is neither a word nor a filter.

    """
    if not query.text.strip() and query.where is None and not query.filters.any and not query.filters.kind:
        raise BadRequest(
            "ask something: q needs a word, or a filter must be given", errors=({"pointer": "/query/q", "detail": "empty"},)
        )


def find(query: SearchQuery, search: Search, reader: AssetReader, vocabulary: Vocabulary | None = None) -> WholeAnswer:
    """Answer a question inside its scope; with a vocabulary, by what people decided about its words too.

    Raises:
        BadRequest: there is neither a word nor a filter, or the cursor is not one that an answer gave.
        ServiceUnavailable: the indexer does not answer.

    """
    check_asked(query)
    answer = _answered(query, search, vocabulary)
    ids = dict.fromkeys(asset for hit in answer.hits for asset in (hit.asset, *hit.folded))
    ids |= dict.fromkeys(answer.answer_set.tables if answer.answer_set is not None else ())
    assets = reader.many(list(ids), query.scope)
    words = question_words(query.text, (*(one.read_as for one in answer.corrections), *answer.also_called))
    whole = (_whole(hit, assets, words) for hit in answer.hits)
    together = _shown_set(answer.answer_set, assets) if answer.answer_set is not None else None
    return WholeAnswer(answer, tuple(hit for hit in whole if hit is not None), together)


def _answered(query: SearchQuery, search: Search, vocabulary: Vocabulary | None) -> SearchAnswer:
    """The index's answer, with what people decided about the words as they were typed and as they were read."""
    if vocabulary is None or not query.text.strip():
        return search.search(query)
    query = replace(query, vocabulary=vocabulary.said(query.text, query.scope))
    answer = search.search(query)
    if not answer.corrections:
        return answer
    # what was meant is known once the index has been asked; it is asked again only where people said something of that
    meant = vocabulary.said(" ".join(one.read_as for one in answer.corrections), query.scope)
    more = tuple(one for one in meant if one not in query.vocabulary)
    return search.search(replace(query, vocabulary=(*query.vocabulary, *more))) if more else answer


def _shown_set(found: AnswerSet, assets: Mapping[AssetId, Asset]) -> WholeSet:
    tables = tuple(table for table in found.tables if table in assets)
    joins = tuple(join for join in found.joins if join.one in assets and join.other in assets)
    pieces = tuple(piece for whole in found.pieces if (piece := tuple(table for table in whole if table in assets)))
    return WholeSet(replace(found, tables=tables, joins=joins, pieces=pieces), {table: assets[table] for table in tables})


def _whole(hit: Hit, assets: Mapping[AssetId, Asset], words: Words) -> WholeHit | None:
    asset = assets.get(hit.asset)
    if asset is None:
        return None
    if hit.kind is not Kind.COLUMN:
        folded = tuple(assets[one] for one in hit.folded if one in assets)
        shown = replace(hit, folded=tuple(one.id for one in folded), n_folded=hit.n_folded - len(hit.folded) + len(folded))
        return WholeHit(shown, asset, None, folded, highlights(words, asset, None))
    column = next((column for column in asset.columns if asset.column_id(column.name) == hit.id), None)
    return None if column is None else WholeHit(hit, asset, column, (), highlights(words, asset, column))
