"""Usage of one table, and of those that nobody uses: what logs say, counted inside a scope, honest about their window.

Journey 3, the far end of the facts, read by `GET /assets/{id}` and `headwater unused`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from services.common.model.names import AssetId
from services.common.model.related import AssetUsage, ColumnUsage, JoinUsage, StatementUsage, Unused, UserUsage
from services.common.model.usage import FILTER, GROUP, JOIN, WRITE, LogWindow
from services.indexer.usage.reading import Reading
from services.indexer.usage.statements import NO_DAY, PERSON, Statement

HALF_LIFE_DAYS = 90
WEEKS = 12
TREND_DAYS = 30
FEW_USERS = 3.0
"""Popularity is shrunk as if so many people who do not use the table had been asked too."""
HALF_WAY = 5.0
"""A popularity of so much moves a ranking half as far as it can: that of some four people who each ask ten times."""
MOST_COLUMNS = 200
MOST_JOINS = 50
MOST_USERS = MOST_STATEMENTS = 10


def usage_of(reading: Reading, asset: AssetId) -> AssetUsage | None:
    """Usage of a table; None where no statement that counts in this scope names it."""
    row = reading.known.row.get(asset)
    if row is None or not reading.shown[row]:
        return None
    counts = reading.counts
    readers = [counts.statements[at] for at in counts.statements_of.row(row)[0].tolist()]
    writers = [counts.statements[at] for at in counts.writers_of.get(asset, ())]
    if not readers and not writers:
        return None
    first, last = counts.window
    perday = Counter[int]()
    for one in readers:
        for run in one.runs:
            perday[run.day] += run.count
    return AssetUsage(
        queries=sum(one.count for one in readers),
        statements=len(readers),
        people=len({user for one in readers for user in one.users}),
        last_read=_date(max((one.last for one in readers), default=NO_DAY)),
        last_written=_date(max((one.last for one in writers), default=NO_DAY)),
        popularity=round(_popularity(readers, last), 4),
        trend=_trend(perday, last, first),
        weeks=tuple(
            sum(perday[day] for day in range(last - 7 * week - 6, last - 7 * week + 1)) for week in reversed(range(WEEKS))
        )
        if last
        else (),
        columns=tuple(_columns(reading, asset, row, readers, writers)),
        joins=(joins := tuple(_joins(reading, asset, row, readers)))[:MOST_JOINS],
        declared_share=_declared_share(joins),
        users=tuple(_users(readers)),
        top=tuple(_top(reading, row, readers)),
        since=_date(first),
        until=_date(last),
    )


def _popularity(readers: Iterable[Statement], last: int) -> float:
    """Each person's faded executions by a logarithm, so that one busy person is not many; then shrunk for few people."""
    by_user: dict[str, float] = defaultdict(float)
    for run in (run for one in readers for run in one.runs):
        age = last - run.day if run.day else 0
        by_user[run.user] += run.weight * run.count * 0.5 ** (age / HALF_LIFE_DAYS)
    return sum(float(np.log1p(many)) for many in by_user.values()) * len(by_user) / (len(by_user) + FEW_USERS)


def _trend(perday: Mapping[int, int], last: int, first: int) -> float | None:
    if not last or last - first < 2 * TREND_DAYS:
        return None
    now = sum(many for day, many in perday.items() if last - TREND_DAYS < day <= last)
    before = sum(many for day, many in perday.items() if last - 2 * TREND_DAYS < day <= last - TREND_DAYS)
    return round((now - before) / before, 4) if before else None


def _declared_share(joins: Sequence[JoinUsage]) -> float | None:
    every = sum(join.runs for join in joins)
    return round(sum(join.runs for join in joins if join.declared) / every, 4) if every else None


def _users(readers: Iterable[Statement]) -> Iterator[UserUsage]:
    many: Counter[str] = Counter()
    last: dict[str, int] = {}
    programs: set[str] = set()
    for run in (run for one in readers for run in one.runs if run.user):
        many[run.user] += run.count
        last[run.user] = max(last.get(run.user, NO_DAY), run.day)
        if run.weight < PERSON:
            programs.add(run.user)
    for user, count in sorted(many.items(), key=lambda item: (-item[1], item[0]))[:MOST_USERS]:
        yield UserUsage(user, count, _date(last[user]), user in programs)


def _top(reading: Reading, row: int, readers: Iterable[Statement]) -> Iterator[StatementUsage]:
    known = reading.known
    told = [one for one in readers if reading.counts.enough(one.users)]
    for one in sorted(told, key=lambda one: (-one.count, one.fingerprint))[:MOST_STATEMENTS]:
        others = [at for table in dict.fromkeys(one.reads) if (at := known.row[table]) != row]
        names = tuple(known.names[at] for at in others)
        yield StatementUsage(one.fingerprint, one.count, len(one.users), _date(one.last), names)


