"""What passes between the parser and its worker process: length-prefixed JSON, and the values as JSON.

Journey 3, step "definition → references" and "SQL → edges". Standard library only, so that the worker starts fast.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

from services.common.model.names import SqlPart
from services.common.model.schema_changes import ChangeKind, MadeBy, Need, PlannedChanges, SchemaChange
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.facts import ColumnEdge, Kind, Lineage, ScriptLineage, StatementLineage
from services.lineage.sql.logged import LogStatement, Shape, Shaped, Usage, usage_in
from services.lineage.sql.script import Script
from services.lineage.sql.statement import MAX_SQL_BYTES, Problem, Reading, Statement, TableRef
from services.lineage.sql.wording import Worded, Wording, worded_in

Question = Statement | Script | Shape | LogStatement | Ddl | Wording
"""A definition whose tables are asked for, or a text whose whole lineage is."""
Answer = Reading | ScriptLineage | Shaped | Usage | PlannedChanges | Worded

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
    return [_QUESTIONS[kind](*value) for kind, *value in json.loads(body)]


_QUESTIONS: dict[str, Callable[..., Question]] = {
    "statement": Statement,
    "script": Script,
    "shape": Shape,
    "logged": LogStatement,
    "ddl": Ddl,
    "wording": Wording,
}


def _question_out(question: Question) -> list[Any]:
    if isinstance(question, Statement):
        return ["statement", question.sql, question.dialect]
    if isinstance(question, Ddl):
        return ["ddl", question.sql, question.dialect]
    if isinstance(question, Shape):
        return ["shape", question.sql, question.dialect, question.folds]
    schema = {table: list(columns) for table, columns in question.schema.items()}
    if isinstance(question, LogStatement):
        return ["logged", question.sql, question.dialect, schema, question.is_kept]
    kind = "wording" if isinstance(question, Wording) else "script"
    return [kind, question.sql, question.dialect, schema, question.default_database, question.default_schema]


def dump_answer(answer: Answer) -> bytes:
    """An answer as one frame's body."""
    if isinstance(answer, ScriptLineage):
        statements = [[one.type, _lineage_out(one.lineage), one.error] for one in answer.statements]
        return json.dumps({"statements": statements, "whole": _lineage_out(answer.whole)}).encode()
    if isinstance(answer, Shaped):
        return json.dumps({"digest": answer.digest, "names": [ref_out(ref) for ref in answer.names]}).encode()
    if isinstance(answer, PlannedChanges):
        told = {
            "changes": list(map(_change_out, answer.changes)),
            "statements": answer.statements,
            "problems": answer.problems,
            "own": answer.own,
            "needs": list(map(astuple, answer.needs)),
        }
        return json.dumps(told).encode()
    if isinstance(answer, Worded):
        return json.dumps({"worded": answer.shape()}).encode()
    if isinstance(answer, Usage):
        return json.dumps({"usage": answer.as_json()}).encode()
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
    if "digest" in value:
        return Shaped(value["digest"], tuple(ref_in(ref) for ref in value["names"]))
    if "changes" in value:
        changes = tuple(map(_change_in, value["changes"]))
        needs = tuple(Need(at, after, tuple(tables), one, tuple(made)) for at, after, tables, one, made in value["needs"])
        return PlannedChanges(changes, value["statements"], tuple(value["problems"]), tuple(value["own"]), needs)
    if "worded" in value:
        return worded_in(value["worded"])
    if "usage" in value:
        return usage_in(value["usage"])
    return Reading(
        reads=tuple(ref_in(ref) for ref in value["reads"]),
        target=None if value["target"] is None else ref_in(value["target"]),
        problem=Problem[value["problem"]] if value["problem"] else None,
        line=value["line"],
        column=value["column"],
    )


def _change_out(one: SchemaChange) -> list[Any]:
    made = one.made_by and [one.made_by.sql, one.made_by.dialect]
    return [one.kind, one.table, one.column, one.to, one.columns, one.types, made]


def _change_in(value: list[Any]) -> SchemaChange:
    kind, table, column, to, *listed, made = value
    columns, types = (None if one is None else tuple(one) for one in listed)
    return SchemaChange(ChangeKind(kind), table, column, to, columns, types, made and MadeBy(*made))


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
