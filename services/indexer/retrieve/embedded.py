"""How many of the texts that a view shows have a vector: what an answer says of itself while a warehouse is embedded.

Journey 2, step "scope first". Texts are told apart by half of their hash, over all segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from services.indexer.index.segment import Segment
from services.indexer.index.texts import Texts
from services.indexer.retrieve.named import Mask, Named, seen_first

Shown = tuple[Segment, Mask, Mask]
"""A segment, and which of its tables and of its columns are shown."""


def embedded(parts: Sequence[Shown]) -> tuple[int, int]:
    """How many distinct texts of what is shown have a vector, and how many there are."""
    shelves = [shelf for part in parts for shelf in _shelves(*part)]
    things = [named for named, _, _ in shelves]
    seen = [mask for _, mask, _ in shelves]
    first = seen_first(things, seen)
    have = [texts.row >= 0 for _, _, texts in shelves]
    for at, mask in enumerate(seen):
        for before in range(at):
            # a vector may have come to the later segment alone
            places = things[at].places_in(things[before])
            both = np.flatnonzero(mask & have[at] & (places >= 0))
            have[before][places[both]] = True
    return sum(int((mask & vectors).sum()) for mask, vectors in zip(first, have, strict=True)), sum(
        map(int, map(np.sum, first))
    )


def _shelves(segment: Segment, tables: Mask, columns: Mask) -> Iterator[tuple[Named, Mask, Texts]]:
    of_tables = np.concatenate([segment.text, segment.name_text])
    yield _named(segment, "texts"), _used(of_tables, np.tile(tables, 2), len(segment.texts.row)), segment.texts
    used = _used(segment.column_text, columns, len(segment.column_texts.row))
    yield _named(segment, "column_texts"), used, segment.column_texts


def _named(segment: Segment, shelf: str) -> Named:
    """A shelf's texts by number; remembered with the segment."""
    key = f"numbers of {shelf}"
    known = segment.kept.get(key)
    if not isinstance(known, Named):
        hashes: NDArray[np.uint8] = getattr(segment, shelf).hashes
        known = Named(np.ascontiguousarray(hashes).view(np.uint64)[:, 0] if len(hashes) else np.zeros(0, np.uint64))
        segment.kept[key] = known
    return known


def _used(text: NDArray[np.int32], shown: Mask, texts: int) -> Mask:
    """Which texts something shown has, bool (texts,)."""
    out = np.zeros(texts, dtype=np.bool_)
    out[text if shown.all() else text[shown]] = True
    return out
