"""The schema history of real tables replayed in order and shuffled: the graph of lineage must be the same at 50 dates.

`python -m bench lineage_history DATA [--through WAY] [--tables N] [--followed N]`. Above each table stands a view that names all of its columns, so each revision is
another definition. Twice: through the follower (feed, SQL read, store), tables shuffled among each other and each table's own
revisions in order, as a catalog tells them; and into the store, every revision in any order. The control puts them down at the
time when they arrived instead of their own.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from bench.history import FILE, NAMESPACE, Revision, revisions
from bench.report import machine, print_table
from services.common.model.assets import Asset, Column, Kind
from services.common.model.names import AssetId, DatasetName, Namespaces
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.lineage.follow import LineageFollower
from services.lineage.graph import LineageGraph
from services.lineage.sql.extract import read_script
from services.lineage.sql.facts import ScriptLineage
from services.lineage.sql.parse import read_tables
from services.lineage.sql.script import Script
from services.lineage.sql.statement import Reading, Statement
from services.lineage.store import column_edges, edges
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.edges import VIEW, Edge
from services.lineage.store.line import LINE
from services.lineage.store.tables import column_edge, edge
from tests.support.lineages import InlineReader, MemoryFeed

DATES = 50
SHUFFLES = 3
Interval = tuple[dt.datetime, dt.datetime | None]
Intervals = Mapping[tuple[str, ...], AbstractSet[Interval]]
"""Edges by what they are, each with the times in which it holds."""


@dataclass(frozen=True)
class State:
    """What a table's columns are from an instant on; none where it is deleted."""

    table: str
    at: dt.datetime
    columns: tuple[str, ...]

    @property
    def name(self) -> DatasetName:
        """The table's name."""
        return DatasetName(NAMESPACE, tuple(self.table.split(".", 2)))

    @property
    def view(self) -> DatasetName:
        """The name of the view above it."""
        *outer, last = self.name.parts
        return DatasetName(NAMESPACE, (*outer, f"{last}__view"))


def states(by_table: Sequence[Sequence[Revision]]) -> list[list[State]]:
    """Of each table its states in order; of several at one instant the last."""
    found = []
    for of_table in by_table:
        last: dict[dt.datetime, State] = {}
        for one in of_table:
            columns = tuple(column.name for column in one.columns or ())
            last[one.at] = State(one.table, one.at, columns)
        found.append([last[at] for at in sorted(last)])
    return found


def interleaved(by_table: Sequence[Sequence[State]], chance: random.Random) -> list[State]:
    """All states, tables shuffled among each other, each table's in order."""
    turns = [number for number, of_table in enumerate(by_table) for _ in of_table]
    chance.shuffle(turns)
    ahead = [iter(of_table) for of_table in by_table]
    return [next(ahead[number]) for number in turns]


class Reader(InlineReader):
    """Reads each text once: the replays read the same ones, and what is compared is what follows from them."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: dict[Statement, Reading] = {}
        self._read: dict[str, ScriptLineage] = {}

    def read_many(self, statements: Sequence[Statement]) -> list[Reading]:
        for statement in statements:
            if statement not in self._tables:
                self._tables[statement] = read_tables(statement)
        return [self._tables[statement] for statement in statements]

    def read_scripts(self, scripts: Sequence[Script]) -> list[ScriptLineage]:
        for script in scripts:
            if repr(script) not in self._read:
                self._read[repr(script)] = read_script(script)
        return [self._read[repr(script)] for script in scripts]


READER = Reader()


class Store(AbstractContextManager["Store"]):
    """An empty lineage store."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{self._folder.name}/lineage.db", schema="lineage")
        ensure_current(self.database, LINE)

    def __exit__(self, *_: object) -> None:
        self.database.close()
        self._folder.cleanup()

    def follow(self, told: Sequence[State], *, at_arrival: bool = False) -> None:
        """Through feed and follower, a revision a page."""
        feed = MemoryFeed()
        namespaces = Namespaces(sources={NAMESPACE: "replayed"})
        late = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
        follower = LineageFollower(
            feed, self.database, READER, lambda: namespaces, LineageGraph(self.database), clock=lambda: late
        )
        for number, state in enumerate(told):
            seen = told[0].at + dt.timedelta(hours=number) if at_arrival else state.at
            listed = ", ".join(f"`{column}`" for column in state.columns)
            table = ".".join(f"`{part}`" for part in state.name.parts)
            sql = f"SELECT {listed} FROM {table}" if state.columns else None
            columns = tuple(map(Column, state.columns))
            feed.put(Asset(state.name, "replayed", columns=columns, last_seen=seen))
            feed.put(Asset(state.view, "replayed", Kind.VIEW, columns=columns, sql=sql, last_seen=seen))
            while follower.step():
                pass

    def put(self, told: Sequence[State], *, at_arrival: bool = False) -> None:
        """Into the store, each state at its own time, in whatever order they come."""
        arrived = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
        with self.database.write() as connection:
            for batch in _batches(told):
                wanted: dict[AssetId, set[Edge]] = {}
                columns: dict[AssetId, list[ColumnEdge]] = {}
                at: dict[AssetId, dt.datetime] = {}
                for number, state in batch:
                    source, target = state.name.id, state.view.id
                    at[target] = told[0].at + dt.timedelta(hours=number) if at_arrival else state.at
                    wanted[target] = {Edge(source, target, VIEW, (), 1.0)} if state.columns else set()
                    names = dict.fromkeys(state.columns)
                    columns[target] = [ColumnEdge(source, name, target, name, "identity", VIEW) for name in names]
                edges.replace(connection, wanted, at, arrived)
                column_edges.replace_many(connection, columns, at, arrived)

    def intervals(self) -> Intervals:
        """Every edge between tables and between columns, with the times in which it holds."""
        found: dict[tuple[str, ...], set[Interval]] = defaultdict(set)
        with self.database.read() as connection:
            for table, names in (
                (edge, ("source_id", "target_id", "kind")),
                (column_edge, ("source_id", "source_column", "target_id", "target_column", "kind")),
            ):
                for *key, begin, end in connection.execute(
                    select(*(table.c[name] for name in names), table.c.valid_from, table.c.valid_to)
                ):
                    found[tuple(key)].add((begin, end))
        return found


