"""A batch of lines into the store, in one commit: statements that are new, who ran which when, and the edges of the log.

Journey 3, step "log → facts": shapes → fingerprints → the new ones read → counted → stored. What is in `sql` ends here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from services.common.model.names import AssetId, DatasetName, Namespaces
from services.common.model.usage import MOST_NAMED, IntakeReport, LogLine, LogWindow, Unread
from services.lineage.events import identity
from services.lineage.sql.logged import usage_in
from services.lineage.statements.around import Around
from services.lineage.statements.counting import event_key, news
from services.lineage.statements.known import Known
from services.lineage.statements.reading import Asked
from services.lineage.statements.resolving import Meaning
from services.lineage.store import checkpoint, column_edges, datasets, log_runs, log_statements, observed
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.datasets import Dataset
from services.lineage.store.event_rows import DatasetRow
from services.lineage.store.log_runs import Run
from services.lineage.store.log_statements import Brief, Mention, Row
from services.lineage.store.lookup import rows_with
from services.lineage.store.tables import node_columns

AHEAD = dt.timedelta(days=1)
"""A line may be so far ahead of our clock: one that is further has no time that can be believed, and counts without one."""
_BY_STATEMENT = 3
"""The rank of a name that a statement uses: behind every way in which events name datasets."""
_DIRECT = 0.9
"""Confidence of an edge from a statement that a log says ran: it may have failed, or moved no row."""


@dataclass(slots=True)
class Batch:
    """Lines on their way, and what was found out about them before the unit of work began.

    Attributes:
        fingerprints: of each line.
        asked: the first line of each fingerprint that may be new.
        read: statements that were not stored, as they are to be, with what they mean.

    """

    lines: Sequence[LogLine]
    arounds: Sequence[Around]
    fingerprints: Sequence[str]
    asked: Mapping[str, Asked] = field(default_factory=dict)
    read: Mapping[str, tuple[Row, Meaning]] = field(default_factory=dict)


def store(
    connection: Connection, batch: Batch, known: Known, key: bytes, namespaces: Namespaces, now: dt.datetime
) -> IntakeReport:
    """Store a batch. The caller holds the checkpoint's lock and commits."""
    rows = log_statements.briefs(connection, set(batch.fingerprints))
    new = {one: batch.read[one] for one in batch.read if one not in rows}
    named = _add(connection, new, known, owner_of(namespaces))
    named |= _tell_catalog(connection, new.values(), known, namespaces, now)
    rows |= log_statements.briefs(connection, new.keys())
    keys = [event_key(line, around, key) for line, around in zip(batch.lines, batch.arounds, strict=True)]
    counts = news(connection, batch.lines, keys)
    times = [_believable(line.at, now) for line in batch.lines]
    log_runs.add(connection, _runs(batch, rows, counts, times))
    changed = _edges(connection, batch, rows, counts, times, now)
    log_runs.put_windows(connection, _windows(batch, counts, times, now))
    if changed or named:
        checkpoint.raise_version(connection)
    unlisted = {name.id: name for _, meaning in new.values() for name in (*meaning.reads, *meaning.writes)}
    return IntakeReport(
        lines=len(batch.lines),
        counted=sum(counts),
        repeated=counts.count(0),
        read=len(new),
        unread=(unread := _unread(batch, rows))[:MOST_NAMED],
        unread_lines=sum(one.lines for one in unread),
        unlisted=tuple(sorted(name for name in unlisted.values() if name.id not in known.ids)[:MOST_NAMED]),
    )


