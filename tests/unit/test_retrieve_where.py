"""Conditions evaluated over a snapshot: fields, words, phrases, ages, columns, operators; totals and facets agree."""

from __future__ import annotations

import datetime as dt

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column, Kind, Status
from services.common.model.query_parse import understand
from services.common.model.search import Filters, SearchQuery
from tests.support.feeds import asset
from tests.support.indexes import CountingEncoder, retriever, snapshot_of

TODAY = dt.datetime.now(dt.UTC)
ENCODER = CountingEncoder()
ITEMS = [
    asset("shop.sales.orders", "order_id", "customer_id", "placed_at", description="Net sales by order line.",
          tags=("core", "needs care"), owners=("ann",), last_altered=TODAY - dt.timedelta(days=2)),
    asset("shop.sales.order_lines", "order_id", "quantity", description="Lines. Order by line.",
          owners=("bob",), last_altered=TODAY - dt.timedelta(days=40), status=Status.ENDORSED),
    asset("shop.crm.customers", "customer_id", Column("email", tags=(RESTRICTED,)), "country",
          tags=("pii",), properties={"dbt": {"tests": [{"state": "pass"}, {"state": "error"}]}}),
    asset("shop.crm.visits", "visit_id", "email: typed at the door", kind=Kind.VIEW,
          properties={"dbt": {"tests": [{"state": "pass"}]}}),
    asset("lake.raw.orders", "id", description="forecast of net order sales", source="lake",
          properties={"dbt": {"tests": [{"state": "skipped"}, None]}}),
    asset("lake.raw.注文", "顧客", description="顧客の注文", source="lake", last_altered=dt.datetime(2031, 5, 31, 23, tzinfo=dt.UTC)),
]  # fmt: skip


def found(text, *, kinds=(), scope=FULL_SCOPE, encoder=ENCODER, items=ITEMS) -> set[str]:
    """What a typed question finds, and that its totals and facets count just that."""
    search = retriever(snapshot_of(items[:2], items[2:], encoder=encoder), encoder)
    read = understand(text, me="ann")
    answer = search.search(SearchQuery(read.words, scope, 50, None, Filters(kind=kinds), read.where))
    assert answer.total == len(answer.hits) == sum(answer.facets.get("kind", {}).values())
    names = {one.id: one.name.qualified for one in items}
    return {names[h.asset] + (f".{h.columns[0]}" if h.kind is Kind.COLUMN else "") for h in answer.hits}


