"""SQL that a command is given: a file, packed or not, or standard input; and a warning where its dialect is unknown.

Used by `headwater lineage-sql` and `headwater check`.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path

from services.cli.terminal import say
from services.common.errors import BadRequest
from services.lineage.sql.names import is_dialect

_GZIP = b"\x1f\x8b"


def read_text(file: str) -> str:
    """The text of a file; `-` is standard input. Bytes that are no UTF-8 become marks.

    Raises:
        BadRequest: it cannot be read or unpacked.

    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise BadRequest(f"{file} cannot be read: {error.strerror or 'an error of the disk'}") from None
    try:
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise BadRequest(f"{file} cannot be unpacked: it is damaged or cut off") from None
    return data.decode("utf-8-sig", errors="replace")


def warn_of(dialect: str | None, warned: set[str]) -> None:
    """Say once of a dialect that there is none of that name."""
    if dialect and dialect not in warned and not is_dialect(dialect):
        warned.add(dialect)
        say(f"warning: there is no dialect called {dialect!r}; it is read as generic SQL")
