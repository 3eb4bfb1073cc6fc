"""The part of a snapshot that one caller may see and asked for: masks, and the statistics taken inside them.

Journey 2, step "scope first". Everything later reads the snapshot through a view, so that what is outside moves nothing:
no hit, no total, no document frequency.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import AccessScope
from services.common.model.assets import Kind
from services.common.model.conditions import Condition
from services.common.model.names import AssetId, ScopePath
from services.common.model.search import Filters
from services.indexer.index.facet_index import FACETS
from services.indexer.index.segment import COLUMN_FIELDS, TABLE_FIELDS, Segment
from services.indexer.index.snapshot import Snapshot
from services.indexer.index.strings import place_of
from services.indexer.index.texts import Texts
from services.indexer.index.vectors import Selection
from services.indexer.retrieve.embedded import embedded
from services.indexer.retrieve.joins import Adjacency, adjacency
from services.indexer.retrieve.where import fulfilling
from services.indexer.text.document import Record

MAX_SCOPES = 64
"""So many callers' scopes are remembered a segment: more than a team has roles."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One segment through a view.

    Attributes:
        segment: the segment.
        tables: which tables may be seen and pass the filters, bool (tables,).
        fulfilling: which columns fulfil what was asked of them as themselves, bool (columns,); None means all.
        passing: which tables may be seen and pass the filters, whatever is asked of tables as themselves: theirs are
            the columns; None means `tables`.
        offset: the number of the first table in the view's own numbering of all rows.
        column_offset: the same for columns.

    """

    segment: Segment
    tables: NDArray[np.bool_]
    offset: int
    column_offset: int
    fulfilling: NDArray[np.bool_] | None = None
    passing: NDArray[np.bool_] | None = None

    @cached_property
    def columns(self) -> NDArray[np.bool_]:
        """Which columns may be hits, bool (columns,): they belong to tables that pass, and fulfil what is asked of them."""
        owners = (self.tables if self.passing is None else self.passing)[self.segment.owner]
        return owners if self.fulfilling is None else owners & self.fulfilling

    @cached_property
    def open_columns(self) -> NDArray[np.bool_]:
        """Which columns speak for their seen tables: those that are not restricted."""
        return self.tables[self.segment.owner] & ~self.segment.restricted

    @cached_property
    def name_counts(self) -> NDArray[np.int64]:
        """How many open columns have each of the segment's `column_names`, int64 (names,)."""
        names, codes = self.segment.column_names
        return np.bincount(codes[self.open_columns], minlength=len(names))

    @cached_property
    def vectors_of_tables(self) -> Selection | None:
        """Which table vectors may be found; None means all."""
        segment = self.segment
        return _selected(segment.texts, (segment.text, segment.name_text), self.tables)

    @cached_property
    def vectors_of_columns(self) -> Selection | None:
        """Which column vectors may be found; None means all."""
        return _selected(self.segment.column_texts, (self.segment.column_text,), self.columns)

    @cached_property
    def vectors_of_open_columns(self) -> Selection | None:
        """Which column vectors may speak for a table; None means all."""
        return _selected(self.segment.column_texts, (self.segment.column_text,), self.open_columns)


def _selected(texts: Texts, used: tuple[NDArray[np.int32], ...], mask: NDArray[np.bool_]) -> Selection | None:
    if mask.all():
        return None
    out = np.zeros(len(texts.vectors), dtype=np.bool_)
    for text in used:
        rows = texts.row[text[mask]]
        out[rows[rows >= 0]] = True
    return texts.vectors.selection(out)


