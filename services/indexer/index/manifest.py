"""What a generation is, as its manifest says: the model, how far it goes, its segments and which of their tables live.

Journey 1, the last step. Written as JSON with its own sum, so that a damaged manifest is never taken for another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import IndexDamaged
from services.common.model.changes import Seq
from services.indexer.index.snapshot import Live
from services.indexer.text.document import DOCUMENT_VERSION
from services.indexer.text.segmenter import word_list

FORMAT = 7
"""Raised whenever files or manifest change their form: a generation of another format is rebuilt."""


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A segment in a manifest: its folder, the SHA-256 of its files, and the rows in it that no longer count."""

    name: str
    files: Mapping[str, str]
    tables: int
    dead: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is.

    Attributes:
        number: from 1, each publish one more.
        model: the encoder's id, None for a generation without vectors.
        weights: the SHA-256 of its weights.
        dimension: length of its vectors.
        documents: the version of the document code.
        words: the fingerprint of the word list that glued names were split with, None for none.
        seq: every change up to here is in it.
        counts: tables, columns, texts and vectors, for people and for `verify`.
        fence: the fencing number of the lease under which it was published.

    """

    number: int
    model: str | None
    weights: str | None
    dimension: int
    documents: int
    words: str | None
    seq: Seq
    counts: Mapping[str, int]
    fence: int
    segments: tuple[SegmentEntry, ...]


def live_rows(entry: SegmentEntry) -> NDArray[np.bool_]:
    """Which tables of a segment count, bool (tables,)."""
    mask = np.ones(entry.tables, dtype=np.bool_)
    mask[list(entry.dead)] = False
    return mask


def describe(
    number: int,
    parts: Sequence[tuple[SegmentEntry, Live]],
    *,
    model: tuple[str, str] | None,
    dimension: int,
    seq: Seq,
    fence: int,
) -> Manifest:
    """The manifest of some written segments; `model` is the encoder's id and the SHA-256 of its weights."""
    entries = tuple(
        SegmentEntry(entry.name, entry.files, entry.tables, tuple(np.flatnonzero(~live.mask).tolist()))
        for entry, live in parts
    )
    name, weights = model or (None, None)
    counts = count([live for _, live in parts])
    return Manifest(number, name, weights, dimension, DOCUMENT_VERSION, word_list(), seq, counts, fence, entries)


def count(parts: Sequence[Live]) -> dict[str, int]:
    """What a manifest counts of its segments."""
    shelves = [texts for live in parts for texts in (live.segment.texts, live.segment.column_texts)]
    return {
        "tables": sum(live.n for live in parts),
        "columns": sum(int(live.mask[live.segment.owner].sum()) for live in parts),
        "texts": sum(len(texts.row) for texts in shelves),
        "vectors": sum(len(texts.vectors) for texts in shelves),
    }


def to_text(manifest: Manifest) -> str:
    """A manifest as JSON."""
    raw = _plain(manifest)
    return json.dumps({"sha256": _sum(raw), **raw}, indent=1, sort_keys=True)


def from_text(text: str, number: int) -> Manifest:
    """The manifest of a generation.

    Raises:
        IndexDamaged: the text is not what `to_text` wrote for it, or was written by another version.

    """
    try:
        raw = json.loads(text)
        if raw.pop("sha256") != _sum(raw) or raw["number"] != number:
            raise IndexDamaged(f"the manifest of generation {number} is not what was published; it will be rebuilt")
        if raw.pop("format") != FORMAT:
            raise IndexDamaged(f"generation {number} has another format; it will be rebuilt")
        segments = tuple(SegmentEntry(**{**entry, "dead": tuple(entry["dead"])}) for entry in raw.pop("segments"))
        return Manifest(**raw, segments=segments)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"the manifest of generation {number} cannot be read; it will be rebuilt") from error


def _plain(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "number": manifest.number,
        "model": manifest.model,
        "weights": manifest.weights,
        "dimension": manifest.dimension,
        "documents": manifest.documents,
        "words": manifest.words,
        "seq": manifest.seq,
        "counts": dict(manifest.counts),
        "fence": manifest.fence,
        "segments": [
            {"name": s.name, "files": dict(s.files), "tables": s.tables, "dead": list(s.dead)} for s in manifest.segments
        ],
    }


def _sum(raw: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