def _believable(at: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    return None if at is None or at > now + AHEAD else at


def _add(
    connection: Connection,
    new: Mapping[str, tuple[Row, Meaning]],
    known: Known,
    source_of: Callable[[DatasetName], str],
) -> bool:
    """Store new statements with what they mention; returns whether that made datasets known that were not."""
    ids = log_statements.add(connection, [row for row, _ in new.values()])
    mentions = {ids[one]: mentions_of(meaning, known) for one, (_, meaning) in new.items()}
    log_statements.put_mentions(connection, mentions)
    named = {name.id: name for _, meaning in new.values() for name in (*meaning.reads, *meaning.writes)}
    return datasets.put_named(connection, [Dataset.named(name, source_of(name)) for name in named.values()])


def _tell_catalog(
    connection: Connection,
    new: Iterable[tuple[Row, Meaning]],
    known: Known,
    namespaces: Namespaces,
    now: dt.datetime,
) -> bool:
    """Let the catalog hear of tables that no crawl has shown and that can be no others, as of those that events name.

    A name that may yet turn out to be another table's is kept here alone: an asset of the catalog would stay.
    """
    sure = {
        names[0].id: Dataset.named(names[0], "").name
        for row, meaning in new
        if row.state == log_statements.PARSED
        for names in meaning.candidates
        if len(names) == 1 and names[0].id not in known.ids and names[0] in (*meaning.reads, *meaning.writes)
    }
    told = [DatasetRow(id_, name, _BY_STATEMENT, now, now, {}) for id_, name in sure.items()]
    return identity.align(connection, told, (), namespaces).changed if told else False


def owner_of(namespaces: Namespaces) -> Callable[[DatasetName], str]:
    """Whose a dataset is that only a statement names."""
    return lambda name: namespaces.source_of(name.namespace, name.parts[0] if len(name.parts) > 1 else None)


def mentions_of(meaning: Meaning, known: Known) -> list[Mention]:
    """Every dataset that a statement may mean."""
    return [
        Mention(name.id, name.parts[-1].lower(), open=names[0].id not in known.ids)
        for names in meaning.candidates
        for name in names
    ]


def _runs(batch: Batch, rows: Mapping[str, Brief], counts: Sequence[int], times: Sequence[dt.datetime | None]) -> list[Run]:
    """One for each statement, person and hour, in the order of the lines."""
    found: dict[tuple[int, str | None, int | None], Run] = {}
    for line, fingerprint, count, at in zip(batch.lines, batch.fingerprints, counts, times, strict=True):
        if not count:
            continue
        statement = rows[fingerprint].id
        key = statement, line.user, None if at is None else int(at.timestamp() // 3600)
        before = found.get(key)
        if before is None:
            found[key] = Run(statement, line.user, count, at, at)
        else:
            ends = [time for time in (before.first_at, before.at, at) if time is not None]
            span = (min(ends), max(ends)) if ends else (None, None)
            found[key] = Run(statement, line.user, before.count + count, *span)
    return list(found.values())


def _edges(
    connection: Connection,
    batch: Batch,
    rows: Mapping[str, Brief],
    counts: Sequence[int],
    times: Sequence[dt.datetime | None],
    now: dt.datetime,
) -> bool:
    """What statements of the log moved, as edges between datasets and between their columns."""
    seen: dict[str, list[tuple[dt.datetime, int]]] = {}
    for fingerprint, count, at in zip(batch.fingerprints, counts, times, strict=True):
        if count and rows[fingerprint].writes:
            seen.setdefault(fingerprint, []).append((at or now, count))
    moving = log_statements.by_fingerprint(connection, seen.keys())
    found: list[observed.Observation] = []
    for fingerprint, runs in seen.items():
        found.extend(observations(moving[fingerprint], runs))
        edges = columns_moved(moving[fingerprint])
        times_of = [time for time, _ in runs]
        column_edges.put_observed(
            connection,
            edges,
            kind=observed.LOG,
            origin=fingerprint,
            first=min(times_of),
            at=max(times_of),
            arrived=now,
            count=sum(count for _, count in runs),
        )
    return observed.put(connection, found, now) if found else False


def observations(row: Row, runs: Sequence[tuple[dt.datetime, int]]) -> list[observed.Observation]:
    """The edges between datasets that a statement shows, as often as it ran."""
    told, usage = row.told, usage_in(row.said)
    decided = row.around[3] is not None or row.around[4] is not None
    if decided:
        links = [(source, target) for target in told.writes for source in told.reads]
    else:
        links = [(one, other) for a, b in usage.links if (one := told.tables[a]) and (other := told.tables[b])]
    return [
        observed.Observation(source, target, observed.LOG, row.fingerprint, at, count, _DIRECT)
        for source, target in dict.fromkeys(links)
        if source != target
        for at, count in runs
    ]


def columns_moved(row: Row) -> list[ColumnEdge]:
    """The edges between columns that it shows."""
    told, usage = row.told, usage_in(row.said)
    found = []
    for left, column, right, into, kind in usage.flows:
        source, target = told.tables[left], told.tables[right]
        if source is not None and target is not None and source in told.reads and target in told.writes:
            found.append(ColumnEdge(source, column, target, into, kind, confidence=_DIRECT))
    return found


def _windows(batch: Batch, counts: Sequence[int], times: Sequence[dt.datetime | None], now: dt.datetime) -> list[LogWindow]:
    by_source: dict[str, tuple[list[dt.datetime], int]] = {}
    for around, count, at in zip(batch.arounds, counts, times, strict=True):
        seen, total = by_source.get(around.source, ([], 0))
        if at is not None:
            seen.append(at)
        by_source[around.source] = seen, total + count
    return [
        LogWindow(source, min(seen, default=None), max(seen, default=None), now, total)
        for source, (seen, total) in by_source.items()
    ]


def _unread(batch: Batch, rows: Mapping[str, Brief]) -> tuple[Unread, ...]:
    found: dict[str, Unread] = {}
    for line, fingerprint in zip(batch.lines, batch.fingerprints, strict=True):
        reason = rows[fingerprint].problem
        if reason is not None:
            before = found.get(fingerprint)
            number, lines = (line.number, 1) if before is None else (before.number, before.lines + 1)
            found[fingerprint] = Unread(fingerprint, number, reason, lines)
    return tuple(found.values())


def columns_of(connection: Connection, ids: set[AssetId]) -> dict[AssetId, dict[str, str]]:
    """The columns of datasets as far as crawls have shown them: in order, spelled as the source does, by lower case."""
    query = select(node_columns.c.id, node_columns.c["columns"])
    found = rows_with(connection, query, node_columns.c.id, ids)
    return {AssetId(row.id): {name.lower(): name for name in row.columns} for row in found}
