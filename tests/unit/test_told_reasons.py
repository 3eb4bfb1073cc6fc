"""What the reasons of a hit say: what matched, in the question's own words, and never that a distant text is near."""

from __future__ import annotations

import numpy as np
import pytest

from services.indexer.retrieve.features import FEATURES
from services.indexer.retrieve.rank import Told, reasons
from tests.support.feeds import asset
from tests.support.indexes import CountingEncoder, ask, retriever, snapshot_of


def told(feature: str, value: float, what: Told) -> str:
    contributions = np.zeros(len(FEATURES))
    contributions[FEATURES.index(feature)] = value
    (reason,) = reasons(contributions, what)
    return reason.text


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (Told(meant=("takings", "shopper")), "its text is close in meaning to takings, shopper"),
        (Told(near=("net_amt",)), "its text is close in meaning: column net_amt"),
        (Told(meant=("takings",), near=("a", "b", "c", "d")), "its text is close in meaning to takings: columns a, b, c"),
        (Told(), "its text is close in meaning"),
    ],
)
def test_meaning_says_what_is_near(what, text):
    """Words of the question, columns, or both; as many as fit."""
    assert told("meaning", 0.4, what) == text


def test_a_text_that_is_far_is_not_called_near():
    assert told("meaning", -0.1, Told(near=("a",))) == "its text is far in meaning"


def test_words_are_told_as_they_were_typed():
    """Not as they are looked up: `searches` is no `searche`."""
    encoder = CountingEncoder()
    items = [asset("shop.web.search_log", "query", description="All searches of visitors"), asset("shop.web.t", "x")]
    answer = ask(retriever(snapshot_of(items, encoder=encoder), encoder), "searches of visitors")
    texts = [reason.text for reason in answer.hits[0].why if reason.feature == "words"]
    assert texts == ["has the words searches, visitors"]


def test_meaning_names_words_that_the_table_says_otherwise():
    """Those that its name or a column says by its vector, before words that it has itself."""
    encoder = CountingEncoder()
    items = [asset("shop.web.visit", "visitor_id", "seen_at"), asset("shop.hr.pay", "amount")]
    answer = ask(retriever(snapshot_of(items, encoder=encoder), encoder), "visit of a visitors")
    assert any(reason.text.startswith("its text is close in meaning to ") for reason in answer.hits[0].why)
