"""A source that was crawled by its URL gets a name: what moves, what stays, who sees it. On SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.catalog.patches import CuratedPatch
from services.catalog.store import renamed, tables
from services.common.errors import Conflict, NotFound
from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Container
from services.common.model.crawls import CrawlBatch, CrawlState, SourceInfo, TableCounts
from services.common.model.names import DatasetName, Namespace
from services.common.model.search import Filters
from tests.support import catalogs
from tests.support.catalogs import NAMESPACE, SHOP, WAREHOUSE, Catalog, id_of, person, table

UNNAMED = SourceInfo(NAMESPACE, NAMESPACE, "postgres")
REPLICA = Namespace("postgres://replica:5432")
NOT_WH = AccessScope(("*",), ("wh",))
NOT_UNNAMED = AccessScope(("*",), (NAMESPACE,))


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def _totals(catalog: Catalog, scope: AccessScope) -> tuple[int, int, int, int]:
    """What a reader sees in pages, sources, crawls and under a name."""
    reader = catalog.reader
    named = reader.by_name("a", scope)
    return reader.page(scope).total, len(reader.sources(scope)), len(reader.crawls(scope)), len(named)


def test_the_first_configured_name_becomes_the_source_s_name(catalog):
    """Source, crawls, assets and their scope paths move in one commit; every asset is in the feed, gone ones too."""
    catalog.crawl(table("a", "id"), table("Gone"), source=UNNAMED)
    before = catalog.crawl(table("a", "id"), source=UNNAMED)
    other = SourceInfo("dev", Namespace("metadata://dev"), "metadata")
    kept = catalog.crawl(table("theirs", parts=("shop", "hr")), source=other, container=Container(NAMESPACE, ("shop", "hr")))
    opened = catalog.sink.open(WAREHOUSE, by="local")
    assert (opened.source, opened.state) == ("wh", CrawlState.RUNNING)
    assert [s.source for s in catalog.reader.sources(FULL_SCOPE)] == [other, WAREHOUSE]
    asset = catalog.get(id_of("a"))
    assert (asset.source, asset.revision, asset.version) == ("wh", 2, 1)
    rows = {row["id"]: row for row in catalog.rows(tables.asset)}
    assert rows[asset.id]["scope_path"] == asset.scope_path == "wh.shop.public.a"
    places = {(r["source"], r["source_lower"], r["scope_path"]) for r in rows.values()}
    assert places == {
        ("wh", "wh", "wh.shop.public.a"),
        ("wh", "wh", "wh.shop.public.gone"),
        ("dev", "dev", "dev.shop.hr.theirs"),
    }
    changed = catalog.feed.after(kept.seq).changes
    assert {change.id: change.asset for change in changed} == {asset.id: asset, id_of("Gone"): None}
    assert catalog.feed.head() == kept.seq + 2
    assert {crawl.source for crawl in catalog.reader.crawls(FULL_SCOPE)} == {"wh", "dev"}
    assert catalog.reader.crawl(before.id, FULL_SCOPE).source == "wh"


def test_the_next_crawl_finds_nothing_new_in_a_renamed_source(catalog):
    """Nothing is stored twice, and what is missing is gone."""
    catalog.crawl(table("a", "id"), table("b", "id"), source=UNNAMED)
    record = catalog.crawl(table("a", "id"))
    assert record.counts == TableCounts(found=1, unchanged=1, gone=1)
    assert catalog.get(id_of("a")).revision == 2
    back = catalog.crawl(table("a", "id"), table("b", "id"))
    assert back.counts == TableCounts(found=2, added=1, unchanged=1)


def test_words_versions_history_and_observations_stay(catalog):
    """They belong to the asset's id, which comes from the namespace."""
    catalog.crawl(table("a", "id", rows=1), source=UNNAMED)
    catalog.crawl(table("a", "id", "x", rows=2), source=UNNAMED)
    catalog.curator.patch(id_of("a"), CuratedPatch({"description": "by hand"}), person(), if_match=2)
    keyed = (tables.curation, tables.audit, tables.version, tables.observation)
    stored = [catalog.rows(one) for one in keyed]
    first = catalog.get(id_of("a"))
    catalog.sink.open(WAREHOUSE, by="local")
    assert [catalog.rows(one) for one in keyed] == stored
    asset = catalog.get(id_of("a"))
    assert (asset.description, asset.version, asset.first_seen) == ("by hand", 2, first.first_seen)
    assert (first.revision, asset.revision) == (3, 4)


