"""Definitions read for their columns: those that a page of the feed asked for, with the columns of what they name.

Journey 3, between the page's commit and the next page. What is asked for is in the store, so a crash loses nothing. Texts
come from the catalog, one call for many: this service keeps none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from services.common.model.assets import Asset
from services.common.model.names import AssetId, Namespaces, scope_path
from services.common.ports import ChangeFeed
from services.common.runtime.db import Database
from services.lineage.columns import Link, View, edges_of, refs_of, script_of, whole_tables
from services.lineage.merge import basis_of, digest_of, guards_of, is_declared, source_of
from services.lineage.resolve import candidates, resolve_each
from services.lineage.sql.facts import ScriptLineage
from services.lineage.sql.script import Script
from services.lineage.sql.statement import Problem, Reading, Statement
from services.lineage.store import checkpoint, column_edges, column_readings, columns, datasets, definitions, intervals
from services.lineage.store.column_edges import ColumnEdge
from services.lineage.store.column_readings import ColumnReading, Todo

AT_ONCE = 200
"""Definitions read between two commits: about a second of reading."""


class SqlReader(Protocol):
    """Reads definitions; `SqlParser` does so in a process of its own."""

    def read_many(self, statements: Sequence[Statement]) -> list[Reading]:
        """A reading for each statement, in their order."""
        ...

    def read_scripts(self, scripts: Sequence[Script]) -> list[ScriptLineage]:
        """The lineage of each text, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class _Read:
    """What one definition says of columns; no reading where it has no definition any more."""

    edges: tuple[ColumnEdge, ...] = ()
    reading: ColumnReading | None = None


class ColumnFollower:
    """Reads what is asked for, some definitions at a time.

    Args:
        feed: tells the texts.
        database: the lineage service's own.
        reader: reads them.
        namespaces: whose sources own the datasets that only SQL names.
        clock: gives the time, with an offset.

    """

    def __init__(
        self,
        feed: ChangeFeed,
        database: Database,
        reader: SqlReader,
        namespaces: Callable[[], Namespaces],
        *,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._feed = feed
        self._database = database
        self._reader = reader
        self._namespaces = namespaces
        self._clock = clock

    def step(self) -> bool:
        """Read some of what is asked for, in one commit. Returns whether anything was.

        Raises:
            ServiceUnavailable: the catalog, the database or the reader does not answer; nothing was stored.

        """
        with self._database.read() as connection:
            todo = column_readings.waiting(connection, AT_ONCE)
        if not todo:
            return False
        assets = {asset.id: asset for asset in self._feed.states([one.asset for one in todo])}
        with self._database.read() as connection:
            views = self._views(connection, assets)
            known = definitions.get(connection, [one.asset for one in todo])
        read = self._read(views, assets)
        for one in todo:  # neither what is gone nor what has another text by now: its own change tells
            if one.asset not in known and one.asset in assets and assets[one.asset].sql is None and one.asset not in read:
                read[one.asset] = _Read()
        with self._database.write() as connection:
            checkpoint.read(connection, lock=True)
            self._store(connection, column_readings.still(connection, todo), read)
        return True

    def _views(self, connection: Connection, assets: Mapping[AssetId, Asset]) -> dict[AssetId, View]:
        """The definitions whose stored reading is of the text that the catalog has now."""
        stored = definitions.get(connection, assets.keys())
        owners = datasets.get(connection, stored.keys())
        current = {id_: found for id_, found in stored.items() if id_ in owners and digest_of(assets[id_]) == found.sha256}
        maybe = {
            id_: {name.id for ref in found.reads for name in candidates(ref, owners[id_].name)}
            for id_, found in current.items()
        }
        every = {id_ for ids in maybe.values() for id_ in ids} | current.keys()
        known = datasets.known(connection, every)
        shown = columns.get(connection, every)
        namespaces = self._namespaces()
        views = {}
        for id_, found in current.items():
            owner = owners[id_]
            source = source_of(owner, namespaces)
            links = resolve_each(found.reads, owner.name, lambda name: name.id in known)
            views[id_] = View(
                owner.name,
                basis_of(owner),
                {ref: Link(link, guards_of(link, source)) for ref, link in links.items()},
                {one: shown[one] for one in (*maybe[id_], id_) if one in shown},
                tuple(sorted({scope_path(source, name.parts) for link in links.values() for name in link.candidates})),
            )
        return views

    def _read(self, views: Mapping[AssetId, View], assets: Mapping[AssetId, Asset]) -> dict[AssetId, _Read]:
        said = {id_: view for id_, view in views.items() if is_declared(assets[id_])}
        scripts = {
            id_: script_of(view, assets[id_].sql or "", assets[id_].platform.dialect)
            for id_, view in views.items()
            if id_ not in said
        }
        answers = self._reader.read_scripts(list(scripts.values()))
        found = {
            id_: _Read(tuple(whole_tables(view)), ColumnReading(column_readings.PARSED, None, 0, 0, 0))
            for id_, view in said.items()
        }
        for (id_, script), answer in zip(scripts.items(), answers, strict=True):
            edges, reading = edges_of(views[id_], script, answer)
            found[id_] = _Read(tuple(edges), reading)
        return found

    def _store(self, connection: Connection, todo: Sequence[Todo], read: Mapping[AssetId, _Read]) -> None:
        wanted = {one.asset: read[one.asset].edges for one in todo if one.asset in read}
        last = intervals.newest(connection, column_edges.LEDGER.level, set(wanted))
        at = {one.asset: max(one.at, last.get(one.asset, one.at)) for one in todo}
        column_edges.replace_many(connection, wanted, at, self._clock())
        before = column_readings.get(connection, [one.asset for one in todo])
        column_readings.done(
            connection,
            {one.asset: read[one.asset].reading if one.asset in read else before.get(one.asset) for one in todo},
        )


def read_definitions(reader: SqlReader, statements: Sequence[Statement]) -> list[Reading]:
    """What each definition reads. A template, or a text that only another dialect understands, is read by its lineage."""
    found = reader.read_many(statements)
    again = [at for at, one in enumerate(found) if one.problem is Problem.SYNTAX]
    scripts = [Script(statements[at].sql, statements[at].dialect) for at in again]
    for at, read in zip(again, reader.read_scripts(scripts) if scripts else (), strict=True):
        whole = all(one.error is None for one in read.statements)
        if whole and read.whole.sources and len(read.whole.targets) < 2:
            found[at] = Reading(reads=refs_of(read), guessed=True)
    return found
