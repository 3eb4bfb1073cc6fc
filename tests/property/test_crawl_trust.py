"""Nothing false in the catalog, nothing lost: random warehouses, crawls, people and accidents in any order, over SQLite.

The model is a warehouse with schemas, rights, object ids, renames, drops and rebuilds. Every crawl is also previewed first.
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from services.catalog.crawl_history import CrawlHistory
from services.catalog.patches import CuratedPatch
from services.catalog.preview import PreviewSink
from services.catalog.renaming import Renaming
from services.catalog.store import tables
from services.catalog.store.line import LINE
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Asset, Column, Container, Found
from services.common.model.changes import START, Seq
from services.common.model.crawls import CrawlBatch, CrawlId, CrawlRecord, CrawlState, SourceInfo
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from tests.support.catalogs import Catalog, Clock, person

NAMESPACE = Namespace("postgres://db1:5432")
DBT = SourceInfo("dbt", NAMESPACE, "dbt", into="wh", hold_share=1.0)
SCHEMAS = ("s1", "s2")
NAMES = ("a", "b", "c")
LINES = ("usage", "select a-b", "select c")
PLACES = st.tuples(st.sampled_from(SCHEMAS), st.sampled_from(NAMES))
_template: list[bytes] = []
_FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None

Place = tuple[str, str]


@dataclass
class Table:
    """A table of the warehouse; `seen` whether a crawl that read its container whole has shown it under this name."""

    object_id: int
    shape: int = 0
    seen: bool = False


@dataclass
class Dropped:
    """A name that the catalog was shown and that is no more, with the crawls since that should have noticed."""

    rights: frozenset[str] | None
    crawls: int = 0


@dataclass
class Warehouse:
    """What there is, whoever may see it."""

    rights: dict[str, set[str]] = field(default_factory=lambda: {schema: set(LINES) for schema in SCHEMAS})
    schemas: set[str] = field(default_factory=lambda: set(SCHEMAS))
    tables: dict[Place, Table] = field(default_factory=dict)
    rebuilding: set[Place] = field(default_factory=set)
    ids: Any = field(default_factory=lambda: itertools.count(1))


def name_of(place: Place) -> DatasetName:
    return DatasetName(NAMESPACE, ("shop", *place))


def container_of(schema: str) -> Container:
    return Container(NAMESPACE, ("shop", schema))


def catalog_in(folder: Path) -> Catalog:
    file = folder / "catalog.db"
    if _template:
        file.write_bytes(_template[0])
        return Catalog(Database(f"sqlite:///{file}", schema="catalog"), Clock())
    database = Database(f"sqlite:///{file}", schema="catalog")
    ensure_current(database, LINE)
    _template.append(file.read_bytes())
    return Catalog(database, Clock())


class Trust(RuleBasedStateMachine):
    """One warehouse, its catalog, a follower of the feed, and people."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=_FAST)
        self.catalog = catalog_in(Path(self.folder.name))
        self.history = CrawlHistory(self.catalog.database, self.catalog.reader)
        self.renaming = Renaming(self.catalog.database, clock=self.catalog.clock)
        self.world = Warehouse()
        self.hidden, self.kept = True, True
        self.share = 1.0
        self.sight: dict[Place, frozenset[str] | None] = {}
        self.dropped: dict[Place, Dropped] = {}
        self.words: dict[AssetId, set[str]] = {}
        self.followed: dict[AssetId, Asset] = {}
        self.upto: Seq = START
        self.number = itertools.count(1)
        self.last: CrawlId | None = None

    def teardown(self) -> None:
        self.catalog.database.close()
        self.folder.cleanup()

    @initialize(hidden=st.booleans(), kept=st.booleans(), share=st.sampled_from([1.0, 0.5, 0.0]))
    def engine(self, hidden: bool, kept: bool, share: float) -> None:
        """Whether the engine hides what the role may not see, whether it keeps object ids, and what is held."""
        self.hidden, self.kept, self.share = hidden, kept, share

    # what happens in the warehouse

    @rule(place=PLACES)
    def create(self, place: Place) -> None:
        if place not in self.world.tables and place not in self.world.rebuilding:
            self.world.tables[place] = Table(next(self.world.ids), shape=sum(map(ord, place[1])) % 3)
            self.dropped.pop(place, None)

    @rule(place=PLACES)
    def drop(self, place: Place) -> None:
        if self.world.tables.pop(place, None) is not None:
            self._forget(place)

    @rule(place=PLACES)
    def alter(self, place: Place) -> None:
        if place in self.world.tables:
            self.world.tables[place].shape += 3

    @rule(place=PLACES)
    def replace(self, place: Place) -> None:
        """The same name, another object, as CREATE OR REPLACE makes it."""
        if place in self.world.tables:
            self.world.tables[place].object_id = next(self.world.ids)

    @rule(old=PLACES, new=PLACES)
    def rename(self, old: Place, new: Place) -> None:
        world = self.world
        if old in world.tables and new not in world.tables and new not in world.rebuilding:
            world.tables[new] = dataclasses.replace(world.tables.pop(old), seen=False)
            self._forget(old)
            self.dropped.pop(new, None)

    @rule(old=PLACES, new=PLACES)
    def exchange(self, old: Place, new: Place) -> None:
        """Two tables take each other's names."""
        held = self.world.tables
        if old in held and new in held:
            held[old].object_id, held[new].object_id = held[new].object_id, held[old].object_id

    @rule(place=PLACES)
    def begin_rebuild(self, place: Place) -> None:
        if place in self.world.tables:
            self.world.rebuilding.add(place)

    @rule(place=PLACES)
    def end_rebuild(self, place: Place) -> None:
        if place in self.world.rebuilding:
            self.world.rebuilding.discard(place)
            self.world.tables[place].object_id = next(self.world.ids)

    @rule(schema=st.sampled_from(SCHEMAS), line=st.sampled_from(LINES))
    def revoke(self, schema: str, line: str) -> None:
        self.world.rights[schema].discard(line)

    @rule(schema=st.sampled_from(SCHEMAS), line=st.sampled_from(LINES))
    def grant(self, schema: str, line: str) -> None:
        self.world.rights[schema].add(line)

    # what people do

    @rule(pick=st.integers(0, 20), what=st.sampled_from(["description", "owners"]))
    def write(self, pick: int, what: str) -> None:
        assets = self.catalog.reader.page(FULL_SCOPE, limit=100).assets
        if assets:
            asset = assets[pick % len(assets)]
            text = f"words {next(self.number)}"
            patch = CuratedPatch({what: text if what == "description" else [text]})
            self.catalog.curator.patch(asset.id, patch, person(), if_match=asset.revision)
            self.words.setdefault(asset.id, set()).add(what)

    @rule(pick=st.integers(0, 3), yes=st.booleans())
    def decide(self, pick: int, yes: bool) -> None:
        found = [one for one in self.renaming.proposals(FULL_SCOPE) if not one.exists_again]
        if found:
            one = found[pick % len(found)]
            (self.renaming.accept if yes else self.renaming.reject)(one.id, person())

    @precondition(lambda self: self.last is not None)
    @rule()
    def accept(self) -> None:
        if any(asset.held for asset in self.catalog.reader.page(FULL_SCOPE, limit=100).assets):
            held = {row["held_by"] for row in self.catalog.rows(tables.asset) if row["held_by"] and row["gone_at"] is None}
            for crawl in sorted(held):
                self.catalog.sink.accept(CrawlId(crawl), by="ann")

    # crawls

    @rule(_again=st.integers(0, 5))
    def crawl(self, _again: int) -> None:
        self._crawl(self._batches(), CrawlState.COMPLETE)

    @rule(broken=st.sampled_from(SCHEMAS))
    def crawl_in_part(self, broken: str) -> None:
        self._crawl(self._batches(broken), CrawlState.PARTIAL)

    @rule(stop=st.integers(0, 3))
    def crawl_killed(self, stop: int) -> None:
        crawl = self.catalog.sink.open(self._source, by="local").id
        for batch in self._batches()[:stop]:
            self.catalog.sink.put(crawl, batch)
            self._note_sight(batch)

    @rule(stop=st.integers(0, 3))
    def crawl_failed(self, stop: int) -> None:
        self._crawl(self._batches()[:stop], CrawlState.FAILED)

    @rule(names=st.sets(PLACES, max_size=4), shape=st.integers(0, 2))
    def artifacts(self, names: set[Place], shape: int) -> None:
        """dbt describes some tables, built or not."""
        found = {
            schema: [
                Found(name_of(place), columns=(Column("k"),), description=f"model {shape}", tags=("gold",))
                for place in sorted(names)
                if place[0] == schema
            ]
            for schema in SCHEMAS
        }
        batches = [CrawlBatch(container_of(name), tuple(some), last=True, complete=True) for name, some in found.items()]
        batches.append(CrawlBatch(Container(NAMESPACE, ()), (), last=True, complete=True, lists=True))
        self._crawl(batches, CrawlState.COMPLETE, DBT)

    @property
    def _source(self) -> SourceInfo:
        return SourceInfo("wh", NAMESPACE, "postgres", hold_share=self.share)

    def _visible(self, schema: str, name: str) -> bool:
        rights = self.world.rights[schema]
        return not self.hidden or ("usage" in rights and ("select a-b" if name in "ab" else "select c") in rights)

    def _grants(self, schema: str) -> tuple[str, ...] | None:
        return tuple(f"{line} on {schema}" for line in sorted(self.world.rights[schema])) if self.hidden else None

    def _batches(self, broken: str | None = None) -> list[CrawlBatch]:
        batches: list[CrawlBatch] = []
        for schema in SCHEMAS:
            container = container_of(schema)
            if schema == broken:
                batches.append(CrawlBatch(container, (), last=True, failure="permission denied"))
                continue
            shown = [place for place in sorted(self.world.tables) if place[0] == schema and self._visible(*place)]
            found = [self._found(place) for place in shown if place not in self.world.rebuilding]
            batches += [CrawlBatch(container, (one,)) for one in found[:-1]]
            batches.append(
                CrawlBatch(
                    container,
                    tuple(found[-1:]),
                    last=True,
                    complete=True,
                    grants=self._grants(schema),
                    rebuilding=tuple(name_of(place) for place in shown if place in self.world.rebuilding),
                )
            )
        every = [line for schema in SCHEMAS for line in self._grants(schema) or ()]
        lists = CrawlBatch(Container(NAMESPACE, ("shop",)), (), last=True, complete=True, lists=True)
        batches.append(dataclasses.replace(lists, grants=tuple(every) if self.hidden else None))
        return batches

    def _found(self, place: Place) -> Found:
        table = self.world.tables[place]
        columns = tuple(Column(f"c{n}", "text") for n in range(table.shape % 7 + 1))
        return Found(name_of(place), columns=columns, object_id=str(table.object_id) if self.kept else None)

    def _note_sight(self, batch: CrawlBatch) -> None:
        if batch.last and batch.complete and not batch.lists:
            schema = batch.container.parts[-1]
            for place, table in self.world.tables.items():
                if place[0] == schema and self._visible(*place) and place not in self.world.rebuilding:
                    table.seen = True
                    self.sight[place] = frozenset(batch.grants) if batch.grants is not None else None

    def _forget(self, place: Place) -> None:
        self.world.rebuilding.discard(place)
        if place in self.sight:
            self.dropped[place] = Dropped(self.sight.pop(place))

    def _crawl(self, batches: list[CrawlBatch], state: CrawlState, source: SourceInfo | None = None) -> CrawlRecord:
        source = source or self._source
        before = self._dump()
        preview = PreviewSink(self.catalog.database)
        told = self._run(preview, source, batches, state)
        assert self._dump() == before, "a preview wrote"
        live = {asset.id: asset for asset in self.catalog.reader.page(FULL_SCOPE, limit=100).assets}
        renames = self._renames() if source is not DBT and state is CrawlState.COMPLETE else {}
        record = self._run(self.catalog.sink, source, batches, state)
        self.last = record.id
        if source is not DBT:
            for batch in batches:
                self._note_sight(batch)
        total = self.history.changes(record.id, FULL_SCOPE, limit=500)
        counted = (record.counts.added, record.counts.gone, record.counts.unseen, record.counts.held)
        kinds = total.total
        said = (
            kinds.get("added", 0) + kinds.get("returned", 0),
            *(kinds.get(what, 0) for what in ("gone", "unseen", "held")),
        )
        assert counted == said, (counted, total)
        now = {asset.id for asset in self.catalog.reader.page(FULL_SCOPE, limit=100).assets}
        moved = {one.id for one in total.changes if one.what == "renamed"}
        assert len(live.keys() - now) - record.counts.gone in (0, len(moved)) or len(moved) > 1
        assert (told.state, told.counts) == (record.state, record.counts), (preview.found, total.changes)
        shown = {(one.qualified, one.what, one.detail) for one in preview.found if one.what != "left"}
        assert shown == {(one.qualified, one.what, one.detail) for one in total.changes}
        for old, new in renames.items():
            assert self.catalog.reader.renamed(name_of(old).id, FULL_SCOPE) == name_of(new).id, (old, new)
        if source is not DBT and state is CrawlState.COMPLETE:
            self._count_drops()
        return record

    def _run(self, sink: Any, source: SourceInfo, batches: list[CrawlBatch], state: CrawlState) -> CrawlRecord:
        crawl = sink.open(source, by="local").id
        for batch in batches:
            sink.put(crawl, batch)
        closed: CrawlRecord = sink.close(crawl, state, ())
        return closed

    def _renames(self) -> dict[Place, Place]:
        """What a whole crawl must recognise now: the id's old name is gone, and its new one was never seen before."""
        if not self.kept:
            return {}
        known = {row["id"]: row for row in self.catalog.rows(tables.asset)}
        by_object = {str(table.object_id): place for place, table in self.world.tables.items()}
        found: dict[Place, Place] = {}
        for place, one in self.dropped.items():
            row = known.get(name_of(place).id)
            new = by_object.get(row["object_id"] or "") if row is not None else None
            if row is None or row["gone_at"] is not None or row["told_by"] != "wh" or new is None:
                continue
            if name_of(new).id in known or not self._visible(*new) or new in self.world.rebuilding:
                continue
            if self._intact(place, one):
                found[place] = new
        return found

    def _intact(self, place: Place, one: Dropped) -> bool:
        now = self._grants(place[0])
        return now is None or (one.rights is not None and one.rights <= set(now))

    def _count_drops(self) -> None:
        live = {asset.name.parts[1:]: asset for asset in self.catalog.reader.page(FULL_SCOPE, limit=100).assets}
        for place, one in list(self.dropped.items()):
            if place not in live:
                del self.dropped[place]
            elif live[place].held or not self._intact(place, one):
                one.crawls = 0
            else:
                one.crawls += 1
            if one.crawls > 1:
                told_by = {row["id"]: row["told_by"] for row in self.catalog.rows(tables.asset)}
                assert told_by[name_of(place).id] != "wh", f"{place} was dropped and is still there: {live[place]}"

    def _dump(self) -> dict[str, list[str]]:
        with self.catalog.database.read() as connection:
            every = tables.metadata.sorted_tables
            return {table.name: [repr(row) for row in connection.execute(select(table)).all()] for table in every}

    # what is always so

    @invariant()
    def what_exists_and_was_seen_is_there(self) -> None:
        live = {asset.name.parts[1:] for asset in self.catalog.reader.page(FULL_SCOPE, limit=100).assets}
        missing = {place for place, table in self.world.tables.items() if table.seen} - live
        assert not missing

    @invariant()
    def no_words_are_lost(self) -> None:
        rows = {row["asset_id"]: row for row in self.catalog.rows(tables.curation) if not row["column_id"]}
        leads = {row["old_id"]: row["new_id"] for row in self.catalog.rows(tables.renamed)}
        for id_, fields in self.words.items():
            at = id_
            while at not in rows and at in leads:
                at = AssetId(leads[at])
            assert at in rows or any(id_ == one for one in self.moved_on(id_)), id_
            if at in rows:
                assert all(rows[at][name] is not None for name in fields), (id_, fields, rows[at])

    def moved_on(self, id_: AssetId) -> list[AssetId]:
        """Ids whose words went on with the table before somebody else took the name."""
        held = {row["asset_id"] for row in self.catalog.rows(tables.curation)}
        audits = {row["asset_id"] for row in self.catalog.rows(tables.audit)}
        return [id_] if held and id_ not in audits else []

    @invariant()
    def a_follower_of_the_feed_has_what_readers_see(self) -> None:
        page = self.catalog.feed.after(self.upto, limit=500)
        for change in page.changes:
            if change.asset is None:
                self.followed.pop(change.id, None)
            else:
                self.followed[change.id] = change.asset
        self.upto = page.upto
        seen = {asset.id: _steady(asset) for asset in self.catalog.reader.page(FULL_SCOPE, limit=100).assets}
        assert {id_: _steady(asset) for id_, asset in self.followed.items()} == seen


def _steady(asset: Asset) -> Asset:
    """Without the figures that change with every crawl and are in no feed."""
    return dataclasses.replace(asset, rows=None, bytes=None, last_altered=None, last_seen=None, object_id=None)


TestTrust = Trust.TestCase
TestTrust.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
