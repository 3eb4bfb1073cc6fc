"""A segment: some tables' words, vectors and records as immutable arrays. The base, the small ones and the delta are all one.

Journey 1, steps "index" and "merge". Built from documents, merged array by array, written and mapped by `segment_file`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.indexer.index.facet_index import FACETS, FacetIndex, facet_of
from services.indexer.index.keys import Ids, SegmentKeys
from services.indexer.index.name_index import (
    Completions,
    Numbers,
    Postfixes,
    Shelf,
    completions,
    last_names,
    numbers_of,
    postfixes,
    squeezed,
    word_shelf,
)
from services.indexer.index.postings import Postings, build_postings, merge_postings
from services.indexer.index.signatures import Signatures, signatures
from services.indexer.index.texts import Texts
from services.indexer.index.vectors import Vectors
from services.indexer.text.document import Document, Record, text_hash

TABLE_FIELDS = ("name", "description", "columns", "tags")
COLUMN_FIELDS = ("name", "description")
EVIDENCE_FIELDS = ("evidence",)
LOOKED_UP = (
    "ids",
    "own_names",
    "qualified",
    "paths",
    "homes",
    "updated",
    "foreign",
    "facets",
    "rows_by_name",
    "postfixes",
    "name_words",
    "name_numbers",
    "completions",
    "column_names",
    "column_signatures",
    "keys",
)
"""What is made of the records once, and written with a segment."""
FOUND = ("scope_masks", "kept")
"""What questions have found out about a segment."""
Lookup = Callable[[Sequence[bytes]], Mapping[bytes, NDArray[np.float16]]]
"""Text hashes in, the vectors that are known out, float16 (dimension,)."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Tables with their columns. Rows are tables in the order they were added; columns follow their tables' order.

    Attributes:
        records: what filters and facets need, one a table.
        words: postings over tables, fields `TABLE_FIELDS`.
        column_words: postings over columns, fields `COLUMN_FIELDS`.
        evidence: postings over tables, field `EVIDENCE_FIELDS`: what each says about abbreviations.
        column_start: where each table's columns begin, int64 (tables + 1,).
        restricted: whether a column is left out of its table, bool (columns,).
        text, name_text: row of the table's text and of its name alone in `texts`, int32 (tables,).
        column_text: row of the column's text in `column_texts`, int32 (columns,).

    """

    records: Sequence[Record]
    words: Postings
    column_words: Postings
    evidence: Postings
    column_start: NDArray[np.int64]
    restricted: NDArray[np.bool_]
    text: NDArray[np.int32]
    name_text: NDArray[np.int32]
    column_text: NDArray[np.int32]
    texts: Texts
    column_texts: Texts

    def __len__(self) -> int:
        return len(self.records)

    @property
    def n_columns(self) -> int:
        """How many columns all its tables have."""
        return len(self.column_text)

    @cached_property
    def owner(self) -> NDArray[np.int32]:
        """The table of each column, int32 (columns,)."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.column_start))

    @cached_property
    def columns_of_text(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Columns by text: (start (texts + 1,), columns ordered by text)."""
        order = np.argsort(self.column_text, kind="stable")
        counts = np.bincount(self.column_text, minlength=len(self.column_texts.row))
        return np.concatenate([[0], np.cumsum(counts)]), order

    @cached_property
    def tables_of_text(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tables by their texts and names, as `columns_of_text`; a table whose text is its name comes twice."""
        both = np.concatenate([self.text, self.name_text])
        order = np.argsort(both, kind="stable") % max(len(self), 1)
        counts = np.bincount(both, minlength=len(self.texts.row))
        return np.concatenate([[0], np.cumsum(counts)]), order

    @cached_property
    def scope_masks(self) -> dict[str, NDArray[np.bool_]]:
        """What each scope permits, by `AccessScope.key`: filled by the view that asks first."""
        return {}

    @cached_property
    def kept(self) -> dict[str, object]:
        """What later steps have found out about this segment, by what it is called."""
        return {}

    @cached_property
    def ids(self) -> Ids:
        """The id of each table."""
        return Ids.of([record.id for record in self.records])

    @cached_property
    def own_names(self) -> Sequence[str]:
        """The last part of each table's name, as the source spells it."""
        return [record.parts[-1] for record in self.records]

    @cached_property
    def qualified(self) -> Sequence[str]:
        """The name of each table with dots between its parts, in lower case."""
        return [".".join(record.parts).lower() for record in self.records]

    @cached_property
    def paths(self) -> Sequence[str]:
        """The path of each table that scopes are asked about."""
        return [record.scope_path for record in self.records]

    @cached_property
    def homes(self) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.int32]]:
        """The sources and schemas of tables, and which each table has, int32 (tables,)."""
        code: dict[tuple[str, ...], int] = {}
        each = (code.setdefault((r.source, *r.parts[:-1]), len(code)) for r in self.records)
        codes = np.fromiter(each, dtype=np.int32, count=len(self))
        return tuple(code), codes

    @cached_property
    def facets(self) -> Mapping[str, FacetIndex]:
        """The fields that are counted and filtered on, by name."""
        return {field: facet_of(self.records, field) for field in FACETS}

    @cached_property
    def updated(self) -> NDArray[np.int32]:
        """The day of each table's last change (`Record.updated`), int32 (tables,); 0 where none is known."""
        return np.asarray([record.updated or 0 for record in self.records], dtype=np.int32)

    @cached_property
    def foreign(self) -> NDArray[np.bool_]:
        """Which tables are written in another language than the model's, bool (tables,)."""
        return np.fromiter((record.foreign for record in self.records), dtype=np.bool_, count=len(self))

    @cached_property
    def column_names(self) -> tuple[Sequence[str], NDArray[np.int32]]:
        """The distinct names of columns in lower case, ascending, and which one each column has, int32 (columns,)."""
        lowered = [name.lower() for record in self.records for name in record.columns]
        names = sorted(set(lowered))
        code_of = {name: code for code, name in enumerate(names)}
        return names, np.fromiter(map(code_of.__getitem__, lowered), dtype=np.int32, count=len(lowered))

    @cached_property
    def keys(self) -> SegmentKeys:
        """The declared foreign keys of its tables."""
        return SegmentKeys.of(self.records, self.ids)

    @cached_property
    def rows_by_name(self) -> Shelf:
        """The tables by the last part of their name, in lower case; by what follows its last dot where it has one."""
        return last_names(self.records)

    @cached_property
    def name_lengths(self) -> NDArray[np.int32]:
        """The length of each table's own name, in code points, int32 (tables,)."""
        return np.fromiter(map(len, self.own_names), dtype=np.int32, count=len(self))

    @cached_property
    def postfixes(self) -> Postfixes:
        """The ends of its tables' names, to be found with a typing mistake."""
        return postfixes(self.records)

    @cached_property
    def name_words(self) -> Shelf:
        """The words of its tables' names, to be found by their beginnings."""
        return word_shelf(self.records)

    @cached_property
    def name_numbers(self) -> Numbers:
        """The numbers in each table's own name."""
        return numbers_of(self.own_names)

    @cached_property
    def column_signatures(self) -> Signatures:
        """Of the distinct names in `column_names`, without separators."""
        return signatures([squeezed(name) for name in self.column_names[0]])

    @cached_property
    def completions(self) -> Completions:
        """What may be typed to get a table or a column of it."""
        return completions(self.records)

    def row_of(self, asset: AssetId) -> int | None:
        """The row of one of its tables; None where it is none."""
        row = int(self.ids.places_of(Ids.of([asset]))[0])
        return row if row >= 0 else None

    @property
    def names_prepared(self) -> bool:
        """Whether `prepare_names` has nothing to do."""
        return all(name in vars(self) for name in LOOKED_UP)

    def prepare_names(self) -> None:
        """Make now what questions would make when they are first asked: seconds for a hundred thousand tables."""
        for name in LOOKED_UP:
            getattr(self, name)

    def with_lookups(self, made: Mapping[str, object]) -> Segment:
        """The same segment with what was made of it before, by the names in `LOOKED_UP` and `FOUND`."""
        other = replace(self)
        vars(other).update({name: known for name, known in vars(self).items() if name in LOOKED_UP} | dict(made))
        return other

    def with_texts(self, texts: Texts, column_texts: Texts) -> Segment:
        """The same tables with texts in the same order, whose vectors are others or stand elsewhere."""
        if texts is self.texts and column_texts is self.column_texts:
            return self
        other = replace(self, texts=texts, column_texts=column_texts)
        # nothing that was made of tables and texts depends on vectors, which come many times while a warehouse is embedded
        so_far = vars(self).copy()  # at once: questions that are answered meanwhile go on making more
        vars(other).update({name: made for name, made in so_far.items() if name not in vars(other)})
        return other

    def missing(self) -> list[bytes]:
        """The hashes of all texts that still want a vector."""
        return [*self.texts.missing(), *self.column_texts.missing()]


