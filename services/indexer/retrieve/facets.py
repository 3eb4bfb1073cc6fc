"""Facet and filter fields as numbers: counting and filtering a hundred thousand tables takes a millisecond.

Journey 2: filters narrow the view, counts are taken over what matched inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from services.common.model.assets import Kind
from services.indexer.index.segment import Segment
from services.indexer.text.document import Record

FACETS = ("kind", "platform", "source", "database", "schema", "tag", "owner", "status", "quality")
"""The fields that are counted and can be filtered on."""
MAX_VALUES = 50
"""Of each facet the most frequent values are told; a warehouse of thousands of schemas must not fill every answer."""


@dataclass(frozen=True, eq=False)
class FacetIndex:
    """One field of one segment.

    Attributes:
        values: the distinct values in the source's spelling.
        rows, codes: pairs of a table and one of its values, int32; a table may have several, or none.
        n: how many tables the segment has.

    """

    values: tuple[str, ...]
    rows: NDArray[np.int32]
    codes: NDArray[np.int32]
    n: int

    def having(self, wanted: frozenset[str]) -> NDArray[np.bool_]:
        """Which tables have one of the wanted values (lower case), bool (n,)."""
        return self.fitting(lambda value: value in wanted)

    def fitting(self, fit: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Which tables have a value that fits, given in lower case, bool (n,)."""
        fits = np.fromiter((fit(value.lower()) for value in self.values), dtype=np.bool_, count=len(self.values))
        mask = np.zeros(self.n, dtype=np.bool_)
        mask[self.rows[fits[self.codes]]] = True
        return mask

    @cached_property
    def each(self) -> NDArray[np.int32] | None:
        """The code of each table, int32 (n,), where every table has one value; None where some have several, or none."""
        return self.codes if len(self.rows) == self.n and bool((np.diff(self.rows) == 1).all()) else None

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Where each value stands in the order of values, int64 (values,)."""
        place = np.empty(len(self.values), dtype=np.int64)
        place[sorted(range(len(self.values)), key=self.values.__getitem__)] = np.arange(len(self.values))
        return place

    def count(self, tables: NDArray[np.bool_], columns: NDArray[np.int64] | None) -> dict[str, int]:
        """How many assets have each value, most frequent ones first and then in order, values without any left out.

        Args:
            tables: which tables count, bool (n,).
            columns: how many columns of each count with it, int64 (n,); None where none does.

        """
        if columns is not None:
            # sums of whole numbers below 2**53 are exact in floating point
            counts = np.bincount(self.codes, weights=(tables + columns)[self.rows], minlength=len(self.values))
        elif self.each is not None and len(self.values) == 1:
            counts = np.asarray([np.count_nonzero(tables)])
        else:
            codes = self.codes[tables[self.rows]] if self.each is None else self.each[tables]
            counts = np.bincount(codes, minlength=len(self.values))
        order = np.lexsort((self.place, -counts))[: np.count_nonzero(counts)]
        return dict(
            zip((self.values[code] for code in order.tolist()), counts[order].astype(np.int64).tolist(), strict=True)
        )


def facet_index(segment: Segment, field: str) -> FacetIndex:
    """The numbers of a field, made when first asked for."""
    known = segment.facet_codes.get(field)
    if not isinstance(known, FacetIndex):
        known = _build(segment.records, field)
        segment.facet_codes[field] = known
    return known


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
            facet_index(segment, field).count(tables, columns if n_columns and field != "kind" else None)
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


def _build(records: tuple[Record, ...], field: str) -> FacetIndex:
    code_of: dict[str, int] = {}
    if field in _SEVERAL:
        pairs = [
            (row, value) for row, record in enumerate(records) for value in dict.fromkeys(getattr(record, _SEVERAL[field]))
        ]
    else:
        pairs = [(row, value) for row, value in enumerate(map(_VALUE[field], records)) if value]
    codes = np.fromiter((code_of.setdefault(value, len(code_of)) for _, value in pairs), dtype=np.int32, count=len(pairs))
    rows = np.fromiter((row for row, _ in pairs), dtype=np.int32, count=len(pairs))
    return FacetIndex(tuple(code_of), rows, codes, len(records))


_SEVERAL = {"tag": "tags", "owner": "owners"}
"""Fields of which a table may have several values."""
_VALUE: Mapping[str, Callable[[Record], str | None]] = {
    "kind": lambda record: record.kind.value,
    "platform": attrgetter("platform"),
    "source": attrgetter("source"),
    "database": lambda record: record.parts[0] if len(record.parts) > 1 else None,
    "schema": lambda record: ".".join(record.parts[1:-1]),
    "status": attrgetter("status"),
    "quality": attrgetter("quality"),
}
"""The value of a table, None or empty where it has none."""
