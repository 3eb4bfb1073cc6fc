"""Identifiers and prose as tokens: how names are split, what is kept whole, and what hostile texts cannot do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.model.assets import RESTRICTED, Column
from services.indexer.text.document import MAX_COLUMNS_IN_TEXT, document_of, text_hash
from services.indexer.text.tokens import MAX_TEXT_CHARS, MAX_TOKEN_CHARS, content_words, spaced, stem, tokens, words
from tests.support.feeds import asset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fct_ordLineItems", ["fct", "ord", "line", "item"]),
        ("HTMLPageCount", ["html", "page", "count"]),
        ("userIDs", ["user", "ids"]),
        ("DIM_CUST_ADDR", ["dim", "cust", "addr"]),
        ("orders_20240131", ["order", "20240131"]),
        ("x2y", ["x", "2", "y"]),
        ("shop.public.orders", ["shop", "public", "order"]),
        ("naïve café", ["naive", "cafe"]),
        ("ﬁle ＡＢＣ", ["file", "abc"]),
        ("заказы клиентов", ["заказы", "клиентов"]),
        ("売上明細", ["売上", "上明", "明細"]),
        ("売", ["売"]),
        ("顧客ID_番号2", ["顧客", "id", "番号", "2"]),
        ("___", []),
        ("?!", []),
        ("", []),
    ],
)
def test_words_of_a_text(text, expected):
    """Underscores, humps, digits and signs part words; scripts without spaces become pairs; forms are normalised."""
    assert words(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("queries", "query"),
        ("addresses", "addresse"),
        ("boxes", "boxe"),
        ("orders", "order"),
        ("status", "status"),
        ("class", "class"),
        ("gas", "gas"),
        ("shoes", "shoes"),
        ("order", "order"),
    ],
)
def test_plurals_become_singular(word, expected):
    """Harman's three rules and their exceptions; short words stay."""
    assert stem(word) == expected


def test_a_compound_is_also_kept_whole_in_every_convention():
    """Typed in any of its spellings, a compound name has one token in common with all others; a plain word adds none."""
    whole = {tokens(spelling)[-1] for spelling in ("order_items", "orderItems", "OrderItems", "ORDER_ITEMS", "Order__Items")}
    assert whole == {"orderitems"}
    assert tokens("orders") == ["order"]


def test_stop_words_are_not_indexed_but_are_asked_for_when_there_is_nothing_else():
    """A question of stop words alone still has words."""
    assert tokens("which tables hold the price of it") == ["price"]
    assert content_words("which tables hold the price of it") == ["price"]
    assert content_words("what is it") == ["what", "is", "it"]


def test_a_hostile_text_is_cut():
    """Neither a word of a megabyte nor a megabyte of words fills the vocabulary."""
    assert max(map(len, tokens("x" * 1_000_000))) == MAX_TOKEN_CHARS
    assert len(tokens("ab " * 1_000_000)) <= MAX_TEXT_CHARS


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error_and_always_the_same_way(text):
    """No token is empty, too long or has an upper-case letter of the Latin alphabet; reading twice gives the same."""
    found = tokens(text)
    assert found == tokens(text)
    assert all(token and len(token) <= MAX_TOKEN_CHARS for token in found)
    assert not any(letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for token in found for letter in token)


@given(st.lists(st.sampled_from(["order", "line", "price", "客户", "Ångström", "2024", "x"]), min_size=1, max_size=5))
def test_a_question_in_words_meets_a_name_in_any_convention(parts):
    """Each word of a spaced name is among the tokens of the name with underscores."""
    assert {word for part in parts for word in tokens(part)} <= set(tokens("_".join(parts))) | set(tokens(" ".join(parts)))
    assert spaced("_".join(parts)) == spaced(" ".join(parts))


def test_restricted_columns_stay_out_of_their_table_and_live_as_themselves():
    """Neither the words nor the embedded text of the table say anything of them; the column has its own."""
    hidden = Column("passport_no", description="travel document", tags=(RESTRICTED,))
    made = document_of(asset("shop.public.people", "name", hidden))
    assert "passport" not in {*made.name, *made.description, *made.column_words, *made.tag_words}
    assert "travel" not in made.column_words
    assert "passport" not in made.text
    assert made.column_tokens[1] == (("passport", "no", "passportno"), ("travel", "document"))
    assert made.column_texts[1] == "passport no: travel document"
    assert made.record.restricted == (False, True)


def test_the_text_of_a_table_has_its_name_description_and_first_columns():
    """What is embedded is bounded however wide the table is."""
    wide = document_of(asset("db.s.wideTable", *(f"col_{at}" for at in range(100)), description="d" * 5_000))
    assert wide.text.startswith("wide table. ddd")
    assert wide.text.count("col ") == MAX_COLUMNS_IN_TEXT
    assert len(wide.text) < 2_000
    assert len(wide.column_texts) == 100


def test_equal_columns_of_two_tables_have_one_hash_and_others_have_their_own():
    """A column's text has nothing of its table; a description makes another text."""
    one = document_of(asset("a.b.c", "customer_id", "x")).column_texts
    other = document_of(asset("d.e.f", "customerId", "x: is described")).column_texts
    assert text_hash(one[0]) == text_hash(other[0])
    assert text_hash(one[1]) != text_hash(other[1])
    assert len(text_hash("lone \ud800 surrogate")) == 16