def build_segment(documents: Sequence[Document], vectors: Lookup, dimension: int) -> Segment:
    """A segment of some documents, with the vectors that are known so far."""
    columns = [pair for document in documents for pair in document.column_tokens]
    starts = np.zeros(len(documents) + 1, dtype=np.int64)
    np.cumsum([len(document.column_texts) for document in documents], out=starts[1:])
    both = [*(document.text for document in documents), *(document.name_text for document in documents)]
    text, texts = _texts(both, vectors, dimension)
    flat = [value for document in documents for value in document.column_texts]
    column_text, column_texts = _texts(flat, vectors, dimension)
    restricted = [value for document in documents for value in document.record.restricted]
    return Segment(
        records=tuple(document.record for document in documents),
        words=build_postings([(d.name, d.description, d.column_words, d.tag_words) for d in documents], len(TABLE_FIELDS)),
        column_words=build_postings(columns, len(COLUMN_FIELDS)),
        evidence=build_postings([(d.evidence,) for d in documents], len(EVIDENCE_FIELDS)),
        column_start=starts,
        restricted=np.asarray(restricted, dtype=np.bool_),
        text=text[: len(documents)],
        name_text=text[len(documents) :],
        column_text=column_text,
        texts=texts,
        column_texts=column_texts,
    )


