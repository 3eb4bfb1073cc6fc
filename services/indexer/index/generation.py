"""Generations: a manifest over immutable segments and which of their tables live; published atomically, verified when read.

Journey 1, the last step. Layout under `<home>/index`: `segments/<name>/` (files), `generations/<n>.json` (manifests),
`CURRENT` (the number of the published one). A publish writes the segment, then the manifest, then renames `CURRENT`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from services.common.errors import Conflict, IndexDamaged
from services.common.model.changes import Seq
from services.indexer.index.segment import Segment
from services.indexer.index.segment_file import open_segment, sync_folder, write_segment
from services.indexer.index.snapshot import Live
from services.indexer.text.document import DOCUMENT_VERSION

FORMAT = 1
KEEP_GENERATIONS = 2
"""The published generation and the one before it stay on disk: a reader may be opening it, a bad one falls back."""


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
        seq: every change up to here is in it.
        counts: tables, columns, texts and vectors, for people and for `verify`.
        fence: the fencing number of the lease under which it was published.

    """

    number: int
    model: str | None
    weights: str | None
    dimension: int
    documents: int
    seq: Seq
    counts: Mapping[str, int]
    fence: int
    segments: tuple[SegmentEntry, ...]


class Generations:
    """The generations of one home.

    Args:
        folder: `<home>/index`.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[str, Segment] = {}

    def current(self) -> Manifest | None:
        """The published manifest, None before the first.

        Raises:
            IndexDamaged: the manifest or the pointer to it cannot be read.

        """
        pointer = self._folder / "CURRENT"
        try:
            number = int(pointer.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise IndexDamaged("index/CURRENT cannot be read; run `headwater verify --repair`") from error
        return self.manifest(number)

    def manifest(self, number: int) -> Manifest:
        """The manifest of a generation.

        Raises:
            IndexDamaged: it is missing, cannot be read, or was written by another version.

        """
        try:
            raw = json.loads((self._folder / "generations" / f"{number}.json").read_text(encoding="utf-8"))
            if raw.pop("format") != FORMAT:
                raise IndexDamaged(f"generation {number} has another format; it will be rebuilt")
            segments = tuple(SegmentEntry(**{**entry, "dead": tuple(entry["dead"])}) for entry in raw.pop("segments"))
            return Manifest(**raw, segments=segments)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexDamaged(f"the manifest of generation {number} cannot be read; it will be rebuilt") from error

    def open(self, manifest: Manifest) -> tuple[Live, ...]:
        """The live segments of a generation, each file verified the first time that it is opened here.

        Raises:
            IndexDamaged: a file is missing or is not what was published.

        """
        parts = []
        for entry in manifest.segments:
            segment = self._opened.get(entry.name)
            if segment is None:
                segment = open_segment(self._folder / "segments" / entry.name, entry.files, manifest.dimension)
                self._opened[entry.name] = segment
            if len(segment) != entry.tables:
                raise IndexDamaged(f"the segment {entry.name} holds {len(segment)} tables, not {entry.tables}")
            mask = np.ones(len(segment), dtype=np.bool_)
            mask[list(entry.dead)] = False
            parts.append(Live(segment, mask))
        kept = {entry.name for entry in manifest.segments}
        self._opened = {name: segment for name, segment in self._opened.items() if name in kept}
        return tuple(parts)

    def write(self, segment: Segment) -> SegmentEntry:
        """Put a segment on disk; it counts only once a manifest names it."""
        name = secrets.token_hex(8)
        folder = self._folder / "segments" / name
        folder.mkdir(parents=True, mode=0o700)
        files = write_segment(segment, folder)
        sync_folder(folder)
        sync_folder(folder.parent)
        self._opened[name] = segment
        return SegmentEntry(name, files, len(segment), ())

    def publish(self, manifest: Manifest, *, may: Callable[[], bool]) -> None:
        """Make a generation the current one, in one rename.

        Args:
            manifest: what to publish; its segments are on disk.
            may: asked just before the rename whether the lease is still held.

        Raises:
            Conflict: the lease was lost, or a generation with a newer fencing number stands already.

        """
        folder = self._folder / "generations"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_durably(folder / f"{manifest.number}.json", json.dumps(_plain(manifest), indent=1, sort_keys=True))
        standing = self._fence()
        if standing > manifest.fence or not may():
            raise Conflict("another process took over the index; this generation was not published")
        _write_durably(self._folder / "CURRENT", f"{manifest.number}\n")
        self._clean(manifest)

    def highest(self) -> int:
        """The highest number of any manifest on disk, published or not; 0 where there is none."""
        return max(
            (int(path.stem) for path in (self._folder / "generations").glob("*.json") if path.stem.isdigit()), default=0
        )

    def clear(self) -> None:
        """Forget everything, for a rebuild."""
        self._opened.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fence(self) -> int:
        try:
            current = self.current()
        except IndexDamaged:
            return 0
        return current.fence if current else 0

    def _clean(self, manifest: Manifest) -> None:
        """Remove what neither this generation nor the one before it names, our own names only."""
        keep_segments = {entry.name for entry in manifest.segments}
        numbers = sorted(int(path.stem) for path in (self._folder / "generations").glob("*.json") if path.stem.isdigit())
        keep = [number for number in numbers if number <= manifest.number][-KEEP_GENERATIONS:]
        for number in keep[:-1]:
            try:
                keep_segments |= {entry.name for entry in self.manifest(number).segments}
            except IndexDamaged:
                continue
        for number in set(numbers) - set(keep):
            (self._folder / "generations" / f"{number}.json").unlink(missing_ok=True)
        for path in (self._folder / "segments").iterdir():
            if path.name not in keep_segments:
                shutil.rmtree(path, ignore_errors=True)


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
    shelves = [texts for _, live in parts for texts in (live.segment.texts, live.segment.column_texts)]
    counts = {
        "tables": sum(live.n for _, live in parts),
        "columns": sum(int(live.mask[live.segment.owner].sum()) for _, live in parts),
        "texts": sum(len(texts.row) for texts in shelves),
        "vectors": sum(len(texts.vectors) for texts in shelves),
    }
    name, weights = model or (None, None)
    return Manifest(number, name, weights, dimension, DOCUMENT_VERSION, seq, counts, fence, entries)


def _plain(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "number": manifest.number,
        "model": manifest.model,
        "weights": manifest.weights,
        "dimension": manifest.dimension,
        "documents": manifest.documents,
        "seq": manifest.seq,
        "counts": dict(manifest.counts),
        "fence": manifest.fence,
        "segments": [
            {"name": s.name, "files": dict(s.files), "tables": s.tables, "dead": list(s.dead)} for s in manifest.segments
        ],
    }


def _write_durably(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with temporary.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
