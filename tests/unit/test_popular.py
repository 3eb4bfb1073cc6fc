"""What is used much comes first among what fits as well: inside the scope, with many people before one busy one."""

from __future__ import annotations

import datetime as dt

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.search import SearchQuery
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.features import FEATURES
from services.indexer.retrieve.rank import FIXED
from services.indexer.usage.facts import HALF_WAY, usage_of
from services.indexer.usage.popular import Uses
from tests.support.feeds import asset
from tests.support.indexes import DIMENSION, snapshot_of
from tests.support.usages import DAY, fact, name, reading

TWINS = [asset(f"shop.{place}.orders", "id", "amount", description="what customers bought") for place in ("aa", "bb", "cc")]
OTHERS = [
    asset("shop.hr.salaries", "person_id"),
    asset("shop.web.orders_by_day", "day"),
    asset("shop.web.order_lines", "day"),
]
ALL = [*TWINS, *OTHERS]
NARROW = AccessScope(allow=("wh",), deny=("wh.shop.hr",))


def popular_of(facts, scope=FULL_SCOPE):
    made = reading(ALL, facts)
    return Uses.of(made.known, made.counts.statements).popular(made.known.permitted(scope))


def search(popular):
    encoder = HashingEncoder(DIMENSION)
    snapshot = snapshot_of(ALL, encoder=encoder)
    return Retriever(lambda: snapshot, lambda _at: encoder, lambda: None, popular=lambda _scope: popular)


def first(popular, text="what customers bought"):
    hits = search(popular).search(SearchQuery(text, FULL_SCOPE)).hits
    return [hit.asset for hit in hits], hits


@pytest.mark.parametrize("place", ["aa", "bb", "cc"])
def test_of_what_fits_alike_the_used_one_comes_first_and_says_so(place):
    used = name(f"shop.{place}.orders").id
    order, hits = first({used: 0.9})
    assert order[0] == used
    assert "people use it a lot" in [reason.text for reason in hits[0].why]


def test_what_fits_better_is_not_passed():
    order, _ = first({name("shop.hr.salaries").id: 1.0})
    assert name("shop.hr.salaries").id not in order[:3]


def test_without_a_log_nothing_is_moved():
    assert first({})[0][:3] == sorted(one.id for one in TWINS)


def test_its_weight_is_that_of_a_near_tie():
    assert FIXED["popular"] <= 0.02
    assert "popular" in FEATURES


def test_many_people_count_more_than_one_who_asks_often():
    log = [fact(1, "shop.aa.orders", user="busy", count=1_000)]
    log += [fact(2, "shop.bb.orders", user=f"u{at}", count=2, fingerprint="s2") for at in range(20)]
    popular = popular_of(log)
    assert list(popular) == [name("shop.bb.orders").id, name("shop.aa.orders").id]
    assert all(0 < much < 1 for much in popular.values())


def test_statements_that_touch_what_is_hidden_count_for_nothing():
    seen = [fact(1, "shop.aa.orders", user="ann")]
    hidden = [fact(2, "shop.bb.orders", "shop.hr.salaries", user=f"u{at}", fingerprint="s2", count=50) for at in range(9)]
    narrow = popular_of([*seen, *hidden], NARROW)
    assert narrow == popular_of(seen, NARROW)
    assert name("shop.bb.orders").id not in narrow


@pytest.mark.parametrize("scope", [FULL_SCOPE, NARROW])
def test_it_is_the_popularity_that_is_told_of_each_table(scope):
    days = [None, DAY, DAY - dt.timedelta(days=40), DAY + dt.timedelta(days=100)]
    tables = [f"{one.name.parts[1]}.{one.name.parts[2]}" for one in ALL]
    log = [
        fact(
            at,
            *{f"shop.{tables[at % 6]}", f"shop.{tables[at * at % 5]}"},
            writes=["shop.aa.orders"] if at % 7 == 0 else [],
            user=f"u{at % 4}" if at % 9 else None,
            at=days[at % 4],
            count=at % 5 + 1,
            fingerprint=f"s{at}",
            weight=0.1 if at % 4 == 3 else 1.0,
        )
        for at in range(60)
    ]
    made = reading(ALL, log, scope)
    told = {one: usage_of(made, one).popularity for one in popular_of(log, scope)}
    assert popular_of(log, scope) == pytest.approx({one: much / (much + HALF_WAY) for one, much in told.items()}, abs=0.001)
    assert len(told) == (6 if scope is FULL_SCOPE else 5)


def test_suggestions_that_begin_alike_come_by_use_and_a_whole_name_first():
    def texts(popular):
        return [one.text for one in search(popular).suggest("order", FULL_SCOPE, limit=4)]

    used = name("shop.web.orders_by_day").id
    assert texts({})[0] == "shop.aa.orders"
    assert texts({used: 0.5})[0] == "shop.web.orders_by_day"
    whole = [one.text for one in search({used: 0.5}).suggest("orders", FULL_SCOPE, limit=4)]
    assert whole[0] == "shop.aa.orders"


def test_a_used_table_is_suggested_though_many_shorter_names_begin_so():
    many = [asset(f"shop.t.ord{at}", "id") for at in range(40)]
    snapshot = snapshot_of([*ALL, *many], encoder=HashingEncoder(DIMENSION))
    used = name("shop.web.order_lines").id
    made = Retriever(lambda: snapshot, lambda _at: None, lambda: None, popular=lambda _scope: {used: 0.7})
    assert made.suggest("ord", FULL_SCOPE, limit=5)[0].text == "shop.web.order_lines"
    # no list of all tables is made for it: every change of the index would have the next keystroke wait for a new one
    assert "where" not in vars(snapshot)
