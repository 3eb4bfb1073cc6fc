"""What passes between the parser and its worker process: length-prefixed JSON, and the values as JSON.

Journey 3, step "definition → references". Standard library only, so that the worker starts fast.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from services.common.model.names import SqlPart
from services.lineage.sql.statement import MAX_SQL_BYTES, Problem, Reading, Statement, TableRef

LENGTH = struct.Struct(">I")
"""Every frame begins with its length in bytes."""
READY = b"ready"
"""The worker's first frame."""
EXIT_MEMORY = 77
"""The worker's exit status after a statement that took all its memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one statement may take.

    Attributes:
        sql_bytes: longest text that is read, in bytes of UTF-8.
        seconds: time for one statement.
        memory_bytes: address space of the worker process (Linux; systems without the limit ignore it).

    """

    sql_bytes: int = MAX_SQL_BYTES
    seconds: float = 5.0
    memory_bytes: int = 2 << 30


def frame(body: bytes) -> bytes:
    """`body` with its length before it."""
    return LENGTH.pack(len(body)) + body


def dump_batch(batch: list[Statement]) -> bytes:
    """Statements as one frame's body."""
    return json.dumps([[statement.sql, statement.dialect] for statement in batch]).encode()


def load_batch(body: bytes) -> list[Statement]:
    """The statements that `dump_batch` wrote."""
    return [Statement(sql, dialect) for sql, dialect in json.loads(body)]


def dump_reading(reading: Reading) -> bytes:
    """A reading as one frame's body."""
    value = {
        "reads": [ref_out(ref) for ref in reading.reads],
        "target": None if reading.target is None else ref_out(reading.target),
        "problem": reading.problem and reading.problem.name,
        "line": reading.line,
        "column": reading.column,
    }
    return json.dumps(value).encode()


def load_reading(body: bytes) -> Reading:
    """The reading that `dump_reading` wrote."""
    value = json.loads(body)
    return Reading(
        reads=tuple(ref_in(ref) for ref in value["reads"]),
        target=None if value["target"] is None else ref_in(value["target"]),
        problem=Problem[value["problem"]] if value["problem"] else None,
        line=value["line"],
        column=value["column"],
    )


def ref_out(ref: TableRef) -> list[list[Any]]:
    """A reference as JSON: a pair of text and quoted-or-not for each part."""
    return [[part.text, part.quoted] for part in ref]


def ref_in(value: list[list[Any]]) -> TableRef:
    """The reference that `ref_out` wrote."""
    return tuple(SqlPart(text, quoted) for text, quoted in value)