def test_scopes_follow_the_name(catalog):
    """A rule for the new name holds from the same commit on; one for the old name covers nothing any more."""
    catalog.crawl(table("a", "id"), source=UNNAMED)
    assert _totals(catalog, NOT_WH) == (1, 1, 1, 1)
    assert _totals(catalog, NOT_UNNAMED) == (0, 0, 0, 0)
    catalog.crawl(table("a", "id"))
    assert _totals(catalog, NOT_WH) == (0, 0, 0, 0)
    assert _totals(catalog, NOT_UNNAMED) == _totals(catalog, AccessScope(("wh.*",))) == (1, 1, 2, 1)
    for read in (catalog.reader.get, catalog.reader.history, catalog.reader.versions):
        with pytest.raises(NotFound):
            read(id_of("a"), NOT_WH)
    (change,) = catalog.feed.after(catalog.feed.head() - 1).changes
    assert not NOT_WH.permits(change.asset.scope_path)


def test_a_named_source_keeps_its_name_and_aliases_when_it_comes_as_a_url(catalog):
    """The record says under which name, and nothing else of the source changes."""
    named = SourceInfo("wh", NAMESPACE, "postgres", (REPLICA,))
    catalog.crawl(table("a", "id"), source=named)
    head = catalog.feed.head()
    record = catalog.crawl(table("a", "id"), table("b", "id"), source=UNNAMED)
    assert (record.source, record.counts) == ("wh", TableCounts(found=2, added=1, unchanged=1))
    assert [s.source for s in catalog.reader.sources(FULL_SCOPE)] == [named]
    assert {asset.source for asset in catalog.reader.page(FULL_SCOPE).assets} == {"wh"}
    assert catalog.feed.head() == head + 1


def test_a_crawl_asked_for_under_either_name_can_begin(catalog):
    """Requests move with the source, and one for the URL of a named source becomes that source's."""
    catalog.crawl(table("a", "id"), source=UNNAMED)
    old = catalog.sink.request(UNNAMED.name, by="ann")
    new = catalog.sink.request("wh", by="bob")
    assert catalog.sink.open(WAREHOUSE, by="worker", crawl=new.id).source == "wh"
    assert catalog.reader.crawl(old.id, FULL_SCOPE).source == "wh"
    late = catalog.sink.request(UNNAMED.name, by="cid")
    begun = catalog.sink.open(UNNAMED, by="worker", crawl=late.id)
    assert (begun.id, begun.source) == (late.id, "wh")
    assert catalog.reader.crawl(late.id, FULL_SCOPE) == begun
    assert catalog.reader.crawl(new.id, FULL_SCOPE).state is CrawlState.FAILED
    with pytest.raises(NotFound):
        catalog.sink.open(SourceInfo("dev", Namespace("metadata://dev"), "metadata"), by="worker", crawl=late.id)


def test_a_crawl_of_the_url_that_is_under_way_ends(catalog):
    """As any older crawl of the source does; what it stored has moved, and it can store no more."""
    old = catalog.sink.open(UNNAMED, by="ann").id
    catalog.sink.put(old, CrawlBatch(SHOP, (table("a", "id"),)))
    catalog.sink.open(WAREHOUSE, by="bob")
    with pytest.raises(Conflict):
        catalog.sink.put(old, CrawlBatch(SHOP, (table("b", "id"),), last=True, complete=True))
    assert [asset.source for asset in catalog.reader.page(FULL_SCOPE).assets] == ["wh"]


def test_two_configured_names_for_one_namespace_stay_a_conflict(catalog):
    """Also after the first of them replaced the URL; nothing of the refused attempt is left."""
    catalog.crawl(table("a", "id"), source=UNNAMED)
    catalog.crawl(table("a", "id"))
    head, sources = catalog.feed.head(), catalog.rows(tables.source)
    with pytest.raises(Conflict, match="already belongs to the source wh"):
        catalog.sink.open(SourceInfo("other", NAMESPACE, "postgres"), by="local")
    assert (catalog.feed.head(), catalog.rows(tables.source)) == (head, sources)


