"""Words of documents as memory-mappable arrays: for each term, which documents have it and how often in each field.

Journey 2, step "candidates from the lexical index". Statistics (document frequency, lengths) are never stored: they are
taken inside the caller's scope at query time, so that what a reader may not see moves no score.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_TF = 255
"""Counts are kept in a byte: what occurs more often says no more."""


@dataclass(frozen=True, slots=True)
class Postings:
    """Sorted terms, and their documents.

    Attributes:
        term_bytes: all terms in byte order, concatenated, uint8.
        term_start: where each begins, int64 (terms + 1,).
        start: where each term's documents begin, int64 (terms + 1,).
        docs: document rows, int32 (postings,), ascending within a term.
        tf: how often, by field, uint8 (postings, fields), counts over 255 cut.
        lengths: tokens by document and field, int32 (documents, fields).

    """

    term_bytes: NDArray[np.uint8]
    term_start: NDArray[np.int64]
    start: NDArray[np.int64]
    docs: NDArray[np.int32]
    tf: NDArray[np.uint8]
    lengths: NDArray[np.int32]

    @property
    def n_docs(self) -> int:
        """How many documents."""
        return int(self.lengths.shape[0])

    @property
    def n_terms(self) -> int:
        """How many distinct terms."""
        return len(self.term_start) - 1

    def term(self, row: int) -> bytes:
        """The UTF-8 bytes of a term."""
        return self.term_bytes[self.term_start[row] : self.term_start[row + 1]].tobytes()

    def find(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]] | None:
        """Documents (ascending) and counts by field of a term, None where no document has it."""
        wanted = term.encode("utf-8", "surrogatepass")
        row = bisect_left(_Terms(self), wanted)
        if row == self.n_terms or self.term(row) != wanted:
            return None
        here = slice(int(self.start[row]), int(self.start[row + 1]))
        return self.docs[here], self.tf[here]

    def terms(self) -> Iterator[bytes]:
        """All terms in byte order."""
        blob = self.term_bytes.tobytes()
        starts = self.term_start.tolist()
        return (blob[a:b] for a, b in pairwise(starts))


class _Terms(Sequence[bytes]):
    """The sorted terms as a sequence, for bisection without unpacking them."""

    def __init__(self, postings: Postings) -> None:
        self._postings = postings

    def __len__(self) -> int:
        return self._postings.n_terms

    def __getitem__(self, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204 - slices are never asked for
        return self._postings.term(row)


def build_postings(documents: Sequence[Sequence[Sequence[str]]], n_fields: int) -> Postings:
    """Postings of documents given as tokens by field."""
    fields = [field for document in documents for field in document]
    lengths = np.fromiter(map(len, fields), dtype=np.int32, count=len(fields)).reshape(-1, n_fields)
    code_of: dict[str, int] = {}
    codes = np.fromiter((code_of.setdefault(t, len(code_of)) for field in fields for t in field), dtype=np.int64)
    spelled = [token.encode("utf-8", "surrogatepass") for token in code_of]
    by_bytes = sorted(range(len(spelled)), key=spelled.__getitem__)
    row_of = np.empty(len(spelled), dtype=np.int64)
    row_of[by_bytes] = np.arange(len(spelled))
    place = np.repeat(np.arange(len(fields)), lengths.ravel())
    pair = row_of[codes] * max(len(documents), 1) + place // n_fields
    pairs, posting = np.unique(pair, return_inverse=True)
    counts = np.bincount(posting * n_fields + place % n_fields, minlength=len(pairs) * n_fields)
    tf = np.minimum(counts, MAX_TF).astype(np.uint8).reshape(-1, n_fields)
    term, doc = np.divmod(pairs, max(len(documents), 1))
    start = np.zeros(len(spelled) + 1, dtype=np.int64)
    np.cumsum(np.bincount(term, minlength=len(spelled)), out=start[1:])
    return _assemble([spelled[code] for code in by_bytes], start, doc.astype(np.int32), tf, lengths)


def merge_postings(pieces: Sequence[Postings], keep: Sequence[NDArray[np.bool_]]) -> Postings:
    """One postings from several: the kept documents of each piece in order, the others left out."""
    n_fields = pieces[0].lengths.shape[1]
    offsets = np.cumsum([0, *(int(mask.sum()) for mask in keep)])
    vocabulary = sorted({term for piece in pieces for term in piece.terms()})
    code_of = {term: code for code, term in enumerate(vocabulary)}
    codes, docs, tfs = [], [], []
    for piece, mask, offset in zip(pieces, keep, offsets[:-1], strict=True):
        new_row = np.cumsum(mask, dtype=np.int64) - 1 + offset
        of_terms = np.fromiter((code_of[term] for term in piece.terms()), dtype=np.int64, count=piece.n_terms)
        kept = mask[piece.docs]
        codes.append(np.repeat(of_terms, np.diff(piece.start))[kept])
        docs.append(new_row[piece.docs][kept])
        tfs.append(piece.tf[kept])
    code, doc = np.concatenate(codes), np.concatenate(docs)
    order = np.lexsort((doc, code))
    per_term = np.bincount(code, minlength=len(vocabulary))
    used = np.flatnonzero(per_term)
    start = np.zeros(len(used) + 1, dtype=np.int64)
    np.cumsum(per_term[used], out=start[1:])
    lengths = np.concatenate([piece.lengths[mask] for piece, mask in zip(pieces, keep, strict=True)])
    tf = np.concatenate(tfs)[order].reshape(-1, n_fields)
    return _assemble([vocabulary[row] for row in used], start, doc[order].astype(np.int32), tf, lengths)


def _assemble(
    terms: Sequence[bytes],
    start: NDArray[np.int64],
    docs: NDArray[np.int32],
    tf: NDArray[np.uint8],
    lengths: NDArray[np.int32],
) -> Postings:
    term_start = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum([len(term) for term in terms], out=term_start[1:])
    term_bytes = np.frombuffer(b"".join(terms), dtype=np.uint8)
    return Postings(term_bytes, term_start, start, docs, tf, lengths)
