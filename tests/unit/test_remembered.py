"""Answers that are asked for again come as they were given, and never to another question, caller or state of the index."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.search import Filters, SearchAnswer, SearchQuery
from services.common.model.vocabulary import Synonyms
from services.indexer.retrieve import answer, remembered
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.rank import HAND_SET, Ranker
from services.indexer.retrieve.remembered import Answers
from tests.support.feeds import asset, shop
from tests.support.indexes import CountingEncoder, snapshot_of

SHOP = shop()
TEXT = "order of a customer"
NARROW = AccessScope(allow=("*",), deny=("*.shop.mart",))


class Asked:
    """A retriever whose surroundings can be changed, and how often it looked for tables."""

    def __init__(self, monkeypatch):
        self.snapshot, self.ranker, self.used, self.looked = snapshot_of(SHOP, encoder=CountingEncoder()), HAND_SET, {}, 0
        encoder, found = CountingEncoder(), answer._found
        self.search = Retriever(
            lambda: self.snapshot, lambda _: encoder, lambda: None, lambda: self.ranker, lambda _scope: self.used
        ).search

        def counted(*given):
            self.looked += 1
            return found(*given)

        monkeypatch.setattr(answer, "_found", counted)


@pytest.fixture
def asked(monkeypatch):
    return Asked(monkeypatch)


def test_what_was_answered_is_not_looked_for_again(asked):
    first = asked.search(SearchQuery(TEXT, FULL_SCOPE))
    assert asked.search(SearchQuery(TEXT, FULL_SCOPE)) is first
    assert asked.looked == 1
    second = asked.search(SearchQuery(TEXT, FULL_SCOPE, limit=2))
    page = SearchQuery(TEXT, FULL_SCOPE, limit=2, cursor=second.cursor)
    assert asked.search(page) is asked.search(page)
    assert asked.looked == 3


@pytest.mark.parametrize(
    "other",
    [
        {"scope": NARROW},
        {"filters": Filters(schema=("mart",))},
        {"limit": 3},
        {"fold": True},
        {"answer_set": True},
        {"vocabulary": (Synonyms("customer", ("client",)),)},
        {"text": "order of a Customer"},
    ],
)
def test_another_question_or_caller_is_answered_on_its_own(asked, other):
    """Whatever of it differs: what a caller may not see comes from no other's answer."""
    query = SearchQuery(TEXT, FULL_SCOPE)
    whole = asked.search(query)
    narrow = asked.search(replace(query, **other))
    assert asked.looked == 2
    assert asked.search(query) is whole
    if "scope" in other or "filters" in other:
        assert narrow.total < whole.total


def test_another_state_of_things_is_answered_anew(asked):
    """New tables, other weights and other use are seen by the next question."""
    query = SearchQuery(TEXT, FULL_SCOPE, limit=50)
    first = asked.search(query)
    asked.ranker = Ranker({"words": 3.0, "meaning": 1.0})
    asked.search(query)
    assert asked.looked == 2
    asked.used = {first.hits[-1].asset: 1.0}
    assert any(reason.feature == "popular" for hit in asked.search(query).hits for reason in hit.why)
    asked.snapshot = snapshot_of([*SHOP, asset("shop.a.customer_order")], seq=2, encoder=CountingEncoder())
    assert asked.search(query).total == first.total + 1


def test_the_oldest_are_let_go(monkeypatch):
    """So many hits are kept, those asked for last; all of them go with their snapshot."""
    monkeypatch.setattr(remembered, "KEPT_HITS", 3 * remembered.AS_MANY_AS)
    kept, snapshot, empty = Answers(), snapshot_of(SHOP), answer_of()
    for key in ("a", "b", "c"):
        kept.keep(snapshot, key, empty)
    assert kept.get(snapshot, "a") is empty
    kept.keep(snapshot, "d", empty)
    assert [key for key in "abcd" if kept.get(snapshot, key)] == ["a", "c", "d"]
    assert kept.get(snapshot_of(SHOP), "a") is None


def answer_of() -> SearchAnswer:
    search = Retriever(lambda: snapshot_of(SHOP), lambda _: None, lambda: None)
    return search.search(SearchQuery("nothingatall", FULL_SCOPE))
