"""Reading for a caller: pages, names, sources, and what a scope hides. On SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.catalog.patches import CuratedPatch
from services.common.errors import BadRequest, NotFound
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope
from services.common.model.assets import Container, ForeignKey, Found, Kind
from services.common.model.changes import START
from services.common.model.crawls import CrawlBatch, CrawlState, SourceInfo, TableCounts
from services.common.model.names import AssetId, DatasetName, Namespace
from services.common.model.search import Filters
from tests.support import catalogs
from tests.support.catalogs import NAMESPACE, SHOP, WAREHOUSE, Catalog, id_of, person, table

LAKE = SourceInfo("Lake", Namespace("duckdb:///data/lake.duckdb"), "duckdb")
NO_HR = AccessScope(("*",), ("*.hr",))


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


def _lake(name: str, **more) -> Found:
    return Found(DatasetName(LAKE.namespace, ("lake", "main", name)), **more)


@pytest.fixture
def filled(catalog) -> Catalog:
    """Two sources: `wh` with shop.public and shop.hr, `Lake` with lake.main."""
    catalog.crawl(
        table("orders", "id", tags=("Gold", "50% off"), owners=("ann",)),
        table("Customers", "id", kind=Kind.VIEW),
        table("Élan", "id"),
        table("zebra", "id"),
    )
    staff = table("staff", "id", parts=("shop", "hr"), foreign_keys=(ForeignKey(("id",), ("shop", "public", "orders")),))
    catalog.crawl(staff, container=Container(NAMESPACE, ("shop", "hr")), complete=False)  # or shop.public would be gone
    lake = Container(LAKE.namespace, ("lake", "main"))
    catalog.crawl(_lake("Orders", tags=("gold_old",)), source=LAKE, container=lake)
    return catalog


def _names(catalog: Catalog, filters: Filters | None = None, scope: AccessScope = FULL_SCOPE) -> list[str]:
    page = catalog.reader.page(scope, filters)
    assert page.total == len(page.assets)
    return [asset.name.qualified for asset in page.assets]


def test_pages_are_in_order_of_name_by_code_point(filled):
    """The same order on every database, without regard to case, accents after letters."""
    expected = [
        "lake.main.Orders",
        "shop.hr.staff",
        "shop.public.Customers",
        "shop.public.orders",
        "shop.public.zebra",
        "shop.public.Élan",
    ]
    assert _names(filled) == expected
    pages, cursor = [], None
    while cursor is not None or not pages:
        page = filled.reader.page(FULL_SCOPE, cursor=cursor, limit=4)
        pages.append([asset.name.qualified for asset in page.assets])
        cursor = page.cursor
        assert page.total == 6
    assert pages == [expected[:4], expected[4:]]
    assert filled.reader.page(FULL_SCOPE, limit=6).cursor is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(kind=(Kind.VIEW,)), ["shop.public.Customers"]),
        (Filters(kind=(Kind.COLUMN,)), []),
        (Filters(platform=("DuckDB",)), ["lake.main.Orders"]),
        (Filters(source=("lake",)), ["lake.main.Orders"]),
        (Filters(database=("SHOP",), schema=("hr", "none")), ["shop.hr.staff"]),
        (Filters(tag=("gold",)), ["shop.public.orders"]),
        (Filters(tag=("50% OFF",)), ["shop.public.orders"]),
        (Filters(tag=("50x off", "%", "_")), []),
        (Filters(tag=("gold", "gold_old")), ["lake.main.Orders", "shop.public.orders"]),
        (Filters(owner=("ANN",)), ["shop.public.orders"]),
        (Filters(owner=("nobody",), tag=("gold",)), []),
        (Filters(status=("endorsed",)), []),
        (Filters(source=("w\x00h",), tag=("\udc80",)), []),
    ],
)
def test_filters_compare_whole_values_without_case(filled, filters, expected):
    """Within a field any value, between fields all; nothing in a value is a pattern."""
    assert _names(filled, filters) == expected


def test_filters_see_people_s_words_before_the_crawl_s(filled):
    """Curated tags and owners replace crawled ones for filters as they do for readers."""
    words = CuratedPatch({"tags": ["Silver"], "owners": [], "status": "endorsed"})
    filled.curator.patch(id_of("orders"), words, person(), if_match=1)
    assert _names(filled, Filters(tag=("silver",), status=("endorsed",))) == ["shop.public.orders"]
    assert _names(filled, Filters(tag=("gold",))) == []
    assert _names(filled, Filters(owner=("ann",))) == []


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WzEsMl0", "é", "WyJhIl0", "bnVsbA"])
def test_a_cursor_that_no_page_gave_is_refused(filled, cursor):
    """Damaged cursors are the caller's error, not the server's."""
    with pytest.raises(BadRequest):
        filled.reader.page(FULL_SCOPE, cursor=cursor)


def test_a_page_has_bounds(filled):
    """Neither nothing nor everything."""
    for limit in (0, 201):
        with pytest.raises(BadRequest):
            filled.reader.page(FULL_SCOPE, limit=limit)


def test_hidden_unknown_and_gone_are_one_answer(filled):
    """`get` raises the same for all three, `many` leaves all three out and keeps the order asked for."""
    staff, orders = id_of("staff", parts=("shop", "hr")), id_of("orders")
    unknown = AssetId("d" + "a" * 26)
    crawl = filled.sink.open(WAREHOUSE, by="local").id
    filled.sink.put(crawl, CrawlBatch(SHOP, (table("orders", "id"),), last=True, complete=True))
    filled.sink.close(crawl, CrawlState.COMPLETE, ())
    messages = set()
    for asset, scope in ((staff, NO_HR), (unknown, FULL_SCOPE), (id_of("zebra"), FULL_SCOPE), (orders, NO_SCOPE)):
        with pytest.raises(NotFound) as raised:
            filled.get(asset, scope)
        messages.add(str(raised.value).replace(asset, "ID"))
        for read in (filled.reader.history, filled.reader.versions):
            with pytest.raises(NotFound) as raised:
                read(asset, scope)
            messages.add(str(raised.value).replace(asset, "ID"))
    assert len(messages) == 1
    wanted = [unknown, staff, orders, id_of("zebra"), orders]
    assert list(filled.reader.many(wanted, FULL_SCOPE)) == [staff, orders]
    assert list(filled.reader.many(wanted, NO_HR)) == [orders]
    assert filled.reader.many([], FULL_SCOPE) == {}


def test_headings_say_what_many_assets_are_called_and_nothing_hidden(filled):
    """The names and places that `many` gives, in its order, inside its scope."""
    for scope in (FULL_SCOPE, NO_HR):
        page = filled.reader.page(FULL_SCOPE, limit=200).assets
        wanted = [asset.id for asset in reversed(page)]
        whole = filled.reader.many(wanted, scope)
        headings = filled.reader.headings(wanted, scope)
        assert len(headings) > 1
        assert list(headings) == list(whole)
        for asset in whole.values():
            heading = headings[asset.id]
            assert (heading.name, heading.listed, heading.platform) == (asset.name, asset.listed, asset.platform)
            assert filled.reader.heading(asset.id, scope) == heading
    assert len(filled.reader.headings(wanted, NO_HR)) < len(wanted)
    assert filled.reader.headings([], FULL_SCOPE) == {}
    hidden = next(one for one in wanted if one not in headings)
    with pytest.raises(NotFound):
        filled.reader.heading(hidden, NO_HR)


def test_a_scope_shortens_pages_totals_and_sources(filled):
    """Everything counted is counted inside the scope."""
    assert "shop.hr.staff" not in _names(filled, scope=NO_HR)
    assert len(_names(filled, scope=NO_HR)) == 5
    summaries = filled.reader.sources(AccessScope(("wh.shop.hr.*",)))
    assert [(s.source, dict(s.counts)) for s in summaries] == [(WAREHOUSE, {Kind.TABLE: 1})]
    assert filled.reader.sources(NO_SCOPE) == ()
    everything = filled.reader.sources(FULL_SCOPE)
    assert [(s.source.name, dict(s.counts)) for s in everything] == [
        ("Lake", {Kind.TABLE: 1}),
        ("wh", {Kind.TABLE: 4, Kind.VIEW: 1}),
    ]


def test_keys_to_hidden_tables_are_not_named(filled):
    """A foreign key would say a hidden table's name; a short one is completed before it is judged."""
    staff = id_of("staff", parts=("shop", "hr"))
    no_orders = AccessScope(("*",), ("wh.shop.public.orders",))
    assert len(filled.get(staff).foreign_keys) == 1
    assert filled.get(staff, no_orders).foreign_keys == ()
    keys = (ForeignKey(("id",), ("orders",)), ForeignKey(("id",), ("zebra",)))
    filled.crawl(table("line", "id", foreign_keys=keys), complete=False)
    assert filled.get(id_of("line"), no_orders).foreign_keys == keys[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders", ["lake.main.Orders", "shop.public.orders"]),
        ("ORDERS", ["lake.main.Orders", "shop.public.orders"]),
        ("public.orders", ["shop.public.orders"]),
        (" Shop.Public.Orders ", ["shop.public.orders"]),
        ('shop."public".orders', ["shop.public.orders"]),
        ("ublic.orders", []),
        ("postgres://db1/shop.public.orders", ["shop.public.orders"]),
        ("postgresql://DB1:5432/orders", ["shop.public.orders"]),
        ("duckdb:///data/lake.duckdb/orders", ["lake.main.Orders"]),
        ("postgres://db2/shop.public.orders", []),
        ("élan", ["shop.public.Élan"]),
        ("", []),
        ('"', []),
        ("%", []),
    ],
)
def test_names_are_found_whole_in_part_and_with_their_namespace(filled, text, expected):
    """By whole parts from the end, in any case, quoted or not."""
    assert [asset.name.qualified for asset in filled.reader.by_name(text, FULL_SCOPE)] == expected


