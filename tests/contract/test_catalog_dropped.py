"""What the end of a complete crawl takes for gone: containers that the source no longer lists. On SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.catalog.patches import CuratedPatch
from services.catalog.store import ending, tables
from services.common.errors import NotFound
from services.common.model.access import FULL_SCOPE
from services.common.model.assets import Container, Found
from services.common.model.crawls import CrawlBatch, CrawlId, CrawlRecord, CrawlState, SourceInfo, TableCounts
from services.common.model.names import DatasetName, Namespace
from tests.support import catalogs
from tests.support.catalogs import NAMESPACE, SHOP, WAREHOUSE, Catalog, id_of, person, table

EXPORT = SourceInfo("export", Namespace("metadata://export"), "metadata", hold_share=1.0)
PUBLIC, HR = ("shop", "public"), ("shop", "hr")


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def _begin(catalog: Catalog, *shown: Found, source: SourceInfo = WAREHOUSE) -> CrawlId:
    """A crawl, not ended, that read every container of `shown` completely, and the lists of their databases' schemas."""
    crawl = catalog.sink.open(source, by="local").id
    for parts in sorted({found.name.parts[:-1] for found in shown}):
        some = tuple(found for found in shown if found.name.parts[:-1] == parts)
        catalog.sink.put(crawl, CrawlBatch(Container(some[0].name.namespace, parts), some, last=True, complete=True))
    if source.platform != "metadata":
        for database in sorted({found.name.parts[:1] for found in shown}):
            catalog.sink.put(crawl, _listed(Container(source.namespace, database)))
    return crawl


def _listed(container: Container) -> CrawlBatch:
    return CrawlBatch(container, (), last=True, complete=True, lists=True)


def _whole(catalog: Catalog, *shown: Found, source: SourceInfo = WAREHOUSE) -> CrawlRecord:
    return catalog.sink.close(_begin(catalog, *shown, source=source), CrawlState.COMPLETE, ())


def _names(catalog: Catalog) -> list[str]:
    return [asset.name.qualified for asset in catalog.reader.page(FULL_SCOPE).assets]


def _staff(name: str = "staff", **more) -> Found:
    return table(name, "id", parts=HR, **more)


def test_a_container_that_a_complete_crawl_never_mentioned_is_gone(catalog):
    """A dropped schema: tombstones, count, changes and the record's number, once; its tables come back as they were."""
    first = _whole(catalog, table("a", "id"), _staff(), _staff("pay"))
    record = _whole(catalog, table("a", "id"))
    assert record.counts == TableCounts(found=1, unchanged=1, gone=2)
    assert _names(catalog) == ["shop.public.a"]
    with pytest.raises(NotFound):
        catalog.get(id_of("staff", parts=HR))
    page = catalog.feed.after(first.seq)
    assert {(change.id, change.asset) for change in page.changes} == {(id_of(n, parts=HR), None) for n in ("staff", "pay")}
    assert record.seq == page.head == first.seq + 2
    assert [row["gone_at"] for row in catalog.rows(tables.asset) if row["gone_at"]] == [record.ended_at] * 2
    assert _whole(catalog, table("a", "id")).counts == TableCounts(found=1, unchanged=1)
    assert catalog.feed.head() == record.seq
    back = _whole(catalog, table("a", "id"), _staff())
    assert back.counts == TableCounts(found=2, added=1, unchanged=1)
    assert (catalog.get(id_of("staff", parts=HR)).version, catalog.get(id_of("staff", parts=HR)).revision) == (3, 3)


def test_an_emptied_database_takes_its_dropped_schemas_along(catalog):
    """That a container was read and is empty says as much of its database as tables in it would."""
    _whole(catalog, table("a", "id"), _staff())
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    catalog.sink.put(crawl, CrawlBatch(SHOP, (), last=True, complete=True))
    catalog.sink.put(crawl, _listed(Container(NAMESPACE, ("shop",))))
    assert catalog.sink.close(crawl, CrawlState.COMPLETE, ()).counts == TableCounts(gone=2)
    assert _names(catalog) == []


@pytest.mark.parametrize("state", [CrawlState.PARTIAL, CrawlState.FAILED])
def test_a_crawl_that_was_cut_off_buries_nothing_at_its_end(catalog, state):
    """It says nothing of what it never came to, however much of the rest it read."""
    _whole(catalog, table("a", "id"), _staff())
    head = catalog.feed.head()
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    catalog.sink.put(crawl, CrawlBatch(SHOP, (table("a", "id"),), last=True, complete=True))
    record = catalog.sink.close(crawl, state, ("connection lost",))
    assert record.counts == TableCounts(found=1, unchanged=1)
    assert _names(catalog) == ["shop.hr.staff", "shop.public.a"]
    assert catalog.feed.head() == head


def test_what_a_crawl_mentioned_but_did_not_read_completely_stays(catalog):
    """Unread containers and those whose last batch never came, even if the caller calls the crawl complete."""
    reports = ("shop", "reports")
    before = [table("a", "id"), _staff(), table("r1", parts=reports), table("r2", parts=reports)]
    _whole(catalog, *before)
    crawl = _begin(catalog, table("a", "id"))
    unread = CrawlBatch(Container(NAMESPACE, HR), (), last=True, complete=False, failure="schema hr: no rights")
    catalog.sink.put(crawl, unread)
    catalog.sink.put(crawl, CrawlBatch(Container(NAMESPACE, reports), (before[2],)))
    counts = catalog.sink.close(crawl, CrawlState.COMPLETE, ()).counts
    assert (counts.gone, counts.unseen) == (0, 2)
    assert _names(catalog) == ["shop.hr.staff", "shop.public.a", "shop.reports.r1", "shop.reports.r2"]


