"""A file's bytes to numbered lines: gzip, encodings, lines without end and files without end, in bounded memory.

Journey 3, step "log → lines".
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from services.common.errors import BadRequest

LINE_BYTES = 32_000_000
"""Longest line that is read; its rest is passed over."""
_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
BROKEN = (OSError, EOFError, zlib.error)
"""What reading a file raises that was cut or damaged."""
Numbered = Iterator[tuple[int, str]]


@dataclass(slots=True)
class Found:
    """What was met while a file was read.

    Attributes:
        recoded: lines that were no UTF-8 and were read as Latin 1.
        ends_at: the number of the line where the file breaks off, as a gzip file that was cut does; None where it does not.
            What came of that line is passed over: it would be another statement.
        is_open: the last line has no end, as when a file was cut there, or is still written.

    """

    recoded: int = 0
    ends_at: int | None = None
    is_open: bool = False


def lines_of(path: Path, found: Found) -> Numbered:
    """The lines of a file without their ends, numbered from 1; `.gz` is unpacked.

    Raises:
        BadRequest: it cannot be opened or read, or is called `.gz` and is none.

    """
    return _decoded(opened(path), found)


def opened(path: Path) -> BufferedIOBase:
    """A file as `lines_of` opens it, to be closed by the caller. Raises what that raises.

    Once it is open, what `BROKEN` lists says that the file breaks off.
    """
    try:
        if path.suffix.lower() != ".gz":
            return path.open("rb")
        with path.open("rb") as file:
            start = file.read(len(_GZIP))
        if not _GZIP.startswith(start):
            raise BadRequest(f"the query log {path} is no gzip file: name it without `.gz` if it is not packed")
        return cast("BufferedIOBase", gzip.open(path))
    except OSError as error:
        raise BadRequest(f"the query log {path} cannot be read: {error.strerror}") from None


def _decoded(file: BufferedIOBase, found: Found) -> Numbered:
    with file:
        number = 0
        try:
            encoding, head = _encoding(file)
            for number, raw in enumerate(_physical(file, head, encoding, found), 1):
                yield number, _text(raw, encoding, found)
        except BROKEN:
            found.ends_at = number + 1


def _encoding(file: BufferedIOBase) -> tuple[str, bytes]:
    """What a byte order mark says, and the bytes behind it."""
    head = file.read(4)
    for mark, name in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return name, head[len(mark) :]
    return "utf-8", head


def _physical(file: BufferedIOBase, head: bytes, encoding: str, found: Found) -> Iterator[bytes]:
    """Lines as bytes; of one that is too long its beginning."""
    end = "\n".encode(encoding)
    left = head
    while chunk := file.read1(_CHUNK):
        *whole, left = _split(left + chunk, end)
        yield from whole
        if len(left) > LINE_BYTES:
            yield left[:LINE_BYTES]
            left = _after_end(file, end)
    if left:
        found.is_open = True
        yield left


def _split(data: bytes, end: bytes) -> list[bytes]:
    if len(end) == 1:
        return data.split(end)
    found, start, at = [], 0, 0
    while (at := data.find(end, at)) >= 0:
        if (at - start) % 2:
            at += 1
            continue
        found.append(data[start:at])
        at = start = at + len(end)
    return [*found, data[start:]]


def _after_end(file: BufferedIOBase, end: bytes) -> bytes:
    """What comes behind the next line's end."""
    while chunk := file.read1(_CHUNK):
        _, found, rest = chunk.partition(end)
        if found:
            return rest
    return b""


def _text(raw: bytes, encoding: str, found: Found) -> str:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        found.recoded += 1
        text = raw.decode("latin-1" if encoding == "utf-8" else encoding, "replace")
    return text.removesuffix("\r")
