"""Names of a basket: an ambiguous one stands for all tables that it fits, and the answer says which those are."""

from __future__ import annotations

from services.catalog.related import related_to
from services.common.model.access import FULL_SCOPE
from services.common.model.related import RelatedAnswer
from tests.support.feeds import asset

EAST, WEST, LINES = asset("shop.east.orders", "id"), asset("shop.west.orders", "id"), asset("shop.west.lines", "id")


class Reader:
    """Tables by the last part of their names."""

    def by_name(self, text, _scope):
        return tuple(one for one in (EAST, WEST, LINES) if f".{one.name.qualified}".endswith(f".{text}"))

    def headings(self, ids, _scope):
        return {one.id: one for one in (EAST, WEST, LINES) if one.id in ids}


class Nothing:
    """Recommends nothing, and keeps what it was asked."""

    def related(self, query):
        self.asked = query
        return RelatedAnswer((), query.names)


def taken(*texts):
    recommendations = Nothing()
    whole = related_to(texts, 10, FULL_SCOPE, recommendations, Reader())
    return recommendations.asked.assets, whole.unknown, [(start.asset, start.why) for start in whole.basket]


def test_a_name_that_fits_several_tables_stands_for_all_of_them_and_says_so():
    why = "one of 2 that orders may stand for"
    assert taken("orders") == ((EAST.id, WEST.id), (), [(EAST.id, why), (WEST.id, why)])


def test_a_short_name_says_what_it_was_taken_for_and_a_full_one_or_an_id_does_not():
    assert taken("lines")[2] == [(LINES.id, "lines stands for it")]
    assert taken("shop.west.lines", EAST.id) == ((LINES.id, EAST.id), (), [])


def test_a_mistyped_name_is_unknown():
    assert taken("ordres", "lines") == ((LINES.id,), ("ordres",), [(LINES.id, "lines stands for it")])
