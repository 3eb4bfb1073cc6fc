"""The catalog as the place where crawls put what they find: the same behaviour on SQLite and PostgreSQL."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from services.catalog.store import tables
from services.catalog.store.crawls import SILENT_AFTER
from services.common.errors import BadRequest, Conflict, NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Column, Container, ForeignKey, Found, Index, Kind
from services.common.model.crawls import CrawlBatch, CrawlId, CrawlState, SourceInfo, TableCounts
from services.common.model.names import DatasetName, Namespace
from tests.support import catalogs
from tests.support.catalogs import NAMESPACE, SHOP, WAREHOUSE, Catalog, id_of, table


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def test_everything_a_source_says_comes_back_as_it_was_said(catalog):
    """No field of a found table is lost or changed on its way through the store."""
    altered = dt.datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    columns = (
        Column("Order ID", "bigint", nullable=False, default="nextval('s')", description="Schlüssel ✓", tags=("pii",)),
        Column("order id", None, nullable=None),
        Column("x", "json", nullable=True),
    )
    found = Found(
        DatasetName(NAMESPACE, ("shop", "public", 'Or"d.ers')),
        kind=Kind.MATERIALIZED_VIEW,
        description="100% of 'orders'\n\n🛒",
        columns=columns,
        primary_key=("Order ID",),
        foreign_keys=(ForeignKey(("x",), ("shop", "public", "customer"), ("id",)),),
        indexes=(Index("by_x", ("lower(x)", "y"), unique=True),),
        sql="SELECT 1",
        rows=2**62,
        bytes=0,
        partitions=7,
        last_altered=altered,
        tags=("gold", "Sales"),
        owners=("ann@example.org",),
        properties={"engine": {"n": [1, 2.5, None, True]}},
    )
    catalog.crawl(found)
    asset = catalog.get(found.name.id)
    for field in dataclasses.fields(Found):
        assert getattr(asset, field.name) == getattr(found, field.name), field.name
    assert asset.last_altered.utcoffset() == dt.timedelta(0)
    assert asset.first_seen == asset.last_seen
    assert asset.first_seen.tzinfo is not None
    assert (asset.version, asset.revision, asset.gone_at, asset.curated) == (1, 1, None, ())


def test_the_same_crawl_again_changes_nothing_but_what_was_seen(catalog):
    """A second crawl that finds the same writes no change and no version, only one observation each."""
    found = [table("orders", "id", rows=5), table("customers", "id")]
    catalog.crawl(*found)
    head = catalog.feed.head()
    second = catalog.crawl(*found)
    assert second.counts == TableCounts(found=2, unchanged=2)
    assert catalog.feed.head() == head == second.seq
    assert catalog.get(id_of("orders")).revision == 1
    assert catalog.get(id_of("orders")).last_seen > catalog.get(id_of("orders")).first_seen
    assert len(catalog.rows(tables.observation)) == 4
    assert len(catalog.rows(tables.version)) == 2


def test_storing_a_batch_twice_is_storing_it_once(catalog):
    """A batch sent again because its answer was lost counts nothing, writes nothing."""
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    batch = CrawlBatch(SHOP, (table("orders", "id", rows=1),), last=True, complete=False, failure="no rights")
    catalog.crawl(table("old", "id"), container=SHOP)
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    first = catalog.sink.put(crawl, batch)
    assert first.counts == TableCounts(found=1, added=1)
    stored = [catalog.rows(t) for t in (tables.asset, tables.version, tables.observation, tables.change)]
    again = catalog.sink.put(crawl, batch)
    assert again.counts == TableCounts()
    assert again.seq == first.seq
    assert [catalog.rows(t) for t in (tables.asset, tables.version, tables.observation, tables.change)] == stored
    record = catalog.sink.close(crawl, CrawlState.PARTIAL, ["no rights"])
    assert record.counts == TableCounts(found=1, added=1, unseen=1)
    assert record.failures == ("no rights",)


def test_the_index_hears_of_another_day_of_change(catalog):
    """A table that was altered is in the feed once a day, so that it is found by it; no change is counted, no version made."""
    day = dt.datetime(2031, 5, 1, 8, tzinfo=dt.UTC)
    catalog.crawl(table("orders", "id", last_altered=day), table("never", "id"))
    heads = [catalog.feed.head()]
    for altered in (day, day + dt.timedelta(hours=15), day + dt.timedelta(hours=16), None):
        record = catalog.crawl(table("orders", "id", last_altered=altered), table("never", "id"))
        assert record.counts == TableCounts(found=2, unchanged=2)
        heads.append(catalog.feed.head())
    assert [later - earlier for earlier, later in itertools.pairwise(heads)] == [0, 0, 1, 1]
    (change,) = catalog.feed.after(heads[-2]).changes
    assert (change.asset.table, change.asset.last_altered, change.asset.version) == ("orders", None, 1)


def test_rows_and_bytes_are_observed_without_being_changes(catalog):
    """Growing tables do not disturb the index; their sizes are current and kept as history."""
    catalog.crawl(table("orders", "id", rows=5, bytes=10), table("still", "id", rows=1))
    head = catalog.feed.head()
    record = catalog.crawl(table("orders", "id", rows=6, bytes=20), table("still", "id", rows=1))
    assert record.counts == TableCounts(found=2, unchanged=2)
    assert catalog.feed.head() == head
    asset = catalog.get(id_of("orders"))
    assert (asset.rows, asset.bytes, asset.revision) == (6, 20, 1)
    observed = [r for r in catalog.rows(tables.observation) if r["asset_id"] == asset.id]
    assert [(r["rows"], r["bytes"]) for r in sorted(observed, key=lambda r: r["at"])] == [(5, 10), (6, 20)]


@pytest.mark.parametrize(
    ("columns", "key", "version"),
    [
        ((Column("id", "int"), Column("b", "text"), Column("c", "text")), ("id",), 2),
        ((Column("id", "bigint"), Column("b", "text")), ("id",), 2),
        ((Column("id", "int", nullable=False), Column("b", "text")), ("id",), 2),
        ((Column("b", "text"), Column("id", "int")), ("id",), 2),
        ((Column("id", "int"), Column("b", "text")), ("id", "b"), 2),
        ((Column("id", "int"), Column("b", "text", description="words")), ("id",), 2),
        ((Column("id", "int", default="1"), Column("b", "text", tags=("x",))), ("id",), 1),
    ],
)
def test_a_version_is_a_change_of_the_schema(catalog, columns, key, version):
    """Names, types, nullability, comments, order and key make a version; tags and defaults only a revision."""
    catalog.crawl(table("t", Column("id", "int"), Column("b", "text"), primary_key=("id",)))
    record = catalog.crawl(table("t", *columns, primary_key=key))
    asset = catalog.get(id_of("t"))
    assert record.counts == TableCounts(found=1, changed=1)
    assert (asset.version, asset.revision, asset.columns) == (version, 2, columns)
    versions = catalog.reader.versions(id_of("t"), FULL_SCOPE)
    assert [v.version for v in versions] == list(range(version, 0, -1))
    assert versions[-1].columns == (Column("id", "int"), Column("b", "text"))


def test_only_a_complete_container_loses_tables(catalog):
    """What a complete container no longer shows is gone when the crawl ends; of an incomplete one nothing is."""
    catalog.crawl(table("a", "id"), table("b", "id"))
    partial = catalog.crawl(table("a", "id"), complete=False)
    assert partial.counts == TableCounts(found=1, unchanged=1, unseen=1)
    assert partial.failures == ("permission denied",)
    assert catalog.get(id_of("b")).gone_at is None
    nothing = catalog.crawl(complete=False)
    assert nothing.counts == TableCounts(unseen=2)
    whole = catalog.crawl(table("a", "id"))
    assert whole.counts == TableCounts(found=1, unchanged=1, gone=1)
    with pytest.raises(NotFound):
        catalog.get(id_of("b"))
    last = catalog.feed.after(partial.seq)
    # a was marked as not shown by the crawl that could read nothing, and is no longer
    assert [(change.id, change.asset is None) for change in last.changes] == [(id_of("a"), False), (id_of("b"), True)]
    assert catalog.get(id_of("a")).unseen_since is None


def test_tables_of_other_containers_and_sources_stay(catalog):
    """A container's end says nothing of the next container, nor does a source's of another source's tables."""
    other = Container(NAMESPACE, ("shop", "hr"))
    elsewhere = Namespace("postgres://db2:5432")
    catalog.crawl(table("a", "id"))
    catalog.crawl(table("staff", "id", parts=("shop", "hr")), container=other, complete=False)
    assert catalog.get(id_of("a")).gone_at is None
    twin = dataclasses.replace(table("a", "id"), name=DatasetName(elsewhere, ("shop", "public", "a")))
    catalog.crawl(twin, source=SourceInfo("dev", elsewhere, "postgres"), container=Container(elsewhere, SHOP.parts))
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    catalog.sink.put(crawl, CrawlBatch(SHOP, (), last=True, complete=True))
    assert catalog.sink.close(crawl, CrawlState.COMPLETE, ()).counts.gone == 1
    page = catalog.reader.page(FULL_SCOPE)
    assert [(asset.source, asset.name.qualified) for asset in page.assets] == [
        ("wh", "shop.hr.staff"),
        ("dev", "shop.public.a"),
    ]


