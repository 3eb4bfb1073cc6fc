"""What is like a table in structure and text: copies, shards and versions are told, others are not, inside a scope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.common.model.access import AccessScope
from services.common.model.assets import RESTRICTED, Column
from services.common.model.related import Duplicate
from services.indexer.usage.copies import Mark, without_marks
from services.indexer.usage.recent import recent_of
from services.indexer.usage.similar import similar_to
from tests.support.feeds import asset
from tests.support.usages import DAY, fact, name, reading

COLUMNS = ("order_id", "customer_id", "placed_at", "amount", "currency")
OTHERS = [
    asset("shop.crm.customers", "id", "name", "email", "born_at"),
    asset("shop.ref.calendar", "day", "week", "month"),
    asset("shop.hr.salaries", "person_id", "salary", "since"),
    asset("shop.web.clicks", "at", "url", "session_id"),
]
ORDERS = asset("shop.sales.orders", *COLUMNS)


def found(*more, ask="shop.sales.orders", scope=None):
    made = reading([ORDERS, *OTHERS, *more], [], *([scope] if scope else []))
    return similar_to(made, name(ask).id, 10)


@pytest.mark.parametrize(
    ("text", "plain", "marks"),
    [
        ("orders_bak", "orders", {Mark.COPY}),
        ("tmp_Orders", "orders", {Mark.COPY}),
        ("copy_of_orders", "orders", {Mark.COPY}),
        ("orders_20240131", "orders", {Mark.DATE}),
        ("orders_2024_01", "orders", {Mark.DATE}),
        ("orders_backup_20240131", "orders", {Mark.COPY, Mark.DATE}),
        ("orders_v2", "orders", {Mark.VERSION}),
        ("orders", "orders", set()),
        ("backup", "backup", set()),
        ("household", "household", set()),
        ("form_1099", "form_1099", set()),
    ],
)
def test_marks_of_copies_dates_and_versions_are_taken_off_names(text, plain, marks):
    assert without_marks(text) == (plain, frozenset(marks))


@pytest.mark.parametrize(
    ("copy", "duplicate"),
    [
        ("shop.sales.orders_backup", Duplicate.COPY),
        ("shop.sandbox.orders", Duplicate.COPY),
        ("shop.sales.orders_20240131", Duplicate.SHARD),
        ("shop.sales.orders_v2", Duplicate.VERSION),
        ("shop.lake.xk77", Duplicate.SAME_COLUMNS),
    ],
)
def test_a_table_of_the_same_columns_is_told_by_what_it_is(copy, duplicate):
    (first, *_) = found(asset(copy, *COLUMNS))
    assert (first.name.qualified, first.duplicate) == (copy, duplicate)
    assert (first.shared, first.only_here, first.only_there) == (5, 0, 0)
    assert first.why[0].text == "has all 5 columns, of the same types, and no others"


def test_a_backup_from_before_columns_were_added_is_a_copy_all_the_same():
    first = found(asset("shop.sales.orders_bak", *COLUMNS[:4]))[0]
    assert (first.duplicate, first.only_here) == (Duplicate.COPY, 1)
    assert first.why[0].text == "has 4 of the 5 columns, of the same types, and no others"
    wide = asset("shop.sales.orders_bak", *COLUMNS[:4], "a1", "a2", "a3", "a4")
    assert all(one.duplicate is None for one in found(wide))


def test_an_offshoot_is_like_it_and_no_duplicate():
    (first, *_) = found(asset("shop.sales.orders_slim", *COLUMNS[:4], "added_at"))
    assert first.name.parts[-1] == "orders_slim"
    assert first.duplicate is None
    assert (first.shared, first.only_here, first.only_there) == (4, 1, 1)


def test_other_types_make_no_duplicate():
    told = tuple(Column(one, type="varchar") for one in COLUMNS)
    typed = replace(ORDERS, columns=tuple(Column(one, type="integer") for one in COLUMNS))
    copy = replace(asset("shop.sales.orders_bak", *COLUMNS), columns=told)
    made = reading([typed, *OTHERS, copy], [])
    assert similar_to(made, typed.id, 10)[0].duplicate is None


def test_unlike_tables_are_not_told():
    assert found() == []


def test_a_scope_hides_copies_and_counts_nothing_of_them():
    copies = [asset(f"shop.hr.orders_{20240100 + day}", *COLUMNS) for day in range(1, 20)]
    scope = AccessScope(allow=("wh",), deny=("wh.shop.hr",))
    seen = asset("shop.sales.orders_bak", *COLUMNS)
    narrow = found(seen, *copies, scope=scope)
    assert [one.name.parts[-1] for one in narrow] == ["orders_bak"]
    without = similar_to(reading([ORDERS, *(o for o in OTHERS if "hr" not in o.name.parts), seen], []), ORDERS.id, 10)
    assert narrow == without
    assert found(seen, *copies, ask="shop.hr.orders_20240101", scope=scope) == []


def test_hidden_tables_do_not_make_a_column_or_a_word_common(monkeypatch):
    """What so many tables have finds none; only those that are shown count."""
    monkeypatch.setattr("services.indexer.usage.similar.COMMON", 3)
    scope = AccessScope(allow=("wh",), deny=("wh.shop.hr",))
    seen, hidden = asset("shop.web.purchases", *COLUMNS), [asset(f"shop.hr.orders_{at}x", *COLUMNS) for at in range(5)]
    assert [one.name.parts[-1] for one in found(seen, *hidden, scope=scope)] == ["purchases"]
    assert found(seen, *hidden, scope=scope) == found(seen, scope=scope)


def test_restricted_columns_are_neither_compared_nor_counted():
    hidden = tuple(Column(one, tags=(RESTRICTED,)) for one in ("ssn", "iban"))
    copy = asset("shop.sales.orders_bak", *COLUMNS)
    plain = found(copy)[0]
    covered = replace(copy, columns=(*copy.columns, *hidden))
    assert found(covered)[0].only_there == plain.only_there == 0


def test_many_shards_are_found_though_every_column_is_common():
    shards = [asset(f"shop.sales.orders_202401{day:02}", *COLUMNS) for day in range(1, 30)]
    listed = found(*shards)
    assert len(listed) == 10
    assert {one.duplicate for one in listed} == {Duplicate.SHARD}


def test_recent_tables_are_those_used_now_and_nobody_elses():
    log = [
        fact(1, "shop.sales.orders", user="ann", at=DAY.replace(year=2030), count=500),
        fact(2, "shop.web.clicks", user="ann", count=2),
        fact(3, "shop.hr.salaries", user="bob"),
        fact(4, "shop.crm.customers", "shop.hr.salaries", user="ann"),
    ]
    made = reading([ORDERS, *OTHERS], log)
    told = recent_of(made, "ann", 10)
    assert [one.name.parts[-1] for one in told] == ["clicks", "customers", "salaries", "orders"] or told[-1].queries == 500
    assert told[-1].name.parts[-1] == "orders"
    assert recent_of(made, "carl", 10) == []
    scope = AccessScope(allow=("wh",), deny=("wh.shop.hr",))
    narrow = recent_of(reading([ORDERS, *OTHERS], log, scope), "ann", 10)
    # a statement that also reads what is hidden is not known of
    assert [one.name.parts[-1] for one in narrow] == ["clicks", "orders"]
