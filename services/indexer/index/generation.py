"""Generations: a manifest over immutable segments and which of their tables live; published atomically, verified when read.

Journey 1, the last step. Layout under `<home>/index`: `segments/<name>/` (files), `generations/<n>.json` (manifests, each
with its own sum), `CURRENT` (the number of the published one). A publish writes the segment, then the manifest, then
renames `CURRENT`.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.common.errors import Conflict, IndexDamaged, ServiceUnavailable
from services.indexer.index.manifest import Manifest, SegmentEntry, from_text, live_rows, to_text
from services.indexer.index.segment import Segment
from services.indexer.index.segment_file import mapped, open_proven, open_segment, sync_folder, write_segment
from services.indexer.index.snapshot import Live

KEEP_GENERATIONS = 2
"""The published generation and the one before it stay on disk: a reader may still be opening it."""
_SEGMENT = re.compile(r"[0-9a-f]{16}")


class Generations:
    """The generations of one home.

    Args:
        folder: `<home>/index`.
        proven: its files were compared with other sums, as those of a bundle are: they are not read once more for it.

    """

    def __init__(self, folder: Path, *, proven: bool = False) -> None:
        self._folder = folder
        self._proven = proven
        self._opened: dict[str, Segment] = {}

    def number(self) -> int | None:
        """The number of the published generation, None before the first. Cheap: made for polling.

        Raises:
            IndexDamaged: the pointer to it cannot be read.

        """
        try:
            return int((self._folder / "CURRENT").read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise IndexDamaged("index/CURRENT cannot be read; run `headwater verify --repair`") from error

    def current(self) -> Manifest | None:
        """The published manifest, None before the first.

        Raises:
            IndexDamaged: the manifest or the pointer to it cannot be read, or is not what was published.

        """
        number = self.number()
        return None if number is None else self.manifest(number)

    def manifest(self, number: int) -> Manifest:
        """The manifest of a generation.

        Raises:
            IndexDamaged: it is missing, cannot be read, or was written by another version.

        """
        try:
            text = (self._folder / "generations" / f"{number}.json").read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise IndexDamaged(f"the manifest of generation {number} cannot be read; it will be rebuilt") from error
        return from_text(text, number)

    def open(self, manifest: Manifest) -> tuple[Live, ...]:
        """The live segments of a generation, each file verified the first time that it is opened here.

        Raises:
            IndexDamaged: a file is missing or is not what was published.

        """
        parts = []
        for entry in manifest.segments:
            segment = self._opened.get(entry.name)
            if segment is None:
                opened = open_proven if self._proven else open_segment
                segment = opened(self.segment_folder(entry), entry.files, manifest.dimension)
                self._opened[entry.name] = segment
            if len(segment) != entry.tables:
                raise IndexDamaged(f"the segment {entry.name} holds {len(segment)} tables, not {entry.tables}")
            parts.append(Live(segment, live_rows(entry)))
        kept = {entry.name for entry in manifest.segments}
        self._opened = {name: segment for name, segment in self._opened.items() if name in kept}
        return tuple(parts)

    def segment_folder(self, entry: SegmentEntry) -> Path:
        """Where the files of a segment are."""
        return self._folder / "segments" / entry.name

    def write(self, segment: Segment) -> tuple[SegmentEntry, Segment]:
        """Put a segment on disk; it counts only once a manifest names it.

        Returns:
            Its entry for a manifest, and the segment as it was written: many vectors in lists, and mapped from the file.

        Raises:
            ServiceUnavailable: the disk does not take it; nothing of it is left behind.

        """
        name = secrets.token_hex(8)
        folder = self._folder / "segments" / name
        segment = segment.with_texts(segment.texts.listed(), segment.column_texts.listed())
        with _writing():
            try:
                folder.mkdir(parents=True, mode=0o700)
                files = write_segment(segment, folder)
                sync_folder(folder)
                sync_folder(folder.parent)
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        segment = mapped(segment, folder, files)
        self._opened[name] = segment
        return SegmentEntry(name, files, len(segment), ()), segment

    def publish(self, manifest: Manifest, *, may: Callable[[], bool]) -> None:
        """Make a generation the current one, in one rename.

        Args:
            manifest: what to publish; its segments are on disk.
            may: asked just before the rename whether the lease is still held.

        Raises:
            Conflict: the lease was lost, or a generation with a newer fencing number stands already.
            ServiceUnavailable: the disk does not take it.

        """
        folder = self._folder / "generations"
        # asked before anything is written too: a late holder must not write over the manifest of the one after it
        self._check(manifest, may)
        with _writing():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_new(folder / f"{manifest.number}.json", to_text(manifest))
        self._check(manifest, may)
        with _writing():
            _replace(self._folder / "CURRENT", f"{manifest.number}\n")
        self._clean(manifest)

    def highest(self) -> int:
        """The highest number that a generation here ever had, published or not; 0 where there was none."""
        try:
            pointed = self.number() or 0
        except IndexDamaged:
            pointed = 0
        return max([pointed, *self._numbers()])

    def down_from(self, number: int) -> list[int]:
        """A generation and those before it that are still on disk, newest first."""
        return sorted({number, *(one for one in self._numbers() if one < number)}, reverse=True)

    def _numbers(self) -> list[int]:
        """The numbers of all manifests on disk, ascending."""
        stems = (path.stem for path in (self._folder / "generations").glob("*.json"))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def fence(self) -> int:
        """The fencing number of the published generation; 0 where there is none, or a damaged one."""
        try:
            current = self.current()
        except IndexDamaged:
            return 0
        return current.fence if current else 0

    def _check(self, manifest: Manifest, may: Callable[[], bool]) -> None:
        if self.fence() > manifest.fence or not may():
            raise Conflict("another process took over the index; this generation was not published")

    def _clean(self, manifest: Manifest) -> None:
        """Remove what neither this generation nor the one before it names, and what killed processes left: our own names only.

        What cannot be removed stays: the generation is published.
        """
        keep_segments = {entry.name for entry in manifest.segments}
        numbers = self._numbers()
        keep = [number for number in numbers if number <= manifest.number][-KEEP_GENERATIONS:]
        for number in keep[:-1]:
            try:
                keep_segments |= {entry.name for entry in self.manifest(number).segments}
            except IndexDamaged:
                continue
        old = [self._folder / "generations" / f"{number}.json" for number in set(numbers) - set(keep)]
        for path in [*old, *self._folder.glob(".CURRENT.*.tmp")]:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        for path in (self._folder / "segments").glob("*"):
            if _SEGMENT.fullmatch(path.name) and path.name not in keep_segments:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServiceUnavailable(f"the index cannot be written: {error.strerror or error}") from error


def _write_new(path: Path, text: str) -> None:
    """Write a file that nobody reads before `CURRENT` names it; one that stands already is left as it is."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise Conflict(f"another process has written {path.name}; this generation was not published") from error
    except OSError:
        path.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write_new(temporary, text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
