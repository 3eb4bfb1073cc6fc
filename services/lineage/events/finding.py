"""Jobs found by the words of their names, inside a scope: the lineage service's part of a question.

Journey 2, beside the index. What a scope hides of jobs is left out before anything is counted, by the rule of `reading`; descriptions,
which only full scopes are shown, are not searched, so that everybody's order is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select, true

from services.common.model.conditions import AllOf, AnyOf, Condition, Having, Not, Saying, Subject, Updated, fitting
from services.common.model.events import JobId
from services.common.model.job_search import JOB_FIELDS, JobAnswer, JobHit, JobQuery
from services.common.model.sentence_words import SENTENCE_WORDS
from services.common.model.words import places
from services.lineage.events import reading
from services.lineage.store.event_tables import job
from services.lineage.store.lookup import beyond_ascii

MAX_WORDS = 64
"""Words of a question that are looked for, as in the index."""
_MIN_WITHIN = 3
"""Inside of a word of a name another one is found from this length on."""
_LEAST_OF_PART = 2
"""Words: a question of no more is a name only where it is all of it; `load orders` is part of the names of many."""
_ANY = select(job.c.id).limit(1)
"""Whether there is a job at all: many catalogs are told no events, and every question asks."""


class _Match(NamedTuple):
    """A job that fits, in its place among others: named, best, shortest first."""

    unnamed: bool
    minus_score: float
    n_words: int
    sort_key: str
    id: JobId
    met: tuple[str, ...]


def find_jobs(connection: Connection, query: JobQuery) -> JobAnswer:
    """The jobs that a question finds.

    Raises:
        BadRequest: `limit` or `offset` is out of its bounds.

    """
    reading.check_bounds(query.limit, query.offset)
    if connection.execute(_ANY).first() is None:
        return JobAnswer((), 0)
    words = _words(query.text)
    columns = select(job.c.id, job.c.namespace, job.c.name, job.c.sort_key)
    rows = connection.execute(columns.where(_maybe(connection, words, query.text))).all()
    if not rows:
        return JobAnswer((), 0)
    fitting_rows = (_match(row, words, query.text) for row in rows if query.where is None or _fulfils(row, query.where))
    matches = [match for match in fitting_rows if match is not None]
    shown = reading.shown(connection, [match.id for match in matches], query.scope)
    kept = sorted(match for match in matches if match.id in shown)
    page = kept[query.offset : query.offset + query.limit]
    jobs = {one.id: one for one in reading.jobs_of(connection, [match.id for match in page], query.scope)}
    hits = [JobHit(jobs[m.id], -m.minus_score, m.met, not m.unnamed) for m in page if m.id in jobs]
    best = max((-match.minus_score for match in kept), default=0.0)
    return JobAnswer(tuple(hits), len(kept), sum(not match.unnamed for match in kept), best)


def _words(text: str) -> tuple[str, ...]:
    """What is looked for: the words that are not only a sentence's, or all where there are no others."""
    found = tuple(dict.fromkeys(place.word for place in places(text)))
    return (tuple(word for word in found if word not in SENTENCE_WORDS) or found)[:MAX_WORDS]


def _maybe(connection: Connection, words: Sequence[str], text: str) -> ColumnElement[bool]:
    """Which rows are worth a look; for a text without words all or none."""
    if not words:
        return true() if not text.strip() else ~true()
    name = func.lower(job.c.name)
    # a name has the beginning of a word's plural: that of `delivery` ends in `ies`
    begins = {word[:-1] if word.endswith("y") and len(word) > 1 else word for word in words if word.isascii()}
    return or_(beyond_ascii(connection, job.c.name), *(name.contains(one, autoescape=True) for one in sorted(begins)))


def _match(row: Any, words: Sequence[str], text: str) -> _Match | None:
    said = [place.word for place in places(row.name)]
    whole = row.name.lower()
    own = frozenset(said)
    met = tuple(word for word in words if word in own or (len(word) >= _MIN_WITHIN and word in whole))
    if words and not met:
        return None
    score = sum(1.0 if word in own else 0.5 for word in met) / max(1, len(words))
    asked = text.strip().lower()
    named = bool(asked) and (asked in (whole, f"{row.namespace}.{row.name}".lower()) or _is_nearly(text, said))
    return _Match(
        not named, -(1.0 if named else round(score, 6)), len(said) if words else 0, row.sort_key, JobId(row.id), met
    )


def _is_nearly(text: str, said: Sequence[str]) -> bool:
    """Whether a question is a job's name in another spelling (`load orders`), or all of it but its first or its last word."""
    wanted = [place.word for place in places(text)]
    near = 0 <= len(said) - len(wanted) <= (1 if len(wanted) > _LEAST_OF_PART else 0)
    return len(wanted) > 1 and near and wanted in (list(said[: len(wanted)]), list(said[-len(wanted) :]))


def _fulfils(row: Any, condition: Condition) -> bool:
    """Whether a job fulfils a condition: it has a name and `JOB_FIELDS`, no columns, and nobody says when it was changed."""
    match condition:
        case Not(inner):
            return not _fulfils(row, inner)
        case AllOf() | AnyOf():
            joined, of = (all, condition.all_of) if isinstance(condition, AllOf) else (any, condition.any_of)
            return joined(_fulfils(row, one) for one in of)
        case Having():
            return _has(row, condition)
        case Saying(text, phrase):
            return _says([place.word for place in places(row.name)], [place.word for place in places(text)], phrase=phrase)
        case Updated():
            return False


def _says(said: list[str], wanted: list[str], *, phrase: bool) -> bool:
    if not phrase:
        return bool(wanted) and set(wanted) <= set(said)
    return bool(wanted) and any(said[at : at + len(wanted)] == wanted for at in range(len(said)))


def _has(row: Any, condition: Having) -> bool:
    fits = fitting(condition.values)
    if condition.subject is not Subject.NAME:
        own = JOB_FIELDS.get(condition.subject.value)
        return own is not None and fits(own)
    pieces, lengths = row.name.lower().split("."), {value.count(".") + 1 for value in condition.values}
    return any(fits(".".join(pieces[-n:])) for n in lengths if n <= len(pieces))