EVERY = {one.name.qualified for one in ITEMS}
CUSTOMERS, VISITS, LINES = "shop.crm.customers", "shop.crm.visits", "shop.sales.order_lines"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("owner:me", {"shop.sales.orders"}),
        ("owner:ann,BOB", {"shop.sales.orders", LINES}),
        ("owner:*", {"shop.sales.orders", LINES}),
        ("NOT owner:*", EVERY - {"shop.sales.orders", LINES}),
        ('tag:"needs care"', {"shop.sales.orders"}),
        ("tag:nee*re", {"shop.sales.orders"}),
        ("schema:crm -tag:pii", {VISITS}),
        ("schema:crm kind:view", {VISITS}),
        ("database:lake OR status:endorsed", {"lake.raw.orders", "lake.raw.注文", LINES}),
        ("source:lake", {"lake.raw.orders", "lake.raw.注文"}),
        ("platform:postgres NOT (schema:sales OR schema:crm)", {"lake.raw.orders", "lake.raw.注文"}),
        ("quality:fail", {CUSTOMERS}),
        ("quality:pass,unknown", {VISITS, "lake.raw.orders"}),
        ("name:orders", {"shop.sales.orders", "lake.raw.orders"}),
        ("name:sales.orders", {"shop.sales.orders"}),
        ("name:SHOP.sales.orders", {"shop.sales.orders"}),
        ("name:ales.orders", set()),
        ("name:order*", {"shop.sales.orders", "lake.raw.orders", LINES}),
        ("name:s*.orders", {"shop.sales.orders"}),
        ("name:注文", {"lake.raw.注文"}),
        ("column:customer_id", {"shop.sales.orders", CUSTOMERS}),
        ("column:*_id -column:customer_id", {LINES, VISITS}),
        ("column:email", {VISITS}),
        ("updated:<7d", {"shop.sales.orders"}),
        ("updated:>7d updated:<1y", {LINES}),
        ("NOT updated:<7d schema:sales", {LINES}),
        ("updated:2031-05-31", {"lake.raw.注文"}),
        ("updated:2031-06", set()),
        ('"net sales"', {"shop.sales.orders"}),
        ('"Order Line"', {"shop.sales.orders", LINES}),
        ('"order lines"', {"shop.sales.orders", LINES}),
        ('"sales net"', set()),
        ('"customer id"', {"shop.sales.orders", CUSTOMERS}),
        ('"needs care"', {"shop.sales.orders"}),
        ('"顧客の"', {"lake.raw.注文"}),
        ("net AND sales NOT forecast", {"shop.sales.orders"}),
        ("forecast OR quantity", {"lake.raw.orders", LINES}),
        ("tag:nothing", set()),
        ("nothing AND orders", set()),
        ("' OR 1=1", set()),
    ],
)  # fmt: skip
def test_conditions_find_what_fulfils_them(text, expected):
    """With vectors and without; what is found is what the total and each facet count."""
    assert found(text) == expected
    assert found(text, encoder=None) == expected


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        ("kind:column column:customer_id", (), {"shop.sales.orders.customer_id", "shop.crm.customers.customer_id"}),
        ("kind:column name:email", (), {"shop.crm.customers.email", "shop.crm.visits.email"}),
        ("column:email", (Kind.COLUMN,), {"shop.crm.customers.email", "shop.crm.visits.email"}),
        ("kind:column tag:pii", (), {f"{CUSTOMERS}.{name}" for name in ("customer_id", "email", "country")}),
        ("kind:column,view schema:crm column:email", (), {VISITS, f"{VISITS}.email", f"{CUSTOMERS}.email"}),
        ("quantity OR door", (Kind.COLUMN,), {f"{LINES}.quantity", f"{VISITS}.email"}),
        ('"typed at the door"', (Kind.COLUMN,), {f"{VISITS}.email"}),
        ("NOT kind:column tag:pii", (), {CUSTOMERS}),
        ("schema:sales NOT column:*id", (Kind.COLUMN,), {"shop.sales.orders.placed_at", f"{LINES}.quantity"}),
    ],
)
def test_columns_fulfil_what_their_table_does_and_have_their_own_name(text, kinds, expected):
    """`kind:column` finds columns, restricted ones as themselves; a restricted one lends its table nothing."""
    assert found(text, kinds=kinds) == expected
    assert found(text, kinds=kinds, encoder=None) == expected


@pytest.mark.parametrize("text", ["owner:*", '"net sales" -tag:pii', "column:email OR orders", "NOT updated:<7d sales"])
def test_what_a_scope_hides_moves_nothing(text):
    """A scoped reader's answer is that of a catalog that never had the rest, to the last digit."""
    scope = AccessScope(("*",), ("*.shop.sales.*",))
    seen = [one for one in ITEMS if scope.permits(one.scope_path)]
    assert len(seen) < len(ITEMS)
    read = understand(text, me="ann")
    answers = []
    for items, allowed in ((ITEMS, scope), (seen, FULL_SCOPE)):
        search = retriever(snapshot_of(items, encoder=ENCODER), ENCODER)
        answers.append(search.search(SearchQuery(read.words, allowed, 50, None, Filters(), read.where)))
    assert answers[0] == answers[1]


def test_a_cursor_belongs_to_its_conditions():
    """The same words with another condition are another question."""
    from services.common.errors import BadRequest

    search = retriever(snapshot_of(ITEMS))
    first = understand("NOT tag:pii", me="ann")
    cursor = search.search(SearchQuery("", FULL_SCOPE, 1, None, Filters(), first.where)).cursor
    assert search.search(SearchQuery("", FULL_SCOPE, 1, cursor, Filters(), first.where)).hits
    with pytest.raises(BadRequest, match="another question"):
        search.search(SearchQuery("", FULL_SCOPE, 1, cursor, Filters(), understand("NOT tag:x", me="ann").where))


def test_pages_of_a_condition_on_columns_follow_each_other():
    """Browsing columns that fulfil a condition: each once, in order, whatever the size of the pages."""
    search = retriever(snapshot_of(ITEMS))
    where = understand("kind:column,view column:*_id", me="ann").where
    whole = search.search(SearchQuery("", FULL_SCOPE, 50, None, Filters(), where))
    seen, cursor = [], None
    while True:
        page = search.search(SearchQuery("", FULL_SCOPE, 2, cursor, Filters(), where))
        seen += page.hits
        cursor = page.cursor
        if cursor is None:
            break
    assert tuple(seen) == whole.hits
    assert whole.total == len(seen) == 6
