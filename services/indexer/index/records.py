"""The records of a segment's file, each read when it is asked for: most tables are never told of.

Journey 2: hits, reasons and joins read some tens of records a question.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from services.common.errors import IndexDamaged
from services.common.model.assets import Kind
from services.common.model.names import AssetId, ColumnId, ScopePath
from services.indexer.text.document import Key, Record

REMEMBERED = 1_024
"""So many records of a segment are kept: the tables that are asked for come again."""
_CODEC = ("utf-8", "surrogatepass")


class Records(Sequence[Record]):
    """The records of a file of JSON lines.

    Args:
        path: the file.
        start: where each line begins, int64 (records + 1,).

    Raises:
        OSError: it cannot be read.
        ValueError: it is not as long as `start` says.

    """

    def __init__(self, path: Path, start: NDArray[np.int64]) -> None:
        # not mapped: what was read of a map counts as the process's own for as long as it has it
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        size = os.fstat(self._file).st_size
        if not len(start) or start[0] != 0 or start[-1] != size or bool((np.diff(start) < 0).any()):
            raise ValueError("its lines are not where they should be")
        self._start = start
        # without this object in it: a circle would keep the file open until the collector comes by
        self._known = lru_cache(maxsize=REMEMBERED)(partial(_read_at, self._file, start))

    def __len__(self) -> int:
        return len(self._start) - 1

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, at: int | slice) -> Record | tuple[Record, ...]:
        """The record at a place, or those at several."""
        if isinstance(at, slice):
            return tuple(self[one] for one in range(*at.indices(len(self))))
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self._known(int(at))

    def __iter__(self) -> Iterator[Record]:
        """All of them; none is kept for it."""
        for at in range(len(self)):
            yield _read_at(self._file, self._start, at)


def _read_at(file: int, start: NDArray[np.int64], at: int) -> Record:
    begin, end = int(start[at]), int(start[at + 1])
    try:
        return record_of(os.pread(file, end - begin, begin).decode(*_CODEC))
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise IndexDamaged("a record of the index cannot be read; run `headwater verify`") from error


def line_of(record: Record) -> bytes:
    """A record as a line of JSON."""
    return (json.dumps(_plain(record), ensure_ascii=False, separators=(",", ":")) + "\n").encode(*_CODEC)


def record_of(line: str) -> Record:
    """The record of a line.

    Raises:
        ValueError, LookupError, TypeError: it is not what `line_of` wrote.

    """
    return _record(json.loads(line))


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
        columns=tuple(columns),
        column_ids=cast("tuple[ColumnId, ...]", tuple(column_ids)),  # a new type's name is a call, and these are many
        restricted=tuple(map(bool, restricted)),
        updated=updated,
        quality=quality,
        description=description,
        types=types,
        primary_key=tuple(primary_key),
        foreign_keys=tuple(Key(tuple(own), AssetId(target), tuple(theirs)) for own, target, theirs in foreign_keys),
        documented=int(documented),
        rows=rows,
        foreign=bool(foreign),
    )
