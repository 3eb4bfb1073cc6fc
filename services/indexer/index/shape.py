"""Whether a segment's arrays fit together, so that nothing reads past the end of one while it is compared.

For `verify`: a segment that was published fits, one that was damaged may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import parse_asset_id
from services.indexer.index.name_index import Completions, Shelf
from services.indexer.index.postings import Postings
from services.indexer.index.segment import COLUMN_FIELDS, EVIDENCE_FIELDS, TABLE_FIELDS, Segment
from services.indexer.index.strings import Strings
from services.indexer.index.texts import Texts
from services.indexer.text.document import Key


def misfits(segment: Segment) -> list[str]:
    """What does not fit, one phrase each; empty for a segment that can be compared row by row."""
    n_columns = segment.column_text.size
    found = [*_rows(segment, n_columns)]
    if not found:  # of a segment without lookups they are made of its records
        found += _lookups(segment, n_columns)
    found += _postings(segment.words, len(segment), len(TABLE_FIELDS), "the tables' words")
    found += _postings(segment.column_words, n_columns, len(COLUMN_FIELDS), "the columns' words")
    found += _postings(segment.evidence, len(segment), len(EVIDENCE_FIELDS), "what tables say about abbreviations")
    found += _texts(segment.text, segment.texts, len(segment), "the tables' texts")
    found += _texts(segment.name_text, segment.texts, len(segment), "the tables' names")
    found += _texts(segment.column_text, segment.column_texts, n_columns, "the columns' texts")
    return found


def _rows(segment: Segment, n_columns: int) -> Iterator[str]:
    if not _is(segment.restricted, "b", (n_columns,)):
        yield "the marks of restricted columns"
    widths: list[int] = []
    even = known = named = True
    for record in segment.records:  # read once: a file's are not kept
        widths.append(len(record.columns))
        even = even and widths[-1] == len(record.column_ids) == len(record.restricted) == len(record.types)
        known = known and all(map(_is_key, record.foreign_keys))
        named = named and bool(record.parts) and parse_asset_id(record.id) is not None
    if not _starts(segment.column_start, len(segment), n_columns) or widths != np.diff(segment.column_start).tolist():
        yield "the records and the places of their columns"
    if not even:
        yield "the columns of a record"
    if not known:
        yield "the keys of a record"
    if not named:
        yield "the id or the name of a record"


def _is_key(key: Key) -> bool:
    return parse_asset_id(key.target) is not None and len(key.ref_columns) in (0, len(key.columns))


def _lookups(segment: Segment, n_columns: int) -> Iterator[str]:
    """What is looked up by name, as far as reading past an end goes."""
    n = len(segment)
    names, codes = segment.column_names
    homes, home = segment.homes
    texts = (segment.own_names, segment.qualified, segment.paths)
    shelves = (segment.rows_by_name, segment.name_words, *_shelves(segment.completions))
    ends, keys = segment.postfixes, segment.keys
    fits = (
        len(segment.ids) == n
        and all(len(one) == n for one in texts)
        and all(map(_is_whole, (*texts, names, *(shelf.keys for shelf in shelves))))
        and _is(segment.updated, "i", (n,))
        and _is(segment.foreign, "b", (n,))
        and _is(codes, "i", (n_columns,))
        and _within(codes, 0, len(names))
        and _is(home, "i", (n,))
        and _within(home, 0, len(homes))
        and all(_starts(s.start, len(s.keys), s.rows.size) and _within(s.rows, 0, n) for s in shelves)
        and _starts(segment.name_numbers.start, n, segment.name_numbers.code.size)
        and _is(segment.completions.order, "i", (n,))
        and all(one.codes.size == one.rows.size for one in segment.facets.values())
        and all(_within(one.rows, 0, n) and _within(one.codes, 0, len(one.values)) for one in segment.facets.values())
        and len(ends.signatures.chars) == len(ends.signatures.pairs) == len(ends.signatures.lengths) == ends.rows.size
        and ends.rows.size == ends.starts.size
        and _within(ends.rows, 0, n)
        and len(segment.column_signatures.chars) == len(segment.column_signatures.lengths) == len(names)
        and len(keys.target) == keys.source.size == keys.nth.size
        and _within(keys.source, 0, n)
    )
    if not fits:
        yield "what is looked up by name"


def _shelves(completions: Completions) -> tuple[Shelf, ...]:
    return completions.names, completions.inner, completions.columns


def _is_whole(texts: Sequence[str]) -> bool:
    return not isinstance(texts, Strings) or _starts(texts.start, len(texts), texts.text.size)


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


def _within(array: NDArray[np.integer[Any]], least: int, end: int) -> bool:
    return array.size == 0 or (int(array.min()) >= least and int(array.max()) < end)
