"""What a crawl's silence means, rule by rule: nothing that exists may be taken for gone."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from services.catalog.absence import LOST, MOVING, REBUILDING, Absent, Appeared, ContainerState, Crawled, Verdict, judge
from services.common.model.names import AssetId

BEFORE = dt.datetime(2031, 5, 1, tzinfo=dt.UTC)
NOW = BEFORE + dt.timedelta(days=1)
SHOP = json.dumps(["mysql://db:3306", "shop"])
SERVER = json.dumps(["mysql://db:3306"])
READ = ContainerState(complete=True)


def _absent(name: str = "t", *, grants: set[str] | None = None, read: bool = True, object_id: str | None = None, **more):
    before = ContainerState(read, None if grants is None else frozenset(grants))
    return Absent(AssetId(name), SHOP, more.pop("schema", name), BEFORE, object_id, more.pop("before", before))


def _new(name: str, *, object_id: str | None = None, schema: str | None = None, at: dt.datetime = NOW, columns: int = 3):
    return Appeared(AssetId(name), at, object_id, schema or name, columns)


def _judged(*absent: Absent, appeared=(), now: ContainerState | None = READ, whole=True, total=100, share=0.5, lists=None):
    containers = {} if now is None else {SHOP: now}
    listings = {} if lists is None else {SERVER: lists}
    return judge(absent, appeared, Crawled(containers, listings, whole), total=total, hold_share=share)


def test_absent_from_a_container_that_was_read_completely_is_gone():
    assert _judged(_absent()).gone == ["t"]


def test_absent_from_a_container_that_was_not_is_unseen_with_the_reason():
    verdict = _judged(_absent(), now=ContainerState(complete=False, failure="schema hr: locked"))
    assert (verdict.gone, verdict.unseen) == ([], {"t": "schema hr: locked"})


def test_a_container_that_nobody_came_to_says_nothing():
    """Neither gone nor marked: the crawl was cut off before, or another database was read."""
    assert _judged(_absent(), now=None) == Verdict()


def test_a_container_that_the_whole_list_does_not_name_is_gone():
    assert _judged(_absent(), now=None, lists=READ).gone == ["t"]
    assert _judged(_absent(), now=None, lists=ContainerState(complete=False)) == Verdict()


@pytest.mark.parametrize(
    ("before", "now", "gone"),
    [
        ({"SELECT shop"}, {"SELECT shop"}, True),
        ({"SELECT shop"}, {"SELECT shop", "SELECT hr"}, True),
        ({"SELECT shop", "SELECT hr"}, {"SELECT shop"}, False),
        ({"SELECT shop"}, set(), False),
        (set(), set(), True),
    ],
)
def test_a_lost_right_is_not_a_drop(before, now, gone):
    """Gone only where the role may do all that it could when it last saw the table; more rights hide nothing."""
    verdict = _judged(_absent(grants=before), now=ContainerState(complete=True, grants=frozenset(now)))
    assert (verdict.gone, verdict.unseen) == ((["t"], {}) if gone else ([], {"t": LOST}))


def test_rights_that_were_never_read_to_the_end_prove_nothing():
    """The crawl that saw the table last was killed before it knew its rights, or is not known at all."""
    rights = ContainerState(complete=True, grants=frozenset({"SELECT shop"}))
    assert _judged(_absent(grants=None, read=False), now=rights).unseen == {"t": LOST}
    assert _judged(_absent(before=None), now=rights).unseen == {"t": LOST}
    assert _judged(_absent(before=None), now=READ).gone == ["t"]


def test_a_list_that_says_nothing_of_rights_does_not_overrule_them():
    """A database that the role no longer sees is not in the list either."""
    assert _judged(_absent(grants={"SELECT shop"}), now=None, lists=READ).unseen == {"t": LOST}
    known = ContainerState(complete=True, grants=frozenset({"SELECT shop"}))
    assert _judged(_absent(grants={"SELECT shop"}), now=None, lists=known).gone == ["t"]


def test_what_is_being_replaced_is_not_gone():
    now = ContainerState(complete=True, rebuilding=frozenset({AssetId("t")}))
    assert _judged(_absent(), now=now).unseen == {"t": REBUILDING}


def test_the_same_object_under_a_name_never_seen_before_is_a_rename():
    verdict = _judged(_absent(object_id="7"), appeared=[_new("u", object_id="7")])
    assert (verdict.renamed, verdict.gone, verdict.proposals) == ({"t": "u"}, [], [])


def test_a_name_that_was_seen_beside_the_old_one_is_no_rename():
    """dbt's swap: the table that now has the object id had its name before the old one went."""
    verdict = _judged(_absent(object_id="7"), appeared=[_new("u", object_id="7", at=BEFORE)])
    assert (verdict.renamed, verdict.gone) == ({}, ["t"])


def test_a_crawl_that_is_not_complete_leaves_a_move_to_the_next():
    verdict = _judged(_absent(object_id="7"), appeared=[_new("u", object_id="7")], whole=False)
    assert (verdict.renamed, verdict.gone, verdict.unseen) == ({}, [], {"t": MOVING})


def test_an_object_id_that_two_tables_show_decides_nothing():
    twice = [_new("u", object_id="7"), _new("v", object_id="7")]
    assert _judged(_absent(object_id="7"), appeared=twice).renamed == {}


def test_equal_columns_only_propose_and_only_where_there_is_one_of_each():
    old, new = _absent(schema="abc"), _new("u", schema="abc")
    (proposal,) = _judged(old, appeared=[new]).proposals
    assert (proposal.old, proposal.new) == ("t", "u")
    assert _judged(old, appeared=[new]).gone == ["t"]
    assert _judged(old, appeared=[new, _new("v", schema="abc")]).proposals == []
    assert _judged(old, _absent("s", schema="abc"), appeared=[new]).proposals == []
    assert _judged(old, appeared=[new], whole=False).proposals == []
    assert _judged(_absent(schema="abc", object_id="1"), appeared=[_new("u", schema="abc", object_id="2")]).proposals == []


@pytest.mark.parametrize(("total", "share", "held"), [(4, 0.5, False), (3, 0.5, True), (3, 1.0, False), (9, 0.0, True)])
def test_more_than_the_share_at_once_is_held(total, share, held):
    """Exactly the share is not more than it; what is renamed or hidden does not count."""
    absent = [_absent("a"), _absent("b"), _absent("c", object_id="7")]
    verdict = _judged(*absent, appeared=[_new("u", object_id="7")], total=total, share=share)
    assert (verdict.held, verdict.gone) == ((["a", "b"], []) if held else ([], ["a", "b"]))
    assert verdict.renamed == {"c": "u"}
