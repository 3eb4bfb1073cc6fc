"""Sparse rows do what the dense matrix does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.usage.sparse import Chosen, Sparse, greatest, pairs

N = 6
entries = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1), st.floats(0.5, 4.0)), max_size=30)


def both(given_entries: list[tuple[int, int, float]]) -> tuple[Sparse, np.ndarray]:
    dense = np.zeros((N, N))
    for row, column, value in given_entries:
        dense[row, column] += value
    rows, columns = (np.asarray([one[at] for one in given_entries], dtype=np.int64) for at in (0, 1))
    return Sparse.of(rows, columns, np.asarray([one[2] for one in given_entries]), (N, N)), dense


@given(entries, st.lists(st.integers(0, N - 1), max_size=5))
def test_spread_gather_and_transposed_are_those_of_the_dense_matrix(made, asked):
    sparse, dense = both(made)
    rows = np.asarray(asked, dtype=np.int64)
    weights = np.arange(1.0, len(rows) + 1)
    assert np.allclose(sparse.spread(rows, weights), weights @ dense[rows])
    columns = np.arange(1.0, N + 1)
    assert np.allclose(sparse.gather(rows, columns), dense[rows] @ columns)
    some = np.unique(np.asarray([0, N - 1, *asked], dtype=np.int64))
    assert np.allclose(sparse.spread_over(rows, weights, Chosen.of(some, N)), (weights @ dense[rows])[some])
    thin, sums = sparse.spread_thin(rows, weights)
    assert np.array_equal(thin, np.flatnonzero(weights @ dense[rows]))
    assert np.allclose(sums, (weights @ dense[rows])[thin])
    at, owner = sparse.places(rows)
    most = (dense[rows] > 0) * weights[:, None] if len(rows) else np.zeros((1, N))
    assert np.allclose(Chosen.of(some, N).greatest(sparse.index[at], weights[owner]), most.max(axis=0)[some])
    assert np.allclose(sparse.transposed.spread(rows, weights), weights @ dense.T[rows])


@given(st.lists(st.lists(st.integers(0, N - 1), max_size=5), max_size=8))
def test_pairs_are_all_ordered_pairs_of_a_row(lists):
    first, second, row = pairs(Sparse.of_lists(lists, N))
    expected = [(a, b, at) for at, one in enumerate(lists) for a in set(one) for b in set(one) if a != b]
    assert sorted(zip(first.tolist(), second.tolist(), row.tolist(), strict=True)) == sorted(expected)


@given(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0]), min_size=1, max_size=12), st.data())
def test_the_greatest_of_equals_are_the_first(values, data):
    """As a stable sort of all of them has them."""
    these, n = np.asarray(values), data.draw(st.integers(1, len(values)))
    assert greatest(these, n).tolist() == sorted(np.argsort(-these, kind="stable")[:n].tolist())
