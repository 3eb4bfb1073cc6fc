"""A segment as a folder of files: written once, fsynced, mapped when opened, each with its SHA-256 in the manifest.

Journey 1, step "new generation". Arrays are `.npy`, records are JSON lines, vectors are FAISS's own format; no pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import IndexDamaged
from services.common.model.assets import Kind
from services.common.model.names import AssetId, ColumnId, ScopePath
from services.indexer.index.postings import Postings
from services.indexer.index.segment import Segment, Texts
from services.indexer.index.vectors import Vectors
from services.indexer.text.document import Record

_POSTINGS = ("term_bytes", "term_start", "start", "docs", "tf", "lengths")
_SHELVES = ("tables", "columns")


def write_segment(segment: Segment, folder: Path) -> dict[str, str]:
    """Write a segment into an existing empty folder, everything on disk when this returns.

    Returns:
        The SHA-256 of each file by its name.

    """
    arrays: dict[str, NDArray[Any]] = {
        "column_start": segment.column_start,
        "restricted": segment.restricted,
        "text": segment.text,
        "column_text": segment.column_text,
    }
    for shelf, postings, texts in zip(
        _SHELVES, (segment.words, segment.column_words), (segment.texts, segment.column_texts), strict=True
    ):
        arrays |= {f"{shelf}.{name}": getattr(postings, name) for name in _POSTINGS}
        arrays |= {f"{shelf}.hashes": texts.hashes, f"{shelf}.row": texts.row}
        texts.vectors.save(folder / f"{shelf}.faiss")
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
    verify_files(folder, sums)
    try:
        records = tuple(_record(json.loads(line)) for line in _lines(folder / "records.jsonl"))
        return Segment(
            records=records,
            words=_postings(folder, "tables"),
            column_words=_postings(folder, "columns"),
            column_start=_array(folder, "column_start"),
            restricted=_array(folder, "restricted"),
            text=_array(folder, "text"),
            column_text=_array(folder, "column_text"),
            texts=_texts(folder, "tables", dimension),
            column_texts=_texts(folder, "columns", dimension),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexDamaged(
            f"the segment {folder.name} cannot be read ({type(error).__name__}); run `headwater verify`"
        ) from error


def verify_files(folder: Path, sums: Mapping[str, str]) -> None:
    """Compare every file of a folder with its sum.

    Raises:
        IndexDamaged: a file is missing or differs; extra files are ignored.

    """
    for name, expected in sums.items():
        path = folder / name
        try:
            found = file_sha256(path)
        except OSError as error:
            raise IndexDamaged(f"{folder.name}/{name} cannot be read; run `headwater verify`") from error
        if found != expected:
            raise IndexDamaged(f"{folder.name}/{name} is not what was published; run `headwater verify`")


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
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _postings(folder: Path, shelf: str) -> Postings:
    return Postings(**{name: _array(folder, f"{shelf}.{name}") for name in _POSTINGS})


def _texts(folder: Path, shelf: str, dimension: int) -> Texts:
    vectors = Vectors.load(folder / f"{shelf}.faiss", dimension)
    return Texts(_array(folder, f"{shelf}.hashes"), _array(folder, f"{shelf}.row"), vectors)


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
    ]


def _record(row: list[Any]) -> Record:
    asset, kind, path, parts, platform, source, tags, owners, status, columns, column_ids, restricted = row
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
        columns=tuple(columns),
        column_ids=tuple(ColumnId(column) for column in column_ids),
        restricted=tuple(bool(flag) for flag in restricted),
    )
