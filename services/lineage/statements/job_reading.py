"""How one text of a job is read: with the names in it, and the columns of what they may stand for. No transaction is open meanwhile.

Journey 3, step "SQL of events".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.common.model.names import AssetId
from services.common.runtime.db import Database
from services.lineage.sql.logged import RESULT, Shaped, Usage
from services.lineage.sql.statement import TableRef
from services.lineage.statements import intake, job_meaning
from services.lineage.statements.job_meaning import ColumnsOf, Place
from services.lineage.statements.known import Known
from services.lineage.statements.reading import SqlReader
from services.lineage.statements.resolving import Columns
from services.lineage.store.lookup import chunks


@dataclass(frozen=True, slots=True)
class JobReading:
    """What a step reads with.

    Attributes:
        reader: the worker.
        known: of datasets.
        columns_of: their columns.
        instead: the fingerprint of a text that took too long before and is read now.

    """

    reader: SqlReader
    known: Known
    columns_of: ColumnsOf
    instead: str | None


def usage_of(sql: str, shape: Shaped | Usage, place: Place, reading: JobReading) -> Usage:
    """What a text does, where its job runs; without names that may be literals."""
    if isinstance(shape, Usage):
        return shape
    known, columns_of = reading.known, reading.columns_of
    names: tuple[TableRef, ...] = shape.names
    for _ in range(2):  # a text whose dialect tells its names apart otherwise than the shape does is read with these names
        usage = reading.reader.read_usages([job_meaning.question(sql, names, place, known, columns_of)])[0]
        if set(usage.tables) <= {*names, RESULT}:
            break
        names = usage.tables
    return job_meaning.safe(usage, sql, place, known, columns_of)


def columns_in(database: Database) -> ColumnsOf:
    """Columns of datasets, each asked for once, in a short transaction of its own."""
    held: dict[AssetId, Mapping[str, str]] = {}
    asked: set[AssetId] = set()

    def columns_of(ids: set[AssetId]) -> Columns:
        new = ids - asked
        if new:
            with database.read() as connection:
                for part in chunks(sorted(new)):
                    held.update(intake.columns_of(connection, set(part)))
            asked.update(new)
        return {id_: held[id_] for id_ in ids if id_ in held}

    return columns_of
