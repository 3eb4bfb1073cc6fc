"""Which tables are worth ranking: the best by words, by meaning, by columns, and those that the question names.

Journey 2, step "candidates", all inside the view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.distinct import distinct
from services.indexer.retrieve import dense
from services.indexer.retrieve.features import Asked, Candidates, Near, features_of, highest
from services.indexer.retrieve.lexical import Matches
from services.indexer.retrieve.names import rows_named
from services.indexer.retrieve.neighbourhood import joined_with
from services.indexer.retrieve.view import View

DEPTH = 200
"""Candidates from each of words, table vectors and column vectors, where an answer may have so many hits."""
USUAL = 120
"""So many where it has fewer: R@10 of the open pools is as good or better, and each candidate's columns are compared with the question, which
is most of what one takes."""
DIGITS = 9
"""Scores by words are equal where so many decimal places are."""
_SAMPLED = 16
"""One score in so many is looked at to find out roughly where the cut is: ordering all of 100,000 takes 1 ms."""
NEIGHBOURS_OF = 20
"""The best candidates by words and by meaning bring in what they are joined with: a table that connects two others may
share no word with the question."""


def depth_for(hits: int) -> int:
    """How many candidates come from each for an answer of so many hits: hardly anybody asks for more than a page of them."""
    return USUAL if hits <= USUAL else DEPTH


def table_candidates(view: View, asked: Asked, query: NDArray[np.float32] | None, depth: int = USUAL) -> Candidates:
    """The candidates of a question with their features; by words alone where there is no query vector.

    Args:
        view: what is seen.
        asked: the question.
        query: its vector, float32 (dimension,).
        depth: how many come from each of words, table vectors and column vectors.

    """
    by_words = best_by_words(asked.matches, view.ids, depth)
    found = [by_words, rows_named(asked.named), asked.spelled.rows()]
    if query is None:
        tables = distinct(found)
        return features_of(view, tables, asked, None)
    by_meaning = dense.nearest_tables(view, query, depth)
    found += [by_meaning, dense.owners(view, dense.nearest_columns(view, query, depth, restricted=False))]
    tables = distinct(found)
    cosines = dense.table_cosines(view, query, tables)
    scores = asked.matches.scores[tables] / asked.matches.weight + cosines
    best = highest(scores, lambda rows: view.ids(tables[rows]), NEIGHBOURS_OF)
    joined = np.setdiff1d(joined_with(view, tables[best]), tables, assume_unique=True)
    if len(joined):
        both = np.concatenate([tables, joined])
        order = np.argsort(both)
        tables, cosines = both[order], np.concatenate([cosines, dense.table_cosines(view, query, joined)])[order]
    near = Near(
        text=cosines,
        name=dense.name_cosines(view, query, tables),
        best=dense.best_columns(view, query, tables),
    )
    return features_of(view, tables, asked, near)


def best_by_words(
    matches: Matches, ids: Callable[[NDArray[np.int64]], Sequence[str]], depth: int = DEPTH
) -> NDArray[np.int64]:
    """The documents with the highest scores, ascending; between equal scores at the cut the ids decide.

    Args:
        matches: the scores.
        ids: gives the ids of some documents; asked for those at the cut alone.
        depth: how many.

    """
    if np.count_nonzero(matches.scores) <= depth:
        return np.flatnonzero(matches.scores).astype(np.int64)
    hits = _high(matches.scores, depth)
    # of the many only those are looked at that rounding could bring over the cut
    cut = np.partition(matches.scores[hits], len(hits) - depth)[len(hits) - depth]
    hits = hits[matches.scores[hits] >= cut - 10.0**-DIGITS]
    # rounded, so that the last bits of a sum cannot turn an order that ids should decide
    scores, least = np.round(matches.scores[hits], DIGITS), np.round(cut, DIGITS)
    above, equal = hits[scores > least], hits[scores == least]
    first = np.argsort(np.asarray(ids(equal), dtype=str), kind="stable")[: depth - len(above)]
    return np.sort(np.concatenate([above, equal[first]]))


def _high(scores: NDArray[np.float64], depth: int) -> NDArray[np.int64]:
    """Documents, ascending, that have at least the `depth` highest scores among them: told from every so many-th one where many match."""
    some = scores[::_SAMPLED]
    wanted = 2 * depth // _SAMPLED
    if len(some) > wanted:
        least = np.partition(some, len(some) - wanted)[len(some) - wanted]
        high = np.flatnonzero(scores >= least - 10.0**-DIGITS)
        if least > 0 and np.count_nonzero(scores[high] >= least) >= depth:
            return high
    return np.flatnonzero(scores)
