"""Why a table goes with a basket, in words: each reason only where it is true, those that added most first.

Journey 2, "used together", the last step. A feature may add to a score where what it is called does not hold: a rank among others
unlike them all, or "nobody has queried it" where nobody's queries were read. What is told is told of the feature's value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.common.model.search import Evidence, Join, Reason
from services.indexer.index.distinct import distinct
from services.indexer.usage.features import FEATURES
from services.indexer.usage.reading import Reading
from services.indexer.usage.sparse import Floats, Ints

TEXT_ALIKE = 0.5
"""Texts whose vectors' cosine is less do not read alike."""
NAME_ALIKE = 0.3
"""Names that share less of their words' worth (a cosine) are not alike."""
COLUMNS_ALIKE = 0.2
"""As much of their columns' worth two tables share: an `id` that every table has is less."""
OFTEN, MANY = 10, 5
"""Queries that are often, and tables that are many."""
LATELY = 0.5
"""Of `Counts.last_read`: a later half."""
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
    "mixes_schemas": "it is used with tables of many schemas",
    "text_new": "its description and columns read alike",
    "text_best_new": "its description and columns read alike",
    "name_rank_new": "its name is like theirs",
    "name_rank_alike": "its full name is like theirs",
}
_OBSERVED = ("share", "lift", "basket", "often")
_PLACES = frozenset(("home", "schema", "small_schema", "schemas", "subject", "step_home"))
MOST_REASONS = 3
_QUIET = frozenset(("latest", "unqueried", "mixes", "mixes_schemas", "popular", "recent", "fresh", "new_both"))
"""Features that hold for a table whatever the basket is: told only where nothing else is."""
LITTLE = "little speaks for it"
"""Told where nothing else is true: its score is made of weak likeness alone."""
_TEXT = frozenset(("text", "text_best", "text_rank", "text_new", "text_best_new"))
_NAME = frozenset(("name", "name_best", "name_rank", "name_rank_new"))
_FULL_NAME = frozenset(("whole_name", "name_rank_alike"))
_LEAST = {
    "home": NAME_ALIKE,
    "columns": COLUMNS_ALIKE,
    "popular": np.log1p(OFTEN) / 5.0,
    "mixes": np.log1p(MANY) / 5.0,
    "mixes_schemas": np.log1p(MANY) / 3.0,
    "recent": LATELY,
    "fresh": LATELY,
    "new_both": 1.0,
}
"""The least value, as `features` scales it, of those that are not true of any value at all."""


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
        theirs = distinct([counts.statements_of.index[counts.statements_of.places(basket)[0]]])
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


def holds(reading: Reading, basket: Ints, row: int, values: Floats) -> frozenset[str]:
    """The features of a candidate whose texts are true of it.

    Args:
        reading: what the caller sees; no reason rests on anything else.
        basket: rows of `known`.
        row: the candidate's.
        values: its features, float64 (features,).

    """
    value = dict(zip(FEATURES, values.tolist(), strict=True))
    true = {name for name, it in value.items() if it > 0 and name in _TEXTS and it >= _LEAST.get(name, 0.0)}
    name_alike = value["name_best"] >= NAME_ALIKE
    if value["text_best"] < TEXT_ALIKE:
        true -= _TEXT
    if not name_alike:
        true -= _NAME
    if not name_alike or value["schema"] > 0:  # in one schema the full name says no more than the name
        true -= _FULL_NAME
    if not reading.has_earlier[row]:
        true.discard("latest")
    if not _has_log(reading, row):
        true -= {"unqueried", "new_both"}
    if not all(_has_log(reading, one) for one in basket.tolist()):
        true.discard("new_both")
    return frozenset(true)


def _has_log(reading: Reading, row: int) -> bool:
    """Whether queries of a table's source were read, as far as the caller may know: only then is it news that none reads it."""
    return reading.known.names[row].namespace in reading.logged


def reasons(parts: Floats, true: frozenset[str], together: Together, joins: Sequence[Join]) -> tuple[Reason, ...]:
    """Why: that queries use both, what joins them, then what is true and added most; `MOST_REASONS` in all.

    Args:
        parts: what each feature added, float64 (features,).
        true: from `holds`.
        together: the queries that use both.
        joins: of the basket with it, the surest first.

    """
    out, seen = [], set()
    if together.statements:
        worth = sum(float(parts[FEATURES.index(name)]) for name in _OBSERVED)
        out.append(Reason("together", together.told(), round(worth, 4)))
    if "key" in true or any(join.evidence is Evidence.DECLARED for join in joins):
        seen.add(_TEXTS["key"])
        out.append(Reason("key", _TEXTS["key"], round(float(parts[FEATURES.index("key")]), 4)))
    elif joins:
        # it adds nothing by itself: it is what the shown FROM clause rests on
        out.append(Reason("join", _join_told(joins[0]), 0.0))
    telling = [(name, part) for name, part in zip(FEATURES, parts.tolist(), strict=True) if part > 0 and name in true]
    telling.sort(key=lambda one: (one[0] in _QUIET, -one[1]))
    same_schema = "schema" in true
    for name, part in telling:
        # where the schema is the same, it goes without saying that its name and its subject are
        text = _TEXTS["schema"] if same_schema and name in _PLACES else _TEXTS[name]
        if text not in seen and len(out) < MOST_REASONS:
            seen.add(text)
            out.append(Reason(name, text, round(part, 4)))
    return tuple(out) or (Reason("little", LITTLE, 0.0),)


def _join_told(join: Join) -> str:
    return "queries join them" if join.evidence is Evidence.OBSERVED else "names and types suggest how to join them"
