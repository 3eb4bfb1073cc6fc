"""Lineage services to test: a feed in memory, a reader without a process, an empty store on SQLite or PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Asset, Kind
from services.common.model.changes import Change, ChangePage, Seq
from services.common.model.lineage import Direction, LineageRequest, Subgraph
from services.common.model.names import AssetId, DatasetName, Namespace, Namespaces
from services.common.model.schema_changes import PlannedChanges
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.lineage.follow import LineageFollower
from services.lineage.graph import LineageGraph
from services.lineage.queries import LineageQueries
from services.lineage.sql.ddl import read_ddl
from services.lineage.sql.ddl_script import Ddl
from services.lineage.sql.expressions import read_wording
from services.lineage.sql.extract import read_script
from services.lineage.sql.facts import ScriptLineage
from services.lineage.sql.parse import read_tables
from services.lineage.sql.script import Script
from services.lineage.sql.statement import Reading, Statement
from services.lineage.sql.wording import Worded, Wording
from services.lineage.store import event_tables, tables
from services.lineage.store.line import LINE

POSTGRES = Namespace("postgres://db1:5432")
DUCKDB = Namespace("duckdb:///data/shop.duckdb")
NAMESPACES = Namespaces(sources={POSTGRES: "wh", DUCKDB: "wh"})
BEGIN = dt.datetime(2031, 5, 1, 12, tzinfo=dt.UTC)
DATABASES = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.server)]
_migrated: dict[str, Any] = {}


def name_of(dotted: str, namespace: Namespace = POSTGRES) -> DatasetName:
    return DatasetName(namespace, tuple(dotted.split(".")))


def id_of(dotted: str, namespace: Namespace = POSTGRES) -> AssetId:
    return name_of(dotted, namespace).id


def asset(dotted: str, sql: str | None = None, **more: Any) -> Asset:
    """A table, or with SQL a view, of the source `wh`."""
    namespace = more.pop("namespace", POSTGRES)
    kind = more.pop("kind", Kind.TABLE if sql is None else Kind.VIEW)
    return Asset(name=name_of(dotted, namespace), source=more.pop("source", "wh"), kind=kind, sql=sql, **more)


class MemoryFeed:
    """A `ChangeFeed` of what was put into it, folding an asset's changes into its last."""

    def __init__(self) -> None:
        self.log: list[tuple[AssetId, Asset | None]] = []

    def put(self, *assets: Asset) -> None:
        self.log.extend((found.id, found) for found in assets)

    def remove(self, *ids: AssetId) -> None:
        self.log.extend((id_, None) for id_ in ids)

    def head(self) -> Seq:
        return Seq(len(self.log))

    def after(self, seq: Seq, *, limit: int = 500) -> ChangePage:
        last = {id_: at for at, (id_, _) in enumerate(self.log, 1)}
        later = [(at, id_, found) for at, (id_, found) in enumerate(self.log, 1) if at > seq and last[id_] == at]
        changes = tuple(Change(Seq(at), id_, found) for at, id_, found in later[:limit])
        upto = changes[-1].seq if len(changes) == limit else Seq(max(self.head(), seq))
        return ChangePage(changes, upto, self.head())

    def states(self, ids: Sequence[AssetId]) -> tuple[Asset, ...]:
        now = dict(self.log)
        return tuple(found for id_ in ids if (found := now.get(id_)) is not None)


@dataclass
class InlineReader:
    """Reads in this process, and remembers what it was asked."""

    asked: list[Statement] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)

    def read_many(self, statements: Sequence[Statement]) -> list[Reading]:
        self.asked.extend(statements)
        return [read_tables(statement) for statement in statements]

    def read_scripts(self, scripts: Sequence[Script]) -> list[ScriptLineage]:
        self.scripts.extend(scripts)
        return [read_script(script) for script in scripts]

    def read_ddl(self, script: Ddl) -> PlannedChanges:
        return read_ddl(script)

    def read_wordings(self, wordings: Sequence[Wording]) -> list[Worded | None]:
        return [read if isinstance(read := read_wording(one), Worded) else None for one in wordings]


@dataclass
class Lineage:
    """A lineage service over one database and one feed."""

    database: Database
    feed: MemoryFeed = field(default_factory=MemoryFeed)
    reader: InlineReader = field(default_factory=InlineReader)
    namespaces: Namespaces = NAMESPACES
    now: dt.datetime = BEGIN

    def __post_init__(self) -> None:
        self.graph = LineageGraph(self.database)
        self.walker = LineageQueries(self.graph, self.database, self.reader)

    def follower(self, page: int = 500) -> LineageFollower:
        return LineageFollower(
            self.feed, self.database, self.reader, lambda: self.namespaces, self.graph, clock=lambda: self.now, page=page
        )

    def follow(self, *assets: Asset, page: int = 500) -> None:
        """Put assets into the feed and follow it to its end."""
        self.feed.put(*assets)
        self.follower(page).catch_up()

    def walk(
        self,
        dotted: str,
        direction: Direction = Direction.BOTH,
        *,
        scope: AccessScope = FULL_SCOPE,
        depth: int = 3,
        limit: int = 200,
        namespace: Namespace = POSTGRES,
    ) -> Subgraph:
        return self.walker.walk(LineageRequest(id_of(dotted, namespace), scope, direction, depth, limit))

    def mentioned(self, dotted: str, sql: str) -> tuple[str, ...] | None:
        """What `sql` reads, if it is the definition of the asset that was read last."""
        return self.walker.mentioned(id_of(dotted), Statement(sql).sha256)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def intervals(self) -> list[tuple[str, str, dt.datetime, dt.datetime | None]]:
        """Every edge ever: the last parts of both names, from when, to when."""
        tables_of = {row["id"]: row["parts"][-1] for row in self.rows(tables.node)}
        return sorted(
            (tables_of[row["source_id"]], tables_of[row["target_id"]], row["valid_from"], row["valid_to"])
            for row in self.rows(tables.edge)
        )


def shown(graph: Subgraph) -> tuple[list[tuple[str, int]], set[tuple[str, str]]]:
    """Names with their depths in the answer's order, and the edges by name; the name is the last part."""
    names = {node.id: node.name.parts[-1] for node in graph.nodes}
    return [(names[node.id], node.depth) for node in graph.nodes], {(names[e.source], names[e.target]) for e in graph.edges}


def opened(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Lineage]:
    """An empty lineage service; migrated once a session, then copied (SQLite) or emptied (PostgreSQL)."""
    database = sqlite_database(folder) if kind == "sqlite" else _postgresql(request)
    yield Lineage(database)
    database.close()


def sqlite_database(folder: Path) -> Database:
    file = folder / "lineage.db"
    if "sqlite" in _migrated:
        file.write_bytes(_migrated["sqlite"])
        return Database(f"sqlite:///{file}", schema="lineage")
    database = Database(f"sqlite:///{file}", schema="lineage")
    ensure_current(database, LINE)
    _migrated["sqlite"] = file.read_bytes()
    return database


def _postgresql(request: pytest.FixtureRequest) -> Database:
    server = request.getfixturevalue("postgres_server")
    url = _migrated.get(server.url)
    if url is None:
        url = _migrated[server.url] = server.create_database("lineage")
        database = Database(url, schema="lineage", pool_size=4)
        ensure_current(database, LINE)
        return database
    database = Database(url, schema="lineage", pool_size=4)
    with database.write() as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(table.delete())
        connection.execute(insert(tables.checkpoint), {"id": 1, "seq": 0, "version": 0})
        connection.execute(insert(event_tables.event_head), {"id": 1, "seq": 0})
    return database
