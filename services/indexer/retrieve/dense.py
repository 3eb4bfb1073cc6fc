"""Meaning: the nearest table and column vectors inside the view, and cosines of the tables that others proposed.

Journey 2, step "candidates from FAISS". The order is by score and then by the text's hash, so that the candidates depend
neither on how tables are spread over segments nor on what a scope hides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.distinct import distinct
from services.indexer.index.segment import Segment
from services.indexer.index.texts import Texts
from services.indexer.index.vectors import Selection
from services.indexer.retrieve.view import View

TIES = 64
"""Fetched beyond the cut, so that equal scores around it are all seen; more are fetched where these do not reach."""
BEST_COLUMNS = 3
"""How many of a table's columns speak for it: the mean of three was the best simple mix on the open pools."""
NO_COSINE = 0.0
"""What stands for a vector that is not there yet: as far as unrelated texts are from each other."""


@dataclass(frozen=True)
class BestColumns:
    """Of some tables, the mean cosine of their best columns, and those columns.

    Attributes:
        mean: float64 (tables,).
        columns: the best columns of all tables, table by table and best first, numbered as in the view, int64 (n,).
        cosines: their cosines, float64 (n,).
        group: the position of each one's table, int64 (n,), ascending.

    """

    mean: NDArray[np.float64]
    columns: NDArray[np.int64]
    cosines: NDArray[np.float64]
    group: NDArray[np.int64]

    def only(self, positions: NDArray[np.int64]) -> BestColumns:
        """Those of some of the tables, renumbered in their order."""
        new = np.full(len(self.mean), -1, dtype=np.int64)
        new[positions] = np.arange(len(positions))
        kept = new[self.group] >= 0
        return BestColumns(self.mean[positions], self.columns[kept], self.cosines[kept], new[self.group[kept]])

    def of(self, position: int) -> list[tuple[int, float]]:
        """The best columns of one table with their cosines, best first."""
        here = slice(*np.searchsorted(self.group, (position, position + 1)).tolist())
        return list(zip(self.columns[here].tolist(), self.cosines[here].tolist(), strict=True))