@dataclass(frozen=True, eq=False)
class View:
    """A snapshot inside a scope and filters; `parts` in the snapshot's order."""

    parts: tuple[Seen, ...]

    @cached_property
    def kept(self) -> dict[str, object]:
        """What later steps have found out about this view, by what it is called: a view never changes."""
        return {}

    @cached_property
    def n_tables(self) -> int:
        """How many tables are seen."""
        return sum(int(part.tables.sum()) for part in self.parts)

    @cached_property
    def n_columns(self) -> int:
        """How many columns are seen."""
        return sum(int(part.columns.sum()) for part in self.parts)

    @cached_property
    def rows(self) -> int:
        """How many tables all segments have, seen or not: the length of arrays over tables."""
        return sum(len(part.segment) for part in self.parts)

    @cached_property
    def column_rows(self) -> int:
        """How many columns all segments have."""
        return sum(part.segment.n_columns for part in self.parts)

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Which tables are seen, over all segments, bool (rows,)."""
        return _joined([part.tables for part in self.parts])

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """How many seen columns each table has, int64 (rows,)."""
        pieces = [np.bincount(part.segment.owner[part.columns], minlength=len(part.segment)) for part in self.parts]
        return np.concatenate([np.zeros(0, dtype=np.int64), *pieces])

    @cached_property
    def by_name(self) -> NDArray[np.int64]:
        """The tables that are seen or have seen columns, in order of qualified names, without case, then of ids."""
        tables = np.flatnonzero(self.seen | (self.widths > 0))
        names = [name for part in self.parts for name in part.segment.qualified]
        keyed = [(names[table], asset, table) for table, asset in zip(tables.tolist(), self.ids(tables), strict=True)]
        return np.asarray([table for _, _, table in sorted(keyed)], dtype=np.int64)

    @cached_property
    def table_lengths(self) -> NDArray[np.float64]:
        """Mean tokens a field of the seen tables, float64 (4,); 1 where a field is empty everywhere."""
        return _mean_lengths(
            [part.segment.words.lengths[part.tables] for part in self.parts], self.n_tables, len(TABLE_FIELDS)
        )

    @cached_property
    def column_lengths(self) -> NDArray[np.float64]:
        """Mean tokens a field of the seen columns, float64 (2,)."""
        return _mean_lengths(
            [part.segment.column_words.lengths[part.columns] for part in self.parts], self.n_columns, len(COLUMN_FIELDS)
        )

    @cached_property
    def coverage(self) -> tuple[int, int]:
        """How many distinct texts of what is seen have a vector, and how many there are."""
        return embedded([(part.segment, part.tables, part.columns) for part in self.parts])

    @cached_property
    def joins(self) -> Adjacency:
        """The declared keys between seen tables."""
        return adjacency([(part.segment.keys, part.tables, part.offset) for part in self.parts])

    def column_spread(self, names: set[str]) -> dict[str, int]:
        """How many seen columns have each of some names, in lower case; columns that are restricted aside."""
        out = dict.fromkeys(names, 0)
        for part in self.parts:
            known, counts = part.segment.column_names[0], part.name_counts
            for name in names:
                if (code := place_of(known, name)) is not None:
                    out[name] += int(counts[code])
        return out

    def vector(self, table: int) -> NDArray[np.float16] | None:
        """The vector of a table's own text, float16 (dimension,); None while it has none."""
        part, row = self.locate(table)
        texts = part.segment.texts
        at = int(texts.row[part.segment.text[row]])
        return texts.vectors.rows[at] if at >= 0 else None

    def locate(self, table: int) -> tuple[Seen, int]:
        """The part and the row in it of a table in the view's numbering."""
        part = next(p for p in reversed(self.parts) if p.offset <= table)
        return part, table - part.offset

    def locate_column(self, column: int) -> tuple[Seen, int]:
        """The part and the row in it of a column in the view's numbering."""
        part = next(p for p in reversed(self.parts) if p.column_offset <= column)
        return part, column - part.column_offset

    def ids(self, tables: NDArray[np.int64]) -> list[AssetId]:
        """The ids of some tables in the view's numbering."""
        if len(self.parts) == 1:
            return self.parts[0].segment.ids.spelled(tables)
        out = np.zeros(len(tables), dtype=object)
        for part in self.parts:
            here = np.flatnonzero((tables >= part.offset) & (tables < part.offset + len(part.segment)))
            out[here] = part.segment.ids.spelled(tables[here] - part.offset)
        return list(out)

    def records(self, tables: NDArray[np.int64]) -> list[Record]:
        """The records of some tables in the view's numbering."""
        if len(self.parts) == 1:
            every = self.parts[0].segment.records
            return [every[table] for table in tables.tolist()]
        owners = np.searchsorted([part.offset for part in self.parts], tables, side="right") - 1
        parts = [(part.segment.records, part.offset) for part in self.parts]
        found = ((*parts[part], table) for part, table in zip(owners.tolist(), tables.tolist(), strict=True))
        return [records[table - offset] for records, offset, table in found]

    def record(self, table: int) -> Record:
        """The record of a table in the view's numbering."""
        part, row = self.locate(table)
        return part.segment.records[row]


def view_of(
    snapshot: Snapshot,
    scope: AccessScope,
    filters: Filters,
    where: Condition | None = None,
    today: dt.date = dt.date.min,
) -> View:
    """What a caller sees of a snapshot, kinds, filters and conditions applied.

    Columns are filtered by their tables, and by what a condition asks of columns. Ages are counted from `today`.
    """
    parts, offset, column_offset = [], 0, 0
    for live in snapshot.parts:
        segment = live.segment
        mask = live.mask
        if not scope.is_full:
            mask = mask & _permitted(segment, scope)
        for field, values in _filtered(filters):
            mask = mask & segment.facets[field].having(values)
        if where is None:
            parts.append(Seen(segment, mask, offset, column_offset))
        else:
            tables, columns = fulfilling(segment, where, today)
            parts.append(Seen(segment, mask & tables, offset, column_offset, columns, mask))
        offset += len(segment)
        column_offset += segment.n_columns
    return View(tuple(parts))


def _permitted(segment: Segment, scope: AccessScope) -> NDArray[np.bool_]:
    """Which tables of a segment the scope permits; remembered with the segment, which never changes."""
    known = segment.scope_masks.get(scope.key)
    if known is None:
        known = np.fromiter((scope.permits(ScopePath(path)) for path in segment.paths), dtype=np.bool_, count=len(segment))
        if len(segment.scope_masks) >= MAX_SCOPES:
            segment.scope_masks.clear()
        segment.scope_masks[scope.key] = known
    return known


def _filtered(filters: Filters) -> Iterator[tuple[str, frozenset[str]]]:
    kinds = frozenset(kind.value for kind in filters.kind)
    if kinds and Kind.COLUMN.value not in kinds:
        yield "kind", kinds
    for field in FACETS:
        values = getattr(filters, field)
        if field != "kind" and values:
            yield field, frozenset(value.lower() for value in values)


def _joined(masks: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.concatenate(masks) if masks else np.zeros(0, dtype=np.bool_)


def _mean_lengths(pieces: list[NDArray[np.int32]], n: int, n_fields: int) -> NDArray[np.float64]:
    # whole numbers are summed, so the mean does not depend on how tables are spread over segments
    total = np.zeros(n_fields, dtype=np.int64)
    for piece in pieces:
        total += piece.sum(axis=0, dtype=np.int64)
    return np.where(total > 0, total / max(n, 1), 1.0)
