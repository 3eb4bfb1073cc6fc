"""Quoted phrases: which tables and columns say some words one after the other.

Journey 2, step "scope and filters". Postings keep no places, so what has all of the words is read again: names and
column names whole, a description as far as the record keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.segment import Segment
from services.indexer.text.document import Record
from services.indexer.text.tokens import words


def tables_saying(segment: Segment, phrase: Sequence[str], among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of some tables say a phrase in their name, description, tags, owners, or the name of an open column."""
    mask = np.zeros(len(segment), dtype=np.bool_)
    for row in np.flatnonzero(among).tolist():
        mask[row] = any(_says(text, phrase) for text in _texts(segment.records[row]))
    return mask


def columns_saying(
    segment: Segment, phrase: Sequence[str], among: NDArray[np.bool_], described: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of some columns say a phrase in their name, or are `described` with all of its words, in any order."""
    mask = among & described
    for column in np.flatnonzero(among & ~described).tolist():
        row = int(segment.owner[column])
        name = segment.records[row].columns[column - int(segment.column_start[row])]
        mask[column] = _says(name, phrase)
    return mask


def _texts(record: Record) -> Iterator[str]:
    yield " ".join(record.parts)
    if record.description:
        yield record.description
    yield from record.tags
    yield from record.owners
    for name, hidden in zip(record.columns, record.restricted, strict=True):
        if not hidden:
            yield name


def _says(text: str, phrase: Sequence[str]) -> bool:
    said = words(text)
    wanted = list(phrase)
    return any(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1))
