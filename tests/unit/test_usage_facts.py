"""Usage of a table, and what nobody uses: figures of a log, and what a log cannot say."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from services.common.model.assets import RESTRICTED, Column
from services.common.model.usage import LogWindow
from services.indexer.usage.facts import unused_of, usage_of
from tests.support.feeds import asset
from tests.support.usages import DAY, fact, name, reading

ASSETS = [asset("shop.sales.orders", "id", "customer_id"), asset("shop.crm.customers", "id"), asset("shop.web.clicks", "at")]
ORDERS = name("shop.sales.orders").id
JOIN = ("shop.sales.orders", "customer_id", "shop.crm.customers", "id")


def days(n: int) -> dt.datetime:
    return DAY - dt.timedelta(days=n)


def test_usage_counts_executions_people_columns_and_joins():
    log = [
        fact(1, "shop.sales.orders", "shop.crm.customers", user="ann", count=3, joins=[JOIN],
             uses=[("shop.sales.orders", "customer_id", "join"), ("shop.sales.orders", "id", "filter")]),
        fact(2, "shop.sales.orders", user="bob", at=days(8), uses=[("shop.sales.orders", "id", "group")]),
        fact(3, "shop.web.clicks", writes=["shop.sales.orders"], at=days(2)),
    ]  # fmt: skip
    usage = usage_of(reading(ASSETS, log), name("shop.sales.orders").id)
    assert usage is not None
    assert (usage.queries, usage.statements, usage.people) == (4, 2, 2)
    assert (usage.last_read, usage.last_written) == (DAY.date(), days(2).date())
    assert (usage.since, usage.until) == (days(8).date(), DAY.date())
    assert usage.weeks[-2:] == (1, 3)
    assert [(c.name, c.queries, c.filters, c.joins, c.groups) for c in usage.columns] == [
        ("id", 4, 3, 0, 1),
        ("customer_id", 3, 0, 3, 0),
    ]
    assert [(j.name.parts[-1], j.on, j.queries, j.people, j.declared) for j in usage.joins] == [
        ("customers", (("customer_id", "id"),), 1, 1, False)
    ]


def test_columns_tell_when_they_were_last_written():
    """Of statements that name what they fill; a column that nobody reads is told too, and a hidden one is not."""
    hidden = Column("tenant", "integer", tags=(RESTRICTED,))
    orders = asset("shop.sales.orders", "id", "total", hidden)
    filled = [("shop.sales.orders", column, "write") for column in ("id", "total", "tenant")]
    log = [
        fact(1, "shop.web.clicks", writes=["shop.sales.orders"], at=days(9), uses=filled),
        fact(2, "shop.web.clicks", writes=["shop.sales.orders"], at=days(3), uses=filled[:1]),
        fact(3, "shop.sales.orders", at=days(1), uses=[("shop.sales.orders", "id", "select")]),
    ]
    usage = usage_of(reading([orders, ASSETS[2]], log), ORDERS)
    assert usage is not None
    assert [(one.name, one.queries, one.last, one.last_written) for one in usage.columns] == [
        ("id", 1, days(1).date(), days(3).date()),
        ("total", 0, None, days(9).date()),
    ]


def test_a_statement_that_reads_what_it_fills_is_not_counted_as_reading_the_column():
    """`UPDATE orders SET total = 0 WHERE id = 1` reads `id` alone."""
    uses = [("shop.sales.orders", "total", "write"), ("shop.sales.orders", "id", "filter")]
    log = [fact(1, "shop.sales.orders", writes=["shop.sales.orders"], uses=uses)]
    usage = usage_of(reading(ASSETS, log), ORDERS)
    assert usage is not None
    assert {one.name: (one.queries, one.last_written) for one in usage.columns} == {
        "id": (1, None),
        "total": (0, DAY.date()),
    }


def test_a_table_that_no_log_names_has_no_usage():
    assert usage_of(reading(ASSETS, [fact(1, "shop.sales.orders")]), name("shop.web.clicks").id) is None


def test_one_busy_person_is_not_popular():
    busy = [fact(at, "shop.web.clicks", user="ann", count=100) for at in range(1, 4)]
    many = [fact(10 + at, "shop.sales.orders", user=f"u{at}", count=3) for at in range(10)]
    made = reading(ASSETS, [*busy, *many])
    clicks, orders = (usage_of(made, name(one).id) for one in ("shop.web.clicks", "shop.sales.orders"))
    assert clicks is not None
    assert orders is not None
    assert clicks.queries > orders.queries
    assert orders.popularity > 3 * clicks.popularity


def test_unused_is_only_said_where_the_log_covers_the_time():
    made = reading(ASSETS, [fact(1, "shop.sales.orders", at=days(200)), fact(2, "shop.crm.customers", at=days(5))])
    today = DAY.date()

    def states(first: dt.datetime, last: dt.datetime) -> dict[str, str]:
        found = unused_of(made, [LogWindow("wh", first, last, last, 2)], today, 90)
        return {one.name.parts[-1]: one.state for one in found}

    assert states(days(200), days(1)) == {"orders": "not read", "clicks": "not read"}
    assert states(days(50), days(1)) == {"orders": "no log since", "clicks": "no log since"}
    assert states(days(200), days(100)) == {"orders": "no log since", "clicks": "no log since"}
    assert {one.state for one in unused_of(made, [], today, 90)} == {"no log since"}


def test_joins_of_fewer_people_than_asked_for_are_not_told():
    """Neither of a pair that one person used, nor on columns that one person used of a pair that many did."""
    other = ("shop.sales.orders", "id", "shop.crm.customers", "id")
    clicks = ("shop.sales.orders", "id", "shop.web.clicks", "at")
    log = [
        *(
            fact(at, "shop.sales.orders", "shop.crm.customers", user=one, fingerprint=one, joins=[JOIN])
            for at, one in enumerate(("ann", "bob"), 1)
        ),
        fact(3, "shop.sales.orders", "shop.crm.customers", user="ann", joins=[other]),
        fact(4, "shop.sales.orders", "shop.web.clicks", user="ann", joins=[clicks]),
    ]
    few = usage_of(reading(ASSETS, log, min_people=2), name("shop.sales.orders").id)
    every = usage_of(reading(ASSETS, log), name("shop.sales.orders").id)
    assert few is not None
    assert every is not None
    assert [(j.on, j.people) for j in few.joins] == [((("customer_id", "id"),), 2)]
    assert len(every.joins) == 3


def test_columns_tell_people_last_day_and_trend_and_joins_what_keys_make_likely():
    keyed = replace(ASSETS[1], primary_key=("id",))
    uses = [("shop.sales.orders", "customer_id", "join")]
    log = [
        fact(
            at,
            "shop.sales.orders",
            "shop.crm.customers",
            user=f"u{at % 2}",
            at=days(100 - at),
            uses=uses,
            joins=[JOIN],
            count=2,
        )
        for at in range(1, 99)
    ]
    usage = usage_of(reading([ASSETS[0], keyed, ASSETS[2]], log), name("shop.sales.orders").id)
    assert usage is not None
    (column,) = usage.columns
    assert (column.people, column.last, column.trend) == (2, days(2).date(), 0.0)
    (join,) = usage.joins
    assert (join.runs, join.queries, join.cardinality) == (196, 98, "many to one")
    assert usage.declared_share == 0.0
    assert [(one.user, one.queries, one.program) for one in usage.users] == [("u0", 98, False), ("u1", 98, False)]
    assert usage.top[0].reads == (name("shop.crm.customers"),) or usage.top[0].reads[0].parts[-1] == "customers"
    turned = usage_of(reading([ASSETS[0], keyed, ASSETS[2]], log), name("shop.crm.customers").id)
    assert turned is not None
    assert turned.joins[0].cardinality == "one to many"


def test_a_key_that_is_not_open_to_all_says_nothing_of_a_join():
    """What else is in it would tell of a hidden column that there is one."""
    hidden = Column("tenant", "integer", tags=(RESTRICTED,))
    keyed = asset("shop.crm.customers", "id", hidden, primary_key=("tenant", "id"))
    usage = usage_of(reading([ASSETS[0], keyed], [fact(1, "shop.sales.orders", "shop.crm.customers", joins=[JOIN])]), ORDERS)
    assert usage is not None
    assert usage.joins[0].cardinality is None


def test_statements_of_too_few_people_are_not_among_the_top():
    log = [
        fact(1, "shop.sales.orders", user="ann", count=9),
        *(fact(2, "shop.sales.orders", user=u, fingerprint="s2") for u in "ab"),
    ]
    usage = usage_of(reading(ASSETS, log, min_people=2), name("shop.sales.orders").id)
    assert usage is not None
    assert [one.fingerprint for one in usage.top] == ["s2"]
