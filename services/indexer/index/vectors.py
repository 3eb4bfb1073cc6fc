"""Vectors of distinct texts in FAISS: search over half-precision rows, inside a selection of them.

Journey 2, step "candidates from FAISS". The one module that imports faiss. It returns k of k under any filter, and equal rows
get equal scores wherever they stand, which the access oracle relies on. Few rows are searched exactly; among many, one-bit codes
say first which rows are worth it, and those are scored exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from services.common.errors import IndexDamaged

_AT_ONCE = 256
"""Rows scored at once: FAISS sorts what it returns, and 5,000 at once take nine times as long (16 ms against 1.8)."""
CODED_FROM = 50_000
"""Rows from which a segment has codes: below, the exact search of all takes about 2 ms (ADR 6)."""
EXACT_UP_TO = 20_000
"""Rows that a filter may pass for them to be searched exactly although there are codes: their scores take about 1 ms."""
SCORED, SCORED_A_HIT = 2_000, 10
"""Rows that are scored exactly after the codes were read: this many, or so many times k. Over 200,000 moved vectors of real texts
these hold all of the 10 nearest and .996 of the 264 nearest; the codes take 4.6 ms, the exact search of all 19.5 (`make bench
ARGS="vectors"`)."""
_QUERY_BITS = 4
"""Of a query's number beside a one-bit code, faiss's own default: 8 bits find as many and take a quarter longer."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Unit vectors in half precision, one a row.

    Attributes:
        index: the FAISS index, never changed after it was made.
        dimension: length of a row.
        codes: one bit a number of each row (RaBitQ: Gao and Long, SIGMOD 2024), a FAISS index; None where the rows are few.

    """

    index: Any
    dimension: int
    codes: Any = None

    @classmethod
    def of(cls, rows: NDArray[np.float32] | NDArray[np.float16], dimension: int) -> Vectors:
        """Vectors from rows of unit length, float (n, dimension); n may be 0."""
        index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
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

    def with_codes(self) -> Vectors:
        """The same vectors with codes made anew."""
        codes = faiss.IndexRaBitQ(self.dimension, faiss.METRIC_INNER_PRODUCT)
        codes.qb = _QUERY_BITS
        # training takes the mean alone; in pieces, so that not all rows stand in single precision at once
        codes.train(self.rows[:: max(len(self) // CODED_FROM, 1)].astype(np.float32))
        for at in range(0, len(self), CODED_FROM):
            codes.add(self.rows[at : at + CODED_FROM].astype(np.float32))
        return replace(self, codes=codes)

    def load_codes(self, path: Path) -> Vectors:
        """The same vectors with the codes of a file.

        Raises:
            IndexDamaged: FAISS cannot read the file, or it holds something else.

        """
        try:
            codes: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except (RuntimeError, MemoryError) as error:
            raise IndexDamaged(f"{path.name} cannot be read; run `headwater verify`") from error
        fits = isinstance(codes, faiss.IndexRaBitQ) and (codes.d, codes.ntotal) == (self.dimension, len(self))
        if not fits or codes.codes.size() != codes.ntotal * codes.code_size:
            raise IndexDamaged(f"{path.name} does not hold the codes of {len(self)} vectors; run `headwater verify`")
        return replace(self, codes=codes)

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

    def save(self, path: Path, codes: Path) -> None:
        """Write the index to a file, and where there are many rows their codes to another.

        Raises:
            OSError: one cannot be written.

        """
        try:
            faiss.write_index(self.index, str(path))
            if len(self) >= CODED_FROM:
                coded = self if self.codes is not None else self.with_codes()
                faiss.write_index(coded.codes, str(codes))
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

    def search(
        self, query: NDArray[np.float32], k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k best rows and their cosines, best first; fewer where fewer are allowed.

        Where there are codes and many rows are allowed, a row that is not among the very first may be missed (see `SCORED`).

        Args:
            query: a unit vector, float32 (dimension,).
            k: how many.
            allowed: which rows may be found, (n,); None means all.

        """
        n = len(self) if allowed is None else int(allowed.sum())
        k = min(k, n)
        if k <= 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        worth = max(SCORED, SCORED_A_HIT * k)
        if self.codes is None or n <= max(EXACT_UP_TO, worth):
            parameters = None if allowed is None else faiss.SearchParameters(sel=_selector(allowed))  # type: ignore[call-arg]
            scores, rows = self.index.search(query.reshape(1, -1), k, params=parameters)
            found = rows[0] >= 0
            return rows[0][found], scores[0][found]
        coded = faiss.RaBitQSearchParameters(sel=None if allowed is None else _selector(allowed), qb=_QUERY_BITS)  # type: ignore[call-arg]
        both = faiss.IndexRefine(self.codes, self.index)
        wanted = faiss.IndexRefineSearchParameters(k_factor=worth / k, base_index_params=coded)  # type: ignore[call-arg]
        scores, rows = both.search(query.reshape(1, -1), k, params=wanted)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def scores(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosines of some rows, float32 (len(rows),), to the last bit those that `search` gives."""
        # not a matrix product: BLAS adds up a row differently by where it stands among the others. And not a selection
        # in all rows, which looks at every one of them: indexes of these rows alone, over the same code, give the same
        out = np.zeros(len(rows), dtype=np.float32)
        for at in range(0, len(rows), _AT_ONCE):
            codes = self.rows[rows[at : at + _AT_ONCE]]
            some = faiss.IndexScalarQuantizer(self.dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
            faiss.copy_array_to_vector(codes.view(np.uint8).ravel(), some.codes)
            some.ntotal = len(codes)
            found, scores = Vectors(some, self.dimension).search(query, len(codes))
            out[at + found] = scores
        return out


def _selector(allowed: NDArray[np.bool_]) -> Any:
    """What FAISS asks whether a row may be found."""
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))  # type: ignore[call-arg,arg-type]  # wrapped to take an array


def set_threads(n: int) -> None:
    """Let FAISS use n threads; one is right for a serving process, where requests run side by side."""
    faiss.omp_set_num_threads(n)
