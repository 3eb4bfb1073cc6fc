"""A segment as a folder of files: written once, fsynced, mapped when opened, each with its SHA-256 in the manifest.

Journey 1, step "new generation". Arrays are `.npy`, records are JSON lines, vectors are FAISS's own format; no pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from sys import intern
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import IndexDamaged
from services.common.model.assets import Kind
from services.common.model.names import AssetId, ColumnId, ScopePath
from services.indexer.index.lists import Lists
from services.indexer.index.postings import Postings
from services.indexer.index.segment import Segment, Texts
from services.indexer.index.vectors import Vectors
from services.indexer.text.document import Key, Record

_POSTINGS = ("term_bytes", "term_start", "start", "docs", "tf", "lengths")
_SHELVES = ("tables", "columns")
# numpy evaluates a header as Python, and a damaged one fails in any way that a text can
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, SyntaxError, EOFError, OverflowError, MemoryError, TokenError)


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
    with (folder / "records.jsonl").open("w", encoding="utf-8", errors="surrogatepass") as file:
        for record in segment.records:
            file.write(json.dumps(_plain(record), ensure_ascii=False, separators=(",", ":")) + "\n")
    return {path.name: _sealed(path) for path in sorted(folder.iterdir())}


def open_segment(folder: Path, sums: Mapping[str, str], dimension: int) -> Segment:
    """Map a segment that `write_segment` wrote.

    Raises:
        IndexDamaged: a file is missing, is not what its sum says, or does not hold what it should.

    """
    for name in sums:
        if not is_whole(folder, name, sums):
            raise IndexDamaged(f"{folder.name}/{name} is not what was published; run `headwater verify`")

    return _read(folder, lambda shelf, _texts: _mapped(folder, shelf, sums, dimension))


def mapped(segment: Segment, folder: Path, sums: Mapping[str, str]) -> Segment:
    """A segment that was just written here, with its vectors mapped instead of held in memory: others map the same ones.

    Raises:
        IndexDamaged: a file cannot be read back.

    """

    def of(shelf: str, texts: Texts) -> Texts:
        if not len(texts.vectors):
            return texts
        return replace(texts, vectors=_mapped(folder, shelf, sums, texts.vectors.dimension))

    return segment.with_texts(of("tables", segment.texts), of("columns", segment.column_texts))


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
        return _read(folder, lambda shelf, n: Vectors.salvage(folder / f"{shelf}.faiss", dimension, n))


def is_whole(folder: Path, name: str, sums: Mapping[str, str]) -> bool:
    """Whether a file of a segment is what its sum says; False where it cannot be read."""
    try:
        return file_sha256(folder / name) == sums[name]
    except OSError:
        return False


def _read(folder: Path, vectors: Callable[[str, int], Vectors]) -> Segment:
    """A segment's arrays, with vectors from a function that is given the shelf and how many there must be."""
    try:
        records = tuple(_record(json.loads(line)) for line in _lines(folder / "records.jsonl"))
        return Segment(
            records=records,
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
    except _UNREADABLE as error:
        raise IndexDamaged(
            f"the segment {folder.name} cannot be read ({type(error).__name__}); run `headwater verify`"
        ) from error


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def _plain(record: Record) -> list[Any]:
    return [
        record.id,
        record.kind.value,
        record.scope_path,
        record.parts,
        record.platform,
        record.source,
        record.tags,
        record.owners,
        record.status,
        record.columns,
        record.column_ids,
        [int(flag) for flag in record.restricted],
        record.updated,
        record.quality,
        record.description,
        record.types,
        record.primary_key,
        [[key.columns, key.target, key.ref_columns] for key in record.foreign_keys],
        record.documented,
        record.rows,
        int(record.foreign),
    ]


def _record(row: list[Any]) -> Record:
    asset, kind, path, parts, platform, source, tags, owners, status, *rest = row
    columns, column_ids, restricted, updated, quality, description, *rest = rest
    types, primary_key, foreign_keys, documented, rows, foreign = rest
    return Record(
        id=AssetId(asset),
        kind=Kind(kind),
        scope_path=ScopePath(path),
        parts=tuple(parts),
        platform=platform,
        source=source,
        tags=tuple(tags),
        owners=tuple(owners),
        status=status,
        columns=tuple(map(intern, columns)),
        column_ids=tuple(ColumnId(column) for column in column_ids),
        restricted=tuple(bool(flag) for flag in restricted),
        updated=updated,
        quality=quality,
        description=description,
        types=intern(types),
        primary_key=tuple(map(intern, primary_key)),
        foreign_keys=tuple(
            Key(tuple(map(intern, own)), AssetId(target), tuple(map(intern, theirs))) for own, target, theirs in foreign_keys
        ),
        documented=int(documented),
        rows=rows,
        foreign=bool(foreign),
    )
