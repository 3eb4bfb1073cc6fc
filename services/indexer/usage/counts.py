"""What the statements that a reader may know of say about tables: how often each is read, with whom, and made from what.

A statement counts for a reader only where every table that it reads or writes is shown to them: then what they are told is
what they would be told by a catalog that never had the hidden tables, and a log of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.common.model.names import AssetId
from services.indexer.index.distinct import distinct
from services.indexer.usage.known import Known
from services.indexer.usage.sparse import Floats, Ints, Sparse, pairs
from services.indexer.usage.statements import NO_DAY, Statement

MAX_TOGETHER = 40
"""Statements that read more tables say too little of any two of them: their pairs are quadratic, and are not counted."""
FADED = 0.3
"""What an old statement is still worth; the rest is halved with every `HALF_LIFE_DAYS`."""
HALF_LIFE_DAYS = 365
RECENT_SHARE = 0.3
"""How recently a table was used is told on the scale of this share of the time that the log covers."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts inside a scope, over the rows of `known`.

    Attributes:
        statements: all of them; `counted` says which count.
        min_people: what is told of two tables must have been done by so many distinct people.
        shown: which tables are there for the reader: permitted, and listed or named by a statement that counts, bool (n,).
        worth: of each statement: old ones and those of programs count for less, float64 (statements,).
        reads: statement by table, 1 where it reads it; rows of statements that do not count are empty.
        read: weighted statements a table, float64 (n,).
        together: table by table, weighted statements that read both; symmetric, without the diagonal.
        made_from: table by table, 1 where a statement writes the first from the second.
        last_read, last_written: 0 to 1, how recently, float64 (n,); 0 where no log tells.

    """

    known: Known
    statements: Sequence[Statement]
    counted: NDArray[np.bool_]
    worth: Floats
    reads: Sparse
    read: Floats
    together: Sparse
    made_from: Sparse
    last_read: Floats
    last_written: Floats
    shown: NDArray[np.bool_]
    min_people: int = 1

    def enough(self, users: Collection[str]) -> bool:
        """Whether what these people did with two tables may be told."""
        return self.min_people <= 1 or len(users) >= self.min_people

    @cached_property
    def writers_of(self) -> Mapping[AssetId, Sequence[int]]:
        """The statements that count and write a table, by table."""
        found: dict[AssetId, list[int]] = {}
        for at in np.flatnonzero(self.counted).tolist():
            for table in dict.fromkeys(self.statements[at].writes):
                found.setdefault(table, []).append(at)
        return found

    @cached_property
    def window(self) -> tuple[int, int]:
        """The first and the last day of the statements that count, or `NO_DAY` twice."""
        counted = (self.statements[at] for at in np.flatnonzero(self.counted).tolist())
        days = {run.day for one in counted for run in one.runs if run.day}
        return (min(days), max(days)) if days else (NO_DAY, NO_DAY)

    @cached_property
    def statements_of(self) -> Sparse:
        """Table by statement: who reads it."""
        return self.reads.transposed

    @cached_property
    def made_into(self) -> Sparse:
        """Table by table, 1 where a statement writes the second from the first."""
        return self.made_from.transposed

    @cached_property
    def steps(self) -> tuple[tuple[NDArray[np.uint64], Floats], ...]:
        """How often tables used together differ by the same tokens: of the whole name, of what stands before it, of its own."""
        own = self.known.step
        first = np.repeat(np.arange(len(self.together)), np.diff(self.together.start))
        second = self.together.index
        out = []
        for hashes in (own + self.known.step_home, self.known.step_home, own):
            # unsigned numbers wrap around: a difference is one number whatever is common
            difference, many = np.unique(hashes[second] - hashes[first], return_counts=True)
            out.append((difference, many.astype(np.float64)))
        return tuple(out)

    @cached_property
    def read_of_subject(self) -> Sparse:
        """The tables of each subject that a statement which counts reads: subject by table, 1 each."""
        read = np.flatnonzero(self.read > 0)
        subjects = int(self.known.base.max(initial=-1)) + 1
        return Sparse.of(self.known.base[read], read, np.ones(len(read)), (subjects, len(self.read)))

    @cached_property
    def mixes(self) -> Ints:
        """With how many tables each is used, int64 (n,)."""
        return np.diff(self.together.start)

    @cached_property
    def tables_of(self) -> Ints:
        """How many tables each statement reads, 0 for one that does not count, int64 (statements,)."""
        return np.diff(self.reads.start)

    @cached_property
    def is_told(self) -> NDArray[np.bool_]:
        """Which statements are `told_statements`, bool (statements,)."""
        out = np.zeros(len(self.reads), dtype=np.bool_)
        out[self.told_statements] = True
        return out

    @cached_property
    def told_statements(self) -> Ints:
        """The statements that count, read several tables and were run by enough people to be told of; int64."""
        tables = self.tables_of
        rows = np.flatnonzero((tables > 1) & (tables <= MAX_TOGETHER))
        if self.min_people > 1:
            rows = rows[np.asarray([self.enough(self.statements[at].users) for at in rows.tolist()], dtype=np.bool_)]
        return rows

    @cached_property
    def schemas(self) -> tuple[Sparse, Floats]:
        """Schema by schema, how many pairs of their tables are used together; and how many each schema has in all."""
        schema = self.known.schema
        n = int(schema.max(initial=-1)) + 1
        first = np.repeat(np.arange(len(self.together)), np.diff(self.together.start))
        counted = Sparse.of(schema[first], schema[self.together.index], np.ones(len(first)), (n, n))
        total = np.bincount(schema[first], minlength=n).astype(np.float64)
        return counted, total

    @cached_property
    def executions(self) -> Floats:
        """How often each statement ran, 0 for one that does not count, float64 (statements,)."""
        ran = np.fromiter((one.count for one in self.statements), dtype=np.float64, count=len(self.statements))
        return np.where(self.counted, ran, 0.0)

    @cached_property
    def n_executions(self) -> float:
        """How often all statements that count ran."""
        return float(self.executions.sum())

    @cached_property
    def executed(self) -> Floats:
        """Executions that read each table, float64 (n,)."""
        rows = np.flatnonzero(self.counted)
        return self.reads.spread(rows, self.executions[rows])

    @cached_property
    def mixed_schemas(self) -> Ints:
        """Of how many schemas there are tables that each table is used with, int64 (n,)."""
        n = int(self.known.schema.max(initial=-1)) + 1
        first = np.repeat(np.arange(len(self.together)), np.diff(self.together.start))
        each = distinct([first * n + self.known.schema[self.together.index]])
        return np.bincount(each // max(n, 1), minlength=len(self.together))

    @cached_property
    def alias(self) -> Sparse:
        """Table by table, how nearly one is the other: made from it alone (1), or of one name and subject (0.7)."""
        n = len(self.known)
        sole = np.diff(self.made_from.start) == 1
        source = self.made_from.index[self.made_from.start[:-1][sole]]
        target = np.flatnonzero(sole)
        groups = np.unique(
            self.known.base * (int(self.known.stem.max(initial=0)) + 1) + self.known.stem, return_inverse=True
        )[1]
        sizes = np.bincount(groups[self.shown], minlength=int(groups.max(initial=0)) + 1)
        small = self.shown & (sizes[groups] > 1) & (sizes[groups] <= MAX_TOGETHER)
        order = np.flatnonzero(small)
        lists = Sparse.of(groups[order], order, np.ones(len(order)), (len(sizes), n))
        one, other, _ = pairs(lists)
        rows = np.concatenate([source, target, one])
        columns = np.concatenate([target, source, other])
        values = np.concatenate([np.ones(2 * len(target)), np.full(len(one), 0.7)])
        both = Sparse.of(rows, columns, values, (n, n))
        return Sparse(both.start, both.index, np.minimum(both.value, 1.0), n)


def counts_of(known: Known, statements: Sequence[Statement], permitted: NDArray[np.bool_], *, min_people: int = 1) -> Counts:
    """The counts of some statements for who may see some tables, bool (n,).

    Pairs of tables that fewer than `min_people` distinct people have used together count as never used together.
    """
    row, n = known.row, len(known)
    counted = np.asarray(
        [all((at := row.get(table)) is not None and permitted[at] for table in one.touched) for one in statements],
        dtype=np.bool_,
    )
    reads = Sparse.of_lists(
        [[row[t] for t in one.reads] if ok else [] for one, ok in zip(statements, counted, strict=True)], n
    )
    worth = _worth(statements, counted)
    few = np.diff(reads.start) <= MAX_TOGETHER
    first, second, statement = pairs(reads.only_rows(few))
    if min_people > 1:
        backed = _backed(first * n + second, statement, statements, min_people)
        first, second, statement = first[backed], second[backed], statement[backed]
    return Counts(
        known=known,
        statements=statements,
        counted=counted,
        worth=worth,
        reads=reads,
        read=np.bincount(reads.index, weights=np.repeat(worth, np.diff(reads.start)), minlength=n).astype(np.float64),
        together=Sparse.of(first, second, worth[statement], (n, n)),
        made_from=_made_from(statements, counted, row, n),
        last_read=_recent([one.reads for one in statements], statements, counted, row),
        last_written=_recent([one.writes for one in statements], statements, counted, row),
        min_people=min_people,
        shown=permitted & (known.listed | _named(statements, counted, row, n)),
    )


def _backed(pair: Ints, statement: Ints, statements: Sequence[Statement], min_people: int) -> NDArray[np.bool_]:
    """Which places of `pair` are of pairs that so many distinct people used."""
    number: dict[str, int] = {}
    users = Sparse.of_lists(
        [[number.setdefault(user, len(number)) for user in sorted(one.users)] for one in statements], max(len(number), 1)
    )
    at, owner = users.places(statement)
    once = np.unique(np.stack([pair[owner], users.index[at]]), axis=1)[0]
    backed, people = np.unique(once, return_counts=True)
    return np.isin(pair, backed[people >= min_people])


def _named(
    statements: Sequence[Statement], counted: NDArray[np.bool_], row: Mapping[AssetId, int], n: int
) -> NDArray[np.bool_]:
    out = np.zeros(n, dtype=np.bool_)
    touched = {row[table] for one, ok in zip(statements, counted, strict=True) if ok for table in one.touched}
    out[sorted(touched)] = True
    return out


def _worth(statements: Sequence[Statement], counted: NDArray[np.bool_]) -> Floats:
    last = np.asarray([one.last for one in statements], dtype=np.float64)
    newest = last[counted].max(initial=0.0)
    age = np.where(last > 0, np.maximum(newest - last, 0.0), 0.0)  # what does not count may be later
    weight = np.asarray([one.weight for one in statements], dtype=np.float64)
    worth: Floats = weight * (FADED + (1 - FADED) * 0.5 ** (age / HALF_LIFE_DAYS))
    return worth


def _made_from(statements: Sequence[Statement], counted: NDArray[np.bool_], row: Mapping[AssetId, int], n: int) -> Sparse:
    edges = {
        (row[target], row[source])
        for one, ok in zip(statements, counted, strict=True)
        if ok
        for target in one.writes
        for source in one.reads
        if source != target
    }
    both = np.asarray(sorted(edges), dtype=np.int64).reshape(-1, 2)
    return Sparse.of(both[:, 0], both[:, 1], np.ones(len(both)), (n, n))


def _recent(
    tables: Sequence[Sequence[AssetId]],
    statements: Sequence[Statement],
    counted: NDArray[np.bool_],
    row: Mapping[AssetId, int],
) -> Floats:
    days = np.asarray([one.last for one in statements], dtype=np.float64)
    out = np.zeros(len(row))
    told = counted & (days > 0)
    if not told.any():
        return out
    newest, span = days[told].max(), max(np.ptp(days[told]), 1.0)
    for at in np.flatnonzero(told).tolist():
        fresh = float(np.exp((days[at] - newest) / (RECENT_SHARE * span)))
        for table in tables[at]:
            out[row[table]] = max(out[row[table]], fresh)
    return out
