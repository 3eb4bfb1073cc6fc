"""The ports `AssetSink`, `ChangeFeed` and `Search`: one suite for the services themselves and for their clients over HTTP."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.catalog import internal
from services.catalog.client import HttpFeed, HttpSink
from services.catalog.feed import CatalogFeed
from services.common.errors import (
    BadRequest,
    Conflict,
    HeadwaterError,
    NotFound,
    ServiceUnavailable,
    Unauthenticated,
)
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope
from services.common.model.assets import Column, Container, ForeignKey, Found, Index, Kind, Status
from services.common.model.changes import START, ChangePage, Seq
from services.common.model.crawls import CrawlBatch, CrawlId, CrawlState, SourceInfo, TableCounts
from services.common.model.names import DatasetName
from services.common.model.query_parse import understand
from services.common.model.search import Filters, Mode, SearchQuery
from services.common.model.vocabulary import Synonyms
from services.common.ports import AssetSink, ChangeFeed, Search
from services.common.runtime.service_client import ServiceClient
from services.common.runtime.settings import Settings
from services.common.runtime.source_settings import SourceSettings
from services.compose import Workspace, open_database
from services.indexer import app as indexer_app
from services.indexer.client import HttpSearch
from services.indexer.crawl import run_crawl
from services.indexer.service import Indexer, IndexerSettings
from services.indexer.store.line import LINE as INDEXER_LINE
from tests.support import catalogs
from tests.support.catalogs import NAMESPACE, SHOP, WAREHOUSE, Catalog, id_of, person, table
from tests.support.commands import simple_table, write_metadata
from tests.support.wires import KEY, WAYS, client_of, internal_app, listening, reached

GONE = "http://127.0.0.1:1"
RICH = table(
    "orders",
    Column("id", "bigint", nullable=False, default="nextval('seq'::regclass)"),
    Column("größe", None, nullable=None, description="日本語 – \u200d🙂\n\ttab", tags=("pii",), status=None),
    Column("secret", "text", nullable=True, tags=("restricted",)),
    description='quotes " and \\ and \u2028 lines',
    primary_key=("id",),
    foreign_keys=(ForeignKey(("id",), ("shop", "public", "other"), ("key",)), ForeignKey(("id",), ("short",))),
    indexes=(Index("i", ("lower(größe)", "id"), unique=True),),
    rows=2**40,
    bytes=0,
    partitions=12,
    last_altered=dt.datetime(2031, 1, 2, 3, 4, 5, 678901, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
    tags=("core", "größe"),
    owners=("sales@example.org",),
    properties={"deep": {"list": [1, 2.5, None, True, "x"]}, "": "empty key", "big": 2**70},
)
VIEW = dataclasses.replace(table("v", "id"), kind=Kind.MATERIALIZED_VIEW, sql="SELECT\r\n1 -- é")


@dataclasses.dataclass
class Reached:
    """A catalog, and its ports as one way of reaching them gives them."""

    catalog: Catalog
    sink: AssetSink
    feed: ChangeFeed

    def crawl(self, *found: Found, source: SourceInfo = WAREHOUSE) -> CrawlId:
        """A crawl of one whole container, ended."""
        crawl = self.sink.open(source, by="local").id
        self.sink.put(crawl, CrawlBatch(SHOP, found, last=True, complete=True))
        self.sink.close(crawl, CrawlState.COMPLETE, ())
        return crawl


@pytest.fixture(params=WAYS)
def ports(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reached]:
    """The ports of an empty catalog."""
    for catalog in catalogs.opened("sqlite", request, tmp_path):
        if request.param == "in process":
            yield Reached(catalog, catalog.sink, catalog.feed)
            continue
        app = internal_app(internal.create_router(catalog.sink, catalog.feed))
        with client_of(app, request.param) as client:
            yield Reached(catalog, HttpSink(client), HttpFeed(client))


class TestAssetSink:
    """Where a crawl puts what it finds."""

    def test_a_crawl(self, ports: Reached) -> None:
        """Opened, filled in two batches, watched and ended; the record says what happened."""
        opened = ports.sink.open(WAREHOUSE, by="ann")
        assert (opened.state, opened.source, opened.by, opened.seq) == (CrawlState.RUNNING, "wh", "ann", START)
        assert opened.started_at is not None
        assert opened.started_at.tzinfo is not None

        first = ports.sink.put(opened.id, CrawlBatch(SHOP, (RICH, VIEW)))
        last = ports.sink.put(opened.id, CrawlBatch(SHOP, (table("bills", "id"),), last=True, complete=True))
        assert first.counts == TableCounts(found=2, added=2)
        assert last.counts == TableCounts(found=1, added=1)
        assert last.seq > first.seq > START

        ports.sink.progress(opened.id, done=3, expected=None)
        ended = ports.sink.close(opened.id, CrawlState.PARTIAL, ["é: no right to read", "x"])
        assert (ended.state, ended.done, ended.expected, ended.counts.added) == (CrawlState.PARTIAL, 3, None, 3)
        assert ended.failures == ("é: no right to read", "x")
        assert ended.seq >= last.seq
        assert ports.sink.close(opened.id, CrawlState.COMPLETE, ()) == ended  # one that has ended stays as it is
        assert ports.catalog.reader.crawl(opened.id, FULL_SCOPE) == ended

    def test_the_same_again(self, ports: Reached) -> None:
        """A second crawl of the same writes nothing; one without a table buries it."""
        ports.crawl(RICH, VIEW)
        head = ports.feed.head()
        crawl = ports.sink.open(WAREHOUSE, by="local").id

        assert ports.sink.put(crawl, CrawlBatch(SHOP, (RICH,))).counts == TableCounts(found=1, unchanged=1)
        outcome = ports.sink.put(crawl, CrawlBatch(SHOP, (), last=True, complete=True))
        ended = ports.sink.close(crawl, CrawlState.COMPLETE, (), costs={"statements": 3})

        assert (outcome.counts, outcome.seq) == (TableCounts(), head)
        assert ended.counts == TableCounts(found=1, unchanged=1, gone=1)
        assert (ended.seq, ended.costs) == (head + 1, {"statements": 3})

    def test_what_cannot_be_read_keeps_its_tables(self, ports: Reached) -> None:
        ports.crawl(RICH)
        crawl = ports.sink.open(WAREHOUSE, by="local").id

        ports.sink.put(crawl, CrawlBatch(SHOP, (), last=True, complete=False, failure="no right"))
        ended = ports.sink.close(crawl, CrawlState.PARTIAL, ())

        assert (ended.counts, ended.failures) == (TableCounts(unseen=1), ("no right",))

    def test_a_crawl_that_was_asked_for(self, ports: Reached) -> None:
        """Nothing to claim, then the one that somebody asked for, once; it is opened under its id."""
        assert ports.sink.claim() is None
        asked = ports.catalog.sink.request("wh", by="ann")

        claimed = ports.sink.claim()

        assert claimed is not None
        assert (claimed.id, claimed.by, claimed.state) == (asked.id, "ann", CrawlState.RUNNING)
        assert ports.sink.claim() is None
        assert ports.sink.open(WAREHOUSE, by="ann", crawl=asked.id).id == asked.id

    def test_undecodable_names(self, ports: Reached) -> None:
        """Bytes that are no text are stored as text, whichever way they come."""
        name = DatasetName(NAMESPACE, ("shop", "public", "t\udcff"))
        ports.crawl(Found(name, columns=(Column("c\ud800"),), description="nul \0 here"))

        (change,) = ports.feed.after(START).changes

        assert change.asset is not None
        assert change.asset.table == "t\\udcff"
        assert change.asset.columns[0].name == "c\\ud800"
        assert change.asset.description == "nul ␀ here"

    @pytest.mark.parametrize(
        ("kind", "refused"),
        [
            (NotFound, lambda sink, _: sink.put(CrawlId("nobody"), CrawlBatch(SHOP, ()))),
            (NotFound, lambda sink, _: sink.progress(CrawlId("nobody"), done=1, expected=2)),
            (NotFound, lambda sink, _: sink.close(CrawlId("nobody"), CrawlState.FAILED, ())),
            (NotFound, lambda sink, _: sink.open(WAREHOUSE, by="x", crawl=CrawlId("nobody"))),
            (Conflict, lambda sink, ended: sink.put(ended, CrawlBatch(SHOP, (RICH,)))),
            (Conflict, lambda sink, ended: sink.progress(ended, done=1, expected=2)),
            (Conflict, lambda sink, ended: sink.open(WAREHOUSE, by="x", crawl=ended)),
            (Conflict, lambda sink, _: sink.open(SourceInfo("other", NAMESPACE, "postgres"), by="x")),
            (BadRequest, lambda sink, ended: sink.close(ended, CrawlState.RUNNING, ())),
            (BadRequest, lambda sink, ended: sink.put(ended, CrawlBatch(SHOP, (RICH,) * 501))),
            (BadRequest, lambda sink, ended: sink.put(ended, CrawlBatch(SHOP, (Found(DatasetName(NAMESPACE, ())),)))),
        ],
    )
    def test_refusals(
        self, ports: Reached, kind: type[HeadwaterError], refused: Callable[[AssetSink, CrawlId], object]
    ) -> None:
        """The same error with the same words, whichever way it comes."""
        ended = ports.crawl(RICH)

        with pytest.raises(HeadwaterError) as here:
            refused(ports.sink, ended)
        with pytest.raises(HeadwaterError) as there:
            refused(ports.catalog.sink, ended)

        assert type(here.value) is kind
        assert type(there.value) is kind
        assert here.value.detail.replace(ended, "") == there.value.detail.replace(ended, "")
        assert here.value.errors == there.value.errors


class TestChangeFeed:
    """What changed, in order."""

    def test_empty(self, ports: Reached) -> None:
        page = ports.feed.after(START)

        assert (page.changes, page.upto, page.head, ports.feed.head()) == ((), START, START, START)

    def test_everything_of_an_asset(self, ports: Reached) -> None:
        """Every field arrives as the catalog has it, curated words too."""
        ports.crawl(RICH, VIEW)
        ports.catalog.curator.patch(
            id_of("orders"),
            _patch({"description": "said", "owners": ["ann"], "status": "warned", "successor": id_of("v")}),
            person(),
            if_match=1,
        )

        changes = {change.id: change for change in ports.feed.after(START).changes}

        assert changes[id_of("orders")].asset == ports.catalog.get(id_of("orders"))
        assert changes[id_of("v")].asset == ports.catalog.get(id_of("v"))
        told = changes[id_of("orders")].asset
        assert told is not None
        assert (told.description, told.crawled_description, told.status) == ("said", RICH.description, Status.WARNED)
        assert (told.rows, told.last_altered, told.primary_key) == (RICH.rows, RICH.last_altered, RICH.primary_key)
        assert (told.foreign_keys, told.indexes, told.properties) == (RICH.foreign_keys, RICH.indexes, RICH.properties)
        assert [(c.name, c.type, c.nullable, c.default, c.description, c.tags) for c in told.columns] == [
            (c.name, c.type, c.nullable, c.default, c.description, c.tags) for c in RICH.columns
        ]

    def test_pages(self, ports: Reached) -> None:
        """Bounded pages go on where the one before ended; what is gone is a change without an asset."""
        ports.crawl(*(table(f"t{number}", "id") for number in range(5)))
        ports.crawl(*(table(f"t{number}", "id") for number in range(4)))

        first = ports.feed.after(START, limit=3)
        second = ports.feed.after(first.upto, limit=3)

        assert len(first.changes) == 3
        assert first.upto == first.changes[-1].seq < first.head == ports.feed.head()
        asked = first.changes[0]
        assert ports.feed.states([asked.id]) == (asked.asset,)
        assert [change.asset is None for change in second.changes] == [False, True]
        assert second.changes[-1].id == id_of("t4")
        assert second.upto == second.head == ports.feed.after(second.upto).upto

    @pytest.mark.parametrize(("seq", "limit"), [(-1, 5), (0, 0), (0, 5_001)])
    def test_refusals(self, ports: Reached, seq: int, limit: int) -> None:
        with pytest.raises(BadRequest, match="a page of the feed"):
            ports.feed.after(Seq(seq), limit=limit)


def _patch(body: Any) -> Any:
    from services.catalog.patches import parse_patch

    return parse_patch(body)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A home with thirty tables in two schemas, crawled and indexed."""
    folder = tmp_path_factory.mktemp("indexed")
    tables = [simple_table(f"orders_{number}", f"Bestellungen número {number}", tags=["core"]) for number in range(15)]
    tables += [simple_table(f"bills_{number}", f"what people owe {number}", schema="hidden") for number in range(15)]
    tables[-1]["columns"] = [{"name": f"vat_{at}", "description": f"Value added tax {at}"} for at in ("paid", "due")]
    url = write_metadata(folder / "wh.jsonl", *tables)
    space = Workspace(Settings(home=folder / "home", model="hashing"))
    record = run_crawl("wh", SourceSettings(url=url), space.sink, by="local").record
    assert space.indexer.lease.acquire()
    space.indexer.index_now(record.seq, lambda _progress: None)
    yield space
    space.close()