def _columns(
    reading: Reading, asset: AssetId, row: int, readers: Iterable[Statement], writers: Iterable[Statement]
) -> Iterator[ColumnUsage]:
    record = reading.known.records[row]
    hidden = {n.lower() for n, h in zip(record.columns, record.restricted, strict=True) if h} if record else set()
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    every: Counter[str] = Counter()
    using: dict[str, list[Statement]] = defaultdict(list)
    for one in readers:
        kinds = {
            (use.column, use.how)
            for use in one.uses
            if use.asset == asset and use.how != WRITE and use.column.lower() not in hidden
        }
        for column, how in kinds:
            uses[column][how] += one.count
        for column in {column for column, _ in kinds}:
            every[column] += one.count
            using[column].append(one)
    written: dict[str, int] = {}
    for one in writers:
        for use in one.uses:
            if use.asset == asset and use.how == WRITE and use.column.lower() not in hidden:
                written[use.column] = max(written.get(use.column, NO_DAY), one.last)
    every.update(dict.fromkeys(written, 0))
    first, last = reading.counts.window
    for column, many in sorted(every.items(), key=lambda item: (-item[1], item[0]))[:MOST_COLUMNS]:
        used = uses[column]
        people = {user for one in using[column] for user in one.users}
        latest = max((one.last for one in using[column]), default=NO_DAY)
        days = Counter[int]()
        for run in (run for one in using[column] for run in one.runs):
            days[run.day] += run.count
        trend = _trend(days, last, first)
        filled = _date(written.get(column, NO_DAY))
        yield ColumnUsage(column, many, used[FILTER], used[JOIN], used[GROUP], len(people), _date(latest), filled, trend)


def _joins(reading: Reading, asset: AssetId, row: int, readers: Iterable[Statement]) -> Iterator[JoinUsage]:
    found: dict[tuple[AssetId, tuple[str, str], str], list[Statement]] = defaultdict(list)
    for one in readers:
        for join in one.joins:
            if join.left == asset and join.right != asset:
                found[join.right, (join.left_column, join.right_column), join.kind].append(one)
            elif join.right == asset and join.left != asset:
                found[join.left, (join.right_column, join.left_column), join.kind].append(one)
    record = reading.known.records[row]
    keys = (
        {(key.target, pair) for key in record.foreign_keys for pair in zip(key.columns, key.ref_columns, strict=False)}
        if record
        else set()
    )
    hidden = {n.lower() for n, h in zip(record.columns, record.restricted, strict=True) if h} if record else set()
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    for (other, on, kind), statements in ordered:
        at = reading.known.row.get(other)
        if at is None or not reading.shown[at] or on[0].lower() in hidden or on[1].lower() in _hidden(reading, at):
            continue
        people = {user for one in statements for user in one.users}
        if not reading.counts.enough(people):
            continue
        last = max((one.last for one in statements), default=NO_DAY)
        declared = (other, on) in keys or _declares(reading, at, asset, (on[1], on[0]))
        yield JoinUsage(
            asset=other,
            name=reading.known.names[at],
            on=(on,),
            kind=kind,
            queries=len(statements),
            people=len(people),
            last=_date(last),
            declared=declared,
            runs=sum(one.count for one in statements),
            cardinality=_cardinality(reading, (row, on[0]), (at, on[1])),
        )


def _cardinality(reading: Reading, here: tuple[int, str], there: tuple[int, str]) -> str | None:
    """As primary keys and what foreign keys refer to make it likely: `here` first; None where neither end is known."""
    one, other = _is_key(reading, *here), _is_key(reading, *there)
    if one is None and other is None:
        return None
    return f"{'one' if one else 'many'} to {'one' if other else 'many'}"


def _is_key(reading: Reading, row: int, column: str) -> bool | None:
    """Whether a column is all of its table's primary key; None where the table declares none, or one that is not open to all."""
    record = reading.known.records[row]
    if record is None or not record.primary_key or not _hidden(reading, row).isdisjoint(map(str.lower, record.primary_key)):
        return None
    return [name.lower() for name in record.primary_key] == [column.lower()]


def _hidden(reading: Reading, row: int) -> frozenset[str]:
    record = reading.known.records[row]
    if record is None:
        return frozenset()
    return frozenset(name.lower() for name, hidden in zip(record.columns, record.restricted, strict=True) if hidden)


def _declares(reading: Reading, row: int, target: AssetId, pair: tuple[str, str]) -> bool:
    record = reading.known.records[row]
    keys = record.foreign_keys if record is not None else ()
    return any(key.target == target and pair in zip(key.columns, key.ref_columns, strict=False) for key in keys)


def unused_of(reading: Reading, windows: Sequence[LogWindow], today: dt.date, days: int) -> tuple[Unused, ...]:
    """Listed tables that no statement which counts here reads within `days`; by name.

    A source's log that ended before, that began within them or that never came says nothing of its tables: then the state
    is `no log since`, whatever was read before.
    """
    counts = reading.counts
    last_read = np.zeros(len(reading.known), dtype=np.int64)
    for at in np.flatnonzero(counts.counted).tolist():
        for table in counts.reads.row(at)[0].tolist():
            last_read[table] = max(last_read[table], counts.statements[at].last)
    windowed = {window.source: window for window in windows}
    edge = today.toordinal() - days
    out = []
    for row in np.flatnonzero(reading.shown & reading.known.listed).tolist():
        if last_read[row] >= edge:
            continue
        record = reading.known.records[row]
        window = windowed.get(record.source) if record is not None else None
        since = _day(window.first_at) if window else None
        until = _day(window.last_at) if window else None
        covered = since is not None and until is not None and since.toordinal() <= edge and until.toordinal() > edge
        state = "not read" if (covered and not counts.read[row]) or (covered and last_read[row]) else "no log since"
        out.append(Unused(reading.known.ids[row], reading.known.names[row], _date(int(last_read[row])), since, until, state))
    return tuple(sorted(out, key=lambda one: (one.name.qualified.lower(), one.asset)))


def _day(at: dt.datetime | None) -> dt.date | None:
    return at.astimezone(dt.UTC).date() if at is not None else None


def _date(day: int) -> dt.date | None:
    return dt.date.fromordinal(day) if day else None
