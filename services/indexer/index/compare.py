"""A row of a segment against the document that it should be: record, words, lengths, text hashes.

For `verify`. Postings are turned round once, so that each document's words can be read off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import chain

import numpy as np

from services.indexer.index.postings import MAX_TF, Postings
from services.indexer.index.segment import COLUMN_FIELDS, EVIDENCE_FIELDS, TABLE_FIELDS, Segment
from services.indexer.text.document import FIGURES, Document, Record, text_hash

Words = Sequence[Mapping[str, int]]
"""For each field of a document its terms and how often each occurs, cut as postings cut it."""
_RECORD = tuple(field.name for field in fields(Record) if field.name not in FIGURES)
_SHOWN = 3
"""Of the words or columns that differ, so many are named."""


class Inverted:
    """Postings by document.

    Args:
        postings: whose arrays fit together.
        names: what the fields are called.

    """

    def __init__(self, postings: Postings, names: Sequence[str]) -> None:
        self._names = names
        self._terms = [_spelled(term) for term in postings.terms()]
        self._lengths = postings.lengths
        order = np.argsort(postings.docs, kind="stable")
        self._term = np.repeat(np.arange(postings.n_terms), np.diff(postings.start))[order]
        self._tf = postings.tf[order]
        counts = np.bincount(postings.docs, minlength=postings.n_docs)
        self._start = np.concatenate([[0], np.cumsum(counts)])

    def differences(self, document: int, tokens: Sequence[Sequence[str]], want: Words) -> Iterator[str]:
        """How a document differs from its tokens by field, which `want` has counted."""
        here = slice(int(self._start[document]), int(self._start[document + 1]))
        terms = [self._terms[term] for term in self._term[here].tolist()]
        counts = self._tf[here].T.tolist()
        have = [{term: n for term, n in zip(terms, field, strict=True) if n} for field in counts]
        if have != want or len(terms) != len(set(chain(*want))):
            wrong = {
                term for a, b in zip(have, want, strict=True) for term in a.keys() | b.keys() if a.get(term) != b.get(term)
            }
            yield "its words differ: " + _shown(sorted(wrong) or ["one comes twice, or never"])
        lengths = self._lengths[document].tolist()
        if lengths != [len(field) for field in tokens]:
            wrong_fields = [n for n, a, f in zip(self._names, lengths, tokens, strict=True) if a != len(f)]
            yield "the number of words differs in: " + _shown(wrong_fields)


def counted(tokens: Sequence[Sequence[str]]) -> Words:
    """The words of a document given as tokens by field."""
    counts = [dict(Counter(field)) for field in tokens]
    if max(map(len, tokens), default=0) <= MAX_TF:
        return counts
    return [{term: min(n, MAX_TF) for term, n in field.items()} for field in counts]


@lru_cache(maxsize=32_768)
def _counted_column(tokens: tuple[tuple[str, ...], tuple[str, ...]]) -> Words:
    # equal columns of many tables are counted once
    return counted(tokens)


class Compared:
    """A segment that documents are compared with; its arrays fit together."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self._words = Inverted(segment.words, TABLE_FIELDS)
        self._column_words = Inverted(segment.column_words, COLUMN_FIELDS)
        self._evidence = Inverted(segment.evidence, EVIDENCE_FIELDS)

    def differences(self, row: int, document: Document) -> Iterator[str]:
        """What of a row is not as the document says, one line each."""
        record = self.segment.records[row]
        other = [name for name in _RECORD if getattr(record, name) != getattr(document.record, name)]
        if other:
            yield "its record differs: " + ", ".join(other)
        tokens = (document.name, document.description, document.column_words, document.tag_words)
        yield from self._words.differences(row, tokens, counted(tokens))
        yield from self._evidence.differences(row, (document.evidence,), counted((document.evidence,)))
        if self.segment.texts.hash(int(self.segment.text[row])) != text_hash(document.text):
            yield "its text is another one"
        if self.segment.texts.hash(int(self.segment.name_text[row])) != text_hash(document.name_text):
            yield "the text of its name is another one"
        if len(record.columns) == len(document.record.columns):
            yield from self._columns(row, document)

    def _columns(self, row: int, document: Document) -> Iterator[str]:
        segment = self.segment
        start = int(segment.column_start[row])
        here = slice(start, start + len(document.column_texts))
        names = document.record.columns
        for at, (name, tokens) in enumerate(zip(names, document.column_tokens, strict=True)):
            for problem in self._column_words.differences(start + at, tokens, _counted_column(tokens)):
                yield f"column {name}: {problem}"
        hashes = map(bytes, segment.column_texts.hashes[segment.column_text[here]])
        texts = zip(names, hashes, document.column_texts, strict=True)
        other = [name for name, known, text in texts if known != text_hash(text)]
        if other:
            yield "the texts of columns are others: " + _shown(other)
        if tuple(segment.restricted[here].tolist()) != document.record.restricted:
            yield "its marks of restricted columns differ"


def _spelled(term: bytes) -> str:
    try:
        return term.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return term.decode("utf-8", "replace")  # damaged: no document can have it


def _shown(words: Sequence[str]) -> str:
    more = len(words) - _SHOWN
    return ", ".join(chain(words[:_SHOWN], [f"and {more} more"] if more > 0 else []))
