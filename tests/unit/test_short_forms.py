"""Question words found in shortened names by their letters alone, and words with a typing mistake read as what was meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.assets import RESTRICTED, Column
from services.common.model.search import Correction, Filters
from services.common.model.vocabulary import Synonyms
from services.indexer.retrieve import abbreviated, counted
from services.indexer.retrieve.expansion import MAX_TERMS, understood
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.view import view_of
from services.indexer.text.segmenter import word_list
from services.indexer.text.short_forms import likelihood, shortens
from tests.support.feeds import asset
from tests.support.indexes import CountingEncoder, ask, retriever, snapshot_of

pytestmark = pytest.mark.skipif(word_list() is None, reason="the model's package, whose word list this is, is not installed")

SALES = [
    asset("tiny.sales.cust", "cust_id", "nm", "addr"),
    asset("tiny.sales.ord", "ord_id", "cust_id", "qty", "ord_dt"),
    asset("tiny.sales.rev_by_cust_mth", "cust_id", "mth", "rev"),
    asset("tiny.hr.sal", "emp_id", "dept"),
]


def view(scope=FULL_SCOPE):
    return view_of(snapshot_of(SALES), scope, Filters())


def read(text, scope=FULL_SCOPE, said=()):
    found = understood(view(scope), text, said)
    return {(one.words[0], term) for term, several in found.alternatives.items() for one in several if one.guess}


@pytest.mark.parametrize(
    ("short", "word"),
    [
        ("rev", "revenue"),
        ("cust", "customer"),
        ("mth", "monthly"),
        ("qty", "quantity"),
        ("dept", "department"),
        ("dt", "date"),
    ],
)
def test_a_word_is_shortened_to_its_beginning_or_its_consonants(short, word):
    """Endings that inflect it aside."""
    assert shortens(short, word)


@pytest.mark.parametrize(("short", "word"), [("msg", "missing"), ("re", "revenue"), ("ct", "contest"), ("nm", "number")])
def test_letters_that_are_merely_there_shorten_nothing(short, word):
    """Two letters that begin, too few consonants, the g of an ending."""
    assert not shortens(short, word)


def test_what_fits_fewer_words_is_likelier():
    """`cust` fits hardly anything else; `rev` fits review, reverse and revolution too."""
    assert likelihood("cust", "customer") > likelihood("mth", "month") > likelihood("rev", "revenue") > 0


def test_names_are_read_inside_the_scope_and_under_what_people_said():
    """A hidden table's short form is no guess; one that people gave a meaning has no other, a rejected meaning is none."""
    assert read("monthly revenue per customer") == {("mth", "monthly"), ("rev", "revenue"), ("cust", "customer")}
    assert ("dept", "department") in read("department")
    assert not read("department", AccessScope(("*",), (SALES[3].scope_path,)))
    assert not read("customer", said=(Synonyms("cust", ("custody",), ()),))
    assert not read("customer", said=(Synonyms("cust", (), ("customer",)),))


def test_the_question_and_its_misspelt_twin_have_one_answer():
    """The view that says all three words in short comes first, whichever way it is asked."""
    search = retriever(snapshot_of(SALES, encoder=CountingEncoder()), CountingEncoder())
    answers = [ask(search, text) for text in ("monthly revenue per customer", "montly revenu per custmer")]
    first = [[(hit.id, hit.score) for hit in answer.hits] for answer in answers]
    assert first[0] == first[1]
    assert first[0][0][0] == SALES[2].id
    texts = {reason.text for reason in answers[0].hits[0].why}
    assert any("mth read as monthly" in text for text in texts)


def test_a_word_that_was_read_as_another_is_told_to_who_sees_what_it_was_drawn_from():
    """Lower case, in the question's order; where only a hidden table says the word nothing is corrected, and nothing told."""
    search = retriever(snapshot_of([*SALES, asset("tiny.secret.zarquon", "id")]))
    told = ask(search, "Orders of a custmer by zarqon").corrections
    assert told == (Correction("custmer", "customer"), Correction("zarqon", "zarquon"))
    hidden = ask(search, "zarqon of a custmer", scope=AccessScope(("*",), ("*.secret",)))
    assert hidden.corrections == (Correction("custmer", "customer"),)
    assert ask(search, "orders").corrections == ()


