"""A segment as a folder of files: written once, fsynced, mapped when opened, each with its SHA-256 in the manifest.

Journey 1, step "new generation". Arrays are `.npy`, records are JSON lines, vectors are FAISS's own format; no pickle.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import IndexDamaged
from services.common.runtime.sums import file_sha256
from services.indexer.index.array_file import map_arrays, write_arrays
from services.indexer.index.lists import Lists
from services.indexer.index.lookups import lookup_arrays, lookups_of
from services.indexer.index.postings import Postings
from services.indexer.index.records import Records, line_of, record_of
from services.indexer.index.segment import FOUND, Segment
from services.indexer.index.texts import Texts
from services.indexer.index.vectors import Vectors

_POSTINGS = ("term_bytes", "term_start", "start", "docs", "tf", "lengths")
_SHELVES = ("tables", "columns")
_RECORDS, _LOOKUPS = "records.jsonl", "lookups.safetensors"
# numpy evaluates a header as Python, and a damaged one fails in any way that a text can
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    SyntaxError,
    EOFError,
    OverflowError,
    MemoryError,
    TokenError,
    RecursionError,
)


def write_segment(segment: Segment, folder: Path) -> dict[str, str]:
    """Write a segment into an existing empty folder, everything on disk when this returns.

    Returns:
        The SHA-256 of each file by its name.

    """
    arrays: dict[str, NDArray[Any]] = {
        "column_start": segment.column_start,
        "restricted": segment.restricted,
        "text": segment.text,
        "name_text": segment.name_text,
        "column_text": segment.column_text,
    }
    for shelf, postings, texts in zip(
        _SHELVES, (segment.words, segment.column_words), (segment.texts, segment.column_texts), strict=True
    ):
        arrays |= {f"{shelf}.{name}": getattr(postings, name) for name in _POSTINGS}
        arrays |= {f"{shelf}.hashes": texts.hashes, f"{shelf}.row": texts.row}
        texts.vectors.save(folder / f"{shelf}.faiss")
        if texts.vectors.lists is not None:
            arrays |= {f"{shelf}.centres": texts.vectors.lists.centres, f"{shelf}.lists": texts.vectors.lists.start}
    arrays |= {f"evidence.{name}": getattr(segment.evidence, name) for name in _POSTINGS}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    lines = [line_of(record) for record in segment.records]
    (folder / _RECORDS).write_bytes(b"".join(lines))
    start = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64)
    write_arrays({"records.start": start, **lookup_arrays(segment)}, folder / _LOOKUPS)
    return {path.name: _sealed(path) for path in sorted(folder.iterdir())}


def open_segment(folder: Path, sums: Mapping[str, str], dimension: int) -> Segment:
    """Map a segment that `write_segment` wrote.

    Raises:
        IndexDamaged: a file is missing, is not what its sum says, or does not hold what it should.

    """
    for name in sums:
        if not is_whole(folder, name, sums):
            raise IndexDamaged(f"{folder.name}/{name} is not what was published; run `headwater verify`")
    return open_proven(folder, sums, dimension)


def open_proven(folder: Path, sums: Mapping[str, str], dimension: int) -> Segment:
    """Map a segment whose files were compared with their sums already.

    Raises:
        IndexDamaged: a file is missing, or does not hold what it should.

    """
    return _read(folder, lambda shelf, _texts: _mapped(folder, shelf, sums, dimension))


def mapped(segment: Segment, folder: Path, sums: Mapping[str, str]) -> Segment:
    """A segment that was just written here, mapped instead of held in memory: others map the same files.

    Raises:
        IndexDamaged: a file cannot be read back.

    """
    read = _read(folder, lambda shelf, _texts: _mapped(folder, shelf, sums, segment.texts.vectors.dimension))
    return read.with_lookups({name: known for name, known in vars(segment).copy().items() if name in FOUND})


def _mapped(folder: Path, shelf: str, sums: Mapping[str, str], dimension: int) -> Vectors:
    found = Vectors.load(folder / f"{shelf}.faiss", dimension)
    if f"{shelf}.lists.npy" not in sums:
        return found
    return found.with_lists(Lists(_array(folder, f"{shelf}.centres"), _array(folder, f"{shelf}.lists")))


def salvage_segment(folder: Path, dimension: int) -> Segment:
    """What can be read of a damaged segment, for finding out which of its tables the damage is in; never served.

    Raises:
        IndexDamaged: nothing can be read of it.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns of headers that it can only just make out
        return _read(folder, lambda shelf, n: Vectors.salvage(folder / f"{shelf}.faiss", dimension, n), whole=False)


def is_whole(folder: Path, name: str, sums: Mapping[str, str]) -> bool:
    """Whether a file of a segment is what its sum says; False where it cannot be read."""
    try:
        return file_sha256(folder / name) == sums[name]
    except OSError:
        return False


def _read(folder: Path, vectors: Callable[[str, int], Vectors], *, whole: bool = True) -> Segment:
    """A segment's arrays, with vectors from a function that is given the shelf and how many there must be.

    One that is not whole is read without its lookups, which are then made of its records.
    """
    try:
        known = map_arrays(folder / _LOOKUPS) if whole else {}
        path = folder / _RECORDS
        read = Segment(
            records=Records(path, known["records.start"]) if whole else tuple(map(record_of, _lines(path))),
            words=_postings(folder, "tables"),
            column_words=_postings(folder, "columns"),
            evidence=_postings(folder, "evidence"),
            column_start=_array(folder, "column_start"),
            restricted=_array(folder, "restricted"),
            text=_array(folder, "text"),
            name_text=_array(folder, "name_text"),
            column_text=_array(folder, "column_text"),
            texts=_texts(folder, "tables", vectors),
            column_texts=_texts(folder, "columns", vectors),
        )
        return read.with_lookups(lookups_of(known)) if whole else read
    except UNREADABLE as error:
        raise IndexDamaged(
            f"the segment {folder.name} cannot be read ({type(error).__name__}); run `headwater verify`"
        ) from error


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sealed(path: Path) -> str:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    path.chmod(0o600)
    return file_sha256(path)


def _lines(path: Path) -> list[str]:
    # split at newlines alone: JSON leaves other line separators of Unicode as they are
    return path.read_text(encoding="utf-8", errors="surrogatepass").split("\n")[:-1]


def _array(folder: Path, name: str) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    # as a plain array over the map: numpy's own class for maps makes every small slice several times as slow
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _postings(folder: Path, shelf: str) -> Postings:
    return Postings(**{name: _array(folder, f"{shelf}.{name}") for name in _POSTINGS})


def _texts(folder: Path, shelf: str, vectors: Callable[[str, int], Vectors]) -> Texts:
    row = _array(folder, f"{shelf}.row")
    return Texts(_array(folder, f"{shelf}.hashes"), row, vectors(shelf, int((row >= 0).sum())))
