"""Facet and filter fields as numbers: counting and filtering a hundred thousand tables takes a millisecond.

Journey 2: filters narrow the view, counts are taken over what matched inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

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

    def count(self, assets: NDArray[np.int64]) -> dict[str, int]:
        """How many assets have each value, given how many each table stands for; values without any left out."""
        # sums of whole numbers below 2**53 are exact in floating point
        counts = np.bincount(self.codes, weights=assets[self.rows], minlength=len(self.values))
        return {value: int(count) for value, count in zip(self.values, counts, strict=True) if count}


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
    out: dict[str, Mapping[str, int]] = {}
    for field in FACETS:
        total: dict[str, int] = {}
        for segment, tables, columns in pieces:
            assets = tables.astype(np.int64) if field == "kind" else tables + columns
            for value, count in facet_index(segment, field).count(assets).items():
                total[value] = total.get(value, 0) + count
        if field == "kind" and (n_columns := sum(int(columns.sum()) for _, _, columns in pieces)):
            total[Kind.COLUMN.value] = n_columns
        if total:
            ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))
            out[field] = dict(ordered[:MAX_VALUES])
    return out


def _build(records: tuple[Record, ...], field: str) -> FacetIndex:
    code_of: dict[str, int] = {}
    rows: list[int] = []
    codes: list[int] = []
    for row, record in enumerate(records):
        for value in dict.fromkeys(_values(record, field)):
            rows.append(row)
            codes.append(code_of.setdefault(value, len(code_of)))
    return FacetIndex(tuple(code_of), np.asarray(rows, dtype=np.int32), np.asarray(codes, dtype=np.int32), len(records))


def _values(record: Record, field: str) -> tuple[str, ...]:
    match field:
        case "kind":
            return (record.kind.value,)
        case "tag":
            return record.tags
        case "owner":
            return record.owners
        case "database":
            return record.parts[:1] if len(record.parts) > 1 else ()
        case "schema":
            inner = ".".join(record.parts[1:-1])
            return (inner,) if inner else ()
        case _:
            value = getattr(record, field)
            return (value,) if value else ()
