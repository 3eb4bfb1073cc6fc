"""Row numbers of several arrays as one: what numpy's own `unique` gives, in the same type."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.index.distinct import distinct

rows = st.lists(st.integers(0, 40), max_size=30)


@given(st.lists(st.tuples(rows, st.booleans()), min_size=1, max_size=5), st.sampled_from([np.int32, np.int64]))
def test_each_number_once_in_order(pieces: list[tuple[list[int], bool]], kind: type) -> None:
    """Pieces that stand in order and ones that do not, none of them changed by it."""
    arrays = [np.asarray(sorted(numbers) if ordered else numbers, dtype=kind) for numbers, ordered in pieces]
    before = [array.copy() for array in arrays]
    found = distinct(arrays)
    assert found.dtype == kind
    assert found.tolist() == np.unique(np.concatenate(arrays)).tolist()
    assert all((array == kept).all() for array, kept in zip(arrays, before, strict=True))