def test_a_misspelt_plural_is_read_as_the_plural():
    assert understood(view(), "addresses of custmers").text == "addresses of customers"


def test_what_names_call_the_words_is_told_inside_the_scope():
    """So that the places can be marked; a hidden table's short form is none."""
    search = retriever(snapshot_of(SALES))
    assert set(ask(search, "quantity per customer").also_called) == {"qty", "cust"}
    assert ask(search, "department").also_called == ("dept",)
    assert ask(search, "department", scope=AccessScope(("*",), (SALES[3].scope_path,))).also_called == ()


def test_a_word_of_peoples_vocabulary_is_no_mistake():
    """Whether it is the term or what it is called."""
    for said in (Synonyms("custmer", ("payer",), ()), Synonyms("payer", ("custmer",), ())):
        assert understood(view(), "custmer", (said,)).text == "custmer"


def test_the_word_of_a_restricted_column_is_no_mistake():
    """Tables' words leave it out, and columns are found by it all the same."""
    restricted = Column("custmer_score", tags=(RESTRICTED,))
    tables = [asset("tiny.crm.customer", "customer_id"), asset("tiny.crm.ratings", restricted)]
    assert understood(view_of(snapshot_of(tables), FULL_SCOPE, Filters()), "custmer").text == "custmer"


def test_of_a_long_question_the_words_that_are_looked_up_have_short_forms():
    """The others cost nothing."""
    words = " ".join(f"customer{'x' * at}" for at in range(MAX_TERMS))
    assert ("rev", "revenue") in read(f"revenue {words}")
    assert ("rev", "revenue") not in read(f"{words} revenue")


def test_short_forms_of_a_word_are_looked_for_once_a_view(monkeypatch):
    """Questions share most of their words; what people said of them is heard each time."""
    seen, looked = view(), []
    look = abbreviated.short_forms
    monkeypatch.setattr(abbreviated, "short_forms", lambda *given: (looked.append(given[1]), look(*given))[1])
    first = understood(seen, "revenue").alternatives
    assert understood(seen, "revenue").alternatives == first
    assert not understood(seen, "revenue", (Synonyms("rev", ("reverse",), ()),)).alternatives
    assert looked == ["revenue"]


def test_a_word_counts_the_same_whether_few_or_many_tables_have_it(monkeypatch):
    """Arrays of those that have it or what it is also called, and arrays of all tables, give the same numbers."""
    asked = understood(view(), "monthly revenue per customer department")
    found = []
    for common in (0, 1_000_000):
        monkeypatch.setattr(counted, "FEW", common)
        found.append(match_tables(view(), asked.terms, asked.alternatives))
    few, many = found
    assert few.scores.any()
    assert few.scores.tobytes() == many.scores.tobytes()
    for one, other in zip(few.shared, many.shared, strict=True):
        every = np.arange(len(one.documents))
        assert one.documents.dtype == other.documents.dtype == np.int32
        assert np.array_equal(one.documents, other.documents)
        assert np.array_equal(one.counts(every), other.counts(every))


def test_what_a_word_counts_is_made_once_a_view_for_what_it_may_be_called(monkeypatch):
    """With all that it may also be called; with other alternatives, and in another view, it is made anew."""
    seen, made = view(), []
    make = counted._made
    monkeypatch.setattr(counted, "_made", lambda *given: (made.append(given[1]), make(*given))[1])
    asked = understood(seen, "revenue")
    first = match_tables(seen, asked.terms, asked.alternatives)
    again = match_tables(seen, asked.terms, asked.alternatives)
    assert first.scores.any()
    assert first.scores.tobytes() == again.scores.tobytes()
    assert made == ["revenue"]
    surer = {"revenue": [replace(one, weight=1.0) for one in asked.alternatives["revenue"]]}
    assert match_tables(seen, asked.terms, surer).scores.tobytes() != first.scores.tobytes()
    match_tables(view(), asked.terms, asked.alternatives)
    assert made == ["revenue"] * 3


def test_a_word_that_nothing_speaks_for_is_left_as_it_is():
    """Words of the list, names, and words whose correction the view does not say."""
    for text in ("monthly sender", "login of Custmer", "pricy tweet"):
        assert understood(view(), text).text == text
