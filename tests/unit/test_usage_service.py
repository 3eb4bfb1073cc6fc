"""Used together as a running thing: nothing that goes wrong ends it, and one scope's reading keeps nobody else waiting."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import pytest

from services.common.model.access import FULL_SCOPE, AccessScope
from services.common.model.related import RelatedQuery
from services.indexer.embed.hashing import HashingEncoder
from services.indexer.index.snapshot import EMPTY
from services.indexer.pauses import may_begin
from services.indexer.usage import service as running
from services.indexer.usage.service import Usage
from services.indexer.usage.weights import Model
from tests.support.feeds import asset
from tests.support.indexes import DIMENSION, snapshot_of
from tests.support.usages import NAMESPACES, fact, name, statements_of

ORDERS = "shop.sales.orders"
WAIT_S = 30


@pytest.fixture
def usage(tmp_path) -> Usage:
    """Over an index of two tables, without a log."""
    snapshot = snapshot_of([asset(ORDERS, "id"), asset("shop.crm.customers", "id")], encoder=HashingEncoder(DIMENSION))
    return Usage(None, lambda: snapshot, lambda: NAMESPACES, home=tmp_path)


def test_weights_that_cannot_be_kept_are_used_all_the_same(usage, monkeypatch):
    """A full disk or a folder without rights: the state is made, and what was learned holds in this process."""

    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device", "/secret/path")

    learned = Model(running.shipped().weights + 1, running.shipped().truth)
    monkeypatch.setattr(running, "asked_of", lambda *_args, **_more: [None] * running.ENOUGH)
    monkeypatch.setattr(running, "model_of", lambda *_args: learned)
    monkeypatch.setattr(running, "write_weights", full)
    usage.refresh()
    assert usage._weights_for(FULL_SCOPE) is learned
    assert usage._state is not None


def test_the_thread_outlives_what_nobody_expected(usage, monkeypatch, capfd):
    """It says the kind and the place, never the message, and goes on."""
    tries, stop, words = [], threading.Event(), "SELECT of somebody"

    def follow(_facts: Any) -> int:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError(words)
        stop.set()
        return 0

    monkeypatch.setattr(running, "POLL_S", 0.0)
    monkeypatch.setattr(running, "RETRY_S", 0.0)
    monkeypatch.setattr(usage, "catch_up", follow)
    usage.run_until(stop, None)
    assert len(tries) == 2
    said = "".join(capfd.readouterr())
    assert "RuntimeError" in said
    assert words not in said


def test_who_is_shown_other_things_does_not_wait_for_a_reading(usage, monkeypatch):
    """While the reading of one scope is made, another one answers; the first comes once, for all who asked meanwhile."""
    usage.refresh(learn=False)
    began, go, made = threading.Event(), threading.Event(), []
    make = running.reading_of

    def slow(*args: Any, **more: Any) -> Any:
        made.append(1)
        began.set()
        assert go.wait(WAIT_S)
        return make(*args, **more)

    monkeypatch.setattr(running, "reading_of", slow)
    scope = AccessScope(("*",), ("*.customers",))
    askers = [threading.Thread(target=usage.usage, args=(name(ORDERS).id, scope), daemon=True) for _ in range(2)]
    for asker in askers:
        asker.start()
    assert began.wait(WAIT_S)
    other = threading.Thread(target=usage.usage, args=(name(ORDERS).id, FULL_SCOPE), daemon=True)
    other.start()
    other.join(WAIT_S)
    waited = other.is_alive()
    go.set()
    for asker in (*askers, other):
        asker.join(WAIT_S)
    assert not waited
    assert made == [1]


def test_a_search_waits_neither_for_the_log_nor_for_a_reading(usage, monkeypatch):
    """How much tables are used is told from numbers that the thread that follows a long log has made; before that, of none."""
    scope = AccessScope(("*",), ("*.customers",))
    monkeypatch.setattr(usage, "_kept", lambda: (1, tuple(statements_of([fact(1, ORDERS)]))))
    monkeypatch.setattr(usage, "_is_without_facts", lambda: False)
    monkeypatch.setattr(usage, "_is_long", lambda: True)
    stop = threading.Event()
    stop.set()
    usage.run_until(stop, None)
    assert usage.popular(scope) == {}
    usage.refresh()
    monkeypatch.setattr(running, "reading_of", None)
    assert list(usage.popular(scope)) == [name(ORDERS).id]


def test_the_first_question_reads_a_short_log_itself(usage, monkeypatch):
    """So that the first answers of a server are those that it gives a second later."""
    monkeypatch.setattr(usage, "_kept", lambda: (1, tuple(statements_of([fact(1, ORDERS)]))))
    monkeypatch.setattr(usage, "_is_without_facts", lambda: False)
    stop = threading.Event()
    stop.set()
    usage.run_until(stop, None)
    assert list(usage.popular(FULL_SCOPE)) == [name(ORDERS).id]


def test_without_a_log_the_first_answers_are_waited_for(tmp_path, monkeypatch):
    """What takes seconds is not made beside the first question; where a log tells something, or somebody asks, it is."""
    snapshot = snapshot_of([asset(ORDERS, "id")])
    usage = Usage(None, lambda: snapshot, lambda: NAMESPACES, home=tmp_path, may_begin=lambda _since: False)
    assert not usage._has_rested()
    monkeypatch.setattr(usage, "_is_without_facts", lambda: False)
    assert usage._has_rested()
    monkeypatch.undo()
    usage.similar(name(ORDERS).id, FULL_SCOPE, limit=1)
    assert usage._has_rested()
    usage.refresh()
    usage._took_s = 0.0
    assert not usage._has_rested(), "writes come with every question, and each would have everything made anew"
    monkeypatch.setattr(usage, "_is_without_facts", lambda: False)
    assert usage._has_rested()


@pytest.mark.parametrize(
    ("opened_s", "answered_s", "rested"),
    [
        (-math.inf, None, False),
        (5, None, False),
        (12, None, True),
        (5, 0.1, False),
        (5, 2, True),
        (70, 0.1, True),
    ],
)
def test_what_takes_seconds_begins_between_questions(opened_s, answered_s, rested):
    """Not before the index is open, nor right after a question; a minute of questions does not put it off any longer."""
    now = 1_000.0
    assert may_begin(now - opened_s, 0.0 if answered_s is None else now - answered_s, now) is rested


def test_what_was_made_before_there_was_an_index_is_made_anew_at_once(tmp_path):
    """It says of every table that only logs know it; how long it took does not matter then."""
    current = [EMPTY]
    usage = Usage(None, lambda: current[0], lambda: NAMESPACES, home=tmp_path)
    usage.refresh()
    usage._took_s = 1_000.0
    assert not usage._has_rested(), "there is no index yet"
    current[0] = snapshot_of([asset(ORDERS, "id")], encoder=HashingEncoder(DIMENSION))
    assert usage._has_rested()
    usage.refresh()
    usage._took_s = 1_000.0
    assert not usage._has_rested()


def test_an_answer_is_worked_out_once_a_state_and_scope(usage, monkeypatch):
    """Whoever asks the same inside another scope, or after everything was made anew, is told what holds there."""
    ranked, real = [], running.rank
    monkeypatch.setattr(running, "rank", lambda *args, **more: (ranked.append(1), real(*args, **more))[1])
    usage.refresh(learn=False)
    ranked.clear()
    asked = RelatedQuery((name(ORDERS).id,), FULL_SCOPE)
    first = usage.related(asked)
    assert usage.related(asked) is first
    assert len(ranked) == 1
    narrow = usage.related(replace(asked, scope=AccessScope(allow=("wh.shop.sales",))))
    assert first.items
    assert not narrow.items
    usage.refresh(learn=False)
    ranked.clear()
    assert usage.related(asked) == first
    assert len(ranked) == 1


def test_no_more_answers_are_kept_than_a_state_may_hold(usage, monkeypatch):
    monkeypatch.setattr(running, "MAX_ANSWERS", 2)
    usage.refresh(learn=False)
    for limit in range(1, 6):
        usage.related(RelatedQuery((name(ORDERS).id,), FULL_SCOPE, limit=limit))
    assert [query.limit for query in usage._state.answers] == [4, 5]
