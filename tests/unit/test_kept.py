"""What is kept stays below so many bytes: what was asked for last stays, and what is larger than all room never does."""

from __future__ import annotations

import tracemalloc
from itertools import product

import pytest

from services.common.model.access import FULL_SCOPE
from services.common.model.search import Filters
from services.indexer.retrieve import seen_words
from services.indexer.retrieve.counted import Alternative
from services.indexer.retrieve.kept import ENTRY_BYTES, Kept
from services.indexer.retrieve.lexical import match_tables
from services.indexer.retrieve.view import view_of
from tests.support.feeds import asset
from tests.support.indexes import snapshot_of

ROOM = 2 * (ENTRY_BYTES + 100)


def asked(kept, made, key, n_bytes=100):
    """Ask for a key; `made` lists what had to be made."""
    return kept.get(key, lambda: made.append(key) or f"{key}'s", lambda _made: n_bytes)


def test_what_was_asked_for_last_stays():
    kept, made = Kept(ROOM), []
    for key in ("one", "two", "one", "three", "one", "two"):
        assert asked(kept, made, key) == f"{key}'s"
    assert made == ["one", "two", "three", "two"]


def test_nothing_is_a_value_too():
    kept, made = Kept(ROOM), []
    for _ in range(2):
        assert kept.get("none", lambda: made.append(1), lambda _made: 0) is None
    assert made == [1]


def test_what_is_larger_than_all_room_pushes_nothing_out():
    kept, made = Kept(ROOM), []
    for key, n_bytes in (("small", 100), ("large", ROOM), ("large", ROOM), ("small", 100)):
        asked(kept, made, key, n_bytes)
    assert made == ["small", "large", "large"]


@pytest.mark.parametrize("others", [0, 1, 4, 12])
def test_what_words_take_is_what_is_counted_of_them(monkeypatch, others):
    """With whatever many alternatives, which are a part of the key: else a large vocabulary takes many times the room."""
    kept = Kept(10**9)
    monkeypatch.setattr(seen_words, "_KEPT", kept)
    names = [f"{one}{two}{one}{three}" for one, two, three in product("bdfgklmnprt", "aou", "bdfgkmnprt")]
    also = [f"{one}ilu{two}" for one, two in product("bdfg", "kmn")]
    items = [asset(f"db.s.{name}_{also[at % len(also)]}") for at, name in enumerate(names)]
    view = view_of(snapshot_of(items), FULL_SCOPE, Filters())
    match_tables(
        view, [names[0]], {names[0]: [Alternative((also[0],), 0.5, "")]}
    )  # what is made once: a view's, and numpy's
    before = kept._size
    tracemalloc.start()
    for name in names[1:]:
        why = f"{name} is also called something in more words (vocabulary)"
        alternatives = [Alternative((one,), 0.5, f"{why}: {one}") for one in also[:others]]
        assert match_tables(view, [name], {name: alternatives}).terms
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 0.8 < (kept._size - before) / taken < 1.6


def test_workers_of_one_server_share_the_room(monkeypatch):
    """A worker of two keeps half, and lets go of what it kept beyond that."""
    kept, made = Kept(ROOM), []
    monkeypatch.setattr(seen_words, "_KEPT", kept)
    monkeypatch.setattr(seen_words, "KEPT_BYTES", ROOM)
    asked(kept, made, "one"), asked(kept, made, "two")
    seen_words.keep_as_one_of(2)
    asked(kept, made, "two"), asked(kept, made, "one"), asked(kept, made, "two")
    assert made == ["one", "two", "one", "two"]