def _batches(told: Sequence[State]) -> Iterator[list[tuple[int, State]]]:
    """States in their order with their places, each table once in a batch."""
    batch: list[tuple[int, State]] = []
    seen: set[str] = set()
    for number, state in enumerate(told):
        if state.table in seen:
            yield batch
            batch, seen = [], set()
        batch.append((number, state))
        seen.add(state.table)
    yield batch


def same_at(one: Intervals, other: Intervals, dates: Sequence[dt.datetime]) -> tuple[int, int]:
    """At how many of the dates the same edges hold, and how many edges the first has at all of them together."""
    differ = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
    same = sum(all(_holds(one.get(key, ()), when) == _holds(other.get(key, ()), when) for key in differ) for when in dates)
    return same, sum(_holds(times, when) for times in one.values() for when in dates)


def _holds(times: Iterable[Interval], when: dt.datetime) -> bool:
    return any(begin <= when and (end is None or end > when) for begin, end in times)


def _replays(way: str, by_table: Sequence[Sequence[State]], chance: random.Random) -> tuple[list[list[str]], bool]:
    """The rows of one way, and whether every shuffled replay is the same at all dates and the control is not."""
    every = sorted((one for of_table in by_table for one in of_table), key=lambda one: (one.at, one.table))
    first, last = every[0].at, every[-1].at
    dates = [first + (last - first) * number / (DATES - 1) for number in range(DATES)]
    print(f"{way}: {len(by_table):,} tables, {len(every):,} states, {DATES} dates from {first.date()} to {last.date()}")
    replay = Store.follow if way == "follower" else Store.put
    rows, right = [], True
    with Store() as ordered:
        replay(ordered, every)
        expected = ordered.intervals()
        for number in range(SHUFFLES if way == "store" else 1):
            shuffled = interleaved(by_table, chance) if way == "follower" else chance.sample(every, len(every))
            for at_arrival in (False, True) if number == 0 else (False,):
                with Store() as other:
                    replay(other, shuffled, at_arrival=at_arrival)
                    same, held = same_at(expected, other.intervals(), dates)
                what = "control: at the time of arrival" if at_arrival else f"shuffled {number + 1}"
                rows.append([way, what, f"{same} of {DATES}", f"{held:,}"])
                right &= (same == DATES) != at_arrival
    return rows, right


def main() -> None:
    """Print what is measured; exits with 1 where a replay differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--followed", type=int, metavar="N", help="so many tables for the follower, by lot, in place of all of them"
    )
    parser.add_argument("--through", choices=("store", "follower"), help="one of the two ways")
    parser.add_argument("--tables", type=int, metavar="N", help="so many tables, by lot, in place of all of them")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with gzip.open(arguments.data / FILE, "rt", encoding="utf-8") as file:
        by_table = states(revisions(map(json.loads, file)))
    chance = random.Random(arguments.seed)
    if arguments.tables is not None:
        by_table = chance.sample(by_table, arguments.tables)
    print(machine(["sqlglot"]))
    failed = False
    followed = by_table if arguments.followed is None else chance.sample(by_table, arguments.followed)
    for way, some in (("store", by_table), ("follower", followed)):
        if arguments.through not in (None, way):
            continue
        rows, right = _replays(way, some, chance)
        print_table(["through", "order", "dates with the same graph", "edges at these dates"], rows)
        print(flush=True)
        failed |= not right
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