def test_a_database_that_was_not_opened_stays(catalog):
    """A URL opens one database of a server: crawling another one, or nothing at all, does not empty the first."""
    lake = table("t", "id", parts=("lake", "main"))
    _whole(catalog, table("a", "id"), _staff())
    assert _whole(catalog, lake).counts == TableCounts(found=1, added=1)
    assert _whole(catalog).counts == TableCounts()
    asked = catalog.sink.request("wh", by="ann").id
    catalog.sink.claim()
    assert catalog.sink.close(asked, CrawlState.COMPLETE, ()).counts == TableCounts()
    assert _names(catalog) == ["lake.main.t", "shop.hr.staff", "shop.public.a"]


def test_lines_that_vanished_from_a_file_take_no_container_along(catalog):
    """A file of lines lists no containers: one that has no line in it any more was not read, it is only not there."""
    public, staff = table("a", "id"), _staff()
    _whole(catalog, public, staff, source=EXPORT)
    assert _whole(catalog, public, source=EXPORT).counts == TableCounts(found=1, unchanged=1)
    assert _whole(catalog, source=EXPORT).counts == TableCounts()
    assert _names(catalog) == ["shop.hr.staff", "shop.public.a"]


def test_other_sources_tables_stay(catalog):
    """Neither a second source's namespace nor a table of this namespace that another source holds is touched."""
    elsewhere = SourceInfo("dev", Namespace("postgres://db2:5432"), "postgres")
    twin = Found(DatasetName(elsewhere.namespace, (*HR, "staff")))
    _whole(catalog, twin, source=elsewhere)
    _whole(catalog, _staff(), source=EXPORT)
    _whole(catalog, table("a", "id"), _staff("pay"))
    assert _whole(catalog, table("a", "id")).counts == TableCounts(found=1, unchanged=1, gone=1)
    found = [(asset.source, asset.name.qualified) for asset in catalog.reader.page(FULL_SCOPE).assets]
    assert sorted(found) == [("dev", "shop.hr.staff"), ("export", "shop.hr.staff"), ("wh", "shop.public.a")]


def test_words_survive_a_dropped_schema(catalog):
    """As they do any other absence."""
    _whole(catalog, table("a", "id"), _staff())
    staff = id_of("staff", parts=HR)
    catalog.curator.patch(staff, CuratedPatch({"description": "by hand"}), person(), if_match=1)
    _whole(catalog, table("a", "id"))
    _whole(catalog, table("a", "id"), _staff())
    assert catalog.get(staff).description == "by hand"


@pytest.mark.parametrize("at_once", [2, 3])
def test_very_many_are_buried_in_several_commits_before_the_end(catalog, monkeypatch, at_once):
    """Every one once, and a crawl that was cut off between two commits goes on where it was."""
    dropped = [table(f"t{n}", parts=("shop", f"s{n % 3}")) for n in range(7)]
    _whole(catalog, table("a"), *dropped)
    head = catalog.feed.head()
    monkeypatch.setattr(ending, "AT_ONCE", at_once)
    crawl = _begin(catalog, table("a"))
    bury, calls = ending.bury, []

    def cut_off(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise RuntimeError("the plug was pulled")
        return bury(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ending, "bury", cut_off)
        with pytest.raises(RuntimeError):
            catalog.sink.close(crawl, CrawlState.COMPLETE, ("late",))
    between = catalog.reader.crawl(crawl, FULL_SCOPE)
    assert (between.state, between.failures) == (CrawlState.RUNNING, ())
    assert 0 < between.counts.gone < 7
    record = catalog.sink.close(crawl, CrawlState.COMPLETE, ("late",))
    assert record.counts == TableCounts(found=1, unchanged=1, gone=7)
    assert (record.state, record.failures) == (CrawlState.COMPLETE, ("late",))
    assert record.seq == catalog.feed.head() == head + 7
    assert _names(catalog) == ["shop.public.a"]
    assert catalog.sink.close(crawl, CrawlState.COMPLETE, ()) == record


def test_tombstones_and_the_crawl_s_end_are_one_commit(catalog, monkeypatch):
    """When the end cannot be written nothing is gone."""
    _whole(catalog, table("a", "id"), _staff())
    crawl = _begin(catalog, table("a", "id"))
    head = catalog.feed.head()

    def broken(*_args, **_more):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("services.catalog.store.crawls.save", broken)
        with pytest.raises(RuntimeError):
            catalog.sink.close(crawl, CrawlState.COMPLETE, ())
    assert (_names(catalog), catalog.feed.head()) == (["shop.hr.staff", "shop.public.a"], head)
    assert catalog.sink.close(crawl, CrawlState.COMPLETE, ()).counts.gone == 1


def test_a_failure_that_many_containers_share_is_one_line(catalog):
    """In the order in which they first came, at the batches, at the end, and in what both return."""
    crawl = catalog.sink.open(WAREHOUSE, by="local").id
    for number, failure in enumerate(("line 3: no name", "timeout", "line 3: no name", "line 3: no name")):
        container = Container(NAMESPACE, ("shop", f"s{number}"))
        catalog.sink.put(crawl, CrawlBatch(container, (), last=True, complete=False, failure=failure))
    assert catalog.reader.crawl(crawl, FULL_SCOPE).failures == ("line 3: no name", "timeout")
    record = catalog.sink.close(crawl, CrawlState.PARTIAL, ("timeout", "lost", "lost"))
    assert record.failures == ("line 3: no name", "timeout", "lost")
    assert catalog.reader.crawl(crawl, FULL_SCOPE) == record
