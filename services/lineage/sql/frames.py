"""What passes between the parser and its worker process: length-prefixed JSON, and the values as JSON.

Journey 3, step "definition → references" and "SQL → edges". Standard library only, so that the worker starts fast.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from services.common.model.names import SqlPart
from services.lineage.sql.facts import ColumnEdge, Kind, Lineage, ScriptLineage, StatementLineage
from services.lineage.sql.script import Script
from services.lineage.sql.statement import MAX_SQL_BYTES, Problem, Reading, Statement, TableRef

Question = Statement | Script
"""A definition whose tables are asked for, or a text whose whole lineage is."""
Answer = Reading | ScriptLineage

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


def dump_batch(batch: list[Question]) -> bytes:
    """Questions as one frame's body."""
    return json.dumps([_question_out(question) for question in batch]).encode()


def load_batch(body: bytes) -> list[Question]:
    """The questions that `dump_batch` wrote."""
    return [Statement(*value) if len(value) == 2 else Script(*value) for value in json.loads(body)]


def _question_out(question: Question) -> list[Any]:
    if isinstance(question, Statement):
        return [question.sql, question.dialect]
    schema = {table: list(columns) for table, columns in question.schema.items()}
    return [question.sql, question.dialect, schema, question.default_database, question.default_schema]


def dump_answer(answer: Answer) -> bytes:
    """An answer as one frame's body."""
    if isinstance(answer, ScriptLineage):
        statements = [[one.type, _lineage_out(one.lineage), one.error] for one in answer.statements]
        return json.dumps({"statements": statements, "whole": _lineage_out(answer.whole)}).encode()
    value = {
        "reads": [ref_out(ref) for ref in answer.reads],
        "target": None if answer.target is None else ref_out(answer.target),
        "problem": answer.problem and answer.problem.name,
        "line": answer.line,
        "column": answer.column,
    }
    return json.dumps(value).encode()


def load_answer(body: bytes) -> Answer:
    """The answer that `dump_answer` wrote."""
    value = json.loads(body)
    if "whole" in value:
        found = (StatementLineage(kind, _lineage_in(one), error) for kind, one, error in value["statements"])
        return ScriptLineage(tuple(found), _lineage_in(value["whole"]))
    return Reading(
        reads=tuple(ref_in(ref) for ref in value["reads"]),
        target=None if value["target"] is None else ref_in(value["target"]),
        problem=Problem[value["problem"]] if value["problem"] else None,
        line=value["line"],
        column=value["column"],
    )


def _lineage_out(lineage: Lineage) -> list[Any]:
    return [lineage.sources, lineage.targets, lineage.table_edges, lineage.column_edges]


def _lineage_in(value: list[Any]) -> Lineage:
    sources, targets, table_edges, column_edges = value
    edges = tuple(
        ColumnEdge(source, column, target, into, Kind(kind)) for source, column, target, into, kind in column_edges
    )
    return Lineage(tuple(sources), tuple(targets), tuple((one, other) for one, other in table_edges), edges)


def ref_out(ref: TableRef) -> list[list[Any]]:
    """A reference as JSON: a pair of text and quoted-or-not for each part."""
    return [[part.text, part.quoted] for part in ref]


def ref_in(value: list[list[Any]]) -> TableRef:
    """The reference that `ref_out` wrote."""
    return tuple(SqlPart(text, quoted) for text, quoted in value)