@pytest.fixture(params=WAYS, scope="module")
def search(request: pytest.FixtureRequest, indexed: Workspace) -> Iterator[Search]:
    """The indexer's port."""
    with reached(indexed.indexer.retriever, request.param, indexer_app.create_router, HttpSearch) as port:
        yield port


OPEN = AccessScope(allow=("*",), deny=("wh.shop.hidden",))
QUESTIONS = [
    SearchQuery("what people owe", FULL_SCOPE),
    SearchQuery("número größe \u2028 \0 🙂", FULL_SCOPE, limit=3),
    SearchQuery("shop.public.orders_3", FULL_SCOPE, limit=1),
    SearchQuery("owe orders", OPEN),
    SearchQuery("owe orders", NO_SCOPE),
    SearchQuery("which orders have bills that people owe", FULL_SCOPE, answer_set=True),
    SearchQuery("which orders have bills that people owe", OPEN, answer_set=True),
    SearchQuery("amount", FULL_SCOPE, filters=Filters(kind=(Kind.COLUMN,))),
    SearchQuery("orders", FULL_SCOPE, filters=Filters(kind=(Kind.TABLE, Kind.COLUMN), schema=("PUBLIC",), tag=("core",))),
    SearchQuery("", FULL_SCOPE, limit=200, filters=Filters(source=("wh",), platform=("metadata",), database=("shop",))),
    SearchQuery("nothing of the kind", FULL_SCOPE, filters=Filters(owner=("nobody",), status=("warned",))),
    SearchQuery("orders", FULL_SCOPE, where=understand('NOT (tag:core OR "open bills") name:*_3', me="ann").where),
    SearchQuery("bestellung", FULL_SCOPE, vocabulary=(Synonyms("bestellung", ("orders", "ordre"), ("beat",)),)),
    SearchQuery("", OPEN, where=understand("kind:column,table updated:<7d OR amount OR owner:me", me="ann").where),
]


