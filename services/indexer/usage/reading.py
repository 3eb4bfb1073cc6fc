"""What one caller's recommendations are read from: the tables they are shown, what words are worth among those, and counts.

Journey 2, step "scope first": made once a scope and state, kept while both stay; what is hidden moves nothing in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import AccessScope
from services.indexer.text.document import Record
from services.indexer.usage.counts import Counts, counts_of
from services.indexer.usage.known import Known
from services.indexer.usage.sparse import Floats, Ints, Sparse
from services.indexer.usage.statements import Statement

ALL_RANKED = 3_000
"""Of so few tables every one is ranked; of more, those that something speaks for."""
MAX_CANDIDATES = 600
COMMON = 5_000
"""A word or a column that more shown tables have finds none of them."""
POPULAR = 50


@dataclass(frozen=True, eq=False)
class Weighted:
    """Words of tables with what each is worth here: rows as `Sparse`, the length of each row, and how many shown tables have each."""

    rows: Sparse
    length: Floats
    frequency: Ints

    def cosines(self, basket: Ints, candidates: Ints) -> Floats:
        """The mean cosine of each candidate with the tables of a basket, float64 (len(candidates),)."""
        weights = self.rows.spread(basket, 1.0 / np.maximum(self.length[basket], 1e-9) / len(basket))
        sums = self.rows.gather(candidates, weights)
        return sums / np.maximum(self.length[candidates], 1e-9)

    def closest(self, basket: Ints, candidates: Ints) -> Floats:
        """The greatest cosine of each candidate with a table of a basket, float64 (len(candidates),)."""
        closest: Floats = np.max([self.cosines(basket[at : at + 1], candidates) for at in range(len(basket))], axis=0)
        return closest

    def among(self, tables: Ints) -> Floats:
        """The cosines of some tables with each other, float64 (len(tables), len(tables))."""
        at, owner = self.rows.places(tables)
        words, place = np.unique(self.rows.index[at], return_inverse=True)
        dense = np.zeros((len(tables), len(words)))
        dense[owner, place] = self.rows.value[at] / np.maximum(self.length[tables], 1e-9)[owner]
        cosines: Floats = dense @ dense.T
        return cosines


@dataclass(frozen=True, eq=False)
class Reading:
    """What a scope shows."""

    known: Known
    shown: NDArray[np.bool_]
    counts: Counts

    @cached_property
    def n_shown(self) -> int:
        """How many tables are shown."""
        return int(self.shown.sum())

    @cached_property
    def words(self) -> Weighted:
        """Words of names."""
        return self._weighted(self.known.words)

    @cached_property
    def home(self) -> Weighted:
        """Words of schemas and databases."""
        return self._weighted(self.known.home)

    @cached_property
    def columns(self) -> Weighted:
        """Names of columns."""
        return self._weighted(self.known.columns)

    @cached_property
    def keys(self) -> Sparse:
        """Table by table, 1 where a declared key of either refers to the other by open columns; symmetric."""
        known = self.known
        found = {
            (at, other)
            for at, record in enumerate(known.records)
            if record is not None and record.foreign_keys and self.shown[at]
            for key in record.foreign_keys
            if (other := known.row.get(key.target, at)) != at and self.shown[other]
            if _open(record, key.columns) and _open(known.records[other], key.ref_columns)
        }
        both = np.asarray(sorted(found | {(b, a) for a, b in found}), dtype=np.int64).reshape(-1, 2)
        return Sparse.of(both[:, 0], both[:, 1], np.ones(len(both)), (len(self.known), len(self.known)))

    @cached_property
    def column_frequency(self) -> Ints:
        """How many shown tables have each column name that is open to all, int64 (names,)."""
        rows = self.known.columns
        owner = np.repeat(np.arange(len(rows)), np.diff(rows.start))
        return np.bincount(rows.index[self.shown[owner]], minlength=rows.width)

    @cached_property
    def schema_size(self) -> Floats:
        """How many shown tables the schema of each table has, float64 (n,)."""
        sizes = np.bincount(self.known.schema[self.shown], minlength=int(self.known.schema.max(initial=-1)) + 1)
        return np.maximum(sizes[self.known.schema], 1).astype(np.float64)

    @cached_property
    def latest(self) -> Floats:
        """1 for tables with no shown sibling of a later version, float64 (n,)."""
        group = np.unique(
            self.known.schema * (int(self.known.stem.max(initial=0)) + 1) + self.known.stem, return_inverse=True
        )[1]
        newest = np.full(int(group.max(initial=-1)) + 1, -1, dtype=np.int64)
        np.maximum.at(newest, group[self.shown], self.known.version[self.shown])
        return (self.known.version >= newest[group]).astype(np.float64)

    def _weighted(self, rows: Sparse) -> Weighted:
        owner = np.repeat(np.arange(len(rows)), np.diff(rows.start))
        frequency = np.bincount(rows.index[self.shown[owner]], minlength=rows.width)
        rarity = np.log((self.n_shown + 1) / (frequency + 0.5)).clip(0.0)
        # two tables share a word with the product of both entries: each has its root
        worth = np.sqrt(rows.value * rarity[rows.index])
        length = np.sqrt(np.bincount(owner, weights=worth**2, minlength=len(rows)))
        return Weighted(Sparse(rows.start, rows.index, worth, rows.width), length, frequency)

    def candidates(self, basket: Ints) -> Ints:
        """Tables to rank for a basket, ascending, the basket's own included: all of few, of many those that anything speaks for."""
        allowed = self.shown
        if self.n_shown <= ALL_RANKED:
            return np.flatnonzero(allowed)
        spoken = self._spoken(basket)
        spoken[~allowed] = 0.0
        found = np.flatnonzero(spoken)
        if len(found) > MAX_CANDIDATES:
            found = found[np.argsort(-spoken[found], kind="stable")[:MAX_CANDIDATES]]
        popular = self.popular[allowed[self.popular]]
        return np.union1d(found, popular)

    @cached_property
    def popular(self) -> Ints:
        """The tables that are read most, at most `POPULAR`."""
        read = np.flatnonzero(self.shown & (self.counts.read > 0))
        return read[np.argsort(-self.counts.read[read], kind="stable")[:POPULAR]]

    def _spoken(self, basket: Ints) -> Floats:
        counts, even = self.counts, np.ones(len(basket))
        spoken = 10.0 * counts.together.spread(basket, 1.0 / (counts.read[basket] + 1.0))
        spoken += 5.0 * (counts.made_from.spread(basket, even) + counts.made_into.spread(basket, even))
        spoken += 5.0 * (counts.alias.spread(basket, even) + self.keys.spread(basket, even))
        for rows in (self.words, self.home):
            spoken += self._by_words(rows, basket)
        return spoken

    def _by_words(self, rows: Weighted, basket: Ints) -> Floats:
        weights = rows.rows.spread(basket, 1.0 / np.maximum(rows.length[basket], 1e-9))
        words = np.flatnonzero(weights)
        rare = words[rows.frequency[words] <= COMMON]
        found = rows.rows.transposed.spread(rare, weights[rare])
        return found / np.maximum(rows.length, 1e-9)


def _open(record: Record | None, columns: Sequence[str]) -> bool:
    if record is None:
        return True
    hidden = {name.lower() for name, restricted in zip(record.columns, record.restricted, strict=True) if restricted}
    return hidden.isdisjoint(name.lower() for name in columns)


def reading_of(known: Known, statements: Sequence[Statement], scope: AccessScope, *, min_people: int = 1) -> Reading:
    """What a scope shows of the known tables, and the counts of the statements that it may know of."""
    counts = counts_of(known, statements, known.permitted(scope), min_people=min_people)
    return Reading(known, counts.shown, counts)
