"""Lines to statements: which of them are one but for literals, and what each new one does. The worker is asked for no line twice.

Journey 3, step "log → facts". A line whose text was met before, but for what is surely a literal, costs one pass of a
regular expression and one look into a table; only new shapes reach the worker, and only new fingerprints are parsed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.common.model.names import AssetId, SqlPart
from services.common.model.sql_tokens import without_literals
from services.common.model.usage import LogLine
from services.lineage.sql.logged import LogStatement, Shape, Shaped, Usage
from services.lineage.sql.statement import Problem, Reading, TableRef
from services.lineage.statements.around import Around
from services.lineage.statements.known import Known
from services.lineage.statements.literals import literal_words
from services.lineage.statements.resolving import Columns, Hidden, Meaning, is_explained, kept, meaning_of
from services.lineage.store.log_statements import PARSED, PARTLY, UNPARSED, Row, Told

_SHAPES = 200_000
"""Texts without literals whose fingerprint is remembered: about 40 MB, and more than a day of a busy warehouse has."""
_FOLDED_KINDS = frozenset(
    [
        "SELECT",
        "SELECT_INTO",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "TRUNCATE",
        "COPY",
        "LOAD",
        "UNLOAD",
        "EXPORT",
        "DROP",
        "ALTER",
        "CREATE",
        "CREATE_TABLE",
        "CREATE_VIEW",
        "CREATE_FUNCTION",
        "CREATE_PROCEDURE",
        "CREATE_TRIGGER",
        "CREATE_TASK",
        "RENAME",
        "SWAP",
        "USE",
        "SET",
        "SHOW",
        "DESCRIBE",
        "EXPLAIN",
        "CALL",
        "EXECUTE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "GRANT",
        "REVOKE",
        "ANALYZE",
        "VACUUM",
        "MOVE",
        "CACHE",
        "LOADDATA",
        "COMMAND",
        "PRAGMA",
        "ATTACH",
        "DETACH",
        "COMMENT",
        "KILL",
        "TRANSACTION",
        "UNPARSED",
    ]
)


class SqlReader(Protocol):
    """What of the worker is needed."""

    def read_shapes(self, shapes: Sequence[Shape]) -> list[Shaped | Problem]:
        """See `SqlParser`."""
        ...

    def read_usages(self, statements: Sequence[LogStatement]) -> list[Usage]:
        """See `SqlParser`."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A line's statement. `names` are what may be tables in it; empty where they were not needed."""

    fingerprint: str
    line: LogLine
    around: Around
    names: tuple[TableRef, ...]
    problem: Problem | None


class Shapes:
    """Remembers which texts have which fingerprint.

    Args:
        reader: the worker.

    """

    def __init__(self, reader: SqlReader) -> None:
        self._reader = reader
        self._known: OrderedDict[bytes, str] = OrderedDict()

    def fingerprints(self, lines: Sequence[tuple[LogLine, Around]]) -> tuple[list[str], dict[str, Asked]]:
        """The fingerprint of each line in order, and the first line of each fingerprint that was not remembered.

        Raises:
            ServiceUnavailable: the worker cannot be started.

        """
        keys = [_key(line, around) for line, around in lines]
        new = {key: pair for key, pair in zip(keys, lines, strict=True) if key not in self._known}
        asked: dict[str, Asked] = {}
        if new:
            shapes = [Shape(line.sql, around.dialect, around.folds) for line, around in new.values()]
            for (key, (line, around)), answer in zip(new.items(), self._reader.read_shapes(shapes), strict=True):
                found = _asked(line, around, answer)
                asked.setdefault(found.fingerprint, found)
                self._known[key] = found.fingerprint
        found_all = [self._known[key] for key in keys]
        for key in dict.fromkeys(keys):
            self._known.move_to_end(key)
        while len(self._known) > _SHAPES:
            self._known.popitem(last=False)
        return found_all, asked


