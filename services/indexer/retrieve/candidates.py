"""Which tables are worth ranking: the best by words, by meaning, by columns, and those that the question names.

Journey 2, step "candidates", all inside the view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.indexer.retrieve import dense
from services.indexer.retrieve.features import Candidates, features_of
from services.indexer.retrieve.lexical import Matches
from services.indexer.retrieve.names import Named, rows_named
from services.indexer.retrieve.spelling import Spelled
from services.indexer.retrieve.view import View

DEPTH = 200
"""Candidates from each of words, table vectors and column vectors: R@10 on the open pools is flat from 100 on."""


def table_candidates(
    view: View, matches: Matches, named: Named, spelled: Spelled, query: NDArray[np.float32] | None
) -> Candidates:
    """The candidates of a question with their features; by words alone where there is no query vector."""
    found = [
        best_by_words(matches, lambda rows: [record.id for record in view.records(rows)]),
        rows_named(named),
        spelled.rows(),
    ]
    if query is not None:
        found.append(dense.nearest_tables(view, query, DEPTH))
        found.append(dense.owners(view, dense.nearest_columns(view, query, DEPTH, restricted=False)))
    tables = np.unique(np.concatenate(found))
    if query is None:
        return features_of(view, tables, matches, named, spelled, None, None)
    cosines = dense.table_cosines(view, query, tables)
    return features_of(view, tables, matches, named, spelled, cosines, dense.best_columns(view, query, tables))


def best_by_words(matches: Matches, ids: Callable[[NDArray[np.int64]], Sequence[str]]) -> NDArray[np.int64]:
    """The documents with the highest scores, ascending; between equal scores at the cut the ids decide.

    Args:
        matches: the scores.
        ids: gives the ids of some documents; asked for those at the cut alone.

    """
    hits: NDArray[np.int64] = np.flatnonzero(matches.scores).astype(np.int64)
    if len(hits) <= DEPTH:
        return hits
    # rounded, so that the last bits of a sum cannot turn an order that ids should decide
    scores = np.round(matches.scores[hits], 9)
    least = np.partition(scores, len(scores) - DEPTH)[len(scores) - DEPTH]
    above, equal = hits[scores > least], hits[scores == least]
    first = np.argsort(np.asarray(ids(equal), dtype=str), kind="stable")[: DEPTH - len(above)]
    return np.sort(np.concatenate([above, equal[first]]))
