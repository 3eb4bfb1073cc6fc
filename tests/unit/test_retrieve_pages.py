"""Answers in pages: browsing in order of names, and cursors that stay with what the first page was read from."""

from __future__ import annotations

import pytest

from services.common.errors import BadRequest
from services.common.model.access import AccessScope
from services.common.model.assets import RESTRICTED, Column, Kind
from services.common.runtime.cursors import cursor_of, values_of
from services.indexer.retrieve.answer import Retriever
from services.indexer.retrieve.candidates import DEPTH, USUAL
from services.indexer.text.document import document_of, text_hash
from tests.support.feeds import asset, shop
from tests.support.indexes import CountingEncoder, ask, lookup_for, retriever, snapshot_of

ENCODER = CountingEncoder()
SHOP = shop()
HIDDEN = Column("passport_no", description="travel document", tags=(RESTRICTED,))


def hybrid(items=SHOP) -> Retriever:
    return retriever(snapshot_of(items[:4], items[4:], encoder=ENCODER), ENCODER)


def names(answer, items=SHOP) -> list[str]:
    """The qualified names of the hits; a column with its table's."""
    by_id = {one.id: one.name.qualified for one in items}
    return [by_id[h.asset] + (f".{h.columns[0]}" if h.kind is Kind.COLUMN else "") for h in answer.hits]


def test_pages_follow_each_other_and_end():
    """Every hit once, in one order, whatever the size of the pages; the last page has no cursor."""
    search = hybrid()
    for text, filters in (("order", {}), ("", {"database": ("shop",)})):
        whole = ask(search, text, limit=100, **filters)
        assert whole.cursor is None
        seen, cursor = [], None
        while True:
            page = ask(search, text, limit=2, cursor=cursor, **filters)
            seen += page.hits
            cursor = page.cursor
            if cursor is None:
                break
        assert tuple(seen) == whole.hits


def test_browsing_is_in_order_of_names_and_lists_columns_when_asked():
    """No words: tables by qualified name; `kind=column` gives columns, restricted ones too, in their table's order."""
    items = [*SHOP, asset("shop.mart.A", "z", HIDDEN)]
    search = retriever(snapshot_of(items[3:], items[:3]))
    answer = ask(search, "", limit=50)
    assert names(answer, items) == sorted((one.name.qualified for one in items), key=str.lower)
    assert {hit.score for hit in answer.hits} == {0.0}
    columns = ask(search, "", Kind.COLUMN, limit=50, schema=("mart",))
    assert names(columns, items)[:4] == [
        "shop.mart.A.z", "shop.mart.A.passport_no", "shop.mart.daily_revenue.day", "shop.mart.daily_revenue.revenue",
    ]  # fmt: skip
    assert columns.total == 6
    assert columns.facets["kind"] == {"column": 6}
    both = ask(search, "", Kind.COLUMN, Kind.VIEW, limit=50, schema=("mart",))
    assert names(both, items)[:3] == ["shop.mart.A.z", "shop.mart.A.passport_no", "shop.mart.daily_revenue"]
    assert both.total == 8


def test_a_cursor_goes_on_in_the_snapshot_that_it_came_from():
    """Tables that come or go between two pages neither repeat nor swallow a hit; new questions see them at once."""
    before = snapshot_of(SHOP, seq=1)
    after = snapshot_of([asset("shop.a.first"), *SHOP[2:]], seq=2)
    current = [before]
    search = Retriever(lambda: current[0], lambda _: None, lambda: None)
    whole = names(ask(search, "", limit=50, database=("shop",)))
    first = ask(search, "", limit=3, database=("shop",))
    current[0] = after
    assert ask(search, "", database=("shop",)).generation == "1.2"
    second = ask(search, "", limit=50, cursor=first.cursor, database=("shop",))
    assert second.generation == first.generation == "1.1"
    assert names(first) + names(second) == whole
    assert ask(search, "", limit=50, database=("shop",)).total == len(SHOP) - 1


