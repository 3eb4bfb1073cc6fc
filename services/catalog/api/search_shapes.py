"""The shapes of an answer to a question, for the API and the terminal, which needs no web framework for them.

Journey 2, the last step.
"""

from __future__ import annotations

from services.catalog.api.schemas import (
    CorrectionShape,
    HighlightShape,
    HitShape,
    ReasonShape,
    SearchShape,
    UnderstoodShape,
)
from services.catalog.api.search_jobs import job_hit_shape
from services.catalog.api.search_sets import answer_shape
from services.catalog.search import WholeAnswer, WholeHit
from services.common.model.conditions import told
from services.common.model.search import SearchQuery


def search_shape(query: SearchQuery, whole: WholeAnswer, query_id: str) -> SearchShape:
    """An answer as the API and `headwater search --json` show it."""
    found = whole.answer
    return SearchShape(
        query_id=query_id,
        understood=UnderstoodShape(
            words=query.text,
            where=told(query.where) if query.where is not None else None,
            corrections=[CorrectionShape(word=one.word, read_as=one.read_as) for one in found.corrections],
        ),
        mode=found.mode,
        degraded=list(found.degraded),
        answerable=found.answerable,
        generation=found.generation,
        coverage=found.coverage,
        total=found.total,
        hits=hit_shapes(whole),
        facets={field: dict(values) for field, values in found.facets.items()},
        cursor=found.cursor,
        answer=answer_shape(whole.together) if whole.together is not None else None,
    )


def hit_shapes(whole: WholeAnswer) -> list[HitShape]:
    """Datasets with the jobs around them; a job scores no less than what it stands before, and no more than what it stands behind."""
    scores = [hit.hit.score for hit in whole.hits]
    named = [job_hit_shape(hit, max((hit.score, *scores[:1]))) for hit in whole.named]
    others = [job_hit_shape(hit, min((hit.score, *scores[-1:]))) for hit in whole.jobs]
    return [*named, *map(_hit_shape, whole.hits), *others]


def _hit_shape(whole: WholeHit) -> HitShape:
    asset, column, hit = whole.asset, whole.column, whole.hit
    shown = column or asset
    return HitShape(
        id=hit.id,
        asset=asset.id,
        kind=hit.kind,
        name=column.name if column else asset.table,
        qualified_name=f"{asset.name.qualified}.{column.name}" if column else asset.name.qualified,
        namespace=asset.name.namespace,
        platform=asset.platform.name,
        source=asset.source,
        description=shown.description,
        tags=list(shown.tags),
        owners=list(asset.owners),
        status=shown.status,
        listed=asset.listed,
        score=hit.score,
        why=[ReasonShape(feature=r.feature, text=r.text, contribution=r.contribution) for r in hit.why],
        columns=list(hit.columns),
        folded=list(hit.folded),
        n_folded=hit.n_folded,
        highlights=[HighlightShape(field=h.field, text=h.text, start=h.start, end=h.end) for h in whole.highlights],
    )
