"""What goes with a table: learned from queries, inferred where there is none, inside a scope, and each said why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from services.common.model.access import AccessScope
from services.common.model.assets import RESTRICTED, Column, ForeignKey
from services.common.model.related import Basis, RelatedItem
from services.common.model.search import Evidence
from services.indexer.usage import reading as readings
from services.indexer.usage import recommend
from services.indexer.usage.basket import basket_of
from tests.support.feeds import asset
from tests.support.usages import DAY, fact, name, named, reading, related

SHOP = [
    asset("shop.sales.orders", "id", "customer_id", "amount"),
    asset("shop.sales.order_lines", "order_id", "product_id"),
    asset("shop.crm.customers", "id", "name"),
    asset("shop.ref.calendar", "day"),
    asset("shop.hr.salaries", "person_id", "amount"),
    asset("shop.web.clicks", "at", "url"),
]
JOIN = ("shop.sales.orders", "customer_id", "shop.crm.customers", "id")


def test_what_queries_join_comes_first_and_says_how_often_by_whom_and_when():
    log = [fact(at, "shop.sales.orders", "shop.crm.customers", user=f"u{at % 3}", joins=[JOIN]) for at in range(1, 8)]
    first = related(reading(SHOP, log), "shop.sales.orders")[0]
    assert (first.name.parts[-1], first.basis, first.queries, first.people) == ("customers", Basis.OBSERVED, 7, 3)
    assert first.last == DAY.date()
    assert first.why[0].text == "used together in 7 queries by 3 people, last on 2031-05-01"
    join = first.join_on[0]
    assert (join.on, join.evidence, join.confidence) == ((("customer_id", "id"),), Evidence.OBSERVED, 0.875)


def test_where_nothing_speaks_for_any_table_there_is_no_answer(monkeypatch):
    """Of many tables whose names have the same words, and of which no query tells."""
    monkeypatch.setattr(readings, "ALL_RANKED", 1)
    monkeypatch.setattr(readings, "COMMON", 1)
    assets = [asset(f"shop.s.orders{end}", "id") for end in ("", "_a", "_b")]
    assert related(reading(assets, []), "shop.s.orders") == []


def test_without_a_query_the_neighbours_are_inferred():
    found = related(reading(SHOP, []), "shop.sales.orders")
    assert {one.basis for one in found} == {Basis.INFERRED}
    assert found[0].name.parts[-1] == "order_lines"
    assert all(0 <= one.probability <= 1 and one.why for one in found)


def test_a_declared_key_is_the_surest_join():
    lines = asset(
        "shop.sales.order_lines",
        "order_id",
        foreign_keys=(ForeignKey(("order_id",), ("sales", "orders"), ("id",)),),
    )
    found = related(reading([SHOP[0], lines], []), "shop.sales.orders")
    assert [(j.one, j.on, j.evidence) for j in found[0].join_on] == [
        (name("shop.sales.orders").id, (("id", "order_id"),), Evidence.DECLARED)
    ]


def why(found: Sequence[RelatedItem], of: str) -> list[str]:
    return next([reason.text for reason in one.why] for one in found if one.name.parts[-1] == of)


OWN = [
    asset("shop.main.customers", "id", "name", "email"),
    asset(
        "shop.main.orders",
        "id",
        "customer_id",
        "amount",
        foreign_keys=(ForeignKey(("customer_id",), ("main", "customers"), ("id",)),),
    ),
    asset("shop.main.order_items", "order_id", "product_id"),
    asset("shop.store.warehouse_bins", "bin", "aisle"),
    asset("shop.main.customers_archive", "id", "closed_on"),
    asset("shop.mart.sales", "day", "total"),
]


def test_without_a_log_nothing_is_said_of_one_nor_of_names_and_versions_that_are_not_alike():
    found = related(reading(OWN, []), "shop.main.customers")
    told = [reason.text for one in found for reason in one.why]
    assert not [text for text in told if "nobody" in text or "used" in text or "queries" in text or "version" in text]
    for other in ("orders", "order_items", "warehouse_bins", "sales"):
        assert not [text for text in why(found, other) if "name is like" in text], other
    assert "its name is like theirs" in why(found, "customers_archive")
    assert why(found, "warehouse_bins") == ["little speaks for it"]


def test_a_declared_key_is_the_first_reason_where_no_query_uses_both():
    assert why(related(reading(OWN, []), "shop.main.customers"), "orders")[0] == "a declared key joins them"
    log = [fact(1, "shop.main.orders", "shop.main.customers")]
    told = why(related(reading(OWN, log), "shop.main.customers"), "orders")
    assert told[0].startswith("used together")
    assert told[1] == "a declared key joins them"


def test_a_join_that_is_shown_is_a_reason():
    found = related(reading(SHOP, []), "shop.sales.orders")
    joined = {one.name.parts[-1] for one in found if one.join_on}
    assert (
        joined == {one.name.parts[-1] for one in found if any("how to join" in reason.text for reason in one.why)} != set()
    )
    log = [fact(1, "shop.sales.orders", "shop.crm.customers", joins=[JOIN])]
    assert "queries join them" in why(related(reading(SHOP, log), "shop.sales.orders"), "customers")


def test_versions_and_what_nobody_queried_are_told_where_there_are_versions_and_a_log():
    tables = [asset("shop.a.clients_v1", "x"), asset("shop.a.clients_v2", "y"), asset("shop.b.people", "z")]
    tables += [asset("shop.c.rivers", "w")]
    log = [fact(1, "shop.b.people")]
    found = related(reading(tables, log), "shop.b.people")
    assert "it is the latest version" in why(found, "clients_v2")
    assert "it is the latest version" not in why(found, "clients_v1")
    assert "nobody has queried it in the log, as most new tables" in why(found, "clients_v1")
    assert "nobody has queried either in the log" in why(related(reading(tables, log), "shop.c.rivers"), "clients_v2")


def test_a_table_that_is_joined_to_everything_does_not_lead():
    many = [fact(at, f"shop.t.thing{at}", "shop.ref.calendar") for at in range(1, 60)]
    own = [fact(100 + at, "shop.sales.orders", "shop.crm.customers") for at in range(4)]
    both = [fact(200 + at, "shop.sales.orders", "shop.ref.calendar", fingerprint=f"b{at}") for at in range(4)]
    made = reading(SHOP, [*many, *own, *both])
    assert named(related(made, "shop.sales.orders"))[0] == "customers"


def test_copies_of_one_table_do_not_fill_the_list():
    copies = [asset(f"shop.sales.orders_bak_v{at}", "id", "customer_id", "amount") for at in range(8)]
    log = [fact(1, "shop.sales.orders", "shop.web.clicks")]
    found = named(related(reading([*SHOP, *copies], log), "shop.sales.orders", limit=5))
    assert sum(one.startswith("orders_bak") for one in found) <= 2
    assert "clicks" in found


def test_what_fewer_people_used_together_than_asked_for_was_never_used_together():
    log = [
        fact(1, "shop.sales.orders", "shop.web.clicks", user="ann"),
        fact(2, "shop.sales.orders", "shop.web.clicks", user="ann"),
    ]
    log += [fact(3, "shop.sales.orders", "shop.crm.customers", user=one, fingerprint=one) for one in ("ann", "bob")]
    found = {one.name.parts[-1]: one for one in related(reading(SHOP, log, min_people=2), "shop.sales.orders")}
    assert (found["customers"].basis, found["clicks"].basis, found["clicks"].queries) == (Basis.OBSERVED, Basis.INFERRED, 0)
    alone = {one.name.parts[-1]: one for one in related(reading(SHOP, log), "shop.sales.orders")}
    assert alone["clicks"].basis is Basis.OBSERVED


def test_of_a_basket_only_what_enough_people_did_is_told():
    """Counts and joins of a pair that one person used stay out, although another table of the basket is used by many."""
    alone = ("shop.sales.orders", "id", "shop.crm.customers", "name")
    clicks = ("shop.web.clicks", "at", "shop.crm.customers", "id")
    log = [fact(at, "shop.sales.orders", "shop.crm.customers", user=f"u{at}", joins=[JOIN]) for at in (1, 2)]
    log += [
        fact(3, "shop.sales.orders", "shop.crm.customers", user="u1", joins=[alone]),
        fact(4, "shop.web.clicks", "shop.crm.customers", user="u9", joins=[clicks]),
    ]

    def told(least: int) -> tuple[int, int, int]:
        made = reading(SHOP, log, min_people=least)
        one = next(one for one in related(made, "shop.sales.orders", "shop.web.clicks") if one.name.parts[-1] == "customers")
        return one.queries, one.people, sum(join.evidence is Evidence.OBSERVED for join in one.join_on)

    assert (told(1), told(2)) == ((4, 3, 3), (3, 2, 1))


def test_a_table_that_only_logs_know_is_recommended_and_found_by_its_name():
    made = reading(SHOP, [fact(1, "shop.sales.orders", "shop.lake.raw_events")])
    found = {one.name.parts[-1]: one for one in related(made, "shop.sales.orders")}
    assert (found["raw_events"].listed, found["raw_events"].basis) == (False, Basis.OBSERVED)
    basket = basket_of(made, [], ["lake.RAW_EVENTS", "nobody.knows_orders"])
    assert [made.known.names[row].parts[-1] for row in basket.rows] == ["raw_events"]
    assert (basket.unknown, basket.stand_ins) == (("nobody.knows_orders",), False)


def test_words_of_an_unknown_name_still_count():
    made = reading(SHOP, [])
    basket = basket_of(made, [], ["lake.orders_of_today"])
    assert basket.stand_ins
    assert "orders" in {made.known.names[row].parts[-1] for row in basket.rows}
    assert not len(basket_of(made, [], ["zzz"]).rows)


HIDING = AccessScope(allow=("*",), deny=("wh.shop.hr",))


@pytest.mark.parametrize("asked", ["shop.sales.orders", "shop.web.clicks", "shop.hr.salaries"])
def test_what_is_hidden_moves_nothing(asked):
    """Statements that touch a hidden table count for nobody who may not see it, whatever else they read."""
    log = [fact(at, "shop.sales.orders", "shop.crm.customers") for at in range(1, 4)]
    secret = [
        *(fact(50 + at, "shop.hr.salaries", "shop.sales.orders", "shop.web.clicks", user=f"h{at}") for at in range(30)),
        fact(90, "shop.web.clicks", "shop.hr.bonus", writes=["shop.hr.report"]),
        fact(91, "shop.lake.only_with_hr", "shop.hr.salaries"),
    ]
    without = [one for one in SHOP if one.name.parts[1] != "hr"]
    scoped = related(reading(SHOP, [*log, *secret], HIDING), asked, limit=50)
    never = related(reading(without, log, HIDING), asked, limit=50)
    assert scoped == never
    assert "only_with_hr" not in named(scoped)
    assert related(reading(SHOP, [*log, *secret]), "shop.sales.orders", limit=50) != scoped


def test_restricted_columns_are_in_no_join():
    shut = asset("shop.crm.customers", Column("id", "text", tags=(RESTRICTED,)), "name")
    log = [fact(1, "shop.sales.orders", "shop.crm.customers", joins=[JOIN])]
    found = {one.name.parts[-1]: one for one in related(reading([SHOP[0], shut], log), "shop.sales.orders")}
    assert found["customers"].join_on == ()


def test_old_queries_weigh_less_than_new_ones():
    old = [fact(at, "shop.sales.orders", "shop.web.clicks", at=DAY - dt.timedelta(days=1500)) for at in range(1, 4)]
    new = [fact(10 + at, "shop.sales.orders", "shop.ref.calendar") for at in range(3)]
    counts = reading(SHOP, [*old, *new]).counts
    read = {counts.known.names[row].parts[-1]: value for row, value in enumerate(counts.read)}
    assert read["clicks"] < 0.5 * read["calendar"]


def test_programs_count_for_less():
    log = [fact(1, "shop.sales.orders", "shop.web.clicks", weight=0.1), fact(2, "shop.sales.orders", "shop.ref.calendar")]
    counts = reading(SHOP, log).counts
    read = {counts.known.names[row].parts[-1]: round(float(value), 6) for row, value in enumerate(counts.read)}
    assert (read["clicks"], read["calendar"]) == (0.1, 1.0)


def test_a_program_is_told_from_a_person():
    log = [
        fact(1, "shop.sales.orders", "shop.crm.customers", user="etl", weight=0.1),
        fact(2, "shop.sales.orders", "shop.crm.customers", user="anna"),
    ]
    first = related(reading(SHOP, log), "shop.sales.orders")[0]
    assert (first.people, first.why[0].text) == (
        1,
        "used together in 2 queries by 1 person and 1 program, last on 2031-05-01",
    )


@pytest.mark.parametrize("many", [100, 1_000])
def test_in_a_large_catalog_what_everything_reads_stands_behind_a_closer_partner(monkeypatch, many):
    """In one of few tables it is what people look for, and stays first."""
    monkeypatch.setattr(recommend, "MANY_TABLES", many)
    tables = [asset(f"shop.s{at % 9}.t{at}", "id") for at in range(150)]
    every = [fact(at, "shop.s0.t0", f"shop.s{at % 9}.t{at}") for at in range(1, 100)]
    pair = [
        fact(200, "shop.s0.t0", "shop.s1.t100", "shop.s2.t101"),
        *(fact(200 + at, "shop.s0.t0", "shop.s1.t100") for at in (1, 2)),
    ]
    found = named(related(reading(tables, [*every, *pair]), "shop.s1.t100"))
    assert found[:2] == (["t101", "t0"] if many == 100 else ["t0", "t101"])