def test_a_cursor_goes_on_when_vectors_came_in_between():
    """Vectors change the order although nothing was written: the second page is of the first one's order."""
    documents = [document_of(one) for one in SHOP]
    vectors = lookup_for(documents, ENCODER)
    late = {text_hash(one.text) for one in documents[::2]}
    half = snapshot_of(SHOP, encoder=ENCODER, lookup=lambda hs: {h: v for h, v in vectors(hs).items() if h not in late})
    current = [half]
    search = Retriever(lambda: current[0], lambda _: ENCODER, lambda: None)
    whole = ask(search, "order of a customer", limit=50)
    first = ask(search, "order of a customer", limit=2)
    current[0] = snapshot_of(SHOP, encoder=ENCODER)
    assert current[0].label == half.label
    assert "vectors_pending" not in ask(search, "order of a customer").degraded
    second = ask(search, "order of a customer", limit=50, cursor=first.cursor)
    assert (*first.hits, *second.hits) == whole.hits


def test_a_cursor_goes_on_when_other_tables_are_used_in_between():
    """Use changes the order although nothing was indexed: the second page is of the first one's order, and a new question is not."""
    same = [asset(f"shop.{one}.orders", "order_id") for one in ("east", "north", "south", "west")]
    snapshot, used = snapshot_of(same, encoder=ENCODER), [{same[0].id: 0.9}]
    search = Retriever(lambda: snapshot, lambda _: ENCODER, lambda: None, popular=lambda _scope: used[0])
    whole = ask(search, "order of a customer", limit=50)
    first = ask(search, "order of a customer", limit=2)
    used[0] = {same[2].id: 0.9}
    assert [hit.asset for hit in ask(search, "order of a customer", limit=50).hits] != [hit.asset for hit in whole.hits]
    second = ask(search, "order of a customer", limit=1, cursor=first.cursor)
    third = ask(search, "order of a customer", limit=50, cursor=second.cursor)
    assert (*first.hits, *second.hits, *third.hits) == whole.hits


def test_pages_are_of_as_many_candidates_as_the_first_one():
    """However many hits each asks for, none comes twice or is left out; a cursor of a version that told no depth goes on with its own."""
    search = retriever(snapshot_of([asset(f"shop.a.orders_{at:03}", "order_id") for at in range(150)]))
    for at_first, then, depth in ((10, 200, USUAL), (130, 10, DEPTH)):
        whole = ask(search, "orders", limit=USUAL if depth == USUAL else DEPTH).hits
        page = ask(search, "orders", limit=at_first)
        seen = list(page.hits)
        while page.cursor is not None:
            page = ask(search, "orders", limit=then, cursor=page.cursor)
            seen += page.hits
        assert tuple(seen) == whole
        assert len(whole) == min(depth, 150)
    state, offset, digest = values_of(ask(search, "orders", limit=10).cursor, str, int, str)
    older = cursor_of(state.rpartition("~")[0], offset, digest)
    assert len(ask(search, "orders", limit=USUAL, cursor=older).hits) == USUAL


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!", "bm90IGpzb24", "WzEsMl0", "eyJhIjoxfQ", "WyIxLjEiLCAtMSwgIngiXQ", "é" * 9]
)
def test_a_cursor_that_no_answer_gave_is_refused(cursor):
    """Whatever it decodes to."""
    with pytest.raises(BadRequest):
        ask(hybrid(), "order", cursor=cursor)


def test_a_cursor_of_another_question_filter_or_caller_is_refused():
    """It goes on with its own question only; the size of the page may change."""
    search = hybrid()
    cursor = ask(search, "order", limit=1).cursor
    assert ask(search, "order", limit=3, cursor=cursor).hits
    for text, more in (("orders", {}), ("order", {"schema": ("mart",)}), ("order", {"scope": AccessScope(("*",), ("x",))})):
        with pytest.raises(BadRequest, match="another question"):
            ask(search, text, cursor=cursor, **more)
