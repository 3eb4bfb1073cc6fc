"""`StatementFacts` in this process: takes lines in, and tells facts in their order.

Journey 3, both crossings of the port.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from services.common.model.names import UNLISTED, AssetId, DatasetName, Namespaces
from services.common.model.usage import (
    ColumnUse,
    FactPage,
    FactSeq,
    IntakeReport,
    JoinFact,
    LogLine,
    LogWindow,
    StatementFact,
)
from services.common.runtime.db import Database
from services.lineage.sql.logged import usage_in
from services.lineage.statements import intake, people, reading
from services.lineage.statements.around import Around, Sources, around_in
from services.lineage.statements.intake import Batch
from services.lineage.statements.known import Known
from services.lineage.statements.reading import Shapes, SqlReader, told_of
from services.lineage.statements.resolving import meaning_of
from services.lineage.store import checkpoint, datasets, log_runs, log_statements
from services.lineage.store.datasets import Dataset
from services.lineage.store.log_runs import Run
from services.lineage.store.log_statements import Row

_TURNED = {"left": "right", "right": "left"}


class Statements:
    """Implements `StatementFacts` over the lineage service's database.

    Args:
        database: with its tables made.
        reader: the worker process.
        namespaces: whose the sources are, asked anew for each batch.
        key: of the home; lines are recognised by hashes under it.
        clock: gives the time, with an offset.

    """

    def __init__(
        self,
        database: Database,
        reader: SqlReader,
        namespaces: Callable[[], Namespaces],
        *,
        key: Callable[[], bytes],
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._database = database
        self._reader = reader
        self._namespaces = namespaces
        self._key = key
        self._clock = clock
        self._shapes = Shapes(reader)
        self._known: Known | None = None
        self._weights: tuple[FactSeq, dict[str, float]] = FactSeq(-1), {}

    def put(self, lines: Sequence[LogLine], *, source: str) -> IntakeReport:
        """See `StatementFacts.put`."""
        if not lines:
            return IntakeReport()
        self._join_up()
        namespaces = self._namespaces()
        with self._database.read() as connection:
            known = self._loaded(connection)
            sources = _sources(namespaces, known)
            batch = self._read(connection, lines, [sources.around(line, source) for line in lines], known)
        with self._database.write() as connection:
            checkpoint.read(connection, lock=True)  # numbers of facts come in their order
            return intake.store(connection, batch, known, self._key(), namespaces, self._clock())

    def after(self, seq: FactSeq, *, limit: int = 1000) -> FactPage:
        """See `StatementFacts.after`."""
        self._join_up()
        weights = self.weights()
        with self._database.read() as connection:
            runs = log_runs.after(connection, seq, limit)
            head = log_runs.head(connection)
            rows = log_statements.by_id(connection, {run.statement for _, run in runs})
            said = {id_: _said(row) for id_, row in rows.items()}
            ids = {id_ for row in rows.values() for id_ in (*row.told.reads, *row.told.writes)}
            names = {id_: found.name for id_, found in datasets.get(connection, ids).items()}
        facts = []
        for number, run in runs:
            row = rows[run.statement]
            joins, uses = said[run.statement]
            told = row.told
            facts.append(
                StatementFact(
                    seq=number,
                    fingerprint=row.fingerprint,
                    at=run.at,
                    user=run.person,
                    reads=told.reads,
                    writes=told.writes,
                    joins=joins,
                    uses=uses,
                    count=run.count,
                    source=row.source,
                    names={id_: names[id_] for id_ in (*told.reads, *told.writes) if id_ in names},
                    weight=weights.get(run.person, 1.0) if run.person is not None else 1.0,
                )
            )
        upto = facts[-1].seq if len(facts) == limit else max(head, seq)
        return FactPage(tuple(facts), upto, head)

    def head(self) -> FactSeq:
        """See `StatementFacts.head`."""
        with self._database.read() as connection:
            return log_runs.head(connection)

    def weights(self) -> dict[str, float]:
        """See `StatementFacts.weights`."""
        with self._database.read() as connection:
            head = log_runs.head(connection)
            if self._weights[0] != head:
                self._weights = head, people.weights(connection)
        return self._weights[1]

    def windows(self) -> list[LogWindow]:
        """See `StatementFacts.windows`."""
        with self._database.read() as connection:
            return log_runs.windows(connection)

    def _loaded(self, connection: Connection) -> Known:
        seq = checkpoint.read(connection).seq
        if self._known is None or self._known.seq != seq:
            self._known = Known.load(connection, seq)
        return self._known

    def _read(self, connection: Connection, lines: Sequence[LogLine], arounds: Sequence[Around], known: Known) -> Batch:
        """What has to be found out before the unit of work begins, because the worker may be slow."""
        fingerprints, asked = self._shapes.fingerprints(list(zip(lines, arounds, strict=True)))
        stored = log_statements.briefs(connection, set(fingerprints))
        missing = {one for one in fingerprints if one not in stored} - asked.keys()
        if missing:  # remembered, and taken away since, or never stored because a batch failed
            self._shapes = Shapes(self._reader)
            fingerprints, asked = self._shapes.fingerprints(list(zip(lines, arounds, strict=True)))
        new = [one for fingerprint, one in asked.items() if fingerprint not in stored]
        read = reading.read(new, self._reader, known, lambda ids: intake.columns_of(connection, ids))
        return Batch(lines, arounds, fingerprints, asked, read)

    def _join_up(self) -> None:
        """Look again for what statements name, where crawls have shown more since."""
        with self._database.read() as connection:
            seq = checkpoint.read(connection).seq
            if log_runs.relinked(connection) in (None, seq):
                return
            known = self._loaded(connection)
            rows = log_statements.by_id(connection, set(log_statements.waiting(connection)))
        namespaces = self._namespaces()
        sources = _sources(namespaces, known)
        with self._database.write() as connection:
            checkpoint.read(connection, lock=True)
            if _relink(connection, rows, known, sources, intake.owner_of(namespaces)):
                checkpoint.raise_version(connection)
            log_runs.set_relinked(connection, seq)


def _sources(namespaces: Namespaces, known: Known) -> Sources:
    return Sources(namespaces, lambda name: known.databases.get(name, {}))


def _relink(
    connection: Connection, rows: dict[int, Row], known: Known, sources: Sources, source_of: Callable[[DatasetName], str]
) -> bool:
    """Say anew what statements stand for; each that stands for something else is told again, without a count."""
    changed, named, mentions, placed = {}, {}, {}, {}
    for id_, row in rows.items():
        around = around_in(row.source, row.namespace, row.dialect, row.around)
        if row.source == UNLISTED and (found := sources.again(around)).source != UNLISTED:
            around = placed[id_] = found
        meaning = meaning_of(usage_in(row.said), around, known)
        told = told_of(meaning)
        mentions[id_] = intake.mentions_of(meaning, known)
        if told != row.told or id_ in placed:
            changed[id_] = told
            named.update({name.id: name for name in (*meaning.reads, *meaning.writes)})
    log_statements.put_mentions(connection, mentions)
    log_statements.place(connection, {id_: (one.source, one.namespace, one.as_json()) for id_, one in placed.items()})
    log_statements.tell(connection, changed)
    log_runs.add(connection, [Run(id_, None, 0, None, None) for id_ in changed])
    datasets.put_named(connection, [Dataset.named(name, source_of(name)) for name in named.values()])
    return bool(changed)


def _said(row: Row) -> tuple[tuple[JoinFact, ...], tuple[ColumnUse, ...]]:
    """The joins and uses of a statement between datasets that it reads or writes."""
    usage, tables = usage_in(row.said), row.told.tables
    counts = {*row.told.reads, *row.told.writes}

    def asset(place: int) -> AssetId | None:
        id_ = tables[place]
        return id_ if id_ in counts else None

    joins = [
        _join(one, a, other, b, kind)
        for left, a, right, b, kind in usage.pairs
        if (one := asset(left)) and (other := asset(right)) and (one, a) != (other, b)
    ]
    uses = [ColumnUse(one, column, how) for place, column, how in usage.uses if (one := asset(place))]
    return tuple(dict.fromkeys(joins)), tuple(dict.fromkeys(uses))


def _join(left: AssetId, one: str, right: AssetId, other: str, kind: str) -> JoinFact:
    if (left, one) <= (right, other):
        return JoinFact(left, one, right, other, kind)
    return JoinFact(right, other, left, one, _TURNED.get(kind, kind))
