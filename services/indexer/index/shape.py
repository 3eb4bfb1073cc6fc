"""Whether a segment's arrays fit together, so that nothing reads past the end of one while it is compared.

For `verify`: a segment that was published fits, one that was damaged may not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import parse_asset_id
from services.indexer.index.postings import Postings
from services.indexer.index.segment import COLUMN_FIELDS, EVIDENCE_FIELDS, TABLE_FIELDS, Segment, Texts


def misfits(segment: Segment) -> list[str]:
    """What does not fit, one phrase each; empty for a segment that can be compared row by row."""
    n_columns = segment.column_text.size
    found = [*_rows(segment, n_columns)]
    found += _postings(segment.words, len(segment), len(TABLE_FIELDS), "the tables' words")
    found += _postings(segment.column_words, n_columns, len(COLUMN_FIELDS), "the columns' words")
    found += _postings(segment.evidence, len(segment), len(EVIDENCE_FIELDS), "what tables say about abbreviations")
    found += _texts(segment.text, segment.texts, len(segment), "the tables' texts")
    found += _texts(segment.name_text, segment.texts, len(segment), "the tables' names")
    found += _texts(segment.column_text, segment.column_texts, n_columns, "the columns' texts")
    return found


def _rows(segment: Segment, n_columns: int) -> Iterator[str]:
    widths = [len(record.columns) for record in segment.records]
    if not _starts(segment.column_start, len(segment), n_columns) or widths != np.diff(segment.column_start).tolist():
        yield "the records and the places of their columns"
    if not _is(segment.restricted, "b", (n_columns,)):
        yield "the marks of restricted columns"
    if any(not len(r.columns) == len(r.column_ids) == len(r.restricted) == len(r.types) for r in segment.records):
        yield "the columns of a record"
    keys = (key for record in segment.records for key in record.foreign_keys)
    if any(parse_asset_id(key.target) is None or len(key.ref_columns) not in (0, len(key.columns)) for key in keys):
        yield "the keys of a record"


def _postings(postings: Postings, n_docs: int, n_fields: int, what: str) -> Iterator[str]:
    n_terms, n_postings = max(postings.start.size - 1, 0), postings.docs.size
    fits = (
        _starts(postings.start, n_terms, n_postings)
        and _is(postings.term_bytes, "u", None)
        and _starts(postings.term_start, n_terms, postings.term_bytes.size)
        and _is(postings.docs, "i", (n_postings,))
        and _is(postings.tf, "u", (n_postings, n_fields))
        and _is(postings.lengths, "i", (n_docs, n_fields))
        and _within(postings.docs, 0, n_docs)
    )
    if not fits:
        yield what


def _texts(used: NDArray[np.int32], texts: Texts, n: int, what: str) -> Iterator[str]:
    n_texts = texts.row.size
    fits = (
        _is(used, "i", (n,))
        and _is(texts.row, "i", (n_texts,))
        and _is(texts.hashes, "u", (n_texts, 16))
        and _within(used, 0, n_texts)
        and _within(texts.row, -1, len(texts.vectors))
    )
    if not fits:
        yield what


def _starts(array: NDArray[np.int64], n: int, end: int) -> bool:
    """Whether an array says where each of n runs begins, the last ending at `end`."""
    if not _is(array, "i", (n + 1,)):
        return False
    return int(array[0]) == 0 and int(array[-1]) == end and bool((np.diff(array) >= 0).all())


def _is(array: NDArray[np.generic], kind: str, shape: tuple[int, ...] | None) -> bool:
    return array.dtype.kind == kind and (array.ndim == 1 if shape is None else array.shape == shape)


def _within(array: NDArray[np.int32], least: int, end: int) -> bool:
    return array.size == 0 or (int(array.min()) >= least and int(array.max()) < end)
