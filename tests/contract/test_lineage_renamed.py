"""What the lineage service does with tables that got another name, and with definitions that a source will not give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from services.common.model.assets import SQL_UNREADABLE
from services.common.model.changes import Change, ChangePage
from tests.support import lineages
from tests.support.lineages import BEGIN, Lineage, MemoryFeed, asset, id_of, shown

LATER = BEGIN + dt.timedelta(hours=1)
HIDDEN = {SQL_UNREADABLE: "needs SHOW VIEW on shop.s.v"}


@pytest.fixture(params=lineages.DATABASES)
def lineage(request, tmp_path) -> Iterator[Lineage]:
    yield from lineages.opened(request.param, request, tmp_path)


class RenamingFeed(MemoryFeed):
    """A feed in which `a` became `b`, or one table another."""

    def __init__(self, old: str = "shop.s.a", new: str = "shop.s.b") -> None:
        super().__init__()
        self.old, self.new = id_of(old), id_of(new)

    def after(self, seq, *, limit=500):
        page = super().after(seq, limit=limit)
        a, b = self.old, self.new
        changes = tuple(Change(c.seq, c.id, c.asset, b if c.id == a and c.asset is None else None) for c in page.changes)
        return ChangePage(changes, page.upto, page.head)


def test_the_past_of_a_renamed_table_is_found_under_its_new_name(lineage):
    """Its ended edges go with it, once; what definitions say now is read from them."""
    lineage.feed = RenamingFeed()
    lineage.follow(asset("shop.s.a"), asset("shop.s.v", "SELECT * FROM a"), asset("shop.s.old", "SELECT * FROM a"))
    lineage.now = LATER
    lineage.feed.remove(id_of("shop.s.a"))
    lineage.follow(asset("shop.s.b"), asset("shop.s.v", "SELECT * FROM b"), asset("shop.s.old", "SELECT 1"))
    assert lineage.intervals() == [
        ("b", "old", BEGIN, LATER),
        ("b", "v", BEGIN, LATER),
        ("b", "v", LATER, None),
    ]
    assert shown(lineage.walk("shop.s.b")) == ([("b", 0), ("v", 1)], {("b", "v")})


def test_a_view_whose_text_the_source_will_not_give_is_not_without_lineage(lineage):
    """The state says that nobody knows, with the reason: an empty answer would say that it reads nothing."""
    lineage.follow(asset("shop.s.a"), asset("shop.s.v", kind=lineages.Kind.VIEW, properties=HIDDEN))
    graph = lineage.walk("shop.s.v")
    assert (graph.state, graph.edges) == ("unparsed", ())
    assert "needs SHOW VIEW on shop.s.v" in (graph.problem or "")
    assert lineage.walker.status().unparsed == 1


def test_a_text_that_was_read_before_stays_in_force_until_it_can_be_read_again(lineage):
    """A lost right on the text does not end what is known of it; with the right back it is read anew."""
    lineage.follow(asset("shop.s.a"), asset("shop.s.v", "SELECT * FROM a"))
    lineage.now = LATER
    lineage.follow(asset("shop.s.v", kind=lineages.Kind.VIEW, properties=HIDDEN))
    graph = lineage.walk("shop.s.v")
    assert (graph.state, shown(graph)[1]) == ("unparsed", {("a", "v")})
    assert lineage.intervals() == [("a", "v", BEGIN, None)]
    lineage.follow(asset("shop.s.v", "SELECT * FROM a"))
    assert (lineage.walk("shop.s.v").state, lineage.intervals()) == ("complete", [("a", "v", BEGIN, None)])
    assert len(lineage.reader.asked) == 2