def nearest_tables(view: View, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The tables with the k nearest texts, as far as they are near at all, numbered as in the view."""
    found = [_texts_found(part.segment.texts, query, k, part.vectors_of_tables) for part in view.parts]
    tables: list[NDArray[np.int64]] = []
    for part, texts in zip(view.parts, _cut(found, k), strict=True):
        start, order = part.segment.tables_of_text
        rows = _members(start, order, texts)
        tables.append(rows[part.tables[rows]] + part.offset)
    return np.concatenate(tables) if tables else np.zeros(0, dtype=np.int64)


def nearest_columns(view: View, query: NDArray[np.float32], k: int, *, restricted: bool) -> NDArray[np.int64]:
    """The columns with the k nearest texts, as `nearest_tables`; with or without restricted ones."""
    found, masks = [], []
    for part in view.parts:
        masks.append(part.columns if restricted else part.open_columns)
        allowed = part.vectors_of_columns if restricted else part.vectors_of_open_columns
        found.append(_texts_found(part.segment.column_texts, query, k, allowed))
    columns: list[NDArray[np.int64]] = []
    for part, mask, texts_found in zip(view.parts, masks, _cut(found, k), strict=True):
        start, order = part.segment.columns_of_text
        rows = _members(start, order, texts_found)
        columns.append(rows[mask[rows]] + part.column_offset)
    return np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)


def owners(view: View, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tables of some columns, each once."""
    out = [np.zeros(0, dtype=np.int64)]
    for part in view.parts:
        here = columns[(columns >= part.column_offset) & (columns < part.column_offset + part.segment.n_columns)]
        out.append(distinct([part.segment.owner[here - part.column_offset]]).astype(np.int64) + part.offset)
    return np.concatenate(out)


def table_cosines(view: View, query: NDArray[np.float32], tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosine of each table's own text, `NO_COSINE` where it has no vector yet; float64 (tables,)."""
    return _cosines(view, query, tables, lambda segment: segment.text)


def name_cosines(view: View, query: NDArray[np.float32], tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosine of each table's name, as `table_cosines`."""
    return _cosines(view, query, tables, lambda segment: segment.name_text)


def _cosines(
    view: View, query: NDArray[np.float32], tables: NDArray[np.int64], text: Callable[[Segment], NDArray[np.int32]]
) -> NDArray[np.float64]:
    out = np.full(len(tables), NO_COSINE)
    for part in view.parts:
        here = np.flatnonzero((tables >= part.offset) & (tables < part.offset + len(part.segment)))
        rows = part.segment.texts.row[text(part.segment)[tables[here] - part.offset]]
        have = rows >= 0
        out[here[have]] = part.segment.texts.vectors.scores(query, rows[have].astype(np.int64))
    return out


def column_cosines(view: View, query: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """The cosine of each column's text, `NO_COSINE` where it has no vector yet; float64 (columns,)."""
    out = np.full(len(columns), NO_COSINE)
    for part in view.parts:
        segment = part.segment
        here = np.flatnonzero((columns >= part.column_offset) & (columns < part.column_offset + segment.n_columns))
        rows = segment.column_texts.row[segment.column_text[columns[here] - part.column_offset]]
        have = rows >= 0
        out[here[have]] = segment.column_texts.vectors.scores(query, rows[have].astype(np.int64))
    return out


def best_columns(view: View, query: NDArray[np.float32], tables: NDArray[np.int64]) -> BestColumns:
    """The best columns of some tables (ascending numbers), restricted ones left out."""
    flat, group = columns_of(view, tables)
    cosines = column_cosines(view, query, flat)
    # cosines are within 1 of 0, and both sorts are stable: by table, then by cosine, then by the column's place
    order = np.argsort(4.0 * group - cosines, kind="stable")
    sizes = np.bincount(group, minlength=len(tables))
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    best = order[place < BEST_COLUMNS]
    total = np.bincount(group[best], weights=cosines[best], minlength=len(tables))
    return BestColumns(total / np.minimum(np.maximum(sizes, 1), BEST_COLUMNS), flat[best], cosines[best], group[best])


def columns_of(view: View, tables: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The unrestricted columns of some tables, and for each the position of its table among them."""
    columns, groups = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for part in view.parts:
        positions = np.flatnonzero((tables >= part.offset) & (tables < part.offset + len(part.segment)))
        rows = tables[positions] - part.offset
        start = part.segment.column_start[rows]
        sizes = part.segment.column_start[rows + 1] - start
        group = np.repeat(positions, sizes)
        within = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        here = np.repeat(start, sizes) + within
        shown = ~part.segment.restricted[here]
        columns.append(here[shown] + part.column_offset)
        groups.append(group[shown])
    return np.concatenate(columns), np.concatenate(groups)


def _texts_found(
    texts: Texts, query: NDArray[np.float32], k: int, allowed: Selection | None
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[bytes]]:
    """A segment's k nearest texts, all that are as near as the last one included, as far as they are near at all."""
    wanted = k + TIES
    rows, scores = texts.vectors.search(query, wanted, allowed)
    # which of equal rows FAISS leaves out depends on where they stand
    while len(rows) == wanted and scores[-1] == scores[k - 1] and scores[-1] > NO_COSINE:
        wanted *= 4
        rows, scores = texts.vectors.search(query, wanted, allowed)
    near = scores > NO_COSINE
    of_row = texts.text_of_row[rows[near]]
    return of_row, scores[near], texts.hashes_of(of_row)


def _cut(found: list[tuple[NDArray[np.int64], NDArray[np.float32], list[bytes]]], k: int) -> list[NDArray[np.int64]]:
    """Of each segment's texts, those that are among the k best distinct ones of all; between equal ones hashes decide."""
    best: dict[bytes, float] = {}
    for _, scores, hashes in found:
        best.update(zip(hashes, scores.tolist(), strict=True))
    kept = set(sorted(best, key=lambda text: (-best[text], text))[:k])
    return [texts[[text in kept for text in hashes]] for texts, _, hashes in found]


def _members(start: NDArray[np.int64], order: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.int64]:
    begins = start[texts]
    sizes = start[texts + 1] - begins
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    members: NDArray[np.int64] = order[np.repeat(begins, sizes) + within]
    return members
