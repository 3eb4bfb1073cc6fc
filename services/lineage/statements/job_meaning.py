"""What the SQL of a job does to datasets: its names are the job's own datasets', else what its engine would look for there.

Journey 3, step "SQL of events". Pure but for what it is told of the datasets.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.common.model.names import UNLISTED, AssetId, DatasetName, Namespaces, platform_of
from services.common.model.usage import LogLine
from services.lineage.sql.logged import RESULT, LogStatement, Shaped, Usage, usage_in
from services.lineage.sql.statement import Problem, Reading, TableRef
from services.lineage.statements.around import DEFAULT_SCHEMAS, Around, Sources
from services.lineage.statements.known import Known
from services.lineage.statements.literals import literal_words
from services.lineage.statements.resolving import Columns, Hidden, Meaning, is_explained, is_systems, kept, resolved
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.job_statements import CONFIDENCE, Ends, JobStatement, Shown, Since
from services.lineage.store.log_statements import PARSED, PARTLY, UNPARSED

ColumnsOf = Callable[[set[AssetId]], Columns]
"""The columns of datasets, as far as crawls have shown them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job's statements run.

    Attributes:
        around: what completes short names; its source is `unlisted` where nothing tells.
        ends: what the job's events say that it reads and writes.

    """

    around: Around
    ends: Ends

    @property
    def is_known(self) -> bool:
        """Whether it is known at all whose tables are meant."""
        return bool(self.ends) or self.around.source != UNLISTED


Places = Callable[[str], Place]
"""Where a job's statements of a dialect run."""


def place_of(namespace: str, ends: Ends, sources: Sources, namespaces: Namespaces, dialect: str) -> Place:
    """Where a job's statements run: where most of what it writes is, else of what it reads; else where its namespace says.

    Args:
        namespace: of the job.
        ends: what its events name.
        sources: those that there are.
        namespaces: whose they are.
        dialect: of the statements; empty where nothing says which.

    """
    names = [name for name, output in ends if output] or [name for name, _ in ends]
    if not names:
        return Place(sources.around(LogLine("", dialect=dialect or None), namespace), ())
    counts = Counter(name.namespace for name in names)
    found = min(counts, key=lambda one: (-counts[one], one))
    theirs = [name.parts for name, _ in ends if name.namespace == found]
    database = _only(parts[0] for parts in theirs if len(parts) > 1)
    schema = _only(parts[1] for parts in theirs if len(parts) > 2)
    platform = platform_of(found)
    around = Around(
        namespaces.source_of(found, database),
        found,
        dialect or platform.dialect,
        database,
        schema or DEFAULT_SCHEMAS.get(platform.name),
        (database is not None, False),
        None,
        None,
    )
    return Place(around, ends)


def _only(values: Iterable[str]) -> str | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def meaning_of(usage: Usage, place: Place, known: Known) -> Meaning:
    """What its tables stand for."""
    found = [_names(ref, place, known) for ref in usage.tables]
    tables = tuple(names[0] if names else None for names in found)
    reads, writes = (
        tuple({name.id: name for at in some if (name := tables[at])}.values()) for some in (usage.reads, usage.writes)
    )
    return Meaning(tables, reads, writes, tuple(filter(None, found)))


def _names(ref: TableRef, place: Place, known: Known) -> tuple[DatasetName, ...]:
    if ref == RESULT:
        outputs = tuple(name for name, output in place.ends if output)
        return outputs if len(outputs) == 1 else ()
    low = tuple(part.text.lower() for part in ref if part.text)
    if not low or not place.is_known:
        return ()
    own = {name.id: name for name, _ in place.ends if tuple(part.lower() for part in name.parts[-len(low) :]) == low}
    if len(own) == 1:
        return tuple(own.values())
    names = resolved(ref, place.around, known)
    return () if names and is_systems(names[0]) else names


def named_in(shape: Shaped | Usage, place: Place, known: Known) -> set[AssetId]:
    """The datasets that the names in a text may stand for; none where it could not be read."""
    names = shape.names if isinstance(shape, Shaped) else ()
    return {name.id for name in meaning_of(Usage("", names), place, known).tables if name is not None}


