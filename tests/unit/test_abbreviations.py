"""What tables say about abbreviations, what a view makes of it, and what a question's words are then called besides."""

from __future__ import annotations

import random

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column
from services.common.model.search import Filters, SearchQuery
from services.common.model.vocabulary import Synonyms
from services.indexer.retrieve.counted import Alternative
from services.indexer.retrieve.expansion import understood
from services.indexer.retrieve.learned import CONFIDENT, learned
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.view import view_of
from services.indexer.text.abbreviations import abbreviates, evidence_terms
from tests.support.feeds import asset
from tests.support.indexes import retriever, snapshot_of

PARCELS = [
    asset("wh.a.sales", "cust_id: identifier of the customer", "net: euros", "paid: whether it was"),
    asset("wh.a.visits", "cust_no: number of the customer who came", "day: when", "shop: where"),
    asset("wh.a.claims", "cust_ref: which customer complains", "reason: free text", "open: whether it is"),
    asset("wh.a.returns", "cust_key: points at a customer", "piece: what came back", "sent: when"),
    asset("wh.b.mail", "cust_mail: address of a customer", "sent: when"),
    asset("wh.b.weather", "day: when", "rain: litres", "wind: metres a second"),
]


def view(*items, scope=FULL_SCOPE):
    return view_of(snapshot_of(list(items)), scope, Filters())


@pytest.mark.parametrize(
    ("short", "word"),
    [("cust", "customer"), ("amt", "amount"), ("qty", "quantity"), ("dt", "date"), ("hrs", "hour"), ("dept", "department")],
)
def test_a_short_form_of_a_word(short, word):
    """A beginning and consonants of it; the short form may be plural."""
    assert abbreviates(short, word)


@pytest.mark.parametrize(
    ("short", "word"),
    [
        ("tap", "tapped"),
        ("pin", "pinning"),
        ("cust", "custs"),
        ("api", "anthropic"),
        ("tt", "timestamp"),
        ("fa", "filename"),
    ],
)
def test_no_short_form_of_a_word(short, word):
    """One word inflected, vowels from anywhere, two letters that fit everything."""
    assert not abbreviates(short, word)


def test_a_view_teaches_what_its_descriptions_say():
    """Words and initials, each text once; what is said of one meaning beside all texts is its confidence."""
    more = [
        asset(f"wh.a.t{at}", f"mrr_{word}: monthly recurring revenue of {word}") for at, word in enumerate(("now", "then"))
    ]
    found = learned(view(*PARCELS, *more))
    assert {one.short: (one.meaning, one.texts) for one in found.values()} == {
        "cust": ("customer", 5),
        "mrr": ("monthly recurring revenue", 2),
    }
    assert all(CONFIDENT <= one.confidence < 1 for one in found.values())
    copies = [asset(f"wh.c.copy{at}", "cust_id: identifier of the customer") for at in range(50)]
    assert learned(view(*copies)) == {}


def test_shuffled_descriptions_teach_nothing():
    """The control: the same names with each other's descriptions."""
    words = [
        "customer",
        "amount",
        "address",
        "quantity",
        "delivery",
        "supplier",
        "department",
        "invoice",
        "warehouse",
        "carrier",
    ]
    shorts = ["cust", "amt", "addr", "qty", "dlv", "suppl", "dept", "invc", "whse", "carr"]
    names = [
        (f"{short}_{at}", f"the {word} number {at} of a parcel")
        for short, word in zip(shorts, words, strict=True)
        for at in "abcd"
    ]
    straight = [asset(f"wh.a.t{at}", f"{name}: {text}") for at, (name, text) in enumerate(names)]
    texts = [text for _, text in names]
    random.Random(1).shuffle(texts)
    mixed = [asset(f"wh.a.t{at}", f"{name}: {text}") for at, ((name, _), text) in enumerate(zip(names, texts, strict=True))]
    assert len(learned(view(*straight))) >= 8
    assert learned(view(*mixed)) == {}


def test_what_is_hidden_teaches_nothing():
    """A scoped reader learns what a catalog without the hidden tables would teach; restricted columns teach nobody."""
    some = AccessScope(("wh.wh.a",))
    assert learned(view(*PARCELS, scope=some)) == learned(view(*PARCELS[:4]))
    assert learned(view(*PARCELS, scope=some)) != learned(view(*PARCELS))
    hidden = Column("cust_id", description="identifier of the customer", tags=(RESTRICTED,))
    assert evidence_terms(asset("wh.a.sales", hidden)) == ()
    proposals = retriever(snapshot_of(PARCELS)).vocabulary(some)
    assert [(one.term, one.meaning, one.evidence) for one in proposals] == [("cust", "customer", 4)]


def test_a_question_is_understood_both_ways():
    """A meaning for a short form and a short form for its meaning, with the reason in words."""
    seen = view(*PARCELS)
    one = understood(seen, "cust by day")
    assert [(a.words, a.why) for a in one.alternatives["cust"]] == [
        (("customer",), "cust means customer (learned from 5 descriptions)")
    ]
    assert one.text == "cust by day"
    assert [a.words for a in understood(seen, "customers by day").alternatives["customer"]] == [("cust",)]
    assert understood(seen, "customers by day").text == "customers by day"
    assert understood(seen, "rain").alternatives == {}


def test_what_people_said_counts_and_what_they_rejected_does_not():
    """An accepted meaning is no guess any more; a rejected one is not used although descriptions say so."""
    seen = view(*PARCELS)
    rejected = understood(seen, "cust by day", [Synonyms("cust", (), ("customer",))])
    assert (rejected.alternatives, rejected.text) == ({}, "cust by day")
    said = understood(seen, "arr by day", [Synonyms("ARR", ("annual recurring revenue",))])
    assert [(a.words, a.weight) for a in said.alternatives["arr"]] == [(("annual", "recurring", "revenue"), 0.9)]
    assert said.spelled_out == "arr (annual recurring revenue) by day"


def test_a_word_and_its_alternatives_count_once():
    """The best of them: a document with all of them scores as one with the word, and one with an alternative scores less."""
    items = [
        asset("wh.a.whole", description="the customer of it"),
        asset("wh.a.short", description="the cust of it"),
        asset("wh.a.every", description="the customer cust of it"),
        asset("wh.a.other", description="the rain of it"),
    ]
    also = {"customer": (Alternative(("cust",), 0.8, "why"), Alternative(("client",), 0.8, "other"))}
    whole, short, every, other = match_tables(view(*items), ["customer"], also).scores.tolist()
    assert other == 0
    assert 0 < short <= 0.8 * whole
    alone = match_tables(view(*items), ["customer"]).scores.tolist()
    assert (whole, every) == (pytest.approx(alone[0]), pytest.approx(alone[2]))


def test_an_answer_says_why():
    """The reason names the meaning and how it was learned."""
    answer = retriever(snapshot_of([*PARCELS, asset("wh.a.cust", "x", "y")])).search(SearchQuery("customer", FULL_SCOPE))
    told = {hit.id: " ".join(reason.text for reason in hit.why) for hit in answer.hits}
    assert any("cust means customer (learned from 5 descriptions)" in text for text in told.values())


def test_a_glued_word_of_a_question_is_looked_up_whole_and_by_its_words():
    """Once: its words are what else it may be called."""
    asked = understood(view(*PARCELS), "haslegalname")
    assert asked.terms == ("haslegalname",)
    assert [a.words for a in asked.alternatives["haslegalname"]] == [("legal", "name")]
