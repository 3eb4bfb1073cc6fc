"""Jobs among the hits of a question: before datasets where the question names one, else behind them, on pages that go on.

Journey 2, beside `search`: datasets come from the index, jobs from the lineage service, each inside the caller's scope. A cursor holds
both places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.catalog.assets import AssetReader
from services.catalog.search import WholeAnswer, check_asked, find
from services.catalog.vocabulary import Vocabulary
from services.common.errors import ServiceUnavailable
from services.common.model.assets import Kind
from services.common.model.conditions import AllOf, AnyOf, Condition, Having, Subject
from services.common.model.job_search import JOB_FIELDS, JobAnswer, JobQuery
from services.common.model.search import Filters, SearchAnswer, SearchQuery
from services.common.ports import LineageEvents, Search
from services.common.runtime.cursors import OF_ANOTHER, cursor_of, refused, values_of

JOBS_MISSING = "jobs_missing"
"""In `degraded`: jobs are neither among the hits nor counted, because the lineage service does not answer; or jobs were asked for by
kind, and a bundle holds none."""
_PREFIX = "jobs."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: the index's cursor (None: its beginning), whether it has no more, and how many jobs were shown."""

    index: str | None = None
    done: bool = False
    jobs: int = 0


def find_with_jobs(
    query: SearchQuery, search: Search, reader: AssetReader, vocabulary: Vocabulary | None, events: LineageEvents | None
) -> WholeAnswer:
    """As `search.find`, with the jobs that the filters allow.

    Raises:
        BadRequest: there is neither a word nor a filter, or the cursor is not one that an answer gave.
        ServiceUnavailable: the indexer does not answer; or the lineage service, where only jobs are asked for.

    """
    check_asked(query)
    if events is None or not _allows_jobs(query.filters):
        whole = find(query, search, reader, vocabulary)
        # where the filters allow no job none is missing
        return _without_jobs(whole) if _allows_jobs(query.filters) and _asks_for_jobs(query) else whole
    place = _read(query)
    try:
        jobs = events.find_jobs(JobQuery(query.text, query.scope, query.where, place.jobs, query.limit))
    except ServiceUnavailable:
        if set(query.filters.kind) == {Kind.JOB} or place.done:
            raise
        whole = find(replace(query, cursor=place.index), search, reader, vocabulary)
        answer = whole.answer
        # the next page, where it answers again, shows no job that an earlier one has shown
        cursor = answer.cursor and _write(query, replace(place, index=answer.cursor))
        return _without_jobs(replace(whole, answer=replace(answer, cursor=cursor)))
    return _page(query, place, jobs, search, reader, vocabulary)


def _page(
    query: SearchQuery,
    place: _Place,
    jobs: JobAnswer,
    search: Search,
    reader: AssetReader,
    vocabulary: Vocabulary | None,
) -> WholeAnswer:
    """Named jobs, then datasets, then the other jobs, as far as the page has room."""
    named = 0 if place.done else min(max(jobs.n_named - place.jobs, 0), query.limit)
    room = 0 if place.done else query.limit - named
    # the index is asked in any case: totals and facets are of all that fits
    asked = replace(query, limit=max(room, 1), cursor=place.index if room else None)
    whole = find(asked, search, reader, vocabulary)
    answer = whole.answer
    # what has no room on this page begins the next one
    done = place.done or (not answer.hits if not room else answer.cursor is None)
    left = query.limit - named - (len(answer.hits) if room else 0)
    more = jobs.hits[named : named + left] if done else ()
    shown = place.jobs + named + len(more)
    cursor = answer.cursor if room else None
    if jobs.total:
        cursor = None if done and shown >= jobs.total else _write(query, _Place(cursor, done, shown))
    total = replace(
        answer,
        hits=answer.hits if room else (),
        total=answer.total + jobs.total,
        facets=_facets(answer, jobs.total),
        cursor=cursor,
        answerable=_answerable(query, answer, jobs),
    )
    return replace(
        whole,
        answer=total,
        hits=whole.hits if room else (),
        named=jobs.hits[:named],
        jobs=more,
        n_named=jobs.n_named,
    )


def _answerable(query: SearchQuery, answer: SearchAnswer, jobs: JobAnswer) -> float:
    """1 where the question names a job; where no dataset fits, how much of the question the best job has."""
    if jobs.n_named:
        return 1.0
    if answer.total or not jobs.total:
        return answer.answerable
    return jobs.best if query.text.strip() else 1.0


def _without_jobs(whole: WholeAnswer) -> WholeAnswer:
    return replace(whole, answer=replace(whole.answer, degraded=(*whole.answer.degraded, JOBS_MISSING)))


def _asks_for_jobs(query: SearchQuery) -> bool:
    """Whether the kind is named: of what nobody asked for nothing is missing."""
    return Kind.JOB in query.filters.kind or (query.where is not None and _names_jobs(query.where))


def _names_jobs(condition: Condition) -> bool:
    match condition:
        case AllOf(all_of=parts) | AnyOf(any_of=parts):
            return any(map(_names_jobs, parts))
        case Having(subject=Subject.KIND, values=values):
            return Kind.JOB.value in map(str.lower, values)
        case _:
            return False


def _allows_jobs(filters: Filters) -> bool:
    """Whether a job can pass: it has none of the fields that are not in `JOB_FIELDS`."""
    kinds, platforms, sources = filters.kind, filters.platform, filters.source
    others = (filters.database, filters.schema, filters.tag, filters.owner, filters.status, filters.quality)
    own = (
        (not kinds or Kind.JOB in kinds),
        (not platforms or JOB_FIELDS["platform"] in map(str.lower, platforms)),
        (not sources or JOB_FIELDS["source"] in map(str.lower, sources)),
    )
    return all(own) and not any(others)


def _facets(answer: SearchAnswer, jobs: int) -> Mapping[str, Mapping[str, int]]:
    if not jobs:
        return answer.facets
    out = dict(answer.facets)
    for name, value in JOB_FIELDS.items():
        counts = dict(out.get(name, {}))
        counts[value] = counts.get(value, 0) + jobs
        out[name] = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return {**{name: out[name] for name in JOB_FIELDS}, **out}


def _write(query: SearchQuery, place: _Place) -> str:
    return _PREFIX + cursor_of(place.index, place.done, place.jobs, query.digest)


def _read(query: SearchQuery) -> _Place:
    """Where the cursor points; one of the index alone goes on there: there were no jobs when it was given."""
    if query.cursor is None or not query.cursor.startswith(_PREFIX):
        return _Place(query.cursor)
    index, done, jobs, digest = values_of(query.cursor.removeprefix(_PREFIX), str | None, bool, int, str)
    if digest != query.digest:
        raise refused(OF_ANOTHER)
    return _Place(index, done, jobs)
