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
        (Told(weak=frozenset({"meaning"})), "its text is a little like the question in meaning"),
        (Told(meant=("takings",), weak=frozenset({"meaning"})), "its text is close in meaning to takings"),
    ],
)
def test_meaning_says_what_is_near(what, text):
    """Words of the question, columns, or both; as many as fit."""
    assert told("meaning", 0.4, what) == text


def test_a_text_that_is_far_is_not_called_near():
    assert told("meaning", -0.1, Told(near=("a",))) == "its text is far in meaning"


@pytest.mark.parametrize("feature", ["said", "together", "covered"])
def test_a_part_is_not_told_as_the_whole(feature):
    """What covers little of a question adds little, and is not said to cover it."""
    assert " a part of " in told(feature, 0.1, Told(weak=frozenset({feature}))).replace("some of", "a part of")
    assert " a part of " not in told(feature, 0.4, Told())


def test_words_that_no_table_has_are_told_to_be_near_nothing():
    """The hits are the nearest there are, which is said as it is; the control is a question that the tables answer."""
    encoder = CountingEncoder()
    items = [asset("shop.web.search_log", "query", "visitor"), asset("shop.hr.pay", "amount")]
    found = retriever(snapshot_of(items, encoder=encoder), encoder)
    told_of = {
        words: {one.text for hit in ask(found, words).hits for one in hit.why} for words in ("xyzzy florp", "visitor query")
    }
    assert not any(text.startswith("its text is close in meaning") for text in told_of["xyzzy florp"])
    assert "its text is close in meaning" in " ".join(told_of["visitor query"])


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
