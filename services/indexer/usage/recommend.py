"""A basket answered: candidates ranked by what speaks for them, likely copies kept from filling the list, each with reasons.

Journey 2, "used together". Pure: a reading, weights and a basket in, items out; `service` keeps readings.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.common.model.names import AssetId
from services.common.model.related import Basis, RelatedItem
from services.common.model.search import Reason
from services.indexer.usage.features import FEATURES, features
from services.indexer.usage.joins import joins_between
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Floats, Ints
from services.indexer.usage.weights import TRUTH, Model, evidence, probabilities

DIVERSITY = 1.0
"""What a candidate loses for each half of likeness in name, above one half, to one that stands before it. On the time split
of bigquery-etl 1.0 found most (`bench/usage.py`); it keeps versions and copies of one table from filling a list."""
COPY = 2.0
"""And for each other version of it in its schema that stands before it."""
LOOKED_AT = 50
CHOSEN = 20
"""Of so many of the best so many are chosen one after the other; the others follow as they are."""
OBSERVED = frozenset(("share", "lift", "basket", "often"))
_TEXTS = {
    "text": "its description and columns read alike",
    "text_best": "its description and columns read alike",
    "name": "its name is like theirs",
    "home": "it stands in a place of like name",
    "whole_name": "its full name is like theirs",
    "columns": "it has columns of the same names",
    "schema": "it is in the same schema",
    "small_schema": "it is in the same schema",
    "schemas": "tables of these schemas are used together",
    "step": "tables whose names differ in the same way are used together",
    "step_home": "tables whose schemas differ in the same way are used together",
    "step_both": "tables whose names and schemas differ in the same way are used together",
    "subject": "it is another layer of the same subject",
    "stem": "it is called the same elsewhere",
    "lineage": "one is made from the other",
    "siblings": "they are made from the same tables",
    "alias": "it, or a table that it stands for, is used with them or theirs",
    "like": "tables like them are used with it",
    "home_company": "other tables of their subject are used with it",
    "mixes": "it is used with many tables",
    "popular": "it is read often",
    "recent": "it was read lately",
    "fresh": "it was written lately",
    "latest": "it is the latest version",
    "unqueried": "nobody has queried it in the log, as most new tables",
    "statements": "queries that read nearly the same tables read it",
    "statement": "queries that read nearly the same tables read it",
    "company": "tables like them are used with it",
    "like_company": "tables like them are used with tables of like name",
    "turned": "tables whose names differ in much the same way are used together",
    "turned_best": "tables whose names differ in much the same way are used together",
    "new_both": "nobody has queried either in the log",
    "key": "a declared key joins them",
    "name_best": "its name is like theirs",
    "text_rank": "its description and columns read alike",
    "name_rank": "its name is like theirs",
}
_PLACES = frozenset(("home", "schema", "small_schema", "schemas", "subject", "step_home"))
MOST_REASONS = 3
_QUIET = frozenset(("latest", "unqueried", "mixes", "popular", "recent", "fresh", "new_both"))
"""Features that hold for a table whatever the basket is: told only where nothing else is."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """All candidates of a basket, best first: rows of `known`, scores, probabilities, what each feature added, and `evidence`."""

    rows: Ints
    scores: Floats
    probabilities: Floats
    parts: Floats
    evidence: Floats


def rank(reading: Reading, basket: Ints, model: Model, *, spread: bool = True, keep: bool = False) -> Ranked:
    """Rank everything that may go with a basket; an empty basket ranks nothing.

    Args:
        reading: what the caller sees.
        basket: rows of `known`, each once, all shown.
        model: what each feature weighs, and how likely that makes it.
        spread: whether likely copies give way to others.
        keep: whether tables of the basket are ranked too.

    """
    none = np.zeros(0, dtype=np.int64)
    candidates = reading.candidates(basket) if len(basket) else none
    if not keep:
        candidates = np.setdiff1d(candidates, basket, assume_unique=True)
    if not len(candidates):
        return Ranked(none, np.zeros(0), np.zeros(0), np.zeros((0, len(FEATURES))), np.zeros((0, len(TRUTH))))
    parts = features(reading, basket, candidates) * model.weights
    scores = np.round(parts.sum(axis=1), 6)
    order = np.lexsort((candidates, -scores))  # rows are in order of id
    if spread:
        order = np.concatenate(
            [_spread(reading, candidates[order[:LOOKED_AT]], scores[order[:LOOKED_AT]], order), order[LOOKED_AT:]]
        )
    observed = reading.counts.together.spread(basket, np.ones(len(basket)))[candidates] > 0
    found = evidence(scores, order, observed)
    return Ranked(candidates[order], scores[order], probabilities(found, model.truth), parts[order], found)


def _spread(reading: Reading, best: Ints, scores: Floats, order: Ints) -> Ints:
    """The places in `order` of the best, the first `CHOSEN` for what is left of their scores beside those before them."""
    alike = 2 * np.round(np.maximum(0.5 * (reading.words.among(best) + reading.home.among(best)) - 0.5, 0.0), 3)
    stem, schema = reading.known.stem[best], reading.known.schema[best]
    same = (stem[:, None] == stem[None]) & (schema[:, None] == schema[None])
    loss, copies = np.zeros((2, len(best)))
    left, chosen = np.ones(len(best), dtype=np.bool_), []
    for _ in range(min(CHOSEN, len(best))):
        at = int(np.argmax(np.where(left, scores - DIVERSITY * loss - COPY * copies, -np.inf)))
        left[at] = False
        chosen.append(at)
        loss = np.maximum(loss, alike[at])
        copies += same[at]
    found: Ints = order[np.concatenate([np.asarray(chosen, dtype=np.int64), np.flatnonzero(left)])]
    return found


def items(reading: Reading, basket: Ints, ranked: Ranked, limit: int) -> list[RelatedItem]:
    """The first items of a ranking with their reasons and the columns to join on."""
    seen = set(np.flatnonzero(reading.counts.together.spread(basket, np.ones(len(basket)))).tolist())
    out = []
    for place, row in enumerate(ranked.rows[:limit].tolist()):
        observed = row in seen
        together = Together.of(reading, basket, row) if observed else Together()
        out.append(
            RelatedItem(
                asset=reading.known.ids[row],
                name=reading.known.names[row],
                listed=bool(reading.known.listed[row]),
                score=float(ranked.scores[place]),
                basis=Basis.OBSERVED if observed else Basis.INFERRED,
                probability=round(float(ranked.probabilities[place]), 4),
                why=_reasons(ranked.parts[place], together),
                join_on=joins_between(reading, basket, row, together.statements),
                queries=len(together.statements),
                people=together.people,
                last=dt.date.fromordinal(together.last) if together.last else None,
            )
        )
    return out


@dataclass(frozen=True, slots=True)
class Together:
    """The statements that read a table with one of a basket: their numbers, how many people and programs ran them, the last day."""

    statements: tuple[int, ...] = ()
    people: int = 0
    programs: int = 0
    last: int = 0

    @classmethod
    def of(cls, reading: Reading, basket: Ints, row: int) -> Together:
        """Count them."""
        counts = reading.counts
        if counts.min_people > 1:  # of those of the basket that too few people use with it nothing is told
            basket = np.intersect1d(basket, counts.together.row(row)[0])
        mine, _ = counts.statements_of.row(row)
        theirs = np.unique(counts.statements_of.index[counts.statements_of.places(basket)[0]])
        both = np.intersect1d(mine, theirs, assume_unique=True).tolist()
        users = {user for at in both for user in counts.statements[at].users}
        programs = {user for at in both for user in counts.statements[at].programs}
        last = max((counts.statements[at].last for at in both), default=0)
        return cls(tuple(both), len(users), len(programs), last)

    def told(self) -> str:
        """In words."""
        many = len(self.statements)
        people = [f"{self.people} {'person' if self.people == 1 else 'people'}"] if self.people else []
        programs = [f"{self.programs} program{'' if self.programs == 1 else 's'}"] if self.programs else []
        who = f" by {' and '.join((*people, *programs))}" if people or programs else ""
        last = f", last on {dt.date.fromordinal(self.last).isoformat()}" if self.last else ""
        return f"used together in {many} {'query' if many == 1 else 'queries'}{who}{last}"


def _reasons(parts: Floats, together: Together) -> tuple[Reason, ...]:
    out, seen = [], set()
    if together.statements:
        worth = sum(float(parts[FEATURES.index(name)]) for name in OBSERVED)
        out.append(Reason("together", together.told(), round(worth, 4)))
    telling = [at for at in np.argsort(-parts, kind="stable").tolist() if parts[at] > 0 and FEATURES[at] in _TEXTS]
    telling.sort(key=lambda at: FEATURES[at] in _QUIET)
    same_schema = parts[FEATURES.index("schema")] > 0
    for at in telling:
        # where the schema is the same, it goes without saying that its name and its subject are
        text = _TEXTS["schema"] if same_schema and FEATURES[at] in _PLACES else _TEXTS[FEATURES[at]]
        if text not in seen and len(out) < MOST_REASONS:
            seen.add(text)
            out.append(Reason(FEATURES[at], text, round(float(parts[at]), 4)))
    return tuple(out)


def rows_of(reading: Reading, assets: Sequence[AssetId]) -> Ints:
    """The rows of those of some tables that are known and shown, ascending, each once."""
    row = reading.known.row
    found = {at for asset in assets if (at := row.get(asset)) is not None and reading.shown[at]}
    return np.asarray(sorted(found), dtype=np.int64)