def test_a_name_that_is_taken_moves_only_when_it_holds_nothing(catalog):
    """A configured source that changes its namespace to one that was crawled by URL keeps the rule of every move."""
    elsewhere = Namespace("postgres://db9:5432")
    here = SourceInfo("wh", elsewhere, "postgres")
    catalog.crawl(table("a", "id"))
    there = table("t", "id")
    there = type(there)(DatasetName(elsewhere, there.name.parts), columns=there.columns)
    unnamed = SourceInfo(elsewhere, elsewhere, "postgres")
    catalog.crawl(there, source=unnamed, container=Container(elsewhere, SHOP.parts))
    with pytest.raises(Conflict, match="stored twice"):
        catalog.sink.open(here, by="local")
    assert [s.source for s in catalog.reader.sources(FULL_SCOPE)] == [unnamed, WAREHOUSE]
    catalog.crawl()
    catalog.sink.open(here, by="local")
    assert [s.source for s in catalog.reader.sources(FULL_SCOPE)] == [here]
    assert [(a.source, a.id) for a in catalog.reader.page(FULL_SCOPE).assets] == [("wh", there.name.id)]


def test_scope_paths_of_odd_names_are_those_of_a_crawl_under_the_new_name(catalog):
    """Letters whose lower case is longer or depends on their neighbours, dots, quotes and patterns in names."""
    names = ["ΟΔΟΣ", "İ", "a.b", '"Q"', "100%", "_", "new\nline"]
    catalog.crawl(*(table(name) for name in names), source=UNNAMED)
    catalog.sink.open(SourceInfo("ΣİS Lake.Σ", NAMESPACE, "postgres"), by="local")
    assets = catalog.reader.page(FULL_SCOPE).assets
    stored = {row["id"]: row["scope_path"] for row in catalog.rows(tables.asset)}
    assert {asset.id: asset.scope_path for asset in assets} == stored
    assert {asset.table for asset in assets} == set(names)
    assert catalog.reader.page(FULL_SCOPE, Filters(source=("σİs lake.Σ",))).total == len(names)


def test_a_rename_is_all_or_nothing_and_takes_any_number_of_tables(catalog, monkeypatch):
    """Written in portions of one commit; each asset gets one number."""
    catalog.crawl(*(table(f"t{n}") for n in range(7)), source=UNNAMED)
    head = catalog.feed.head()
    monkeypatch.setattr(renamed, "_AT_ONCE", 3)

    def broken(*_args, **_more):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("services.catalog.store.changes.append", broken)
        with pytest.raises(RuntimeError):
            catalog.sink.open(WAREHOUSE, by="local")
    assert {row["name"] for row in catalog.rows(tables.source)} == {NAMESPACE}
    assert {row["source"] for row in catalog.rows(tables.asset)} == {NAMESPACE}
    catalog.sink.open(WAREHOUSE, by="local")
    changed = catalog.feed.after(head).changes
    assert sorted(change.id for change in changed) == sorted(id_of(f"t{n}") for n in range(7))
    assert catalog.feed.head() == head + 7
    assert {asset.source for asset in catalog.reader.page(FULL_SCOPE).assets} == {"wh"}


def test_a_name_given_while_batches_arrive_leaves_nothing_behind(catalog):
    """Whatever a batch commits beside the renaming ends under the new name."""
    crawl = catalog.sink.open(UNNAMED, by="ann").id
    begun = threading.Event()

    def put_all() -> int:
        for number in range(40):
            try:
                catalog.sink.put(crawl, CrawlBatch(SHOP, tuple(table(f"t{number}_{n}") for n in range(5))))
            except Conflict:
                return number
            begun.set()
        return 40

    with ThreadPoolExecutor(1) as pool:
        batches = pool.submit(put_all)
        assert begun.wait(30)
        catalog.sink.open(WAREHOUSE, by="bob")
        stored = batches.result(60)
    rows = catalog.rows(tables.asset)
    assert len(rows) == stored * 5
    assert {row["source"] for row in rows} == {"wh"}