def with_vectors(segment: Segment, vectors: Lookup) -> Segment:
    """The same segment with the vectors that have become known; itself where none has."""
    return segment.with_texts(_filled(segment.texts, vectors), _filled(segment.column_texts, vectors))


def merge_segments(segments: Sequence[Segment], keep: Sequence[NDArray[np.bool_]]) -> Segment:
    """One segment of the kept tables of several, in order; nothing is encoded or read from the store again."""
    keep_columns = [mask[segment.owner] for segment, mask in zip(segments, keep, strict=True)]
    widths = [np.diff(segment.column_start)[mask] for segment, mask in zip(segments, keep, strict=True)]
    starts = np.concatenate([[0], np.cumsum(np.concatenate(widths))]).astype(np.int64)
    n = sum(int(mask.sum()) for mask in keep)
    both = [(s.text[m], s.texts) for s, m in zip(segments, keep, strict=True)]
    text, texts = _merged_texts([*both, *((s.name_text[m], s.texts) for s, m in zip(segments, keep, strict=True))])
    column_text, column_texts = _merged_texts(
        [(s.column_text[m], s.column_texts) for s, m in zip(segments, keep_columns, strict=True)]
    )
    return Segment(
        records=tuple(
            r for s, m in zip(segments, keep, strict=True) for r, kept in zip(s.records, m.tolist(), strict=True) if kept
        ),
        words=merge_postings([s.words for s in segments], keep),
        column_words=merge_postings([s.column_words for s in segments], keep_columns),
        evidence=merge_postings([s.evidence for s in segments], keep),
        column_start=starts,
        restricted=np.concatenate([s.restricted[m] for s, m in zip(segments, keep_columns, strict=True)]),
        text=text[:n],
        name_text=text[n:],
        column_text=column_text,
        texts=texts,
        column_texts=column_texts,
    )


def _texts(values: Sequence[str], vectors: Lookup, dimension: int) -> tuple[NDArray[np.int32], Texts]:
    row_of: dict[bytes, int] = {}
    of_value = [row_of.setdefault(text_hash(value), len(row_of)) for value in values]
    hashes = list(row_of)
    known = vectors(hashes)
    have = [text for text in hashes if text in known]
    rows = np.full(len(hashes), -1, dtype=np.int32)
    rows[[row_of[text] for text in have]] = np.arange(len(have), dtype=np.int32)
    stacked = np.stack([known[text] for text in have]) if have else np.zeros((0, dimension), dtype=np.float16)
    texts = Texts(_hash_array(hashes), rows, Vectors.of(stacked, dimension))
    return np.asarray(of_value, dtype=np.int32), texts


def _filled(texts: Texts, vectors: Lookup) -> Texts:
    missing = np.flatnonzero(texts.row < 0).tolist()
    known = vectors([texts.hash(text) for text in missing]) if len(missing) else {}
    if not known:
        return texts
    row = texts.row.copy()
    new = [text for text in missing if texts.hash(text) in known]
    row[new] = np.arange(len(new), dtype=np.int32) + len(texts.vectors)
    stacked = np.concatenate([texts.vectors.rows, np.stack([known[texts.hash(text)] for text in new])])
    return Texts(texts.hashes, row, Vectors.of(stacked, texts.vectors.dimension))


def _merged_texts(pieces: Sequence[tuple[NDArray[np.int32], Texts]]) -> tuple[NDArray[np.int32], Texts]:
    row_of: dict[bytes, int] = {}
    gathered: dict[int, NDArray[np.float16]] = {}
    columns = []
    for used, texts in pieces:
        new_of = np.full(len(texts.row), -1, dtype=np.int32)
        for text in np.unique(used).tolist():
            new = row_of.setdefault(texts.hash(text), len(row_of))
            new_of[text] = new
            if new not in gathered and texts.row[text] >= 0:
                gathered[new] = texts.vectors.rows[texts.row[text]]
        columns.append(new_of[used])
    dimension = pieces[0][1].vectors.dimension
    order = sorted(gathered)
    row = np.full(len(row_of), -1, dtype=np.int32)
    row[order] = np.arange(len(order), dtype=np.int32)
    stacked = np.stack([gathered[text] for text in order]) if order else np.zeros((0, dimension), dtype=np.float16)
    return np.concatenate(columns), Texts(_hash_array(list(row_of)), row, Vectors.of(stacked, dimension))


def _hash_array(hashes: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(-1, 16)