class TestSearch:
    """Questions inside a scope."""

    @pytest.mark.parametrize("query", QUESTIONS)
    def test_the_same_answer(self, search: Search, indexed: Workspace, query: SearchQuery) -> None:
        """Hits, scores, reasons, facets, totals and coverage are the indexer's own, to the last digit."""
        assert search.search(query) == indexed.indexer.retriever.search(query)

    def test_what_is_found(self, search: Search) -> None:
        everything = search.search(SearchQuery("what people owe", FULL_SCOPE, limit=20))
        inside = search.search(SearchQuery("what people owe", OPEN, limit=20))

        assert everything.mode is Mode.HYBRID
        assert everything.coverage == 1.0
        assert everything.hits[0].why
        assert {hit.kind for hit in everything.hits} == {Kind.TABLE}
        assert "hidden" in everything.facets["schema"]
        assert "hidden" not in inside.facets.get("schema", {})
        assert not {hit.id for hit in inside.hits} & {hit.id for hit in everything.hits[:15]}

    def test_pages(self, search: Search) -> None:
        query = SearchQuery("orders", FULL_SCOPE, limit=4)
        seen: list[str] = []
        answer = search.search(query)
        seen += [hit.id for hit in answer.hits]
        while answer.cursor:
            answer = search.search(dataclasses.replace(query, cursor=answer.cursor))
            seen += [hit.id for hit in answer.hits]

        assert len(seen) == len(set(seen)) == answer.total

    def test_a_cursor_that_no_answer_gave(self, search: Search) -> None:
        other = search.search(SearchQuery("owe", FULL_SCOPE, limit=1)).cursor
        for cursor in ("nonsense", other):
            with pytest.raises(BadRequest) as refused:
                search.search(SearchQuery("orders", FULL_SCOPE, limit=1, cursor=cursor))
            assert refused.value.errors[0]["pointer"] == "/query/cursor"

    def test_suggestions(self, search: Search, indexed: Workspace) -> None:
        found = search.suggest("bil", FULL_SCOPE, limit=4)

        assert tuple(found) == tuple(indexed.indexer.retriever.suggest("bil", FULL_SCOPE, limit=4))
        assert len(found) == 4
        assert all("bills_" in item.text for item in found)
        assert not search.suggest("bil", OPEN)

    def test_vocabulary(self, search: Search, indexed: Workspace) -> None:
        found = search.vocabulary(FULL_SCOPE)

        assert tuple(found) == tuple(indexed.indexer.retriever.vocabulary(FULL_SCOPE))
        assert [(one.term, one.meaning, one.evidence) for one in found] == [("vat", "value added tax", 2)]
        assert not search.vocabulary(OPEN)

    def test_status(self, search: Search, indexed: Workspace) -> None:
        status = search.status()

        assert status == indexed.indexer.status()
        assert (status.documents, status.vectors, status.problem) == (30, status.texts, None)