def test_a_container_ends_with_its_last_batch_only(catalog):
    """Earlier batches of a container take nothing for gone, and the last one spares what they showed."""
    catalog.crawl(table("a", "id"), table("b", "id"), table("c", "id"))
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    assert catalog.sink.put(crawl, CrawlBatch(SHOP, (table("a", "id"),))).counts.gone == 0
    last = CrawlBatch(SHOP, (table("b", "id"),), last=True, complete=True)
    catalog.sink.put(crawl, last)
    assert catalog.sink.close(crawl, CrawlState.COMPLETE, ()).counts.gone == 1
    assert [asset.table for asset in catalog.reader.page(FULL_SCOPE).assets] == ["a", "b"]


def test_a_table_that_comes_back_is_the_same_asset(catalog):
    """It keeps id, first sight and versions, and is announced again."""
    catalog.crawl(table("a", "id"))
    first = catalog.get(id_of("a"))
    catalog.crawl()
    back = catalog.crawl(table("a", "id"))
    asset = catalog.get(id_of("a"))
    assert back.counts == TableCounts(found=1, added=1)
    assert (asset.gone_at, asset.first_seen, asset.version, asset.revision) == (None, first.first_seen, 3, 3)
    assert catalog.feed.after(catalog.feed.head() - 1).changes[0].asset == asset
    catalog.crawl()
    catalog.crawl(table("a", "id", "more"))
    assert catalog.get(id_of("a")).version == 5
    events = [one.event for one in catalog.reader.recorded(id_of("a"), FULL_SCOPE)]
    assert events == ["returned", "dropped", "returned", "dropped", "created"]


