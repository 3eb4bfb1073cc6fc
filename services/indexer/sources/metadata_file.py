"""A file of `metadata://` lines, gzipped or not: one table a line, the format for whatever has no source of its own.

Journey 1, step 1. A line that cannot be understood is named and left out; then nothing in the file counts as complete.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from services.common.errors import SourceFailed
from services.common.model.assets import Container, ContainerRead, Found
from services.common.model.crawls import SourceInfo
from services.common.model.names import AssetId, Namespace
from services.common.runtime.source_settings import SourceSettings
from services.indexer.sources.metadata_lines import found_from, with_full_references
from services.indexer.sources.source import Item, Selection, Source, one_line

LONGEST_LINE_BYTES = 16 * 2**20
"""A longer line is named and left out; the widest real table that we met takes 0.15 MB."""
_NAMED_FAILURES = 20
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class _Read:
    """What the file says: tables by id, in the order in which each is first named, and what is wrong with it."""

    tables: dict[AssetId, Found] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    failed: int = 0

    def fail(self, text: str) -> None:
        self.failed += 1
        if self.failed <= _NAMED_FAILURES:
            self.failures.append(text)

    @property
    def failure(self) -> str | None:
        """All that is wrong on one line; None where nothing is."""
        more = f"; and {self.failed - _NAMED_FAILURES} more" if self.failed > _NAMED_FAILURES else ""
        return "; ".join(self.failures) + more if self.failed else None


class MetadataSource(Source):
    """A file of `metadata://` lines; a container is a database, or a schema of it where its lines name one.

    The lines of a container may be scattered over the file, so the file is read to its end first. Of several lines that
    name one table the last one counts. Every container ends with the same failure when any line is wrong, because the
    line might have been of any of them; without a single table that failure belongs to a container without a name.
    """

    def __init__(self, info: SourceInfo, settings: SourceSettings) -> None:
        self._info = info
        self._path = Path(settings.url.partition("://")[2]).expanduser().absolute()
        self._selection = Selection.of(settings)
        self._read: _Read | None = None

    @property
    def info(self) -> SourceInfo:
        return self._info

    def expected(self) -> int:
        """How many tables the globs let through; reads the file if that has not happened yet."""
        return sum(self._selection.permits(found.name.parts) for found in self._all().tables.values())

    def read(self) -> Iterator[Item]:
        """Containers in the order of their names, tables in the order of the file. Reading again gives the same again."""
        read = self._all()
        groups: dict[tuple[Namespace, tuple[str, ...]], list[Found]] = {}
        for found in read.tables.values():
            groups.setdefault((found.name.namespace, found.name.parts[:-1]), []).append(found)
        failure = read.failure
        for (namespace, parts), tables in sorted(groups.items(), key=lambda group: group[0]):
            for found in tables:
                if self._selection.permits(found.name.parts):
                    yield with_full_references(found, read.tables)
            yield ContainerRead(Container(namespace, parts), complete=failure is None, failure=failure)
        if failure is not None and not groups:
            yield ContainerRead(Container(self._info.namespace, ()), complete=False, failure=failure)

    def close(self) -> None:
        """Forget what was read; the file is shut as soon as that has happened."""
        self._read = None

    def _all(self) -> _Read:
        if self._read is None:
            try:
                with self._path.open("rb") as file:
                    self._read = self._parsed(file)
            except OSError as error:
                raise SourceFailed(f"{self._info.name}: {self._path} cannot be read: {error.strerror or error}") from error
        return self._read

    def _parsed(self, file: IO[bytes]) -> _Read:
        read, at = _Read(), 0
        is_gzip = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        try:
            with gzip.open(file) if is_gzip else nullcontext(file) as stream:
                for at, raw in _lines(stream):
                    self._take(read, at, raw)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            read.fail(f"the gzip file is damaged or cut off behind line {at}: {one_line(error)}")
        return read

    def _take(self, read: _Read, at: int, raw: bytes | None) -> None:
        if raw is None:
            read.fail(f"line {at}: longer than {LONGEST_LINE_BYTES} bytes")
            return
        line = raw.removeprefix(_BOM).strip() if at == 1 else raw.strip()
        if not line:
            return
        try:
            found = found_from(line, self._info.namespace)
        except ValueError as error:
            read.fail(f"line {at}: {one_line(error)}")
        else:
            read.tables[found.name.id] = found


def _lines(stream: IO[bytes] | gzip.GzipFile) -> Iterator[tuple[int, bytes | None]]:
    """The lines with their numbers from 1; None in place of one that is too long, which is never held whole."""
    number = 0
    while raw := stream.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(raw) <= LONGEST_LINE_BYTES:
            yield number, raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = stream.readline(LONGEST_LINE_BYTES)
        yield number, None
