"""What one caller's recommendations are read from: the tables they are shown, what words are worth among those, and counts.

Journey 2, step "scope first": made once a scope and state, kept while both stay; what is hidden moves nothing in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.model.access import AccessScope
from services.common.model.names import Namespace
from services.indexer.usage.counts import Counts, counts_of
from services.indexer.usage.known import Known
from services.indexer.usage.sparse import Floats, Ints, Sparse, greatest
from services.indexer.usage.statements import Statement
from services.indexer.usage.variants import Variants

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

    @cached_property
    def by_word(self) -> Sparse:
        """Word by table, what the word is worth in a table's row of length 1."""
        turned = self.rows.turned()
        worth = turned.value / np.maximum(self.length, 1e-9)[turned.index]
        return Sparse(turned.start, turned.index, worth, turned.width)

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
    def logged(self) -> frozenset[Namespace]:
        """The namespaces of shown tables that a query which counts here reads."""
        read = np.flatnonzero(self.shown & (self.counts.read > 0)).tolist()
        return frozenset(self.known.names[row].namespace for row in read)

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
            for at, key in known.declared
            if self.shown[at] and (other := known.row.get(key.target, at)) != at and self.shown[other]
            if known.is_open(at, key.columns) and known.is_open(other, key.ref_columns)
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
    def tables_with_column(self) -> Mapping[str, int]:
        """How many shown tables have each column that is open to all, by its name in lower case."""
        return dict(zip(self.known.column_number, self.column_frequency.tolist(), strict=False))

    @cached_property
    def schema_size(self) -> Floats:
        """How many shown tables the schema of each table has, float64 (n,)."""
        sizes = np.bincount(self.known.schema[self.shown], minlength=int(self.known.schema.max(initial=-1)) + 1)
        return np.maximum(sizes[self.known.schema], 1).astype(np.float64)

    @cached_property
    def variants(self) -> Variants:
        """Shown tables whose names are those of others with one word more."""
        return Variants.of(self.known, self.shown, self.schema_size, self.counts.read)

    @cached_property
    def latest(self) -> Floats:
        """1 for tables with no shown sibling of a later version, float64 (n,)."""
        group = self.known.named_alike
        newest = np.full(int(group.max(initial=-1)) + 1, -1, dtype=np.int64)
        np.maximum.at(newest, group[self.shown], self.known.version[self.shown])
        return (self.known.version >= newest[group]).astype(np.float64)

    @cached_property
    def has_earlier(self) -> NDArray[np.bool_]:
        """Which tables have a version and a shown sibling of an earlier one, bool (n,)."""
        group, version = self.known.named_alike, self.known.version
        oldest = np.full(int(group.max(initial=-1)) + 1, np.iinfo(np.int64).max, dtype=np.int64)
        np.minimum.at(oldest, group[self.shown], version[self.shown])
        return (version > 0) & (oldest[group] < version)

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
        found = np.flatnonzero((spoken > 0) & allowed)
        if len(found) > MAX_CANDIDATES:
            found = found[greatest(spoken[found], MAX_CANDIDATES)]
        return np.union1d(found, self.popular)

    @cached_property
    def popular(self) -> Ints:
        """The tables that are read most, at most `POPULAR`."""
        read = np.flatnonzero(self.shown & (self.counts.read > 0))
        return read[np.argsort(-self.counts.read[read], kind="stable")[:POPULAR]]

    def _spoken(self, basket: Ints) -> Floats:
        """How much speaks for each table at first sight, float64 (n,)."""
        counts, even = self.counts, np.ones(len(basket))
        found = [self._by_words(rows, basket) for rows in (self.words, self.home)]
        found += [
            (index, times * sums)
            for rows, weights, times in (
                (counts.together, 1.0 / (counts.read[basket] + 1.0), 10.0),
                (counts.made_from, even, 5.0),
                (counts.made_into, even, 5.0),
                (counts.alias, even, 5.0),
                (self.keys, even, 5.0),
            )
            for index, sums in [rows.spread_thin(basket, weights)]
        ]
        index, value = (np.concatenate([one[at] for one in found]) for at in range(2))
        return np.bincount(index, weights=value, minlength=len(self.known)).astype(np.float64, copy=False)

    def _by_words(self, rows: Weighted, basket: Ints) -> tuple[Ints, Floats]:
        words, weights = rows.rows.spread_thin(basket, 1.0 / np.maximum(rows.length[basket], 1e-9))
        rare = rows.frequency[words] <= COMMON
        at, owner = rows.by_word.places(words[rare])
        return rows.by_word.index[at], rows.by_word.value[at] * weights[rare][owner]


def reading_of(known: Known, statements: Sequence[Statement], scope: AccessScope, *, min_people: int = 1) -> Reading:
    """What a scope shows of the known tables, and the counts of the statements that it may know of."""
    counts = counts_of(known, statements, known.permitted(scope), min_people=min_people)
    return Reading(known, counts.shown, counts)
