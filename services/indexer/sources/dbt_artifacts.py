"""dbt's artifacts as streams: one entry of a section at a time, whatever the file's size, and never more than is bounded.

Journey 1, step 1; used by `dbt_folder` alone. The only module that imports ijson. A file that is damaged, cut off, too
deep or no JSON at all ends with `ArtifactBroken`; what came before it was whole.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import ijson

DEEPEST = 64
"""How deep a value may be nested; dbt's own are 12 deep at most, `meta` aside."""
LONGEST_TEXT_BYTES = 16 * 2**20
"""No text or number may be longer: the parser holds one whole."""
LARGEST_ENTRY = 32 * 2**20
"""Characters and values in one entry (a model, a test) together."""
LARGEST_BYTES = 16 * 2**30
"""Where reading ends, unpacked: far above the largest manifest known, below what a gzip bomb can hold."""
_CHUNK = 2**16
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_ENDS_TEXT = re.compile(rb'(?<!\\)"')


class ArtifactBroken(Exception):
    """The file cannot be read to its end; the text says why, without anything of its content."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a section: its key, empty in a list, and its value; `key` is None where the section is one value."""

    section: str
    key: str | None
    value: Any


def entries(
    path: Path, sections: Collection[str], whole: Collection[str], *, needed: Collection[str] = ()
) -> Iterator[Entry]:
    """The entries of `sections`, and each of `whole` as one value, in the file's order; the rest is passed over.

    Args:
        path: the file, gzipped or not.
        sections: keys of the outermost object whose entries are wanted one by one.
        whole: keys whose values are small.
        needed: keys that must be there; else the file counts as broken when its end is reached.

    Raises:
        ArtifactBroken: the file is no JSON object, damaged, cut off, or has something larger than this module allows.
        OSError: it cannot be opened or read.

    """
    with path.open("rb") as file:
        is_gzip = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        with gzip.open(file) if is_gzip else nullcontext(file) as stream:
            try:
                yield from _entries(ijson.basic_parse(_Guarded(stream), use_float=True), sections, whole, needed)
            except (ijson.JSONError, UnicodeDecodeError) as error:
                # the parser's further lines show the file's text
                line = _first_line(error) if isinstance(error, ijson.JSONError) else "no UTF-8"
                raise ArtifactBroken(f"no valid JSON, or cut off: {line}") from None
            except (EOFError, zlib.error, gzip.BadGzipFile):
                raise ArtifactBroken("the gzip file is damaged or cut off") from None


def _first_line(error: Exception) -> str:
    """The parser's reason; it is bytes where the file's text, which follows it, is no UTF-8."""
    said = error.args[0] if error.args else ""
    text = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
    return text.strip().split("\n", 1)[0][:200]


class _Guarded:
    """The bytes of a file, refused before the parser would have to hold more than `LONGEST_TEXT_BYTES` of them."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream
        self._since_quote = 0
        self._total = 0

    def read(self, size: int = _CHUNK) -> bytes:
        """The next bytes; ijson asks for them."""
        chunk = self._stream.read(size)
        if self._total == 0:
            chunk = chunk.removeprefix(_BOM)
        self._total += len(chunk)
        # a quote that ends a text has an even number of backslashes before it; one without any comes often enough
        self._since_quote = 0 if b'"' in chunk and _ENDS_TEXT.search(chunk) else self._since_quote + len(chunk)
        if self._since_quote > LONGEST_TEXT_BYTES:
            raise ArtifactBroken(f"a text or a number is longer than {LONGEST_TEXT_BYTES} bytes")
        if self._total > LARGEST_BYTES:
            raise ArtifactBroken(f"it is longer than {LARGEST_BYTES} bytes")
        return chunk


def _entries(
    events: Iterator[tuple[str, Any]], sections: Collection[str], whole: Collection[str], needed: Collection[str]
) -> Iterator[Entry]:
    if next(events, ("", None))[0] != "start_map":
        raise ArtifactBroken("it holds no JSON object")
    seen: set[str] = set()
    for kind, name in events:
        if kind == "end_map":
            if missing := sorted(set(needed) - seen):
                raise ArtifactBroken(f"it has no {' and no '.join(missing)}")
            return
        if name in seen:
            raise ArtifactBroken(f"the section {name[:40]} is there twice")
        seen.add(name)
        event = next(events)
        if name in sections and event[0] in ("start_map", "start_array"):
            yield from _of_section(name, events, is_map=event[0] == "start_map")
        elif name in sections or name in whole:
            yield Entry(name, None, _Builder().build(event, events))
        else:
            _pass_over(event, events)


def _of_section(section: str, events: Iterator[tuple[str, Any]], *, is_map: bool) -> Iterator[Entry]:
    seen: set[int] = set()
    for kind, value in events:
        if kind in ("end_map", "end_array"):
            return
        if not is_map:
            yield Entry(section, "", _Builder().build((kind, value), events))
            continue
        if hash(value) in seen:  # the keys themselves would be as large as the names of all nodes
            raise ArtifactBroken(f"in {section} a key is there twice")
        seen.add(hash(value))
        yield Entry(section, value, _Builder().build(next(events), events))


def _pass_over(event: tuple[str, Any], events: Iterator[tuple[str, Any]]) -> None:
    depth = 0
    while True:
        depth += event[0].startswith("start_") - event[0].startswith("end_")
        if depth > 100 * DEEPEST:
            raise ArtifactBroken("something in it is nested too deep")
        if depth == 0:
            return
        event = next(events)


@dataclass(slots=True)
class _Builder:
    """One value out of the parser's events, within the limits."""

    size: int = 0
    _open: list[Any] = field(default_factory=list)
    _keys: list[str] = field(default_factory=list)

    def build(self, event: tuple[str, Any], events: Iterator[tuple[str, Any]]) -> Any:
        """The value that begins with `event`."""
        while True:
            kind, value = event
            if kind == "map_key":
                value = self._counted(value)
                if value in self._open[-1]:
                    raise ArtifactBroken("a key is there twice in one object")
                self._open[-1][value] = None
                self._keys.append(value)
            elif kind in ("start_map", "start_array"):
                self._open.append({} if kind == "start_map" else [])
                if len(self._open) > DEEPEST:
                    raise ArtifactBroken(f"something in it is nested deeper than {DEEPEST}")
            else:
                done = self._open.pop() if kind in ("end_map", "end_array") else self._counted(value)
                if not self._open:
                    return done
                if isinstance(self._open[-1], dict):
                    self._open[-1][self._keys.pop()] = done
                else:
                    self._open[-1].append(done)
            event = next(events)

    def _counted(self, value: Any) -> Any:
        self.size += len(value) if isinstance(value, str) else 16
        if self.size > LARGEST_ENTRY:
            raise ArtifactBroken(f"one of its entries is larger than {LARGEST_ENTRY}")
        # databases cannot store a NUL in text
        return value.replace("\x00", "") if isinstance(value, str) else value