def question(sql: str, names: Sequence[TableRef], place: Place, known: Known, columns_of: ColumnsOf) -> LogStatement:
    """What the worker is asked: the text with the columns of what may be tables in it."""
    tables = meaning_of(Usage("", tuple(names)), place, known).tables
    columns = columns_of({name.id for name in tables if name is not None})
    schema = {
        ".".join(f'"{part.text}"' if "." in part.text else part.text for part in ref): list(columns[name.id].values())
        for ref, name in zip(names, tables, strict=True)
        if name is not None and columns.get(name.id)
    }
    return LogStatement(sql, place.around.dialect, schema, is_kept=True)


def safe(usage: Usage, sql: str, place: Place, known: Known, columns_of: ColumnsOf) -> Usage:
    """The usage without names that may be literals."""
    meaning = meaning_of(usage, place, known)
    columns = columns_of({name.id for name in meaning.tables if name is not None})
    explained = is_explained(usage, meaning, columns, known)
    return kept(usage, meaning, columns, known, Hidden() if explained else Hidden(*literal_words(sql)))


def seen(usage: Usage, place: Place, known: Known, columns_of: ColumnsOf) -> str:
    """A hash of all that a reading rests on: the dialect, what the names stand for, and what is known of their columns."""
    tables = meaning_of(usage, place, known).tables
    columns = columns_of({name.id for name in tables if name is not None})
    rests = [
        place.around.dialect,
        *(None if name is None else (name.id, name.id in known.ids, list(columns.get(name.id, {}))) for name in tables),
    ]
    return hashlib.blake2b(repr(rests).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def stored(before: JobStatement, usage: Usage, place: Place, known: Known, columns_of: ColumnsOf) -> JobStatement:
    """A statement as it is to be stored, with what it means now."""
    meaning = meaning_of(usage, place, known)
    problem = Reading(problem=usage.problem, line=usage.line, column=usage.column).reason
    return JobStatement(
        before.job,
        before.fingerprint,
        before.dialect,
        PARSED if problem is None else PARTLY if usage.tables else UNPARSED,
        problem,
        usage.as_json(),
        tuple(None if name is None else name.id for name in meaning.tables),
        seen(usage, place, known, columns_of),
        before.first,
        before.last,
    )


def unread(problem: Problem) -> Usage:
    """What is known of a text that could not be read."""
    return Usage("UNPARSED", problem=problem)


def shown(statements: Iterable[JobStatement]) -> Shown:
    """What the statements of one job show. Of several that show one edge the first by fingerprint is its origin."""
    tables: dict[tuple[AssetId, AssetId], Since] = {}
    columns: dict[ColumnEdge, Since] = {}
    for one in sorted(statements, key=lambda each: each.fingerprint):
        usage, told, since = usage_in(one.said), one.told, (one.origin, one.first, one.last)
        for left, right in usage.links:
            source, target = told[left], told[right]
            if source is not None and target is not None and source != target:
                tables[source, target] = _both(tables.get((source, target)), since)
        writes = {told[at] for at in usage.writes}
        for left, column, right, into, kind in usage.flows:
            source, target = told[left], told[right]
            if source is not None and target is not None and target in writes:
                edge = ColumnEdge(source, column.lower(), target, into.lower(), kind, confidence=CONFIDENCE)
                columns[edge] = _both(columns.get(edge), since)
    return Shown(tables, columns)


def _both(before: Since | None, now: Since) -> Since:
    if before is None:
        return now
    first: dt.datetime = min(before[1], now[1])
    return before[0], first, max(before[2], now[2])


def named(statements: Mapping[str, JobStatement], places: Places, known: Known) -> dict[AssetId, DatasetName]:
    """The datasets that statements read and write, by id."""
    found: dict[AssetId, DatasetName] = {}
    for one in statements.values():
        meaning = meaning_of(usage_in(one.said), places(one.dialect), known)
        found |= {name.id: name for name in (*meaning.reads, *meaning.writes)}
    return found