def test_the_first_owner_keeps_a_table_that_two_sources_show(catalog):
    """The second source's crawl says so and changes nothing; when the table is gone it may take it over."""
    catalog.crawl(table("a", "id", description="ours"), table("b", "id"))
    export = SourceInfo("export", Namespace("metadata://export"), "metadata", hold_share=1.0)
    record = catalog.crawl(table("a", "id", description="theirs"), table("b", "id"), table("new", "id"), source=export)
    assert record.counts == TableCounts(found=1, added=1)
    assert record.failures == ("shop.public.a and 1 more: held by the source wh, left as they are there",)
    assert (catalog.get(id_of("a")).source, catalog.get(id_of("a")).description) == ("wh", "ours")
    catalog.crawl(table("b", "id"))
    assert catalog.get(id_of("new")).source == "export"
    taken = catalog.crawl(table("a", "id", description="theirs"), source=export)
    assert taken.counts == TableCounts(found=1, added=1, gone=1)
    assert (catalog.get(id_of("a")).source, catalog.get(id_of("a")).scope_path) == ("export", "export.shop.public.a")


def test_a_table_listed_twice_in_one_crawl_counts_once(catalog):
    """The first listing is kept, in one batch or two, and a differing second one is reported."""
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    one, two = table("a", "id"), table("a", "id", "x")
    assert catalog.sink.put(crawl, CrawlBatch(SHOP, (one, one, two))).counts == TableCounts(found=1, added=1)
    assert catalog.sink.put(crawl, CrawlBatch(SHOP, (two,))).counts == TableCounts()
    record = catalog.sink.close(crawl, CrawlState.PARTIAL, ())
    assert record.failures == ("shop.public.a: listed twice and differently; the first was kept",)
    assert catalog.get(id_of("a")).columns == one.columns


