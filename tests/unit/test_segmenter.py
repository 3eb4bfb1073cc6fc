"""Glued names: where their words begin, which words stay whole, and that a table's own words decide."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.model.assets import RESTRICTED
from services.indexer.text import tokens as tokens_module
from services.indexer.text.document import document_of
from services.indexer.text.segmenter import Segmenter, segmenter, word_list
from services.indexer.text.tokens import spaced, tokens
from tests.support.feeds import asset

pytestmark = pytest.mark.skipif(word_list() is None, reason="the model's package, whose word list this is, is not installed")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HASLEGALNAME", "has legal name"),
        ("custordamt", "cust ord amt"),
        ("orderlineitems", "order line items"),
        ("SHIPPINGADDRESSCITY", "shipping address city"),
        ("dateofbirth", "date of birth"),
        ("unpaidinvoicesbycustomer", "unpaid invoices by customer"),
        ("isactiveuser", "is active user"),
        ("productwarrantyclaims_2024", "product warranty claims 2024"),
    ],
)
def test_a_glued_name_is_read_as_its_words(name, expected):
    """Also in capitals, with function words, and with pieces such as `cust` that prose does not have."""
    assert spaced(name) == expected


@pytest.mark.parametrize(
    "word",
    [
        *(
            "customer",
            "warehouse",
            "database",
            "timestamp",
            "invoice",
            "identifier",
            "liabilities",
            "metadata",
            "receivables",
        ),
        *("Kundennummer", "Rechnungsbetrag", "Lieferadresse", "Mitarbeiter", "Datenbank", "Bestellungen"),
        *("utilisateur", "fournisseur", "commande", "anniversaire"),
        *("workflow", "keyword", "workspace"),  # glued, but so common that the model knows them: embedded as they are
        *("xqzvbnmk", "aaaaaaaaaa", "molregno"),
    ],
)
def test_an_ordinary_word_is_embedded_as_it_is(word):
    """Known words and what is derived from them, words of other languages, and letters that are no words."""
    assert spaced(word) == word.lower()


def test_a_glued_word_is_indexed_whole_and_by_its_words():
    """Each part as any other word: stemmed, and without stop words."""
    assert tokens("HASLEGALNAMES") == ["haslegalname", "legal", "name"]
    assert tokens("orderlineitems_bak") == ["orderlineitem", "order", "line", "item", "bak", "orderlineitemsbak"]


def test_the_words_of_its_own_table_say_where_a_name_breaks():
    """`zebcode` means nothing in English; a table that writes `zeb_code` elsewhere, or says so in its description, decides."""
    alone = document_of(asset("shop.public.parcels", "zebfrimlock"))
    broken = document_of(asset("shop.public.parcels", "zebfrimlock", "frim_id", "zeb_no"))
    described = document_of(asset("shop.public.parcels", "zebfrimlock", description="The zeb and the frim of a parcel."))
    assert alone.column_texts[0] == "zebfrimlock"
    assert broken.column_texts[0] == described.column_texts[0] == "zeb frim lock"
    assert broken.column_tokens[0][0] == ("zebfrimlock", "zeb", "frim", "lock")


def test_a_restricted_column_is_no_evidence():
    """What only some may see must not show in how the others' names are read."""
    made = asset("shop.public.parcels", "zebfrimlock", "frim_id", "zeb_no")
    hidden = tuple(replace(column, tags=(RESTRICTED,)) if "_" in column.name else column for column in made.columns)
    assert document_of(replace(made, columns=hidden)).column_texts[0] == "zebfrimlock"


@given(
    st.text(st.sampled_from("abcdefghijklmnoprstuy"), min_size=1, max_size=200), st.frozensets(st.text("abcs", max_size=5))
)
def test_the_parts_are_the_word_again(word, nearby):
    """Nothing is added or lost, and the same word gives the same parts."""
    found = segmenter()
    assert "".join(found.parts(word, nearby)) == word
    assert found.parts(word, nearby) == found.parts(word, frozenset(nearby))


def test_names_that_were_glued_come_apart_again():
    """Names of common words, glued: at least nine of ten get exactly their words back."""
    names = [
        *(
            "customer order total amount",
            "employee first name",
            "shipping cost per unit",
            "last login date",
            "product price",
        ),
        *("number of children", "average delivery time", "parent account id", "total tax amount", "is deleted"),
        *("flight departure airport", "patient blood pressure", "student course grade", "monthly active users"),
        *("store opening hours", "warehouse stock level", "payment method type", "city population", "movie release year"),
        *("song duration seconds", "hotel room rate", "contract end date", "credit card number", "team captain name"),
    ]
    exact = [spaced(name.replace(" ", "")) == name for name in names]
    assert sum(exact) >= 0.9 * len(names), [name for name, right in zip(names, exact, strict=True) if not right]


def test_without_the_word_list_names_stay_whole(monkeypatch):
    """The package is not installed: there is no segmentation, and nothing else changes."""
    for cached in (tokens_module.spaced, tokens_module._glued, tokens_module._indexed):
        cached.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(tokens_module, "segmenter", lambda: None)
        assert spaced("HASLEGALNAME") == "haslegalname"
        assert tokens("HASLEGALNAME") == ["haslegalname"]
        assert document_of(asset("shop.public.haslegalname", "custordamt")).text == "haslegalname. custordamt"
    for cached in (tokens_module.spaced, tokens_module._glued, tokens_module._indexed):
        cached.cache_clear()


def test_another_word_list_is_another_fingerprint():
    """A generation says which list its names were split with."""
    assert Segmenter(["the", "of"]).fingerprint != Segmenter(["of", "the"]).fingerprint
    assert word_list() == segmenter().fingerprint


@given(st.text("abcdesty", min_size=1, max_size=60))
def test_the_number_of_pieces_is_that_of_the_longest_pieces_from_the_left(word):
    """Looking no further than the longest piece of the vocabulary changes nothing."""
    own = Segmenter(["ab", "abc", "b", "##c", "##cd", "##days", "##te", "##st", "best", "a"])
    rest, n = word, 0
    while rest:
        mark = "##" if len(rest) < len(word) else ""
        end = next((e for e in range(len(rest), 0, -1) if mark + rest[:e] in own._starts), 1)
        rest, n = rest[end:], n + 1
    assert own.pieces(word) == n
