"""Vectors of distinct texts: half-precision rows that FAISS's own code scores, inside a selection of them.

Journey 2, step "candidates from FAISS". The one module that imports faiss. It returns k of k under any filter, and equal rows
get equal scores wherever they stand, which the access oracle relies on. Few rows are searched exactly; many stand in lists
of neighbours (`lists`), of which the nearest are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from services.common.errors import IndexDamaged
from services.indexer.index.lists import Lists, in_lists

LISTED_FROM = 50_000
"""Rows from which a segment's vectors stand in lists: below, the exact search of all takes about 2 ms (ADR 6)."""
READ_SHARE, READ_A_HIT, READ_LEAST = 140, 40, 4_000
"""Of rows in lists one in so many is scored, or so many for each hit that is wanted, and never fewer than the last: .99 and more of the 10
nearest of 100,000 (`make bench ARGS="vectors"`)."""
FILTERED = 4
"""So many times as many allowed rows are scored where a filter leaves some out, and never fewer than twice the least: the nearest that it
leaves are farther away."""
EXACT_UP_TO = 20_000
"""Rows that a filter may pass for them to be taken out and scored one and all, which takes 1.6 ms; looking at all others with
FAISS's selector takes three times as long (2.3 ms against 0.8 for a tenth of 100,000)."""
_AT_ONCE = 512
"""Rows taken out at once: 400 KB, which stay in the processor's cache."""
_BELOW_ALL = -2.0
"""Less than any cosine."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Which rows may be found; made once for a view, so that what searching needs to know of it is found out once.

    Attributes:
        mask: bool (rows,).
        lists: the lists that the rows stand in; None where there are none.

    """

    mask: NDArray[np.bool_]
    lists: Lists | None = None

    @cached_property
    def n(self) -> int:
        """How many rows."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The rows, ascending."""
        return np.flatnonzero(self.mask)

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """The mask, eight rows a byte."""
        return np.packbits(self.mask, bitorder="little")

    @cached_property
    def counts(self) -> NDArray[np.int64] | None:
        """How many rows of each list."""
        return None if self.lists is None else self.lists.count(self.mask)