def test_text_that_no_database_stores_is_shown_as_what_it_was(catalog):
    """NUL, undecodable bytes and numbers that JSON lacks neither fail nor vanish; ids follow the stored name."""
    found = table(
        "bad\x00\udc80", Column("c\x00", "t\udcff", description="\x00"), description="a\x00b", rows=-1, bytes=2**63,
        properties={"n\x00": float("nan"), "when": dt.date(2030, 1, 1), 3: ["\udc80"]},
    )  # fmt: skip
    assert catalog.crawl(found).counts.added == 1
    assert catalog.crawl(found).counts.unchanged == 1
    (asset,) = catalog.reader.page(FULL_SCOPE).assets
    assert asset.table == "bad␀\\udc80"
    assert catalog.get(asset.id) == asset
    assert asset.columns == (Column("c␀", "t\\udcff", description="␀"),)
    assert (asset.description, asset.rows, asset.bytes) == ("a␀b", None, None)
    assert asset.properties == {"n␀": "nan", "when": "2030-01-01", "3": ["\\udc80"]}


def test_hostile_and_enormous_names_are_stored_as_they_are(catalog):
    """Names that look like SQL, templates or patterns, and names of 10,000 characters, round trip."""
    noise = "".join(chr(0x4E00 + (n * 7919) % 20000) for n in range(10_000))
    names = ['a"; DROP TABLE asset; --', "%s", "{}", "' OR 1=1", "\u202egnp.exe", "new\nline", noise]
    catalog.crawl(*(table(name, name) for name in names))
    assert {a.table for a in catalog.reader.page(FULL_SCOPE).assets} == set(names)
    for name in names:
        assert [a.id for a in catalog.reader.by_name(name, FULL_SCOPE)] == [id_of(name)], name[:30]


def test_a_namespace_belongs_to_one_source(catalog):
    """Another name for the same namespace is refused, and so is a move that would store every table twice."""
    catalog.crawl(table("a", "id"))
    with pytest.raises(Conflict, match="already belongs to the source wh"):
        catalog.sink.open(SourceInfo("other", NAMESPACE, "postgres"), by="local")
    assert [s.source for s in catalog.reader.sources(FULL_SCOPE)] == [WAREHOUSE]
    moved = SourceInfo("wh", Namespace("postgres://db9:5432"), "postgres", (NAMESPACE,))
    with pytest.raises(Conflict, match="stored twice"):
        catalog.sink.open(moved, by="local")
    assert [s.source for s in catalog.reader.sources(FULL_SCOPE)] == [WAREHOUSE]
    catalog.crawl()
    catalog.sink.open(moved, by="local")
    assert [s.source for s in catalog.reader.sources(FULL_SCOPE)] == [moved]


def test_a_newer_crawl_of_a_source_ends_the_older(catalog):
    """Two at once could take each other's tables for gone; the older one is told at its next batch."""
    catalog.crawl(table("a", "id"))
    old = catalog.sink.open(WAREHOUSE, by="ann").id
    new = catalog.sink.open(WAREHOUSE, by="bob").id
    with pytest.raises(Conflict):
        catalog.sink.put(old, CrawlBatch(SHOP, (), last=True, complete=True))
    with pytest.raises(Conflict):
        catalog.sink.progress(old, done=1, expected=2)
    ended = catalog.sink.close(old, CrawlState.COMPLETE, ())
    assert (ended.state, ended.failures) == (CrawlState.FAILED, ("a newer crawl of the same source began",))
    catalog.sink.put(new, CrawlBatch(SHOP, (table("a", "id"),), last=True, complete=True))
    assert catalog.get(id_of("a")).gone_at is None


