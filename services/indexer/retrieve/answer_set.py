"""The small set of tables that answers a question together: the one with the highest expected F1.

Journey 2, for `answer=tables`: ranked hits → pool → chosen → joins → what is missing. Not a fixed number. Any of the first
hits may be the one that surely belongs, the anchor; what belongs beside it depends on which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.common.model.search import AnswerSet, Join
from services.indexer.retrieve.answer_features import FEATURES, Evidence
from services.indexer.retrieve.answer_joins import WORTH_TELLING, confidence, declared_join, guessed_join, trees
from services.indexer.retrieve.answer_pool import Pool, pool_of
from services.indexer.retrieve.answer_weights import BIAS, SHARPNESS, WEIGHTS
from services.indexer.retrieve.found import Found
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.question import Question
from services.indexer.retrieve.view import View
from services.indexer.text.tokens import content_words

LARGEST = 6
"""Tables in a set at most: 99 % of the gold sets of the open pools that are not ontologies have no more."""
MAX_WORDS = 40
"""Words of a question that are looked at."""


@dataclass(frozen=True)
class Model:
    """Which tables belong together, as two small models.

    Attributes:
        sharpness: how much likelier a hit is the anchor for each unit of score, as a logarithm.
        bias, weights: of the logistic that gives the chance of a table to belong where an anchor does, by feature.

    """

    sharpness: float = SHARPNESS
    bias: float = BIAS
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)

    def anchors(self, evidence: Evidence) -> NDArray[np.float64]:
        """The chance of each of the first hits to be the anchor, float64 (k,), adding up to 1."""
        heat = np.exp(self.sharpness * evidence.gaps[: len(evidence.features)])
        return np.asarray(heat / heat.sum())

    def belongs(self, evidence: Evidence) -> NDArray[np.float64]:
        """The chance of each table to belong beside each anchor, float64 (k, n); 1 of the anchor itself."""
        total = self.bias + evidence.features @ np.asarray([self.weights[name] for name in FEATURES])
        # rounded, so that the last bits of a sum cannot turn a choice that order should decide
        chances = np.round(1.0 / (1.0 + np.exp(-np.clip(total, -30.0, 30.0))), 9)
        np.fill_diagonal(chances, 1.0)
        return np.asarray(chances)


SHIPPED = Model()


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
    matches = match_tables(view, terms)
    pool = pool_of(view, terms, matches, question.vector, found.tables[hits], found.scores[hits], found.read)
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


def choose(evidence: Evidence, model: Model = SHIPPED) -> Chosen:
    """The set with the highest expected F1 among those that grow by the best table at each step.

    The best hit is always in it. Given the anchor, expected F1 is taken as `2 E[hits] / (size + E[relevant])`; the chances of
    the anchors weigh these. Where they are doubtful, a set with tables of several may be worth more than that of the likeliest.
    """
    chances, belongs = model.anchors(evidence), model.belongs(evidence)
    relevant, certain = belongs.sum(axis=1), np.zeros(len(chances))
    chosen: list[int] = []
    best = Chosen((), -1.0)
    for size in range(1, min(LARGEST, len(evidence.pool)) + 1):
        worth = np.round((2.0 * chances / (size + relevant)) @ (certain[:, None] + belongs), 9)
        worth[chosen] = -1.0
        following = int(np.argmax(worth)) if chosen else 0
        chosen.append(following)
        certain += belongs[:, following]
        if worth[following] > best.expected_f1:
            best = Chosen(tuple(chosen), float(worth[following]))
    return best


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