@dataclass(frozen=True, eq=False)
class Vectors:
    """Unit vectors in half precision, one a row.

    Attributes:
        index: the FAISS index, never changed after it was made.
        dimension: length of a row.
        lists: the lists that the rows stand in, one after another; None where they are few.

    """

    index: Any
    dimension: int
    lists: Lists | None = None

    @classmethod
    def of(cls, rows: NDArray[np.float32] | NDArray[np.float16], dimension: int) -> Vectors:
        """Vectors from rows of unit length, float (n, dimension); n may be 0."""
        index = _flat(dimension)
        if len(rows):
            index.add(np.ascontiguousarray(rows, dtype=np.float32))
        return cls(index, dimension)

    @classmethod
    def load(cls, path: Path, dimension: int) -> Vectors:
        """Vectors from a file, mapped and not read: several processes share one copy.

        Raises:
            IndexDamaged: FAISS cannot read the file, or it holds something else.

        """
        try:
            # already of its own class; a second downcast would not own what the first one frees
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except (RuntimeError, MemoryError) as error:
            raise IndexDamaged(f"{path.name} cannot be read; run `headwater verify`") from error
        whole = isinstance(index, faiss.IndexScalarQuantizer) and index.codes.size() == index.ntotal * dimension * 2
        if not whole or index.d != dimension:
            raise IndexDamaged(f"{path.name} does not hold vectors of {dimension} dimensions; run `headwater verify`")
        return cls(index, dimension)

    def listed(self) -> tuple[Vectors, NDArray[np.int64]]:
        """The same rows list by list, and which row each one was."""
        lists, order = in_lists(self.rows)
        index = _flat(self.dimension)
        faiss.copy_array_to_vector(self.rows[order].view(np.uint8).ravel(), index.codes)
        index.ntotal = len(order)
        return Vectors(index, self.dimension, lists), order

    def with_lists(self, lists: Lists) -> Vectors:
        """The same vectors, which stand in these lists.

        Raises:
            IndexDamaged: these are not the lists of so many rows.

        """
        if not lists.fits(len(self), self.dimension):
            raise IndexDamaged(f"the lists are not those of {len(self)} vectors; run `headwater verify`")
        return replace(self, lists=lists)

    @classmethod
    def salvage(cls, path: Path, dimension: int, n: int) -> Vectors:
        """The n rows at the end of a damaged file, read without FAISS, which trusts what a file says of itself.

        Raises:
            IndexDamaged: the file is too short.

        """
        size = n * dimension * 2
        raw = path.read_bytes()[-size:] if size else b""
        if len(raw) != size:
            raise IndexDamaged(f"{path.name} is shorter than {n} vectors")
        return cls.of(np.frombuffer(raw, dtype=np.float16).reshape(n, dimension), dimension)

    def save(self, path: Path) -> None:
        """Write the rows to a file.

        Raises:
            OSError: it cannot be written.

        """
        try:
            faiss.write_index(self.index, str(path))
        except RuntimeError as error:
            raise OSError(f"{path.name} cannot be written") from error

    def __len__(self) -> int:
        return int(self.index.ntotal)

    @cached_property
    def rows(self) -> NDArray[np.float16]:
        """All rows, float16 (n, dimension), without a copy."""
        n = len(self)
        if n == 0:
            return np.zeros((0, self.dimension), dtype=np.float16)
        raw = faiss.rev_swig_ptr(self.index.codes.data(), n * self.dimension * 2)
        return raw.view(np.float16).reshape(n, self.dimension)

    def selection(self, mask: NDArray[np.bool_]) -> Selection:
        """Some of the rows, bool (n,), to search in."""
        return Selection(mask, self.lists)

    def search(
        self, query: NDArray[np.float32], k: int, allowed: Selection | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k best rows and their cosines, best first; fewer where fewer are allowed.

        Where rows stand in lists and many are allowed, a row in a list that is far from the question may be missed.

        Args:
            query: a unit vector, float32 (dimension,).
            k: how many.
            allowed: which rows may be found; None means all.

        """
        n = len(self) if allowed is None else allowed.n
        k = min(k, n)
        if k <= 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        best = _Best(k)
        if allowed is not None and n <= EXACT_UP_TO:
            with self._scanner(query) as scanner:
                for taken, at in self._taken(allowed.rows):
                    best.look(scanner, taken.ctypes.data, allowed.rows.ctypes.data + 8 * at, len(taken))
            return best.found()
        size, (codes, numbers) = self.dimension * 2, self._addresses
        with self._scanner(query, allowed) as scanner:
            for begin, end in self._worth(query, k, allowed):
                best.look(scanner, codes + begin * size, numbers + begin * 8, end - begin)
        return best.found()

    def scores(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosines of some rows, float32 (len(rows),), to the last bit those that `search` gives."""
        # not a matrix product: BLAS adds up a row differently by where it stands among the others
        numbers, out = np.arange(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.float32)
        # of what is in range FAISS keeps a list, and all is: where it keeps the best it puts them in order
        every = faiss.RangeSearchResult(1)
        pieces = faiss.RangeSearchPartialResult(every)  # type: ignore[attr-defined]
        found = pieces.new_result(0)
        with self._scanner(query) as scanner:
            for codes, at in self._taken(rows):
                first = faiss.cast_integer_to_idx_t_ptr(numbers.ctypes.data + 8 * at)
                scanner.scan_codes_range(len(codes), faiss.swig_ptr(codes), first, _BELOW_ALL, found)
        pieces.finalize()
        n = int(faiss.rev_swig_ptr(every.lims, 2)[1])
        if n:
            out[faiss.rev_swig_ptr(every.labels, n)] = faiss.rev_swig_ptr(every.distances, n)
        return out

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        """The number of each row, for FAISS to return."""
        return np.arange(len(self), dtype=np.int64)

    @cached_property
    def _addresses(self) -> tuple[int, int]:
        """Where the rows and their numbers lie in memory."""
        return self.rows.ctypes.data, self._numbers.ctypes.data

    def _worth(self, query: NDArray[np.float32], k: int, allowed: Selection | None) -> Iterable[tuple[int, int]]:
        """Where the runs of rows begin and end that are worth scoring."""
        if self.lists is None:
            return ((0, len(self)),)
        usual = max(len(self) // READ_SHARE, READ_A_HIT * k)
        wanted = max(usual, READ_LEAST) if allowed is None else max(FILTERED * usual, 2 * READ_LEAST)
        near = self.lists.nearest(query, wanted, None if allowed is None else allowed.counts)
        return zip(self.lists.start[near].tolist(), self.lists.start[near + 1].tolist(), strict=True)

    def _taken(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.uint8], int]]:
        """The codes of some rows in pieces, each with the place of its first one; a piece is gone when the next one comes."""
        # as bytes: in a mapped file the rows stand at odd addresses, and numpy would copy all of them first
        codes = self.rows.view(np.uint8)
        room = np.empty((min(_AT_ONCE, len(rows)), self.dimension * 2), dtype=np.uint8)
        for at in range(0, len(rows), _AT_ONCE):
            some = rows[at : at + _AT_ONCE]
            # numbers of rows are always inside: numpy then copies straight into the room
            yield np.take(codes, some, axis=0, out=room[: len(some)], mode="clip"), at

    @contextmanager
    def _scanner(self, query: NDArray[np.float32], allowed: Selection | None = None) -> Iterator[Any]:
        """What FAISS's own inverted lists are read with, so that no second copy of the rows is needed for them."""
        query = np.ascontiguousarray(query, dtype=np.float32)
        selector = None if allowed is None else faiss.IDSelectorBitmap(len(allowed.bits), faiss.swig_ptr(allowed.bits))
        scanner = self.index.sq.select_InvertedListScanner(faiss.METRIC_INNER_PRODUCT, None, False, selector)
        try:
            scanner.set_query(faiss.swig_ptr(query))
            yield scanner
        finally:
            # FAISS hands it over to whoever asked, and the wrapper does not know
            faiss.InvertedListScanner.__swig_destroy__(scanner)  # type: ignore[attr-defined]


class _Best:
    """The best rows of what was looked at, in the heap that FAISS fills.

    Args:
        n: how many.

    """

    def __init__(self, n: int) -> None:
        self.scores = np.full(n, -np.inf, dtype=np.float32)
        self.rows = np.full(n, -1, dtype=np.int64)
        # pointers are made once: a question looks at a hundred lists
        self._pointers = faiss.swig_ptr(self.scores), faiss.swig_ptr(self.rows)

    def look(self, scanner: Any, codes: int, numbers: int, n: int) -> None:
        """Look at n rows, given by the addresses of their codes and of their numbers."""
        codes_at = faiss.cast_integer_to_uint8_ptr(codes)  # type: ignore[attr-defined]
        scanner.scan_codes(n, codes_at, faiss.cast_integer_to_idx_t_ptr(numbers), *self._pointers, len(self.rows))

    def found(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores, best first."""
        order = np.lexsort((self.rows, -self.scores))
        order = order[self.rows[order] >= 0]
        return self.rows[order], self.scores[order]


def _flat(dimension: int) -> Any:
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def set_threads(n: int) -> None:
    """Let FAISS use n threads; one is right for a serving process, where requests run side by side."""
    faiss.omp_set_num_threads(n)
