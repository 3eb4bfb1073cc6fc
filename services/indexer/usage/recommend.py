"""A basket answered: candidates ranked by what speaks for them, likely copies kept from filling the list, each with reasons.

Journey 2, "used together". Pure: a reading, weights and a basket in, items out; `service` keeps readings.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.common.model.related import Basis, RelatedItem
from services.indexer.index.distinct import distinct
from services.indexer.usage.features import FEATURES, features
from services.indexer.usage.joins import joins_between
from services.indexer.usage.reading import Reading
from services.indexer.usage.reasons import Together, holds, reasons
from services.indexer.usage.sparse import Floats, Ints
from services.indexer.usage.weights import TRUTH, Model, evidence, probabilities

DIVERSITY = 1.0
"""What a candidate loses for each half of likeness in name, above one half, to one that stands before it. On the time split
of bigquery-etl 1.0 found most (`bench/usage.py`); it keeps versions and copies of one table from filling a list."""
COPY = 2.0
"""And for each other version of it in its schema that stands before it."""
MUCH = 0.3
"""A table that more of all executions read does not stand before a partner that goes with the basket more than by chance."""
MANY_TABLES = 100
"""Of fewer tables the one that most queries read is what people look for: on JOB, TPC-DS and Stack Exchange it is right most often."""
LOOKED_AT = 50
CHOSEN = 20
"""Of so many of the best so many are chosen one after the other; the others follow as they are."""


@dataclass(frozen=True, eq=False)
class Ranked:
    """All candidates of a basket, best first: rows of `known`, scores, probabilities, features, what each added, and `evidence`."""

    rows: Ints
    scores: Floats
    probabilities: Floats
    values: Floats
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
        candidates = candidates[~_in(candidates, basket)]
    if not len(candidates):
        nothing = np.zeros((0, len(FEATURES)))
        return Ranked(none, np.zeros(0), np.zeros(0), nothing, nothing, np.zeros((0, len(TRUTH))))
    values = features(reading, basket, candidates)
    parts = values * model.weights
    scores = np.round(parts.sum(axis=1), 6)
    order = np.lexsort((candidates, -scores))  # rows are in order of id
    if spread:
        order = np.concatenate(
            [_spread(reading, candidates[order[:LOOKED_AT]], scores[order[:LOOKED_AT]], order), order[LOOKED_AT:]]
        )
    observed = _in(candidates, reading.counts.together.spread_thin(basket, np.ones(len(basket)))[0])
    order = _led(reading, basket, candidates, order, observed)
    found = evidence(scores, values, order, observed)
    return Ranked(candidates[order], scores[order], probabilities(found, model.truth), values[order], parts[order], found)


def _in(rows: Ints, some: Ints) -> NDArray[np.bool_]:
    """Which of some rows, ascending, are among others, ascending too."""
    found = np.zeros(len(rows) + 1, dtype=np.bool_)
    if not len(rows):
        return found[:-1]
    at = np.searchsorted(rows, some)
    found[at[rows[np.minimum(at, len(rows) - 1)] == some]] = True
    return found[:-1]


def _led(reading: Reading, basket: Ints, candidates: Ints, order: Ints, observed: NDArray[np.bool_]) -> Ints:
    """The same order, but where a table that nearly everything reads is first, the best partner with more lift stands before it."""
    counts, first = reading.counts, candidates[order[0]]
    if reading.n_shown <= MANY_TABLES or counts.executed[first] <= MUCH * counts.n_executions:
        return order
    statements = distinct([counts.statements_of.index[counts.statements_of.places(basket)[0]]])
    together = counts.reads.spread(statements, counts.executions[statements])
    lift = together[candidates] / np.maximum(counts.executed[candidates], 1.0)
    closer = np.flatnonzero((observed & (lift > lift[order[0]]))[order])
    return np.concatenate([order[closer[:1]], np.delete(order, closer[:1])])


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
    seen = set(reading.counts.together.spread_thin(basket, np.ones(len(basket)))[0].tolist())
    out = []
    for place, row in enumerate(ranked.rows[:limit].tolist()):
        observed = row in seen
        together = Together.of(reading, basket, row) if observed else Together()
        joins = joins_between(reading, basket, row, together.statements)
        holding = holds(reading, basket, row, ranked.values[place])
        out.append(
            RelatedItem(
                asset=reading.known.ids[row],
                name=reading.known.names[row],
                listed=bool(reading.known.listed[row]),
                score=float(ranked.scores[place]),
                basis=Basis.OBSERVED if observed else Basis.INFERRED,
                probability=round(float(ranked.probabilities[place]), 4),
                why=reasons(ranked.parts[place], holding, together, joins),
                join_on=joins,
                queries=len(together.statements),
                people=together.people,
                last=dt.date.fromordinal(together.last) if together.last else None,
            )
        )
    return out


def rows_of(reading: Reading, assets: Sequence[AssetId]) -> Ints:
    """The rows of those of some tables that are known and shown, ascending, each once."""
    row = reading.known.row
    found = {at for asset in assets if (at := row.get(asset)) is not None and reading.shown[at]}
    return np.asarray(sorted(found), dtype=np.int64)
