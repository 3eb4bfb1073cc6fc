"""What people decide about words: stored, recorded, guarded by revisions, and seen only with its tables. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.catalog.search import find
from services.catalog.store import tables
from services.catalog.vocabulary import Entry, Vocabulary, fold
from services.common.errors import BadRequest, Forbidden, PreconditionFailed, PreconditionRequired
from services.common.model.access import FULL_SCOPE, NO_SCOPE, AccessScope
from services.common.model.names import AssetId
from services.common.model.search import Correction, Mode, SearchAnswer, SearchQuery
from services.common.model.vocabulary import Synonyms
from tests.support import catalogs
from tests.support.catalogs import Catalog, id_of, person, table


@pytest.fixture(params=catalogs.DATABASES)
def catalog(request, tmp_path) -> Iterator[Catalog]:
    yield from catalogs.opened(request.param, request, tmp_path)


@pytest.fixture
def vocabulary(catalog) -> Vocabulary:
    catalog.crawl(table("orders"), table("customers"))
    return Vocabulary(catalog.database, catalog.reader, clock=catalog.clock)


ARR = Entry("ARR", ("annual recurring revenue", "yearly revenue"), (), "Without setup fees.")


def test_a_term_is_said_changed_and_taken_away(catalog, vocabulary):
    """Each change has a new revision, and the record says who, when, and what stood before."""
    first = vocabulary.put(ARR, person(), if_match=None)
    assert (first.entry, first.revision, first.by) == (ARR, 1, person().name)
    again = vocabulary.put(ARR, person(), if_match=1)
    assert again.revision == 1
    changed = replace(ARR, rejected=("arrival",))
    assert vocabulary.put(changed, person(), if_match=1).revision == 2
    assert vocabulary.put(Entry("arr"), person(), if_match=2) is None
    assert vocabulary.page(FULL_SCOPE) == ((), None)
    assert vocabulary.said("arr by month", FULL_SCOPE) == ()
    record = catalog.rows(tables.vocabulary_audit)
    assert [
        (row["key"], row["before"] and row["before"]["rejected"], row["after"] and row["after"]["rejected"])
        for row in record
    ] == [
        ("arr", None, []),
        ("arr", [], ["arrival"]),
        ("arr", ["arrival"], None),
    ]
    assert vocabulary.put(ARR, person(), if_match=None).revision == 4


def test_a_write_says_what_it_changes(vocabulary):
    """A term that is there wants its revision, another revision is refused, a new term has none."""
    with pytest.raises(PreconditionFailed):
        vocabulary.put(ARR, person(), if_match=1)
    vocabulary.put(ARR, person(), if_match=None)
    with pytest.raises(PreconditionRequired):
        vocabulary.put(replace(ARR, definition="other"), person(), if_match=None)
    with pytest.raises(PreconditionFailed):
        vocabulary.put(replace(ARR, definition="other"), person(), if_match=2)
    assert vocabulary.get("arr", FULL_SCOPE).entry == ARR


def test_a_term_needs_words_and_tables_that_exist(vocabulary):
    """What cannot be meant is refused with its place."""
    with pytest.raises(BadRequest, match="needs a word"):
        vocabulary.put(Entry("?!", ("x",)), person(), if_match=None)
    with pytest.raises(BadRequest, match="there is no asset"):
        vocabulary.put(Entry("x", tables=(AssetId("dnothing"),)), person(), if_match=None)


@pytest.mark.parametrize("question", ["ARR", "the arr of a month", "Annual  recurring_revenue?", "two arrs", "ＡＲＲ"])
def test_a_question_with_a_name_of_a_term_gets_it(vocabulary, question):
    """In any spelling, in the plural, by each of its names."""
    vocabulary.put(ARR, person(), if_match=None)
    assert vocabulary.said(question, FULL_SCOPE) == (Synonyms("ARR", ARR.synonyms),)


@pytest.mark.parametrize("question", ["", "arrears", "annual revenue", "?", "x" * 10_000])
def test_another_question_gets_nothing(vocabulary, question):
    """Part of a name is not the name."""
    vocabulary.put(ARR, person(), if_match=None)
    assert vocabulary.said(question, FULL_SCOPE) == ()


def test_a_term_of_hidden_tables_is_not_there(vocabulary):
    """Not in the list, not in a question, not in what is decided; of several tables only the visible ones show."""
    both = Entry("slot", ("time window",), tables=(id_of("orders"), id_of("customers")))
    vocabulary.put(both, person(), if_match=None)
    vocabulary.put(Entry("vip", ("best customer",), tables=(id_of("customers"),)), person(), if_match=None)
    vocabulary.put(ARR, person(), if_match=None)
    some = AccessScope(("wh.shop.public.orders",))
    page, _ = vocabulary.page(some)
    assert [term.entry.term for term in page] == ["ARR", "slot"]
    assert [one.id for one in page[1].tables] == [id_of("orders")]
    assert vocabulary.said("vip slot", some) == (Synonyms("slot", ("time window",)),)
    assert list(vocabulary.decided(["vip", "slot"], some)) == ["slot"]
    assert vocabulary.get("vip", some) is None
    assert [term.entry.term for term in vocabulary.page(NO_SCOPE)[0]] == ["ARR"]


def test_who_sees_a_part_may_not_say_words_to_all(vocabulary):
    """Else a refusal would tell of a term that is hidden from its writer."""
    with pytest.raises(Forbidden):
        vocabulary.put(ARR, replace(person(), scope=AccessScope(("wh.*",))), if_match=None)


def test_a_list_goes_on_where_it_ended(vocabulary):
    """Each term once, in order, whatever the page's size."""
    names = sorted(f"term {at}" for at in range(7))
    for name in names:
        vocabulary.put(Entry(name, ("x",)), person(), if_match=None)
    seen, after = [], ""
    while after is not None:
        page, after = vocabulary.page(FULL_SCOPE, after=after, limit=3)
        seen += [fold(term.entry.term) for term in page]
    assert seen == names


class CorrectingIndex:
    """An index that reads `custmer` as `customer`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[SearchQuery] = []

    def search(self, query: SearchQuery) -> SearchAnswer:
        self.asked.append(query)
        read = (Correction("custmer", "customer"),) if "custmer" in query.text else ()
        return SearchAnswer(Mode.LEXICAL, (), 0.5, "1.1", 0, (), {}, None, 1.0, corrections=read)


def test_a_misspelt_word_has_what_people_said_of_the_word_that_was_meant(catalog, vocabulary):
    """The index is asked again only where something was said of it, inside the asker's scope."""
    index = CorrectingIndex()
    find(SearchQuery("custmer", FULL_SCOPE), index, catalog.reader, vocabulary)
    assert len(index.asked) == 1
    orders = id_of("orders")
    vocabulary.put(Entry("customer", ("payer",), (), None, (orders,)), person(), if_match=None)
    find(SearchQuery("a custmer", FULL_SCOPE), index, catalog.reader, vocabulary)
    assert [one.vocabulary for one in index.asked[1:]] == [(), (Synonyms("customer", ("payer",), ()),)]
    assert index.asked[-1].text == "a custmer"
    find(SearchQuery("custmer", NO_SCOPE), index, catalog.reader, vocabulary)
    assert [one.vocabulary for one in index.asked[3:]] == [()]