def test_status_is_never_ahead_of_the_answers(indexed: Workspace) -> None:
    """While a process opens the index and reads the feed, it says that it has no more than a question would find."""
    seen: list[tuple[Seq, int]] = []

    class Watched(CatalogFeed):
        def after(self, seq: Seq, *, limit: int = 500) -> ChangePage:
            total = opening.retriever.search(SearchQuery("", FULL_SCOPE, filters=Filters(source=("wh",)))).total
            seen.append((opening.status().lexical_seq, total))
            return super().after(seq, limit=limit)

    settings = indexed.settings
    wanted = IndexerSettings(settings.home, settings.model, settings.n_threads, {})
    database = open_database(settings, INDEXER_LINE)
    opening = Indexer(wanted, database, Watched(indexed.catalog_database), indexed.sink, role="serve")
    opening.open()
    opening.close()
    database.close()

    assert seen
    assert all(lexical_seq == 0 or total == 30 for lexical_seq, total in seen)
    assert opening.status().lexical_seq == indexed.feed.head()


VERBS: dict[str, Callable[[ServiceClient], object]] = {
    "open": lambda client: HttpSink(client).open(WAREHOUSE, by="x"),
    "put": lambda client: HttpSink(client).put(CrawlId("x"), CrawlBatch(Container(NAMESPACE, ()), ())),
    "progress": lambda client: HttpSink(client).progress(CrawlId("x"), done=1, expected=2),
    "close": lambda client: HttpSink(client).close(CrawlId("x"), CrawlState.FAILED, ()),
    "claim": lambda client: HttpSink(client).claim(),
    "after": lambda client: HttpFeed(client).after(START),
    "head": lambda client: HttpFeed(client).head(),
    "states": lambda client: HttpFeed(client).states([]),
    "search": lambda client: HttpSearch(client).search(SearchQuery("x", FULL_SCOPE)),
    "suggest": lambda client: HttpSearch(client).suggest("x", FULL_SCOPE),
    "vocabulary": lambda client: HttpSearch(client).vocabulary(FULL_SCOPE),
    "status": lambda client: HttpSearch(client).status(),
}


