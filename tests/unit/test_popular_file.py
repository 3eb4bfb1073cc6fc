"""Popularity that is kept: a process that asks one question reads no log, and what changed since is never told."""

from __future__ import annotations

import json

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.usage import FactPage, FactSeq
from services.common.runtime.db import Database
from services.common.runtime.migrations import ensure_current
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.store.line import LINE
from services.indexer.usage import store
from services.indexer.usage.popular_file import PopularFile
from services.indexer.usage.service import POPULAR_FILE, Usage
from tests.support.feeds import asset
from tests.support.indexes import DIMENSION, snapshot_of
from tests.support.usages import NAMESPACES, fact, name

ORDERS = "shop.sales.orders"


class Facts:
    """Facts in memory, whose head can be moved back as by a store that is made anew."""

    def __init__(self, *facts):
        self.facts = list(facts)
        self.weighed = 0

    def head(self):
        return FactSeq(len(self.facts))

    def windows(self):
        return ()

    def weights(self):
        self.weighed += 1
        return {}

    def after(self, seq, *, limit):
        page = self.facts[int(seq) : int(seq) + limit]
        return FactPage(tuple(page), FactSeq(int(seq) + len(page)), self.head())


@pytest.fixture
def database(tmp_path):
    opened = Database.for_service("indexer", home=tmp_path, database_url=None)
    ensure_current(opened, LINE)
    yield opened
    opened.close()


def asking(database, home) -> Usage:
    """What a command makes that lives for one question."""
    snapshot = snapshot_of([asset(ORDERS, "id"), asset("shop.crm.customers", "id")], encoder=HashingEncoder(DIMENSION))
    return Usage(database, lambda: snapshot, lambda: NAMESPACES, home=home)


def test_the_second_process_reads_no_log(database, tmp_path, monkeypatch):
    """It tells what the first one worked out, and asks nobody who behaves as a program."""
    facts = Facts(fact(1, ORDERS), fact(2, ORDERS, "shop.crm.customers"))
    first = asking(database, tmp_path)
    first.catch_up(facts)
    told = first.popular(FULL_SCOPE)
    assert set(told) == {name(ORDERS).id, name("shop.crm.customers").id}
    weighed = facts.weighed

    def never(*_args):
        raise AssertionError("the log was read")

    monkeypatch.setattr(store, "read", never)
    second = asking(database, tmp_path)
    second.catch_up(facts)
    assert dict(second.popular(FULL_SCOPE)) == dict(told)
    assert list(second.popular(FULL_SCOPE)) == list(told)
    assert facts.weighed == weighed


def test_news_of_the_log_are_counted(database, tmp_path):
    """What was kept before a fact came is not told after it."""
    facts = Facts(fact(1, ORDERS))
    first = asking(database, tmp_path)
    first.catch_up(facts)
    before = first.popular(FULL_SCOPE)
    facts.facts += [fact(at, ORDERS, user=f"u{at}") for at in range(2, 30)]
    second = asking(database, tmp_path)
    second.catch_up(facts)
    assert second.popular(FULL_SCOPE)[name(ORDERS).id] > before[name(ORDERS).id]


def test_a_store_that_is_made_anew_forgets(database, tmp_path):
    """The same number may then stand for another fact."""
    first = asking(database, tmp_path)
    first.catch_up(Facts(fact(1, ORDERS), fact(2, ORDERS)))
    first.popular(FULL_SCOPE)
    second = asking(database, tmp_path)
    second.catch_up(Facts(fact(1, "shop.crm.customers")))
    assert set(second.popular(FULL_SCOPE)) == {name("shop.crm.customers").id}


def test_a_scope_never_reads_what_is_kept_of_everything(database, tmp_path):
    """It was counted over tables that a scoped reader must not know of."""
    facts = Facts(fact(1, ORDERS), fact(2, ORDERS, "shop.crm.customers"))
    first = asking(database, tmp_path)
    first.catch_up(facts)
    first.popular(FULL_SCOPE)
    second = asking(database, tmp_path)
    second.catch_up(facts)
    inside = second.popular(AccessScope(("*",), ("*.customers",)))
    assert set(inside) == {name(ORDERS).id}
    assert inside[name(ORDERS).id] < first.popular(FULL_SCOPE)[name(ORDERS).id]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"of": [1, 2], "popular": {"a": "b"}}', '{"of": [0, 2], "popular": {}}'])
def test_a_damaged_file_is_counted_anew(database, tmp_path, damage):
    """Cut, of another version, or no numbers."""
    facts = Facts(fact(1, ORDERS), fact(2, ORDERS))
    (tmp_path / POPULAR_FILE).parent.mkdir()
    (tmp_path / POPULAR_FILE).write_text(damage)
    usage = asking(database, tmp_path)
    usage.catch_up(facts)
    assert set(usage.popular(FULL_SCOPE)) == {name(ORDERS).id}
    assert json.loads((tmp_path / POPULAR_FILE).read_text())["of"][1] == 2


def test_a_place_that_cannot_be_written_keeps_nothing(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "index").write_text("")
    kept = PopularFile(tmp_path / "index" / "popular.json")
    kept.write(FactSeq(1), {name(ORDERS).id: 0.5})
    assert kept.read(FactSeq(1)) is None
