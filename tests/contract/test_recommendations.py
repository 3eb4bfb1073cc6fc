"""The port `Recommendations`: one suite for the indexer's usage and for its client over HTTP, on both databases' store."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.related import Basis, RecentQuery, RelatedQuery
from services.common.model.usage import FactPage, FactSeq, LogWindow, StatementFact
from services.common.ports import Recommendations
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.usage.app import create_router
from services.indexer.usage.client import HttpRecommendations
from services.indexer.usage.service import Usage
from tests.support.feeds import MemoryFeed, asset
from tests.support.indexes import DIMENSION, Home, snapshot_of
from tests.support.usages import DAY, NAMESPACES, fact, name
from tests.support.wires import WAYS, reached

ASSETS = [asset("shop.sales.orders", "id"), asset("shop.crm.customers", "id"), asset("shop.hr.salaries", "id")]
LONG_AGO = DAY.replace(year=2020)
LOG = [
    fact(1, "shop.sales.orders", "shop.crm.customers", at=LONG_AGO),
    fact(2, "shop.sales.orders", "shop.hr.salaries", user="bob", at=LONG_AGO),
    fact(3, "shop.sales.orders", "shop.lake.raw", user=None, at=None),
]
SCOPE = AccessScope(allow=("wh",), deny=("wh.shop.hr",))


class Log:
    """Facts in memory, as the lineage service would tell them."""

    def __init__(self, facts: Sequence[StatementFact]) -> None:
        self.facts = list(facts)

    def after(self, seq: FactSeq, *, limit: int = 1000) -> FactPage:
        found = [one for one in self.facts if one.seq > seq][:limit]
        return FactPage(tuple(found), found[-1].seq if found else seq, self.head())

    def head(self) -> FactSeq:
        return max((one.seq for one in self.facts), default=FactSeq(0))

    def weights(self) -> dict[str, float]:
        return {}

    def windows(self) -> tuple[LogWindow, ...]:
        return (LogWindow("wh", DAY, DAY, DAY, len(self.facts)),)


def made(tmp_path, log: Log) -> Usage:
    home = Home(tmp_path, MemoryFeed())
    snapshot = snapshot_of(ASSETS, encoder=HashingEncoder(DIMENSION))
    usage = Usage(
        home.database, lambda: snapshot, lambda: NAMESPACES, home=tmp_path, users=lambda name: name.removeprefix("caller ")
    )
    usage.catch_up(log)
    usage.refresh()
    return usage


@pytest.fixture(params=WAYS)
def recommendations(request, tmp_path) -> Iterator[Recommendations]:
    usage = made(tmp_path, Log(LOG))
    with reached(usage, request.param, create_router, HttpRecommendations) as port:
        yield port


def test_a_basket_is_answered_with_what_is_listed_and_what_is_not(recommendations):
    answer = recommendations.related(RelatedQuery((name("shop.sales.orders").id,), FULL_SCOPE, ("nowhere",), 10))
    assert {(one.name.parts[-1], one.listed, one.basis) for one in answer.items} == {
        ("customers", True, Basis.OBSERVED),
        ("salaries", True, Basis.OBSERVED),
        ("raw", False, Basis.OBSERVED),
    }
    assert answer.unknown == ("nowhere",)


def test_a_scope_hides_tables_their_statements_and_their_usage(recommendations):
    answer = recommendations.related(RelatedQuery((name("shop.sales.orders").id,), SCOPE))
    assert {one.name.parts[-1] for one in answer.items} == {"customers", "raw"}
    assert recommendations.usage(name("shop.hr.salaries").id, SCOPE) is None
    assert recommendations.usage(name("shop.sales.orders").id, SCOPE).queries == 2
    assert recommendations.usage(name("shop.sales.orders").id, FULL_SCOPE).queries == 3


def test_a_callers_recent_tables_are_those_of_the_user_that_logs_keep(recommendations):
    asked = RecentQuery("caller ann", FULL_SCOPE)
    assert sorted(one.name.parts[-1] for one in recommendations.recent(asked)) == ["customers", "orders"]
    assert recommendations.recent(RecentQuery("caller ann", FULL_SCOPE, as_kept=True)) == ()
    (first, _) = recommendations.recent(RecentQuery("ann", FULL_SCOPE, as_kept=True))
    assert (first.queries, first.last, first.listed) == (1, LONG_AGO.date(), True)
    assert recommendations.recent(RecentQuery("caller bob", SCOPE)) == ()


def test_similar_tables_are_told_inside_the_scope(recommendations):
    likely = recommendations.similar(name("shop.sales.orders").id, FULL_SCOPE, limit=5)
    assert {one.name.parts[-1] for one in likely} <= {"customers", "salaries"}
    assert "salaries" not in {one.name.parts[-1] for one in recommendations.similar(ASSETS[0].id, SCOPE, limit=5)}
    assert recommendations.similar(name("shop.hr.salaries").id, SCOPE, limit=5) == ()


def test_unused_names_what_no_log_tells_of(recommendations):
    assert [one.name.parts[-1] for one in recommendations.unused(SCOPE, days=1)] == ["customers", "orders"]


def test_facts_are_followed_once_and_news_of_a_statement_replace_what_it_does(tmp_path):
    log = Log(LOG)
    usage = made(tmp_path, log)
    assert usage.catch_up(log) == 0
    log.facts.append(fact(4, "shop.sales.orders", "shop.lake.clean", count=0, fingerprint="s3"))
    assert usage.catch_up(log) == 1
    usage.refresh()
    answer = usage.related(RelatedQuery((name("shop.sales.orders").id,), FULL_SCOPE))
    assert {one.name.parts[-1] for one in answer.items} == {"customers", "salaries", "clean"}
    assert usage.usage(name("shop.sales.orders").id, FULL_SCOPE).queries == 3


def test_where_nothing_was_logged_questions_do_not_look_again(tmp_path, monkeypatch):
    """The thread that follows the facts looks every second; until it finds some, no question asks the database for them."""
    snapshot = snapshot_of(ASSETS, encoder=HashingEncoder(DIMENSION))
    usage = Usage(Home(tmp_path, MemoryFeed()).database, lambda: snapshot, lambda: NAMESPACES, home=tmp_path)
    log, stop, looked = Log([]), threading.Event(), []
    position = usage._position
    monkeypatch.setattr(usage, "_position", lambda: (looked.append(1), position())[1])
    assert usage.popular(FULL_SCOPE) == {}
    assert looked, "nobody follows yet"
    monkeypatch.setattr(usage, "_has_rested", stop.set)
    usage.run_until(stop, log)
    looked.clear()
    assert usage.popular(FULL_SCOPE) == {}
    assert not looked
    log.facts.extend(LOG)
    usage.catch_up(log)
    assert name("shop.sales.orders").id in usage.popular(FULL_SCOPE)


def test_a_lineage_store_that_was_made_anew_is_followed_from_its_beginning(tmp_path):
    usage = made(tmp_path, Log(LOG))
    usage.catch_up(Log(LOG[:1]))
    usage.refresh()
    assert usage.usage(name("shop.sales.orders").id, FULL_SCOPE).queries == 1
