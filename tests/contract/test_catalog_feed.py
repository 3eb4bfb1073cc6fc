"""The change feed: nothing skipped, nothing twice, whatever order writers commit in. On SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event

from services.catalog.patches import CuratedPatch
from services.catalog.store import changes
from services.common.errors import BadRequest
from services.common.model.assets import Column
from services.common.model.changes import START, Change, ChangePage, Seq
from services.common.model.crawls import CrawlBatch, SourceInfo
from services.common.model.names import AssetId, DatasetName, Namespace
from tests.support import catalogs
from tests.support.catalogs import SHOP, Catalog, id_of, person, table


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def test_an_empty_store_has_an_empty_feed(catalog):
    """Head and page of a store that nobody wrote to."""
    assert catalog.feed.head() == START
    assert catalog.feed.after(START) == ChangePage((), START, START)


def test_changes_come_in_order_with_the_whole_state(catalog):
    """Each change carries its asset with people's words, in the order of the numbers."""
    catalog.crawl(table("b", "id"), table("a", "id"))
    catalog.curator.patch(id_of("b"), CuratedPatch({"description": "by hand"}), person(), if_match=1)
    page = catalog.feed.after(START)
    a, b = catalog.get(id_of("a")), catalog.get(id_of("b"))
    assert page == ChangePage((Change(Seq(2), a.id, a), Change(Seq(3), b.id, b)), Seq(3), Seq(3))
    assert b.description == "by hand"


def test_an_asset_that_changed_often_comes_once_at_its_last(catalog):
    """Folded changes are covered by `upto`, and a reader that goes page by page gets each asset once."""
    for number in range(4):
        catalog.crawl(table("often", "id", description=str(number)), table("once", "id"), table("twice", "id"))
    catalog.curator.patch(id_of("twice"), CuratedPatch({"tags": ["x"]}), person(), if_match=1)
    assert catalog.feed.head() == 7
    pages, at = [], START
    while at < catalog.feed.head():
        pages.append(catalog.feed.after(at, limit=1))
        at = pages[-1].upto
    assert [change.id for page in pages for change in page.changes] == [id_of("once"), id_of("often"), id_of("twice")]
    assert [(page.upto, page.head) for page in pages] == [(2, 7), (6, 7), (7, 7)]
    assert catalog.feed.after(Seq(7)) == ChangePage((), Seq(7), Seq(7))


def test_what_is_gone_comes_without_an_asset(catalog):
    """A tombstone is a change like others."""
    catalog.crawl(table("a", "id"), table("b", "id"))
    catalog.crawl(table("b", "id"))
    page = catalog.feed.after(START)
    assert [(change.id, change.asset is None) for change in page.changes] == [(id_of("b"), False), (id_of("a"), True)]


def test_states_are_of_what_exists_now_in_one_call(catalog):
    """Those that are asked for, as they are; nothing for what is gone or was never there, and never too many."""
    catalog.crawl(table("a", "id"), table("b", "id"), table("c", "id"))
    catalog.crawl(table("a", "id"), table("c", "id"))
    asked = [id_of("c"), id_of("b"), id_of("never"), id_of("a")]
    assert catalog.feed.states(asked) == (catalog.get(id_of("c")), catalog.get(id_of("a")))
    assert catalog.feed.states([]) == ()
    with pytest.raises(BadRequest, match="at most 500"):
        catalog.feed.states([id_of("a")] * 501)


def test_a_page_takes_as_many_statements_for_one_asset_as_for_many(catalog):
    """Head, changes with their assets, people's words, artifacts' words: four statements, never one an asset."""
    catalog.crawl(*(table(f"t{n}", Column("id")) for n in range(60)))
    statements: list[str] = []
    event.listen(catalog.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert len(catalog.feed.after(START).changes) == 60
    assert len([text for text in statements if text.startswith("SELECT")]) == 4


def test_a_reader_ahead_of_the_store_stays_where_it_is(catalog):
    """A checkpoint of a store that was put back to an older state is not moved; the head tells the reader."""
    assert catalog.feed.after(Seq(9)) == ChangePage((), Seq(9), START)


@pytest.mark.parametrize(("seq", "limit"), [(-1, 5), (0, 0), (0, 5001)])
def test_impossible_pages_are_refused(catalog, seq, limit):
    """Bounds are said, not guessed."""
    with pytest.raises(BadRequest):
        catalog.feed.after(Seq(seq), limit=limit)


def test_a_writer_that_pauses_before_its_commit_is_not_overtaken(catalog):
    """A number taken first becomes visible first: with a plain sequence the second writer would commit before."""
    taken, go_on = threading.Event(), threading.Event()

    def slow() -> Seq:
        with catalog.database.write() as connection:
            seq = changes.append(connection, [AssetId("slow")], catalog.clock())
            taken.set()
            assert go_on.wait(20)
            return seq

    def quick() -> Seq:
        with catalog.database.write() as connection:
            return changes.append(connection, [AssetId("quick")], catalog.clock())

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow)
        assert taken.wait(20)
        second = pool.submit(quick)
        waiting = threading.Event()
        assert not waiting.wait(0.4)
        seen = catalog.feed.after(START)
        overtook = second.done()
        go_on.set()
        assert (first.result(20), second.result(20)) == (1, 2)
    assert not overtook
    assert seen == ChangePage((), START, START)
    assert [change.id for change in catalog.feed.after(seen.upto).changes] == ["slow", "quick"]


def test_a_reader_beside_many_writers_misses_nothing(catalog):
    """Four crawls write at once; whoever follows the feed meanwhile gets each number exactly once, in order."""
    writers, batches = 4, 6

    def write(number: int) -> None:
        namespace = Namespace(f"postgres://db{number}:5432")
        crawl = catalog.sink.open(SourceInfo(f"wh{number}", namespace, "postgres"), by="local").id
        for batch in range(batches):
            found = [table(f"t{batch}_{n}", "id") for n in range(5)]
            moved = tuple(type(f)(DatasetName(namespace, f.name.parts), columns=f.columns) for f in found)
            catalog.sink.put(crawl, CrawlBatch(type(SHOP)(namespace, SHOP.parts), moved))

    seen: list[int] = []
    with ThreadPoolExecutor(writers) as pool:
        running = [pool.submit(write, number) for number in range(writers)]
        at = START
        while True:
            ended = all(task.done() for task in running)
            page = catalog.feed.after(at, limit=7)
            seen += [change.seq for change in page.changes]
            at = page.upto
            if ended and at == page.head:
                break
        for task in running:
            task.result()
    assert seen == list(range(1, writers * batches * 5 + 1))