def test_a_name_in_its_own_case_is_not_ambiguous(catalog):
    """`orders` and `"Orders"` of one PostgreSQL can both be named; of other cases both are candidates."""
    catalog.crawl(table("orders"), table("Orders"))
    found = {text: [a.table for a in catalog.reader.by_name(text, FULL_SCOPE)] for text in ("orders", "Orders", "ORDERS")}
    assert found["orders"] == ["orders"]
    assert found["Orders"] == ["Orders"]
    assert sorted(found["ORDERS"]) == ["Orders", "orders"]


def test_a_namespace_s_alias_works_in_names(catalog):
    """A replica's address in front of a name means the source that it belongs to."""
    replica = SourceInfo("wh", NAMESPACE, "postgres", (Namespace("postgres://replica:5432"),))
    catalog.crawl(table("orders"), source=replica)
    assert [a.id for a in catalog.reader.by_name("postgres://replica/orders", FULL_SCOPE)] == [id_of("orders")]


def test_names_of_hidden_tables_mean_nothing(filled):
    """A name resolves only inside the scope."""
    assert filled.reader.by_name("staff", FULL_SCOPE) != ()
    assert filled.reader.by_name("staff", NO_HR) == ()


def test_crawls_say_nothing_of_hidden_tables(filled):
    """Outside full scope neither counts nor failures; a source without a visible asset has no crawls."""
    record = filled.crawl(table("orders", "id"), complete=False)
    scoped = filled.reader.crawl(record.id, NO_HR)
    assert (scoped.id, scoped.state, scoped.counts) == (record.id, record.state, TableCounts())
    assert (scoped.failures, scoped.seq, scoped.done, scoped.expected) == ((), START, 0, None)
    assert filled.reader.crawl(record.id, FULL_SCOPE) == record
    lake = AccessScope(("lake.*",))
    with pytest.raises(NotFound):
        filled.reader.crawl(record.id, lake)
    assert filled.reader.crawl(record.id, lake, caller="local").id == record.id
    assert {c.source for c in filled.reader.crawls(lake)} == {"Lake"}
    assert filled.reader.crawls(lake, source="wh") == ()
    assert [c.id for c in filled.reader.crawls(FULL_SCOPE, source="wh", limit=1)] == [record.id]


def test_a_hidden_container_s_tables_are_counted_nowhere(filled):
    """The whole catalog read under a scope equals a catalog that never had the hidden tables."""
    shop = Container(SHOP.namespace, ("shop", "hr"))
    before = [_names(filled, scope=NO_HR), filled.reader.sources(NO_HR), filled.reader.by_name("staff", NO_HR)]
    crawl = filled.sink.open(WAREHOUSE, by="local").id
    filled.sink.put(crawl, CrawlBatch(shop, (), last=True, complete=True))
    assert filled.sink.close(crawl, CrawlState.PARTIAL, ()).counts.gone == 1
    after = [_names(filled, scope=NO_HR), filled.reader.sources(NO_HR), filled.reader.by_name("staff", NO_HR)]
    assert [before[0], before[2]] == [after[0], after[2]]
    assert [dict(s.counts) for s in before[1]] == [dict(s.counts) for s in after[1]]
