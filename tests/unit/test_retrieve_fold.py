"""Copies, backups, shards and near-duplicates under one hit: only when asked for, originals first, totals as before."""

from __future__ import annotations

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import Kind
from services.common.model.search import MAX_FOLDED, Filters, SearchQuery
from services.indexer.retrieve.fold import base_name
from tests.support.feeds import asset
from tests.support.indexes import CountingEncoder, retriever, snapshot_of

ENCODER = CountingEncoder()
COLUMNS = ("order_id", "customer_id", "placed_at", "total", "currency")
ITEMS = [
    asset("shop.public.orders_bak", *COLUMNS, description="orders orders"),
    asset("shop.public.orders", *COLUMNS, "note"),
    asset("dev.public.orders", *COLUMNS),
    asset("shop.public.tmp_orders_20310131", *COLUMNS),
    asset("shop.public.orders_old", "a", "b"),
    asset("shop.public.v_orders", *COLUMNS, kind=Kind.VIEW),
    asset("shop.public.order_lines", "order_id", "line"),
    *(asset(f"lake.web.hits_2031{month:02}{day:02}", "at", "url") for month in range(1, 4) for day in range(1, 29)),
]
NAMES = {one.id: one.name.qualified for one in ITEMS}


def answered(text, *, fold=True, limit=50, cursor=None, scope=FULL_SCOPE, items=ITEMS, **filters):
    search = retriever(snapshot_of(items[:3], items[3:], encoder=ENCODER), ENCODER)
    return search.search(SearchQuery(text, scope, limit, cursor, Filters(**filters), None, fold))


def groups(answer) -> dict[str, set[str]]:
    return {NAMES[hit.asset]: {NAMES[one] for one in hit.folded} for hit in answer.hits}


def test_what_belongs_together_stands_under_its_original():
    """Same name but for marks, same columns but for a few, same kind; another `orders` of two columns stands alone."""
    found = groups(answered("customer order"))
    originals, copies = (
        {"shop.public.orders", "dev.public.orders"},
        {"shop.public.orders_bak", "shop.public.tmp_orders_20310131"},
    )
    (head,) = originals & found.keys()
    assert found[head] == originals - {head} | copies
    assert not found["shop.public.orders_old"]
    assert not found["shop.public.v_orders"]


def test_unfolded_is_the_default_and_totals_are_of_assets():
    """Folding moves no total and no facet, and loses no asset."""
    plain, folded = answered("order", fold=False), answered("order")
    assert all(not hit.folded and not hit.n_folded for hit in plain.hits)
    assert (plain.total, plain.facets) == (folded.total, folded.facets)
    assert {hit.asset for hit in plain.hits} == {one for hit in folded.hits for one in (hit.asset, *hit.folded)}
    assert len(folded.hits) < len(plain.hits)


def test_shards_are_counted_beyond_those_that_are_named():
    answer = answered("", database=("lake",))
    (hit,) = answer.hits
    assert (answer.total, hit.n_folded, len(hit.folded)) == (84, 83, MAX_FOLDED)


def test_a_copy_that_is_named_stands_for_itself():
    first = answered("shop.public.orders_bak").hits[0]
    assert NAMES[first.asset] == "shop.public.orders_bak"
    assert "shop.public.orders" in {NAMES[one] for one in first.folded}


def test_pages_of_folded_hits_follow_each_other():
    whole = answered("order", limit=50)
    seen, cursor = [], None
    while True:
        page = answered("order", limit=2, cursor=cursor)
        seen += page.hits
        cursor = page.cursor
        if cursor is None:
            break
    assert tuple(seen) == whole.hits


def test_hidden_tables_are_under_no_hit():
    """A scoped reader's groups are those of a catalog without the rest."""
    scope = AccessScope(("*",), ("*.dev.*", "*.orders_bak"))
    seen = [one for one in ITEMS if scope.permits(one.scope_path)]
    hidden, without = answered("order", scope=scope), answered("order", items=seen)
    assert [(h.asset, h.folded, h.n_folded) for h in hidden.hits] == [(h.asset, h.folded, h.n_folded) for h in without.hits]


def test_columns_are_never_folded():
    answer = answered("order_id", limit=200, kind=(Kind.COLUMN,))
    assert len(answer.hits) == answer.total
    assert not any(hit.folded for hit in answer.hits)


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("orders", "orders"),
        ("Orders_BAK", "orders"),
        ("tmp_orders_2031_01_31", "orders"),
        ("ordersCopy2", "orders"),
        ("events_0007", "events"),
        ("old", "old"),
        ("2031", "2031"),
        ("copy_2", "copy"),
        ("top10_songs", "top 10 songs"),
    ],
)
def test_a_name_without_its_marks(name, base):
    assert base_name(name) == base
