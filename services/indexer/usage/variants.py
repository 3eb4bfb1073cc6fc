"""Names that are another name with one word more, and on which side a basket stands: `card` and `nonprod_card`, `orders` and `orders_tmp`.

Journey 2, "used together", beside `features`: a basket without the word goes with tables without it, as far as they come in pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.indexer.usage.known import Known
from services.indexer.usage.sparse import Floats, Ints, Sparse

FEW = 4
"""Tables of one schema that come in pairs by a word below which the word is a coincidence."""
LEAST, MOST = -4.0, 2.0
"""Log-odds beyond are as good as these."""


@dataclass(frozen=True, eq=False)
class Variants:
    """Pairs of shown tables whose names differ by one word that only one of them has.

    Attributes:
        known: the tables.
        more: table by word, which share of its schema comes in pairs by the word, where the table has it and another does without.
        less: the same of those others.
        prior: of what is read of such pairs, which share is read of those with the word, float64 (words,); 0.5 where nothing is.

    """

    known: Known
    more: Sparse
    less: Sparse
    prior: Floats

    @classmethod
    def of(cls, known: Known, shown: NDArray[np.bool_], schema_size: Floats, read: Floats) -> Variants:
        """Find them among the tables that are shown."""
        width = len(known.word_hash)
        name = known.step + known.step_home
        rows = np.flatnonzero(shown)
        names, place = np.unique(name[rows], return_inverse=True)
        sizes = np.bincount(place, minlength=len(names))
        same_name = Sparse.of_lists([[]], len(known))
        if len(names):
            start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            same_name = Sparse(start, rows[np.argsort(place, kind="stable")], np.ones(len(rows)), len(known))
        table, word = _entries(known, rows)
        # unsigned numbers wrap around: what is left of a sum is the sum of what is left
        shorter = name[table] - known.word_hash[word]
        at = np.minimum(np.searchsorted(names, shorter), max(len(names) - 1, 0))
        found = np.flatnonzero(names[at] == shorter) if len(names) else np.zeros(0, dtype=np.int64)
        others, owner = same_name.places(at[found])
        with_it = np.unique(table[found] * width + word[found])
        without = np.unique(same_name.index[others] * width + word[found][owner])
        share = _share_of_schema(known, np.concatenate([with_it, without]), width, schema_size)
        prior = _read(with_it, width, read) + 0.5
        prior /= prior + _read(without, width, read) + 0.5
        sides = [
            Sparse.of(keys // width, keys % width, part, (len(known), width))
            for keys, part in ((with_it, share[: len(with_it)]), (without, share[len(with_it) :]))
        ]
        return cls(known, sides[0], sides[1], prior)

    def odds(self, basket: Ints, candidates: Ints) -> Floats:
        """The log-odds of each candidate by the side on which the basket stands, from `LEAST` to `MOST`; 0 where nothing is told."""
        width = self.more.width
        has = np.bincount(_entries(self.known, basket)[1], minlength=width)
        lacks = np.bincount(self.less.index[self.less.places(basket)[0]], minlength=width)
        told = np.flatnonzero(has + lacks)
        share = (has[told] + self.prior[told]) / (has[told] + lacks[told] + 1.0)
        for_more, for_less = np.zeros((2, width))
        for_more[told] = np.log(share / 0.5)
        for_less[told] = np.log((1.0 - share) / 0.5)
        odds = self.more.gather(candidates, for_more) + self.less.gather(candidates, for_less)
        return np.clip(odds, LEAST, MOST)


def _entries(known: Known, rows: Ints) -> tuple[Ints, Ints]:
    """Each word of each of some tables, of its own name and of what stands before it: tables and words."""
    pieces = [(one, *one.places(rows)) for one in (known.words, known.home)]
    return (
        np.concatenate([rows[owner] for _, _, owner in pieces]),
        np.concatenate([one.index[at] for one, at, _ in pieces]),
    )


def _share_of_schema(known: Known, keys: Ints, width: int, schema_size: Floats) -> Floats:
    """Of each table and word, which share of the table's schema comes in pairs by the word; 0 where those are `FEW`."""
    _, group, many = np.unique(known.schema[keys // width] * width + keys % width, return_inverse=True, return_counts=True)
    share: Floats = np.where(many >= FEW, many, 0)[group] / schema_size[keys // width]
    return np.minimum(share, 1.0)


def _read(keys: Ints, width: int, read: Floats) -> Floats:
    return np.bincount(keys % width, weights=read[keys // width], minlength=width).astype(np.float64)