@pytest.mark.parametrize("verb", VERBS)
class TestTrouble:
    """What can go wrong between two services."""

    def test_nobody_there(self, verb: str) -> None:
        client = ServiceClient("other", GONE, KEY)
        with pytest.raises(ServiceUnavailable, match="the other service does not answer"):
            VERBS[verb](client)
        client.close()

    @pytest.mark.parametrize("key", ["another key of some length", ""])
    def test_a_wrong_key(
        self, tmp_path: Path, request: pytest.FixtureRequest, indexed: Workspace, verb: str, key: str
    ) -> None:
        app = internal_app(
            internal.create_router(indexed.sink, indexed.feed), indexer_app.create_router(indexed.indexer.retriever)
        )
        head = indexed.feed.head()
        with client_of(app, "asgi", key=key) as client, pytest.raises(Unauthenticated):
            VERBS[verb](client)
        assert indexed.feed.head() == head


def test_a_server_that_goes_away(indexed: Workspace) -> None:
    """A client that has had answers says so when there is nobody any more."""
    app = internal_app(indexer_app.create_router(indexed.indexer.retriever))
    with listening(app) as url:
        client = ServiceClient("other", url, KEY)
        search = HttpSearch(client)
        assert search.search(QUESTIONS[0]).total
    with pytest.raises(ServiceUnavailable):
        search.search(QUESTIONS[0])
    client.close()
