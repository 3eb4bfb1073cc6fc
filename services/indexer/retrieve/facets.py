"""Facets: how many of what matches have each value of each field.

Journey 2: counts are taken over what matched inside the view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.indexer.index.facet_index import FACETS
from services.indexer.index.segment import Segment

MAX_VALUES = 50
"""Of each facet the most frequent values are told; a warehouse of thousands of schemas must not fill every answer."""


def count_facets(
    parts: Iterable[tuple[Segment, NDArray[np.bool_], NDArray[np.int64]]],
) -> Mapping[str, Mapping[str, int]]:
    """Counts of every field over what matches, most frequent values first, empty fields left out.

    Args:
        parts: for each segment which of its tables match, and how many columns of each; a column counts where its
            table does, except that its kind is `column`.

    """
    pieces = list(parts)
    n_columns = sum(int(columns.sum()) for _, _, columns in pieces)
    out: dict[str, Mapping[str, int]] = {}
    for field in FACETS:
        counted = [
            segment.facets[field].count(tables, columns if n_columns and field != "kind" else None)
            for segment, tables, columns in pieces
        ]
        if field == "kind" and n_columns:
            counted.append({Kind.COLUMN.value: n_columns})
        counted = [counts for counts in counted if counts]
        if counted:
            total = counted[0] if len(counted) == 1 else _added(counted)
            out[field] = dict(islice(total.items(), MAX_VALUES))
    return out


def _added(counted: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts of several segments together, in the order of each."""
    total: dict[str, int] = {}
    for counts in counted:
        for value, count in counts.items():
            total[value] = total.get(value, 0) + count
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
