"""Places to mark in a hit: what the question says in its name, description and columns, in code points, as it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalog.highlights import MAX_PLACES, highlights, question_words
from services.common.model.assets import RESTRICTED, Column
from tests.support.feeds import asset

SHOP = asset(
    "shop.sales.fct_OrderLine",
    Column("order_id"),
    Column("customerNames", description="the names of customers"),
    Column("secret_orders", tags=(RESTRICTED,)),
    description="🛒 Lines of each ORDER, by day. Orders of companies (注文明細).",
)


def marked(question, column=None, one=SHOP) -> list[tuple[str, str]]:
    """Field and marked text of each place."""
    shown = column or one
    texts = {"name": column.name if column else one.table, "description": shown.description}
    return [
        (h.field, (h.text or texts[h.field])[h.start : h.end]) for h in highlights(question_words(question), one, column)
    ]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("orders", [("name", "Order"), ("description", "ORDER"), ("description", "Orders"), ("columns", "order")]),
        ("which line of the day?", [("name", "Line"), ("description", "Lines"), ("description", "day")]),
        ("company", [("description", "companies")]),
        ("customer name", [("columns", "customerNames")]),
        ("fct ord", [("name", "fct"), ("name", "Ord"), ("columns", "ord")]),
        ("明細", [("description", "明細")]),
        ("注文明細", [("description", "注文明細")]),
        ("shop.sales.fct_OrderLine", [("name", "fct"), ("name", "OrderLine"), ("description", "Lines"), ("description", "ORDER"),
                                      ("description", "Orders"), ("columns", "order")]),
        ("secret", []),
        ("the of each by", []),
        ("", []),
        ("nothing here", []),
    ],
)  # fmt: skip
def test_what_the_question_says_is_marked(question, expected):
    """Whole words in any number and case, beginnings in names, other scripts; no sentence words, no restricted column."""
    assert marked(question) == expected


def test_what_a_word_was_read_as_is_marked():
    """A short form where it stands alone and not inside of a word, and the word that was meant by a mistake."""
    one = asset("a.b.qty_ord_items", "qty", "qtyfoo", "custmers")
    found = highlights(question_words("quantity of custmers", ("qty", "customer")), one, None)
    assert [(h.field, h.text, h.start, h.end) for h in found] == [
        ("name", None, 0, 3),
        ("columns", "qty", 0, 3),
        ("columns", "custmers", 0, 8),
    ]


def test_a_column_is_marked_as_itself():
    """Its own name and description, restricted or not; nothing of its table."""
    assert marked("customer", SHOP.columns[1]) == [("name", "customer"), ("description", "customers")]
    assert marked("secret", SHOP.columns[2]) == [("name", "secret")]


def test_words_of_a_glued_name_are_marked():
    one = asset("fin.s.HASLEGALNAME", "custordamt")
    assert marked("legal name", one=one) == [("name", "LEGALNAME")]
    assert marked("amt", one=one) == []


def test_places_are_bounded():
    one = asset("a.b.c", description="order " * 600)
    assert len(marked("order", one=one)) == MAX_PLACES


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.text(max_size=60), st.text(min_size=1, max_size=20))
def test_places_are_in_order_and_inside_of_what_is_shown(question, description, name):
    """For any text of any script: they never overlap and never reach beyond."""
    one = asset("a.b.c", Column(name), description=description)
    last: dict[tuple[str, str | None], int] = {}
    for place in highlights(question_words(question), one, None):
        text = {"name": one.table, "description": description, "columns": name}[place.field]
        assert last.get((place.field, place.text), -1) < place.start < place.end <= len(text)
        last[place.field, place.text] = place.end