def read(
    asked: Sequence[Asked],
    reader: SqlReader,
    known: Known,
    columns_of: Callable[[set[AssetId]], Columns],
) -> dict[str, tuple[Row, Meaning]]:
    """What statements do, to be stored, by fingerprint.

    Args:
        asked: those that are not stored yet.
        reader: the worker.
        known: what crawls have shown.
        columns_of: the columns of datasets, as far as they are known.

    Raises:
        ServiceUnavailable: the worker cannot be started.

    """
    named = [meaning_of(Usage("", one.names), one.around, known) for one in asked]
    columns = columns_of({name.id for meaning in named for name in meaning.tables if name is not None})
    readable = [one for one in asked if one.problem is None]
    questions = [
        LogStatement(one.line.sql, one.around.dialect, _schema(one, meaning, columns))
        for one, meaning in zip(asked, named, strict=True)
        if one.problem is None
    ]
    usages = dict(zip([one.fingerprint for one in readable], reader.read_usages(questions), strict=True))
    found = {}
    for one in asked:
        usage = usages.get(one.fingerprint) or Usage("UNPARSED", problem=one.problem)
        found[one.fingerprint] = _stored(one, usage, known, columns, columns_of)
    return found


def _stored(
    one: Asked, usage: Usage, known: Known, columns: Columns, columns_of: Callable[[set[AssetId]], Columns]
) -> tuple[Row, Meaning]:
    meaning = meaning_of(usage, one.around, known)
    missing = {name.id for name in meaning.tables if name is not None} - columns.keys()
    columns = {**columns, **columns_of(missing)} if missing else columns
    hidden = Hidden()
    if not is_explained(usage, meaning, columns, known):
        hidden = Hidden(*literal_words(one.line.sql))
    usage = kept(usage, meaning, columns, known, hidden)
    meaning = meaning_of(usage, one.around, known)
    problem = Reading(problem=usage.problem, line=usage.line, column=usage.column).reason
    state = PARSED if problem is None else PARTLY if usage.tables else UNPARSED
    kind = usage.kind if usage.kind in _FOLDED_KINDS else "OTHER"
    around = one.around
    row = Row(
        0,
        one.fingerprint,
        around.source,
        around.namespace,
        around.dialect,
        kind,
        state,
        problem,
        around.as_json(),
        usage.as_json(),
        told_of(meaning),
    )
    return row, meaning


def told_of(meaning: Meaning) -> Told:
    """A meaning as it is stored."""
    return Told(
        tuple(None if name is None else name.id for name in meaning.tables),
        tuple(name.id for name in meaning.reads),
        tuple(name.id for name in meaning.writes),
    )


def _schema(one: Asked, meaning: Meaning, columns: Columns) -> Mapping[str, Sequence[str]]:
    """The columns of the tables in a statement, by their names as it writes them."""
    return {
        ".".join(_quoted(part) for part in ref): list(columns[name.id].values())
        for ref, name in zip(one.names, meaning.tables, strict=True)
        if name is not None and columns.get(name.id)
    }


def _quoted(part: SqlPart) -> str:
    return f'"{part.text}"' if "." in part.text else part.text


def _asked(line: LogLine, around: Around, answer: Shaped | Problem) -> Asked:
    if isinstance(answer, Shaped):
        return Asked(_fingerprint(answer.digest, around), line, around, answer.names, None)
    digest = hashlib.blake2b(_bytes(_masked(line.sql, around.dialect)), digest_size=16).hexdigest()
    return Asked(_fingerprint(digest, around), line, around, (), answer)


def _fingerprint(digest: str, around: Around) -> str:
    text = repr((digest, around.source, around.namespace, around.dialect, *around.as_json()))
    return hashlib.blake2b(_bytes(text), digest_size=16).hexdigest()


def _key(line: LogLine, around: Around) -> bytes:
    masked = hashlib.blake2b(_bytes(_masked(line.sql, around.dialect)), digest_size=16)
    masked.update(_bytes(repr(around)))
    return masked.digest()


def _masked(sql: str, dialect: str) -> str:
    return " ".join(without_literals(sql, dialect).split())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
