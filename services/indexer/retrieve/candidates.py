"""Which tables are worth ranking: the best by words, by meaning, by columns, and those that the question names.

Journey 2, step "candidates", all inside the view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.indexer.retrieve import dense
from services.indexer.retrieve.features import Asked, Candidates, Near, features_of, highest
from services.indexer.retrieve.lexical import Matches
from services.indexer.retrieve.names import rows_named
from services.indexer.retrieve.neighbourhood import joined_with
from services.indexer.retrieve.view import View

DEPTH = 200
"""Candidates from each of words, table vectors and column vectors: R@10 on the open pools is flat from 100 on."""
DIGITS = 9
"""Scores by words are equal where so many decimal places are."""
_SAMPLED = 16
"""One score in so many is looked at to find out roughly where the cut is: ordering all of 100,000 takes 1 ms."""
NEIGHBOURS_OF = 20
"""The best candidates by words and by meaning bring in what they are joined with: a table that connects two others may
share no word with the question."""


def table_candidates(view: View, asked: Asked, query: NDArray[np.float32] | None) -> Candidates:
    """The candidates of a question with their features; by words alone where there is no query vector."""
    by_words = best_by_words(asked.matches, view.ids)
    found = [by_words, rows_named(asked.named), asked.spelled.rows()]
    if query is None:
        tables = np.unique(np.concatenate(found))
        return features_of(view, tables, asked, None)
    by_meaning = dense.nearest_tables(view, query, DEPTH)
    found += [by_meaning, dense.owners(view, dense.nearest_columns(view, query, DEPTH, restricted=False))]
    tables = np.unique(np.concatenate(found))
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


def best_by_words(matches: Matches, ids: Callable[[NDArray[np.int64]], Sequence[str]]) -> NDArray[np.int64]:
    """The documents with the highest scores, ascending; between equal scores at the cut the ids decide.

    Args:
        matches: the scores.
        ids: gives the ids of some documents; asked for those at the cut alone.

    """
    if np.count_nonzero(matches.scores) <= DEPTH:
        return np.flatnonzero(matches.scores).astype(np.int64)
    hits = _high(matches.scores)
    # of the many only those are looked at that rounding could bring over the cut
    cut = np.partition(matches.scores[hits], len(hits) - DEPTH)[len(hits) - DEPTH]
    hits = hits[matches.scores[hits] >= cut - 10.0**-DIGITS]
    # rounded, so that the last bits of a sum cannot turn an order that ids should decide
    scores, least = np.round(matches.scores[hits], DIGITS), np.round(cut, DIGITS)
    above, equal = hits[scores > least], hits[scores == least]
    first = np.argsort(np.asarray(ids(equal), dtype=str), kind="stable")[: DEPTH - len(above)]
    return np.sort(np.concatenate([above, equal[first]]))


def _high(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Documents, ascending, that have at least the `DEPTH` highest scores among them: told from every so many-th one where many match."""
    some = scores[::_SAMPLED]
    wanted = 2 * DEPTH // _SAMPLED
    if len(some) > wanted:
        least = np.partition(some, len(some) - wanted)[len(some) - wanted]
        high = np.flatnonzero(scores >= least - 10.0**-DIGITS)
        if least > 0 and np.count_nonzero(scores[high] >= least) >= DEPTH:
            return high
    return np.flatnonzero(scores)
