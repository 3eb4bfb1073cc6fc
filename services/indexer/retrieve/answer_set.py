"""The small set of tables that answers a question together: chosen one by one, by the chance that each belongs.

Journey 2, for `answer=tables`: ranked hits → pool → chosen → joins → what is missing. Not a fixed number: the set grows as
long as its expected F1 does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.model.search import AnswerSet, Join
from services.indexer.retrieve.answer_features import FEATURES, Evidence
from services.indexer.retrieve.answer_joins import WORTH_TELLING, confidence, declared_join, guessed_join, trees
from services.indexer.retrieve.answer_pool import Pool, pool_of
from services.indexer.retrieve.answer_weights import BIAS, WEIGHTS
from services.indexer.retrieve.found import Found
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.question import Question
from services.indexer.retrieve.view import View
from services.indexer.text.tokens import content_words

LARGEST = 6
"""Tables in a set at most: 99 % of the gold sets of the open pools that are not ontologies have no more."""
REST = 8
"""Of the tables outside the set, so many of the likeliest count in what the set misses."""
MAX_WORDS = 40
"""Words of a question that are looked at."""
Chance = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Features in, float64 (n, len(FEATURES)); the chance of each table to belong out, float64 (n,)."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Positions in the pool, in the order they were chosen, and the expected F1 of them as a set."""

    positions: tuple[int, ...]
    expected_f1: float


def answer_set(view: View, question: Question, found: Found) -> AnswerSet:
    """The answer set of a question whose hits are ranked; empty where it has none.

    Args:
        view: what is seen.
        question: what is asked.
        found: the ranked hits, tables only.

    """
    terms = tuple(dict.fromkeys(content_words(question.read)))[:MAX_WORDS]
    hits = found.order
    pool = pool_of(view, terms, match_tables(view, terms), question.vector, found.tables[hits], found.scores[hits])
    if not len(pool):
        return AnswerSet()
    chosen = choose(Evidence(pool))
    tables = tuple(pool.records[at].id for at in chosen.positions)
    joins, pieces = trees(tables, possible_joins(view, pool, chosen.positions))
    covered = set(np.flatnonzero(pool.covers[list(chosen.positions)].any(axis=0)).tolist())
    uncovered = _unread(view, question, [term for at, term in enumerate(terms) if at not in covered], pool, chosen)
    return AnswerSet(tables, joins, uncovered, pieces, round(chosen.expected_f1, 4))


def _unread(view: View, question: Question, terms: list[str], pool: Pool, chosen: Chosen) -> tuple[str, ...]:
    """Those of some words that the chosen tables have in no form: not in short, and not by what they are also called.

    Which tables are chosen does not depend on it: counted as covered, such words changed no F1 of the open pools by .003.
    """
    matches = match_tables(view, terms, question.alternatives) if terms else None
    said = [matches.said(int(pool.tables[at])) for at in chosen.positions] if matches is not None else []
    return tuple(term for term in terms if not any(term in one for one in said))


def chance(features: NDArray[np.float64], weights: Mapping[str, float] = WEIGHTS, bias: float = BIAS) -> NDArray[np.float64]:
    """The chance of each table to belong to the set, by a logistic of its features."""
    total = bias + features @ np.asarray([weights[name] for name in FEATURES])
    # rounded, so that the last bits of a sum cannot turn a choice that order should decide
    return np.asarray(np.round(1.0 / (1.0 + np.exp(-np.clip(total, -30.0, 30.0))), 9))


def choose(evidence: Evidence, chance_of: Chance = chance) -> Chosen:
    """The set with the highest expected F1 among those that grow by the likeliest table at each step.

    The best hit is always in it. Expected F1 is `2 E[hits] / (size + E[relevant])`, with E[relevant] the chances of the
    chosen when they were chosen, and of the `REST` likeliest others.
    """
    n = len(evidence.pool)
    chosen: list[int] = [0]
    certain = float(chance_of(evidence.features([]))[0])
    best = Chosen((), -1.0)
    while True:
        chances = chance_of(evidence.features(chosen))
        chances[chosen] = 0.0
        relevant = max(certain + float(np.sort(chances)[::-1][:REST].sum()), 1.0)
        expected = 2.0 * certain / (len(chosen) + relevant)
        if expected > best.expected_f1:
            best = Chosen(tuple(chosen), expected)
        if len(chosen) >= min(LARGEST, n):
            return best
        following = int(np.argmax(chances))
        certain += float(chances[following])
        chosen.append(following)


def possible_joins(view: View, pool: Pool, positions: tuple[int, ...]) -> list[Join]:
    """Every join among some tables of a pool: declared keys, and guesses that are worth telling."""
    out = []
    near = view.joins.among(pool.tables[list(positions)])
    for edge in sorted(set(near.edge.tolist())):
        one, other = view.record(int(view.joins.source[edge])), view.record(int(view.joins.target[edge]))
        out.append(declared_join(one, one.foreign_keys[int(view.joins.nth[edge])], other))
    homes = {(record.source, record.parts[:-1]) for record in pool.records}
    for (first, second), guess in pool.guesses.items():
        if first in positions and second in positions:
            one, other = pool.records[first], pool.records[second]
            sure = confidence(guess, one, other, several_homes=len(homes) > 1)
            if sure >= WORTH_TELLING:
                out.append(guessed_join(one, guess, other, sure))
    return out