def test_a_crawl_from_its_request_to_its_report(catalog):
    """Requested once however often, claimed once, watched, reported."""
    asked = catalog.sink.request("wh", by="ann")
    assert catalog.sink.request("wh", by="bob") == asked
    claimed = catalog.sink.claim()
    assert (claimed.id, claimed.state, claimed.by) == (asked.id, CrawlState.RUNNING, "ann")
    assert catalog.sink.claim() is None
    opened = catalog.sink.open(WAREHOUSE, by="worker", crawl=asked.id)
    assert (opened.id, opened.state, opened.by) == (asked.id, CrawlState.RUNNING, "ann")
    catalog.sink.progress(asked.id, done=3, expected=10)
    assert catalog.reader.crawl(asked.id, FULL_SCOPE).done == 3
    catalog.sink.put(asked.id, CrawlBatch(SHOP, (table("a", "id"),), last=True, complete=True))
    closed = catalog.sink.close(asked.id, CrawlState.COMPLETE, ())
    assert (closed.state, closed.done, closed.expected) == (CrawlState.COMPLETE, 3, 10)
    assert closed.counts == TableCounts(found=1, added=1)
    assert closed.seq == catalog.feed.head() == 1
    assert closed.requested_at < closed.started_at < closed.ended_at
    assert catalog.sink.close(asked.id, CrawlState.FAILED, ("late",)) == closed
    assert catalog.reader.crawls(FULL_SCOPE) == (closed,)


def test_requests_wait_for_the_crawl_of_their_source(catalog):
    """Oldest first, one crawl a source at a time; a crawl that died silently does not block its source for ever."""
    running = catalog.sink.open(WAREHOUSE, by="local").id
    asked = catalog.sink.request("wh", by="ann").id
    other = catalog.sink.request("dev", by="ann").id
    assert catalog.sink.claim().id == other
    assert catalog.sink.claim() is None
    catalog.clock.now += SILENT_AFTER
    assert catalog.sink.claim().id == asked
    assert catalog.reader.crawl(running, FULL_SCOPE).failures == ("it stopped without a word",)


def test_wrong_use_of_the_sink_is_refused(catalog):
    """Unknown crawls, batches that are too large, ends that are none, requests of another source."""
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    with pytest.raises(NotFound):
        catalog.sink.put(CrawlId("nobody"), CrawlBatch(SHOP, ()))
    with pytest.raises(NotFound):
        catalog.sink.close(CrawlId("nobody"), CrawlState.FAILED, ())
    with pytest.raises(NotFound):
        catalog.sink.open(SourceInfo("dev", Namespace("metadata://dev"), "metadata"), by="local", crawl=crawl)
    with pytest.raises(BadRequest):
        catalog.sink.close(crawl, CrawlState.RUNNING, ())
    with pytest.raises(BadRequest):
        catalog.sink.put(crawl, CrawlBatch(SHOP, tuple(table(f"t{n}") for n in range(501))))
    with pytest.raises(BadRequest):
        catalog.sink.put(crawl, CrawlBatch(SHOP, (Found(DatasetName(NAMESPACE, ())),)))
    assert catalog.rows(tables.asset) == []


def test_a_batch_that_fails_leaves_nothing_behind(catalog, monkeypatch):
    """The commit holds tables, versions, observations, changes and counters together, or none of them."""
    crawl = catalog.sink.open(WAREHOUSE, by="local").id

    def broken(*_args, **_more):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("services.catalog.store.crawls.save", broken)
        with pytest.raises(RuntimeError):
            catalog.sink.put(crawl, CrawlBatch(SHOP, (table("a", "id"),)))
    assert [catalog.rows(t) for t in (tables.asset, tables.version, tables.observation, tables.change)] == [[]] * 4
    assert catalog.feed.head() == 0
    assert catalog.sink.put(crawl, CrawlBatch(SHOP, (table("a", "id"),))).counts.added == 1


def test_a_batch_of_500_takes_as_many_statements_as_one_of_5(catalog):
    """Columns live in their table's row, and rows are written in bulk: this is what the throughput rests on (ADR 0009)."""
    statements: list[str] = []
    event.listen(catalog.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2].split("(")[0]))

    def put(count: int, description: str) -> list[str]:
        found = [table(f"t{n}", *(f"c{c}" for c in range(10)), description=description, rows=n) for n in range(count)]
        crawl = catalog.sink.open(WAREHOUSE, by="local").id
        statements.clear()
        catalog.sink.put(crawl, CrawlBatch(SHOP, tuple(found), last=True, complete=True))
        return sorted(statements)

    first = [put(5, "a"), put(5, "a"), put(5, "b"), put(0, "")]
    catalog.crawl()
    assert [put(500, "a"), put(500, "a"), put(500, "b"), put(0, "")] == first
    assert max(map(len, first)) <= 15
    assert len(catalog.rows(tables.asset)) == 500
