"""A job as a hit, as the API, the command and the portal show it. Journey 2, the last step."""

from __future__ import annotations

from services.catalog.api.schemas import HighlightShape, HitShape, ReasonShape
from services.catalog.highlights import Words, marked_name
from services.common.model.assets import Kind
from services.common.model.job_search import JOB_FIELDS, JobHit
from services.common.model.words import places


def job_hit_shape(hit: JobHit, score: float) -> HitShape:
    """A job; `id` and `asset` are both its own, for `GET /jobs/{id}`."""
    job = hit.job
    whole = {place.word for place in places(job.name)} <= set(hit.met) or not hit.met
    text = f"this is {'' if whole else 'nearly '}its name" if hit.named else f"its name has: {', '.join(hit.met)}"
    feature = "full_name" if hit.named else "words"
    return HitShape(
        id=job.id,
        asset=job.id,
        kind=Kind.JOB,
        name=job.name,
        qualified_name=f"{job.namespace}.{job.name}",
        namespace=job.namespace,
        platform=JOB_FIELDS["platform"],
        source=JOB_FIELDS["source"],
        description=job.description,
        tags=[],
        owners=[],
        status=None,
        listed=True,
        score=score,
        why=[ReasonShape(feature=feature, text=text, contribution=score)] if hit.met or hit.named else [],
        columns=[],
        folded=[],
        n_folded=0,
        highlights=[
            HighlightShape(field=one.field, text=one.text, start=one.start, end=one.end)
            for one in marked_name(Words(frozenset(hit.met)), job.name)
        ],
    )
